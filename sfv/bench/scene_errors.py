"""Things found in a film against those that are there, and what was found kept for the next run."""

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pose.keypoints import Keypoints
from reconstruct.characters.character import Character
from reconstruct.motion import ReferenceMotion
from reconstruct.reconstruct import ReconstructConfig, Reconstruction, reconstruct_motion
from reconstruct.scene_objects import SceneObject, find_slope
from sfv.bench.films import Film
from sfv.bench.resume import hash_sources, measure_once
from sfv.bench.truth import Truth
from sfv.demo.motions import load_demo_take, place_things

NEAR = (0.15, 0.4)
"""Errors of height and place within which an object is the true one [m]."""
NEAR_ANGLE = 5.0
"""Error of the angle within which a slope is the true one [deg]."""


@dataclass(frozen=True)
class MeasuredScene:
    """One film with a known scene."""

    motion: ReferenceMotion
    objects: tuple[SceneObject, ...]
    """All that was found."""
    things: tuple[SceneObject | None, ...]
    """For each true object the found one that is it; None where there is none."""
    height: float
    """Mean error of the height of those found [m]; walls have none."""
    place: float
    """Mean error of their place [m]."""
    extra: int = 0
    """Number of objects found where there are none."""
    why: str = ""
    """What spoke for the objects, or against them."""
    angle: float = np.nan
    """Error of the angle of a slope [deg]."""


def measure_scene(film: Film, keypoints: Keypoints, truth: Truth, character: Character, folder: Path) -> MeasuredScene:
    """Finds the scene of a film and compares it with the true one; what a folder keeps of the same is read instead."""
    motion, kept = (folder / f"{film.title}.{ending}" for ending in ("npz", "json"))
    if not motion.is_file():
        kept.unlink(missing_ok=True)

    def measure() -> dict[str, Any]:
        found = reconstruct_motion(keypoints, character, ReconstructConfig(loop="no"))
        scene = compare_scene(film.motion, found, truth, character) if film.group == "scene" else keep_found(found)
        folder.mkdir(parents=True, exist_ok=True)
        scene.motion.save(motion)
        return {name: value for name, value in asdict(scene).items() if name != "motion"}

    settings = {"film": repr(film), "keypoints": hash_keypoints(keypoints), "code": hash_sources("reconstruct", "pose")}
    entry = measure_once(kept, settings, measure)
    objects = tuple(SceneObject(**one) for one in entry["objects"])
    things = tuple(None if one is None else SceneObject(**one) for one in entry["things"])
    height, place, angle = (
        np.nan if entry[name] is None else float(entry[name]) for name in ("height", "place", "angle")
    )
    kept_motion = ReferenceMotion.load(motion)
    return MeasuredScene(kept_motion, objects, things, height, place, entry["extra"], entry["why"], angle)


def keep_found(found: Reconstruction) -> MeasuredScene:
    """What was found where there is nothing but the ground: all of it is extra."""
    return MeasuredScene(found.motion, found.objects, (), np.nan, np.nan, len(found.objects), found.why)


def hash_keypoints(keypoints: Keypoints) -> str:
    """Sixteen hexadecimal digits that identify keypoints."""
    digest = hashlib.sha256(repr((keypoints.fps, keypoints.image_size)).encode())
    for values in (keypoints.xy, keypoints.xyz, keypoints.confidence):
        digest.update(values.tobytes())
    return digest.hexdigest()[:16]


def compare_scene(motion: str, found: Reconstruction, truth: Truth, character: Character) -> MeasuredScene:
    """The true things of a demonstration against those that were found in its film."""
    qpos, _ = load_demo_take(motion, character)
    true_slope, slope = find_slope(place_things(motion, character, qpos)), find_slope(found.objects)
    if true_slope is not None:
        return compare_slopes(true_slope, slope, found)
    matches, left = list[SceneObject | None](), list(found.objects)
    errors = np.full((0, 2), np.nan)
    for true in place_things(motion, character, qpos):
        best: tuple[float, float, SceneObject | None] = (np.nan, np.nan, None)
        for thing in left:
            points = np.concatenate([found.motion.qpos[:1, :3], thing.corners()])
            root_w, *corners = truth.to_world(found.camera.to_camera(points))
            # How far away from the camera all of it is, is another question (`bench reconstruct`).
            corners_w = np.array(corners) + [*(qpos[0, :2] - root_w[:2]), 0.0]
            height, place = compare_objects(true, thing, corners_w, qpos[0, :3])
            alike = (thing.kind, thing.is_wall, thing.mass > 0.0) == (true.kind, true.is_wall, true.mass > 0.0)
            if alike and not height >= NEAR[0] and place < NEAR[1] and not best[0] + best[1] < height + place:
                best = height, place, thing
        matches.append(best[2])
        if best[2] is not None:
            left.remove(best[2])  # each is found once
        errors = np.vstack([errors, best[:2]])
    height, place = (float(np.nanmean(column)) if np.isfinite(column).any() else np.nan for column in errors.T)
    return MeasuredScene(found.motion, found.objects, tuple(matches), height, place, len(left), found.why)


def compare_slopes(true: SceneObject, slope: SceneObject | None, found: Reconstruction) -> MeasuredScene:
    """The slope of a demonstration against what was found: that, another one, level ground or things."""
    angle = np.nan if slope is None else float(np.degrees(abs(slope.incline - true.incline)))
    match = slope if angle < NEAR_ANGLE else None
    extra = len(found.objects) - (match is not None)
    return MeasuredScene(found.motion, found.objects, (match,), np.nan, np.nan, extra, found.why, angle)


def compare_objects(
    true: SceneObject, found: SceneObject, corners_w: np.ndarray, start_w: np.ndarray
) -> tuple[float, float]:
    """Errors of an object's height, and of its place relative to where the person is at first [m].

    Of a bar the place is its middle, across the true one. Of a box it is the middle of the edge that the person comes
    to, or leaves by: the rest of a box on which nobody steps cannot be seen. How high a wall is cannot be seen (NaN).

    Args:
      true: the object.
      found: what was found for it.
      corners_w: corners of that in the true world [m], (8, 3).
      start_w: where the person is at first [m], (3,).
    """
    local = true.to_local(corners_w)
    if true.kind == "bar":
        return abs(found.height - true.height), float(abs(local[:, 1].mean()))
    # Over the edge of the box that somebody starts on, they leave it: it is the edge ahead.
    ahead = true.to_local(start_w)[0]
    side = np.sign(ahead) if abs(ahead) > true.half[0] else 1.0
    ring = local[:4, :2]
    middles = 0.5 * (ring + np.roll(ring, -1, axis=0))
    ways = middles - ring.mean(axis=0)
    edge = middles[int((side * ways[:, 0] / np.linalg.norm(ways, axis=1)).argmax()), 0]
    height = np.nan if true.is_wall else abs(found.height - true.height)
    return height, float(abs(edge - side * true.half[0]))
