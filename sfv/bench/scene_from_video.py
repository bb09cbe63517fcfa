"""`bench scene-from-video`: what carries a person besides the ground, found in films whose scene is known."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from imitate.env.task import Task
from imitate.policy import Policy
from imitate.scene.scene import CONTROL_HZ, make_found_scene
from imitate.tracking.draft import Draft
from imitate.tracking.feasibility import explain
from imitate.tracking.track import TrackConfig, track_motion
from imitate.training.config import TrainConfig
from imitate.training.train import train_policy
from pose.errors import InputError
from pose.files import sha256_of
from pose.keypoints import Keypoints
from reconstruct.characters.character import Character, load_character
from reconstruct.reconstruct import reconstruct_motion
from reconstruct.scene_objects import split_pushed
from sfv.bench.films import (
    Film,
    find_cached_keypoints,
    list_films,
    list_scene_films,
    list_tilted_films,
    make_films,
    make_scene_films,
    stage_film,
)
from sfv.bench.inputs import NOT_SHIPPED, find_recordings, hash_motion
from sfv.bench.reconstruct import EVERY_FRAME
from sfv.bench.resume import hash_sources, measure_once
from sfv.bench.scene import evaluate_in_scene
from sfv.bench.scene_errors import MeasuredScene, measure_scene
from sfv.bench.simulated_keypoints import simulate_keypoints
from sfv.bench.truth import Truth
from sfv.console import bar, console
from sfv.demo.demo import truth_path
from sfv.demo.motions import load_demo_take
from sfv.demo.plans import PLANS
from sfv.demo.scene_plans import SCENE_PLANS
from sfv.rows import Row, show

GOALS = {
    "object_found": 0.85, "object_extra": 0.0, "object_false": 0.0, "slope_false": 0.0, "object_height_mm": 50.0,
    "object_place_mm": 150.0, "slope_angle_deg": 3.0, "found_scene_draft_completed": 0.85,
    "found_scene_unsupported": 0.05, "found_scene_learnt": 0.75,
}  # fmt: skip
UNITS = {"object_height_mm": "mm", "object_place_mm": "mm", "slope_angle_deg": "deg"}
PUSHED = ("push",)
"""SFV's videos in which a box is pushed."""
LEARNT = 0.9
"""Share of rollouts that reach the end from which a skill is learnt."""


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

    Films and keypoints are kept in the cache, what was found and performed in `out`: an interrupted run goes on from
    there, and a change of the code repeats what it may change.

    Args:
      motions: which of the demonstrations on objects are filmed; all if not given.
      full: film every motion by all three cameras, instead of by one of them in turn.
      detector: find keypoints in films; else they are the true ones with a detector's noise, a matter of minutes.
      drafts: perform what was found by tracking control, one film of each motion.
      flat: look for objects in films without any, SFV's own if they are in ../shared/data.
      minutes: training of each draft after that [min]; 0 for none.
      out: folder that keeps motions, drafts and policies.
      json: one JSON object on standard output instead of a table.

    Raises:
      InputError: no such motion.
    """
    for name in motions:
        if name not in SCENE_PLANS:
            raise InputError(f"no motion '{name}' on things; there are {', '.join(SCENE_PLANS)}")
    character, kept = load_character("humanoid"), out / ("films" if detector else "simulated")
    films = list_scene_films(motions, full)
    inputs = find_inputs(make_scene_films(films)) if detector else simulate_inputs(films)
    measured = measure_scenes(inputs, len(films), character, kept)
    rows = summarize_scenes({film.title: scene for film, scene in measured.items()})
    if flat:
        bare = make_films([], False) if detector else []
        inputs = find_inputs(bare) if detector else simulate_inputs(list_films(list(PLANS), False))
        rows.insert(2, count_false_objects("object_false", measure_scenes(inputs, len(bare), character, kept)))
        tilted = list_tilted_films()
        found = measure_scenes(simulate_inputs(tilted), len(tilted), character, out / "simulated")
        rows.insert(3, count_false_objects("slope_false", found, "level ground before tilted cameras, simulated"))
        if detector:
            rows.insert(4, measure_paper_videos(character, kept))
    if drafts:
        first = {film.motion: scene for film, scene in reversed(measured.items())}
        rows += perform_scenes(dict(reversed(first.items())), character, TrainConfig(minutes=minutes), kept)
    show("scene-from-video", rows, json)


Input = tuple[Film, Keypoints, Truth]


def find_inputs(films: list[tuple[Film, Path]]) -> Iterator[Input]:
    """Keypoints that the detector finds in films, and their truth."""
    for film, video in films:
        yield film, find_cached_keypoints(video, EVERY_FRAME)[0], Truth.load(truth_path(video))


def simulate_inputs(films: list[Film]) -> Iterator[Input]:
    """The same without films; those of a camera that turns, and rough ones, are left out."""
    character = load_character("humanoid")
    for film in films:
        if film.group in ("panning", "rough"):
            continue
        seen = load_character(film.body)
        demo = stage_film(film, *load_demo_take(film.motion, character), seen)
        yield film, simulate_keypoints(demo, seen), Truth.of(demo)


def measure_scenes(
    inputs: Iterator[Input], count: int, character: Character, folder: Path
) -> dict[Film, MeasuredScene]:
    """Finds the scene of each film, and says what came of it."""
    measured = dict[Film, MeasuredScene]()
    for film, keypoints, truth in inputs:
        scene = measured[film] = measure_scene(film, keypoints, truth, character, folder)
        right = None not in scene.things and not scene.extra
        found = ", ".join(one.describe() for one in scene.objects) or "nothing"
        number = f"{len(measured)} of {count}" if count else f"{len(measured)}"
        console.print(f"[dim]{number} {film.title}: {'right' if right else 'WRONG'}, {found}; {scene.why}[/dim]")
    return measured


def measure_paper_videos(character: Character, kept: Path) -> Row:
    """Objects wrongly found or missed in SFV's own videos, all on flat ground and without one but for `PUSHED`.

    What was found is in `kept`, and found once.
    """
    wrong, count, code = list[str](), 0, hash_sources("reconstruct")
    for video in find_recordings("videos/sfv/*.mp4"):

        def measure(video: Path = video) -> dict[str, Any]:
            found = reconstruct_motion(find_cached_keypoints(video, EVERY_FRAME)[0], character)
            standing, pushed = split_pushed(found.objects)
            return {"objects": len(standing), "pushed": int(pushed is not None), "why": found.why}

        settings = {"video": sha256_of(video), "code": code}
        found = measure_once(kept / f"{video.stem}.sfv.json", settings, measure)
        text = f"{found['objects']} objects that stand, {found['pushed']} pushed"
        console.print(f"[dim]{video.stem}: {text}; {found['why']}[/dim]")
        is_wrong = bool(found["pushed"]) != (video.stem in PUSHED)
        wrong += [video.stem] * (int(found["objects"]) + is_wrong)
        count += 1
    if not count:
        return Row("object_false_sfv", None, "", 0, goal=0.0, note=NOT_SHIPPED)
    return Row("object_false_sfv", float(len(wrong)), "", count, goal=0.0, note=", ".join(wrong) or "SFV's videos")


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
        ("slope_angle_deg", {film: scene.angle for film, scene in scenes.items()}),
    ):
        rows.append(Row.mean_of(name, [x for x in values.values() if np.isfinite(x)], UNITS[name], None, GOALS[name]))
    return rows


def count_false_objects(name: str, scenes: dict[Film, MeasuredScene], of: str = "films of the bare ground") -> Row:
    """Objects found in films of the bare ground; `of` says which films these are."""
    wrong = [film.title for film, scene in scenes.items() for _ in scene.objects]
    note = f"in {', '.join(wrong)}" if wrong else of
    return Row(name, float(len(wrong)), "", len(scenes), goal=GOALS[name], note=note)


def perform_scenes(
    scenes: dict[str, MeasuredScene], character: Character, training: TrainConfig, out: Path
) -> list[Row]:
    """What was found, performed by tracking control in the scene that was found, and learnt if there is time for it."""
    completed, unsupported, learnt = dict[str, float](), dict[str, float](), dict[str, float]()
    for name, scene in scenes.items():
        task = Task(character, scene.motion, make_found_scene(scene.objects))
        measured = perform_scene(name, task, out / f"{name}_draft")
        completed[name], unsupported[name] = measured["draft_completed"], measured["unsupported"]
        console.print(f"[dim]{name} draft: completed {completed[name]:.0f}; {measured['why']}[/dim]")
        if training.minutes > 0:
            draft = Draft.load(out / f"{name}_draft.npz")
            with bar(f"{name} training") as progress:
                train_policy(task, training.resolve(), out / name, progress, draft)
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


def perform_scene(name: str, task: Task, path: Path) -> dict[str, Any]:
    """Metrics of a task performed by tracking control, which a file keeps beside the draft, `path` without ending."""
    draft, kept = path.with_suffix(".npz"), path.with_suffix(".json")
    if not draft.is_file():
        kept.unlink(missing_ok=True)

    def measure() -> dict[str, Any]:
        with bar(f"{name} draft") as progress:
            tracking = track_motion(task.drafted, TrackConfig(), progress)
        tracking.draft.save(draft)
        why = "; ".join(explain(tracking.draft.verdict, CONTROL_HZ))
        return {**tracking.metrics, "unsupported": float(tracking.draft.verdict.unsupported.mean()), "why": why}

    code = hash_sources("reconstruct", "imitate")
    return measure_once(kept, {"motion": hash_motion(task.motion), "scene": task.scene.identity, "code": code}, measure)


def average(name: str, values: dict[str, float], form: str) -> Row:
    """A row of the mean over films, with what each of them has in its note."""
    row = Row.mean_of(name, list(values.values()), "", None, GOALS[name])
    return Row(name, row.value, "", row.n, row.spread, None, row.goal, list_values(values, form))


def list_values(values: dict[str, float], form: str) -> str:
    """Each value after its name."""
    return ", ".join(f"{name} {form.format(value)}" for name, value in values.items())
