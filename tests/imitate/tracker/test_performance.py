"""A motion as it was performed, kept small and performed again."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from imitate.env.env import EnvConfig, ImitationEnv
from imitate.env.task import Task
from imitate.rollout import run_episodes
from imitate.tracker.performance import Controller, Performance
from imitate.tracking.draft import Draft
from imitate.tracking.track import TrackConfig, track_motion
from reconstruct.characters.character import load_character
from tests.imitate.tracker.conftest import glide


@pytest.fixture(scope="module")
def task() -> Task:
    return Task(load_character("humanoid"), glide(20, speed=0.0, raised=1.2))


@pytest.fixture(scope="module")
def draft(task: Task) -> Draft:
    """Somebody stands and raises an arm, by tracking control."""
    config = TrackConfig(horizon=8, first_iterations=2, iterations=1, final_iterations=1, threads=1)
    tracking = track_motion(task, config)
    assert tracking.metrics["draft_completed"]
    return tracking.draft


def test_it_is_performed_again_from_its_file_and_finds_back(task: Task, draft: Draft, tmp_path: Path):
    Performance.of_draft(draft, task).save(tmp_path / "arm.npz")
    found = Performance.load(tmp_path / "arm.npz")
    again = Task(task.character, found.motion)
    assert np.abs(found.motion.qpos - draft.rollout.qpos).max() < 1e-6
    env = ImitationEnv(again, EnvConfig(action_scale=1.0), 2)
    whole = found.make_draft(again)
    blind = replace(whole, gains=np.zeros_like(whole.gains))
    ends = list[np.ndarray]()
    for controller in (Controller(whole, env), Controller(blind, env)):
        env.start(np.zeros(2, dtype=np.int64), None, None, None, np.array([[0.0], [0.1]]) * np.ones(env.body.nv))
        for _ in range(len(found.controls)):
            env.step(controller.act(env.observe()))
        ends.append(np.abs(env.joints.difference(env.reference.qpos[env.frame], env.qpos)).max(axis=1))
    assert ends[0][0] < 0.01, "the same start"
    assert ends[0][1] < 0.2 * ends[1][1], "another start: with feedback and without"
    scores = run_episodes(env, Controller(whole, env), np.zeros(2, dtype=np.int64))
    assert scores.completed.all() and scores.normalised_return.min() > 0.95


def test_offsets_are_taken_about_the_performance(task: Task, draft: Draft):
    found = Performance.of_draft(draft, task)
    mine, original = Task(task.character, found.motion), task
    frames, targets = np.array([4]), list[np.ndarray]()
    for each, controls in ((mine, found.controls), (original, draft.controls)):
        env = ImitationEnv(each, EnvConfig(action_scale=1.0), 1)
        pose = env.joints.difference(env.reference.qpos[frames], draft.rollout.qpos[frames])
        env.start(frames, None, None, pose, draft.qvel[frames] - env.reference.qvel[frames])
        targets.append(env.targets(controls[frames]))
    assert targets[0] == pytest.approx(targets[1], abs=1e-9), "the servos get the same"
