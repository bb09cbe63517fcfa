"""Which tracker is used, and what is said where none can be."""

from dataclasses import replace
from pathlib import Path

import pytest

from imitate.env.config import EnvConfig
from imitate.env.task import Task
from imitate.policy import Policy
from imitate.tracker.env import TrackerEnv
from imitate.training.config import TrainConfig
from pose.errors import InputError
from sfv import trackers
from sfv.config import ClipConfig
from sfv.stage import StageResult
from sfv.stages_train import train
from sfv.trackers import choose_tracker, find_tracker
from tests.imitate.tracker.conftest import glide
from tests.samples import CHARACTER

FROM_TRACKER = TrainConfig(warm_start="tracker")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    policy = Policy(TrackerEnv.of_tasks([Task(CHARACTER, glide(4))], EnvConfig(), 1).policy_layout((8,)))
    policy.save_actor(tmp_path / "tracker.pt")
    return tmp_path / "tracker.pt"


def test_a_given_tracker_comes_before_the_shipped_one(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(trackers, "SHIPPED_TRACKER", tmp_path / "nosuch.pt")
    assert find_tracker(None, "humanoid") is None
    assert choose_tracker(file, FROM_TRACKER, "humanoid") == file
    assert choose_tracker(None, TrainConfig(), "humanoid") is None
    with pytest.raises(InputError, match="--warm-start tracker: none ships for 'humanoid'; give one"):
        choose_tracker(None, FROM_TRACKER, "humanoid")
    monkeypatch.setattr(trackers, "SHIPPED_TRACKER", file)
    assert choose_tracker(None, FROM_TRACKER, "humanoid") == file
    other = Policy.load(file)
    other.layout = replace(other.layout, character="atlas")
    other.save_actor(tmp_path / "atlas.pt")
    monkeypatch.setattr(trackers, "SHIPPED_TRACKER", tmp_path / "atlas.pt")
    assert find_tracker(None, "humanoid") is None, "the shipped one may be another body's"
    with pytest.raises(InputError, match="trained for atlas, not for humanoid"):
        choose_tracker(tmp_path / "atlas.pt", FROM_TRACKER, "humanoid")


def test_options_that_would_be_passed_over_are_refused_before_any_work(file: Path, tmp_path: Path):
    with pytest.raises(InputError, match="--tracker is for --warm-start tracker"):
        ClipConfig(tracker=file).check()
    with pytest.raises(InputError, match="no such file"):
        ClipConfig(tracker=tmp_path / "nosuch.pt", imitate=FROM_TRACKER).check()
    ClipConfig(tracker=file, imitate=FROM_TRACKER).check()


def test_another_tracker_is_another_training_and_none_is_the_one_of_before(file: Path, tmp_path: Path):
    for name in ("motion.npz", "draft.npz"):
        (tmp_path / name).write_text(name)
    done, task = StageResult(tmp_path, "", {}, 0.0), Task(CHARACTER, glide(4))
    found = [
        train(done, done, task, config, file).identity for config in (FROM_TRACKER, TrainConfig(warm_start="draft"))
    ]
    assert "tracker" not in found[1]["inputs"] and {"motion", "draft", "tracker"} <= found[0]["inputs"].keys()
    file.write_text("another")
    again = train(done, done, task, FROM_TRACKER, file).identity
    assert again["inputs"]["tracker"] != found[0]["inputs"]["tracker"]
    assert "draft" not in train(done, done, task, TrainConfig(warm_start="none")).identity["inputs"]
