"""Pushes: when they come, how strong they are, whom they spare."""

import numpy as np
import pytest

from imitate.env.pushes import PUSH_SECONDS, PUSH_STEPS, RandomPushes, SinglePush, make_pushes
from imitate.env.task import Task
from imitate.scene.scene import Scene
from sfv.demo.motions import load_demo_motion
from tests.samples import CHARACTER, standing

ALL = np.ones(2, dtype=bool)


def test_a_single_push_lasts_a_fifth_of_a_second():
    force = np.array([[100.0, 0.0, 0.0], [0.0, -50.0, 0.0]])
    push = SinglePush(force, np.array([3, 0]))
    forces = np.array([push.at(np.zeros(2, dtype=int), np.full(2, age)) for age in range(12)])
    assert PUSH_STEPS == 6
    assert np.flatnonzero(forces[:, 0].any(axis=1)).tolist() == [3, 4, 5, 6, 7, 8]
    assert np.flatnonzero(forces[:, 1].any(axis=1)).tolist() == [0, 1, 2, 3, 4, 5]
    np.testing.assert_array_equal(forces[4], force * [[1.0], [1.0]])


def test_random_pushes_by_hand():
    """Two forces in turn, every 10 control steps, in the last 6 of them; environment 1 is 104729 % 10 = 9 steps on."""
    forces = np.array([[1.0, 0.0], [0.0, 2.0]])
    pushes = RandomPushes(forces, 10, ALL)
    found = np.array([pushes.at(np.zeros(2, dtype=int), np.full(2, age)) for age in range(22)])
    first = np.zeros((22, 3))
    first[4:10, 0] = 1.0
    first[14:20, 1] = 2.0
    np.testing.assert_array_equal(found[:, 0], first)
    # Number 104729 + 0 is odd: the second force comes first, in what is left of its time, one step.
    assert found[0, 1].tolist() == [0.0, 2.0, 0.0]
    assert found[5:11, 1].tolist() == [[1.0, 0.0, 0.0]] * 6


def test_another_episode_is_pushed_at_another_moment():
    pushes = RandomPushes.draw(10.0, 1.0, 0, np.array([True, False]))
    ages = np.arange(60)
    moments = [np.any([pushes.at(np.full(2, episode), np.full(2, age)) for age in ages], axis=2) for episode in (1, 2)]
    assert not moments[0][:, 1].any()  # spared
    assert not np.array_equal(moments[0][:, 0], moments[1][:, 0])
    assert [found[:, 0].sum() for found in moments] == [12, 12]
    strength = np.linalg.norm(pushes.forces, axis=1)
    assert strength.min() >= 5.0 - 1e-9 and strength.max() <= 10.0 + 1e-9  # half to all of the strongest


def test_what_pushes_follows_from_the_task():
    motion = standing()
    assert make_pushes(Task(CHARACTER, motion), 0.0, 2.0, ALL) is None
    asked = make_pushes(Task(CHARACTER, motion), 0.6, 2.0, ~ALL)
    assert asked is not None and asked.interval == 60 and not asked.affected.any()
    mass = Task(CHARACTER, motion).body.body_mass.sum()
    assert np.linalg.norm(asked.forces, axis=1).max() == pytest.approx(0.6 * mass / PUSH_SECONDS, rel=1e-3)
    wind = make_pushes(Task(CHARACTER, motion, Scene("wind", push=90.0)), 0.6, 2.0, ~ALL)
    assert wind is not None and wind.affected.all()  # the wind spares none
    assert np.linalg.norm(wind.forces, axis=1).max() == pytest.approx(90.0, rel=1e-3)
    assert make_pushes(Task(CHARACTER, load_demo_motion("push", CHARACTER), Scene("box")), 0.6, 2.0, ALL) is None
