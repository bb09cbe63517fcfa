"""PPO's loss against numbers worked out by hand, and its guards."""

from dataclasses import replace

import pytest
import torch

from imitate.policy import Normaliser, Policy, PolicyLayout, gaussian_kl, gaussian_log_prob
from imitate.training.collect import Batch
from imitate.training.ppo import PPO, NonFiniteError, PPOConfig, surrogate_loss

LAYOUT = PolicyLayout("nobody", 1.0, {"x": 3}, ("a", "b"), 0.25, (8, 8))


def batch_of(policy: Policy, count: int = 64) -> Batch:
    generator = torch.Generator().manual_seed(1)
    observation = torch.randn(count, 3, generator=generator)
    with torch.no_grad():
        mean = policy.actor(observation)
        action = mean + policy.log_std.exp() * torch.randn(count, 2, generator=generator)
        return Batch(
            observation=observation,
            action=action,
            mean=mean,
            log_std=policy.log_std.detach().clone(),
            log_prob=gaussian_log_prob(action, mean, policy.log_std),
            value=policy.value(observation),
            # An action is better the larger its first component is.
            advantage=action[:, 0] - mean[:, 0],
            observation_moments=Normaliser.moments(observation),
        )


def test_surrogate_by_hand():
    ratio = torch.tensor([1.5, 1.5, 0.5, 0.5])
    advantage = torch.tensor([1.0, -1.0, 1.0, -1.0])
    # clip .2:  min(1.5, 1.2) = 1.2;  min(-1.5, -1.2) = -1.5;  min(.5, .8) = .5;  min(-.5, -.8) = -.8
    # loss = -(1.2 - 1.5 + .5 - .8) / 4 = .15
    loss = surrogate_loss(ratio.log(), torch.zeros(4), advantage, 0.2)
    assert float(loss) == pytest.approx(0.15)


def test_log_density_and_divergence_by_hand():
    # N(1; 0, 2^2): -(1/2)^2 / 2 - ln 2 - ln(2 pi) / 2 = -.125 - .693147 - .918939 = -1.737086
    log_std = torch.tensor([2.0]).log()
    found = gaussian_log_prob(torch.tensor([[1.0]]), torch.zeros(1, 1), log_std)
    assert float(found) == pytest.approx(-1.737086, abs=1e-5)
    # KL(N(0, 1) | N(1, 2^2)) = ln 2 + (1 + 1) / (2 * 4) - 1/2 = .443147
    kl = gaussian_kl(torch.zeros(1, 1), torch.zeros(1), torch.ones(1, 1), log_std)
    assert float(kl) == pytest.approx(0.443147, abs=1e-5)


def test_update_makes_good_actions_likelier():
    torch.manual_seed(0)
    policy = Policy(LAYOUT)
    batch = batch_of(policy)
    before = policy.actor(batch.observation).mean(0)
    metrics = PPO(policy, PPOConfig(minibatch_size=32, update_epochs=8)).update(batch, torch.Generator().manual_seed(0))
    after = policy.actor(batch.observation).mean(0)
    assert after[0] > before[0] + 0.01
    assert metrics["kl"] > 0


def test_the_normaliser_moves_with_the_batch_or_is_kept():
    torch.manual_seed(0)
    policy = Policy(LAYOUT)
    policy.observations.update(Normaliser.moments(torch.tensor([[1.0, 0.0, -1.0], [3.0, 0.0, 1.0]])))
    # Two samples seen: means 2, 0, 0, variances 1, 0, 1.
    moments = Normaliser.moments(torch.tensor([[4.0, 2.0, 0.0], [4.0, -2.0, 0.0]]))
    batch = replace(batch_of(policy), observation_moments=moments)
    config, seen = PPOConfig(minibatch_size=32), policy.observations
    PPO(policy, config, keep_normaliser=True).update(batch, torch.Generator().manual_seed(0))
    assert (seen.mean.tolist(), seen.variance.tolist(), float(seen.count)) == ([2.0, 0.0, 0.0], [1.0, 0.0, 1.0], 2.0)
    PPO(policy, config).update(batch, torch.Generator().manual_seed(0))
    # Of 1, 3, 4, 4: mean 3, variance (4 + 0 + 1 + 1) / 4; of 0, 0, 2, -2: 0, 2; of -1, 1, 0, 0: 0, 1/2.
    assert (seen.mean.tolist(), seen.variance.tolist(), float(seen.count)) == ([3.0, 0.0, 0.0], [1.5, 2.0, 0.5], 4.0)


def test_learning_rate_follows_the_divergence():
    torch.manual_seed(0)
    policy = Policy(LAYOUT)
    batch = batch_of(policy)
    timid = PPO(policy, PPOConfig(minibatch_size=32, target_kl=1e3))
    timid.update(batch, torch.Generator().manual_seed(0))
    assert timid.learning_rate == pytest.approx(1.5 * PPOConfig.learning_rate)
    bold = PPO(policy, PPOConfig(minibatch_size=32, target_kl=1e-9))
    bold.update(batch, torch.Generator().manual_seed(0))
    assert bold.learning_rate == pytest.approx(PPOConfig.learning_rate / 1.5)


def test_non_finite_numbers_stop_before_they_reach_the_weights():
    torch.manual_seed(0)
    policy = Policy(LAYOUT)
    batch = batch_of(policy)
    before = [parameter.detach().clone() for parameter in policy.parameters()]
    broken = replace(batch, advantage=batch.advantage.index_fill(0, torch.tensor([3]), float("nan")))
    with pytest.raises(NonFiniteError):
        PPO(policy, PPOConfig(minibatch_size=32)).update(broken, torch.Generator().manual_seed(0))
    assert all(torch.equal(a, b) for a, b in zip(before, policy.parameters(), strict=True))


def test_coarse_layers_learn_the_same_and_act_exactly():
    """bfloat16 has 8 bits: hidden layers may differ by some 2^-8, acting not at all."""
    torch.manual_seed(0)
    policy = Policy(LAYOUT)
    torch.nn.init.normal_(list(policy.actor.parameters())[-2])
    observation = torch.randn(64, 3)
    exact, acted = policy.actor(observation), policy.act(observation.numpy())
    policy.actor.bf16 = True
    rounded = policy.actor(observation)
    assert rounded.dtype == torch.float32
    assert not torch.equal(rounded, exact)
    torch.testing.assert_close(rounded, exact, rtol=0.02, atol=0.02 * float(exact.detach().abs().max()))
    assert (policy.act(observation.numpy()) == acted).all()
    assert "bf16" not in str(policy.state_dict().keys())


def test_normaliser_merges_batches_into_the_moments_of_all():
    torch.manual_seed(0)
    values = torch.randn(100, 3) * 4.0 + 2.0
    normaliser = Normaliser(3)
    for part in values.split([30, 50, 20]):
        normaliser.update(Normaliser.moments(part))
    torch.testing.assert_close(normaliser.mean, values.mean(0))
    torch.testing.assert_close(normaliser.variance, values.var(0, correction=0))
    torch.testing.assert_close(normaliser.inverse(normaliser(values)), values, rtol=1e-4, atol=1e-4)


def test_policy_round_trip(tmp_path):
    policy = Policy(LAYOUT)
    policy.save(tmp_path / "policy.pt")
    found = Policy.load(tmp_path / "policy.pt")
    assert found.layout == policy.layout
    observation = torch.randn(5, 3).numpy()
    assert (found.act(observation) == policy.act(observation)).all()
