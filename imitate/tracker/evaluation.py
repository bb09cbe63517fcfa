"""How well a tracker follows clips."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imitate.env.config import EnvConfig
from imitate.env.env import ImitationEnv
from imitate.env.task import Task
from imitate.policy import Policy
from imitate.rollout import Rollout, RolloutMetrics, run_episodes
from imitate.tracker.env import TrackerEnv, find_firsts
from pose.errors import InputError


@dataclass(frozen=True)
class Following:
    """How C clips were followed, each from its first frame."""

    followed: np.ndarray
    """To the end: not fallen, and no key body ever .5 m from the reference, bool (C,)."""
    share: np.ndarray
    """Of the clip until then, (C,)."""
    normalised_return: np.ndarray
    """Reward over the clip's length, (C,)."""
    error: np.ndarray
    """Mean distance of the bodies' origins from the reference, in the world, while it followed [m], (C,).

    NaN where it lost the clip in its first step."""
    local_error: np.ndarray
    """The same relative to the root [m], (C,)."""


class _Errors:
    """Sums up errors environment by environment; a `Recorder`."""

    def begin(self, env: ImitationEnv) -> None:
        self.world, self.local, self.count = (np.zeros(env.num_envs) for _ in range(3))

    def record(self, env: ImitationEnv, terms: dict[str, np.ndarray], running: np.ndarray) -> None:
        offset = env.bodies_xpos - env.reference.bodies[env.frame]
        self.world += running * np.linalg.norm(offset, axis=-1).mean(-1)
        self.local += running * np.linalg.norm(offset - offset[:, :1], axis=-1).mean(-1)
        self.count += running


def load_tracker(path: Path) -> Policy:
    """Reads a tracker.

    Raises:
      InputError: no such file, damaged, or the policy of a single skill.
    """
    policy = Policy.load(path)
    if "future" not in policy.layout.observation:
        raise InputError(f"{path}: the policy of a single skill, not a tracker; sfv tracker train makes one")
    return policy


def check_body(policy: Policy, task: Task) -> None:
    """Raises `InputError` unless a tracker was trained for the body of a task and this version of the program."""
    policy.layout.check(TrackerEnv.of_tasks([task], EnvConfig(), 1).policy_layout(policy.layout.hidden))


def make_env(policy: Policy, tasks: Sequence[Task], count: int | None = None, seconds: float = 10.0) -> TrackerEnv:
    """Environments in which a tracker follows clips.

    Args:
      policy: the tracker.
      tasks: the clips, of one body.
      count: how many environments; None for one a clip.
      seconds: longest episode of a clip that is a loop and the only one [s].

    Raises:
      InputError: the tracker was trained for another body or version.
    """
    config = EnvConfig(action_scale=policy.layout.action_scale, episode_seconds=seconds)
    env = TrackerEnv.of_tasks(tasks, config, len(tasks) if count is None else count)
    policy.layout.check(env.policy_layout(policy.layout.hidden))
    return env


def perform_clip(policy: Policy, task: Task) -> tuple[Rollout, float]:
    """A tracker's performance of a clip from its first frame, and how far the bodies are off meanwhile [mm].

    Of a clip that is lost in its first step the distance is NaN. A loop is passed once.

    Args:
      policy: the tracker.
      task: the clip, on the plane.

    Raises:
      InputError: the tracker was trained for another body or version.
    """
    env, recorder = make_env(policy, [task], seconds=task.motion.duration), RolloutMetrics()
    scores = run_episodes(env, policy, np.zeros(1, dtype=np.int64), recorder=recorder)
    rollout = recorder.rollout(terminated=not scores.completed[0])
    return rollout, recorder.means()["tracking_world_mpjpe_mm"] if len(rollout.qpos) > 1 else np.nan


def follow_clips(policy: Policy, tasks: Sequence[Task]) -> Following:
    """Follows clips, all at once, from their first frames.

    Args:
      policy: the tracker.
      tasks: of one body, on the plane, no loops.

    Raises:
      InputError: the tracker was trained for another body or version.
    """
    env, errors = make_env(policy, tasks), _Errors()
    firsts = find_firsts(env.reference)
    scores = run_episodes(env, policy, firsts, recorder=errors)
    lengths, count = env.reference.last[firsts] - firsts, np.where(errors.count > 0, errors.count, np.nan)
    return Following(
        scores.completed,
        np.where(scores.completed, 1.0, scores.steps / lengths),
        scores.normalised_return,
        errors.world / count,
        errors.local / count,
    )
