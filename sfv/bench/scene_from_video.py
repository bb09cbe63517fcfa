"""`bench scene-from-video`: what carries a person besides the ground, found in films whose scene is known."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imitate.env.task import Task
from imitate.policy import Policy
from imitate.scene.scene import Scene
from imitate.tracking.track import TrackConfig, track_motion
from imitate.training.config import TrainConfig
from imitate.training.train import train_policy
from pose.errors import InputError
from pose.keypoints import Keypoints
from reconstruct.characters.character import Character, load_character
from reconstruct.reconstruct import ReconstructConfig, Reconstruction, reconstruct_motion
from reconstruct.scene_objects import SceneObject
from sfv.bench.films import (
    Film,
    find_cached_keypoints,
    list_films,
    list_scene_films,
    make_films,
    make_scene_films,
    stage_film,
)
from sfv.bench.reconstruct import EVERY_FRAME
from sfv.bench.scene import evaluate_in_scene
from sfv.bench.simulated_keypoints import simulate_keypoints
from sfv.bench.truth import Truth
from sfv.console import bar, console
from sfv.demo.demo import truth_path
from sfv.demo.motions import load_demo_take, place_things
from sfv.demo.plans import PLANS
from sfv.demo.scene_plans import SCENE_PLANS
from sfv.rows import Row, show

GOALS = {
    "object_found": 0.85, "object_extra": 0.0, "object_false": 0.0, "object_height_mm": 50.0, "object_place_mm": 150.0,
    "found_scene_draft_completed": 0.85, "found_scene_unsupported": 0.05, "found_scene_learnt": 0.75,
}  # fmt: skip
UNITS = {"object_height_mm": "mm", "object_place_mm": "mm"}
LEARNT = 0.9
"""Share of rollouts that reach the end from which a skill is learnt."""
NEAR = (0.15, 0.4)
"""Errors of height and place within which an object is the true one [m]."""


@dataclass(frozen=True)
class MeasuredScene:
    """One film with a known scene."""

    found: Reconstruction
    things: tuple[SceneObject | None, ...]
    """For each true object the found one that is it; None where there is none."""
    height: float
    """Mean error of the height of those found [m]; walls have none."""
    place: float
    """Mean error of their place [m]."""
    extra: int = 0
    """Number of objects found where there are none."""


def bench_scene_from_video(
    motions: tuple[str, ...] = tuple(SCENE_PLANS),
    full: bool = False,
    detector: bool = True,
    drafts: bool = True,
    flat: bool = True,
    minutes: float = 0.0,
    out: Path = Path("runs/bench_scene_from_video"),
    json: bool = False,
) -> None:
    """Objects found in films of people on steps, seats, beds, bars and against walls, and none in films of the ground.

    Films and keypoints are kept in the cache.

    Args:
      motions: which of the demonstrations on things are filmed; all if not given.
      full: film every motion by all three cameras, instead of by one of them in turn.
      detector: find keypoints in films; else they are the true ones with a detector's noise, a matter of minutes.
      drafts: perform what was found by tracking control, one film of each motion.
      flat: look for objects in films without any.
      minutes: training of each draft after that [min]; 0 for none.
      out: folder that keeps the policies.
      json: one JSON object on standard output instead of a table.

    Raises:
      InputError: no such motion.
    """
    for name in motions:
        if name not in SCENE_PLANS:
            raise InputError(f"no motion '{name}' on things; there are {', '.join(SCENE_PLANS)}")
    character = load_character("humanoid")
    films = list_scene_films(motions, full)
    inputs = find_inputs(make_scene_films(films)) if detector else simulate_inputs(films)
    measured = {film: measure_scene(film, keypoints, truth, character) for film, keypoints, truth in inputs}
    rows = summarize_scenes({film.title: scene for film, scene in measured.items()})
    if flat:
        films = list_films(list(PLANS), False)
        inputs = find_inputs(make_films([], False)) if detector else simulate_inputs(films)
        rows.insert(2, count_false_objects(inputs, character))
    if drafts:
        first = {film.motion: scene for film, scene in reversed(measured.items())}
        rows += perform_scenes(dict(reversed(first.items())), character, TrainConfig(minutes=minutes), out)
    show("scene-from-video", rows, json)


Input = tuple[Film, Keypoints, Truth]


def find_inputs(films: list[tuple[Film, Path]]) -> Iterator[Input]:
    """Keypoints that the detector finds in films, and their truth."""
    for film, video in films:
        console.print(f"[dim]{film.title}[/dim]")
        yield film, find_cached_keypoints(video, EVERY_FRAME)[0], Truth.load(truth_path(video))


def simulate_inputs(films: list[Film]) -> Iterator[Input]:
    """The same without films; those of a camera that turns, and rough ones, are left out."""
    character = load_character("humanoid")
    for film in films:
        if film.group in ("panning", "rough"):
            continue
        console.print(f"[dim]{film.title}[/dim]")
        seen = load_character(film.body)
        demo = stage_film(film, *load_demo_take(film.motion, character), seen)
        yield film, simulate_keypoints(demo, seen), Truth.of(demo)


def measure_scene(film: Film, keypoints: Keypoints, truth: Truth, character: Character) -> MeasuredScene:
    """Finds the scene of a film and compares it with the true one."""
    found = reconstruct_motion(keypoints, character, ReconstructConfig(loop="no"))
    return compare_scene(film.motion, found, truth, character)


def compare_scene(motion: str, found: Reconstruction, truth: Truth, character: Character) -> MeasuredScene:
    """The true things of a demonstration against those that were found in its film."""
    qpos, _ = load_demo_take(motion, character)
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
            alike = (thing.kind, thing.is_wall) == (true.kind, true.is_wall)
            if alike and not height >= NEAR[0] and place < NEAR[1] and not best[0] + best[1] < height + place:
                best = height, place, thing
        matches.append(best[2])
        if best[2] is not None:
            left.remove(best[2])  # each is found once
        errors = np.vstack([errors, best[:2]])
    height, place = (float(np.nanmean(column)) if np.isfinite(column).any() else np.nan for column in errors.T)
    return MeasuredScene(found, tuple(matches), height, place, len(left))


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


def summarize_scenes(scenes: dict[str, MeasuredScene]) -> list[Row]:
    """Share of films whose object was found, and how well."""
    done = {name: scene for name, scene in scenes.items() if None not in scene.things}
    missed = [name for name in scenes if name not in done]
    row = Row.mean_of("object_found", [float(name in done) for name in scenes], "", None, GOALS["object_found"])
    rows = [
        Row(row.name, row.value, "", row.n, row.spread, None, row.goal, f"not in {', '.join(missed)}" if missed else "")
    ]
    extra = [f"{name} ({scene.extra})" for name, scene in scenes.items() if scene.extra]
    note = f"in {', '.join(extra)}" if extra else "besides the true ones"
    total = float(sum(scene.extra for scene in scenes.values()))
    rows.append(Row("object_extra", total, "", len(scenes), goal=GOALS["object_extra"], note=note))
    for name, values in (
        ("object_height_mm", {film: 1000.0 * scene.height for film, scene in done.items()}),
        ("object_place_mm", {film: 1000.0 * scene.place for film, scene in done.items()}),
    ):
        rows.append(Row.mean_of(name, [x for x in values.values() if np.isfinite(x)], UNITS[name], None, GOALS[name]))
    return rows


def count_false_objects(inputs: Iterator[Input], character: Character) -> Row:
    """Objects found in films of the bare ground."""
    wrong, count = list[str](), 0
    for film, keypoints, _ in inputs:
        found = reconstruct_motion(keypoints, character, ReconstructConfig(loop="no"))
        count += 1
        wrong += [film.title] * len(found.objects)
    note = f"in {', '.join(wrong)}" if wrong else "films of the bare ground"
    return Row("object_false", float(len(wrong)), "", count, goal=GOALS["object_false"], note=note)


def perform_scenes(
    scenes: dict[str, MeasuredScene], character: Character, training: TrainConfig, out: Path
) -> list[Row]:
    """What was found, performed by tracking control in the scene that was found, and learnt if there is time for it."""
    completed, unsupported, learnt = dict[str, float](), dict[str, float](), dict[str, float]()
    for name, scene in scenes.items():
        found = scene.found
        task = Task(character, found.motion, Scene("objects", objects=found.objects) if found.objects else Scene())
        with bar(f"{name} draft") as progress:
            tracking = track_motion(task, TrackConfig(), progress)
        completed[name] = tracking.metrics["draft_completed"]
        unsupported[name] = float(tracking.draft.verdict.unsupported.mean())
        if training.minutes > 0:
            with bar(f"{name} training") as progress:
                train_policy(task, training.resolve(), out / name, progress, tracking.draft)
            learnt[name], _, _ = evaluate_in_scene(Policy.load(out / name / "policy.pt"), task)
    rows = [
        average("found_scene_draft_completed", completed, "{:.0f}"),
        average("found_scene_unsupported", unsupported, "{:.3f}"),
    ]
    if learnt:
        share = float(np.mean([value >= LEARNT for value in learnt.values()]))
        note = f"completed {list_values(learnt, '{:.2f}')}; learnt from {LEARNT:g} on"
        rows.append(Row("found_scene_learnt", share, "", len(learnt), goal=GOALS["found_scene_learnt"], note=note))
    return rows


def average(name: str, values: dict[str, float], form: str) -> Row:
    """A row of the mean over films, with what each of them has in its note."""
    row = Row.mean_of(name, list(values.values()), "", None, GOALS[name])
    return Row(name, row.value, "", row.n, row.spread, None, row.goal, list_values(values, form))


def list_values(values: dict[str, float], form: str) -> str:
    """Each value after its name."""
    return ", ".join(f"{name} {form.format(value)}" for name, value in values.items())
