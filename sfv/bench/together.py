"""`bench people`, rows together: where two people are relative to each other, in films of known truth."""

import hashlib
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from pose.downloads import cache_folder
from pose.estimate import FORMAT_VERSION as POSE_FORMAT
from pose.estimate import PoseConfig
from pose.everyone import FORMAT_VERSION as EVERYONE_FORMAT
from pose.everyone import estimate_everyone
from pose.keypoints import Keypoints
from reconstruct.characters.character import load_character
from reconstruct.keep_apart import Cast, keep_apart
from reconstruct.reconstruct import ReconstructConfig
from reconstruct.shared_world import find_shared_world, reconstruct_in_world
from sfv.bench.people_films import PAIRS, PairFilm, PeopleTruth, describe, film_people, play
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
    rows, errors, ratios, found = list[Row](), list[float](), list[float](), list[float]()
    for film in PAIRS:
        console.print(f"[dim]{film.name}[/dim]")
        video, truth = film_people(film)
        everyone = find_cached_everyone(video, SOME_CROPS)
        order = match_people(everyone, truth)
        found.append(float(order is not None))
        if order is None:
            rows.append(Row(f"two_people_{name_row(film)}_mm", None, "mm", 0, note=f"{len(everyone)} people found"))
            continue
        each, heights = reconstruct_pair([everyone[n] for n in order])
        error = measure_relative(each, truth)
        errors += error[np.isfinite(error)].tolist()
        tall = [getattr(one, "height", load_character("humanoid").height) for one in film.people]
        ratios.append(abs(float(np.log(heights[1] / heights[0] / (tall[1] / tall[0])))))
        note = f"heights {heights[0]:.2f} and {heights[1]:.2f} m, truly {tall[0]:.2f} and {tall[1]:.2f}"
        rows.append(Row(f"two_people_{name_row(film)}_mm", float(np.nanmean(error)), "mm", len(error), note=note))
    return [
        Row.mean_of("two_people_relative_mm", errors, "mm", goal=GOAL_MM),
        Row.mean_of("two_people_found", found, ""),
        Row.mean_of("two_people_height_ratio_error", ratios, ""),
        *rows,
    ]


def measure_simulated() -> list[Row]:
    """The same by keypoints that are made of the truth and a detector's noise, without a film: mean, then each film."""
    rows, errors = list[Row](), list[float]()
    for film in PAIRS:
        console.print(f"[dim]{film.name}[/dim]")
        stage, everyone = play(film), list[Keypoints]()
        for n, (body, qpos) in enumerate(zip(stage.bodies, stage.motions, strict=True)):
            truth = Demo(qpos, np.zeros((len(qpos), len(body.contacts)), dtype=bool), stage.xyz_w[n], stage.camera)
            person, there = simulate_keypoints(truth, body, seed=n), stage.visible[n][:, None]
            parts = {name: getattr(person, name) * there[..., None] for name in ("xy", "xyz")}
            everyone.append(replace(person, **parts, confidence=person.confidence * there))
        each, heights = reconstruct_pair(everyone)
        error = measure_relative(each, describe(stage))
        errors += error[np.isfinite(error)].tolist()
        tall = [body.height for body in stage.bodies]
        note = f"heights {heights[0]:.2f} and {heights[1]:.2f} m, truly {tall[0]:.2f} and {tall[1]:.2f}"
        rows.append(Row(f"simulated_{name_row(film)}_mm", float(np.nanmean(error)), "mm", len(error), note=note))
    return [Row.mean_of("two_people_simulated_mm", errors, "mm", goal=GOAL_MM), *rows]


def name_row(film: PairFilm) -> str:
    """The film's name as a part of a row's."""
    return film.name.removeprefix("pair-").replace("-", "_")


def find_cached_everyone(video: Path, config: PoseConfig) -> list[Keypoints]:
    """`estimate_everyone`, once for each video's bytes, settings and version."""
    settings = {key: value for key, value in asdict(config).items() if key != "processes"}
    digest = hashlib.sha256(video.read_bytes() + repr((settings, POSE_FORMAT, EVERYONE_FORMAT)).encode()).hexdigest()
    folder = cache_folder() / "bench" / "keypoints" / f"{video.stem}-{digest[:16]}"
    done = folder / "done"
    if not done.is_file():
        with bar(f"{video.stem} pose") as progress:
            found = estimate_everyone(video, config, progress)
        folder.mkdir(parents=True, exist_ok=True)
        for number, person in enumerate(found):
            person.save(folder / f"{number}.npz")
        done.write_text(f"{len(found)}\n", encoding="utf-8")
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
