"""Proximal policy optimisation (Schulman et al. 2017), Algorithm 1 of the lecture.

for iteration = 1, 2, ...:
    for actor = 1, ..., N: run policy pi_old for T steps; compute advantage estimates A_1 ... A_T      (collect.py)
    optimise the surrogate L with K epochs and minibatches of size M <= NT                            (here)
    pi_old <- pi
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from imitate.policy import Normaliser
from imitate.training.collect import ActorCritic, Batch
from imitate.training.process_group import ProcessGroup


class NonFiniteError(FloatingPointError):
    """A loss or gradient was NaN or infinite; the parameters were not touched by it."""


@dataclass(frozen=True)
class PPOConfig:
    """Settings of PPO."""

    update_epochs: int = 3
    """Passes over each batch (K)."""
    minibatch_size: int = 1024
    """Samples of all processes together in one step of the optimiser (M)."""
    gamma: float = 0.97
    """Discount of rewards a control step."""
    # Looks about 1 s ahead at 30 control steps a second.
    gae_lambda: float = 0.95
    """Lambda of generalised advantage estimation, from 0 (value function) to 1 (observed rewards)."""
    clip_coef: float = 0.2
    """The probability ratio of new to old policy is clipped to 1 +- this."""
    learning_rate: float = 3e-4
    """Initial step size of Adam; later ones follow the KL divergence."""
    learning_rate_range: tuple[float, float] = (1e-5, 1e-3)
    """Bounds of the step size."""
    target_kl: float = 0.1
    """KL divergence of the policies before and after an update that the learning rate is steered to [nat]."""
    # Large against the usual .01 to .02 because the noise is small: with 28 actions it is .08 standard deviations.
    vf_coef: float = 1.0
    """Weight of the value function's loss, in normalised returns."""
    max_grad_norm: float = 1.0
    """Gradients are clipped to this norm."""


def clipped_surrogate(log_prob: Tensor, old_log_prob: Tensor, advantage: Tensor, clip_coef: float) -> Tensor:
    """The loss -E[min(r A, clip(r, 1 - c, 1 + c) A)], r the ratio of new to old probability, (M,) each -> ()."""
    ratio = torch.exp(log_prob - old_log_prob)
    return -torch.minimum(ratio * advantage, ratio.clamp(1.0 - clip_coef, 1.0 + clip_coef) * advantage).mean()


class PPO:
    """The optimiser's side: `update(batch)` improves the policy in place."""

    def __init__(self, policy: ActorCritic, config: PPOConfig, group: ProcessGroup | None = None):
        self.policy, self.config, self.group = policy, config, group or ProcessGroup()
        self.parameters = [p for p in policy.parameters() if p.requires_grad]
        self.learning_rate = config.learning_rate
        self.optimiser = torch.optim.Adam(self.parameters, lr=config.learning_rate, eps=1e-5, fused=True)

    def update(self, batch: Batch, generator: torch.Generator) -> dict[str, float]:
        """K epochs of minibatch steps on one batch.

        Args:
          batch: what `collect` gathered with the current policy.
          generator: shuffles the minibatches.

        Returns:
          Losses and figures averaged over the steps: policy_loss, value_loss, kl, clipped, learning_rate, std.

        Raises:
          NonFiniteError: numbers exploded; the parameters are those before the step that did.
        """
        policy, config, group = self.policy, self.config, self.group
        returns = batch.advantage + batch.value
        policy.returns.update(group.sum(Normaliser.moments(returns[:, None])))
        target = ((returns - policy.returns.mean) * torch.rsqrt(policy.returns.variance + 1e-6)).detach()
        advantage = self._normalised(batch.advantage)
        # Rounded once here, or every minibatch would do it again.
        seen = batch.observation.bfloat16() if policy.actor.coarse else batch.observation
        history: list[Tensor] = []
        for rows in self._minibatches(len(target), generator):
            observation, old_mean = seen[rows], batch.mean[rows]
            mean = policy.actor(observation)
            log_prob = policy.log_prob(mean, batch.action[rows])
            policy_loss = clipped_surrogate(log_prob, batch.log_prob[rows], advantage[rows], config.clip_coef)
            value_loss = (policy.critic(observation).squeeze(-1) - target[rows]).square().mean()
            loss = policy_loss + config.vf_coef * value_loss
            for parameter in self.parameters:
                parameter.grad = None
            loss.backward()
            with torch.no_grad():
                kl = policy.kl(old_mean, batch.log_std, mean)
                clipped = ((log_prob - batch.log_prob[rows]).exp() - 1.0).abs() > config.clip_coef
                figures = torch.stack([policy_loss, value_loss, kl, clipped.float().mean()])
                figures = group.average_gradients(self.parameters, figures)
                norm = nn.utils.clip_grad_norm_(self.parameters, config.max_grad_norm)
                if not (torch.isfinite(norm) and torch.isfinite(figures).all()):
                    raise NonFiniteError("loss or gradient is not finite")
                self.optimiser.step()
            history.append(figures)
        last_epoch = torch.stack(history[-(len(history) // config.update_epochs) :])
        self._steer_learning_rate(float(last_epoch[:, 2].mean()))
        # Only now, so that all of a batch was normalised alike.
        policy.observations.update(group.sum(batch.observation_moments.clone()))
        means = torch.stack(history).mean(0).tolist()
        return {
            **dict(zip(("policy_loss", "value_loss", "kl", "clipped"), means, strict=True)),
            "learning_rate": self.learning_rate,
            "std": policy.spread(),
        }

    def _normalised(self, advantage: Tensor) -> Tensor:
        """To mean 0 and deviation 1 over the samples of all processes."""
        count, total, squares = self.group.sum(Normaliser.moments(advantage[:, None])).tolist()
        mean = total / count
        return (advantage - mean) / (max(squares / count - mean * mean, 0.0) ** 0.5 + 1e-6)

    def _minibatches(self, samples: int, generator: torch.Generator) -> Iterator[Tensor]:
        """Rows of each minibatch; the same number of them in every process."""
        size = min(max(1, self.config.minibatch_size // self.group.size), samples)
        for _ in range(self.config.update_epochs):
            order = torch.randperm(samples, generator=generator)
            yield from order[: samples // size * size].view(-1, size)

    def _steer_learning_rate(self, kl: float) -> None:
        """Smaller steps when the policy moved too fast, larger when it hardly moved (Schulman et al. 2017).

        Once an update, by the divergence in its last epoch. Steering at every minibatch, as RSL-RL does, mistakes the
        small divergence at the start of each update for too small steps and swings between the bounds.
        """
        low, high = self.config.learning_rate_range
        if kl > 2.0 * self.config.target_kl:
            self.learning_rate = max(low, self.learning_rate / 1.5)
        elif kl < 0.5 * self.config.target_kl:
            self.learning_rate = min(high, self.learning_rate * 1.5)
        for options in self.optimiser.param_groups:
            options["lr"] = self.learning_rate

    def state(self) -> dict[str, Any]:
        """What a checkpoint must hold beside the policy."""
        return {"optimiser": self.optimiser.state_dict(), "learning_rate": self.learning_rate}

    def restore(self, state: dict[str, Any]) -> None:
        """The opposite of `state`."""
        self.optimiser.load_state_dict(state["optimiser"])
        self.learning_rate = float(state["learning_rate"])
