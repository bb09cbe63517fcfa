"""Takes obey physics; a plan becomes a sketch by the signs that it states, and contacts by its times."""

from dataclasses import replace

import mujoco
import numpy as np
import pytest

from pose.errors import InputError
from reconstruct.characters.character import load_character
from reconstruct.cycle import seam_gap
from reconstruct.kinematics import BodyPoints, com_positions, point_positions
from reconstruct.rotations import to_matrix
from sfv.demo.motions import (
    ACCELERATION_STD,
    ALL_PLANS,
    FPS,
    POSE_STD,
    SOLVE_FPS,
    TAKES,
    compute_fingerprint,
    compute_stds,
    find_contacts,
    load_demo_motion,
    load_demo_take,
    merge_contacts,
    sample_sketch,
    sole_points,
    solve_plan,
)
from sfv.demo.plans import BACKFLIP, PLANS, WALK, Plan

CHARACTER = load_character("humanoid")
MODEL = CHARACTER.model
FLYING = ("backflip", "jump")


def velocities(qpos: np.ndarray) -> np.ndarray:
    """Between frames, (T - 1, nv)."""
    qvel = np.zeros((len(qpos) - 1, MODEL.nv))
    for t in range(len(qvel)):
        mujoco.mj_differentiatePos(MODEL, qvel[t], 1 / FPS, qpos[t], qpos[t + 1])
    return qvel


@pytest.mark.parametrize("name", ALL_PLANS)
def test_stored_takes_are_up_to_date(name):
    with np.load(TAKES / f"{name}.npz") as take:
        assert str(take["fingerprint"]) == compute_fingerprint(name, CHARACTER), "run python -m sfv.demo.motions"


@pytest.mark.parametrize("name", FLYING)
def test_flight_is_a_parabola(name):
    qpos, contacts = load_demo_take(name, CHARACTER)
    flight = np.asarray(~contacts.any(axis=1))
    com = com_positions(MODEL, qpos)
    acceleration = (com[2:] - 2 * com[1:-1] + com[:-2]) * FPS**2
    acceleration = acceleration[flight[:-2] & flight[1:-1] & flight[2:]]
    assert len(acceleration) >= 10
    np.testing.assert_allclose(acceleration, np.tile([0.0, 0.0, -9.81], (len(acceleration), 1)), atol=0.0981)


@pytest.mark.parametrize("name", FLYING)
def test_angular_momentum_is_kept_in_flight(name):
    qpos, contacts = load_demo_take(name, CHARACTER)
    flight = np.asarray(~contacts.any(axis=1))
    state, momentum = mujoco.MjData(MODEL), []
    for t in np.flatnonzero(flight[:-1] & flight[1:]):
        # At the middle of the step, with the velocity that leads through it.
        qvel = velocities(qpos[t : t + 2])[0]
        state.qpos[:] = qpos[t]
        mujoco.mj_integratePos(MODEL, state.qpos, qvel, 0.5 / FPS)
        state.qvel[:] = qvel
        mujoco.mj_fwdPosition(MODEL, state)
        mujoco.mj_subtreeVel(MODEL, state)
        momentum.append(state.subtree_angmom[1].copy())
    change = np.ptp(momentum, axis=0)
    # One flip of a body of about 10 kg m2 in 0.67 s has 50-100 kg m2/s; the steps are 33 ms long.
    assert change.max() < 0.06 * max(np.abs(momentum).max(), 40.0)


@pytest.mark.parametrize("name", PLANS)
def test_feet_and_hands_stay_put(name):
    qpos, contacts = load_demo_take(name, CHARACTER)
    for part, sites in CHARACTER.contacts.items():
        points = BodyPoints.of_sites(MODEL, sites)
        if "hand" in part:  # a fist rolls about the middle of its sphere
            hand = MODEL.geom(part)
            points = BodyPoints(np.array([int(hand.bodyid[0])]), hand.pos[None].copy(), np.zeros(1))
        height = 1e-3 if "foot" in part else 1.0
        position = point_positions(MODEL, qpos, points)
        down = contacts[:, list(CHARACTER.contacts).index(part), None] & (position[..., 2] < height)
        slide = np.linalg.norm(np.diff(position, axis=0)[..., :2], axis=-1)[down[1:] & down[:-1]]
        assert slide.max(initial=0.0) < 1e-3, part


@pytest.mark.parametrize("name", PLANS)
def test_nothing_sinks_into_the_ground(name):
    qpos, _ = load_demo_take(name, CHARACTER)
    solid = BodyPoints.of_geoms(MODEL)
    assert (point_positions(MODEL, qpos, solid)[..., 2] - solid.radius).min() > -0.003


@pytest.mark.parametrize("name", PLANS)
def test_joints_move_as_fast_as_a_gymnast_can(name):
    qpos, _ = load_demo_take(name, CHARACTER)
    qvel = velocities(qpos)
    assert np.abs(qvel[:, 6:]).max() < 20.0
    acceleration = np.diff(qvel[:, 6:], axis=0) * FPS
    assert np.abs(acceleration).max() < 350.0
    hinges = [MODEL.joint(f"{side}_{joint}") for side in ("left", "right") for joint in ("elbow", "knee")]
    for hinge in hinges:
        angle = qpos[:, hinge.qposadr[0]]
        assert angle.min() > hinge.range[0] - 0.02 and angle.max() < hinge.range[1] + 0.02


def test_backflip_turns_once_backwards_and_cartwheel_once_sideways():
    for name, column in (("backflip", 1), ("cartwheel", 0)):
        qpos, contacts = load_demo_take(name, CHARACTER)
        turned = np.sum(velocities(qpos)[:, 3 + column]) / FPS
        assert np.degrees(turned) == pytest.approx(-360.0, abs=12.0)
        up = to_matrix(qpos[:, 3:7])[:, 2, 2]
        assert up.min() < -0.9 and up[0] > 0.99 and up[-1] > 0.99
        hands = contacts[:, [list(CHARACTER.contacts).index(f"{side}_hand") for side in ("left", "right")]]
        assert hands.any(axis=0).all() == (name == "cartwheel")


def test_walk_is_a_closed_cycle():
    walk = load_demo_motion("walk", CHARACTER)
    assert walk.loop
    np.testing.assert_allclose(seam_gap(MODEL, walk.qpos), 0.0, atol=1e-9)
    qvel = velocities(walk.qpos)
    assert np.abs(qvel[0, 3:] - qvel[-1, 3:]).max() < 2.5  # and its velocities meet, one frame apart
    assert walk.qpos[-1, 0] / walk.duration == pytest.approx(1.18, abs=0.1)  # m/s


def test_unknown_motion_names_the_known_ones():
    with pytest.raises(InputError, match="backflip"):
        load_demo_motion("moonwalk", CHARACTER)


def pose(**channels):
    """The sketch of a second in which these channels keep one value: positions of named sites and bodies (3,)."""
    plan = Plan((0.0, 1.0), {name: (value, value) for name, value in channels.items()}, {})
    state = mujoco.MjData(MODEL)
    state.qpos[:] = sample_sketch(plan, np.array([0.5]), MODEL, 1.0)[0]
    mujoco.mj_kinematics(MODEL, state)
    return lambda name: state.site(name).xpos.copy()


def test_signs_are_a_sports_coachs():
    """Forward is x, left is y, up is z."""
    rest = pose()
    moved = {
        # channel: (landmark, axis, at least so far [m])
        "hip": ("left_knee", 0, 0.3),
        "knee": ("left_ankle", 0, -0.3),
        "ankle": ("left_foot_index", 2, 0.05),
        "shoulder": ("left_elbow", 0, 0.2),
        "elbow": ("left_wrist", 0, 0.2),
        "chest": ("nose", 0, 0.2),
        "neck": ("nose", 2, -0.03),
        "pitch": ("nose", 0, 0.4),
        "lean": ("nose", 1, 0.4),
        "chest_lean": ("nose", 1, 0.2),
        "abduct_hip": ("left_ankle", 1, 0.4),
        "abduct_shoulder": ("left_wrist", 1, 0.3),
    }
    for channel, (site, axis, least) in moved.items():
        way = (pose(**{channel: 60.0})(site) - rest(site))[axis]
        assert way * np.sign(least) > abs(least), (channel, way)
    mirrored = pose(abduct_shoulder=60.0, abduct_hip=60.0)
    for side in ("wrist", "ankle"):
        left, right = mirrored(f"left_{side}"), mirrored(f"right_{side}")
        np.testing.assert_allclose(left, right * [1, -1, 1], atol=1e-6)
    turned = pose(turn=90.0)  # to the left: what was ahead is at the left
    ahead = rest("left_foot_index") - rest("left_ankle")
    np.testing.assert_allclose((turned("left_foot_index") - turned("left_ankle"))[1], ahead[0], atol=1e-6)


def test_channels_of_a_side_add_to_those_of_both():
    both, left = pose(elbow=30.0, left_elbow=40.0), pose(left_elbow=70.0, right_elbow=30.0)
    for site in ("left_wrist", "right_wrist"):
        np.testing.assert_allclose(both(site), left(site), atol=1e-9)


def test_sketch_goes_through_key_poses_and_scales_lengths():
    plan = Plan(
        (0.0, 1.0, 2.0), {"pitch": (0, 45, 90), "forward": (0, 1, 2), "left": (0, 0, 0), "height": (1, 1, 1)}, {}
    )
    times = np.arange(121) / SOLVE_FPS
    qpos = sample_sketch(plan, times, MODEL, 0.5)
    # A straight line stays one when it is smoothed, but for some frames at its ends.
    inner = slice(10, -10)
    np.testing.assert_allclose(qpos[inner, 0], 0.5 * times[inner], atol=1e-6)
    assert (qpos[:, 2] == 0.5).all()
    np.testing.assert_allclose(2 * np.arctan2(qpos[inner, 5], qpos[inner, 3]), np.radians(45 * times[inner]), atol=1e-6)


def test_gait_is_gone_through_again_and_again():
    times = np.arange(round(3 * WALK.times[-1] * SOLVE_FPS) + 1) / SOLVE_FPS
    qpos, cycle = sample_sketch(WALK, times, MODEL, 1.0), round(WALK.times[-1] * SOLVE_FPS)
    middle, later = slice(cycle // 2, 2 * cycle - 10), slice(cycle // 2 + cycle, 3 * cycle - 10)
    np.testing.assert_allclose(qpos[later, 7:], qpos[middle, 7:], atol=1e-6)
    np.testing.assert_allclose(qpos[later, 0] - qpos[middle, 0], WALK.stride, atol=1e-6)


def test_contacts_begin_and_end_when_the_plan_says():
    # Points: left heel 0 1, left toe 2 3, right heel 4 5, right toe 6 7, left hand 8 9, right hand 10 11.
    plan = Plan(
        (0.0, 1.0), {}, {"heels": ((0.0, 0.4),), "left_toe": ((0.2, 0.6), (0.8, 9.0)), "right_hand": ((0.5, 0.7),)}
    )
    contact, thing = find_contacts(plan, np.array([0.0, 0.3, 0.4, 0.5, 0.9]))
    assert (thing == -1).all()
    touching = [sorted(np.flatnonzero(row).tolist()) for row in contact]
    assert touching == [[0, 1, 4, 5], [0, 1, 2, 3, 4, 5], [2, 3], [2, 3, 10, 11], [2, 3]]
    again, _ = find_contacts(replace(plan, cycles=2), np.array([1.0, 1.3]))
    assert [sorted(np.flatnonzero(row).tolist()) for row in again] == touching[:2]


def test_part_touches_if_one_of_its_points_does():
    contact = np.zeros((3, 12), dtype=bool)
    contact[0, 2:4] = contact[1, 10:12] = True  # left toe, then right hand
    merged = merge_contacts(contact, CHARACTER)
    names = tuple(CHARACTER.contacts)
    assert [[name for name, on in zip(names, row, strict=True) if on] for row in merged] == [
        ["left_foot"],
        ["right_hand"],
        [],
    ]


def test_soles_of_a_standing_body_are_on_the_ground():
    points = sole_points(CHARACTER)
    standing = sample_sketch(Plan((0.0, 1.0), {}, {}), np.array([0.5]), MODEL, 1.0)
    position = point_positions(MODEL, standing, points)[0]
    assert len(position) == 12
    np.testing.assert_allclose(position[:8, 2], 0.0, atol=0.01)  # corners of both feet
    np.testing.assert_allclose(position[:4, :2], position[[5, 4, 7, 6], :2] * [1, -1], atol=1e-3)  # mirror images
    assert (points.radius[:8] == 0.0).all() and (points.radius[8:] > 0.0).all()


def test_single_passes_keep_nearer_to_the_sketch_at_their_ends():
    frames = 100
    single, acceleration = compute_stds(MODEL, BACKFLIP, frames)
    knee = int(MODEL.joint("left_knee").dofadr[0])
    assert single.shape == (frames, MODEL.nv) and acceleration.shape == (MODEL.nv,)
    assert single[50, knee] == POSE_STD["legs"] and single[0, knee] == single[-1, knee] == 0.15 * POSE_STD["legs"]
    assert (single[50, :3] == POSE_STD["root_place"]).all() and (single[50, 3:6] == POSE_STD["root_turn"]).all()
    assert (acceleration[:3] == ACCELERATION_STD["root"]).all() and acceleration[knee] == ACCELERATION_STD["joints"]
    gait, _ = compute_stds(MODEL, WALK, frames)
    assert (gait == gait[0]).all()


def test_fingerprint_changes_with_the_body():
    heavy = load_character("humanoid", CHARACTER.height)
    assert compute_fingerprint("jump", heavy) == compute_fingerprint("jump", CHARACTER)
    assert compute_fingerprint("jump", load_character("humanoid", 1.6)) != compute_fingerprint("jump", CHARACTER)
    assert compute_fingerprint("walk", CHARACTER) != compute_fingerprint("jump", CHARACTER)


def test_push_holds_both_hands_ahead():
    push = load_demo_motion("push", CHARACTER)
    hands = point_positions(MODEL, push.qpos, BodyPoints.of_sites(MODEL, ("left_wrist", "right_wrist")))
    ahead = hands[..., 0] - push.qpos[:, None, 0]
    assert push.loop and ahead.min() > 0.25
    assert np.abs(hands[:, 0, 2] - hands[:, 1, 2]).max() < 0.1  # at one height


@pytest.mark.slow
def test_solving_again_gives_the_stored_take():
    qpos, contacts = solve_plan(PLANS["jump"], CHARACTER)
    stored, stored_contacts = load_demo_take("jump", CHARACTER)
    np.testing.assert_array_equal(contacts, stored_contacts)
    assert np.abs(qpos[:, :3] - stored[:, :3]).max() < 0.01
