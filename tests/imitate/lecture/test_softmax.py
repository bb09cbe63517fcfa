"""The softmax policy is the distribution of the slides, and acts by it."""

import numpy as np
import pytest
import torch

from imitate.lecture.softmax import SoftmaxPolicy


@pytest.fixture
def policy():
    torch.manual_seed(0)
    policy = SoftmaxPolicy(3, 4, hidden_sizes=())
    torch.nn.init.normal_(next(policy.actor.parameters()))
    return policy


def test_probabilities_by_hand(policy):
    # exp(0) = 1, exp(ln 2) = 2, exp(ln 5) = 5: shares 1/8, 2/8, 5/8
    preference = torch.log(torch.tensor([[1.0, 2.0, 5.0]]))
    probability = [policy.log_prob(preference, torch.tensor([a])).exp().item() for a in range(3)]
    assert probability == pytest.approx([0.125, 0.25, 0.625])
    assert policy.entropy(preference).item() == pytest.approx(-sum(p * np.log(p) for p in probability))
    assert policy.entropy(torch.zeros(1, 4)).item() == pytest.approx(np.log(4.0))


def test_kl_by_hand(policy):
    old, new = torch.log(torch.tensor([[0.5, 0.5], [0.9, 0.1]])), torch.log(torch.tensor([[0.25, 0.75], [0.9, 0.1]]))
    first = 0.5 * np.log(0.5 / 0.25) + 0.5 * np.log(0.5 / 0.75)
    assert policy.kl(old, torch.zeros(0), new).item() == pytest.approx((first + 0.0) / 2, abs=1e-6)


def test_actions_are_drawn_by_their_probabilities(policy):
    count, observation = 40_000, np.array([[0.3, -0.2, 0.5]], dtype=np.float32)
    probability = torch.softmax(policy.actor(torch.from_numpy(observation)), -1)[0].detach().numpy()
    actions = policy.act(np.repeat(observation, count, axis=0), np.random.default_rng(0))
    np.testing.assert_allclose(np.bincount(actions, minlength=4) / count, probability, atol=4 * 0.5 / count**0.5)
    assert policy.act(observation)[0] == probability.argmax()


def test_without_hidden_layers_it_is_linear_in_the_features(policy):
    a, b = torch.randn(2, 3)
    bias = policy.actor(torch.zeros(3))
    torch.testing.assert_close(
        policy.actor(2.0 * a + b) - bias, 2.0 * (policy.actor(a) - bias) + policy.actor(b) - bias
    )


def test_value_is_in_units_of_reward():
    """The critic learns normalised returns; `value` undoes that."""
    policy = SoftmaxPolicy(3, 4)
    observation = torch.randn(5, 3)
    plain = policy.critic(observation).squeeze(-1).detach()
    torch.testing.assert_close(policy.value(observation), policy.returns.inverse(plain[:, None]).squeeze(-1))
    returns = torch.randn(1000, 1) * 3.0 + 50.0
    policy.returns.update(policy.returns.moments(returns))
    expected = returns.mean() + plain * returns.std(correction=0)
    torch.testing.assert_close(policy.value(observation), expected, rtol=2e-3, atol=0.05)
