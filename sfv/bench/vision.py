"""`python -m sfv bench vision`: how far the Go1 walks by sight, beside its teacher, the blind, and a noisy map."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from imitate.training.collect import Actor
from imitate.vision.course import KINDS
from imitate.vision.depth_camera import CameraConfig
from imitate.vision.env import CourseEnv
from imitate.vision.evaluation import EVALUATION_LEVELS, CourseResult, actor_of, measure_picture, run_course
from imitate.vision.train import train_student, train_teacher
from pose.errors import InputError
from pose.progress import Progress
from sfv.bench.vision_page import NONE_FELL, OF_BLIND, OF_TEACHER, TITLES, write_page
from sfv.bench.vision_walk import bench_shipped, bench_walk
from sfv.console import bar, console
from sfv.go1.see import SeeGo1Config
from sfv.rows import Row, show
from sfv.run_folder import RUNS, lock_folder, make_folder
from sfv.sight.walk import WalkSightConfig

ROBOTS = 80
"""That walk for each row and seed where no number is given."""
WALKS = 100
"""Courses that a person walks over for each row."""


@dataclass
class Measured:
    """What the bench found: kind of policy -> a result for each seed."""

    results: dict[str, list[CourseResult]] = field(default_factory=dict)
    picture_seconds: float = float("nan")
    """Processor time of a picture of the depth camera [s]."""


def bench_vision(
    seeds: tuple[int, ...] = (0,),
    robots: int | None = None,
    imitation_samples: int | None = None,
    samples: int | None = None,
    student_samples: int | None = None,
    folder: Path = RUNS / "bench_vision",
    page: Path | None = None,
    json: bool = False,
    skill: str | None = None,
    shipped: bool = False,
) -> None:
    """Distances on four kinds of ground: trains what is not trained yet, then lets robots walk by sight, map and blind.

    Args:
      seeds: of the trainings; each has its own, and a course of its own. With shipped: of the courses alone.
      robots: that walk once each for each row and seed; as many on every lane, so some may be left out; default 80.
      imitation_samples: control steps that each policy on a map imitates, default 150,000.
      samples: control steps of its PPO, default 100,000.
      student_samples: control steps of the student, default 100,000.
      folder: of the trainings, which are resumed and kept.
      page: folder to write the page of vision into, e.g. docs; nothing is written if left out.
      json: one JSON object on standard output instead of a table.
      skill: instead of the Go1 a person whose walk this is goes over stairs, gaps and stones, e.g. walk.
      shipped: with skill: the eyes that come with it walk, and also covered, and nothing is trained.
    """
    if shipped and skill is None:
        raise InputError("--shipped: the Go1's eyes are not shipped; add --skill walk, or leave it out")
    if skill is not None:
        if (
            not seeds
            or (seeds[1:] and not shipped)
            or (robots, imitation_samples, samples, student_samples) != (None,) * 4
        ):
            raise InputError("--skill: a person's walk has numbers of its own and one seed; leave those options out")
        if shipped:
            bench_shipped(skill, seeds, WALKS, page, json)
        else:
            bench_walk(WalkSightConfig(skill, seeds[0]), folder / Path(skill).name, WALKS, page, json)
        return
    robots = ROBOTS if robots is None else robots
    lanes = len(KINDS) * len(EVALUATION_LEVELS)
    if robots < lanes or not seeds:
        raise InputError(f"--robots {robots}, {len(seeds)} seeds: expected {lanes} robots or more, and a seed")
    configs = [SeeGo1Config(seed, "monolithic", imitation_samples, samples, student_samples) for seed in seeds]
    trainings = [config.to_training() for config in configs]
    found = Measured()
    make_folder(folder)
    with lock_folder(folder):
        for config in configs:
            with bar(f"seed {config.seed}") as progress:
                measure_seed(config, folder, robots // lanes, found, progress)
    found.picture_seconds = measure_picture(seeds[0])
    if page is not None:
        console.print(f"page: {write_page(page, found.results, found.picture_seconds, trainings)}")
    show("vision", make_rows(found), json)


def measure_seed(config: SeeGo1Config, folder: Path, per_lane: int, found: Measured, progress: Progress) -> None:
    """Trains all policies of a seed and lets them walk on the same course from the same places."""
    seed, training = config.seed, config.to_training()
    own = folder / f"true_{seed}"
    teacher = train_teacher(training, own, progress)
    blind = train_teacher(config.to_training("none"), folder / f"none_{seed}", progress)
    noisy = train_teacher(config.to_training("noisy"), folder / f"noisy_{seed}", progress)
    student = train_student(training, teacher, own, progress)
    walks: dict[str, tuple[Callable[[CourseEnv], Actor], dict[str, Any]]] = {
        "walker": (actor_of(None), {}),
        "teacher": (actor_of(teacher), {}),
        "student": (actor_of(student), {"camera": training.camera}),
        "blind": (actor_of(blind), {}),
        "noisy": (actor_of(noisy), {"noisy": True}),
        "masked": (actor_of(student, masked=True), {"camera": training.camera}),
        "swapped": (actor_of(student, swapped=True), {"camera": training.camera}),
    }
    for number, (kind, (make, options)) in enumerate(walks.items()):
        progress(float(number), float(len(walks)), f"walks: {kind}")
        found.results.setdefault(kind, []).append(run_course(make, seed, per_lane, **options))


def make_rows(found: Measured) -> list[Row]:
    """The rows: distances over all ground and by kind, times to fall, impacts."""
    rows = []
    goals = find_goals(found)
    for kind in TITLES:
        results = found.results[kind]
        name = "vision_masked_distance" if kind == "masked" else f"vision_distance_{kind}"
        each = [4.0 * float(result.distance.mean()) for result in results]
        rows.append(replace(Row.mean_of(name, each, "m", goal=goals.get(kind)), note="sum over four kinds of ground"))
        for number, ground in enumerate(KINDS):
            by_kind = [float(result.distance[result.kind == number].mean()) for result in results]
            rows.append(Row.mean_of(f"{name}_{ground}", by_kind, "m"))
        joined = CourseResult.join(results)
        note = "all seconds walked over how often one fell or left its lane" if joined.fell.any() else NONE_FELL
        seconds = joined.mean_time_to_fall()
        rows.append(Row(f"vision_seconds_to_fall_{kind}", seconds, "s", len(joined.fell), note=note))
        rows.append(Row.mean_of(f"vision_impact_{kind}", [float(r.impact.mean()) for r in results], ""))
    camera = CameraConfig()
    pixels = f"{camera.rows} x {camera.columns} pixels"
    rows.append(Row("vision_picture_ms", 1000.0 * found.picture_seconds, "ms", note=f"of one core, {pixels}"))
    return rows


def find_goals(found: Measured) -> dict[str, float]:
    """The student's goal: a share of its teacher's distance, and more than the blind's."""
    mean = {kind: 4.0 * float(np.mean([r.distance.mean() for r in results])) for kind, results in found.results.items()}
    return {"student": max(OF_TEACHER * mean["teacher"], OF_BLIND * mean["blind"])}
