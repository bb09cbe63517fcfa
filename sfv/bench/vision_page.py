"""The page of vision: the parts of a robot that sees, where they stand, and what a run of the bench measured."""

from pathlib import Path

import numpy as np

from imitate.vision import depth_camera, imitation, ray_caster, regression, scandots, walker
from imitate.vision.course import KINDS
from imitate.vision.env import CourseEnv
from imitate.vision.evaluation import EVALUATION_LEVELS, CourseResult
from imitate.vision.networks import SeeingPolicy, Student
from imitate.vision.train import train_teacher
from sfv.bench.adapt_page import link_to
from sfv.rows import describe_machine

NAME = "vision"
"""Of the page."""
TITLES = {
    "walker": "The trot that knows the ground (imitated by the teacher)",
    "teacher": "Teacher, scandots",
    "student": "**Student, depth camera**",
    "noisy": "Noisy map",
    "blind": "Blind",
    "masked": "Student, camera covered",
    "swapped": "Student, another robot's pictures",
}
PAPER = {
    "student": (44.09, 20.72, 42.40, 28.64, 135.85),
    "noisy": (36.14, 1.09, 6.74, 29.08, 73.05),
    "blind": (34.72, 1.02, 16.64, 32.41, 84.79),
}
"""Distances of Agarwal et al. 2022, read second hand: slopes, stones, stairs, obstacles, sum [m]."""


def write_page(
    folder: Path, results: dict[str, list[CourseResult]], picture_seconds: float, seeds: tuple[int, ...], robots: int
) -> Path:
    """Writes the page.

    Args:
      folder: for it.
      results: of each kind of policy, one for each seed.
      picture_seconds: processor time of a picture of the depth camera [s].
      seeds: of the trainings.
      robots: that walked for each row and seed.

    Returns:
      Its path.
    """
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / f"{NAME}.md"
    lines = [*describe_method(picture_seconds), *describe_departures()]
    lines += [*list_results(results, seeds, robots), *list_goals(results)]
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return page


def describe_method(picture_seconds: float) -> list[str]:
    """The parts and where they stand."""
    cost = f"{1000.0 * picture_seconds:.0f} ms a picture, one core"
    return [
        "# A robot that sees",
        "",
        "*Legged locomotion in challenging terrains using egocentric vision* (Agarwal, Kumar, Malik, Pathak 2022) is",
        "the lecture's third application of policy gradients. `sfv see` learns it for Unitree's Go1, and",
        "`sfv bench vision --page docs` measures it and writes this page; every figure of ours is from that run.",
        "",
        "| part | size | where |",
        "|---|---|---|",
        f"| depth camera, with latency, noise, drop-outs | 58 x 87, each 100 +- 20 ms | {link_to(depth_camera)} |",
        f"| rays on a height field, exact | {cost} | {link_to(ray_caster)} |",
        f"| scandots | {len(scandots.DOTS)} heights | {link_to(scandots)} |",
        f"| course: four kinds of ground, curriculum; 50 Hz | | {link_to(CourseEnv)} |",
        f"| a trot that chooses footholds by the ground | | {link_to(walker)} |",
        f"| teacher: GRU, Monolithic or RMA's architecture | 128 units | {link_to(SeeingPolicy)} |",
        f"| imitation (DAgger), then PPO | through 24 steps of time | {link_to(imitation)}, {link_to(train_teacher)} |",
        f"| student: convolutions and GRU say gamma | | {link_to(Student)} |",
        f"| DAgger of the student | through 48 steps of time | {link_to(regression)} |",
        "",
    ]


def describe_departures() -> list[str]:
    """Where this is not the paper's."""
    return [
        "## Where we depart from the paper",
        "",
        "- The robot is a Go1, the paper's an A1. Servos run within MuJoCo at 200 Hz, the paper's at 400 Hz.",
        "- The paper learns from nothing on a GPU. Here the teacher first imitates a scripted trot that knows the",
        "  ground's height everywhere; a clock of the trot's period is part of the observation.",
        "- The student's eye is also fitted to the teacher's gamma, as phi is to z in RMA.",
        "- Place, pitch (40 degrees down), range (2 m) and noise of the camera are ours; it does not see the robot.",
        "- A lane is 16 m long; who is at its end is done, so distances are cut at 15 m.",
        "",
    ]


def list_results(results: dict[str, list[CourseResult]], seeds: tuple[int, ...], robots: int) -> list[str]:
    """The table, ours and the paper's."""
    here = describe_machine()
    lines = [
        "## How far they walk",
        "",
        f"Seeds: {', '.join(map(str, seeds))}; {robots} robots for each row and seed, on courses nobody was trained on",
        f"(difficulties {', '.join(map(str, EVALUATION_LEVELS))}), at most 30 s each; +- is the half width of the 95 %",
        f"interval over robots. {here['cores']} cores ({here['processor']}).",
        "",
        f"| distance [m] | {' | '.join(KINDS)} | sum | seconds to fall | impact | paper: {', '.join(KINDS)}, sum |",
        f"|---|{'---|' * (len(KINDS) + 4)}",
    ]
    for kind, title in TITLES.items():
        joined = CourseResult.join(results[kind])
        cells = []
        for number in range(len(KINDS)):
            own = joined.distance[joined.kind == number]
            cells.append(f"{own.mean():.2f} +- {1.96 * own.std() / np.sqrt(len(own)):.2f}")
        paper = ", ".join(f"{value:.2f}" for value in PAPER[kind]) if kind in PAPER else ""
        fall = joined.mean_time_to_fall()
        lines.append(
            f"| {title} | {' | '.join(cells)} | {4.0 * joined.distance.mean():.2f} | "
            f"{'none fell' if np.isinf(fall) else f'{fall:.0f}'} | {joined.impact.mean():.3f} | {paper} |"
        )
    return [
        *lines,
        "",
        "Seconds to fall are all seconds walked over all falls. Impact is the mean squared change of a foot's force in",
        "10 ms, in squared robot's weights. The paper's figures are read second hand.",
        "",
    ]


def list_goals(results: dict[str, list[CourseResult]]) -> list[str]:
    """What was aimed at, and whether this run reached it."""
    joined = {kind: CourseResult.join(parts) for kind, parts in results.items()}
    mean = {kind: float(result.distance.mean()) for kind, result in joined.items()}
    stones = {kind: float(result.distance[result.kind == 1].mean()) for kind, result in joined.items()}
    goals = {
        "student at least .9 of its teacher": mean["student"] >= 0.9 * mean["teacher"],
        "student at least 1.5 x the blind": mean["student"] >= 1.5 * mean["blind"],
        "stepping stones: student at least 10 x the blind": stones["student"] >= 10.0 * stones["blind"],
        "camera covered: the blind's distance +- 10 %": abs(mean["masked"] / mean["blind"] - 1.0) <= 0.1,
        "another robot's pictures: the blind's distance +- 10 %": abs(mean["swapped"] / mean["blind"] - 1.0) <= 0.1,
    }
    return [
        "| goal | reached |",
        "|---|---|",
        *(f"| {goal} | {'yes' if met else 'no'} |" for goal, met in goals.items()),
    ]
