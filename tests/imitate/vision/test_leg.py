import mujoco
import numpy as np

from imitate.locomotion.robot import LEGS, build_go1
from imitate.vision.leg import differentiate_legs, place_feet, solve_legs
from tests.samples import flat_terrain

ANGLES = np.random.default_rng(0).uniform([-0.5, 0.0, -2.2], [0.5, 1.3, -0.95], (20, 4, 3))


def test_feet_are_where_the_model_has_them(go1):
    model = build_go1(flat_terrain())
    data = mujoco.MjData(model)
    for angles, wanted in zip(ANGLES, place_feet(ANGLES), strict=True):
        data.qpos[:7], data.qpos[7:] = [0, 0, 0, 1, 0, 0, 0], angles.ravel()
        mujoco.mj_kinematics(model, data)
        np.testing.assert_allclose([data.site(leg).xpos for leg in LEGS], wanted, atol=1e-6)


def test_angles_put_the_feet_back():
    np.testing.assert_allclose(solve_legs(place_feet(ANGLES)), ANGLES, atol=1e-9)


def test_derivatives_against_finite_differences():
    derivative = differentiate_legs(ANGLES)
    for joint in range(3):
        step = 1e-6 * np.eye(3)[joint]
        numeric = (place_feet(ANGLES + step) - place_feet(ANGLES - step)) / 2e-6
        np.testing.assert_allclose(derivative[..., joint], numeric, atol=1e-8)
