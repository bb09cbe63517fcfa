"""Limbs of the bodies that we know: chains, joint centres, and the pose in which they stand."""

import mujoco
import numpy as np
import pytest

from reconstruct.characters.character import load_character
from reconstruct.characters.facing import find_facing
from reconstruct.characters.import_model import distance_to_segment, drop_inner_capsules, merge_inertia
from reconstruct.characters.limbs import centre, find_limbs, is_below, locate_joints
from reconstruct.characters.mjcf import to_full_inertia, to_numbers
from reconstruct.characters.source_model import SourceModel, rotation_about_z
from reconstruct.characters.standing_pose import solve_standing_pose


@pytest.mark.parametrize("name", ["humanoid", "atlas"])
def test_joints_of_the_limbs_are_where_the_landmarks_are(name):
    character = load_character(name)
    source = SourceModel.in_pose(character.model)
    limbs = find_limbs(source, name, {})
    legs = limbs.legs
    for by_side, joints in ((legs, ("hip", "knee", "ankle")), (limbs.arms, ("shoulder", "elbow", "wrist"))):
        for side, limb in by_side.items():
            for joint, point in zip(joints, locate_joints(source, limb), strict=True):
                true = source.state.site(character.landmarks[f"{side}_{joint}"]).xpos
                assert np.linalg.norm(point - true) < 0.07, (side, joint)
    np.testing.assert_allclose(find_facing(source, limbs, name).front, [1, 0, 0], atol=0.02)
    assert is_below(source, legs["left"].end, source.root)
    assert not is_below(source, source.root, legs["left"].end)


def test_a_body_that_crouches_is_stood_upright():
    """Whatever angles zero has: knees that are bent there are straightened, and the soles are level."""
    spec = load_character("atlas").spec()
    model = spec.compile()
    bent = mujoco.MjData(model)
    for side in ("l", "r"):
        for joint, angle in (("leg_hpy", -0.8), ("leg_kny", 1.5), ("leg_aky", -0.7)):
            bent.qpos[model.joint(f"{side}_{joint}").qposadr[0]] = angle
    mujoco.mj_forward(model, bent)
    for body in spec.bodies[2:]:  # the same body with another zero
        parent = bent.xmat[model.body(body.parent.name).id].reshape(3, 3)
        quat = np.zeros(4)
        mujoco.mju_mat2Quat(quat, (parent.T @ bent.body(body.name).xmat.reshape(3, 3)).ravel())
        body.quat = quat
    for joint in spec.joints:
        joint.range = [-3.0, 3.0]
    crouched = spec.compile()
    source = SourceModel.in_pose(crouched)
    limbs = find_limbs(source, "atlas", {})
    rest = solve_standing_pose(source, limbs)
    assert rest["l_leg_kny"] == pytest.approx(-1.5, abs=0.25)  # small angles are preferred a little
    stood = SourceModel.in_pose(crouched, rest)
    for limb in limbs.legs.values():
        hip, knee, ankle = locate_joints(stood, limb)
        way = (ankle - hip) / np.linalg.norm(ankle - hip)
        assert way[2] < -0.98 and np.linalg.norm(np.cross(knee - hip, way)) < 0.07
        assert stood.rotation(limb.end)[2, 2] > 0.99


def test_the_centre_is_where_axes_meet():
    """Three axes through one point, anchored elsewhere along themselves."""
    model = mujoco.MjModel.from_xml_string(
        '<mujoco><compiler angle="radian"/><worldbody><body name="a"><freejoint/><geom size=".1"/><body name="b">'
        '<joint axis="1 0 0" pos=".5 .2 .3"/><joint axis="0 1 0" pos=".1 .9 .3"/><joint axis="0 0 1" pos=".1 .2 -.4"/>'
        '<geom size=".1"/></body></body></worldbody></mujoco>'
    )
    np.testing.assert_allclose(centre(SourceModel.in_pose(model), (1, 2, 3)), [0.1, 0.2, 0.3], atol=2e-3)


def test_merged_inertia_is_that_of_the_whole():
    """A dumb-bell of two welded balls: about its middle m r^2 of the distance, 2/5 m R^2 of each ball."""
    model = mujoco.MjModel.from_xml_string(
        '<mujoco><worldbody><body name="a" pos="0 0 1"><freejoint/><geom size=".1" mass="2"/><body pos="0 .6 0">'
        '<geom size=".1" mass="2"/></body></body></worldbody></mujoco>'
    )
    mass, com, inertia = merge_inertia(SourceModel.in_pose(model), 1)
    ball = 2 * 0.4 * 2 * 0.01
    assert mass == pytest.approx(4.0)
    np.testing.assert_allclose(com, [0, 0.3, 1.0])
    across = ball + 2 * 2 * 0.09
    np.testing.assert_allclose(inertia, np.diag([across, ball, across]), atol=2e-6)


def test_capsules_inside_of_others_are_dropped():
    a, b = np.zeros(3), np.array([0.0, 0.0, 1.0])
    large, small = (a, b, 0.2), (np.array([0.0, 0.05, 0.3]), np.array([0.0, 0.05, 0.6]), 0.05)
    outside = (np.array([0.0, 0.3, 0.3]), np.array([0.0, 0.3, 0.6]), 0.05)
    assert drop_inner_capsules([small, outside, large]) == [large, outside]
    assert distance_to_segment(np.array([3.0, 0.0, 5.0]), a, b) == pytest.approx(5.0)  # beyond the end: 3, 4, 5


def test_numbers_as_mjcf_has_them():
    assert to_numbers((1 / 3, -1e-9, 2.0)) == "0.333333 0 2"
    assert to_numbers((0.123456,), 4) == "0.1235"
    matrix = np.array([[1, 4, 5], [4, 2, 6], [5, 6, 3.0]])
    assert to_full_inertia(matrix) == "1 2 3 4 5 6"
    np.testing.assert_allclose(rotation_about_z(np.pi / 2) @ [1, 0, 0], [0, 1, 0], atol=1e-12)
