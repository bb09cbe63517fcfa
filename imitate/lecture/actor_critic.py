"""Actor-critic: a critic that is learnt takes the place of the rewards seen.

Three learners, each one slide further: Q(s, a) for the reward to go; the online algorithm, whose critic is V(s) alone;
and the batched advantage actor-critic (A2C), whose advantage looks n steps or exponentially many (GAE) ahead.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from imitate.lecture.recurrent import RecurrentPolicy
from imitate.lecture.softmax import SoftmaxPolicy
from imitate.policy import Normaliser, mlp
from imitate.training.advantage import compute_advantage
from imitate.training.collect import ActorCritic, Transitions, find_next_value, normalise_returns, value_loss
from imitate.training.ppo import NonFiniteError


@dataclass(frozen=True)
class ActorCriticConfig:
    """Settings of the three learners."""

    gamma: float = 0.99
    """Discount."""
    gae_lambda: float = 1.0
    """A2C: 0 is the one-step advantage, 1 the n-step one, n = steps of a batch."""
    baseline: bool = True
    """Critic Q(s, a): weigh by Q - V instead of Q."""
    learning_rate: float = 7e-4
    """Step of the optimiser."""
    critic_rate: float = 3.0
    """The critic's step as a multiple of the actor's: it should be ahead of the policy that it evaluates."""
    ent_coef: float = 0.0
    """Weight of the policy's entropy in the loss, against settling too early (Mnih et al. 2016)."""
    max_grad_norm: float = 0.5
    """Gradients are clipped to this norm."""
    rmsprop_eps: float = 1e-5
    """A2C: added to the root of the mean squared gradient, so that small gradients make small steps."""


def one_step_advantage(reward: Tensor, value: Tensor, next_value: Tensor, terminated: Tensor, gamma: float) -> Tensor:
    """A(s, a) ~ r + gamma V(s') - V(s), from a single transition; V(s') of an end is 0."""
    return reward + gamma * next_value * ~terminated - value


def n_step_advantage(
    reward: Tensor, value: Tensor, next_value: Tensor, terminated: Tensor, done: Tensor, gamma: float, n: int
) -> Tensor:
    """A(s_t, a_t) ~ r_t + gamma r_{t+1} + ... + gamma^n V(s_{t+n}) - V(s_t), (T, N) each.

    The sum ends earlier where the episode or the batch does, with V of the state that was reached there.
    """
    steps, advantage = len(reward), torch.empty_like(reward)
    for t in range(steps):
        total, running = torch.zeros_like(reward[0]), torch.ones_like(reward[0])
        for k in range(t, min(t + n, steps)):
            last = done[k] | (k == min(t + n, steps) - 1)
            total += running * (reward[k] + last * gamma * next_value[k] * ~terminated[k])
            running = running * gamma * ~last
        advantage[t] = total - value[t]
    return advantage


class QActorCritic:
    """The critic is Q(s, a), learnt as in Q-learning but for the policy itself (expected Sarsa).

    grad J ~ sum_t Q(s_t, a_t) grad log pi(a_t|s_t), or with the advantage Q(s, a) - V(s), V(s) = sum_a pi(a|s) Q(s, a).
    Its network has one output an action, so the actions must be finitely many.
    """

    def __init__(self, policy: SoftmaxPolicy, config: ActorCriticConfig, hidden_sizes: tuple[int, ...]):
        self.policy, self.config = policy, config
        self.q = mlp((policy.observation_size, *hidden_sizes, policy.actions), last_gain=1.0 if hidden_sizes else 0.01)
        rate = config.learning_rate
        self.optimiser = torch.optim.Adam(policy.actor.parameters(), lr=rate)
        self.q_optimiser = torch.optim.Adam(self.q.parameters(), lr=rate * config.critic_rate)

    def update(self, batch: Transitions) -> dict[str, float]:
        """Moves the critic towards r + gamma sum_a' pi(a'|s') Q(s', a'), then the actor along Q (or Q - V)."""
        policy, config = self.policy, self.config
        with torch.no_grad():
            following = torch.softmax(policy.actor(batch.next_observation), -1)
            expected = (following * self.q(batch.next_observation)).sum(-1)
            target = batch.reward + config.gamma * expected * ~batch.terminated
        q = self.q(batch.observation)
        taken = q.gather(-1, batch.action[..., None]).squeeze(-1)
        q_loss = (taken - target).square().mean()
        self.q_optimiser.zero_grad()
        q_loss.backward()
        self.q_optimiser.step()

        preference = policy.actor(batch.observation)
        weight = taken.detach()
        if config.baseline:
            weight = weight - (torch.softmax(preference, -1) * q).sum(-1).detach()
        policy_loss = -(weight * policy.log_prob(preference, batch.action)).mean()
        entropy = policy.entropy(preference).mean()
        self.optimiser.zero_grad()
        (policy_loss - config.ent_coef * entropy).backward()
        self.optimiser.step()
        return {"policy_loss": policy_loss.item(), "q_loss": q_loss.item(), "entropy": entropy.item()}


class OnlineActorCritic:
    """The online algorithm: five steps for every single transition, no memory of any other."""

    def __init__(self, policy: ActorCritic, config: ActorCriticConfig, normalise: bool = False):
        self.policy, self.config, self.normalise = policy, config, normalise
        critic = list(policy.critic.parameters())
        actor = [p for p in policy.parameters() if not any(p is q for q in critic)]
        self.actor_optimiser = torch.optim.SGD(actor, lr=config.learning_rate)
        self.critic_optimiser = torch.optim.SGD(critic, lr=config.learning_rate * config.critic_rate)

    def update(self, batch: Transitions) -> dict[str, float]:
        """Learns by the slide, step by step; the batch is one transition of each environment, (1, N)."""
        policy, gamma = self.policy, self.config.gamma
        # 1. Sample action a using the current policy, observe reward r, successor state s'.
        s, a, r, following = batch.observation, batch.action, batch.reward, batch.next_observation
        # 2. Update V_w(s) towards the target r + gamma V_w(s').
        target = r + gamma * policy.value(following) * ~batch.terminated
        if self.normalise:
            policy.returns.update(Normaliser.moments(target.reshape(-1, 1)))
            policy.observations.update(batch.moments)
        critic_loss = value_loss(policy, s, target)
        self.critic_optimiser.zero_grad()
        critic_loss.backward()
        self.critic_optimiser.step()
        # 3. Estimate A(s, a) = r + gamma V_w(s') - V_w(s).
        advantage = one_step_advantage(r, policy.value(s), policy.value(following), batch.terminated, gamma)
        advantage = advantage * torch.rsqrt(policy.returns.variance + 1e-6)  # in the units that V is learnt in
        # 4. Estimate grad J = A(s, a) grad log pi(a|s).
        actor_loss = -(advantage * policy.log_prob(policy.actor(s), a)).mean()
        self.actor_optimiser.zero_grad()
        actor_loss.backward()
        # 5. Update the policy's parameters: theta <- theta + eta grad J.
        self.actor_optimiser.step()
        return {"policy_loss": actor_loss.item(), "value_loss": critic_loss.item()}


class A2C:
    """Advantage actor-critic: N environments in step with each other, one gradient step a batch.

    The synchronous sibling of A3C (Mnih et al. 2016): the same loss, but everybody waits for everybody.
    """

    def __init__(
        self, policy: ActorCritic, config: ActorCriticConfig, normalise: bool = False, samples: float = float("inf")
    ):
        self.policy, self.config, self.normalise = policy, config, normalise
        self.samples, self.seen = samples, 0  # the step shrinks to nothing over so many samples, as in the paper
        self.parameters = list(policy.parameters())
        self.optimiser = torch.optim.RMSprop(
            self.parameters, lr=config.learning_rate, alpha=0.99, eps=config.rmsprop_eps
        )

    def update(self, batch: Transitions) -> dict[str, float]:
        """Takes one step along grad J = 1/M sum A(s, a) grad log pi(a|s), and of V towards A + V."""
        output, predicted, next_value = run_networks(self.policy, batch)
        value, config = self.policy.returns.inverse(predicted.detach()), self.config
        advantage = compute_advantage(
            batch.reward, value, next_value, batch.terminated, batch.done, config.gamma, config.gae_lambda
        )
        returns = advantage + value
        if self.normalise:
            self.policy.returns.update(Normaliser.moments(returns.reshape(-1, 1)))
            self.policy.observations.update(batch.moments)
        loss, losses = actor_critic_loss(
            self.policy, batch.action, output, predicted, advantage, returns, config.ent_coef
        )
        self.optimiser.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.parameters, config.max_grad_norm)
        if not torch.isfinite(norm):
            raise NonFiniteError("the gradient is not finite")
        self.optimiser.param_groups[0]["lr"] = config.learning_rate * max(0.0, 1.0 - self.seen / self.samples)
        self.optimiser.step()
        self.seen += batch.reward.numel()
        return losses

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds besides the policy."""
        return {"optimiser": self.optimiser.state_dict(), "seen": self.seen}

    def restore(self, state: dict[str, Any]) -> None:
        """Continues from what `state` returned."""
        self.optimiser.load_state_dict(state["optimiser"])
        self.seen = int(state["seen"])


def run_networks(policy: ActorCritic, batch: Transitions) -> tuple[Tensor, Tensor, Tensor]:
    """Runs a policy's networks over a batch, feed-forward or through the memory.

    Returns:
      The actor's outputs (T, N, A) and normalised V(s) (T, N), with gradients; V(s') [reward] (T, N), without.
    """
    if isinstance(policy, RecurrentPolicy):
        assert batch.memory is not None
        return policy.unroll(batch.observation, batch.next_observation, batch.done, batch.memory)
    output, predicted = policy.outputs(batch.observation)
    return output, predicted, find_next_value(policy, batch, policy.returns.inverse(predicted.detach()))


def actor_critic_loss(
    policy: ActorCritic,
    action: Tensor,
    output: Tensor,
    predicted: Tensor,
    advantage: Tensor,
    returns: Tensor,
    ent_coef: float,
) -> tuple[Tensor, dict[str, float]]:
    """The loss of A2C and A3C: actor, critic and entropy.

    Args:
      policy: for densities and the units of returns.
      action: taken, (T, N) or (T, N, A).
      output: of the actor, (T, N, A).
      predicted: V(s), normalised, (T, N).
      advantage: of the actions [reward], (T, N).
      returns: what V(s) is to become [reward], (T, N).
      ent_coef: weight of the entropy.
    """
    scale = torch.rsqrt(policy.returns.variance + 1e-6)  # advantages in the units that V is learnt in
    policy_loss = -(advantage * scale * policy.log_prob(output, action)).mean()
    critic_loss = (predicted - normalise_returns(policy, returns)).square().mean()
    entropy = policy.entropy(output).mean()
    loss = policy_loss + 0.5 * critic_loss - ent_coef * entropy
    return loss, {"policy_loss": policy_loss.item(), "value_loss": critic_loss.item(), "entropy": entropy.item()}
