"""Collecting samples on the lecture's problems."""

from dataclasses import replace

import numpy as np

from imitate.env.step import StepResult
from imitate.lecture.problems import LectureProblem
from imitate.lecture.recurrent import RecurrentPolicy
from imitate.training.collect import Actor, EpisodeLoop, Transitions


class Collector(EpisodeLoop):
    """The lecture's problems: episodes start as the problem says, and their returns are kept."""

    env: LectureProblem

    def __init__(self, problem: LectureProblem, seed: int, clip_rewards: bool = False):
        """`clip_rewards` hands learners rewards' signs (Mnih et al. 2015); returns in `finished` are as they are."""
        super().__init__(problem, seed)
        self.clip_rewards = clip_rewards
        self.samples = 0
        """Actions taken so far."""
        self.finished: list[float] = []
        """Returns, not discounted, of the episodes that ended so far."""
        problem.start(rng=self.rng)

    def collect(self, policy: Actor, num_steps: int) -> Transitions:
        """Collects so many steps of every environment; of a recurrent policy also what it remembers before them."""
        memory = None
        if isinstance(policy, RecurrentPolicy):
            if len(policy.state[0]) != self.env.num_envs:
                policy.begin(self.env.num_envs)
            memory = policy.state
        batch = replace(self.run(policy, num_steps), memory=memory)
        return replace(batch, reward=batch.reward.sign()) if self.clip_rewards else batch

    def collect_trajectories(self, policy: Actor) -> Transitions:
        """Collects one whole trajectory of every environment, from its start to its end."""
        self.env.start(rng=self.rng)
        self.episode_return[:] = 0.0
        return self.run(policy, self.env.horizon, restart=False)

    def start(self, ids: np.ndarray) -> None:
        """Begins an episode in these environments, as the problem says."""
        self.env.start(ids, self.rng)

    def observe(self, ids: np.ndarray) -> np.ndarray:
        """Raw observations of these environments."""
        return self.env.observe()[ids]

    def record_step(self, result: StepResult, running: np.ndarray) -> None:
        """Counts samples, and adds up returns, not discounted."""
        self.samples += int(running.sum())
        self.episode_return += result.reward * running

    def record_end(self, ids: np.ndarray) -> None:
        """Keeps the returns of episodes that ended."""
        self.finished.extend(self.episode_return[ids].tolist())
