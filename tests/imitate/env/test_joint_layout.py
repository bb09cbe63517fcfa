"""Vectorised pose differences against MuJoCo's own."""

import mujoco
import numpy as np
import pytest

from imitate.env.joint_layout import JointLayout
from reconstruct.characters.character import load_character
from reconstruct.rotations import from_rotvec, relative_rotvec, rotvec


@pytest.fixture(scope="module")
def model():
    return load_character("humanoid").model


def random_poses(model, count, seed):
    rng = np.random.default_rng(seed)
    poses = np.tile(model.qpos0, (count, 1))
    for pose in poses:
        mujoco.mj_integratePos(model, pose, rng.normal(0.0, 1.5, model.nv), 1.0)
    return poses


def test_difference_is_mujocos(model):
    start, end = random_poses(model, 20, 0), random_poses(model, 20, 1)
    found = JointLayout.of(model).difference(start, end)
    expected = np.empty(model.nv)
    for i in range(20):
        mujoco.mj_differentiatePos(model, expected, 1.0, start[i], end[i])
        np.testing.assert_allclose(found[i], expected, atol=1e-9)


def test_joint_coordinates_are_what_actuators_measure(model):
    layout, poses = JointLayout.of(model), random_poses(model, 10, 2)
    data = mujoco.MjData(model)
    found = layout.rotation_vectors(poses)[:, layout.actuator_dof]
    for i in range(10):
        data.qpos[:] = poses[i]
        mujoco.mj_forward(model, data)
        np.testing.assert_allclose(found[i], data.actuator_length, atol=1e-9)


def test_rotation_vectors_take_the_short_way_and_survive_zero():
    vectors = np.array([[0.0, 0.0, 0.0], [0.0, 1e-9, 0.0], [0.3, -0.2, 0.1], [0.0, 3.1, 0.0]])
    quats = from_rotvec(vectors)
    np.testing.assert_allclose(rotvec(quats), vectors, atol=1e-8)
    np.testing.assert_allclose(rotvec(-quats), vectors, atol=1e-8)  # the same rotations
    # From 170 to -170 degrees about y: 20 degrees onwards, not 340 back.
    there, here = (
        from_rotvec(np.array([0.0, -np.radians(170), 0.0])),
        from_rotvec(np.array([0.0, np.radians(170), 0.0])),
    )
    np.testing.assert_allclose(relative_rotvec(here, there), [0.0, np.radians(20), 0.0], atol=1e-9)
