"""The page adaptation.md: what RMA's parts are, where they stand, and what a run of the bench measured."""

import inspect
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from imitate.adapt import regression
from imitate.adapt.networks import AdaptationModule, AdaptivePolicy
from imitate.adapt.runner import AdaptiveRunner
from imitate.locomotion import dynamics, gait, imitation, reward, terrain
from imitate.locomotion.collector import ALIVE
from imitate.locomotion.env import WalkEnv
from imitate.locomotion.evaluation import EVENT_SECONDS, Episodes
from imitate.locomotion.robot import CONTROL_HZ, build_go1
from sfv.bench.adapt_results import PAPER, Measured
from sfv.drawing.svg import save_svg
from sfv.installation import ROOT
from sfv.rows import describe_machine

HEADING = "## A skill from video that adapts"
"""The section about a skill, which another bench writes, reaches from here to the end of the page."""
TITLES = {
    "robust": "Robust: no extrinsics",
    "sysid": "SysID: phi predicts e",
    "without": "RMA without adaptation: z of the first moment",
    "rma": "**RMA**",
    "expert": "Expert: true z",
}


def write_page(folder: Path, found: Measured, seeds: tuple[int, ...], episodes: int) -> Path:
    """Writes the page and its picture; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    draw_event(folder / "adaptation_event.svg", found)
    text = "\n".join(
        [
            *describe_method(),
            *describe_departures(),
            *list_results(found, seeds, episodes),
            *describe_event(found),
        ]
    )
    page = folder / "adaptation.md"
    page.write_text(text + "\n" + keep_section(page), encoding="utf-8")
    return page


def keep_section(page: Path) -> str:
    """The section as it stands in a page that is about to be written anew; empty if there is none."""
    if not page.is_file() or HEADING not in (text := page.read_text(encoding="utf-8")):
        return ""
    return "\n" + HEADING + text.split(HEADING)[1]


def link_to(thing: object) -> str:
    """A link to the file where a function, class or module stands, as seen from docs/."""
    path = Path(inspect.getsourcefile(thing) or "").resolve().relative_to(ROOT).as_posix()  # type: ignore[arg-type]
    return f"[{path}](../{path})"


def describe_method() -> list[str]:
    """The parts and where they stand."""
    return [
        "# A robot that adapts: RMA",
        "",
        "For readers who know reinforcement learning: how RMA is built here, where it departs from the paper, and how",
        "far it gets, for a quadruped and for a skill from video.",
        "",
        "*Rapid motor adaptation* (Kumar, Fu, Pathak, Malik 2021) is the lecture's second application of policy",
        "gradients. `sfv adapt go1` learns it for Unitree's Go1, `sfv play go1` shows it, and",
        "`sfv bench adapt --page docs`, with the seeds and episodes below, measures it and writes this page,",
        "except the last section, which is of `sfv bench adapt-skill`. Every figure of ours is from these runs.",
        "",
        r"$$z_t = \mu(e_t) \qquad a_t = \pi(x_t, a_{t-1}, z_t) \qquad"
        r" \hat z_t = \phi(x_{t-50}, a_{t-50}, \dots, x_{t-1}, a_{t-1})$$",
        "",
        "| part | size (the paper's) | where |",
        "|---|---|---|",
        f"| encoder mu and base policy pi, PPO | 17-256-128-8; 50-128-128-12 | {link_to(AdaptivePolicy)} |",
        "| adaptation module phi | pairs to 32; convolutions [32,32,8,4], [32,32,5,1], [32,32,5,1] | "
        f"{link_to(AdaptationModule)} |",
        f"| phi at 10 Hz beside pi at 100 Hz, its answer 10 ms later | | {link_to(AdaptiveRunner)} |",
        f"| phase 2: regression on phi's own rollouts | | {link_to(regression)} |",
        f"| physics that changes | ranges of table II | {link_to(dynamics)} |",
        f"| reward | ten terms | {link_to(reward)} |",
        f"| robot, task, endings | | {link_to(build_go1)}, {link_to(WalkEnv)} |",
        f"| ground: fractal; slopes, stones, stairs, obstacles | | {link_to(terrain)} |",
        f"| the trot that is imitated first | | {link_to(gait)}, {link_to(imitation)} |",
        "",
    ]


def describe_departures() -> list[str]:
    """Where this is not the paper's."""
    return [
        "## Where we depart from the paper",
        "",
        "- The robot is a Go1, the paper's an A1, of which no package holds a model. An episode ends below 0.20 m, not",
        "  0.28 m. What the paper calls the centre of mass we read as the payload's place, in metres.",
        "- The paper takes 1.2 G steps of PPO and 80 M of regression. Here a trot by inverse kinematics, which knows",
        "  payload, strength and the ground below its hips, is imitated first, by DAgger; PPO then has a thousandth of",
        "  the paper's steps. Policies with and without extrinsics imitate the same trot, from as many samples.",
        "- While a policy learns, its extrinsics have an error of a tenth of their ranges. Without that error it",
        "  relies on them even where the test's physics lie beyond the ranges. The rows below have no such error.",
        "- Penalties and ranges count in full from the beginning of PPO: the policy that it begins with walks already.",
        f"- While learning, each step pays {ALIVE:g} more (being alive). Contact forces are in units of the robot's",
        "  weight, and clipped.",
        "- Fractal ground has the paper's octaves, lacunarity, gain and scale. The paper gives no wavelength; ours is",
        "  5 m.",
        "- AWR is left out: it needs 40,000 samples of the same physics to adapt, and here physics changes every",
        "  second.",
        "",
    ]


def list_results(found: Measured, seeds: tuple[int, ...], episodes: int) -> list[str]:
    """The table, ours and the paper's."""
    here = describe_machine()
    lines = [
        "## In physics that changes",
        "",
        f"Seeds: {', '.join(map(str, seeds))}, {episodes} episodes of at most 10 s, test ranges, new physics "
        "every second on average; "
        "intervals are",
        f"of 95 %. Trainings of one seed, all rows together: {np.mean(found.samples) / 1e6:.2f} M control steps, "
        f"{np.mean(found.train_seconds) / 60:.0f} min of wall clock",
        f"in one process on {here['cores']} cores ({here['processor']}), which other work may have shared.",
        "",
        "| | success % | time to fall | reward | distance m | torque | smoothness | impact | paper: success, time to "
        "fall, reward, distance |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for kind, title in TITLES.items():
        rows = Episodes.join(found.walks[kind]).rows()
        paper = PAPER[kind]
        lines.append(
            f"| {title} | {100 * rows['success']:.1f} +- {100 * rows['success_interval']:.1f} | "
            f"{rows['time_to_fall']:.2f} | {rows['reward']:.2f} | {rows['distance']:.2f} | {rows['torque']:.0f} | "
            f"{rows['smoothness']:.1f} | {rows['impact']:.2f} | "
            f"{paper[0]:.1f}, {paper[1]:.2f}, {paper[2]:.2f}, {paper[3]:.2f} |"
        )
    return [
        *lines,
        "",
        "Torque and smoothness are mean squares [N² m²]; impact is in units of the robot's weight, squared. The paper",
        "gives no units, so its columns are not set beside ours. Only the order of the rows can be compared.",
        "",
        f"phi and pi take {found.core_share:.1%} of one core for one robot.",
        "",
        *list_goals(found),
    ]


WHY_ROBUST = [
    "Why Robust may do as well: a policy without extrinsics observes them, too. Its last targets minus its joint",
    "angles are torque over stiffness, which shows load, strength and gains at once. It imitates the same trot, for",
    "the same reward.",
    "",
]
"""Why the baseline without extrinsics may do as well, where it does."""


def list_goals(found: Measured) -> list[str]:
    """What was aimed at, and whether this run reached it."""
    pooled = {kind: Episodes.join(parts).rows() for kind, parts in found.walks.items()}
    rma, expert = pooled["rma"]["success"], pooled["expert"]["success"]
    order = [pooled[kind]["success"] for kind in ("without", "robust", "rma", "expert")]

    def is_above(kind: str) -> bool:
        other = pooled[kind]
        return rma - pooled["rma"]["success_interval"] > other["success"] + other["success_interval"]

    goals = {
        "without adaptation < Robust < RMA < Expert, as in the paper": order == sorted(order),
        "RMA at least .95 of Expert": rma >= 0.95 * expert,
        "RMA above Robust, intervals apart": is_above("robust"),
        "RMA above without adaptation, intervals apart": is_above("without"),
    }
    return [
        "| goal | reached |",
        "|---|---|",
        *(f"| {goal} | {'yes' if met else 'no'} |" for goal, met in goals.items()),
        "",
        *([] if is_above("robust") else WHY_ROBUST),
    ]


def describe_event(found: Measured) -> list[str]:
    """What happens when physics changes once."""
    rma = found.events["rma"]
    times = ", ".join(f"{event.response_seconds():.2f} s" for event in rma)
    falls = {kind: float(np.mean([event.falls for event in events])) for kind, events in found.events.items()}
    return [
        "## A payload lands, ice begins, a leg weakens",
        "",
        "Nominal robots walk for 3 s; then, at once, 6 kg lie on the trunk, friction is .2 and one leg has .7 of its",
        f"strength. The mean of z^ needs {times} (a seed each) for half of the change to its new value.",
        f"Of the robots that walked until then {falls['rma']:.0%} fall within 7 s with RMA, {falls['without']:.0%} "
        "without adaptation",
        f"and {falls['expert']:.0%} with the true z.",
        "",
        "![z over time](adaptation_event.svg)",
        "",
        "*Mean of each component of z^ over the robots of the first seed; the line is the event.*",
    ]


def draw_event(path: Path, found: Measured) -> None:
    """Draws the mean of z^ over time."""
    z = found.events["rma"][0].z
    with np.errstate(all="ignore"):
        mean = np.nanmean(z, axis=1)
    figure = Figure(figsize=(7, 2.8), layout="constrained")
    axes = figure.subplots()
    axes.plot(np.arange(len(mean))[::5] / CONTROL_HZ, mean[::5], linewidth=1.2)
    axes.axvline(EVENT_SECONDS, color="grey", linestyle=":")
    axes.set(xlabel="time [s]", ylabel="z of the adaptation module")
    save_svg(figure, path)
