"""A longer video becomes one run for each part that moves, and a part that fails stops no other."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pose.errors import InputError
from pose.keypoints import Keypoints
from pose.landmarks import LANDMARKS
from pose.timeline.segments import Segment
from pose.video import VideoWriter
from sfv import split
from sfv.config import ClipConfig
from sfv.run import Run
from tests.people import stick

FPS = 30.0


def walk_rest_jump() -> Keypoints:
    walk = [stick(300.0 + 2 * t, 400.0, 300.0, 2 * np.pi * t / FPS) for t in range(150)]
    rest = [stick(600.0, 400.0, 300.0)] * 60
    jump = [stick(600.0, 400.0 - 150.0 * np.sin(np.pi * t / 30) ** 2, 300.0, 0.1 * t) for t in range(30)]
    xy = np.stack([*walk, *rest, *jump, *rest])
    return Keypoints(xy, np.zeros((len(xy), 33, 3)), np.full((len(xy), 33), 0.9), FPS, LANDMARKS, (1280, 720))


@pytest.fixture
def video(tmp_path: Path) -> Path:
    with VideoWriter(tmp_path / "long.mp4", FPS, (64, 48)) as writer:
        for _ in range(12):
            writer.write(np.zeros((48, 64, 3), np.uint8))
    return tmp_path / "long.mp4"


def stub(monkeypatch: pytest.MonkeyPatch, keypoints: Keypoints, tmp_path: Path, fail: int = 0) -> list[Any]:
    """Replaces finding the person and learning; returns the learnt parts: folder and times."""
    keypoints.save(tmp_path / "keypoints.npz")
    learnt = list[Any]()

    def learn(config: ClipConfig, command: str | None, find: Any, before: Any) -> Run:
        learnt.append((config.out, find.config.start, find.config.end))
        if len(learnt) == fail:
            raise InputError("poor")
        assert config.out is not None
        return Run(config.out, "humanoid")

    monkeypatch.setattr(split, "run_stage", lambda *_, **__: {"keypoints.npz": tmp_path / "keypoints.npz"})
    monkeypatch.setattr(split, "print_findings", lambda _: None)
    monkeypatch.setattr(split, "run_clip", learn)
    return learnt


def test_each_part_that_moves_gets_a_run_beside_the_video_s_and_failures_are_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, video: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    learnt = stub(monkeypatch, walk_rest_jump(), tmp_path, fail=1)
    runs = split.run_split(ClipConfig(video=video, out=tmp_path / "runs" / "long", split=True))
    assert [part[0] for part in learnt] == [tmp_path / "runs" / f"long_{n}" for n in (1, 2)]
    assert learnt[0][1] == 0.0 and learnt[0][2] == pytest.approx(5.3, abs=0.3)
    assert (learnt[1][1], learnt[1][2]) == (pytest.approx(6.7, abs=0.3), pytest.approx(8.3, abs=0.3))
    assert len(runs) == 1
    said = capsys.readouterr()
    text = (said.out + said.err).replace("\n", " ")
    assert "2 skills of up to 20 min" in text and "46 min at most" in text and "left out: poor" in text


def test_video_in_which_nothing_moves_and_motion_files_are_one_line_errors(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, video: Path
) -> None:
    whole = walk_rest_jump()
    stub(monkeypatch, whole.select(5.2, 6.8), tmp_path)
    with pytest.raises(InputError, match="nothing in it moves"):
        split.run_split(ClipConfig(video=video, out=tmp_path / "runs" / "still", split=True))
    with pytest.raises(InputError, match="--split is for videos"):
        split.run_split(ClipConfig(motion=tmp_path / "walk.bvh", split=True))


def test_parts_are_as_long_as_the_motion_not_as_its_slow_film(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, video: Path
) -> None:
    learnt = stub(monkeypatch, walk_rest_jump().with_speed(4.0), tmp_path)
    segments = [Segment("action", 0.0, 1.2), Segment("rest", 1.2, 4.0), Segment("action", 4.0, 6.4)]
    monkeypatch.setattr(split, "find_segments", lambda _: segments)
    split.run_split(ClipConfig(video=video, out=tmp_path / "runs" / "slow", split=True))
    assert [part[1:] for part in learnt] == [(4.0, 6.4)]
