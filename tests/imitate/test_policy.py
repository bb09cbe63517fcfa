"""A policy is the Gaussian that it says it is, its normaliser counts as one pass would, and files keep it."""

import numpy as np
import pytest
import torch
from scipy import stats

from imitate.policy import Layers, Normaliser, Policy, PolicyLayout, gaussian_kl, gaussian_log_prob, mlp
from pose.errors import InputError

LAYOUT = PolicyLayout("humanoid", 1.75, {"phase": 3, "pose": 4}, ("hip", "knee"), 0.5, (16, 8))
RNG = np.random.default_rng(0)
OBSERVATION = RNG.normal(1.0, 2.0, (5, 7)).astype(np.float32)


def trained() -> Policy:
    """A policy that has seen something: no number of it is where it began."""
    torch.manual_seed(1)
    policy = Policy(LAYOUT)
    policy.observations.update(Normaliser.moments(torch.from_numpy(OBSERVATION)))
    policy.returns.update(Normaliser.moments(torch.tensor([[3.0], [5.0], [10.0]])))
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return policy


def test_log_density_is_that_of_scipys_normal_distribution():
    action, mean, log_std = RNG.normal(size=(6, 3)), RNG.normal(size=(6, 3)), np.array([-1.0, 0.2, 0.5])
    found = gaussian_log_prob(*(torch.from_numpy(x) for x in (action, mean, log_std)))
    expected = stats.norm.logpdf(action, mean, np.exp(log_std)).sum(axis=1)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)


def test_entropy_is_that_of_scipys_normal_distribution():
    policy = trained()
    expected = stats.norm.entropy(scale=policy.log_std.detach().exp().numpy()).sum()
    np.testing.assert_allclose(policy.entropy(torch.zeros(4, 2)).detach().numpy(), np.full(4, expected), rtol=1e-6)


def test_divergence_is_the_mean_of_the_difference_of_log_densities():
    """Monte Carlo; and none of a distribution from itself."""
    old_mean, mean = torch.tensor([[0.2, -0.3]]).double(), torch.tensor([[0.0, 0.5]]).double()
    old_log_std, log_std = torch.tensor([-0.5, 0.1]).double(), torch.tensor([0.0, 0.3]).double()
    sample = old_mean.numpy() + np.exp(old_log_std.numpy()) * np.random.default_rng(2).normal(size=(200_000, 2))
    sample = torch.from_numpy(sample)
    ratio = gaussian_log_prob(sample, old_mean, old_log_std) - gaussian_log_prob(sample, mean, log_std)
    assert float(gaussian_kl(old_mean, old_log_std, mean, log_std)) == pytest.approx(float(ratio.mean()), abs=0.01)
    assert float(gaussian_kl(mean, log_std, mean, log_std)) == pytest.approx(0.0, abs=1e-12)


def test_moments_merged_in_parts_are_those_of_everything():
    values = torch.from_numpy(RNG.normal(4.0, 3.0, (100, 2)))
    normaliser = Normaliser(2).double()
    for part in (values[:7], values[7:8], values[8:8], values[8:]):
        normaliser.update(Normaliser.moments(part))
    np.testing.assert_allclose(normaliser.mean.numpy(), values.mean(0), rtol=1e-9)
    np.testing.assert_allclose(normaliser.variance.numpy(), values.var(0, unbiased=False), rtol=1e-9)
    assert float(normaliser.count) == 100


def test_what_is_normalised_has_mean_zero_and_variance_one_and_comes_back():
    values = torch.from_numpy(RNG.normal(4.0, 3.0, (1000, 2))).float()
    normaliser = Normaliser(2)
    normaliser.update(Normaliser.moments(values))
    plain = normaliser(values)
    assert plain.mean(0).abs().max() < 1e-4 and (plain.var(0, unbiased=False) - 1.0).abs().max() < 1e-3
    np.testing.assert_allclose(normaliser.inverse(plain).numpy(), values.numpy(), atol=1e-4)
    assert float(normaliser(torch.tensor([[1e9, -1e9]])).abs().max()) == 8.0  # cut, so that no outlier rules a layer


def test_moments_of_two_processes_add_up():
    first, second = torch.randn(5, 3), torch.randn(9, 3)
    both = Normaliser.moments(first) + Normaliser.moments(second)
    np.testing.assert_allclose(both.numpy(), Normaliser.moments(torch.cat([first, second])).numpy(), rtol=1e-6)


def test_weights_begin_orthogonal_and_the_last_layer_small():
    torch.manual_seed(0)
    network = mlp((8, 8, 8), last_gain=0.01)
    first, last = (layer.weight.detach().numpy() for layer in network if isinstance(layer, torch.nn.Linear))
    np.testing.assert_allclose(first @ first.T, 2.0 * np.eye(8), atol=1e-5)
    np.testing.assert_allclose(last @ last.T, 1e-4 * np.eye(8), atol=1e-8)


def test_bfloat16_is_for_learning_alone():
    torch.manual_seed(0)
    network = mlp((7, 32, 2), last_gain=1.0)
    values = torch.from_numpy(OBSERVATION)
    exact = network(values).detach()
    network.bf16 = True
    assert isinstance(network, Layers)
    rounded = network(values).detach()
    assert rounded.dtype == torch.float32 and 0.0 < float((rounded - exact).abs().max()) < 0.1
    assert torch.equal(network.forward_float32(values), exact)


def test_actions_are_the_mean_or_have_the_learnt_standard_deviation():
    policy, rng = trained(), np.random.default_rng(3)
    mean = policy.act(OBSERVATION[:1])
    samples = policy.act(np.repeat(OBSERVATION[:1], 20_000, axis=0), rng)
    std = policy.log_std.detach().exp().numpy()
    np.testing.assert_allclose(samples.mean(axis=0), mean[0], atol=4.0 * std.max() / np.sqrt(20_000))
    np.testing.assert_allclose(samples.std(axis=0), std, rtol=0.03)
    assert policy.mean_std() == pytest.approx(float(std.mean()))


def test_values_are_in_units_of_reward():
    """A critic that says 0 expects the mean return: (3 + 5 + 10) / 3."""
    policy = trained()
    for parameter in list(policy.critic.parameters())[-2:]:
        torch.nn.init.zeros_(parameter)
    np.testing.assert_allclose(policy.value(torch.zeros(2, 7)).numpy(), [6.0, 6.0], rtol=1e-5)


def test_a_policy_is_the_same_after_a_round_trip(tmp_path):
    policy, path = trained(), tmp_path / "new" / "policy.pt"
    policy.save(path)
    again = Policy.load(path)
    assert again.layout == LAYOUT
    np.testing.assert_array_equal(again.act(OBSERVATION), policy.act(OBSERVATION))
    np.testing.assert_array_equal(again.value(torch.ones(1, 7)).numpy(), policy.value(torch.ones(1, 7)).numpy())


@pytest.mark.parametrize(("half", "tolerance"), [(False, 0.0), (True, 5e-3)])
def test_a_shipped_actor_acts_alike_and_has_no_critic(tmp_path, half, tolerance):
    policy = trained()
    policy.save(tmp_path / "whole.pt")
    policy.save_actor(tmp_path / "actor.pt", half)
    names = torch.load(tmp_path / "actor.pt", weights_only=True)["state"]
    assert not any(name.startswith(("critic", "returns")) for name in names)
    assert (tmp_path / "actor.pt").stat().st_size < (tmp_path / "whole.pt").stat().st_size
    found = Policy.load(tmp_path / "actor.pt").act(OBSERVATION)
    np.testing.assert_allclose(found, policy.act(OBSERVATION), atol=tolerance)


def test_damaged_and_foreign_files_are_reported_in_one_line(tmp_path):
    path = tmp_path / "policy.pt"
    with pytest.raises(InputError, match="no such file; expected a policy"):
        Policy.load(path)
    trained().save(path)
    whole = path.read_bytes()
    for content in (b"", b"not a policy", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"policy\.pt: damaged or not a policy"):
            Policy.load(path)
    torch.save({"format": 99}, path)
    with pytest.raises(InputError, match="policy format 99, this program reads 1"):
        Policy.load(path)
    torch.save([1, 2], path)
    with pytest.raises(InputError, match="not a policy"):
        Policy.load(path)


class Harmful:
    """What a pickle that runs code looks like."""

    def __reduce__(self):
        return (print, ("this must not run",))


def test_no_code_in_a_file_is_run(tmp_path, capsys):
    torch.save({"format": 1, "layout": Harmful()}, tmp_path / "policy.pt")
    with pytest.raises(InputError, match="damaged or not a policy"):
        Policy.load(tmp_path / "policy.pt")
    assert not capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"character": "atlas"}, "trained for humanoid of 1.75 m, not for atlas of 1.75 m"),
        ({"height": 1.6}, "not for humanoid of 1.60 m"),
        ({"observation": {"phase": 3, "pose": 5}}, "observations or actions"),
        ({"observation": {"pose": 4, "phase": 3}}, "observations or actions"),
        ({"action": ("hip",)}, "observations or actions"),
        ({"action": ("knee", "hip")}, "observations or actions"),
    ],
)
def test_a_policy_acts_only_for_its_own_body(change, message):
    LAYOUT.check(PolicyLayout(**vars(LAYOUT)))
    with pytest.raises(InputError, match=message):
        LAYOUT.check(PolicyLayout(**(vars(LAYOUT) | change)))
