"""The bench of the tracker on two clips that nobody has learnt."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imitate.env.task import Task
from imitate.policy import Policy, save_torch
from imitate.tracker.improve import ImproveConfig
from imitate.tracker.prepare import FOLLOWED, TEST, TRAINING, Prepared
from imitate.tracker.train import CLONE_VERSION, CloneConfig, Cloning
from imitate.tracker.world_train import WORLD_VERSION
from pose.errors import InputError
from reconstruct.characters.character import load_character
from sfv.bench import tracker as bench
from sfv.bench.tracker import bench_tracker
from tests.imitate.tracker.conftest import glide, make_prepared

CONFIG = CloneConfig(hidden=(16,), envs=2, buffer=64, batch_size=8)


def keep(prepared: Prepared, folder: Path) -> None:
    note = {"result": FOLLOWED, "order": 0, "draft_return": 0.9, "cpu_seconds": 6.0, "seconds": 2.0}
    prepared.save(folder / f"{prepared.name}.npz")
    (folder / f"{prepared.name}.json").write_text(json.dumps(note), encoding="utf-8")


def test_each_held_out_clip_is_tuned_on_by_itself(monkeypatch: pytest.MonkeyPatch):
    """One of them leaps away, and what one clip teaches is not used on the other."""
    motion, asked = glide(10, 0.0), list[float]()
    away = motion.qpos + np.outer(np.arange(10) > 0, np.eye(motion.qpos.shape[1])[0] * 3.0)
    clips = [make_prepared("a", motion), make_prepared("b", replace(motion, qpos=away))]
    policy = Cloning(load_character("humanoid"), clips[:1], CONFIG).policy

    def improved(start: Policy, tasks: list[Task], folder: Path, config: ImproveConfig) -> Any:
        assert start is policy and len(tasks) == 1
        asked.append(config.minutes)
        return start, {"train_seconds": 3.0}

    monkeypatch.setattr(bench, "improve_tracker", improved)
    rows = {row.name: row for row in bench.measure_tuned(policy, clips, 0.5)}
    assert asked == [0.5, 0.5] and rows["tracker_tuned_followed"].n == 2
    assert rows["tracker_tuned_followed"].value == 0.5 and rows["tracker_tuned_followed"].goal == 0.95
    assert rows["tracker_tuned_seconds"].value == 3.0


def test_rows_and_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    clip = make_prepared("02_01_0000", glide(10, speed=0.0))
    (tmp_path / TRAINING).mkdir()
    (tmp_path / TEST).mkdir()
    keep(clip, tmp_path / TRAINING)
    cloning = Cloning(load_character("humanoid"), [clip], CONFIG)
    cloning.policy.save_actor(tmp_path / "tracker.pt")
    content = {"format": CLONE_VERSION, "clips": [clip.name], "seconds": 90.0, "cpu_seconds": 30.0, "samples": 1000}
    save_torch(content, tmp_path / "checkpoint.pt")
    with pytest.raises(InputError, match="no held-out clips"):
        bench_tracker(tmp_path)
    with pytest.raises(InputError, match="no folder"):
        bench_tracker(tmp_path, page=tmp_path / "nowhere" / "page.md")
    keep(Prepared("14_01_0000", "walk", clip.motion, None), tmp_path / TEST)
    keep(make_prepared("02_02_0000", glide(10, speed=0.0)), tmp_path / TRAINING)
    bench_tracker(tmp_path, json=True, page=tmp_path / "page.md")
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["rows"]}
    # Standing for a third of a second needs no skill: whoever does nothing is still near the reference.
    assert rows["tracker_followed"]["value"] == rows["tracker_learnt_followed"]["value"] == 1.0
    assert (rows["tracker_learnt_followed"]["n"], rows["tracker_clips_followed"]["n"]) == (1, 2), "prepared later"
    assert rows["tracker_walk_mpjpe_mm"]["value"] == rows["tracker_mpjpe_mm"]["value"] < 60.0
    assert rows["tracker_train_cpu_minutes"]["value"] == 0.5
    assert rows["tracker_train_minutes"]["value"] == 1.5 and rows["tracker_draft_cpu_s_per_s"]["value"] == 3.0
    assert "tracker_tuned_followed" not in rows
    assert "| `tracker_followed` | 1 " in (tmp_path / "page.md").read_text(encoding="utf-8")
    save_torch(content | {"format": "world model 0"}, tmp_path / "checkpoint.pt")
    with pytest.raises(InputError, match="another version of the tracker"):
        bench_tracker(tmp_path)
    save_torch(content | {"format": WORLD_VERSION, "samples": 7}, tmp_path / "checkpoint.pt")
    bench_tracker(tmp_path, json=True)
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["rows"]}
    assert rows["tracker_train_states"]["value"] == 7, "learnt through a model, but a tracker"
