"""Three ways of learning, stopped and measured at the same moments of the same clock."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from imitate.policy import Policy
from imitate.tracker import ways
from imitate.tracker.prepare import FOLLOWED, TEST, TRAINING, Prepared
from imitate.tracker.train import CloneConfig, Cloning
from imitate.tracker.ways import MOMENTS, WAYS, measure_way
from reconstruct.characters.character import load_character
from tests.imitate.tracker.conftest import glide, make_prepared

HUMANOID = load_character("humanoid")


def keep(clip: Prepared, folder: Path, order: int) -> None:
    folder.mkdir(exist_ok=True)
    clip.save(folder / f"{clip.name}.npz")
    note = {"result": FOLLOWED, "order": order}
    (folder / f"{clip.name}.json").write_text(json.dumps(note), encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Standing, gliding and turned standing to learn from; standing, and leaping 3 m away, held out."""
    motion = glide(10, speed=0.0)
    away = motion.qpos + np.outer(np.arange(10) > 0, np.eye(motion.qpos.shape[1])[0] * 3.0)
    for order, clip in enumerate((motion, glide(12, 0.5), glide(10, 0.0, 1.0))):
        keep(make_prepared(f"02_0{order}_0000", clip), tmp_path / TRAINING, order)
    for order, clip in enumerate((motion, replace(motion, qpos=away))):
        keep(Prepared(f"14_0{order}_0000", "walk", clip, None), tmp_path / TEST, order)
    return tmp_path


def test_at_each_moment_learnt_and_held_out_clips_are_followed(folder: Path, monkeypatch: pytest.MonkeyPatch):
    asked = list[tuple[list[str], float, int]]()

    def stand(
        body: Any, clips: list[Prepared], place: Path, minutes: float, seed: int
    ) -> Iterator[tuple[Policy, float]]:
        asked.append(([clip.name for clip in clips], minutes, seed))
        policy = Cloning(body, clips, CloneConfig(hidden=(16,), envs=2, buffer=64, batch_size=8)).policy
        yield from ((policy, share * minutes) for share in MOMENTS)

    monkeypatch.setitem(WAYS, "stand", stand)
    threads = torch.get_num_threads()
    found = measure_way("stand", folder, 2, 8.0, 5)
    torch.set_num_threads(threads)
    assert asked == [(["02_00_0000", "02_01_0000"], 8.0, 5)], "the first clips, not all"
    assert [each["minutes"] for each in found] == [2.0, 4.0, 6.0, 8.0]
    assert all(each["learnt_followed"] == 1.0 and each["held_out_followed"] == 0.5 for each in found)
    assert all(each["held_out_share"] < each["learnt_share"] for each in found)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_every_way_learns(way: str, folder: Path):
    """Two clips are learnt from, by the clock; which are easy, so that it may not be lost."""
    found = measure_way(way, folder, 2, 0.4, 0)
    assert np.allclose([each["minutes"] for each in found], [0.1, 0.2, 0.3, 0.4])
    assert found[-1]["learnt_followed"] == 1.0 and np.isfinite(found[-1]["learnt_mpjpe_mm"])


def test_ppo_goes_on_from_half_the_cloning(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    begun, clips = list[tuple[float, int, float]](), ways.load_clips(folder, count=2)

    class Counted:
        policy = "cloned"

        def __init__(self, body: Any, own: Any, config: CloneConfig):
            self.minutes = config.minutes

    def train(training: Counted, minutes: float, *_: Any) -> None:
        begun.append((training.minutes, 0, minutes))

    def improve(policy: Any, tasks: list[Any], place: Path, config: Any) -> Any:
        begun.append((config.minutes, len(tasks), config.seed))
        assert (policy, config.workers) == ("cloned", 1)
        return "improved", {}

    monkeypatch.setattr(ways, "Cloning", Counted)
    monkeypatch.setattr(ways, "train_for", train)
    monkeypatch.setattr(ways, "improve_tracker", improve)
    found = list(ways.clone_then_ppo(HUMANOID, clips, tmp_path, 8.0, 3))
    assert found == [("cloned", 2.0), ("cloned", 4.0), ("improved", 6.0), ("improved", 8.0)]
    assert begun == [(4.0, 0, 2.0), (4.0, 0, 4.0), (2.0, 4, 3), (4.0, 4, 3)], "clips and their mirror images"
