from dataclasses import replace

import numpy as np
import pytest
import torch

from imitate.adapt.networks import AdaptationModule, AdaptiveLayout, AdaptivePolicy, AdaptiveSkill
from imitate.policy import PolicyLayout
from pose.errors import InputError

LAYOUT = AdaptiveLayout(
    PolicyLayout(
        "go1", 0.4, {"joints": 24, "tilt": 2, "contacts": 4, "last_action": 12}, ("a",) * 12, 0.25, (128, 128)
    ),
    {"payload": 3, "strength": 12, "friction": 1, "ground": 1},
)


def make_observations(count: int, seed: int = 0) -> np.ndarray:
    size = LAYOUT.sensed_size + LAYOUT.extrinsics_size
    return np.random.default_rng(seed).standard_normal((count, size)).astype(np.float32)


def test_sizes_are_the_papers():
    policy = AdaptivePolicy(LAYOUT)
    assert (LAYOUT.state_size, LAYOUT.sensed_size, LAYOUT.extrinsics_size) == (30, 42, 17)
    assert policy.actor.encoder is not None
    assert [tuple(p.shape) for p in policy.actor.encoder.parameters()][::2] == [(256, 17), (128, 256), (8, 128)]
    assert [tuple(p.shape) for p in policy.actor.base.parameters()][::2] == [(128, 50), (128, 128), (12, 128)]
    phi = AdaptationModule(LAYOUT.state_size + 12, LAYOUT.latent)
    # 50 steps -> (50 - 8) / 4 + 1 = 11 -> 7 -> 3, so the last layer has 3 * 32 inputs.
    assert phi.head.in_features == 96
    assert phi(torch.zeros(5, 50, 42)).shape == (5, 8)
    embedding, convolutions = 42 * 32 + 32 + 32 * 32 + 32, 32 * 32 * (8 + 5 + 5) + 3 * 32
    assert sum(p.numel() for p in phi.parameters()) == embedding + convolutions + 96 * 8 + 8


def test_expert_acts_as_the_learner_computes_and_as_its_parts_do():
    policy, observation = AdaptivePolicy(LAYOUT), make_observations(6)
    policy.observations.update(policy.observations.moments(torch.from_numpy(make_observations(100, 1) * 3 + 1)))
    torch.nn.init.normal_(policy.actor.base[-1].weight)  # pyright: ignore
    with torch.no_grad():
        learnt = policy.actor(policy.observations(torch.from_numpy(observation))).numpy()
    np.testing.assert_allclose(policy.act(observation), learnt, atol=1e-5)
    z = policy.encode(observation[:, LAYOUT.sensed_size :])
    np.testing.assert_allclose(policy.act_with(observation[:, : LAYOUT.sensed_size], z), learnt, atol=1e-5)
    assert np.abs(policy.act_with(observation[:, : LAYOUT.sensed_size], z + 1) - learnt).max() > 1e-3


def test_without_a_latent_the_actor_is_blind_to_extrinsics_and_the_critic_is_not():
    policy = AdaptivePolicy(replace(LAYOUT, latent=0))
    torch.nn.init.normal_(policy.actor.base[-1].weight)  # pyright: ignore
    a = make_observations(4)
    b = a.copy()
    b[:, LAYOUT.sensed_size :] += 1
    np.testing.assert_array_equal(policy.act(a), policy.act(b))
    assert (policy.value(torch.from_numpy(a)) - policy.value(torch.from_numpy(b))).abs().min() > 0


def test_gradients_reach_the_encoder_through_the_policy():
    policy = AdaptivePolicy(LAYOUT)
    policy.actor(torch.from_numpy(make_observations(4))).square().sum().backward()
    assert policy.actor.encoder is not None
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in policy.actor.encoder[:1].parameters())


def test_convolution_over_time_by_hand():
    """One channel, kernel 2, stride 2 over four steps: sums of pairs of steps, then of both."""
    phi = AdaptationModule(1, 1, steps=4, convolutions=((1, 1, 2, 2), (1, 1, 2, 1)))
    with torch.no_grad():
        for parameter in phi.parameters():
            parameter.fill_(0.0 if parameter.ndim == 1 else 1.0)
        phi.convolve[0].weight.copy_(torch.tensor([[[1.0, 10.0]]]))  # pyright: ignore
        phi.convolve[2].weight.copy_(torch.tensor([[[1.0, 100.0]]]))  # pyright: ignore
        history = torch.tensor([[1.0, 2.0, 3.0, 4.0], [0.0, -5.0, 0.0, 1.0]])[:, :, None]
        # [1 + 20, 3 + 40] -> 21 + 4300; a negative step is cut by the embedding's ReLU: [0, 10] -> 1000.
        assert phi(history).squeeze(1).tolist() == [4321.0, 1000.0]
    with pytest.raises(ValueError, match="too few"):
        AdaptationModule(1, 1, steps=3, convolutions=((1, 1, 2, 2), (1, 1, 2, 1)))


def test_last_action_comes_last():
    with pytest.raises(ValueError, match="last"):
        AdaptiveLayout(replace(LAYOUT.sensed, observation={"last_action": 12, "joints": 24}), {"friction": 1})


def test_saved_skill_acts_alike_and_a_shipped_one_is_small(tmp_path):
    skill = AdaptiveSkill(AdaptivePolicy(LAYOUT), AdaptationModule(42, 8))
    observation, history = make_observations(3), torch.randn(3, 50, 42)
    for acting_only in (False, True):
        path = tmp_path / "skill.pt"
        skill.save(path, acting_only)
        again = AdaptiveSkill.load(path)
        assert again.policy.layout == LAYOUT and again.adaptation is not None and skill.adaptation is not None
        np.testing.assert_array_equal(skill.policy.act(observation), again.policy.act(observation))
        torch.testing.assert_close(skill.adaptation(history), again.adaptation(history), rtol=0, atol=0)
    assert path.stat().st_size < 500_000
    torch.save({"format": 1, "state": {}}, path)
    with pytest.raises(InputError, match="not an adaptive policy"):
        AdaptiveSkill.load(path)


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("layout",), None),
        (("layout", "latent"), 10**9),
        (("layout", "latent"), "8"),
        (("layout", "encoder_hidden"), [10**9]),
        (("layout", "encoder_hidden"), [4] * 10_000),
        (("layout", "extrinsics"), {"payload": -1}),
        (("layout", "extrinsics"), [1]),
        (("layout", "sensed", "hidden"), [10**9]),
        (("layout", "sensed", "observation"), {"last_action": 1, "joints": 24}),
        (("policy",), {}),
        (("policy", "actor.base.0.bias"), torch.full((128,), np.nan)),
        (("adaptation_sizes",), None),
        (("adaptation_sizes", "steps"), 10**9),
        (("adaptation_sizes", "inputs"), 10**9),
        (("adaptation_sizes", "outputs"), 10**9),
        (("adaptation_sizes", "convolutions"), [[32, 10**9, 8, 4]]),
        (("adaptation_sizes", "convolutions"), [[32, 32, 8, 0]]),
        (("adaptation_sizes", "convolutions"), []),
        (("adaptation", "head.bias"), torch.full((8,), np.inf)),
    ],
)
def test_damaged_content_is_one_line(tmp_path, keys, value):
    path = tmp_path / "skill.pt"
    AdaptiveSkill(AdaptivePolicy(LAYOUT), AdaptationModule(42, 8)).save(path)
    content = torch.load(path, weights_only=True)
    inner = content
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    torch.save(content, path)
    with pytest.raises(InputError, match="not an adaptive policy, or damaged"):
        AdaptiveSkill.load(path)
