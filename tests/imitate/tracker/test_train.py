"""The controllers of all clips as one expert, and the policy that is cloned from them."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch

from imitate.env.env import EnvConfig, ImitationEnv
from imitate.env.task import Task
from imitate.policy import Policy
from imitate.tracker import prepare
from imitate.tracker.env import TrackerEnv
from imitate.tracker.evaluation import follow_clips
from imitate.tracker.expert import ClipExpert
from imitate.tracker.prepare import (
    CARRIED,
    FELL,
    FOLLOWED,
    Prepared,
    find_longest_carried,
    name_result,
)
from imitate.tracker.segments import Segment
from imitate.tracker.train import Buffer, CloneConfig, Cloning, clone_policy, load_clips
from imitate.training.distill import Expert
from pose.errors import InputError
from reconstruct.characters.character import load_character
from reconstruct.formats.mocap_archive import MocapClip
from tests.imitate.tracker.conftest import glide

CONFIG = CloneConfig(minutes=0.015, hidden=(32,), envs=4, steps=8, buffer=64, batches=4, batch_size=32)


def test_the_expert_of_all_clips_is_that_of_each(prepared: list[Prepared]):
    tasks = [Task(load_character("humanoid"), clip.motion) for clip in prepared]
    joined = TrackerEnv.of_tasks(tasks, EnvConfig(), 2)
    alone = ImitationEnv(tasks[1], EnvConfig(), 2)
    assert prepared[1].draft is not None
    expert, own = ClipExpert(prepared, joined), Expert(prepared[1].draft, alone)
    rng = np.random.default_rng(0)
    offset = 0.1 * rng.standard_normal((2, joined.body.nv))
    frames = np.array([3, 22])
    joined.start(frames + 12, offset=offset)
    alone.start(frames, offset=offset)
    for found, wanted in zip(expert.label(joined), own.label(alone), strict=True):
        assert found == pytest.approx(wanted, abs=1e-5)
    assert expert.covered.tolist() == [True] * 11 + [False] + [True] * 23 + [False]


def test_a_buffer_replaces_the_oldest():
    buffer = Buffer.of(5, 1, 1)
    for k in range(3):
        rows = np.full((3, 1), float(k), dtype=np.float32)
        buffer.add(rows, rows, np.ones(3, dtype=np.float32))
    assert len(buffer) == 5 and sorted(buffer.label[:, 0].tolist()) == [1.0, 1.0, 2.0, 2.0, 2.0]


def test_cloning_goes_on_where_it_was_stopped(prepared: list[Prepared], tmp_path: Path):
    character = load_character("humanoid")
    policy = clone_policy(character, prepared, tmp_path, CONFIG)
    loaded = Policy.load(tmp_path / "tracker.pt")
    seen = np.random.default_rng(0).standard_normal((3, policy.layout.observation_size)).astype(np.float32)
    assert loaded.act(seen) == pytest.approx(policy.act(seen), abs=2e-3)
    again = Cloning(character, prepared, CONFIG)
    again.restore(tmp_path / "checkpoint.pt")
    assert again.seconds >= 0.9 and again.samples > 0 and again.losses[-1] < again.losses[0]
    for name, value in again.policy.state_dict().items():
        assert torch.equal(value, policy.state_dict()[name]), name
    with pytest.raises(InputError, match="another network"):
        Cloning(character, prepared, replace(CONFIG, hidden=(16,))).restore(tmp_path / "checkpoint.pt")
    found = follow_clips(policy, [Task(character, clip.motion) for clip in prepared])
    assert found.followed.shape == (2,) and (found.share <= 1.0).all() and not (found.error < 0.0).any()


def test_a_clip_that_is_lost_at_once_has_no_error():
    character, motion = load_character("humanoid"), glide(12, speed=0.0)
    away = motion.qpos.copy()
    away[1:, 0] += 3.0
    tasks = [Task(character, each) for each in (motion, replace(motion, qpos=away))]
    policy = Policy(TrackerEnv.of_tasks(tasks, EnvConfig(), 2).policy_layout((8,)))
    found = follow_clips(policy, tasks)
    assert found.followed.tolist() == [True, False] and found.error[0] < 0.1
    assert np.isnan(found.error[1]) and np.isnan(found.local_error[1])


def test_there_must_be_clips(tmp_path: Path):
    with pytest.raises(InputError, match="sfv tracker prepare"):
        load_clips(tmp_path)


def test_a_prepared_segment_is_read_as_it_was_written(prepared: list[Prepared], tmp_path: Path):
    prepared[1].save(tmp_path / "b.npz")
    found = Prepared.load(tmp_path / "b.npz")
    assert found.draft is not None and prepared[1].draft is not None
    assert (found.name, found.kind, found.motion.joint_names) == ("b", "walk", prepared[1].motion.joint_names)
    assert np.array_equal(found.draft.controls, prepared[1].draft.controls)
    assert found.draft.gains == pytest.approx(prepared[1].draft.gains, abs=1e-7)


def test_who_hangs_in_the_air_is_carried_by_something():
    character, standing = load_character("humanoid"), glide(61, speed=0.0)
    lifted = standing.qpos.copy()
    lifted[:, 2] += 1.0
    assert find_longest_carried(Task(character, standing)) == 0.0
    assert find_longest_carried(Task(character, replace(standing, qpos=lifted))) == pytest.approx(61 / 30)


@pytest.mark.parametrize(
    ("completed", "carried", "result"), [(1, 0.1, FOLLOWED), (1, 1.2, FOLLOWED), (0, 0.1, FELL), (0, 1.2, CARRIED)]
)
def test_an_object_is_missing_where_neither_the_ground_nor_control_helps(completed: float, carried: float, result: str):
    assert name_result({"draft_completed": completed}, carried) == result


def test_a_laboratory_s_floor_is_level_and_who_is_refused_leaves_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    said = list[Any]()

    def refuse(*arguments: Any) -> None:
        said.extend(arguments)
        raise InputError("no person")

    clip = MocapClip("02_01", "walk", 3.0, 24.0, {})
    archive = SimpleNamespace(clips={"02_01": clip}, read=lambda name: name)
    monkeypatch.setattr(prepare, "import_skeleton", refuse)
    note = tmp_path / "02_01_0000.json"
    character: Any = None
    prepare.prepare_segment(cast(Any, archive), Segment("02_01", "walk", 0.0, 2.0), character, note, None)
    assert said[-1].up == "y" and said[4] == (0.0, 2.0), "leaning people do not tilt it"
    [found] = prepare.read_notes(tmp_path)
    assert (found["name"], found["result"], found["why"]) == ("02_01_0000", prepare.REFUSED, "no person")
    assert not note.with_suffix(".npz").exists()
