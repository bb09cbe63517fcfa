import numpy as np
import pytest
import torch

from imitate.adapt.networks import AdaptationModule, AdaptiveLayout, AdaptivePolicy
from imitate.adapt.runner import AdaptiveRunner
from imitate.policy import PolicyLayout

LAYOUT = AdaptiveLayout(PolicyLayout("toy", 1.0, {"x": 2, "last_action": 1}, ("a",), 1.0, (8,)), {"e": 1}, latent=1)


class CountSteps(AdaptationModule):
    """Answers with the number of pairs in its history that are not zero."""

    def forward(self, history: torch.Tensor) -> torch.Tensor:
        return (history != 0).any(-1).sum(1, keepdim=True).float()


def act(runner: AdaptiveRunner, steps: int, extrinsics: float = 0.0) -> list[list[float]]:
    """z of every environment at each of some steps."""
    seen = []
    for _ in range(steps):
        runner.act(np.array([[1.0, 1.0, 0.0, extrinsics]] * len(runner.z), dtype=np.float32))
        seen.append(runner.z[:, 0].tolist())
    return seen


def test_phi_runs_every_tenth_step_and_its_answer_comes_later():
    runs: list[tuple[int, list[int]]] = []
    phi = CountSteps(3, 1)
    runner = AdaptiveRunner(
        AdaptivePolicy(LAYOUT), phi, 2, period=10, delay=3,
        record=lambda ids, history: runs.append((int(runner.clock[0]), ids.tolist())),
    )  # fmt: skip
    z = [row[0] for row in act(runner, 30)]
    # At step 10 phi sees the ten pairs before; pi acts with that from step 13 on.
    assert z == [0] * 13 + [10] * 10 + [20] * 7
    assert runs == [(10, [0, 1]), (20, [0, 1])]


def test_each_environment_has_its_own_clock():
    runner = AdaptiveRunner(AdaptivePolicy(LAYOUT), CountSteps(3, 1), 2, period=4, delay=0)
    assert act(runner, 6)[-1] == [4, 4]
    runner.forget(np.array([1]))
    assert act(runner, 5) == [[4, 0], [4, 0], [8, 0], [8, 0], [8, 4]]


def test_history_is_bounded_and_holds_state_and_action_in_order():
    runner = AdaptiveRunner(AdaptivePolicy(LAYOUT), CountSteps(3, 1), 1, period=100)
    actions = [runner.act(np.array([[k, -k, 0.0, 0.0]], dtype=np.float32))[0, 0] for k in range(60)]
    pairs = runner.history[0].numpy()
    assert pairs.shape == (50, 3)
    np.testing.assert_allclose(pairs[:, 2], actions[10:], atol=1e-6)
    assert pairs[-1, 0] == 8.0 and pairs[-1, 1] == -8.0  # normalised observations are cut to 8 deviations


def test_extrinsics_are_not_looked_at():
    torch.manual_seed(0)
    policy, phi = AdaptivePolicy(LAYOUT), AdaptationModule(3, 1)
    torch.nn.init.normal_(policy.actor.base[-1].weight)  # pyright: ignore
    a, b = AdaptiveRunner(policy, phi, 1), AdaptiveRunner(policy, phi, 1)
    assert act(a, 25, 0.0) == act(b, 25, 9.0)


def test_estimated_parameters_go_through_the_encoder():
    policy = AdaptivePolicy(LAYOUT)
    runner = AdaptiveRunner(policy, CountSteps(3, 1), 1, period=5, delay=0, to_latent=policy.encode)
    act(runner, 6)
    assert runner.estimate.tolist() == [[5.0]]
    np.testing.assert_allclose(runner.z, policy.encode(np.array([[5.0]], dtype=np.float32)))


def test_delay_within_the_period():
    with pytest.raises(ValueError, match="delay"):
        AdaptiveRunner(AdaptivePolicy(LAYOUT), AdaptationModule(3, 1), 1, period=10, delay=11)
