"""A person who learns to walk over stairs, gaps and stones by sight: environments, guide, and how far it gets."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import cast

import numpy as np

from imitate.env.config import EnvConfig
from imitate.policy import Policy
from imitate.scene.scene import CONTROL_HZ
from imitate.training.collect import Actor
from imitate.vision.collector import SeeingRunner, StudentRunner
from imitate.vision.depth_camera import CameraConfig
from imitate.vision.guide import CourseTask
from imitate.vision.networks import SeeingPolicy, Student
from imitate.vision.seeing_env import SeeingEnv
from imitate.vision.walking_course import KINDS
from imitate.vision.walking_env import GuideActor, WalkingEnv

EVALUATION_SEED = 900
"""Of courses that nobody was trained on, plus that of the evaluation."""
EVALUATION_SECONDS = 20.0
"""Longest walk [s]."""
LOST = 0.7
"""Who is so far from the nearest plan has lost it, and begins anew [m]."""


@dataclass(frozen=True, eq=False)
class WalkingSetting:
    """A walk on courses that are planned, and the guide that follows the plans."""

    task: CourseTask
    guide: Policy

    @property
    def digest(self) -> str:
        """Names walk, courses and guide."""
        text = self.task.digest.encode()
        weights = (value.numpy().tobytes() for _, value in sorted(self.guide.state_dict().items()))
        return hashlib.sha256(text + b"".join(weights)).hexdigest()

    def make_env(self, num_envs: int, seed: int, camera: CameraConfig | None = None) -> WalkingEnv:
        """See `Setting`."""
        return WalkingEnv(self.task, EnvConfig(tracking_threshold=LOST), num_envs, seed, camera)

    def make_guide(self, env: SeeingEnv) -> Actor:
        """See `Setting`."""
        return GuideActor(cast(WalkingEnv, env), self.guide)


@dataclass(frozen=True)
class WalkingResult:
    """What became of M walks, each on a course of its own, (M,) each."""

    kind: np.ndarray
    """Number of the kind of obstacle."""
    completed: np.ndarray
    """It arrived within the time, bool."""
    progress: np.ndarray
    """Share of the way from start to goal."""
    seconds: np.ndarray
    """Until it arrived, fell, or time was over [s]."""

    @classmethod
    def join(cls, parts: "Sequence[WalkingResult]") -> "WalkingResult":
        """The walks of all."""
        return cls(
            **{field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)}
        )

    def count_completed(self, kind: str) -> float:
        """Share of the walks over one kind that arrived."""
        return float(self.completed[self.kind == KINDS.index(kind)].mean())


def run_walks(
    make_actor: Callable[[WalkingEnv], Actor],
    task: CourseTask,
    seed: int = 0,
    courses: int = 100,
    camera: CameraConfig | None = None,
    seconds: float = EVALUATION_SECONDS,
) -> WalkingResult:
    """Lets a person walk once over each of some courses that nobody was trained on; they are the same for every policy.

    Args:
      make_actor: makes what acts.
      task: the walk; its courses are left out, and nothing is planned.
      seed: of courses, starts and noise.
      courses: how many.
      camera: for policies that see.
      seconds: longest time [s].
    """
    task = replace(task, courses=courses, seed=EVALUATION_SEED + seed, planned=False)
    config = EnvConfig(tracking_threshold=float("inf"))
    env = WalkingEnv(task, config, courses, seed, camera, seconds)
    env.start(np.arange(courses), np.random.default_rng(seed))
    return _walk(env, make_actor(env))


def run_guide(setting: WalkingSetting, seed: int = 0) -> WalkingResult:
    """Lets the guide follow every plan of its training from the beginning, once each; seed of the starts' noise."""
    first = setting.task.plans.first
    env = setting.make_env(len(first), seed)
    env.start_on(first, np.arange(len(first)), np.random.default_rng(seed))
    return _walk(env, setting.make_guide(env))


def _walk(env: WalkingEnv, actor: Actor) -> WalkingResult:
    """Lets all that have started walk to their ends."""
    count = env.num_envs
    running, completed = np.ones(count, dtype=bool), np.zeros(count, dtype=bool)
    progress, steps = np.zeros(count), np.zeros(count)
    while running.any():
        env.running = np.flatnonzero(running)
        result = env.step(actor.act(env.observe()))
        steps[running] += 1
        over = running & result.done
        completed[over], progress[over] = env.has_arrived[over] & ~result.terminated[over], env.progress[over]
        running &= ~over
    return WalkingResult(env.row.kinds[env.lane], completed, np.clip(progress, 0.0, 1.0), steps / CONTROL_HZ)


def actor_of(policy: SeeingPolicy | Student, masked: bool = False, swapped: bool = False) -> Callable[..., Actor]:
    """Makes what acts: a teacher, or a student, whose camera may be covered or another's."""

    def make(env: WalkingEnv) -> Actor:
        if isinstance(policy, Student):
            return StudentRunner(policy, env, masked, swapped)
        return SeeingRunner(policy, env.num_envs)

    return make
