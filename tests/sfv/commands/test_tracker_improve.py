"""`sfv tracker improve`: what it leaves, also after Ctrl-C, and what it refuses."""

from pathlib import Path
from typing import Any

import pytest

from imitate.env.config import EnvConfig
from imitate.policy import Policy
from imitate.tracker.env import TrackerEnv
from imitate.tracker.evaluation import load_tracker
from imitate.tracker.prepare import TRAINING
from imitate.training.loop import BEST_POLICY
from pose.errors import InputError
from sfv.commands import tracker_improve
from sfv.commands.tracker_improve import TrackerImproveConfig, improve_trained, make_tasks
from tests.imitate.tracker.conftest import glide, make_prepared
from tests.sfv.bench.test_tracker import keep


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / TRAINING).mkdir()
    clip = make_prepared("02_01_0000", glide(6, 0.0))
    keep(clip, tmp_path / TRAINING)
    policy = Policy(TrackerEnv.of_tasks(make_tasks([clip]), EnvConfig(), 1).policy_layout((8,)))
    policy.save_actor(tmp_path / "tracker.pt")
    return tmp_path


def test_clips_and_their_images_are_learnt_and_the_best_is_kept_after_ctrl_c(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    best, ends = load_tracker(folder / "tracker.pt"), [KeyboardInterrupt, None]
    best.state_dict()["actor.2.bias"][:] = 0.125

    def improved(policy: Policy, tasks: Any, where: Path, config: Any, progress: Any) -> None:
        assert len(tasks) == 2 and where == folder / "ppo" and config.minutes == 60.0
        best.save(where / BEST_POLICY)
        if (end := ends.pop(0)) is not None:
            raise end

    monkeypatch.setattr(tracker_improve, "improve_tracker", improved)
    with pytest.raises(KeyboardInterrupt):
        improve_trained(TrackerImproveConfig(folder))
    assert load_tracker(folder / "improved.pt").state_dict()["actor.2.bias"].tolist() == [0.125] * 28
    (folder / "improved.pt").unlink()
    improve_trained(TrackerImproveConfig(folder))
    said = " ".join(capsys.readouterr().err.split())
    assert "improved.pt: 100% of 1 clips followed to the end" in said and "(before: 100% of 1 clips" in said
    cloned = load_tracker(folder / "tracker.pt").state_dict()["actor.2.bias"]
    assert cloned.abs().max() == 0.0, "what was cloned stays"


def test_what_cannot_be_improved_is_one_line(folder: Path):
    with pytest.raises(InputError, match="give 1 or more"):
        improve_trained(TrackerImproveConfig(folder, clips=0))
    (folder / "tracker.pt").unlink()
    with pytest.raises(InputError, match=r"tracker.pt: no such file"):
        improve_trained(TrackerImproveConfig(folder))
