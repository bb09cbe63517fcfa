"""`bench height`: how tall people of known height are found to be in films, and what that does to the world's size."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pose.errors import InputError
from pose.landmarks import TWELVE
from reconstruct.characters.character import Character, load_character
from reconstruct.fit.person_height import HeightEstimate, scale_character
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.reconstruct import ReconstructConfig, Reconstruction, reconstruct_motion
from sfv.bench.films import find_cached_keypoints
from sfv.bench.height_films import SizedFilm, make_height_films
from sfv.bench.inputs import find_recordings
from sfv.bench.metrics import world_mpjpe
from sfv.bench.reconstruct import EVERY_FRAME, name_largest
from sfv.bench.truth import Truth
from sfv.console import console
from sfv.demo.demo import truth_path
from sfv.rows import Row, show

GOALS = {"flying": 4.0, "otherwise": 8.0}
"""Largest mean error of the height [%]."""
MOTIONS = ("jump", "backflip", "spinkick", "run", "walk", "dance_a", "spin")
"""Motion capture that is filmed besides the demonstrations, if it is there."""


@dataclass(frozen=True)
class MeasuredHeight:
    """One film."""

    film: SizedFilm
    height: HeightEstimate
    world_mm: float
    """Error in the world with the height as it was found."""
    assumed_mm: float
    """The same with the character's own height."""

    @property
    def error_percent(self) -> float:
        """Of the height that was found."""
        return 100.0 * abs(self.height.metres / self.film.height - 1.0)


def bench_height(full: bool = False, limit: int | None = None, json: bool = False) -> None:
    """Heights that are found in films of people of known height, 1.1 to 2.0 m.

    Films and keypoints are kept in the cache: an interrupted run goes on from there.

    Args:
      full: every motion at every height instead of at two.
      limit: no more films than this, those that fly first.
      json: one JSON object on standard output instead of a table.
    """
    files = [path for path in find_recordings("motions/*.txt") if path.stem.split("_", 1)[-1] in MOTIONS]
    character = load_character("humanoid")
    measured = list[MeasuredHeight]()
    failed = list[str]()
    for film, video in make_height_films(files, full, limit):
        console.print(f"[dim]{film.title}[/dim]")
        try:
            measured.append(measure_height(film, video, character))
        except InputError as error:
            failed.append(f"{film.title}: {error}")
    show("height", list_rows(measured, character.height, failed), json)


def measure_height(film: SizedFilm, video: Path, character: Character) -> MeasuredHeight:
    """The height that is found in a film, and the errors in the world with it and without."""
    keypoints, _ = find_cached_keypoints(video, EVERY_FRAME)
    truth = Truth.load(truth_path(video))
    config = ReconstructConfig(loop="no")
    found = reconstruct_motion(keypoints, character, config, find_height=True)
    assert found.height is not None
    usual = found
    if found.height.is_other:
        usual = reconstruct_motion(keypoints, character, config)
    return MeasuredHeight(
        film, found.height, _world_error(found, truth, character), _world_error(usual, truth, character)
    )


def _world_error(found: Reconstruction, truth: Truth, character: Character) -> float:
    body = scale_character(character, found.motion.height)
    points = BodyPoints.of_sites(body.model, tuple(body.landmarks[name] for name in TWELVE))
    joints_c = found.camera.to_camera(point_positions(body.model, found.motion.qpos, points))
    count = min(len(joints_c), len(truth.xyz_w) - found.first_frame)
    return world_mpjpe(joints_c[:count], truth.xyz_c[found.first_frame :][:count])


def list_rows(measured: list[MeasuredHeight], assumed: float, failed: list[str]) -> list[Row]:
    """Errors where people fly and where they do not, how often the interval is right, and the world's error.

    Args:
      measured: films.
      assumed: height of the character itself [m].
      failed: what could not be measured, and why.
    """
    rows = list[Row]()
    for name, flies in (("flying", True), ("otherwise", False)):
        errors = {one.film.title: one.error_percent for one in measured if one.film.flies == flies}
        row = Row.mean_of(f"height_error_percent_{name}", list(errors.values()), "%", None, GOALS[name])
        usual = [100.0 * abs(assumed / one.film.height - 1.0) for one in measured if one.film.flies == flies]
        note = "; ".join(filter(None, [name_largest(errors, 2), *failed]))
        rows.append(Row(row.name, row.value, "%", row.n, row.spread, _mean(usual), row.goal, note))
    held = [one.height.low <= one.film.height <= one.height.high for one in measured]
    rows.append(Row.mean_of("height_in_interval", [float(within) for within in held], "", None, 0.9))
    own = [one for one in measured if abs(one.film.height - assumed) < 0.01]
    kept = [float(not one.height.is_other) for one in own]
    rows.append(Row.mean_of("own_height_kept", kept, "", None, 1.0))
    others = [one for one in measured if one not in own]
    world = Row.mean_of("other_height_world_mpjpe_mm", [one.world_mm for one in others], "mm")
    baseline = _mean([one.assumed_mm for one in others])
    note = f"a height was taken in {sum(one.height.is_other for one in others)} of {len(others)} films"
    rows.append(Row(world.name, world.value, "mm", world.n, world.spread, baseline, None, note))
    return rows


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None
