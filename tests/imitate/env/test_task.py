"""A task makes what follows from it once, and is sent to workers without it."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from imitate.env.env import ImitationEnv
from imitate.env.task import Task
from imitate.policy import Policy
from imitate.scene.scene import Scene
from pose.errors import InputError
from reconstruct.characters.character import load_character
from sfv.demo.motions import load_demo_motion
from tests.samples import CHARACTER, standing


def test_what_follows_from_a_task_is_made_once():
    task = Task(CHARACTER, standing(), Scene("uneven"))
    assert task.ground is task.ground and task.model is task.body
    assert task.reference(1.0) is task.reference(2.0)  # a clip is passed once
    cycle = task.repeated
    assert cycle.reference(1.0) is cycle.reference(1.0) and len(cycle.reference(2.0)) == len(cycle.reference(1.0)) + 30


def test_a_box_is_the_last_body_and_stands_in_no_reference():
    task = Task(CHARACTER, load_demo_motion("push", CHARACTER), Scene("box_uphill"))
    assert task.model.nq == task.body.nq + 7 and task.body.nq == CHARACTER.model.nq
    assert task.reference(1.0).qpos.shape[1] == task.body.nq
    assert task.without_box.scene == Scene("slope") and task.drafted.model.nq == task.model.nq


def test_workers_are_sent_the_three_alone():
    task = Task(CHARACTER, standing(), Scene("uneven", seed=3))
    empty = len(pickle.dumps(task))
    grid, qpos = task.ground.grid, task.reference(1.0).qpos
    assert len(pickle.dumps(task)) == empty
    sent = pickle.loads(pickle.dumps(task))
    assert sent.scene == task.scene
    np.testing.assert_array_equal(sent.ground.grid, grid)
    np.testing.assert_array_equal(sent.reference(1.0).qpos, qpos)


def test_a_policy_acts_only_where_it_was_trained_for():
    task = Task(CHARACTER, standing())
    policy = Policy(ImitationEnv.for_policy(untrained(task), task, 1, 1.0).policy_layout((8,)))
    for other, words in (
        (replace(task, character=load_character("humanoid", 1.5)), "1.50 m"),
        (replace(task, scene=Scene("slope")), "observations"),
    ):
        with pytest.raises(InputError, match=words):
            ImitationEnv.for_policy(policy, other, 1, 1.0)


def untrained(task: Task) -> Policy:
    from imitate.env.env import EnvConfig

    return Policy(ImitationEnv(task, EnvConfig(), 1).policy_layout((8,)))
