"""`python -m sfv bench vision --skill walk`: how many courses a person completes by sight, by a map, and blind."""

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from imitate.training.collect import Actor
from imitate.vision import drafts, fitted_walk, footholds, guide, plans, walking_course, walking_env
from imitate.vision.guide import CourseTask, extend_to_ground
from imitate.vision.networks import SeeingPolicy, Student
from imitate.vision.train import train_student, train_teacher
from imitate.vision.walking_course import GAP, KINDS, RISE, STONE, STONE_GAP, TREAD
from imitate.vision.walking_env import CAMERA, DOTS
from imitate.vision.walking_setting import EVALUATION_SECONDS, WalkingResult, actor_of, run_guide, run_walks
from pose.progress import Progress
from sfv.bench.adapt_page import link_to
from sfv.console import bar, console
from sfv.rows import Row, describe_machine, show
from sfv.run_folder import lock_folder, make_folder
from sfv.sight.walk import (
    WalkSightConfig,
    blind_policy,
    find_walk,
    learn_guide,
    load_shipped_eyes,
    make_task,
)

GOAL = 0.8
"""Share of the courses that the student is to complete."""
TITLES = {
    "teacher": "Teacher, scandots",
    "student": "**Student, depth camera on the head**",
    "blind": "Blind, the same training",
    "masked": "Student, camera covered",
    "swapped": "Student, another's pictures",
}


def bench_walk(config: WalkSightConfig, folder: Path, courses: int, page: Path | None, json: bool) -> None:
    """Trains what is not trained yet, lets everybody walk over the same courses, prints the rows, writes the page."""
    make_folder(folder)
    with lock_folder(folder), bar(f"{config.skill} by sight") as progress:
        setting = learn_guide(config, folder, progress)
        training = config.to_training(setting.make_env(1, 0))
        teacher = train_teacher(training, folder, progress, setting)
        student = train_student(training, teacher, folder, progress, setting)
        blind = blind_policy(config, setting, folder, progress)
        others = {"teacher": teacher, "blind": blind}
        found = let_walk(setting.task, (config.seed,), courses, student, others, progress)
        skill = extend_to_ground(find_walk(config.skill).plain_policy)
        before = run_guide(replace(setting, guide=skill), config.seed)
        followed = run_guide(setting, config.seed)
    if page is not None:
        made = (
            f"learnt from {config.guide_samples:,} control steps of the guide's PPO, {config.imitation_samples:,} of "
            f"the teacher's imitation and {config.student_samples:,} of the student's"
        )
        console.print(f"page: {write_walk_page(page, found, config, made)}")
    show("vision", [*make_walk_rows(found), *make_guide_rows(followed, before)], json)


def bench_shipped(skill: str, seeds: Sequence[int], courses: int, page: Path | None, json: bool) -> None:
    """Lets the shipped eyes walk over the courses of each seed, also covered, prints the rows, writes the page."""
    config = WalkSightConfig(skill)
    student, made = load_shipped_eyes(config.skill)
    task = make_task(config, find_walk(config.skill), Path())
    with bar(f"{config.skill} by sight") as progress:
        found = let_walk(task, seeds, courses, student, {}, progress)
    if page is not None:
        console.print(f"page: {write_walk_page(page, found, config, made, seeds)}")
    show("vision", make_walk_rows(found), json)


def let_walk(
    task: CourseTask,
    seeds: Sequence[int],
    courses: int,
    student: Student,
    others: dict[str, SeeingPolicy],
    progress: Progress,
) -> dict[str, WalkingResult]:
    """Lets everybody walk over the same courses of each seed, the student also with its camera covered or another's."""
    eye: dict[str, Any] = {"camera": student.camera}
    walks: dict[str, tuple[Callable[..., Actor], dict[str, Any]]] = {
        "student": (actor_of(student), eye),
        "masked": (actor_of(student, masked=True), eye),
        "swapped": (actor_of(student, swapped=True), eye),
    }
    walks |= {who: (actor_of(policy), {}) for who, policy in others.items()}
    found = dict[str, WalkingResult]()
    for number, (who, (make, options)) in enumerate(walks.items()):
        progress(float(number), float(len(walks)), f"walks: {who}")
        found[who] = WalkingResult.join([run_walks(make, task, seed, courses, **options) for seed in seeds])
    return found


def make_walk_rows(found: dict[str, WalkingResult]) -> list[Row]:
    """The rows: shares of courses completed, of all and by kind of obstacle."""
    rows = list[Row]()
    for who, result in found.items():
        name = "humanoid_stairs_completed" + ("" if who == "student" else f"_{who}")
        goal = GOAL if who == "student" else None
        note = "of unseen courses: stairs, gaps, stones"
        rows.append(Row(name, float(result.completed.mean()), "", len(result.kind), goal=goal, note=note))
        for kind in KINDS:
            count = int((result.kind == KINDS.index(kind)).sum())
            rows.append(Row(f"{name}_{kind}", result.count_completed(kind), "", count))
    return rows


def make_guide_rows(followed: WalkingResult, before: WalkingResult) -> list[Row]:
    """What share of its plans the guide follows to the end, and as baseline the skill before it became one."""
    name, count, note = "humanoid_plans_followed", len(followed.kind), "by the guide; baseline: the skill as it was"
    whole = float(before.completed.mean())
    rows = [Row(name, float(followed.completed.mean()), "", count, baseline=whole, note=note)]
    for kind in KINDS:
        own = int((followed.kind == KINDS.index(kind)).sum())
        was = before.count_completed(kind)
        rows.append(Row(f"{name}_{kind}", followed.count_completed(kind), "", own, baseline=was))
    return rows


def write_walk_page(
    folder: Path, found: dict[str, WalkingResult], config: WalkSightConfig, made: str, seeds: Sequence[int] = (0,)
) -> Path:
    """Writes vision_walk.md into a folder, `made` says from what they learnt; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "vision_walk.md"
    page.write_text(
        "\n".join([*describe_parts(config), *list_walks(found, config, made, seeds)]) + "\n", encoding="utf-8"
    )
    return page


def describe_parts(config: WalkSightConfig) -> list[str]:
    """How it is done, and where that stands."""
    size = f"{CAMERA.rows} x {CAMERA.columns}"
    return [
        "# A person who sees",
        "",
        *textwrap.wrap(
            f"For readers who know reinforcement learning. `sfv see --skill {config.skill}` trains the humanoid's walk "
            "from video to cross stairs, gaps and stepping stones by a depth camera on its head, by the method of the "
            "Go1 ([vision.md](vision.md)). `sfv bench vision --skill walk --page docs` measures it and writes this "
            "page; with `--shipped --seeds 0 1 2` it measures the policy that ships.",
            112,
        ),
        "",
        "| part | size | where |",
        "|---|---|---|",
        f"| courses, drawn by a seed | stairs up of {RISE[0]:g} to {RISE[1]:g} m on treads of {TREAD[0]:g} to "
        f"{TREAD[1]:g} m, gaps of {GAP[0]:g} to {GAP[1]:g} m, strips of {STONE[0]:g} to {STONE[1]:g} m with gaps of "
        f"{STONE_GAP[0]:g} to {STONE_GAP[1]:g} m | {link_to(walking_course)} |",
        f"| footholds of the whole way | dynamic programming | {link_to(footholds)} |",
        f"| the walk fitted to them | least squares, a pendulum for the root | {link_to(fitted_walk)} |",
        f"| plans from all phases of the cycle | {plans.PHASES} a course, {config.courses} courses | "
        f"{link_to(plans)} |",
        f"| stairs performed by iLQG | {config.drafts} plans of each | {link_to(drafts)} |",
        f"| guide: the walk's policy, which follows plans | PPO | {link_to(guide)} |",
        f"| teacher and student: 30 Hz, no plan, no place ahead | {len(DOTS)} scandots; {size} pixels | "
        f"{link_to(walking_env)} |",
        "",
        *textwrap.wrap(
            "Teacher and student observe the clock of the walk on level ground, their own body, their heading and how "
            "far they are beside their line, but neither how far ahead nor how high they are. The ground does not "
            "change from left to right, so footholds, heights and scandots do not, either. The camera does not see "
            "the body.",
            112,
        ),
        "",
    ]


def list_walks(found: dict[str, WalkingResult], config: WalkSightConfig, made: str, seeds: Sequence[int]) -> list[str]:
    """The table of what was measured."""
    count, here = len(next(iter(found.values())).kind), describe_machine()
    lines = [
        "## How many courses they complete",
        "",
        *textwrap.wrap(
            f"{count} courses that nobody was trained on, one walk each of at most {EVALUATION_SECONDS:g} s, "
            f"{'seeds' if len(seeds) > 1 else 'seed'} {', '.join(map(str, seeds))}; {made}. "
            f"Goal: the student {GOAL:.0%}. {here['cores']} cores ({here['processor']}).",
            112,
        ),
        "",
        f"| completed | {' | '.join(KINDS)} | all | mean share of the way |",
        f"|---|{'---|' * (len(KINDS) + 2)}",
    ]
    for who in (who for who in TITLES if who in found):
        title, result = TITLES[who], found[who]
        shares = [f"{result.count_completed(kind):.0%}" for kind in KINDS]
        half = 1.96 * float(np.sqrt(result.completed.mean() * (1.0 - result.completed.mean()) / count))
        whole = f"{result.completed.mean():.0%} +- {half:.0%}"
        lines.append(f"| {title} | {' | '.join(shares)} | {whole} | {result.progress.mean():.0%} |")
    student, covered = found["student"], found["masked"]
    shares = ", ".join(
        f"{kind} {student.count_completed(kind):.0%} against {covered.count_completed(kind):.0%}" for kind in KINDS
    )
    asked = float(student.completed[student.kind != KINDS.index("stones")].mean())
    reached = "reached" if asked >= GOAL else "missed"
    lines += [
        "",
        *textwrap.wrap(
            f"Of stairs and gaps alone, for which the goal was set, the student completes {asked:.0%}: the goal is "
            f"{reached}. What the camera contributes is the student's score against its own with the camera covered: "
            f"{shares}. "
            f"`sfv see --skill {config.skill}` trains all of it anew, and goes on where it was stopped.",
            112,
        ),
    ]
    return lines
