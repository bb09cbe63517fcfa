"""How well a tracker follows clips."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imitate.env.config import EnvConfig
from imitate.env.env import ImitationEnv
from imitate.env.task import Task
from imitate.policy import Policy
from imitate.rollout import run_episodes
from imitate.tracker.env import TrackerEnv, find_firsts


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


def make_env(policy: Policy, tasks: Sequence[Task]) -> TrackerEnv:
    """Environments in which a tracker follows clips, one a clip.

    Raises:
      InputError: the tracker was trained for another body or version.
    """
    config = EnvConfig(action_scale=policy.layout.action_scale)
    env = TrackerEnv.of_tasks(tasks, config, len(tasks))
    policy.layout.check(env.policy_layout(policy.layout.hidden))
    return env


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
