"""How good and how robust a policy is: its evaluation, pushes, and the skill many times in a row."""

from dataclasses import replace

import mujoco
import numpy as np

from imitate.env.env import EnvConfig, ImitationEnv
from imitate.env.pushes import SinglePush
from imitate.env.task import Task
from imitate.policy import Performer
from imitate.rollout import EvaluateConfig, Evaluation, Scores, choose_start_frames, evaluate_policy, run_episodes
from pose.errors import InputError
from reconstruct.cycle import seam_gap
from reconstruct.kinematics import BodyPoints, point_positions

PUSH_FORCE = 240.0
"""Horizontal force on the root that survival is measured with [N]."""
SEAM, SEAM_HEIGHT = 0.2, 0.05
"""Greatest distances of landmarks and of the root's height at which a clip's end meets its start [m], whatever the
travel and the turn in between."""
# Not by angles: a nearly straight arm has its hand in the same place with shoulder and elbow half a radian off, as at
# the ends of a backflip.


def measure_push_survival(
    policy: Performer,
    task: Task,
    seconds: float = 20.0,
    rollouts: int = 32,
    force: float = PUSH_FORCE,
) -> float:
    """Measures the fraction of rollouts from the first frame that do not fall although they are pushed once.

    Each push comes from its own horizontal direction and begins anywhere in the first three quarters. Only
    falls count: a push moves the body off the reference's path, and that is no failure.

    Args:
      policy: acts by its mean.
      task: a loop is performed for `seconds`, a clip once.
      seconds: length of a rollout of a loop [s].
      rollouts: how many.
      force: on the root for 0.2 s [N].
    """
    rng = np.random.default_rng(0)
    side = rng.uniform(0.0, 2.0 * np.pi, rollouts)
    begin = rng.integers(0, max(1, 3 * task.reference(seconds).episode_steps // 4), rollouts)
    push = SinglePush(force * np.stack([np.cos(side), np.sin(side), np.zeros(rollouts)], axis=1), begin)
    config = EnvConfig(tracking_threshold=np.inf)
    env = ImitationEnv.for_policy(policy, task, rollouts, seconds, config, push)
    first = np.zeros(rollouts, dtype=np.int64)
    env.start(first, offset=env.rest(first))
    policy.forget(np.arange(rollouts))
    running, upright = np.ones(rollouts, dtype=bool), np.ones(rollouts, dtype=bool)
    for _ in range(env.episode_steps):
        result = env.step(policy.act(env.observe()))
        upright &= ~(result.terminated & running)
        running &= ~result.done
        if not running.any():
            break
    return float(upright.mean())


def perform_one_pass(policy: Performer, task: Task, rollouts: int = 32, disturbed: bool = False) -> Scores:
    """Performs the motion once by the policy's mean actions, from phases all along it.

    So DeepMimic and SFV measure acrobatics. A motion that is taken for a loop because its end meets its start is
    performed for one cycle from each phase, over the seam; another one from each phase to its end.

    Args:
      policy: acts by its mean.
      task: what is to be done.
      rollouts: how many phases.
      disturbed: starts with errors of pose and speed, as in training, instead of exactly on the reference.
    """
    env = ImitationEnv.for_policy(policy, task, rollouts, task.motion.duration)
    rng = np.random.default_rng(0) if disturbed else None
    return run_episodes(env, policy, choose_start_frames(env.reference, rollouts), start_rng=rng)


def end_meets_start(task: Task) -> bool:
    """Whether a motion can be done again from where it ends."""
    character, motion = task.character, task.motion
    if motion.loop:
        return True
    model, last = character.model, motion.qpos[-1]
    again, gap = last.copy(), seam_gap(model, motion.qpos)
    mujoco.mj_integratePos(model, again, gap, 1.0)
    landmarks = BodyPoints.of_sites(model, tuple(character.landmarks.values()))
    end, start = point_positions(model, np.stack([last, again]), landmarks)
    return bool(abs(gap[2]) < SEAM_HEIGHT and np.linalg.norm(end - start, axis=1).max() < SEAM)


def perform_in_a_row(policy: Performer, task: Task, times: int = 10, rollouts: int = 32) -> Scores:
    """Performs the motion `times` times without a pause, from disturbed first frames.

    Raises:
      InputError: the motion's end does not meet its start.
    """
    if not end_meets_start(task):
        raise InputError("the motion's end does not meet its start, so it cannot be done many times in a row")
    env = ImitationEnv.for_policy(policy, task.repeated, rollouts, times * task.motion.duration)
    return run_episodes(env, policy, np.zeros(rollouts, dtype=np.int64), start_rng=np.random.default_rng(0))


def evaluate_skill(policy: Performer, task: Task, config: EvaluateConfig) -> Evaluation:
    """Evaluates a policy; a motion that is no loop but ends as it began is also done ten times in a row."""
    evaluation = evaluate_policy(policy, task, config)
    if task.motion.loop or task.scene.kind != "flat" or not end_meets_start(task):
        return evaluation
    scores = perform_in_a_row(policy, task, rollouts=config.rollouts)
    repeated = {
        "in_a_row_return": float(scores.normalised_return.mean()),
        "in_a_row_completed": float(scores.completed.mean()),
    }
    return replace(evaluation, metrics=evaluation.metrics | repeated)
