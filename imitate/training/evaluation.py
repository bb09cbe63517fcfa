"""Evaluations during training, by which the best policy is chosen and the end is found."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from imitate.env.dynamics import DynamicsConfig
from imitate.env.env import ImitationEnv
from imitate.env.task import Task
from imitate.rollout import Acting, Scores, choose_start_frames, run_episodes
from imitate.training.config import ResolvedTrainConfig
from imitate.training.process_group import ProcessGroup

ROLLOUTS = 32
"""Undisturbed rollouts of an evaluation, half of them from the first frame; half as many again are pushed."""
PUSHED_SHARE = 0.1
"""Weight of the return under pushes in what the best policy is chosen by."""
# Being ready for pushes costs tracking. November 2026, SFV's walk, one seed: from .41 to .48 M samples the return fell
# from .930 to .908, 97 % completed in both, while that under pushes rose from .35 to .41. By their mean the worse one
# was kept. It is not that pushed episodes outweigh the others in the batch: their advantages have about the same
# standard deviation (2.0 to 2.6 undisturbed, 2.5 to 3.4 pushed).
VARIED_SHARE = 0.5
"""Weight of the return under pushes where dynamics vary: survival is learnt then, the undisturbed return is high."""
COMPLETED = 0.98
"""Share of undisturbed rollouts that reach the end once a skill is learnt."""
FALL_BINS = 20
"""Parts of a motion that falls are counted in."""


@dataclass(frozen=True)
class Score:
    """Result of an evaluation."""

    episode_return: float
    """Mean normalised return of undisturbed rollouts."""
    completed: float
    """Fraction of undisturbed rollouts that reached the end."""
    pushed_return: float
    """Mean normalised return of rollouts under pushes."""
    return_error: float = 0.0
    """Standard error of `episode_return`."""
    fall_time: float | None = None
    """Moment of the motion about which most of the undisturbed rollouts that fall do so [s]; None where none falls."""

    pushed_share: float = PUSHED_SHARE
    """Weight of `pushed_return` in `overall`."""
    confirmed: float | None = None
    """`completed` from other starts, where these alone would end the training; else None."""

    @property
    def is_confirmed(self) -> bool:
        """Next to nobody fell from other starts: the highest of many scores may be luck, this one is not."""
        return self.confirmed is not None and self.confirmed >= COMPLETED

    @property
    def overall(self) -> float:
        """What the best policy is chosen by: mostly the undisturbed return, which is what is asked for first.

        It has long stopped rising while a walk still learns to stay on its feet: the return under pushes counts, too.
        """
        return (1.0 - self.pushed_share) * self.episode_return + self.pushed_share * self.pushed_return


class Evaluator:
    """The environments that this process contributes to evaluations: two thirds are undisturbed, one is pushed."""

    has_goal = True
    """What is learnt is one skill: it is known when that is done, and it means something where in it most fall."""

    def __init__(
        self,
        task: Task,
        config: ResolvedTrainConfig,
        group: ProcessGroup,
        dynamics: DynamicsConfig | None = None,
        rollouts: int = ROLLOUTS,
        kind: type[ImitationEnv] = ImitationEnv,
    ):
        """Makes the environments.

        Args:
          task: what is learnt.
          config: options of training.
          group: the processes that evaluate together.
          dynamics: ranges that those that are pushed have dynamics of their own from; None for the same in all.
          rollouts: undisturbed ones of an evaluation.
          kind: of environments.
        """
        self.group = group
        self._third = max(1, rollouts // 2 // group.size)
        env_config = replace(config.env, episode_seconds=config.evaluation_seconds, slide_weight=0.0)
        affected = np.arange(3 * self._third) >= 2 * self._third
        if dynamics is not None:
            dynamics = replace(dynamics, keep=0.0)  # the same ones in every evaluation
        self.env = kind(task, env_config, 3 * self._third, 1, affected, None, dynamics, affected)

    def choose_frames(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """First frames to start at, and others evenly over the motion, (count,) each."""
        return np.zeros(count, dtype=np.int64), choose_start_frames(self.env.reference, count)

    def evaluate(self, policy: Acting, seed: int = 0) -> Score:
        """Runs the deterministic policy from the first frame and all phases, under pushes from phases.

        The same starts and pushes in every evaluation of a seed, split among the processes; all of them get the same
        score.
        """
        env, group, third = self.env, self.group, self._third
        firsts, phases = (each[group.rank :: group.size] for each in self.choose_frames(third * group.size))
        rows = np.concatenate([firsts, phases, phases])
        env.episode[:] = 0
        stream = 1000 * seed + group.rank
        if env.dynamics is not None:
            env.dynamics.rng = np.random.default_rng(stream)
        env.seed_noise(stream)
        scores = run_episodes(env, policy, rows, start_rng=np.random.default_rng(stream))
        calm, pushed = np.split(scores.normalised_return, [2 * third])
        completed, falls = scores.completed[: 2 * third], self._count_falls(rows, scores)
        own = [calm.sum(), completed.sum(), pushed.sum(), third, (calm**2).sum(), *falls]
        total, ended, total_pushed, count, squares, *falls = group.sum(torch.tensor(own, dtype=torch.float64)).tolist()
        mean = total / (2 * count)
        error = (max(squares / (2 * count) - mean**2, 0.0) / (2 * count)) ** 0.5
        part = find_common_part(np.array(falls), env.reference.loop)
        time = None if part is None or not self.has_goal else (part + 0.5) / FALL_BINS * env.reference.duration
        share = PUSHED_SHARE if env.dynamics is None else VARIED_SHARE
        return Score(mean, ended / (2 * count), total_pushed / count, error, time, share)

    def _count_falls(self, rows: np.ndarray, scores: Scores) -> np.ndarray:
        """Falls of undisturbed rollouts that started in these frames, by the part of the motion, (FALL_BINS,)."""
        fell = ~scores.completed
        fell[2 * self._third :] = False
        phase = self.env.reference.phase[rows[fell] + scores.steps[fell]]
        return np.bincount(np.minimum(phase * FALL_BINS, FALL_BINS - 1).astype(np.int64), minlength=FALL_BINS)


def find_common_part(falls: np.ndarray, loop: bool) -> int | None:
    """The part of a motion about which most falls are: with its neighbours it has more than half of them.

    Args:
      falls: in each part, (B,).
      loop: the last part is followed by the first.

    Returns:
      Its number; None if nobody falls, or here and there.
    """
    padded = np.pad(falls, 1, mode="wrap") if loop else np.pad(falls, 1)
    around = padded[:-2] + padded[1:-1] + padded[2:]
    part = int(np.argmax(around + 1e-3 * falls))
    return part if around[part] > 0.5 * falls.sum() else None
