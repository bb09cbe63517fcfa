"""Running a policy in the small problems: whole trajectories, or so many steps of environments that restart."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from imitate.learners.advantage import generalised_advantage
from imitate.learners.collect import Batch
from imitate.policy import Normaliser, Policy
from imitate.problems import Problem
from imitate.recurrent import RecurrentPolicy
from imitate.softmax import SoftmaxPolicy

ActorCritic = Policy | SoftmaxPolicy
"""What the learners improve: both have actor, critic, normalisers, `act`, `value`, `log_prob` and `entropy`."""


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


class Collector:
    """A problem together with where its episodes stand."""

    def __init__(self, problem: Problem, seed: int):
        self.problem = problem
        self.rng = np.random.default_rng(seed)
        self.samples = 0
        """Actions taken so far."""
        self.finished: list[float] = []
        """Returns, not discounted, of the episodes that ended so far."""
        self._earned = np.zeros(problem.size)
        problem.start(rng=self.rng)

    def collect(self, policy: ActorCritic | RecurrentPolicy, steps: int) -> Transitions:
        """So many steps in every environment; an episode that ends is followed by the next one."""
        return self._run(policy, steps, restart=True)

    def trajectories(self, policy: ActorCritic) -> Transitions:
        """One whole trajectory in every environment, from its start to its end."""
        self.problem.start(rng=self.rng)
        self._earned[:] = 0.0
        return self._run(policy, self.problem.horizon, restart=False)

    def _run(self, policy: ActorCritic | RecurrentPolicy, steps: int, restart: bool) -> Transitions:
        problem = self.problem
        seen, led_to, actions, rewards, terminated, done, alive = [], [], [], [], [], [], []
        live = np.ones(problem.size, dtype=bool)
        observation = problem.observe()
        for _ in range(steps):
            action = policy.act(observation, self.rng)
            outcome = problem.step(action)
            following = problem.observe()
            seen.append(observation)
            led_to.append(following)
            actions.append(action)
            rewards.append(outcome.reward * live)
            terminated.append(outcome.terminated)
            done.append(outcome.done)
            alive.append(live.copy())
            self._earned += outcome.reward * live
            self.samples += int(live.sum())
            ended = np.flatnonzero(outcome.done & live)
            self.finished.extend(self._earned[ended].tolist())
            self._earned[ended] = 0.0
            if restart and len(ended):
                problem.start(ended, self.rng)
                if isinstance(policy, RecurrentPolicy):
                    policy.forget(ended)
                following = problem.observe()
            elif not restart:
                live &= ~outcome.done
                if not live.any():
                    break
            observation = following
        mask = torch.from_numpy(np.stack(alive))
        raw = torch.from_numpy(np.stack(seen))
        return Transitions(
            observation=_normalised(policy, raw),
            action=torch.from_numpy(np.stack(actions)),
            reward=torch.from_numpy(np.stack(rewards).astype(np.float32)),
            next_observation=_normalised(policy, torch.from_numpy(np.stack(led_to))),
            terminated=torch.from_numpy(np.stack(terminated)),
            done=torch.from_numpy(np.stack(done)),
            alive=mask,
            moments=Normaliser.moments(raw[mask]),
        )


def _normalised(policy: ActorCritic | RecurrentPolicy, observation: Tensor) -> Tensor:
    return observation if isinstance(policy, RecurrentPolicy) else policy.observations(observation)


def estimate_advantage(
    policy: ActorCritic, batch: Transitions, gamma: float, gae_lambda: float
) -> tuple[Tensor, Tensor]:
    """Advantages by GAE, and V(s), (T, N) both; lambda 1 is the n-step return to the batch's end less V(s)."""
    value, next_value = policy.value(batch.observation), policy.value(batch.next_observation)
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
