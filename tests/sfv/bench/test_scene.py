"""`bench scene`: a shipped skill does what it has learnt, and every reason for a missing row is named."""

from dataclasses import replace

import numpy as np
import pytest

from imitate.env.env import EnvConfig, ImitationEnv
from imitate.env.task import Task
from imitate.policy import Policy
from imitate.scene.scene import Scene
from sfv.bench.scene import SKILLS, BoxRecorder, SceneBenchConfig, bench_scene, evaluate_in_scene
from sfv.demo.motions import list_demos, load_demo_motion
from sfv.skill import shipped_skills
from tests.samples import CHARACTER, standing


def shipped(name: str):
    return next(s for s in shipped_skills() if s.name == name and s.policy.layout.character == CHARACTER.name)


def test_shipped_backflip_lands():
    skill = shipped("backflip")
    completed, std, _ = evaluate_in_scene(skill.plain_policy, Task(CHARACTER, skill.reference))
    assert completed >= 0.9 and std == pytest.approx(np.sqrt(completed * (1.0 - completed)))


def test_policies_that_are_there_are_evaluated(tmp_path, printed):
    """An untrained one falls on the slope; one for the plane cannot see the slope and is refused."""
    env = ImitationEnv(Task(CHARACTER, standing(), Scene("slope", angle=10.0)), EnvConfig(), 1)
    folder = tmp_path / "backflip@slope"
    folder.mkdir()
    like = shipped("backflip").policy.layout
    untrained = Policy(replace(like, observation=env.observation_layout.sizes), initial_std=0.05)
    config = SceneBenchConfig(skills=("backflip",), out=tmp_path)
    untrained.save(folder / "policy.pt")
    bench_scene(config, json=True)
    row = printed()["backflip_slope_completed"]
    assert (row["value"], row["spread"], row["n"], row["goal"]) == (0.0, 0.0, 32, 0.8)
    shipped("backflip").policy.save(folder / "policy.pt")
    bench_scene(config, json=True)
    row = printed()["backflip_slope_completed"]
    assert row["value"] is None and "train again" in row["note"]


def test_missing_policies_are_named_without_any_argument(tmp_path, printed, monkeypatch):
    monkeypatch.chdir(tmp_path)  # policies would lie under runs/
    bench_scene(SceneBenchConfig(), json=True)
    rows = printed()
    assert set(rows) == {name for name, _ in SKILLS.values()}
    for row in rows.values():
        assert row["value"] is None and "give --minutes" in row["note"]
    assert {"backflip", "cartwheel"} <= set(list_demos())


def test_a_box_needs_a_motion_that_goes_somewhere(tmp_path, printed):
    standing().save(tmp_path / "stand.npz")
    folder = tmp_path / "push@box"
    folder.mkdir()
    shipped("walk").policy.save(folder / "policy.pt")
    bench_scene(SceneBenchConfig(skills=("push",), push=tmp_path / "stand.npz", out=tmp_path), json=True)
    row = printed()["push_box_completed"]
    assert row["value"] is None and row["note"]


def test_recorder_keeps_the_farthest_place_of_running_boxes():
    env = ImitationEnv(Task(CHARACTER, load_demo_motion("push", CHARACTER), Scene("box")), EnvConfig(), 2)
    recorder = BoxRecorder()
    env.start(np.zeros(2, dtype=np.int64))
    recorder.begin(env)
    start = env.box_qpos[:, 0].copy()
    for away, running in (([1.0, 0.5], [True, True]), ([0.5, 8.0], [True, False])):
        env.box_qpos[:, 0] = start + away
        recorder.record(env, {}, np.array(running))
    np.testing.assert_allclose(recorder.way, [1.0, 0.5])
