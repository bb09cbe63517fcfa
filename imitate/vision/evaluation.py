"""How far robots get on the course, for how long, and how hard they tread: by kind of ground."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from imitate.training.collect import Actor
from imitate.vision.collector import MapErrors, SeeingRunner, StudentRunner
from imitate.vision.course import Course, make_lanes
from imitate.vision.depth_camera import CameraConfig, DepthCamera
from imitate.vision.env import POLICY_HZ, CourseConfig, CourseEnv
from imitate.vision.networks import SeeingPolicy, Student
from imitate.vision.walker import WalkerActor
from reconstruct import rotations

EVALUATION_LEVELS = (0.1, 0.35, 0.6, 0.85)
"""Difficulties of the lanes, between those of training."""
EVALUATION_SEED = 900
EVALUATION_SECONDS = 30.0
"""Longest walk [s]."""


@dataclass(frozen=True)
class CourseResult:
    """What became of M robots, (M,) each."""

    kind: np.ndarray
    """Number of the kind of ground."""
    level: np.ndarray
    """Number of the difficulty."""
    distance: np.ndarray
    """Way ahead [m], at most the lane's."""
    seconds: np.ndarray
    """Until it fell or left its lane, was at the lane's end, or time was over [s]."""
    fell: np.ndarray
    """It fell or left its lane to the side, bool."""
    impact: np.ndarray
    """Mean squared change of the feet's forces in a tick of 10 ms [robot's weights^2]."""

    def mean_time_to_fall(self, of: np.ndarray | None = None) -> float:
        """Time walked by all, or those chosen by a mask, over falls and lanes left [s]; infinite without any."""
        of = np.ones(len(self.fell), dtype=bool) if of is None else of
        falls = int(self.fell[of].sum())
        return float(self.seconds[of].sum() / falls) if falls else float("inf")

    @staticmethod
    def join(parts: "list[CourseResult]") -> "CourseResult":
        """All robots of several runs."""
        names = CourseResult.__dataclass_fields__
        return CourseResult(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def make_evaluation_course(seed: int) -> Course:
    """A course that nobody was trained on."""
    return make_lanes(EVALUATION_LEVELS, EVALUATION_SEED + seed)


def run_course(
    make_actor: Callable[[CourseEnv], Actor],
    seed: int,
    robots_per_lane: int = 5,
    seconds: float = EVALUATION_SECONDS,
    camera: CameraConfig | None = None,
    noisy: bool = False,
) -> CourseResult:
    """Lets robots walk once each; the same seed gives the same course, starts and physics to every policy.

    Args:
      make_actor: makes what acts.
      seed: of course, starts, physics, noise.
      robots_per_lane: on each of the 16 lanes.
      seconds: longest time [s].
      camera: for policies that see.
      noisy: scandots are those of a map with errors.
    """
    course = make_evaluation_course(seed)
    count = course.lanes * robots_per_lane
    config = CourseConfig(episode_steps=round(seconds * POLICY_HZ))
    env = CourseEnv(course, config, count, seed, camera)
    env.start(np.arange(count), np.random.default_rng(seed))
    errors, actor = MapErrors(count, seed) if noisy else None, make_actor(env)
    running, fell = np.ones(count, dtype=bool), np.zeros(count, dtype=bool)
    distance, impact, steps = np.zeros(count), np.zeros(count), np.zeros(count)
    while running.any():
        env.running = np.flatnonzero(running)
        seen = env.observe()
        if errors is not None:
            seen = errors.spoil(env, seen, np.arange(count))
        result = env.step(actor.act(seen))
        impact[running] += env.impact[running]
        steps[running] += 1
        over = running & result.done
        distance[over], fell[over] = env.distance[over], result.terminated[over]
        running &= ~over
    levels = len(course.levels)
    return CourseResult(env.lane // levels, env.lane % levels, distance, steps / POLICY_HZ, fell, impact / steps)


def measure_picture(seed: int) -> float:
    """Processor time of a picture of the depth camera, from above the beginnings of the lanes [s]."""
    course = make_evaluation_course(seed)
    env = CourseEnv(course, CourseConfig(), course.lanes, seed)
    env.start(np.arange(course.lanes), np.random.default_rng(seed))
    camera, rotation = DepthCamera(course.terrain), rotations.to_matrix(env.qpos[:, 3:7])
    begin = time.process_time()
    for robot in range(course.lanes):
        camera.see(env.qpos[robot : robot + 1, :3], rotation[robot : robot + 1])
    return (time.process_time() - begin) / course.lanes


def actor_of(policy: SeeingPolicy | Student | None, **options: Any) -> Callable[[CourseEnv], Actor]:
    """Makes what acts: a teacher, a student with options of `StudentRunner`, or for None the walker."""

    def make(env: CourseEnv) -> Actor:
        if policy is None:
            return WalkerActor(env)
        if isinstance(policy, Student):
            return StudentRunner(policy, env, **options)
        return SeeingRunner(policy, env.num_envs)

    return make
