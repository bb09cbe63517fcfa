"""A bridge: a short motion from one skill into another, performed by tracking control where no policy gets across.

Its reference is a blend in which the first motion slows down to a stop while the second waits or gathers speed, so that
feet slow down as the body does. iLQG finds out how to perform it; its feedback gains take in what the first skill's
states differ by.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import mujoco
import numpy as np

from imitate.env.env import ImitationEnv
from imitate.env.joint_layout import JointLayout
from imitate.env.reference import Reference, sample_poses
from imitate.env.task import Task
from imitate.scene.scene import CONTROL_HZ
from imitate.tracking.draft import Draft
from imitate.tracking.track import TrackConfig, track_motion
from imitate.transitions.leg import Leg, find_placement, follow_task, place_states
from imitate.transitions.states import LOOP_SECONDS, ChainableSkill, Pair, States
from reconstruct.motion import ReferenceMotion

STEPS = 40
"""Length of a bridge [control steps]."""
# Of a walk into a backflip; with 24 a body that walks at 1 m/s has no room to stop.
BEYOND = 12
"""Steps of the second motion that are planned after the bridge, so that it ends well."""
QUICK = TrackConfig(first_iterations=8, iterations=3, final_iterations=1)
"""Tracking control for bridges: a third of the usual iterations."""


@dataclass(frozen=True, eq=False)
class Bridge:
    """A bridge and the controller that performs it."""

    task: Task
    """Its motion, on flat ground: `STEPS` of the bridge, then some of the second skill."""
    draft: Draft
    """How it is performed."""
    resume: int
    """Frame of the second skill's reference that follows the bridge."""

    @property
    def completed(self) -> bool:
        """Tracking control got across."""
        return not self.draft.rollout.terminated and len(self.draft.controls) >= STEPS

    def leg(self, count: int) -> Leg:
        """The leg across, for so many bodies."""
        return follow_task(self.task, count, make_law(self.draft), STEPS)


def make_law(draft: Draft) -> Callable[[ImitationEnv], np.ndarray]:
    """Actions by a draft's controls and feedback gains."""

    def act(env: ImitationEnv) -> np.ndarray:
        k = int(env.frame[0])
        performed = np.repeat(draft.rollout.qpos[k][None], env.num_envs, axis=0)
        off = np.concatenate([env.joints.difference(performed, env.qpos), env.qvel - draft.qvel[k]], axis=1)
        controls = np.clip(draft.controls[k] + off @ draft.gains[k].T, -QUICK.control_limit, QUICK.control_limit)
        return controls / env.config.action_scale

    return act


def make_bridge(source: ChainableSkill, target: ChainableSkill, states: States, pair: Pair) -> Bridge:
    """Plans and tracks a bridge from a frame of one skill to one of another.

    Args:
      source: skill that is left.
      target: skill that is entered; it waits if it is no cycle.
      states: of the source; the bridge begins at the one in the middle of them.
      pair: the frames.
    """
    first, second = source.task.reference(LOOP_SECONDS), target.task.reference(LOOP_SECONDS)
    space = JointLayout.of(target.task.body)
    begin = find_middle(space, states.qpos[pair.exit][states.alive[pair.exit]])
    rows, resume = plan_bridge(space, first, second, pair, begin)
    qpos = np.concatenate([rows, second.qpos[resume : resume + BEYOND]])
    motion = target.task.motion
    none = np.zeros((len(qpos), len(motion.contact_names)), dtype=bool)
    short: ReferenceMotion = replace(motion, qpos=qpos, fps=float(CONTROL_HZ), contacts=none, loop=False)
    task = Task(target.task.character, short)
    return Bridge(task, track_motion(task, QUICK).draft, resume)


def find_middle(space: JointLayout, qpos: np.ndarray) -> np.ndarray:
    """The pose (nq,) of several (N, nq) that is nearest to the others, the root's place and heading left out."""
    apart = [np.abs(space.difference(np.repeat(one[None], len(qpos), axis=0), qpos)[:, 6:]).sum() for one in qpos]
    return np.asarray(qpos[int(np.argmin(apart))])


def plan_bridge(
    space: JointLayout, first: Reference, second: Reference, pair: Pair, begin: np.ndarray
) -> tuple[np.ndarray, int]:
    """The poses of a bridge, (STEPS, nq), and the frame of the second reference that follows.

    The time of the first motion slows down from its usual speed to none by a smooth step, that of the second gathers
    speed by the same step; poses and speeds are weighted by it. The root's path is the integral of its speed.

    Args:
      space: of the poses.
      first: reference of the skill that is left.
      second: that of the skill that is entered; it waits if it is no cycle.
      pair: the frames.
      begin: pose in which the bridge begins, (nq,): the first motion, but for what its policy does differently, which
        goes away by the same step.
    """
    model, waits = space.model, not second.loop
    progress = np.arange(STEPS) / STEPS
    share = (progress**2 * (3.0 - 2.0 * progress))[:, None]
    passed = STEPS * (progress**3 - progress**4 / 2.0)  # the integral of the smooth step, half of all steps in the end
    ahead = np.zeros(STEPS) if waits else passed
    left, leaving = _sample(model, first, pair.exit + progress * STEPS - passed, 1.0 - share)
    right, coming = _sample(model, second, pair.entry + ahead, 0.0 * share if waits else share)
    other = space.difference(first.qpos[pair.exit][None], _turn_like(begin, first.qpos[pair.exit]))[0]
    other[:2] = 0.0
    for k in range(STEPS):
        mujoco.mj_integratePos(model, left[k], other * (1.0 - share[k]), 1.0)
    turn, _ = find_placement(first.qpos[pair.exit][None], second.qpos[pair.entry])
    left, leaving = place_states(left, leaving, np.repeat(turn, STEPS, axis=0), np.zeros((STEPS, 2)))
    qpos, way = left.copy(), np.zeros(model.nv)
    for k in range(STEPS):
        mujoco.mj_differentiatePos(model, way, 1.0, left[k], right[k])
        mujoco.mj_integratePos(model, qpos[k], way * share[k], 1.0)
    resume = pair.entry + (0 if waits else STEPS // 2)
    speed = leaving + share * (coming - leaving)
    path = np.cumsum(speed[:, :2], axis=0) / CONTROL_HZ
    qpos[:, :2] = second.qpos[resume, :2] + path - path[-1] - speed[-1, :2] / CONTROL_HZ
    return qpos, resume


def _turn_like(qpos: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """A pose (nq,) moved and turned about the vertical to where another one is, (1, nq)."""
    turn, shift = find_placement(qpos[None], goal)
    return place_states(qpos[None], np.zeros((1, len(qpos) - 1)), turn, shift)[0]


def _sample(
    model: mujoco.MjModel, reference: Reference, frames: np.ndarray, speed: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Poses between the rows of a reference, (K, nq), and velocities when its time runs at `speed` (K, 1)."""
    last = len(reference) - 1
    poses = sample_poses(model, reference.qpos, 1.0, np.minimum(frames, last))
    nearest = np.minimum(np.rint(frames).astype(int), last)
    return poses, reference.qvel[nearest] * np.where(frames[:, None] > last, 0.0, speed)
