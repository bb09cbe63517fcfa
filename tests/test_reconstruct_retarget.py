"""A motion on another body: same directions, same ground, same gravity."""

from dataclasses import replace

import numpy as np
import pytest

from pose.errors import InputError
from reconstruct.character import load_character
from reconstruct.contacts import contact_points
from reconstruct.kinematics import BodyPoints, com_positions, kinematics, point_positions
from reconstruct.motion import ReferenceMotion
from reconstruct.retarget import (
    RetargetConfig,
    aims,
    frames_of,
    landmark_names,
    leg_length,
    pinned,
    resting_places,
    retarget,
    too_fast,
)  # fmt: skip
from reconstruct.tangent import integrate, layout
from sfv.demo_motions import demo_motion


@pytest.fixture(scope="module")
def humanoid():
    return load_character("humanoid")


@pytest.fixture(scope="module", params=["atlas", "child", "heavy"])
def carried(request, humanoid):
    motion = demo_motion("backflip", humanoid)
    character = load_character(request.param)
    return motion, character, retarget(motion, humanoid, character)


def test_leg_length_is_measured_along_the_leg():
    # Atlas: thigh 0.374 down and 0.05 back, shin 0.422, sole 0.07645 below the ankle.
    assert leg_length(load_character("atlas")) == pytest.approx(np.hypot(0.374, 0.05) + 0.422 + 0.07645, abs=1e-5)


def test_frames_are_rotations_with_y_to_the_left():
    frame = frames_of(np.array([[0.0, 2.0, 0.0]]), np.array([[0.0, 0.3, 1.0]]))[0]
    np.testing.assert_allclose(frame, np.eye(3), atol=1e-12)


def test_a_body_of_the_same_size_keeps_its_motion(humanoid):
    motion = demo_motion("jump", humanoid)
    same = retarget(motion, humanoid, humanoid).motion
    assert same.fps == pytest.approx(motion.fps)
    before = point_positions(humanoid.model, motion.qpos, contact_points(humanoid))
    after = point_positions(humanoid.model, same.qpos, contact_points(humanoid))
    assert np.linalg.norm(after - before, axis=-1).mean() < 0.02


def test_limbs_point_where_they_did(carried):
    _, character, result = carried
    off = result.targets.of(point_positions(character.model, result.motion.qpos, result.points)) - result.targets.wanted
    distance = dict(zip(result.targets.names, np.linalg.norm(off, axis=-1).T, strict=True))
    flight = ~result.point_contacts.any(axis=1)
    for side in ("left", "right"):
        assert distance[f"{side}_ankle"][~flight].mean() < 0.02
        assert distance[f"{side}_leg"][flight].mean() < 0.04  # Atlas cannot bend its hips as far
        assert distance[f"{side}_wrist"].mean() < 0.04


def test_feet_rest_on_the_ground_and_stay(carried):
    _, character, result = carried
    soles = point_positions(character.model, result.motion.qpos, contact_points(character))
    held = result.point_contacts
    assert np.abs(soles[..., 2][held]).mean() < 0.005
    both = held[1:] & held[:-1]
    assert np.linalg.norm(np.diff(soles[..., :2], axis=0), axis=-1)[both].mean() < 0.003
    shapes = BodyPoints.of_geoms(character.model)
    height = point_positions(character.model, result.motion.qpos, shapes)[..., 2] - shapes.radius
    assert np.maximum(-height.min(axis=1), 0).mean() < 0.005


def test_flight_falls_with_gravity(carried):
    """Lengths scale with the leg, time with its root: the parabola stays one of 9.81 m/s2."""
    motion, character, result = carried
    scale = leg_length(character) / leg_length(load_character("humanoid"))
    assert result.motion.fps == pytest.approx(motion.fps / np.sqrt(scale))
    flight = np.flatnonzero(~result.point_contacts.any(axis=1))
    flight = flight[flight > 0][1:-1]
    assert len(flight) > 5
    com = com_positions(character.model, result.motion.qpos)[flight, 2]
    time = flight / result.motion.fps
    assert -2 * np.polyfit(time, com, 2)[0] == pytest.approx(9.81, rel=0.15)


def test_hinges_keep_their_range(carried):
    _, character, result = carried
    model = character.model
    for joint in range(1, model.njnt):
        if model.jnt_type[joint] == 3:
            angle = result.motion.qpos[:, model.jnt_qposadr[joint]]
            assert (angle >= model.jnt_range[joint, 0] - 1e-9).all()
            assert (angle <= model.jnt_range[joint, 1] + 1e-9).all()


def test_jacobians_are_those_of_the_residuals(humanoid):
    """Each new term against finite differences, on Atlas in random poses."""
    character = load_character("atlas")
    model, lay = character.model, layout(character.model)
    rng = np.random.default_rng(0)
    motion = demo_motion("walk", humanoid)
    motion = ReferenceMotion(
        motion.qpos[:3], motion.fps, motion.character, motion.height, motion.joint_names,
        motion.contacts[:3], motion.contact_names,
    )  # fmt: skip
    names = landmark_names(humanoid, character)
    targets = aims(motion, humanoid, character, names, 1.0, np.array([False, True, False]), RetargetConfig())
    points = BodyPoints.of_sites(model, tuple(character.landmarks[name] for name in names))
    soles = contact_points(character)
    contact = rng.random((3, len(soles))) < 0.7
    places = rng.normal(size=(3, len(soles), 3))
    qpos = integrate(lay, np.tile(model.qpos0, (3, 1)), rng.normal(size=(3, lay.nv)))
    touching = slice(len(points), len(points) + len(soles))

    def blocks(q):
        kin = kinematics(model, q, points.joined(soles))
        return [targets.residual(kin), pinned(kin, touching, contact, places, 0.5), too_fast(lay, q, 30.0, 8.0)]

    eps = 1e-6
    here = blocks(qpos)
    for dof in rng.choice(lay.nv, 12, replace=False):
        for frame in range(3):
            step = np.zeros((3, lay.nv))
            step[frame, dof] = eps
            for block, moved in zip(here, blocks(integrate(lay, qpos, step)), strict=True):
                numeric = (moved.residual - block.residual) / eps
                exact = np.zeros_like(numeric)
                for k in range(block.jacobian.shape[1]):
                    if 0 <= frame - k < len(exact):
                        exact[frame - k] = block.jacobian[frame - k, k, :, dof]
                scale = max(1.0, np.abs(exact).max())
                np.testing.assert_allclose(numeric / scale, exact / scale, atol=2e-4, err_msg=block.name)


def test_resting_places_are_one_a_contact():
    points = np.zeros((5, 1, 3))
    points[:, 0] = [[0, 0, 0.01], [0.1, 0, 0.02], [0.2, 0, 0], [5, 0, 1], [7, 0, 0]]
    contact = np.array([1, 1, 1, 0, 1], dtype=bool)[:, None]
    places = resting_places(points, contact)
    np.testing.assert_allclose(places[:, 0], [[0.1, 0, 0], [0.1, 0, 0], [0.1, 0, 0], [5, 0, 0], [7, 0, 0]])


def test_a_body_without_a_landmark_says_which(humanoid):
    blind = replace(humanoid, landmarks={k: v for k, v in humanoid.landmarks.items() if k != "left_knee"})
    with pytest.raises(InputError, match="left_knee"):
        landmark_names(humanoid, blind)
