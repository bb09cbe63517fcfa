"""`python -m sfv see`: a quadruped learns to walk over stairs and stones by what its camera sees."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from imitate.vision.evaluation import EVALUATION_SECONDS, actor_of, run_course
from imitate.vision.imitation import ImitationConfig
from imitate.vision.networks import ARCHITECTURES, SeeingLayout, Student
from imitate.vision.regression import StudentConfig
from imitate.vision.train import STUDENT, VisionTrainConfig, train_student, train_teacher
from pose.errors import InputError
from pose.ranges import check_seed
from sfv.console import bar, console
from sfv.go1.eyes_film import write_eyes_film
from sfv.run_folder import RUNS, lock_folder, make_folder

GO1_SAMPLES = {"imitation_samples": 150_000, "samples": 100_000, "student_samples": 100_000}
"""Control steps of the Go1's training where none are given."""


@dataclass(frozen=True)
class SeeGo1Config:
    """How the Go1 learns to see."""

    seed: int = 0
    """Seed of weights, ground, physics and noise."""
    architecture: str = "monolithic"
    """monolithic: one memory; rma: a memory for the ground alone, and the student is given the true physics."""
    imitation_samples: int | None = None
    """Control steps of imitating the scripted trot, or with --skill the guide; default 150,000 and 1,000,000."""
    samples: int | None = None
    """Control steps of the teacher's PPO, or with --skill the guide's; default 100,000 and 2,000,000; 0 for none."""
    student_samples: int | None = None
    """Control steps of the student, who learns from the teacher; default 100,000, with --skill 500,000."""
    out: Path | None = None
    """Folder, default runs/go1_sight or runs/SKILL_sight, which play --eyes reads; the same command goes on."""
    skill: str | None = None
    """Instead of the Go1 a person learns to see, whose walk this is, e.g. walk; see docs/vision_walk.md."""

    def to_training(self, map: str = "true") -> VisionTrainConfig:
        """The options of the training.

        Args:
          map: what the teacher is given as scandots: true, noisy or none.

        Raises:
          InputError: an option is out of range.
        """
        if self.architecture not in ARCHITECTURES:
            raise InputError(f"--architecture {self.architecture}: expected {' or '.join(ARCHITECTURES)}")
        check_seed(self.seed)
        counts = self.fill(GO1_SAMPLES)
        return VisionTrainConfig(
            seed=self.seed,
            layout=SeeingLayout(self.architecture, map),
            imitation=ImitationConfig(samples=counts["imitation_samples"]),
            samples=counts["samples"],
            student=StudentConfig(samples=counts["student_samples"]),
        )

    def fill(self, defaults: dict[str, int]) -> dict[str, int]:
        """Control steps by option, a body's own where none are given; raises `InputError` for too few."""
        counts = dict[str, int]()
        for name, default in defaults.items():
            given, least = getattr(self, name), 0 if name == "samples" else 1
            counts[name] = default if given is None else given
            if counts[name] < least:
                flag = name.replace("_", "-")
                raise InputError(f"--{flag} {given}: expected {least} control steps or more")
        return counts


def learn_to_see(config: Annotated[SeeGo1Config, tyro.conf.arg(name="")]) -> None:
    """The Go1 learns to walk over slopes, stepping stones, stairs and obstacles by what its depth camera sees."""
    folder = config.out or RUNS / "go1_sight"
    training = config.to_training()
    make_folder(folder)
    with lock_folder(folder):
        _learn(training, folder)


def _learn(training: VisionTrainConfig, folder: Path) -> None:
    begin = time.monotonic()
    with bar("Go1's teacher") as progress:
        teacher = train_teacher(training, folder, progress)
    with bar("Go1's eyes") as progress:
        student = train_student(training, teacher, folder, progress)
    with console.status("walking on a course that it has never seen"):
        result = run_course(actor_of(student), training.seed, 2, camera=student.camera)
    film = folder / "eyes.mp4"
    with bar(film.name) as progress:
        write_eyes_film(actor_of(student), film, camera=student.camera, progress=progress)
    console.print(
        f"[bold]{folder / STUDENT}[/bold]: {result.distance.mean():.2f} m on average over four kinds of ground in at "
        f"most {EVALUATION_SECONDS:g} s, {result.fell.mean():.0%} fall or leave their lanes; "
        f"{time.monotonic() - begin:.0f} s in all\n"
        f"{film}: each kind of ground, beside it what the camera sees",
        soft_wrap=True,
    )


def load_sight(path: Path | None = None) -> Student:
    """The student of a training's folder or file; None for runs/go1_sight.

    Raises:
      InputError: there is none, or the file is none.
    """
    path = path or RUNS / "go1_sight"
    file = path / STUDENT if path.is_dir() else path
    if not file.is_file():
        raise InputError(f"{file}: there is no policy that sees yet; learn it with: sfv see")
    return Student.load(file)
