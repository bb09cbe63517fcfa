"""The page of vision: the parts of a robot that sees, where they stand, and what a run of the bench measured."""

import textwrap
from pathlib import Path

import numpy as np

from imitate.vision import depth_camera, imitation, ray_caster, regression, scandots, walker
from imitate.vision.course import BEGIN, END, KINDS, LENGTH
from imitate.vision.depth_camera import CameraConfig
from imitate.vision.env import MOST_ASIDE, POLICY_HZ, CourseEnv
from imitate.vision.evaluation import EVALUATION_LEVELS, EVALUATION_SECONDS, CourseResult
from imitate.vision.networks import SeeingPolicy, Student
from imitate.vision.train import VisionTrainConfig, train_teacher
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
OF_TEACHER, OF_BLIND, STONES_OF_BLIND = 0.9, 1.5, 10.0
"""Goals: the student's distance in its teacher's and in the blind's; in the blind's on stepping stones."""
COVERED = 0.1
"""Goal: with the camera covered or another's pictures the student differs from the blind by this share at most."""
NONE_FELL = "none fell or left its lane"


def write_page(
    folder: Path, results: dict[str, list[CourseResult]], picture_seconds: float, trainings: list[VisionTrainConfig]
) -> Path:
    """Writes the page.

    Args:
      folder: for it.
      results: of each kind of policy, one for each seed.
      picture_seconds: processor time of a picture of the depth camera [s].
      trainings: what was learnt, one for each seed; they differ in nothing else.

    Returns:
      Its path.
    """
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / f"{NAME}.md"
    lines = [*describe_method(picture_seconds, trainings[0]), *describe_departures(trainings[0].camera)]
    lines += [*list_results(results, trainings), *list_goals(results)]
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return page


def wrap(text: str) -> list[str]:
    """Lines of a paragraph, or of an item of a list."""
    return textwrap.wrap(text, 112, subsequent_indent="  " if text.startswith("- ") else "", break_on_hyphens=False)


def describe_method(picture_seconds: float, training: VisionTrainConfig) -> list[str]:
    """The parts and where they stand."""
    camera, (low, high) = training.camera, training.camera.interval
    often = f"each {500.0 * (low + high):.0f} +- {500.0 * (high - low):.0f} ms"
    cost = f"{1000.0 * picture_seconds:.0f} ms a picture, one core"
    size = f"{camera.rows} x {camera.columns}"
    return [
        "# A robot that sees",
        "",
        "For readers who know reinforcement learning: how a quadruped learns to walk by a depth camera here, where",
        "that departs from the paper, and how far it gets.",
        "",
        "*Legged locomotion in challenging terrains using egocentric vision* (Agarwal, Kumar, Malik, Pathak 2022) is",
        "the lecture's third application of policy gradients. `sfv see` learns it for Unitree's Go1, and",
        "`sfv bench vision --page docs` measures it and writes this page; every figure of ours is from that run.",
        "A person's walk learns it, too: [vision_walk.md](vision_walk.md).",
        "",
        "| part | size | where |",
        "|---|---|---|",
        f"| depth camera, with latency, noise, drop-outs | {size}, {often} | {link_to(depth_camera)} |",
        f"| rays on a height field, exact | {cost} | {link_to(ray_caster)} |",
        f"| scandots | {len(scandots.DOTS)} heights | {link_to(scandots)} |",
        f"| course: four kinds of ground, curriculum; {POLICY_HZ} Hz | | {link_to(CourseEnv)} |",
        f"| a trot that chooses footholds by the ground | | {link_to(walker)} |",
        f"| teacher: GRU, Monolithic or RMA's architecture | {training.layout.memory} units "
        f"| {link_to(SeeingPolicy)} |",
        f"| imitation (DAgger), then PPO | through {training.num_steps} steps of time | "
        f"{link_to(imitation)}, {link_to(train_teacher)} |",
        f"| student: convolutions and GRU say gamma | | {link_to(Student)} |",
        f"| DAgger of the student | through {training.student.num_steps} steps of time | {link_to(regression)} |",
        "",
    ]


def describe_departures(camera: CameraConfig) -> list[str]:
    """Where this is not the paper's."""
    way, speed = LENGTH - BEGIN - END, walker.Walker().speed
    return [
        "## Where we depart from the paper",
        "",
        "- The robot is a Go1, the paper's an A1. Servos run within MuJoCo at 200 Hz, the paper's at 400 Hz.",
        "- The paper learns from scratch on a GPU. Here the teacher first imitates a scripted trot that knows the",
        "  ground's height everywhere; a clock of the trot's period is part of the observation.",
        "- The student's vision network is also fitted to the teacher's gamma, as phi is to z in RMA.",
        *wrap(
            f"- In {VisionTrainConfig().blank:.0%} of the episodes of training the map, or the camera, shows nothing, "
            "so that a policy learns what to do then."
        ),
        *wrap(
            f"- Place, pitch ({camera.pitch_degrees:g} degrees down), range ({camera.far:g} m) and noise of the camera "
            "are ours; it does not see the robot."
        ),
        *wrap(
            f"- Distances are bounded: who is {way:.1f} m ahead is at the lane's end and done, and the trot goes at "
            f"{speed:g} m/s, which is {speed * EVALUATION_SECONDS:g} m in the {EVALUATION_SECONDS:g} s of a walk. Most "
            "of the paper's distances are beyond that: compare the order of policies, not metres."
        ),
        f"- A robot whose middle is more than {MOST_ASIDE:g} m beside its lane's has left it, which counts as a fall.",
        *wrap(
            "- With `--architecture rma` the student, too, is given the true physics of the simulation, which no real "
            "robot knows; the paper estimates it from what the body senses. This page is about the default, monolithic."
        ),
        "",
    ]


def list_results(results: dict[str, list[CourseResult]], trainings: list[VisionTrainConfig]) -> list[str]:
    """The table, ours and the paper's."""
    here, training = describe_machine(), trainings[0]
    seeds = ", ".join(str(each.seed) for each in trainings)
    robots, levels = len(results["student"][0].distance), ", ".join(map(str, EVALUATION_LEVELS))
    lines = [
        "## How far they walk",
        "",
        *wrap(
            f"Learnt from {training.imitation.samples:,} control steps of imitation and {training.samples:,} of PPO "
            f"(each policy on a map), and {training.student.samples:,} of the student's DAgger. Seeds: {seeds}; "
            f"{robots} robots for each row and seed, on courses nobody was trained on (difficulties {levels}), at most "
            f"{EVALUATION_SECONDS:g} s each; +- is the half width of the 95 % interval over robots. "
            f"{here['cores']} cores ({here['processor']})."
        ),
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
            f"{NONE_FELL if np.isinf(fall) else f'{fall:.0f}'} | {joined.impact.mean():.3f} | {paper} |"
        )
    return [
        *lines,
        "",
        *wrap(
            "Seconds to fall are all seconds walked, divided by the number of times a robot fell or left its lane. "
            "Impact is the mean squared change of a foot's force in 10 ms, in units of the robot's weight, squared. "
            "With another robot's pictures means those of one that still walks, on another lane. The paper's figures "
            "are from a secondary source."
        ),
        "",
    ]


def list_goals(results: dict[str, list[CourseResult]]) -> list[str]:
    """What was aimed at, and whether this run reached it."""
    joined = {kind: CourseResult.join(parts) for kind, parts in results.items()}
    mean = {kind: float(result.distance.mean()) for kind, result in joined.items()}
    stones = {
        kind: float(result.distance[result.kind == KINDS.index("stones")].mean()) for kind, result in joined.items()
    }
    goals = {
        f"student at least {OF_TEACHER:g} of its teacher": mean["student"] >= OF_TEACHER * mean["teacher"],
        f"student at least {OF_BLIND:g} x the blind": mean["student"] >= OF_BLIND * mean["blind"],
        f"stepping stones: student at least {STONES_OF_BLIND:g} x the blind": (
            stones["student"] >= STONES_OF_BLIND * stones["blind"]
        ),
        f"camera covered: the blind's distance +- {COVERED:.0%}": abs(mean["masked"] / mean["blind"] - 1.0) <= COVERED,
        f"another robot's pictures: the blind's distance +- {COVERED:.0%}": (
            abs(mean["swapped"] / mean["blind"] - 1.0) <= COVERED
        ),
    }
    return [
        "| goal | reached |",
        "|---|---|",
        *(f"| {goal} | {'yes' if met else 'no'} |" for goal, met in goals.items()),
    ]
