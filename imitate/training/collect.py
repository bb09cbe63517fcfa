"""Running a policy in environments: the one loop that every learner's samples come from, and what is made of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from imitate.env.env import StepResult
from imitate.policy import Layers, Normaliser
from imitate.training.advantage import generalised_advantage


class Environments(Protocol):
    """N environments in step; nothing restarts by itself."""

    @property
    def size(self) -> int:
        """How many there are."""
        ...

    def observe(self) -> np.ndarray:
        """Raw observations, float32 (N, O)."""
        ...

    def step(self, action: np.ndarray) -> StepResult:
        """One control step of all of them."""
        ...


class Actor(Protocol):
    """What acts in environments."""

    def act(self, observation: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Actions for raw observations (N, O): the likeliest, or a sample where `rng` is given."""
        ...

    def forget(self, ids: np.ndarray) -> None:
        """The episodes in these environments are over; a policy without a memory does nothing."""
        ...

    @property
    def observations(self) -> Callable[[Tensor], Tensor]:
        """Normalises raw observations (..., O)."""
        ...


class ActorCritic(Protocol):
    """What the algorithms improve: a stochastic policy and its value function."""

    actor: Layers
    critic: Layers
    observations: Normaliser
    returns: Normaliser

    def act(self, observation: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Actions for raw observations (N, O): the likeliest, or a sample where `rng` is given."""
        ...

    def forget(self, ids: np.ndarray) -> None:
        """The episodes in these environments are over."""
        ...

    def value(self, observation: Tensor) -> Tensor:
        """V(s) of normalised observations (N, O) -> (N,), in units of reward."""
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

    def spread(self) -> float:
        """Mean standard deviation of an action; NaN where there is none."""
        ...

    def parameters(self) -> Iterator[nn.Parameter]:
        """What is learnt."""
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
    """The problem ended at s': nothing more to earn, bool (T, N)."""
    done: Tensor
    """The episode ended at s', because of that or because its time ran out, bool (T, N)."""
    alive: Tensor
    """False where the trajectory was over already and the entry is padding, bool (T, N)."""
    moments: Tensor
    """Of the raw observations, for the normaliser."""


@dataclass(frozen=True)
class Batch:
    """M = T * N samples that the policy gathered."""

    observation: Tensor
    """Normalised observations (M, O)."""
    action: Tensor
    """Actions taken (M, A)."""
    mean: Tensor
    """Means of the policy that took them (M, A)."""
    log_std: Tensor
    """Its log standard deviations (A,)."""
    log_prob: Tensor
    """Log density of the actions under it (M,)."""
    value: Tensor
    """V(s) [reward] (M,)."""
    advantage: Tensor
    """How much better than expected each action was [reward] (M,)."""
    observation_moments: Tensor
    """Of the raw observations, for the normaliser."""


class Loop:
    """Environments in step together with where their episodes stand: act, step, note, restart what ended.

    How episodes start is left to those that inherit: `Collector` here for the lecture's problems, `SkillCollector` for
    the training of skills.
    """

    def __init__(self, env: Environments, seed: int):
        self.env = env
        self.rng = np.random.default_rng(seed)
        self.earned = np.zeros(env.size)
        """Return so far of the episodes that go on; those that inherit count it, discounted or not."""

    def start(self, ids: np.ndarray) -> None:
        """Begins an episode in these environments."""
        raise NotImplementedError

    def observe(self, ids: np.ndarray) -> np.ndarray:
        """Raw observations of these environments."""
        raise NotImplementedError

    def act(self, policy: Actor, observation: np.ndarray) -> np.ndarray:
        """Actions for what is observed now."""
        return policy.act(observation, self.rng)

    def note(self, outcome: StepResult, live: np.ndarray) -> None:
        """Is told of every step; `live` are the environments whose episode was not over before it."""

    def ended(self, ids: np.ndarray) -> None:
        """Is told which episodes ended, before `earned` is set back to zero."""

    def run(self, policy: Actor, steps: int, restart: bool = True) -> Transitions:
        """So many steps in every environment; an episode that ends is followed by the next one, or by padding."""
        env = self.env
        seen, led_to, actions, rewards, terminated, done, alive = [], [], [], [], [], [], []
        live = np.ones(env.size, dtype=bool)
        observation = env.observe()
        for _ in range(steps):
            action = self.act(policy, observation)
            outcome = env.step(action)
            following = env.observe()
            seen.append(observation)
            led_to.append(following)
            actions.append(action)
            rewards.append(outcome.reward * live)
            terminated.append(outcome.terminated)
            done.append(outcome.done)
            alive.append(live.copy())
            self.note(outcome, live)
            ids = np.flatnonzero(outcome.done & live)
            observation = following
            if len(ids):
                self.ended(ids)
                self.earned[ids] = 0.0
                if restart:
                    self.start(ids)
                    policy.forget(ids)
                    observation = following.copy()
                    observation[ids] = self.observe(ids)
            if not restart:
                live &= ~outcome.done
                if not live.any():
                    break
        mask = torch.from_numpy(np.stack(alive))
        raw = torch.from_numpy(np.stack(seen))
        return Transitions(
            observation=policy.observations(raw),
            action=torch.from_numpy(np.stack(actions)),
            reward=torch.from_numpy(np.stack(rewards).astype(np.float32)),
            next_observation=policy.observations(torch.from_numpy(np.stack(led_to))),
            terminated=torch.from_numpy(np.stack(terminated)),
            done=torch.from_numpy(np.stack(done)),
            alive=mask,
            moments=Normaliser.moments(raw[mask]),
        )


def estimate_advantage(
    policy: ActorCritic, batch: Transitions, gamma: float, gae_lambda: float
) -> tuple[Tensor, Tensor]:
    """Advantages by GAE, and V(s), (T, N) both; lambda 1 is the n-step return to the batch's end less V(s)."""
    value = policy.value(batch.observation)
    # Where an episode goes on, s' is the next step's s, whose value is known.
    next_value = torch.cat([value[1:], policy.value(batch.next_observation[-1:])])
    if batch.done.any():
        next_value[batch.done] = policy.value(batch.next_observation[batch.done])
    advantage = generalised_advantage(batch.reward, value, next_value, batch.terminated, batch.done, gamma, gae_lambda)
    return advantage, value


def value_loss(policy: ActorCritic, observation: Tensor, returns: Tensor) -> Tensor:
    """Squared error of V(s) against the returns, both normalised by the returns seen so far."""
    target = (returns - policy.returns.mean) * torch.rsqrt(policy.returns.variance + 1e-6)
    return (policy.critic(observation).squeeze(-1) - target).square().mean()


def surrogate_batch(policy: ActorCritic, batch: Transitions, gamma: float, gae_lambda: float) -> Batch:
    """The same transitions in the form that PPO learns from."""
    with torch.no_grad():
        advantage, value = estimate_advantage(policy, batch, gamma, gae_lambda)
        output = policy.actor(batch.observation)
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
