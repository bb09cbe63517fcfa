"""REINFORCE (Williams 1992), from the plain estimator to the one with reward-to-go and baseline.

    1. Sample N trajectories tau_i using the current policy pi_theta                 (Collector.collect_trajectories)
    2. Estimate the policy gradient
         grad J ~ 1/N sum_i sum_t weight_{i,t} grad log pi(a_{i,t}|s_{i,t})                   (policy_gradient_loss)
    3. theta <- theta + eta grad J                                                             (Reinforce.update)

The refinements differ in the weight alone: the whole trajectory's return, the reward to go, either less a baseline.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from imitate.policy import Normaliser
from imitate.training.collect import ActorCritic, Transitions, value_loss


@dataclass(frozen=True)
class ReinforceConfig:
    """Settings of the learner."""

    weight: Literal["trajectory", "step", "to_go"] = "to_go"
    """What weighs an action: the whole trajectory's return, the reward of its own step, the rewards from then on."""
    baseline: bool = True
    """Subtracts V(s) from the weight."""
    gamma: float = 0.99
    """Discount."""
    learning_rate: float = 1e-2
    """eta, as Adam's step."""
    value_steps: int = 20
    """Regression steps of the baseline after each batch."""


def trajectory_return(reward: Tensor, gamma: float) -> Tensor:
    """r(tau) = sum_t gamma^t r_t, the same for every action of the trajectory, (T, N) -> (T, N)."""
    discount = gamma ** torch.arange(len(reward), dtype=reward.dtype)
    return (discount[:, None] * reward).sum(0).expand_as(reward)


def reward_to_go(reward: Tensor, gamma: float) -> Tensor:
    """sum_{t' >= t} gamma^{t'-t} r_t': rewards from before an action do not weigh it, (T, N) -> (T, N).

    As on the slide. The gradient of the discounted J asks for one more factor gamma^t (`discount_of_time`), which the
    slide and all practice leave out: without it late steps count as much as early ones. With gamma = 1 they are equal.
    """
    weight, running = torch.empty_like(reward), torch.zeros_like(reward[0])
    for t in reversed(range(len(reward))):
        running = reward[t] + gamma * running
        weight[t] = running
    return weight


def discount_of_time(reward: Tensor, gamma: float) -> Tensor:
    """gamma^t, what makes `reward_to_go` exactly unbiased for gamma < 1, (T, N) -> (T, 1)."""
    return gamma ** torch.arange(len(reward), dtype=reward.dtype)[:, None]


def policy_gradient_loss(log_prob: Tensor, weight: Tensor, alive: Tensor) -> Tensor:
    """-1/N sum_i sum_t weight log pi(a|s): its gradient is minus the estimate of grad J, (T, N) each -> ()."""
    return -(weight * log_prob * alive).sum() / log_prob.shape[1]


class Reinforce:
    """REINFORCE: `update(batch)` takes whole trajectories of the current policy."""

    def __init__(self, policy: ActorCritic, config: ReinforceConfig, normalise: bool = False):
        self.policy, self.config, self.normalise = policy, config, normalise
        critic = list(policy.critic.parameters())
        actor = [p for p in policy.parameters() if not any(p is q for q in critic)]
        self.optimiser = torch.optim.Adam(actor, lr=config.learning_rate)
        self.value_optimiser = torch.optim.Adam(critic, lr=config.learning_rate)

    def update(self, batch: Transitions) -> dict[str, float]:
        """Steps 2 and 3 of the slide; then the baseline learns from the same trajectories."""
        policy, config = self.policy, self.config
        to_go = reward_to_go(batch.reward, config.gamma)
        weights = {"trajectory": trajectory_return(batch.reward, config.gamma), "step": batch.reward, "to_go": to_go}
        weight = weights[config.weight]
        if config.baseline:
            weight = weight - policy.value(batch.observation)

        log_prob = policy.log_prob(policy.actor(batch.observation), batch.action)
        loss = policy_gradient_loss(log_prob, weight, batch.alive)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()

        losses = {"policy_loss": loss.item(), "weight_std": weight[batch.alive].std().item()}
        if config.baseline:
            losses["value_loss"] = self._fit_baseline(batch.observation[batch.alive], to_go[batch.alive])
        if self.normalise:
            self.policy.observations.update(batch.moments)
        return losses

    def _fit_baseline(self, observation: Tensor, returns: Tensor) -> float:
        """V(s) <- E[reward to go | s]; after the policy's step, for a baseline must not depend on the actions."""
        self.policy.returns.update(Normaliser.moments(returns[:, None]))
        loss = torch.zeros(())
        for _ in range(self.config.value_steps):
            loss = value_loss(self.policy, observation, returns)
            self.value_optimiser.zero_grad()
            loss.backward()
            self.value_optimiser.step()
        return loss.item()
