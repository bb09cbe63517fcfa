"""The score function, grad_theta log pi(a|s), in the closed form of the slides.

Learners let autograd differentiate `log_prob`; these are the same gradients written out, so that the formula can be
read, and checked against autograd and finite differences.
"""

import torch
from torch import Tensor, nn


def jacobian(network: nn.Module, observation: Tensor) -> Tensor:
    """grad_theta of each output of f_theta(s), for one observation (O,) -> (outputs, P).

    P counts the network's parameters in the order of `parameters()`.
    """
    outputs = network(observation)
    parameters = list(network.parameters())
    rows = [torch.autograd.grad(output, parameters, retain_graph=True) for output in outputs]
    return torch.stack([torch.cat([part.flatten() for part in row]) for row in rows])


def softmax_score(gradient: Tensor, preference: Tensor, action: int) -> Tensor:
    """Softmax policy: grad f(s, a) - sum_a' pi(a'|s) grad f(s, a').

    Args:
      gradient: grad_theta f(s, .), (A, P).
      preference: f(s, .), (A,).
      action: the one taken.

    Returns:
      (P,).
    """
    return gradient[action] - torch.softmax(preference, -1) @ gradient


def gaussian_score(gradient: Tensor, mean: Tensor, std: Tensor, action: Tensor) -> Tensor:
    """Gaussian policy: (a - f(s)) / sigma^2 grad f(s), summed over the action's components.

    The slide's "- const." is zero for a fixed sigma.

    Args:
      gradient: grad_theta f(s), (A, P).
      mean: f(s), (A,).
      std: sigma, (A,).
      action: a, (A,).

    Returns:
      (P,).
    """
    return ((action - mean) / std.square()) @ gradient
