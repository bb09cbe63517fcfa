"""What the training loop runs: something that collects a batch and learns from it."""

from typing import Any, Protocol

import torch

from imitate.policy import Policy
from imitate.training.collect import Batch
from imitate.training.ppo import PPO, PPOConfig
from imitate.training.process_group import ProcessGroup
from imitate.training.skill_collector import EpisodeSums, SkillCollector


class Learner(Protocol):
    """Improves a policy in place, one batch after the other."""

    def collect(self) -> tuple[Batch, EpisodeSums]:
        """Gathers the samples of one update with the policy as it is."""
        ...

    def update(self, batch: Batch) -> dict[str, float]:
        """Learns from what `collect` returned; returns losses and other metrics of all processes together."""
        ...

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds besides policy and collector."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Continues from what `state` returned."""
        ...


class SkillPPO:
    """PPO on the environments of a collector."""

    def __init__(
        self,
        policy: Policy,
        collector: SkillCollector,
        num_steps: int,
        config: PPOConfig,
        group: ProcessGroup,
        shuffle: torch.Generator,
    ):
        """Sets the learner up.

        Args:
          policy: is improved in place.
          collector: gathers the samples of this process.
          num_steps: control steps in each environment between updates.
          config: settings of PPO.
          group: the processes that learn together.
          shuffle: orders the samples of an update.
        """
        self.policy, self.collector, self.num_steps = policy, collector, num_steps
        self.ppo, self.shuffle = PPO(policy, config, group), shuffle

    def collect(self) -> tuple[Batch, EpisodeSums]:
        """T control steps of the policy in every environment."""
        config = self.ppo.config
        return self.collector.collect(self.policy, self.num_steps, config.gamma, config.gae_lambda)

    def update(self, batch: Batch) -> dict[str, float]:
        """One update of PPO."""
        return self.ppo.update(batch, self.shuffle)

    def state(self) -> dict[str, Any]:
        """The optimiser and its learning rate."""
        return self.ppo.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Continues from what `state` returned."""
        self.ppo.restore(state)
