"""`python -m sfv see`: the Go1, or a person who walks, learns to go over stairs and stones by what a camera sees."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import tyro

from pose.errors import InputError
from sfv.go1.see import SeeGo1Config, learn_to_see
from sfv.run_folder import RUNS
from sfv.sight.walk import WalkSightConfig, learn_walk_by_sight


def see(config: Annotated[SeeGo1Config, tyro.conf.arg(name="")]) -> None:
    """The Go1, or with --skill a person, learns to walk over stairs, stepping stones and more by a depth camera."""
    if config.skill is None:
        learn_to_see(config)
    else:
        learn_skill_to_see(config, config.skill)


def learn_skill_to_see(config: SeeGo1Config, skill: str) -> None:
    """A person's walk learns to see, with its own numbers of control steps where none are given.

    Raises:
      InputError: the skill is no walk on level ground, or an option is not for it.
    """
    config.to_training()
    own = WalkSightConfig(skill=skill, seed=config.seed)
    counts = config.fill(
        {
            "samples": own.guide_samples,
            "imitation_samples": own.imitation_samples,
            "student_samples": own.student_samples,
        }
    )
    if config.architecture != "monolithic":
        raise InputError("--architecture: a person's eyes know one, monolithic; leave it out")
    own = replace(own, guide_samples=counts.pop("samples"), **counts)
    learn_walk_by_sight(own, config.out or RUNS / f"{Path(skill).name}_sight")
