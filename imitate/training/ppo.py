"""Proximal policy optimisation (Schulman et al. 2017), Algorithm 1 of the lecture.

for iteration = 1, 2, ...:
    for actor = 1, ..., N: run policy pi_old for T steps; compute advantage estimates A_1 ... A_T      (collect.py)
    optimise the surrogate L with K epochs and minibatches of size M <= NT                            (here)
    pi_old <- pi
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from imitate.policy import Normaliser
from imitate.training.collect import ActorCritic, Batch, minibatches, value_target
from imitate.training.process_group import ProcessGroup
from pose.errors import WorkError
from pose.ranges import POSITIVE, check_ranges


class NonFiniteError(WorkError):
    """A loss or gradient was NaN or infinite; the parameters were not touched by it."""


@dataclass(frozen=True)
class PPOOptions:
    """Settings of PPO; None is for whoever resolves them to fill, see `TrainConfig.resolve`."""

    update_epochs: int | None = None
    """Passes over each batch (K; tuned: 2, sfv: 1)."""
    minibatch_size: int | None = None
    """Samples of all processes together in one step of the optimiser (M; tuned: 1024, sfv: 256)."""
    gamma: float | None = None
    """Discount of rewards a control step (tuned: 0.97, sfv: 0.95)."""
    gae_lambda: float | None = None
    """Lambda of generalised advantage estimation, from 0 (value function) to 1 (observed rewards) (0.95)."""
    clip_coef: float | None = None
    """The probability ratio of new to old policy is clipped to 1 +- this (0.2)."""
    learning_rate: float | None = None
    """Initial step size of Adam; later ones follow the KL divergence (tuned: 3e-4, sfv: 5e-5)."""
    learning_rate_range: tuple[float, float] | None = None
    """Bounds of the step size (tuned: 1e-5 1e-3, sfv: 5e-5 5e-5)."""
    target_kl: float = 0.1
    """KL divergence of the policies before and after an update that the learning rate is steered to [nat]."""
    # Large against the usual .01 to .02 because the noise is small: with 28 actions it is .08 standard deviations.
    vf_coef: float = 1.0
    """Weight of the value function's loss, in normalised returns."""
    max_grad_norm: float = 1.0
    """Gradients are clipped to this norm."""

    def check(self) -> None:
        """Raises `InputError` if an option is out of its range."""
        counts = dict.fromkeys(("update_epochs", "minibatch_size"), (1, 1e9))
        rates = dict.fromkeys(("learning_rate", "learning_rate_range"), (1e-9, 1.0))
        others = {"gamma": (0.0, 1.0), "gae_lambda": (0.0, 1.0), "clip_coef": (1e-6, 10.0), "vf_coef": (0.0, 1e6)}
        norms = dict.fromkeys(("target_kl", "max_grad_norm"), POSITIVE)
        check_ranges(self, counts | rates | others | norms, "ppo.")


@dataclass(frozen=True)
class PPOConfig(PPOOptions):
    """Settings of PPO, every one with a value."""

    update_epochs: int = 3
    minibatch_size: int = 1024
    gamma: float = 0.97
    # Looks about 1 s ahead at 30 control steps a second.
    gae_lambda: float = 0.95
    clip_coef: float = 0.2
    learning_rate: float = 3e-4
    learning_rate_range: tuple[float, float] = (1e-5, 1e-3)


def surrogate_loss(log_prob: Tensor, old_log_prob: Tensor, advantage: Tensor, clip_coef: float) -> Tensor:
    """The loss -E[min(r A, clip(r, 1 - c, 1 + c) A)], r the ratio of new to old probability, (M,) each -> ()."""
    ratio = torch.exp(log_prob - old_log_prob)
    return -torch.minimum(ratio * advantage, ratio.clamp(1.0 - clip_coef, 1.0 + clip_coef) * advantage).mean()


class PPO:
    """Improves a policy in place, one batch after the other."""

    def __init__(
        self,
        policy: ActorCritic,
        config: PPOConfig,
        group: ProcessGroup | None = None,
        ent_coef: float = 0.0,
        keep_normaliser: bool = False,
    ):
        """Sets the learner up.

        Args:
          policy: is improved in place.
          config: settings.
          group: the processes that learn together.
          ent_coef: weight of the policy's entropy in the loss; skills have none: their noise is fixed.
          keep_normaliser: observations are normalised as they were before, whatever comes: for a policy that has been
            learnt by then, and that a moving normaliser would disturb.
        """
        self.policy, self.config, self.group = policy, config, group or ProcessGroup()
        self.ent_coef, self.keep_normaliser = ent_coef, keep_normaliser
        self.parameters = [p for p in policy.parameters() if p.requires_grad]
        self.learning_rate = config.learning_rate
        self.optimiser = torch.optim.Adam(self.parameters, lr=config.learning_rate, eps=1e-5, fused=True)

    def update(self, batch: Batch, generator: torch.Generator) -> dict[str, float]:
        """K epochs of minibatch steps on one batch.

        Args:
          batch: samples collected with the current policy.
          generator: shuffles the minibatches.

        Returns:
          Metrics, averaged over the steps: policy_loss, value_loss, kl, clipped (fraction of the samples),
          learning_rate, std.

        Raises:
          NonFiniteError: numbers exploded; the parameters are those before the step that did.
        """
        policy, config, group = self.policy, self.config, self.group
        target, advantage = value_target(policy, batch, group), self._normalise(batch.advantage)
        # Rounded once here, or every minibatch would do it again.
        observation = batch.observation.bfloat16() if policy.actor.bf16 else batch.observation
        history: list[Tensor] = []
        for ids in minibatches(len(target), config.minibatch_size // group.size, config.update_epochs, generator):
            mean, value = policy.outputs(observation[ids])
            log_prob, old_log_prob = policy.log_prob(mean, batch.action[ids]), batch.log_prob[ids]
            policy_loss = surrogate_loss(log_prob, old_log_prob, advantage[ids], config.clip_coef)
            value_loss = (value - target[ids]).square().mean()
            loss = policy_loss + config.vf_coef * value_loss
            if self.ent_coef:
                loss = loss - self.ent_coef * policy.entropy(mean).mean()
            for parameter in self.parameters:
                parameter.grad = None
            loss.backward()
            with torch.no_grad():
                kl = policy.kl(batch.mean[ids], batch.log_std, mean)
                clipped = ((log_prob - old_log_prob).exp() - 1.0).abs() > config.clip_coef
                metrics = torch.stack([policy_loss, value_loss, kl, clipped.float().mean()])
                metrics = group.average_gradients(self.parameters, metrics)
                norm = nn.utils.clip_grad_norm_(self.parameters, config.max_grad_norm)
                if not (torch.isfinite(norm) and torch.isfinite(metrics).all()):
                    raise NonFiniteError("loss or gradient is not finite")
                self.optimiser.step()
            history.append(metrics)
        last_epoch = torch.stack(history[-(len(history) // config.update_epochs) :])
        self._steer_learning_rate(float(last_epoch[:, 2].mean()))
        if not self.keep_normaliser:  # only now, so that all of a batch was normalised alike
            policy.observations.update(group.sum(batch.observation_moments.clone()))
        means = torch.stack(history).mean(0).tolist()
        return {
            **dict(zip(("policy_loss", "value_loss", "kl", "clipped"), means, strict=True)),
            "learning_rate": self.learning_rate,
            "std": policy.mean_std(),
        }

    def _normalise(self, advantage: Tensor) -> Tensor:
        """To mean 0 and standard deviation 1 over the samples of all processes, (M,) -> (M,)."""
        count, total, squares = self.group.sum(Normaliser.moments(advantage.reshape(-1, 1))).tolist()
        mean = total / count
        return (advantage - mean) / (max(squares / count - mean * mean, 0.0) ** 0.5 + 1e-6)

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
        """What a checkpoint holds besides the policy."""
        return {"optimiser": self.optimiser.state_dict(), "learning_rate": self.learning_rate}

    def restore(self, state: dict[str, Any]) -> None:
        """Continues from what `state` returned."""
        self.optimiser.load_state_dict(state["optimiser"])
        self.learning_rate = float(state["learning_rate"])
