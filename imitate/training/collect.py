"""Collecting samples: the loop that runs a policy in environments, and the batches that learners are fitted to."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from imitate.env.step import StepResult
from imitate.policy import Layers, Normaliser
from imitate.training.advantage import compute_advantage
from imitate.training.process_group import ProcessGroup


class Environments(Protocol):
    """N environments in step; none restarts by itself."""

    @property
    def num_envs(self) -> int:
        """Number of environments, N."""
        ...

    def observe(self) -> np.ndarray:
        """Raw observations, float32 (N, O)."""
        ...

    def step(self, action: np.ndarray) -> StepResult:
        """One control step of all environments with actions (N, A)."""
        ...


class Observer(Protocol):
    """How raw observations become the networks' inputs."""

    def __call__(self, raw: Tensor, /) -> Tensor:
        """Raw observations (..., O) -> normalised ones."""
        ...

    def moments(self, raw: Tensor, /) -> Tensor:
        """What `update` wants to know of raw observations (M, O), as one vector that can be added up."""
        ...

    def update(self, moments: Tensor, /) -> None:
        """Takes the moments of new observations into account."""
        ...


class Actor(Protocol):
    """Chooses actions in N environments."""

    def act(self, observation: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Actions for raw observations (N, O): the likeliest, or a sample where `rng` is given."""
        ...

    def forget(self, ids: np.ndarray) -> None:
        """New episodes have begun in these environments: a policy with a memory clears it."""
        ...

    @property
    def observations(self) -> Observer:
        """Normalises raw observations (..., O)."""
        ...


class Network(Protocol):
    """A network whose hidden layers may compute in bfloat16 while it learns."""

    @property
    def bf16(self) -> bool:
        """Whether its hidden layers compute in bfloat16."""
        ...

    def __call__(self, input: Tensor, /) -> Tensor:
        """Normalised observations (..., O) -> outputs."""
        ...


class ActorCritic(Protocol):
    """A stochastic policy and its value function, as the algorithms improve them."""

    @property
    def actor(self) -> Network:
        """Normalised observations -> what the distribution of actions is made of."""
        ...

    @property
    def observations(self) -> Observer:
        """Normalises raw observations (..., O)."""
        ...

    critic: Layers
    returns: Normaliser

    def act(self, observation: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Actions for raw observations (N, O): the likeliest, or a sample where `rng` is given."""
        ...

    def forget(self, ids: np.ndarray) -> None:
        """New episodes have begun in these environments: a policy with a memory clears it."""
        ...

    def value(self, observation: Tensor) -> Tensor:
        """V(s) of normalised observations (N, O) -> (N,), in units of reward."""
        ...

    def outputs(self, observation: Tensor) -> tuple[Tensor, Tensor]:
        """The actor's outputs and the critic's, V(s) in normalised returns, with gradients.

        Both at once, for the two may share layers.
        """
        ...

    def log_prob(self, output: Tensor, action: Tensor, /) -> Tensor:
        """log pi(a|s) of the actor's outputs and actions."""
        ...

    def entropy(self, output: Tensor, /) -> Tensor:
        """Entropy of pi(.|s) [nat]."""
        ...

    def kl(self, old_output: Tensor, old_log_std: Tensor, output: Tensor, /) -> Tensor:
        """Mean KL divergence of the old policy from the new one, ()."""
        ...

    def mean_std(self) -> float:
        """Mean standard deviation of an action; NaN where there is none."""
        ...

    def parameters(self) -> Iterator[nn.Parameter]:
        """The weights that are learnt."""
        ...


@dataclass(frozen=True)
class Transitions:
    """T steps of N environments: (s, a, r, s') each."""

    observation: Tensor
    """s, normalised, (T, N, O)."""
    action: Tensor
    """a, int (T, N) or float (T, N, A)."""
    reward: Tensor
    """r, (T, N)."""
    next_observation: Tensor
    """s' that the action led to, normalised, also where the episode ended there, (T, N, O)."""
    terminated: Tensor
    """The problem ended at s': no reward follows, bool (T, N)."""
    done: Tensor
    """The episode ended at s', terminated or out of time, bool (T, N)."""
    alive: Tensor
    """False where the trajectory was over before and the entry is padding, bool (T, N)."""
    moments: Tensor
    """Moments of the raw observations, for the normaliser."""
    memory: tuple[Tensor, Tensor] | None = None
    """What a recurrent policy remembered before the first step, two (N, H); None where nothing is remembered."""


@dataclass(frozen=True)
class Batch:
    """M = T * N samples for one update."""

    observation: Tensor
    """Normalised observations (M, O)."""
    action: Tensor
    """Actions taken (M, A)."""
    mean: Tensor
    """Means of the policy that collected (M, A)."""
    log_std: Tensor
    """Log standard deviations of that policy (A,)."""
    log_prob: Tensor
    """Log density of the actions under that policy (M,)."""
    value: Tensor
    """V(s) [reward] (M,)."""
    advantage: Tensor
    """Generalised advantage of each action [reward] (M,)."""
    observation_moments: Tensor
    """Moments of the raw observations, for the normaliser."""


class EpisodeLoop:
    """Environments in step, and where their episodes stand: act, step, record, restart those that ended.

    A subclass says how episodes start and what is recorded: `SkillCollector` for the training of skills, `Collector`
    for the lecture's problems.
    """

    def __init__(self, env: Environments, seed: int):
        self.env = env
        self.rng = np.random.default_rng(seed)
        self.episode_return = np.zeros(env.num_envs)
        """Return so far of the episodes that go on, (N,); the subclass adds to it, discounted or not."""

    def start(self, ids: np.ndarray) -> None:
        """Begins an episode in these environments."""
        raise NotImplementedError

    def observe(self, ids: np.ndarray) -> np.ndarray:
        """Raw observations of these environments, (len(ids), O)."""
        raise NotImplementedError

    def record_step(self, result: StepResult, running: np.ndarray) -> None:
        """Called after every step; `running` are the environments whose episode was not over before it, bool (N,)."""

    def record_end(self, ids: np.ndarray) -> None:
        """Called for episodes that ended, before their `episode_return` is set back to zero."""

    def run(self, policy: Actor, steps: int, restart: bool = True) -> Transitions:
        """Takes so many steps in every environment; an episode that ends is followed by the next one, or by padding."""
        env = self.env
        observations, next_observations, actions, rewards = [], [], [], []
        terminated, done, alive = [], [], []
        running = np.ones(env.num_envs, dtype=bool)
        observation = env.observe()
        for _ in range(steps):
            action = policy.act(observation, self.rng)
            result = env.step(action)
            next_observation = env.observe()
            observations.append(observation)
            next_observations.append(next_observation)
            actions.append(action)
            rewards.append(result.reward * running)
            terminated.append(result.terminated)
            done.append(result.done)
            alive.append(running.copy())
            self.record_step(result, running)
            ids = np.flatnonzero(result.done & running)
            observation = next_observation
            if len(ids):
                self.record_end(ids)
                self.episode_return[ids] = 0.0
                if restart:
                    self.start(ids)
                    policy.forget(ids)
                    observation = next_observation.copy()
                    observation[ids] = self.observe(ids)
            if not restart:
                running &= ~result.done
                if not running.any():
                    break
        mask = torch.from_numpy(np.stack(alive))
        raw = torch.from_numpy(np.stack(observations))
        return Transitions(
            observation=policy.observations(raw),
            action=torch.from_numpy(np.stack(actions)),
            reward=torch.from_numpy(np.stack(rewards).astype(np.float32)),
            next_observation=policy.observations(torch.from_numpy(np.stack(next_observations))),
            terminated=torch.from_numpy(np.stack(terminated)),
            done=torch.from_numpy(np.stack(done)),
            alive=mask,
            moments=policy.observations.moments(raw[mask]),
        )


def estimate_advantage(
    policy: ActorCritic, batch: Transitions, gamma: float, gae_lambda: float
) -> tuple[Tensor, Tensor]:
    """Advantages by GAE, and V(s), (T, N) both; lambda 1 is the n-step return to the batch's end less V(s)."""
    value = policy.value(batch.observation)
    next_value = find_next_value(policy, batch, value)
    advantage = compute_advantage(batch.reward, value, next_value, batch.terminated, batch.done, gamma, gae_lambda)
    return advantage, value


def find_next_value(policy: ActorCritic, batch: Transitions, value: Tensor) -> Tensor:
    """V(s') of a batch whose V(s) is known, (T, N) -> (T, N) [reward]."""
    # Where an episode goes on, s' is the next step's s, whose value is known.
    next_value = torch.cat([value[1:], policy.value(batch.next_observation[-1:])])
    if batch.done.any():
        next_value[batch.done] = policy.value(batch.next_observation[batch.done])
    return next_value


def normalise_returns(policy: ActorCritic, returns: Tensor) -> Tensor:
    """Returns in the units that the critic predicts, (M,) -> (M,)."""
    return (returns - policy.returns.mean) * torch.rsqrt(policy.returns.variance + 1e-6)


def value_loss(policy: ActorCritic, observation: Tensor, returns: Tensor) -> Tensor:
    """Mean squared error of V(s) against the returns, both normalised by the returns seen so far, ()."""
    return (policy.critic(observation).squeeze(-1) - normalise_returns(policy, returns)).square().mean()


def value_target(policy: ActorCritic, batch: Batch, group: ProcessGroup) -> Tensor:
    """What the critic is to predict for a batch, after the batch's returns have entered the normaliser, (M,)."""
    returns = batch.advantage + batch.value
    policy.returns.update(group.sum(Normaliser.moments(returns.reshape(-1, 1))))
    return normalise_returns(policy, returns).detach()


def minibatches(count: int, size: int, epochs: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Indices of the samples of each minibatch, shuffled anew in every epoch; an incomplete last one is left out."""
    size = min(max(1, size), count)
    for _ in range(epochs):
        order = torch.randperm(count, generator=generator)
        yield from order[: count // size * size].view(-1, size)


def surrogate_batch(policy: ActorCritic, batch: Transitions, gamma: float, gae_lambda: float) -> Batch:
    """The same transitions in the form that PPO learns from."""
    with torch.no_grad():
        output, predicted = policy.outputs(batch.observation)
        value = policy.returns.inverse(predicted)
        next_value = find_next_value(policy, batch, value)
        advantage = compute_advantage(batch.reward, value, next_value, batch.terminated, batch.done, gamma, gae_lambda)
        log_std = getattr(policy, "log_std", torch.zeros(0)).detach().clone()
        return Batch(
            observation=batch.observation.flatten(0, 1),
            action=batch.action.flatten(0, 1),
            mean=output.flatten(0, 1),
            log_std=log_std,
            log_prob=policy.log_prob(output, batch.action).flatten(),
            value=value.flatten(),
            advantage=advantage.flatten(),
            observation_moments=batch.moments,
        )
