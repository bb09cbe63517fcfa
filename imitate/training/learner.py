"""What the training loop runs: something that collects a batch and learns from it."""

from typing import Any, Protocol

import torch
from torch import nn

from imitate.policy import Policy
from imitate.training.collect import Batch, minibatches, value_target
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


class ValueFirst:
    """PPO of a policy that can act but has no value function yet: for some samples only that is learnt."""

    def __init__(self, ppo: SkillPPO, samples: int, group: ProcessGroup):
        """Sets the learner up; `samples` control steps of all processes together go before PPO."""
        self.ppo, self.wanted, self.group = ppo, samples, group
        self.samples = 0
        """Samples so far of all processes together."""
        self.parameters = list(ppo.policy.critic.parameters())
        self.optimiser = torch.optim.Adam(self.parameters, lr=1e-3, eps=1e-5)

    def collect(self) -> tuple[Batch, EpisodeSums]:
        """T control steps of the policy in every environment."""
        return self.ppo.collect()

    def update(self, batch: Batch) -> dict[str, float]:
        """Fits the value function; later, one update of PPO."""
        if self.samples >= self.wanted:
            return self.ppo.update(batch)
        policy, config, losses = self.ppo.policy, self.ppo.ppo.config, list[torch.Tensor]()
        target, size = value_target(policy, batch, self.group), config.minibatch_size // self.group.size
        for ids in minibatches(len(target), size, 4, self.ppo.shuffle):
            loss = (policy.critic(batch.observation[ids]).squeeze(-1) - target[ids]).square().mean()
            self.optimiser.zero_grad()
            loss.backward()
            losses.append(self.group.average_gradients(self.parameters, loss.detach()[None]))
            nn.utils.clip_grad_norm_(self.parameters, config.max_grad_norm)
            self.optimiser.step()
        self.samples += len(target) * self.group.size
        return {"value_loss": float(torch.cat(losses).mean())}

    def state(self) -> dict[str, Any]:
        """The optimisers, and how far the value function is."""
        return {"samples": self.samples, "optimiser": self.optimiser.state_dict(), "ppo": self.ppo.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Continues from what `state` returned."""
        self.samples = int(state["samples"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.ppo.restore(state["ppo"])
