"""A leg: bodies that perform a skill, or a bridge between two, from some frame of its reference to another."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from imitate.env.config import EnvConfig
from imitate.env.env import ImitationEnv
from imitate.env.step import StepResult
from imitate.env.task import Task
from imitate.transitions.states import LOOP_SECONDS, ChainableSkill
from reconstruct import rotations

LOST = 0.8
"""Distance from the reference at which a body has lost the skill [m]."""


@dataclass(frozen=True, eq=False)
class Leg:
    """N bodies on their way."""

    env: ImitationEnv
    act: Callable[[ImitationEnv], np.ndarray]
    """Actions for the present states, (N, nu)."""
    end: int
    """Frame of the reference that the leg leads to."""

    def step(self) -> StepResult:
        """One control step."""
        return self.env.step(self.act(self.env))

    def run(self) -> np.ndarray:
        """To the end; which bodies did not fall, bool (N,)."""
        upright = np.ones(self.env.num_envs, dtype=bool)
        while upright.any() and self.env.frame[0] < self.end:
            upright &= ~self.step().terminated
        return upright

    @property
    def state(self) -> tuple[np.ndarray, np.ndarray]:
        """Poses (N, nq) and velocities (N, nv) now."""
        return self.env.qpos.copy(), self.env.qvel.copy()


def perform_skill(performer: ChainableSkill, count: int, end: int) -> Leg:
    """A leg of `count` bodies by a skill's policy; they have to be put into it."""
    config = EnvConfig(tracking_threshold=LOST)
    env = ImitationEnv.for_policy(performer.policy, performer.task, count, LOOP_SECONDS, config)
    return Leg(env, lambda env: performer.policy.act(env.observe()), min(end, len(env.reference) - 1))


def follow_task(task: Task, count: int, act: Callable[[ImitationEnv], np.ndarray], end: int) -> Leg:
    """A leg of `count` bodies by another controller."""
    env = ImitationEnv(task, EnvConfig(tracking_threshold=LOST), count)
    return Leg(env, act, end)


def enter(leg: Leg, frame: int, qpos: np.ndarray, qvel: np.ndarray) -> None:
    """Puts bodies into a leg: moved so that their roots are where the reference's is at the frame, else as they are.

    Args:
      leg: of as many bodies.
      frame: of its reference.
      qpos: their poses, (N, nq).
      qvel: their velocities, (N, nv).
    """
    env = leg.env
    turn, shift = find_placement(qpos, env.reference.qpos[frame])
    placed, moving = place_states(qpos, qvel, turn, shift)
    frames = np.full(len(qpos), frame)
    start = env.goal_qpos[frames], env.goal_qvel[frames]
    env.start(frames, offset=env.joints.difference(start[0], placed), speed_offset=moving - start[1])


def find_placement(qpos: np.ndarray, goal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn about the vertical, quaternions (N, 4), and then shift (N, 2) [m] that bring roots onto that of a pose."""
    turn = rotations.heading_between(qpos[:, 3:7], goal[None, 3:7])
    level = qpos[:, :3] * np.array([1.0, 1.0, 0.0])
    return turn, goal[:2] - rotations.rotate(turn, level)[:, :2]


def place_states(
    qpos: np.ndarray, qvel: np.ndarray, turn: np.ndarray, shift: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """States (N, nq), (N, nv) turned about the vertical by quaternions (N, 4), then shifted by (N, 2) [m]."""
    placed, moving = qpos.copy(), qvel.copy()
    placed[:, :3] = rotations.rotate(turn, qpos[:, :3])
    placed[:, :2] += shift
    placed[:, 3:7] = rotations.multiply(turn, qpos[:, 3:7])
    moving[:, :3] = rotations.rotate(turn, qvel[:, :3])  # the rotation's rate has the body's own axes
    return placed, moving
