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
        keep_normaliser: bool = False,
    ):
        """Sets the learner up.

        Args:
          policy: is improved in place.
          collector: gathers the samples of this process.
          num_steps: control steps in each environment between updates.
          config: settings of PPO.
          group: the processes that learn together.
          shuffle: orders the samples of an update.
          keep_normaliser: observations are normalised as before PPO.
        """
        self.policy, self.collector, self.num_steps = policy, collector, num_steps
        self.ppo, self.shuffle = PPO(policy, config, group, keep_normaliser=keep_normaliser), shuffle

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


class BeforePPO:
    """A learner that goes before PPO for a number of samples, then hands over to it."""

    def __init__(
        self, ppo: SkillPPO, samples: int, group: ProcessGroup, parameters: list[nn.Parameter], learning_rate: float
    ):
        """Sets the learner up.

        Args:
          ppo: takes over.
          samples: control steps of all processes together that go before PPO.
          group: the processes that learn together.
          parameters: what is learnt until then.
          learning_rate: step size of Adam.
        """
        self.ppo, self.wanted, self.group, self.parameters = ppo, samples, group, parameters
        self.samples = 0
        """Samples so far of all processes together."""
        self.optimiser = torch.optim.Adam(parameters, lr=learning_rate, eps=1e-5)

    @property
    def finished(self) -> bool:
        """PPO has taken over."""
        return self.samples >= self.wanted

    def collect(self) -> tuple[Batch, EpisodeSums]:
        """The samples of one update."""
        return self.ppo.collect() if self.finished else self.gather()

    def update(self, batch: Batch) -> dict[str, float]:
        """Learns from the samples; returns metrics of `fit`, or PPO's once it has taken over."""
        if self.finished:
            return self.ppo.update(batch)
        metrics = self.fit(batch)
        self.samples += len(batch.value) * self.group.size
        return metrics

    def gather(self) -> tuple[Batch, EpisodeSums]:
        """The samples of one update before PPO."""
        return self.ppo.collect()

    def fit(self, batch: Batch) -> dict[str, float]:
        """Learns from what `gather` returned; returns losses of all processes together."""
        raise NotImplementedError

    def state(self) -> dict[str, Any]:
        """The optimisers, and how far it is."""
        return {"samples": self.samples, "optimiser": self.optimiser.state_dict(), "ppo": self.ppo.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Continues from what `state` returned."""
        self.samples = int(state["samples"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.ppo.restore(state["ppo"])


class ValueFirst(BeforePPO):
    """PPO of a policy that can act but has no value function yet: for some samples only that is learnt."""

    def __init__(self, ppo: SkillPPO, samples: int, group: ProcessGroup):
        """Sets the learner up; `samples` control steps of all processes together go before PPO."""
        super().__init__(ppo, samples, group, list(ppo.policy.critic.parameters()), 1e-3)

    def fit(self, batch: Batch) -> dict[str, float]:
        """Fits the value function; returns its mean squared error, `value_loss`."""
        policy, config, losses = self.ppo.policy, self.ppo.ppo.config, list[torch.Tensor]()
        target, size = value_target(policy, batch, self.group), config.minibatch_size // self.group.size
        for ids in minibatches(len(target), size, 4, self.ppo.shuffle):
            loss = (policy.critic(batch.observation[ids]).squeeze(-1) - target[ids]).square().mean()
            self.optimiser.zero_grad()
            loss.backward()
            losses.append(self.group.average_gradients(self.parameters, loss.detach()[None]))
            nn.utils.clip_grad_norm_(self.parameters, config.max_grad_norm)
            self.optimiser.step()
        return {"value_loss": float(torch.cat(losses).mean())}
