"""`bench people`, rows together: where two people are relative to each other, in films of known truth."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pose.errors import InputError
from pose.estimate import FORMAT_VERSION as POSE_FORMAT
from pose.estimate import PoseConfig
from pose.everyone import FORMAT_VERSION as EVERYONE_FORMAT
from pose.everyone import estimate_everyone
from pose.files import replace_file
from pose.keypoints import Keypoints
from reconstruct.characters.character import load_character
from reconstruct.reconstruct import ReconstructConfig
from reconstruct.together.keep_apart import Cast, keep_apart
from reconstruct.together.shared_world import find_shared_world, reconstruct_in_world
from sfv.bench.films import name_cache
from sfv.bench.people_films import PAIRS, PairFilm, PeopleTruth, Stage, describe, film_people, play
from sfv.bench.simulated_keypoints import simulate_keypoints
from sfv.console import bar, console
from sfv.demo.demo import Demo
from sfv.rows import Row

GOAL_MM = 150.0
"""Of the relative place."""
SOME_CROPS = PoseConfig(crop_rounds=6)
"""Rounds of crops; those that follow change little."""


def measure_together() -> list[Row]:
    """Error of the relative place of two people: mean over the films, then each; their heights; who was not found."""
    measured, rows, found = list[_Measured](), list[Row](), list[float]()
    for film in PAIRS:
        console.print(f"[dim]{film.name}[/dim]")
        video, truth = film_people(film)
        everyone, why = _find_two(video, truth)
        found.append(float(not why))
        if why:
            rows.append(Row(f"two_people_{name_row(film)}_mm", None, "mm", 0, note=why))
            continue
        heights = tuple(getattr(one, "height", load_character("humanoid").height) for one in film.people)
        one = _measure(everyone, truth, heights)
        measured.append(one)
        rows.append(one.row(f"two_people_{name_row(film)}_mm"))
    return [
        Row.mean_of("two_people_relative_mm", [mm for one in measured for mm in one.errors_mm], "mm", goal=GOAL_MM),
        Row.mean_of("two_people_found", found, ""),
        Row.mean_of("two_people_height_ratio_error", [one.ratio_error for one in measured], ""),
        *rows,
    ]


def measure_simulated() -> list[Row]:
    """The same by keypoints that are made of the truth and a detector's noise, without a film: mean, then each film."""
    rows, errors = list[Row](), list[float]()
    for film in PAIRS:
        console.print(f"[dim]{film.name}[/dim]")
        stage = play(film)
        one = _measure(simulate_everyone(stage), describe(stage), tuple(body.height for body in stage.bodies))
        errors += one.errors_mm
        rows.append(one.row(f"simulated_{name_row(film)}_mm"))
    return [Row.mean_of("two_people_simulated_mm", errors, "mm", goal=GOAL_MM), *rows]


def simulate_everyone(stage: Stage) -> list[Keypoints]:
    """Keypoints of everybody on a stage, of the truth and a detector's noise; not seen where not in the film."""
    everyone = list[Keypoints]()
    for n, (body, qpos) in enumerate(zip(stage.bodies, stage.motions, strict=True)):
        truth = Demo(qpos, np.zeros((len(qpos), len(body.contacts)), dtype=bool), stage.xyz_w[n], stage.camera)
        person, there = simulate_keypoints(truth, body, seed=n), stage.visible[n][:, None]
        parts = {name: getattr(person, name) * there[..., None] for name in ("xy", "xyz")}
        everyone.append(replace(person, **parts, confidence=person.confidence * there))
    return everyone


@dataclass(frozen=True)
class _Measured:
    """What was measured of two people in a film."""

    errors_mm: list[float]
    """Of the relative place, over the frames in which both are there."""
    heights: tuple[float, ...]
    """As found [m]."""
    true_heights: tuple[float, ...]

    @property
    def ratio_error(self) -> float:
        """Error of the logarithm of the heights' ratio."""
        found, true = self.heights[1] / self.heights[0], self.true_heights[1] / self.true_heights[0]
        return abs(float(np.log(found / true)))

    def row(self, name: str) -> Row:
        (first, second), (true_first, true_second) = self.heights, self.true_heights
        note = f"heights {first:.2f} and {second:.2f} m, truly {true_first:.2f} and {true_second:.2f}"
        mean = float(np.mean(self.errors_mm)) if self.errors_mm else None
        return Row(name, mean, "mm", len(self.errors_mm), note=note)


def _measure(everyone: list[Keypoints], truth: PeopleTruth, heights: tuple[float, ...]) -> _Measured:
    """Reconstructs two people of true heights [m]."""
    roots, found = reconstruct_pair(everyone)
    error = measure_relative(roots, truth)
    return _Measured(error[np.isfinite(error)].tolist(), found, heights)


def _find_two(video: Path, truth: PeopleTruth) -> tuple[list[Keypoints], str]:
    """Keypoints of both people, in the film's order; and why they were not found, empty if they were."""
    try:
        everyone = find_cached_everyone(video, SOME_CROPS)
    except InputError as error:
        return [], str(error).removeprefix(f"{video}: ")
    order = match_people(everyone, truth)
    return ([], f"{len(everyone)} people found") if order is None else ([everyone[n] for n in order], "")


def name_row(film: PairFilm) -> str:
    """The film's name as a part of a row's."""
    return film.name.removeprefix("pair-").replace("-", "_")


def find_cached_everyone(video: Path, config: PoseConfig) -> list[Keypoints]:
    """`estimate_everyone`, once for each video's bytes, settings and version."""
    folder = name_cache(video, config, POSE_FORMAT, EVERYONE_FORMAT)
    done = folder / "done"
    if not done.is_file():
        with bar(f"{video.stem} pose") as progress:
            found = estimate_everyone(video, config, progress)
        folder.mkdir(parents=True, exist_ok=True)
        for number, person in enumerate(found):
            person.save(folder / f"{number}.npz")
        with replace_file(done) as temporary:
            temporary.write_text(f"{len(found)}\n", encoding="utf-8")
    return [Keypoints.load(folder / f"{number}.npz") for number in range(int(done.read_text(encoding="utf-8")))]


def match_people(everyone: list[Keypoints], truth: PeopleTruth) -> list[int] | None:
    """Which keypoints are of which of the film's people, by their hips in the image; None if not one each."""
    order = list[int]()
    for xy, visible in zip(truth.xy_px, truth.visible, strict=True):
        away = list[float]()
        for person in everyone:
            both = person.seen & visible
            miss = np.linalg.norm(person.xy[both].mean(axis=1) - xy[both].mean(axis=1), axis=-1)
            away.append(float(np.median(miss)) if both.any() else np.inf)
        order.append(int(np.argmin(away)))
    return order if len(set(order)) == len(order) == len(everyone) else None


def reconstruct_pair(everyone: list[Keypoints]) -> tuple[list[np.ndarray], tuple[float, ...]]:
    """Root positions of people over a film's frames in the shared world, NaN where one is not there, (T, 3) each; and
    their heights."""
    config, character = ReconstructConfig(), load_character("humanoid")
    world = find_shared_world(everyone, character, config)
    bodies = [load_character("humanoid", height) for height in world.heights]
    found = [reconstruct_in_world(one, body, config, world.camera) for one, body in zip(everyone, bodies, strict=True)]
    cast = Cast(bodies, [one.motion for one, _ in found], [place for _, place in found])
    places, _ = keep_apart(cast, world.camera)
    roots = list[np.ndarray]()
    for film, motion, place in zip(everyone, cast.motions, places, strict=True):
        rows, first = np.full((len(film), 3), np.nan), round(place.begin * film.fps)
        rows[first : first + len(motion)] = place.put(motion.qpos)[:, :3]
        roots.append(rows)
    return roots, world.heights


def measure_relative(roots: list[np.ndarray], truth: PeopleTruth) -> np.ndarray:
    """Error of the second person's place as seen from the first's [mm], NaN where one of them is not there, (T,).

    Args:
      roots: of both in a world whose x is the way that the camera looks, (T, 3) each.
      truth: the film's.
    """
    forward = truth.R_camera_world[2, :2] / np.linalg.norm(truth.R_camera_world[2, :2])
    axes = np.array([[forward[0], forward[1], 0.0], [-forward[1], forward[0], 0.0], [0.0, 0.0, 1.0]])
    frames = min(len(roots[0]), truth.root_w.shape[1])
    true = (truth.root_w[1] - truth.root_w[0])[:frames] @ axes.T
    return 1e3 * np.linalg.norm((roots[1] - roots[0])[:frames] - true, axis=1)
