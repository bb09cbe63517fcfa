"""Cycles: found, mirrored, closed, repeated."""

import mujoco
import numpy as np
import pytest

from reconstruct.characters.character import load_character
from reconstruct.cycle import (
    Cycle,
    _refine,
    close_loop,
    find_cycle,
    find_overturns,
    mirror_motion,
    repeat_cycle,
    seam_gap,
    straighten_cycle,
)
from reconstruct.rotations import angle_between, from_rotvec, multiply
from reconstruct.solver.tangent import TangentSpace
from reconstruct.world_frame import move_to

FPS = 30.0
PERIOD = 32


@pytest.fixture(scope="module")
def model():
    return load_character("humanoid").model


def gait(model, frames, speed=1.3, drift=0.0):
    """Legs and arms that swing with a period of `PERIOD` frames, left and right half a period apart."""
    qpos = np.tile(np.array(model.qpos0), (frames, 1))
    step = np.zeros((frames, model.nv))
    phase = 2 * np.pi * np.arange(frames) / PERIOD
    for side, shift in (("left", 0.0), ("right", np.pi)):
        step[:, model.joint(f"{side}_hip").dofadr[0] + 1] = 0.5 * np.sin(phase + shift)
        step[:, model.joint(f"{side}_knee").dofadr[0]] = 0.4 + 0.4 * np.sin(phase + shift + 1.0)
        step[:, model.joint(f"{side}_shoulder").dofadr[0] + 1] = -0.4 * np.sin(phase + shift)
    step[:, 0] = speed * np.arange(frames) / FPS
    step[:, 2] = 0.02 * np.cos(2 * phase)
    step[:, model.joint("chest").dofadr[0] + 1] = drift * np.arange(frames) / frames
    return TangentSpace.of(model).integrate(qpos, step)


def test_whole_cycles_of_a_walk_are_found(model):
    cycle = find_cycle(model, gait(model, 80), FPS, "auto")
    assert cycle is not None and not cycle.mirrored
    assert cycle.last - cycle.first == 2 * PERIOD
    assert find_cycle(model, gait(model, 80), FPS, "no") is None


def test_of_a_long_walk_few_frames_are_compared_and_the_cycle_is_as_exact(model, monkeypatch):
    monkeypatch.setattr("reconstruct.cycle.MOST_COMPARED", 60)
    long = gait(model, 10 * PERIOD)  # every fourth frame or so
    cycle = find_cycle(model, long, FPS, "auto")
    assert cycle is not None and not cycle.mirrored and cycle.last - cycle.first >= 5 * PERIOD
    assert (cycle.last - cycle.first) % PERIOD == 0


def test_a_short_cycle_of_a_long_film_keeps_its_length():
    """Every frame is most like itself, and the places to look for its two ends meet."""
    features = np.arange(200.0)[:, None] * np.ones((1, 6))
    cycle = _refine(Cycle(10, 12, False, 0.3), 9, features, features, 15)
    assert cycle.last - cycle.first == 15 and cycle.distance == pytest.approx(15.0)


def test_one_step_is_half_a_cycle(model):
    cycle = find_cycle(model, gait(model, PERIOD // 2 + 1), FPS, "auto")
    assert cycle is not None and cycle.mirrored
    assert cycle.last - cycle.first == PERIOD // 2


def test_moving_in_place_is_repeated_if_it_fills_the_clip_in_full_swing(model):
    in_place = gait(model, 2 * PERIOD + 4, speed=0.0)
    cycle = find_cycle(model, in_place, FPS, "auto")
    assert cycle is not None and cycle.last - cycle.first == 2 * PERIOD
    rest = np.tile(in_place[:1], (12, 1))
    once = np.concatenate([rest, in_place[: PERIOD + 1], rest])  # from rest to rest: done once
    assert find_cycle(model, once, FPS, "auto") is None
    cycle = find_cycle(model, once, FPS, "yes")
    assert cycle is not None


def test_what_turns_over_is_done_once(model):
    tumbling = gait(model, 2 * PERIOD + 1, speed=0.0)
    angle = np.linspace(0.0, 2 * np.pi, len(tumbling))[:, None] * np.array([0.0, 1.0, 0.0])
    tumbling[:, 3:7] = multiply(from_rotvec(angle), tumbling[:, 3:7])
    assert find_cycle(model, tumbling, FPS, "auto") is None


@pytest.mark.parametrize("axis", [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0)])
def test_a_wheel_or_flip_on_the_way_is_no_gait(model, axis):
    """It travels as steadily as a walk and ends as it began, but is done once; a turn about the vertical is a walk."""
    walk = gait(model, 2 * PERIOD + 1)
    for about, is_cycle in ((axis, False), ((0.0, 0.0, 1.0), True)):
        angle = 2.0 * np.pi * np.arange(len(walk)) / (len(walk) - 1)
        over = walk.copy()
        over[:, 3:7] = multiply(walk[:, 3:7], from_rotvec(angle[:, None] * np.array(about)))
        assert (find_cycle(model, over, FPS, "auto") is not None) == is_cycle


def test_closed_loop_has_no_gap_and_keeps_its_middle(model):
    qpos = gait(model, PERIOD + 1, drift=0.3)
    assert np.abs(seam_gap(model, qpos)).max() > 0.2
    closed = close_loop(model, qpos, blend=8)
    np.testing.assert_allclose(seam_gap(model, closed), 0.0, atol=1e-9)
    np.testing.assert_allclose(closed[10:-10], qpos[10:-10], atol=1e-3)


def test_mirror_image_of_the_mirror_image_is_the_motion(model):
    rng = np.random.default_rng(0)
    qpos = TangentSpace.of(model).integrate(
        np.tile(np.array(model.qpos0), (3, 1)), 0.5 * rng.normal(size=(3, model.nv))
    )
    np.testing.assert_allclose(mirror_motion(model, mirror_motion(model, qpos)), qpos, atol=1e-12)
    half = gait(model, PERIOD + 1)
    ahead, image = half[PERIOD // 2, 7:], mirror_motion(model, half)[0, 7:]
    np.testing.assert_allclose(ahead, image, atol=1e-9)


def test_a_robot_is_mirrored_by_its_axes():
    """Atlas's legs turn about x with opposite signs on either side, and are called l_leg and r_leg."""
    atlas = load_character("atlas")
    rng, state = np.random.default_rng(1), mujoco.MjData(atlas.model)
    pose = np.array(atlas.model.qpos0)
    legs = [j for j in range(1, atlas.model.njnt) if "leg" in atlas.model.joint(j).name]
    pose[atlas.model.jnt_qposadr[legs]] += rng.uniform(-0.4, 0.4, len(legs))
    places = []
    for qpos in (pose, mirror_motion(atlas.model, pose[None])[0]):
        state.qpos[:] = qpos
        mujoco.mj_kinematics(atlas.model, state)
        names = [f"{side}_{joint}" for side in ("left", "right") for joint in ("knee", "heel")]
        places.append({name: state.site(name).xpos.copy() for name in names})
    for name, place in places[0].items():
        other = name.replace("left", "LEFT").replace("right", "left").replace("LEFT", "right")
        np.testing.assert_allclose(places[1][other], place * [1, -1, 1], atol=1e-6)


def test_a_joint_that_only_one_side_has_is_at_rest_in_the_mirror_image():
    model = mujoco.MjModel.from_xml_string(
        '<mujoco><worldbody><body><freejoint/><geom size=".1"/><body><joint name="waist" axis="0 0 1"/>'
        '<geom size=".1"/><body pos="0 -.2 0"><joint name="right_hand_x" axis="1 0 0"/><geom size=".1"/></body>'
        "</body></body></worldbody></mujoco>"
    )
    qpos = np.array([[1.0, 2.0, 3.0, 1.0, 0.0, 0.0, 0.0, 0.3, 0.7]])
    np.testing.assert_allclose(mirror_motion(model, qpos), [[1.0, -2.0, 3.0, 1.0, 0.0, 0.0, 0.0, -0.3, 0.0]])


def test_repeating_goes_on_in_place_and_heading(model):
    qpos = close_loop(model, gait(model, PERIOD + 1), blend=4)
    turned = qpos.copy()
    angle = np.linspace(0.0, 0.5, len(qpos))[:, None]
    turned[:, 3:7] = multiply(from_rotvec(angle * np.array([0.0, 0.0, 1.0])), qpos[:, 3:7])
    twice = repeat_cycle(turned, 2)
    assert len(twice) == 2 * PERIOD + 1
    np.testing.assert_allclose(twice[PERIOD], turned[-1], atol=1e-9)
    assert abs(angle_between(twice[-1, 3:7], twice[0, 3:7]) - 1.0) < 1e-6
    moved = move_to(qpos, qpos[0], turned[-1])
    np.testing.assert_allclose(moved[0, :2], turned[-1, :2], atol=1e-12)


def test_ends_that_are_upside_down_differ_by_their_tilt_alone(model):
    # A walk on the hands: the body sways about exactly upside down, where headings turn by half a turn and more.
    qpos = close_loop(model, gait(model, PERIOD + 1), blend=4)
    tilt = np.array([[0.06, -0.02, 0.0], [-0.02, 0.06, 0.0]])
    over = multiply(from_rotvec(tilt), from_rotvec(np.array([np.pi, 0.0, 0.0])))
    qpos[[0, -1], 3:7] = over
    assert abs(angle_between(*over) - np.linalg.norm(tilt[1] - tilt[0])) < 1e-3
    np.testing.assert_allclose(np.linalg.norm(seam_gap(model, qpos)[3:6]), angle_between(*over), atol=2e-3)
    moved = move_to(qpos, qpos[0], qpos[-1])
    assert angle_between(moved[0, 3:7], qpos[-1, 3:7]) < 0.12


@pytest.mark.parametrize(("turn", "is_straight"), [(12.0, True), (40.0, False)])
def test_a_cycle_that_turns_a_little_goes_straight_on(model, turn, is_straight):
    circle = gait(model, PERIOD + 1, speed=0.0)
    angle = np.radians(turn) * np.linspace(0.0, 1.0, len(circle))
    circle[:, 3:7] = multiply(from_rotvec(np.stack([0 * angle, 0 * angle, angle], axis=1)), circle[:, 3:7])
    radius = 1.4 / angle[-1]
    circle[:, 0], circle[:, 1] = radius * np.sin(angle), radius * (1.0 - np.cos(angle))
    bent = straighten_cycle(circle)
    if not is_straight:
        np.testing.assert_array_equal(bent, circle)
        return
    assert angle_between(bent[0, 3:7], bent[-1, 3:7]) < 1e-6
    # A circle of that length becomes a straight line, in the direction that was the mean one.
    way = bent[-1, :2] - bent[0, :2]
    assert np.linalg.norm(way) == pytest.approx(1.4, abs=0.01)
    assert np.degrees(np.arctan2(way[1], way[0])) == pytest.approx(turn / 2, abs=0.1)
    np.testing.assert_allclose(bent[:, 7:], circle[:, 7:])


def test_long_dance_that_ends_near_where_it_began_is_no_cycle_but_a_repeated_one_is(model):
    frames, rng = 360, np.random.default_rng(0)
    times = np.arange(frames) / FPS
    dance = gait(model, frames, speed=0.0)
    step = np.zeros((frames, model.nv))
    for joint in ("left_shoulder", "right_shoulder", "left_hip", "right_hip"):
        for axis in range(3):
            # Of whole periods in the clip, so that it ends as it began, and of many, so that nothing repeats before.
            for k in (1, 2, 3, 5, 7, 11):
                wave = 2 * np.pi * k * times / times[-1] + rng.uniform(0, 2 * np.pi)
                step[:, model.joint(joint).dofadr[0] + axis] += 0.25 * np.sin(wave)
    still = np.tile(np.array(model.qpos0), (frames, 1))
    once = TangentSpace.of(model).integrate(still, step)
    assert find_cycle(model, once, FPS, "auto") is None
    assert find_cycle(model, once, FPS, "yes") is not None
    assert find_cycle(model, once[::3], FPS, "auto") is not None  # of 4 s, a single one is enough
    assert find_cycle(model, dance, FPS, "auto") is not None


def test_a_root_that_wavers_about_the_horizontal_does_not_go_over_and_a_wheel_does(model):
    def tilt(angles):
        qpos = np.tile(np.array(model.qpos0), (len(angles), 1))
        turn = from_rotvec(np.stack([np.zeros(len(angles)), angles, np.zeros(len(angles))], axis=1))
        qpos[:, 3:7] = multiply(turn, qpos[:, 3:7])
        return qpos

    t = np.linspace(0.0, 1.0, 41)
    level = 0.5 * np.pi + 0.2 * np.sin(6.0 * np.pi * t)
    assert not find_overturns(model, tilt(level)).any()
    assert not find_overturns(model, tilt(np.r_[np.zeros(5), level, np.zeros(5)])).any()
    over = find_overturns(model, tilt(2.0 * np.pi * t))
    assert over[0, 20] and over[20, 40]
    assert over[0, 20 + 9] and not over[20, 20 + 9]  # still upside down a little above the horizontal
