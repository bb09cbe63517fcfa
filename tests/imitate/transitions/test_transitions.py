"""Transitions: distances know no place, bridges begin and end where they should, sequences do not jump."""

from dataclasses import replace

import numpy as np
import pytest

from imitate.env.joint_layout import JointLayout
from imitate.transitions.bridge import STEPS, find_middle, plan_bridge
from imitate.transitions.leg import enter, find_placement, perform_skill, place_states
from imitate.transitions.sequence import choose_end, perform_sequence
from imitate.transitions.states import LOOP_SECONDS, ChainableSkill, Pair, States, choose_pairs, describe_states
from imitate.transitions.transition import Transition, list_pairs
from pose.errors import InputError
from reconstruct import rotations
from sfv import transitions
from sfv.skill import skills_named


@pytest.fixture(scope="module")
def walk() -> ChainableSkill:
    return transitions.to_chainable(next(skill for skill in skills_named("walk") if skill.body == "humanoid"))


@pytest.fixture(scope="module")
def jump() -> ChainableSkill:
    return transitions.to_chainable(skills_named("jump")[0])


def turned(qpos: np.ndarray, angle: float, shift: tuple[float, float]) -> np.ndarray:
    turn = np.array([[np.cos(angle / 2), 0.0, 0.0, np.sin(angle / 2)]]).repeat(len(qpos), axis=0)
    return place_states(qpos, np.zeros((len(qpos), qpos.shape[1] - 1)), turn, np.array([shift]))[0]


def test_bodies_are_brought_to_where_the_reference_is(walk: ChainableSkill):
    reference = walk.task.reference(LOOP_SECONDS)
    away = turned(reference.qpos[:3], 2.0, (3.0, -1.0))
    turn, shift = find_placement(away, reference.qpos[10])
    placed, moving = place_states(away, reference.qvel[:3], turn, shift)
    np.testing.assert_allclose(placed[:, :2], np.repeat(reference.qpos[10:11, :2], 3, axis=0), atol=1e-12)
    # No other turn about the vertical brings them nearer to the reference's rotation.
    goal = reference.qpos[10, 3:7]
    for more in (-0.05, 0.05):
        further = turned(placed, more, (0.0, 0.0))[:, 3:7]
        nearer = rotations.angle_between(placed[:, 3:7], goal) < rotations.angle_between(further, goal)
        assert nearer.all()
    np.testing.assert_allclose(placed[:, 7:], away[:, 7:])
    np.testing.assert_allclose(moving[:, 3:], reference.qvel[:3, 3:])
    np.testing.assert_allclose(np.linalg.norm(moving[:, :3], axis=1), np.linalg.norm(reference.qvel[:3, :3], axis=1))


@pytest.mark.parametrize("tilt", [(0.3, 0.0), (-0.3, 0.0), (0.0, 0.3), (0.2, -0.2)])
def test_bodies_upside_down_are_brought_there_too(walk: ChainableSkill, tilt: tuple[float, float]):
    """Half a turn about their own x axis, and a little off: headings by themselves mean nothing for them."""
    pose = walk.task.reference(LOOP_SECONDS).qpos[10].copy()
    pose[3:7] = rotations.multiply(pose[3:7], np.array([0.0, 1.0, 0.0, 0.0]))
    body = pose.copy()
    off = rotations.from_rotvec(np.array([*tilt, 0.0]))
    body[3:7] = rotations.multiply(pose[3:7], off)
    away = turned(body[None], 2.0, (3.0, -1.0))
    turn, shift = find_placement(away, pose)
    placed, _ = place_states(away, np.zeros((1, len(pose) - 1)), turn, shift)
    assert rotations.angle_between(placed[:, 3:7], pose[3:7]).max() < np.hypot(*tilt) + 1e-6


def test_a_leg_begins_with_the_state_that_is_given(jump: ChainableSkill):
    reference = jump.task.reference(LOOP_SECONDS)
    qpos, qvel = turned(reference.qpos[5:6], 1.0, (2.0, 2.0)), reference.qvel[4:5]
    leg = perform_skill(jump, 1, 8)
    enter(leg, 3, qpos, qvel)
    np.testing.assert_allclose(leg.env.qpos[0, 7:], qpos[0, 7:], atol=1e-9)
    np.testing.assert_allclose(leg.env.qvel[0, 3:], qvel[0, 3:], atol=1e-9)
    np.testing.assert_allclose(leg.env.qpos[0, :2], reference.qpos[3, :2], atol=1e-9)
    assert leg.run().all() and leg.env.frame[0] == 8


def test_the_nearest_frame_to_a_state_of_the_reference_is_its_own(walk: ChainableSkill):
    reference = walk.task.reference(LOOP_SECONDS)
    count = reference.starts
    qpos, bodies = reference.qpos[:count, None], reference.bodies[:count, None]
    features = describe_states(qpos, bodies, walk.task)[:, 0]
    moved = describe_states(turned(reference.qpos[:count], 1.0, (5.0, 0.0))[:, None], bodies, walk.task)
    assert moved.shape == (count, 1, features.shape[1])
    alive = np.ones((count, 1), dtype=bool)
    states = States(qpos, reference.qvel[:count, None], alive, features, np.arange(count) == 20)
    nearest = choose_pairs(walk, walk, states)[0]
    assert (nearest.exit, nearest.entry) == (20, 20)
    assert nearest.pose_gap < 1e-3 and nearest.speed_gap < 0.05


@pytest.mark.parametrize("names", [("walk", "jump"), ("jump", "walk")])
def test_a_bridge_leads_from_the_state_to_the_frame_that_follows(names, walk: ChainableSkill, jump: ChainableSkill):
    one, other = ({"walk": walk, "jump": jump}[name] for name in names)
    space = JointLayout.of(other.task.body)
    first, second = one.task.reference(LOOP_SECONDS), other.task.reference(LOOP_SECONDS)
    pair = Pair(exit=60, entry=3, pose_gap=0.1, speed_gap=1.0)
    begin = turned(first.qpos[60:61], 0.7, (1.0, 2.0))[0]
    begin[10:] = second.qpos[0, 10:]  # another pose than the reference's
    qpos, resume = plan_bridge(space, first, second, pair, begin)
    assert resume == (3 if other is jump else 3 + STEPS // 2)
    assert len(qpos) == STEPS
    turn, shift = find_placement(begin[None], qpos[0])
    there = place_states(begin[None], np.zeros((1, space.nv)), turn, shift)[0]
    assert np.abs(space.difference(qpos[:1], there)).max() < 1e-6
    joined = np.concatenate([qpos, second.qpos[resume : resume + 1]])
    steps = space.difference(joined[:-1], joined[1:])
    assert np.linalg.norm(steps[:, :2], axis=1).max() < 1.6 / 30.0  # a walk's 1.3 m/s at most, and no jump at the end
    assert np.abs(steps[:, 6:]).max() < 0.35


def test_the_middle_of_poses_is_the_one_that_most_are_like(walk: ChainableSkill):
    space = JointLayout.of(walk.task.body)
    frames = walk.task.reference(LOOP_SECONDS).qpos[[10, 11, 12, 40]]
    np.testing.assert_array_equal(find_middle(space, frames), frames[1])


def test_when_a_skill_is_left(walk: ChainableSkill, jump: ChainableSkill):
    way = Transition("walk", "jump", Pair(exit=13, entry=0, pose_gap=0.1, speed_gap=1.0), 1.0)
    # 67 frames a round: from frame 48 on at least one round, 115, to the next 13 of a round: 13 + 2 * 67.
    assert choose_end(walk, 48, way, 4.0) == 147
    assert choose_end(walk, 0, way, 4.0) == 80
    assert choose_end(walk, 10, None, 4.0) == 130
    assert choose_end(jump, 0, replace(way, source="jump"), 4.0) == 13
    assert [(one.name, other.name) for one, other in list_pairs([walk, jump])] == [
        ("walk", "jump"),
        ("jump", "walk"),
        ("jump", "jump"),
    ]


def test_a_sequence_has_no_jump_and_says_what_is_impossible(jump: ChainableSkill):
    again = Transition("jump", "jump", Pair(exit=65, entry=0, pose_gap=0.04, speed_gap=0.6), 1.0)
    found = perform_sequence([jump, jump], {("jump", "jump"): again})
    rollout = found.rollout
    assert not rollout.terminated and found.switches == (65,)
    assert len(rollout.qpos) == 65 + len(jump.task.reference(LOOP_SECONDS))
    assert np.linalg.norm(np.diff(rollout.qpos[:, :3], axis=0), axis=1).max() < 0.15
    assert np.linalg.norm(rollout.qpos[65:80, :2] - rollout.reference_qpos[65:80, :2], axis=1).max() < 0.2
    with pytest.raises(InputError, match="no way from 'jump' to 'jump': 60% fall"):
        perform_sequence([jump, jump], {("jump", "jump"): replace(again, survived=0.4)})


def test_transitions_are_found_once(monkeypatch, tmp_path):
    monkeypatch.setenv("SFV_CACHE", str(tmp_path))
    calls = []

    def find(source, target):
        calls.append((source.name, target.name))
        return Transition(source.name, target.name, Pair(1, 2, 0.1, 0.2), 0.5)

    monkeypatch.setattr(transitions, "find_transition", find)
    monkeypatch.setattr(transitions, "find_bridge", lambda source, target: replace(find(source, target), survived=0.3))
    skills = skills_named("jump")
    first, again = transitions.load_transitions(skills), transitions.load_transitions(skills)
    assert calls == [("jump", "jump")] * 2  # by policies, and, as half fall, by a bridge
    assert first["jump", "jump"].pair == again["jump", "jump"].pair == Pair(1, 2, 0.1, 0.2)
    assert again["jump", "jump"].kind == "impossible"
    next(tmp_path.glob("transitions/*/transition.json")).write_text("{")
    assert transitions.load_transitions(skills)["jump", "jump"].survived == 0.5 and len(calls) == 3
