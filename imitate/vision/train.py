"""Learning to walk by sight: a teacher on scandots (imitation, then PPO), and the student that sees (DAgger).

Everything runs in one process, with checkpoints. The same call goes on with the weights, optimisers and curriculum
that were saved; all robots begin new episodes, and the batches that imitation and DAgger had in memory are gone.
"""

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

import torch

from imitate.locomotion.interrupt import postpone_interrupt
from imitate.policy import Normaliser
from imitate.training.checkpoint import load_checkpoint, save_checkpoint
from imitate.training.collect import Actor, minibatches, value_loss
from imitate.training.ppo import PPO, NonFiniteError, PPOConfig
from imitate.training.train import TrainingError
from imitate.training.work_clock import work_seconds
from imitate.vision.collector import CourseCollector, SeeingRunner
from imitate.vision.course import make_lanes
from imitate.vision.depth_camera import CameraConfig
from imitate.vision.descent import descend
from imitate.vision.env import CourseConfig, CourseEnv
from imitate.vision.imitation import Imitation, ImitationConfig
from imitate.vision.networks import SeeingLayout, SeeingPolicy, Student
from imitate.vision.regression import StudentConfig, StudentRegression
from imitate.vision.seeing_env import SeeingEnv
from imitate.vision.walker import WalkerActor
from pose.files import replace_file
from pose.progress import Progress, silent

TEACHER, STUDENT, CURVES = "teacher.pt", "student.pt", "curves.json"
CHECKPOINT, STUDENT_CHECKPOINT = "checkpoint.pt", "student_checkpoint.pt"
COURSE_SEED = 100
"""Of the course that is trained on; evaluations use others."""
LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Difficulties of its lanes."""
VALUE_BATCHES = 4
"""Batches that the value function is fitted to before PPO begins."""


@dataclass(frozen=True)
class VisionTrainConfig:
    """Learning to walk by sight."""

    seed: int = 0
    """Seed of weights, course, physics and noise."""
    layout: SeeingLayout = field(default_factory=SeeingLayout)
    """Architecture of the teacher, and what map it is given."""
    imitation: ImitationConfig = field(default_factory=ImitationConfig)
    samples: int = 100_000
    """Control steps of PPO."""
    num_envs: int = 160
    """The teacher's robots."""
    num_steps: int = 24
    """Control steps of each between updates, through which gradients go back (Agarwal et al. 2022: 24)."""
    ppo: PPOConfig = field(
        default_factory=lambda: PPOConfig(
            update_epochs=2,
            minibatch_size=40,  # sequences
            gamma=0.99,
            gae_lambda=0.95,
            learning_rate=3e-5,
            learning_rate_range=(1e-5, 1e-4),
            target_kl=0.03,
        )
    )
    camera: CameraConfig = field(default_factory=CameraConfig)
    student: StudentConfig = field(default_factory=StudentConfig)
    blank: float = 0.15
    """Share of episodes in which map or camera show nothing, so that a policy learns what to do then."""
    checkpoint_seconds: float = 60.0
    """Time between checkpoints [s]."""

    def digest(self, part: str) -> str:
        """Names what is learnt; a checkpoint of something else is not continued."""
        settings = asdict(self) | {"layout": self.layout.describe(), "checkpoint_seconds": 0.0, "part": part}
        if part == "teacher":
            settings |= {"camera": None, "student": None}
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


class Setting(Protocol):
    """Whose eyes they are, where it walks, and who shows it how."""

    @property
    def digest(self) -> str:
        """Names all of that."""
        ...

    def make_env(self, num_envs: int, seed: int, camera: CameraConfig | None = None) -> SeeingEnv:
        """The bodies on their courses, with a camera each or none."""
        ...

    def make_guide(self, env: SeeingEnv) -> Actor:
        """Who knows the ground of these environments and is imitated."""
        ...


@dataclass(frozen=True)
class Go1Setting:
    """The Go1 on lanes of four kinds of ground; its guide is a scripted trot."""

    seed: int
    """Of the lanes."""
    digest: str = ""

    def make_env(self, num_envs: int, seed: int, camera: CameraConfig | None = None) -> CourseEnv:
        """See `Setting`."""
        return CourseEnv(make_lanes(LEVELS, COURSE_SEED + self.seed), CourseConfig(), num_envs, seed, camera)

    def make_guide(self, env: SeeingEnv) -> Actor:
        """See `Setting`."""
        return WalkerActor(cast(CourseEnv, env))


class _Training:
    """Parts that follow each other, their counts of control steps, curves and checkpoints."""

    stop = False
    """Ctrl-C was pressed: end after this iteration."""

    def __init__(
        self,
        config: VisionTrainConfig,
        folder: Path,
        progress: Progress,
        part: str,
        goal: dict[str, int],
        setting: Setting | None,
    ):
        torch.set_num_threads(1)
        self.setting = setting or Go1Setting(config.seed)
        torch.manual_seed(config.seed)
        self.config, self.folder, self.progress, self.goal = config, folder, progress, goal
        self.digest, self.done = config.digest(part) + self.setting.digest, dict.fromkeys(goal, 0)
        self.shuffle = torch.Generator().manual_seed(config.seed)
        self.curves, self.seconds = list[dict[str, Any]](), 0.0
        self._last = self._last_save = work_seconds()

    def repeat(self, part: str, batch: int, iterate: Callable[[float], dict[str, float]]) -> None:
        """Iterates until the part has had its control steps.

        Raises:
          TrainingError: numbers exploded; nothing of them was saved.
          KeyboardInterrupt: `stop` was set; everything was saved.
        """
        while self.done[part] < self.goal[part]:
            try:
                metrics = iterate(self.done[part] / self.goal[part])
                strange = [name for name, value in metrics.items() if not math.isfinite(value)]
                if strange:
                    raise NonFiniteError(f"{strange[0]} is not finite")
            except NonFiniteError as error:
                raise TrainingError(
                    f"training stopped: {error}; the last checkpoint is kept in {self.folder}"
                ) from error
            self.done[part] += batch
            now = work_seconds()
            self.seconds, self._last = self.seconds + now - self._last, now
            self.curves.append({"part": part, "samples": self.done[part], "seconds": self.seconds, **metrics})
            note = ", ".join(f"{name} {value:.3g}" for name, value in list(metrics.items())[:4])
            self.progress(float(sum(self.done.values())), float(sum(self.goal.values())), f"{part}: {note}")
            if self.stop or now - self._last_save > self.config.checkpoint_seconds:
                self.save()
            if self.stop:
                raise KeyboardInterrupt

    def common(self) -> dict[str, Any]:
        """What every checkpoint holds."""
        return {
            "done": self.done,
            "seconds": self.seconds,
            "curves": self.curves,
            "shuffle": self.shuffle.get_state(),
            "torch_rng": torch.get_rng_state(),
        }

    def restore_common(self, found: dict[str, Any]) -> None:
        """Continues from what `common` returned."""
        self.done, self.curves, self.seconds = dict(found["done"]), list(found["curves"]), float(found["seconds"])
        self.shuffle.set_state(found["shuffle"])
        torch.set_rng_state(found["torch_rng"])

    def save(self) -> None:
        """Writes checkpoint, policy and curves."""
        self._last_save = work_seconds()
        self.write()
        with replace_file(self.folder / CURVES) as temporary:
            temporary.write_text(json.dumps(self.curves) + "\n", encoding="utf-8")

    def write(self) -> None:
        """Writes checkpoint and policy."""
        raise NotImplementedError


class TeacherTraining(_Training):
    """Imitation of the guide, then PPO, of a policy on scandots."""

    def __init__(self, config: VisionTrainConfig, folder: Path, progress: Progress, setting: Setting | None = None):
        batch = config.num_envs * config.num_steps
        goal = {"imitation": config.imitation.samples, "value": VALUE_BATCHES * batch, "ppo": config.samples}
        goal = goal if config.samples else {"imitation": config.imitation.samples}
        super().__init__(config, folder, progress, "teacher", goal, setting)
        env = self.setting.make_env(config.num_envs, config.seed)
        self.policy = SeeingPolicy(config.layout)
        self.collector = CourseCollector(env, config.seed, config.layout.map == "noisy", config.blank)
        self.imitation = Imitation(
            self.policy, self.collector, self.setting.make_guide(env), config.imitation, self.shuffle
        )
        self.ppo = PPO(self.policy, config.ppo)
        self.critic_optimiser = torch.optim.Adam(self.policy.critic.parameters(), lr=1e-3)
        found = load_checkpoint(folder / CHECKPOINT, self.digest)
        if found is not None:
            self.restore_common(found)
            self.policy.load_state_dict(found["policy"])
            self.ppo.restore(found["ppo"])
            self.imitation.optimiser.load_state_dict(found["imitation"])
            self.collector.restore(found["collector"])
        self.runner = SeeingRunner(self.policy, config.num_envs)

    def run(self) -> SeeingPolicy:
        """All parts, one after the other."""
        steps, batch = self.config.num_steps, self.config.num_envs * self.config.num_steps
        self.repeat("imitation", batch, lambda share: self.imitation.iterate(steps, share))
        if "ppo" in self.goal:
            self.runner.memory = self.imitation.runner.memory
            self.repeat("value", batch, self._fit_value)
            self.repeat("ppo", batch, self._improve)
        self.save()
        return self.policy

    def _fit_value(self, share: float) -> dict[str, float]:
        config, policy = self.config.ppo, self.policy
        batch, sums = self.collector.collect(
            policy, self.runner, self.config.num_steps, config.gamma, config.gae_lambda
        )
        returns = batch.advantage + batch.value
        policy.returns.update(Normaliser.moments(returns.reshape(-1, 1)))
        for ids in minibatches(len(returns), config.minibatch_size, 6, self.shuffle):
            loss = value_loss(policy, batch.observation[ids], returns[ids])
            descend(self.critic_optimiser, loss, policy.critic.parameters(), math.inf)
        return sums

    def _improve(self, share: float) -> dict[str, float]:
        config = self.config.ppo
        batch, sums = self.collector.collect(
            self.policy, self.runner, self.config.num_steps, config.gamma, config.gae_lambda
        )
        return sums | self.ppo.update(batch, self.shuffle)

    def write(self) -> None:
        """Writes checkpoint and policy."""
        content = self.common() | {
            "policy": self.policy.state_dict(),
            "ppo": self.ppo.state(),
            "imitation": self.imitation.optimiser.state_dict(),
            "collector": self.collector.state(),
        }
        save_checkpoint(self.folder / CHECKPOINT, self.digest, content)
        self.policy.save(self.folder / TEACHER)


class StudentTraining(_Training):
    """DAgger of a student that sees."""

    def __init__(
        self,
        config: VisionTrainConfig,
        teacher: SeeingPolicy,
        folder: Path,
        progress: Progress,
        setting: Setting | None = None,
    ):
        super().__init__(config, folder, progress, "student", {"student": config.student.samples}, setting)
        env = self.setting.make_env(config.student.num_envs, config.seed + 1, config.camera)
        self.collector = CourseCollector(env, config.seed, blank=config.blank)
        self.student = Student(teacher, config.camera)
        self.regression = StudentRegression(self.student, teacher, self.collector, config.student, self.shuffle)
        found = load_checkpoint(folder / STUDENT_CHECKPOINT, self.digest)
        if found is not None:
            self.restore_common(found)
            self.student.load_state_dict(found["student"])
            self.regression.optimiser.load_state_dict(found["optimiser"])
            self.collector.restore(found["collector"])

    def run(self) -> Student:
        """Until it has had its control steps."""
        config = self.config.student
        self.repeat("student", config.num_envs * config.num_steps, self.regression.iterate)
        self.save()
        return self.student

    def write(self) -> None:
        """Writes checkpoint and student."""
        content = self.common() | {
            "student": self.student.state_dict(),
            "optimiser": self.regression.optimiser.state_dict(),
            "collector": self.collector.state(),
        }
        save_checkpoint(self.folder / STUDENT_CHECKPOINT, self.digest, content)
        self.student.save(self.folder / STUDENT)


def train_teacher(
    config: VisionTrainConfig, folder: Path, progress: Progress = silent, setting: Setting | None = None
) -> SeeingPolicy:
    """Learns to walk on scandots, or on the map that the layout names; leaves teacher.pt in `folder`.

    Args:
      config: options.
      folder: of the training; made if it is absent. A checkpoint there of the same options is continued.
      progress: is called with control steps done and in all.
      setting: whose eyes they are, and where; None for the Go1.

    Raises:
      KeyboardInterrupt: Ctrl-C; the iteration is finished and everything saved before it is passed on. At a second
        one the last checkpoint is kept.
      TrainingError: numbers exploded; the last checkpoint is kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    training = TeacherTraining(config, folder, progress, setting)
    with postpone_interrupt(training):
        return training.run()


def train_student(
    config: VisionTrainConfig,
    teacher: SeeingPolicy,
    folder: Path,
    progress: Progress = silent,
    setting: Setting | None = None,
) -> Student:
    """Learns to do by sight what a teacher does; leaves student.pt in `folder`; arguments as of `train_teacher`."""
    folder.mkdir(parents=True, exist_ok=True)
    training = StudentTraining(config, teacher, folder, progress, setting)
    with postpone_interrupt(training):
        return training.run()
