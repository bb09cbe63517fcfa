import numpy as np
import pytest
import torch

from imitate.adapt.networks import AdaptationModule
from imitate.adapt.regression import Regression, RegressionConfig


def test_a_module_learns_what_its_histories_hold():
    torch.manual_seed(0)
    truth = torch.zeros(0, 1)
    phi = AdaptationModule(2, 1)
    config = RegressionConfig(buffer=600, minibatch_size=32, updates=6, learning_rate=3e-3)
    regression = Regression(phi, config, lambda ids: truth[ids].numpy(), 0)
    for k in range(12):
        history = torch.randn(64, 50, 2)
        truth = history[:, :, :1].mean(1) * 5.0 + 1.0
        regression.record(np.arange(64), history)
        regression.improve(k / 12)
    assert regression.buffer.count == 600 and regression.loss < 0.3
    history = torch.randn(200, 50, 2)
    wanted = history[:, :, :1].mean(1) * 5.0 + 1.0
    with torch.no_grad():
        assert float((phi(history) - wanted).square().mean() / wanted.var()) < 0.6


@pytest.mark.parametrize(("forgotten", "pairs"), [(False, 40), (True, 64)])
def test_after_a_break_pairs_are_gathered_again_before_anything_is_fitted(forgotten, pairs):
    """As many as there were; where an older checkpoint does not say how many, as many as there may be."""

    def make() -> Regression:
        config = RegressionConfig(buffer=64, minibatch_size=8)
        return Regression(AdaptationModule(2, 1), config, lambda ids: np.zeros((len(ids), 1), np.float32), 0)

    before, after = make(), make()
    for _ in range(5):
        before.record(np.arange(8), torch.zeros(8, 50, 2))
    state = before.state()
    if forgotten:
        del state["pairs"]
    after.restore(state)
    weights = [parameter.clone() for parameter in after.adaptation.parameters()]
    after.refill(lambda: after.record(np.arange(8), torch.zeros(8, 50, 2)))
    after.improve(0.5)
    assert after.buffer.count == pairs
    assert all(map(torch.equal, weights, after.adaptation.parameters()))
