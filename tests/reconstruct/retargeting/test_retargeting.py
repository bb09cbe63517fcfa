"""A motion on another body: same directions, same ground, same gravity."""

from dataclasses import replace

import numpy as np
import pytest

from pose.errors import InputError
from reconstruct.characters.character import load_character
from reconstruct.contacts import contact_points
from reconstruct.cycle import seam_gap
from reconstruct.kinematics import BodyPoints, PointSet, com_positions, compute_kinematics, point_positions
from reconstruct.motion import ReferenceMotion
from reconstruct.retargeting.grounding import (
    GroundContacts,
    estimate_floor_height,
    find_ground_contacts,
    solve_resting_shift,
)
from reconstruct.retargeting.ik_targets import (
    TargetSigmas,
    build_frames,
    compute_ik_targets,
    landmark_names,
    leg_length,
)
from reconstruct.retargeting.retargeting import find_resting_places, retarget
from reconstruct.retargeting.retargeting_terms import com_acceleration_near, contact_places, speed_limit, steady_spin
from reconstruct.solver.tangent import TangentSpace
from reconstruct.terms.dynamics import CentroidalMotion, com_acceleration
from sfv.demo.motions import load_demo_motion


@pytest.fixture(scope="module")
def humanoid():
    return load_character("humanoid")


@pytest.fixture(scope="module", params=["atlas", "child", "heavy"])
def carried(request, humanoid):
    motion = load_demo_motion("backflip", humanoid)
    character = load_character(request.param)
    return motion, character, retarget(motion, humanoid, character)


def test_leg_length_is_measured_along_the_leg():
    # Atlas: thigh 0.374 down and 0.05 back, shin 0.422, sole 0.07645 below the ankle.
    assert leg_length(load_character("atlas")) == pytest.approx(np.hypot(0.374, 0.05) + 0.422 + 0.07645, abs=1e-5)


def test_frames_are_rotations_with_y_to_the_left():
    frame = build_frames(np.array([[0.0, 2.0, 0.0]]), np.array([[0.0, 0.3, 1.0]]))[0]
    np.testing.assert_allclose(frame, np.eye(3), atol=1e-12)


def test_a_body_of_the_same_size_keeps_its_motion(humanoid):
    motion = load_demo_motion("jump", humanoid)
    same = retarget(motion, humanoid, humanoid).motion
    assert same.fps == pytest.approx(motion.fps)
    before = point_positions(humanoid.model, motion.qpos, contact_points(humanoid))
    after = point_positions(humanoid.model, same.qpos, contact_points(humanoid))
    assert np.linalg.norm(after - before, axis=-1).mean() < 0.02


def test_limbs_point_where_they_did(carried):
    _, character, result = carried
    off = result.targets.error(point_positions(character.model, result.motion.qpos, result.points))
    distance = dict(zip(result.targets.names, np.linalg.norm(off, axis=-1).T, strict=True))
    flight = result.ground.flight
    for side in ("left", "right"):
        assert distance[f"{side}_ankle"][~flight].mean() < 0.02
        assert distance[f"{side}_leg"][flight].mean() < 0.04  # Atlas cannot bend its hips as far
        assert distance[f"{side}_wrist"].mean() < 0.04


def test_the_centre_of_mass_is_over_the_same_part_of_the_feet(carried, humanoid):
    motion, character, result = carried

    def from_heel_to_toe(body, qpos):
        """Where the centre of mass lies along the feet, 0 at the heels and 1 at the toes, (T,)."""
        feet = [f"{side}_{part}" for part in ("heel", "foot_index") for side in ("left", "right")]
        points = BodyPoints.of_sites(body.model, tuple(body.landmarks[name] for name in feet))
        heels, toes = np.split(point_positions(body.model, qpos, points)[..., 0], 2, axis=1)
        return (com_positions(body.model, qpos)[:, 0] - heels.mean(1)) / (toes.mean(1) - heels.mean(1))

    stands = result.ground.contact[:, :4].all(axis=1)  # on the whole of both feet
    assert stands.sum() > 10
    off = from_heel_to_toe(character, result.motion.qpos) - from_heel_to_toe(humanoid, motion.qpos)
    assert np.abs(off[stands]).mean() < 0.1


def test_feet_rest_on_the_ground_and_stay(carried):
    _, character, result = carried
    soles = point_positions(character.model, result.motion.qpos, contact_points(character))
    held = result.ground.contact
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
    flight = np.flatnonzero(result.ground.flight)
    flight = flight[flight > 0]
    assert len(flight) > 5
    com = com_positions(character.model, result.motion.qpos)[flight, 2]
    time = flight / result.motion.fps
    assert -2 * np.polyfit(time, com, 2)[0] == pytest.approx(9.81, rel=0.15)


def test_what_takes_off_was_pushed_off(carried, humanoid):
    """Similar motions are accelerated alike, also where feet leave the ground and come back."""
    motion, character, result = carried
    before = com_acceleration(com_positions(humanoid.model, motion.qpos), motion.fps)
    after = com_acceleration(com_positions(character.model, result.motion.qpos), result.motion.fps)
    assert np.sqrt(np.square(after - before).sum(axis=1).mean()) < 6.0  # m/s2


def test_nothing_turns_a_body_in_flight(carried):
    _, character, result = carried
    flight = np.flatnonzero(result.ground.flight)
    points = PointSet.of(masses=BodyPoints.of_masses(character.model))
    kin = compute_kinematics(character.model, result.motion.qpos[flight[1] : flight[-1]], points)
    body = CentroidalMotion.of(character.model, kin, result.motion.fps)
    turning = body.moment / (body.mass * character.height**2)
    assert np.sqrt(np.square(turning).sum(axis=1).mean()) < 0.3  # rad/s2; the flip takes 2 pi in half a second


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
    model, space = character.model, TangentSpace.of(character.model)
    rng = np.random.default_rng(0)
    motion = load_demo_motion("walk", humanoid)
    motion = ReferenceMotion(
        motion.qpos[:3], motion.fps, motion.character, motion.height, motion.joint_names,
        motion.contacts[:3], motion.contact_names,
    )  # fmt: skip
    names = landmark_names(humanoid, character)
    ground = GroundContacts(
        rng.random((3, len(contact_points(character)))) < 0.7, np.array([False, True, False]), np.zeros(3, bool)
    )
    targets = compute_ik_targets(motion, humanoid, character, names, 1.0, ground, TargetSigmas())
    points = BodyPoints.of_sites(model, tuple(character.landmarks[name] for name in names))
    soles = contact_points(character)
    places = rng.normal(size=(3, len(soles), 3))
    qpos = space.integrate(np.tile(model.qpos0, (3, 1)), rng.normal(size=(3, space.nv)))
    point_set = PointSet.of(landmarks=points, contacts=soles)

    def blocks(q):
        kin = compute_kinematics(model, q, point_set)
        return [
            targets.residual(kin["landmarks"]),
            contact_places(kin["contacts"], ground.contact, places, 0.5),
            speed_limit(space, q, 30.0, 8.0, 0.01),
            com_acceleration_near(kin, np.array([[1.0, 2.0, -3.0]]), 30.0, np.array([0.5])),
            *steady_spin(model, q, np.ones(3, dtype=bool), 10.0, 100.0),
        ]

    eps = 1e-6
    here = blocks(qpos)
    for dof in rng.choice(space.nv, 12, replace=False):
        for frame in range(3):
            step = np.zeros((3, space.nv))
            step[frame, dof] = eps
            for block, moved in zip(here, blocks(space.integrate(qpos, step)), strict=True):
                numeric = (moved.residual - block.residual) / eps
                exact = np.zeros_like(numeric)
                for k in range(block.dense_jacobian().shape[1]):
                    if 0 <= frame - k < len(exact):
                        exact[frame - k] = block.dense_jacobian()[frame - k, k, :, dof]
                scale = max(1.0, np.abs(exact).max())
                np.testing.assert_allclose(numeric / scale, exact / scale, atol=2e-4, err_msg=block.name)


def test_joints_keep_their_speed(carried):
    _, character, result = carried
    step = TangentSpace.of(character.model).difference(result.motion.qpos[:-1], result.motion.qpos[1:])[:, 6:]
    assert np.abs(step).max() * result.motion.fps / 30.0 < 0.31


def test_a_cycle_stays_one(humanoid):
    motion = load_demo_motion("walk", humanoid)
    assert motion.loop
    result = retarget(motion, humanoid, load_character("atlas"))
    assert np.abs(seam_gap(load_character("atlas").model, result.motion.qpos)).max() < 1e-6
    held = result.ground.contact
    np.testing.assert_array_equal(held[0], held[-1])


def test_a_foot_that_slides_is_shifted_until_it_rests():
    """Frames 4 to 8 of 13 in contact, sliding 1 cm a frame 2 cm above the ground: afterwards all at one place on it."""
    time = np.arange(13)
    points = np.zeros((13, 1, 3))
    points[:, 0, 0], points[:, 0, 2] = 0.01 * time, 0.02
    contact = ((time >= 4) & (time <= 8))[:, None]
    rested = points[:, 0] + solve_resting_shift(points, contact)
    np.testing.assert_allclose(rested[4:9, 0], rested[6, 0], atol=1e-3)
    np.testing.assert_allclose(rested[4:9, 2], 0.0, atol=1e-3)
    assert rested[6, 0] == pytest.approx(0.06, abs=0.002)  # the middle stays
    assert (solve_resting_shift(points, contact & False) == 0).all()


def test_a_floor_is_where_the_lowest_point_rests():
    """Standing at 6 cm for 10 frames, a hop of 30 cm in 10, standing at -2 cm."""
    hop = 0.06 + np.linspace(0, -0.08, 12)[1:-1] + 0.3 * np.sin(np.linspace(0, np.pi, 12))[1:-1]
    height = np.concatenate([np.full(10, 0.06), hop, np.full(10, -0.02)])
    points = np.stack([np.zeros_like(height), np.zeros_like(height), height], axis=-1)[:, None]
    floor = estimate_floor_height(points, 30.0)
    np.testing.assert_allclose(floor[:8], 0.06, atol=1e-9)
    np.testing.assert_allclose(floor[-8:], -0.02, atol=1e-9)
    assert (np.diff(floor) <= 1e-9).all()


def test_a_body_near_the_ground_does_not_fly(humanoid):
    motion = load_demo_motion("backflip", humanoid)
    ground = find_ground_contacts(motion, humanoid, humanoid)
    lowest = point_positions(humanoid.model, motion.qpos, contact_points(humanoid))[..., 2].min(axis=1)
    assert ground.flight.any()
    assert lowest[ground.flight].min() > 0.0
    assert not (ground.contact.any(axis=1) & ground.flight).any()


def test_resting_places_are_one_a_contact():
    points = np.zeros((5, 1, 3))
    points[:, 0] = [[0, 0, 0.01], [0.1, 0, 0.02], [0.2, 0, 0], [5, 0, 1], [7, 0, 0]]
    contact = np.array([1, 1, 1, 0, 1], dtype=bool)[:, None]
    places = find_resting_places(points, contact)
    np.testing.assert_allclose(places[:, 0], [[0.1, 0, 0], [0.1, 0, 0], [0.1, 0, 0], [5, 0, 0], [7, 0, 0]])


def test_a_body_without_a_landmark_says_which(humanoid):
    blind = replace(humanoid, landmarks={k: v for k, v in humanoid.landmarks.items() if k != "left_knee"})
    with pytest.raises(InputError, match="left_knee"):
        landmark_names(humanoid, blind)
