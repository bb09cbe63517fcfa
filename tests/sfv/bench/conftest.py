"""What the tests of several benches share: the rows that a command prints, and a film with known truth."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pose.weights import SIZES, cache_folder, is_intact
from sfv.bench import inputs
from sfv.bench.films import VIEWPOINTS, Film, render_film
from sfv.demo.demo import truth_path
from sfv.demo.motions import load_demo_take
from tests.samples import CHARACTER

Rows = dict[str, dict[str, Any]]


@pytest.fixture
def printed(capsys) -> Callable[[], Rows]:
    """Reads the rows that a command has printed as JSON, by name."""
    return lambda: {row["name"]: row for row in json.loads(capsys.readouterr().out)["rows"]}


@pytest.fixture
def no_recordings(monkeypatch, tmp_path):
    """As for somebody who has the project alone."""
    monkeypatch.setattr(inputs, "RECORDINGS", tmp_path / "absent")


@pytest.fixture
def model_size() -> str:
    """A size of BlazePose whose weights are in the cache; the test is skipped without any."""
    sizes = [size for size in SIZES if is_intact(cache_folder() / f"pose_landmarker_{size}.task")]
    if not sizes:
        pytest.skip("no BlazePose weights in the cache: make setup")
    return sizes[-1]


@dataclass(frozen=True)
class ShortFilm:
    video: Path
    truth: Path


@pytest.fixture(scope="session")
def short_film(tmp_path_factory) -> ShortFilm:
    """Half a second of a walk, filmed from the side."""
    qpos, contacts = load_demo_take("walk", CHARACTER)
    folder = tmp_path_factory.mktemp("films")
    video = render_film(Film("synthetic", "walk", VIEWPOINTS[0], "humanoid", False), qpos[:16], contacts[:16], folder)
    return ShortFilm(video, truth_path(video))
