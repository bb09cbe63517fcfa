"""`python -m sfv bench adapt-skill`: a skill that has learnt to adapt, beside the plain one and without its parts."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import tyro

from imitate.adapt.evaluation import EVENTS, SECONDS, measure_event, measure_survival
from imitate.adapt.in_use import AdaptingPolicy, BlindPolicy, KnowingPolicy
from imitate.env.dynamics import DynamicsConfig
from imitate.env.task import Task
from imitate.policy import Performer, Policy
from imitate.robustness import measure_push_survival
from imitate.rollout import EvaluateConfig, evaluate_policy
from pose.errors import InputError
from sfv.bench.adapt_skill_page import write_section
from sfv.commands.adapt import AdaptRunConfig, choose_skill, run_adapt
from sfv.console import console
from sfv.rows import Row, show
from sfv.skill import Skill, shipped_skills
from sfv.stages import ADAPTIVE

LEAST_SUCCESS, LEAST_PUSHED, MOST_LOST, MOST_SECONDS = 0.9, 0.9, 0.01, 600.0
"""What is aimed at: survival in varied dynamics and of pushes, return lost at nominal ones, time [s]."""


def bench_adapt_skill(
    config: Annotated[AdaptRunConfig, tyro.conf.arg(name="")],
    rollouts: int = 100,
    page: Path | None = None,
    json: bool = False,
) -> None:
    """A skill's survival under loads, on ice and slopes, with weak muscles: adapting, plain, and without its parts.

    It learns to adapt first, as `sfv adapt` does, unless it has: without --out, a shipped one is measured if there is.

    Args:
      config: which skill, and how it learns to adapt.
      rollouts: of each row, of 20 s where the skill is a cycle.
      page: folder of adaptation.md, e.g. docs, whose section about a skill from video is written anew.
      json: one JSON object on standard output instead of a table.
    """
    if rollouts < 1:
        raise InputError(f"--rollouts {rollouts}: give at least 1")
    skill = choose_skill(config)
    learnt = find_shipped(config, skill) or run_adapt(config)
    adapting = learnt.policy
    if not isinstance(adapting, AdaptingPolicy):
        raise InputError(f"{learnt.policy_path}: holds no policy that adapts")
    with console.status("performing in varied dynamics, under pushes and with events"):
        rows = measure_rows(adapting, skill.plain_policy, skill.task, config, rollouts)
    seconds = learnt.metrics.get("train_seconds")
    rows.append(Row("adapt_train_seconds", seconds, "s", goal=MOST_SECONDS, note="PPO, without the adaptation module"))
    if page is not None:
        written = write_section(page, f"{skill.name} by {skill.body}", rows, config.adapt.dynamics)
        console.print(f"page: {written}")
    show("adapt-skill", [replace(row, name=f"{skill.name}_{row.name}") for row in rows], json)


def find_shipped(config: AdaptRunConfig, skill: Skill) -> Skill | None:
    """The shipped skill that has learnt to adapt, where no folder of a run is named."""
    if config.skill is None or config.out is not None:
        return None
    body = f"{skill.body}{ADAPTIVE}"
    return next((one for one in shipped_skills() if (one.name, one.body) == (skill.name, body)), None)


def single_ranges(ranges: DynamicsConfig) -> dict[str, DynamicsConfig]:
    """The same ranges, each kind of change alone."""
    still = replace(
        ranges,
        payload=(0.0, 0.0),
        payload_place=(0.0,) * 3,
        com=0.0,
        friction=(1.0, 1.0),
        strength=(1.0, 1.0),
        slope=0.0,
    )
    return {
        "payload": replace(still, payload=ranges.payload, payload_place=ranges.payload_place, com=ranges.com),
        "friction": replace(still, friction=ranges.friction),
        "strength": replace(still, strength=ranges.strength),
        "slope": replace(still, slope=ranges.slope),
    }


def measure_rows(
    adapting: AdaptingPolicy, plain: Policy, task: Task, config: AdaptRunConfig, rollouts: int
) -> list[Row]:
    """The rows, but for the time.

    Args:
      adapting: the skill that adapts.
      plain: the skill that it comes from.
      task: what both perform.
      config: has the ranges.
      rollouts: of each row.
    """
    skill, seconds = adapting.skill, SECONDS
    kinds: dict[str, Performer] = {
        "rma": adapting,
        "expert": KnowingPolicy(skill),
        "without": AdaptingPolicy(skill, frozen=True),
        "plain": BlindPolicy(plain),
    }
    found = {
        kind: measure_survival(policy, task, config.adapt.dynamics, rollouts, seconds) for kind, policy in kinds.items()
    }
    upright = {kind: float(one.upright.mean()) for kind, one in found.items()}
    rows = [Row("adapt_success", upright["rma"], "", rollouts, baseline=upright["plain"], goal=LEAST_SUCCESS)]
    rows += [Row(f"adapt_success_{kind}", upright[kind], "", rollouts) for kind in ("expert", "without", "plain")]
    for axis, ranges in single_ranges(config.adapt.dynamics).items():
        own, other = (
            float(measure_survival(kinds[kind], task, ranges, rollouts, seconds).upright.mean())
            for kind in ("rma", "plain")
        )
        rows.append(Row(f"adapt_success_{axis}", own, "", rollouts, baseline=other, note=f"{axis} alone"))
    rows.append(Row("adapt_kept", float(found["rma"].kept.mean()), "", rollouts, note="never .5 m off, too"))
    evaluation = EvaluateConfig(rollouts=rollouts)
    returns = [evaluate_policy(one, task, evaluation).metrics["normalised_return"] for one in (adapting, plain)]
    note = f"{returns[0]:.3f} less the plain skill's {returns[1]:.3f}, nominal dynamics"
    rows.append(Row("adapt_return_difference", returns[0] - returns[1], n=rollouts, goal=-MOST_LOST, note=note))
    pushed = [measure_push_survival(one, task, seconds, rollouts) for one in (adapting, plain)]
    rows.append(Row("push_survival", pushed[0], "", rollouts, baseline=pushed[1], goal=LEAST_PUSHED))
    if task.motion.loop:
        for event in EVENTS:
            falls = {kind: measure_event(policy, task, event, rollouts) for kind, policy in kinds.items()}
            note = ", ".join(f"{kind} {value:.2f}" for kind, value in falls.items() if kind != "rma")
            rows.append(Row(f"falls_after_{event}", falls["rma"], n=rollouts, baseline=falls["without"], note=note))
    return rows
