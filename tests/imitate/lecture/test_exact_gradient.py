"""Exact gradients, means and variances: every expectation here is a sum over all trajectories, not a sample."""

import numpy as np
import pytest
import torch

from imitate.lecture.exact_gradient import (
    ESTIMATORS,
    estimates,
    exact_gradient,
    list_trajectories,
    mean_and_variance,
    probabilities,
    slide_reward_to_go,
    true_values,
)
from imitate.lecture.finite import make_bandit
from imitate.lecture.reinforce import trajectory_return
from tests.chains import enumerated, theta_of


def test_probabilities_of_all_trajectories_add_up_to_one():
    problem, tau = enumerated()
    assert probabilities(theta_of(problem), tau).sum().item() == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("gamma", [1.0, 0.9])
def test_exact_gradient_by_three_ways(gamma):
    """Autograd through dynamic programming = finite differences = autograd through the sum over trajectories."""
    problem, tau = enumerated(gamma)
    theta = theta_of(problem)
    gradient = exact_gradient(problem, theta)

    slopes, step = [], 1e-5
    for i in range(theta.numel()):
        ends = []
        for sign in (1, -1):
            moved = theta.flatten().clone()
            moved[i] += sign * step
            ends.append(problem.value(torch.softmax(moved.view_as(theta), -1)).item())
        slopes.append((ends[0] - ends[1]) / (2 * step))
    np.testing.assert_allclose(gradient, slopes, atol=1e-6)

    variable = theta.clone().requires_grad_(True)
    (probabilities(variable, tau) * trajectory_return(tau.reward, gamma)[0]).sum().backward()
    assert variable.grad is not None
    torch.testing.assert_close(variable.grad.flatten(), gradient, rtol=0, atol=1e-10)


@pytest.mark.parametrize("gamma", [1.0, 0.9])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_estimator_is_unbiased(name, gamma):
    problem, tau = enumerated(gamma)
    for seed in range(3):
        theta = theta_of(problem, seed)
        mean, _ = mean_and_variance(problem, tau, theta, ESTIMATORS[name])
        torch.testing.assert_close(mean, exact_gradient(problem, theta), rtol=0, atol=1e-6)


def test_reward_to_go_of_the_slide_is_unbiased_only_without_discount():
    for gamma, unbiased in ((1.0, True), (0.9, False)):
        problem, tau = enumerated(gamma)
        theta = theta_of(problem)
        mean, _ = mean_and_variance(problem, tau, theta, slide_reward_to_go)
        difference = (mean - exact_gradient(problem, theta)).abs().max().item()
        assert (difference < 1e-6) == unbiased, (gamma, difference)


def test_each_refinement_has_less_variance():
    """In the lecture's order: the past left out, a baseline, a critic instead of the future, both."""
    problem, tau = enumerated()
    theta = theta_of(problem)
    variance = {name: mean_and_variance(problem, tau, theta, ESTIMATORS[name])[1] for name in ESTIMATORS}
    assert variance["return of the trajectory"] > 1.2 * variance["reward to go"]
    assert variance["reward to go"] > 1.2 * variance["reward to go - V(s)"]
    assert variance["reward to go"] > variance["Q(s, a)"] > variance["Q(s, a) - V(s)"]
    assert variance["reward to go - V(s)"] > variance["r + gamma V(s') - V(s)"] > variance["Q(s, a) - V(s)"]


def test_true_values_are_the_mean_of_what_follows():
    """V(s_0) and Q(s_0, a_0) of the critic are conditional means of the return over the enumerated trajectories."""
    problem, tau = enumerated(0.9)
    theta = theta_of(problem)
    truth, p = true_values(problem, theta, tau), probabilities(theta, tau)
    returns = trajectory_return(tau.reward, 0.9)[0]
    for s in range(3):
        here = tau.state[0] == s
        mean = (p * returns)[here].sum() / p[here].sum()
        torch.testing.assert_close(truth.value[0, here], mean.expand(int(here.sum())), rtol=0, atol=1e-10)
        for a in range(2):
            both = here & (tau.action[0] == a)
            mean = (p * returns)[both].sum() / p[both].sum()
            torch.testing.assert_close(truth.action_value[0, both], mean.expand(int(both.sum())), rtol=0, atol=1e-10)
    torch.testing.assert_close(truth.next_value[:-1], truth.value[1:])
    assert (truth.next_value[-1] == 0).all()


def test_variance_is_that_of_samples():
    """Trajectories drawn by their probability have the mean and the variance that are computed without drawing."""
    problem, tau = enumerated()
    theta = theta_of(problem)
    weight = ESTIMATORS["reward to go"]
    mean, variance = mean_and_variance(problem, tau, theta, weight)
    estimate, p = estimates(problem, tau, theta, weight)
    drawn = estimate[torch.multinomial(p, 200_000, replacement=True, generator=torch.Generator().manual_seed(0))]
    torch.testing.assert_close(drawn.mean(0), mean, rtol=0, atol=4 * (variance / 200_000) ** 0.5)
    assert drawn.var(0).sum().item() == pytest.approx(variance, rel=0.02)


def test_bandits_trajectories_are_its_arms():
    """Ten arms that pay or do not: twenty trajectories, and the gradient of a uniform policy by hand."""
    problem = make_bandit()
    tau = list_trajectories(problem)
    assert tau.state.shape == (2, 20) and tau.alive.all()
    # dJ/dtheta_k = pi_k (pay_k - mean pay) = .1 ((k + 1) / 11 - .5)
    gradient = exact_gradient(problem, torch.zeros(3, 10, dtype=torch.float64))
    np.testing.assert_allclose(gradient[:10], 0.1 * (np.arange(1, 11) / 11 - 0.5), atol=1e-12)
    np.testing.assert_allclose(gradient[10:], 0.0)


def test_single_step_version_on_the_bandit():
    """E[r grad log pi(a|s)] over arms and pay-outs is the exact gradient."""
    problem = make_bandit()
    theta = theta_of(problem)
    pi, pays = torch.softmax(theta[0], -1), torch.as_tensor(problem.transition[0, :, 1])
    mean = sum(pi[a] * pays[a] * (torch.eye(10)[a].double() - pi) for a in range(10))  # score of a table: e_a - pi
    torch.testing.assert_close(mean, exact_gradient(problem, theta)[:10], rtol=0, atol=1e-10)
