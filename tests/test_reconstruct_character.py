"""Characters load by name and scale as one body, taller or shorter."""

import mujoco
import numpy as np
import pytest

from pose.errors import InputError
from reconstruct.character import character_names, load_character


@pytest.mark.parametrize("name", character_names())
def test_scaling_keeps_the_body_similar(name):
    own = load_character(name)
    tall = load_character(name, own.height * 1.1)
    a, b = own.model, tall.model
    np.testing.assert_allclose(b.body_pos, a.body_pos * 1.1, atol=1e-9)
    np.testing.assert_allclose(b.geom_size, a.geom_size * 1.1, atol=1e-9)
    np.testing.assert_allclose(b.site_pos, a.site_pos * 1.1, atol=1e-9)
    np.testing.assert_allclose(b.body_mass, a.body_mass * 1.1**3, rtol=1e-6)
    np.testing.assert_allclose(b.body_inertia, a.body_inertia * 1.1**5, rtol=1e-6)


@pytest.mark.parametrize("name", character_names())
def test_scaled_joints_swing_alike(name):
    """Under gravity a geometrically scaled servo swings at 1/sqrt(s) of the frequency: kp / I goes with 1/s."""
    own = load_character(name)
    tall = load_character(name, own.height * 1.2)
    ratio = tall.model.actuator_gainprm[:, 0] / own.model.actuator_gainprm[:, 0]
    np.testing.assert_allclose(ratio / 1.2**5, 1 / 1.2, rtol=1e-6)
    np.testing.assert_allclose(tall.model.actuator_biasprm[:, 1], -tall.model.actuator_gainprm[:, 0], rtol=1e-6)
    damping = tall.model.actuator_biasprm[:, 2] / own.model.actuator_biasprm[:, 2]
    np.testing.assert_allclose(damping / np.sqrt(ratio * 1.2**5), 1.0, rtol=1e-6)  # same share of critical damping
    np.testing.assert_allclose(tall.model.dof_armature, own.model.dof_armature * 1.2**5, rtol=1e-6)


def test_scaled_body_stands_on_the_ground_at_its_height():
    child = load_character("humanoid", 1.2)
    state = mujoco.MjData(child.model)
    mujoco.mj_forward(child.model, state)
    own = load_character("humanoid")
    own_state = mujoco.MjData(own.model)
    mujoco.mj_forward(own.model, own_state)
    np.testing.assert_allclose(state.site_xpos, own_state.site_xpos * 1.2 / own.height, atol=1e-9)


def test_unknown_character_lists_the_known_ones():
    with pytest.raises(InputError, match=r"unknown character 'r2d2'; known ones: .*humanoid"):
        load_character("r2d2")


@pytest.mark.parametrize("height", [0.1, -1.0, 170.0, float("nan")])
def test_impossible_height(height):
    with pytest.raises(InputError, match="height"):
        load_character("humanoid", height)
