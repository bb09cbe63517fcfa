"""Softmax policies: the lecture's stochastic policy over finitely many actions."""

import numpy as np
import torch
from torch import Tensor, nn

from imitate.policy import Layers, Normaliser, mlp


def draw_actions(preference: np.ndarray, rng: np.random.Generator | None) -> np.ndarray:
    """The likeliest actions of preferences f (N, A) -> int (N,), or samples of their softmax where `rng` is given.

    The largest of f + Gumbel noise is distributed as the softmax of f (Gumbel 1954), so nothing is normalised.
    """
    return (preference if rng is None else preference + rng.gumbel(size=preference.shape)).argmax(-1)


class SoftmaxActorCritic(nn.Module):
    """What softmax policies share: probabilities, entropy, V(s) and no memory. A subclass makes the networks."""

    returns: Normaliser

    def outputs(self, observation: Tensor) -> tuple[Tensor, Tensor]:
        """Preferences f(s, .) (..., A) and normalised V(s) (...) of normalised observations, with gradients."""
        raise NotImplementedError

    def forget(self, ids: np.ndarray) -> None:
        """Episodes ended; there is no memory to clear."""

    @torch.no_grad()
    def value(self, observation: Tensor) -> Tensor:
        """Expected return of normalised observations (..., O) -> (...), in units of reward."""
        return self.returns.inverse(self.outputs(observation)[1])

    def log_prob(self, preference: Tensor, action: Tensor) -> Tensor:
        """log pi(a|s) of the actor's outputs f (..., A) and actions (...) -> (...)."""
        return torch.log_softmax(preference, -1).gather(-1, action[..., None]).squeeze(-1)

    def entropy(self, preference: Tensor) -> Tensor:
        """-sum_a pi log pi, (..., A) -> (...)."""
        log_prob = torch.log_softmax(preference, -1)
        return -(log_prob.exp() * log_prob).sum(-1)

    def kl(self, old_preference: Tensor, old_log_std: Tensor, preference: Tensor) -> Tensor:
        """Mean KL divergence of the old policy from the new one, (..., A) -> (); a softmax has no sigma."""
        old = torch.log_softmax(old_preference, -1)
        return (old.exp() * (old - torch.log_softmax(preference, -1))).sum(-1).mean()

    def mean_std(self) -> float:
        """NaN: a softmax has no sigma."""
        return float("nan")


class SoftmaxPolicy(SoftmaxActorCritic):
    """pi(a|s) = exp f(s, a) / sum_a' exp f(s, a') and V(s), with the parts and methods of the Gaussian `Policy`.

    f is a network of the observation with one output an action. Without hidden layers it is linear in the features:
    f(s, a) = theta_a . phi(s), and a table where phi is one of S states.
    """

    def __init__(
        self, observation_size: int, actions: int, hidden_sizes: tuple[int, ...] = (64, 64), bias: bool = True
    ):
        super().__init__()
        self.observation_size, self.actions = observation_size, actions
        self.actor = mlp((observation_size, *hidden_sizes, actions), last_gain=0.01)
        self.critic: Layers = mlp((observation_size, *hidden_sizes, 1), last_gain=1.0 if hidden_sizes else 0.01)
        if not bias:
            for layer in (self.actor[-1], self.critic[-1]):
                assert isinstance(layer, nn.Linear)
                layer.bias = None
        self.observations = Normaliser(observation_size)
        self.returns = Normaliser(1)

    def outputs(self, observation: Tensor) -> tuple[Tensor, Tensor]:
        """Preferences f(s, .) (..., A) and normalised V(s) (...) of normalised observations, with gradients."""
        return self.actor(observation), self.critic(observation).squeeze(-1)

    @torch.no_grad()
    def value(self, observation: Tensor) -> Tensor:
        """Expected return of normalised observations (..., O) -> (...), in units of reward."""
        return self.returns.inverse(self.critic(observation)).squeeze(-1)

    @torch.no_grad()
    def act(self, observation: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Actions for raw observations (N, O) -> int (N,): the likeliest, or a sample where `rng` is given."""
        return draw_actions(self.actor(self.observations(torch.from_numpy(observation))).numpy(), rng)
