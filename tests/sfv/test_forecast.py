"""How long a long video will take: what is measured on its middle, times its length; said once, before anything."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pose.errors import InputError
from pose.estimate import PoseConfig
from pose.progress import silent
from pose.video import VideoInfo, VideoWriter
from reconstruct.characters.character import load_character
from sfv import forecast as forecasts
from sfv.config import ClipConfig
from sfv.forecast import EXCERPT, LONG, Forecast, announce, find_length, forecast
from sfv.stage import Made, Stage

BODY = load_character("humanoid")


@pytest.fixture
def film(tmp_path) -> Path:
    path = tmp_path / "film.mp4"
    with VideoWriter(path, 2, (32, 32)) as video:
        for _ in range(20):
            video.write(np.zeros((32, 32, 3), np.uint8))
    return path


def say_length(monkeypatch, seconds: float) -> None:
    info = VideoInfo(Path("film.mp4"), 32, 32, 2.0, round(2 * seconds), seconds, 0)
    monkeypatch.setattr(forecasts, "probe", lambda _: info)


def test_what_the_middle_takes_is_multiplied(film, monkeypatch):
    """By a clock that only the two stages move: 12 s for the keypoints of the middle, 3 s for its motion."""
    clock, looked_at = [0.0], list[PoseConfig]()

    class Detector:
        workers = 2

        def __init__(self, *_, **__): ...

        def __enter__(self):
            return self

        def __exit__(self, *_): ...

        def detect(self, images):
            clock[0] += 5.0
            return [None for _ in images]

    def find_keypoints(estimator, video, info, config):
        looked_at.append(config)
        clock[0] += 12.0

    def make(work):
        clock[0] += 3.0
        return Made("", {})

    monkeypatch.setattr(forecasts.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(forecasts, "find_or_fetch", lambda *_: Path("bundle"))
    monkeypatch.setattr(forecasts, "BlazePose", Detector)
    monkeypatch.setattr(forecasts, "estimate_keypoints_with", find_keypoints)
    monkeypatch.setattr(forecasts.stages, "describe_keypoints", lambda *_: None)
    monkeypatch.setattr(forecasts.stages, "reconstruct", lambda *_: Stage("2_motion/x", 1, {}, {}, make))
    config = ClipConfig(video=film, pose=PoseConfig(start=2.0, person="5,5@3"))
    found = forecast(config, BODY, BODY, silent)
    assert find_length(config) == pytest.approx(8.0)
    assert (looked_at[0].start, looked_at[0].end, looked_at[0].person) == (3.0, 3.0 + EXCERPT, "")
    assert found.start == 5.0
    assert found.pose_seconds == pytest.approx(5.0 + 12.0 * 8.0 / EXCERPT)
    assert found.motion_seconds == pytest.approx(3.0 * 8.0 / EXCERPT)


def test_it_is_said_of_long_videos_whose_keypoints_are_missing(film, tmp_path, monkeypatch, capsys):
    found, asked = Forecast(600.0, 5.0, 1.5, 0.7), list[ClipConfig]()
    monkeypatch.setattr(forecasts, "forecast", lambda config, *_: asked.append(config) or found)
    config = ClipConfig(video=film)
    announce(tmp_path, config, BODY, BODY)
    assert not asked
    say_length(monkeypatch, 600.0)
    announce(tmp_path, replace(config, pose=PoseConfig(end=LONG - 1.0)), BODY, BODY)
    assert not asked
    announce(tmp_path, config, BODY, BODY)
    assert "10.0 minutes: its keypoints will take about 16 minutes and its motion 7" in capsys.readouterr().err
    monkeypatch.setattr(forecasts, "is_done", lambda *_: True)
    announce(tmp_path, config, BODY, BODY)
    assert len(asked) == 1


def test_a_middle_without_anybody_ends_nothing(film, tmp_path, monkeypatch, capsys):
    def see_nobody(*_):
        raise InputError("nobody")

    say_length(monkeypatch, 600.0)
    monkeypatch.setattr(forecasts, "forecast", see_nobody)
    announce(tmp_path, ClipConfig(video=film), BODY, BODY)
    assert "cannot be forecast" in capsys.readouterr().err
