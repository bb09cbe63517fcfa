"""`python -m sfv adapt go1`: a quadruped learns to walk and to adapt to what carries and hinders it (RMA)."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from imitate.adapt.networks import AdaptiveSkill
from imitate.locomotion.evaluation import run_walks
from imitate.locomotion.imitation import ImitationConfig
from imitate.locomotion.train import SKILL, WalkTrainConfig, make_runner, train_walk
from pose.errors import InputError
from pose.ranges import check_seed
from reconstruct.characters.assets_folder import ASSETS
from sfv.console import bar, console
from sfv.go1.film import write_film
from sfv.run_folder import RUNS, lock_folder, make_folder

SHIPPED = ASSETS / "robots" / "go1" / "walk.pt"
"""The walk that comes with the program."""
EVALUATION_SEED, EVALUATION_EPISODES = 1000, 100


@dataclass(frozen=True)
class AdaptGo1Config:
    """How the Go1 learns."""

    seed: int = 0
    """Seed of weights, ground, physics and noise."""
    imitation_samples: int = 800_000
    """Control steps of the trot that are imitated before PPO."""
    samples: int = 1_200_000
    """Control steps of PPO, in which base policy and encoder are learnt together."""
    adaptation_samples: int = 400_000
    """Control steps in which the adaptation module is fitted to what it gathers itself."""
    out: Path | None = None
    """Folder of the training; default runs/go1. The same command again goes on where it was."""

    def to_training(self, extrinsics: bool = True, sysid: bool = False) -> WalkTrainConfig:
        """The options of the training.

        Args:
          extrinsics: the policy is given z; without, it is the baseline Robust.
          sysid: also the baseline SysID.

        Raises:
          InputError: an option is out of range.
        """
        check_seed(self.seed)
        for name in ("imitation_samples", "samples", "adaptation_samples"):
            if getattr(self, name) < 1:
                flag = name.replace("_", "-")
                raise InputError(f"--{flag} {getattr(self, name)}: expected a positive number of control steps")
        return WalkTrainConfig(
            seed=self.seed,
            extrinsics=extrinsics,
            samples=self.samples,
            imitation=ImitationConfig(samples=self.imitation_samples),
            adaptation_samples=self.adaptation_samples,
            sysid=sysid,
        )


def adapt_go1(config: Annotated[AdaptGo1Config, tyro.conf.arg(name="")]) -> None:
    """The Go1 learns to walk while its payload, motors and the ground change, and to feel that they did (RMA)."""
    folder = config.out or RUNS / "go1"
    training = config.to_training()
    make_folder(folder)
    with lock_folder(folder):
        _learn(training, folder, EVALUATION_SEED + config.seed)


def _learn(training: WalkTrainConfig, folder: Path, seed: int) -> None:
    begin = time.monotonic()
    with bar("Go1") as progress:
        result = train_walk(training, folder, progress)
    console.print(f"learnt from {result.samples / 1e6:.2f} M control steps in {result.seconds / 60:.1f} min")
    with console.status("walking in physics that changes"):
        walks = run_walks(lambda count: make_runner(result.skill, count), EVALUATION_EPISODES, seed).rows()
    film = folder / "event.mp4"
    with bar(film.name) as progress:
        write_film(result.skill, film, progress=progress)
    console.print(
        f"[bold]{folder / SKILL}[/bold]: {walks['success']:.0%} of {EVALUATION_EPISODES} walks of 10 s stay up "
        f"(+- {walks['success_interval']:.0%}), {walks['distance']:.2f} m; {time.monotonic() - begin:.0f} s in all\n"
        f"{film}: a payload lands, ice begins, a leg weakens",
        soft_wrap=True,
    )


def load_walk(path: Path | None = None) -> AdaptiveSkill:
    """The walk of a training's folder or file; None for the shipped one.

    Raises:
      InputError: there is none, or it has no adaptation module.
    """
    file = SHIPPED if path is None else path / SKILL if path.is_dir() else path
    skill = AdaptiveSkill.load(file)
    if skill.adaptation is None:
        raise InputError(f"{file}: has no adaptation module yet; learn it with: sfv adapt go1")
    return skill
