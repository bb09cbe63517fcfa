"""The score functions of the slides against autograd and finite differences."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from imitate.lecture.score import gaussian_score, jacobian, softmax_score
from imitate.policy import gaussian_log_prob

OBSERVATION, ACTIONS = 5, 3


@pytest.fixture
def network():
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(OBSERVATION, 7), nn.Tanh(), nn.Linear(7, ACTIONS)).double()


def by_autograd(network, log_prob):
    return torch.cat([g.flatten() for g in torch.autograd.grad(log_prob(), list(network.parameters()))])


def by_differences(network, log_prob, step=1e-6):
    theta = parameters_to_vector(network.parameters()).detach()
    slopes = []
    for i in range(len(theta)):
        ends = []
        for sign in (1, -1):
            moved = theta.clone()
            moved[i] += sign * step
            vector_to_parameters(moved, network.parameters())
            ends.append(log_prob().item())
        slopes.append((ends[0] - ends[1]) / (2 * step))
    vector_to_parameters(theta, network.parameters())
    return torch.tensor(slopes, dtype=torch.float64)


@pytest.mark.parametrize("action", range(ACTIONS))
def test_softmax_score(network, action):
    s = torch.randn(OBSERVATION, dtype=torch.float64)

    def log_prob():
        return torch.log_softmax(network(s), -1)[action]

    score = softmax_score(jacobian(network, s), network(s).detach(), action)
    torch.testing.assert_close(score, by_autograd(network, log_prob), rtol=0, atol=1e-12)
    torch.testing.assert_close(score, by_differences(network, log_prob), rtol=0, atol=1e-6)


def test_gaussian_score(network):
    s = torch.randn(OBSERVATION, dtype=torch.float64)
    a, log_std = torch.randn(ACTIONS, dtype=torch.float64), torch.tensor([-1.0, 0.2, 0.5], dtype=torch.float64)

    def log_prob():
        return gaussian_log_prob(a, network(s), log_std)

    score = gaussian_score(jacobian(network, s), network(s).detach(), log_std.exp(), a)
    torch.testing.assert_close(score, by_autograd(network, log_prob), rtol=0, atol=1e-12)
    torch.testing.assert_close(score, by_differences(network, log_prob), rtol=0, atol=1e-6)


def test_softmax_score_has_mean_zero(network):
    """E_a grad log pi(a|s) = grad sum_a pi(a|s) = grad 1 = 0: why a baseline of the state may be subtracted."""
    s = torch.randn(OBSERVATION, dtype=torch.float64)
    gradient, preference = jacobian(network, s), network(s).detach()
    pi = torch.softmax(preference, -1)
    mean = sum(pi[a] * softmax_score(gradient, preference, a) for a in range(ACTIONS))
    np.testing.assert_allclose(mean, 0.0, atol=1e-12)
