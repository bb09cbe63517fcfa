import numpy as np
import torch

from imitate.adapt.networks import AdaptationModule
from imitate.adapt.regress import RegressConfig, Regression


def test_a_module_learns_what_its_histories_hold():
    torch.manual_seed(0)
    truth = torch.zeros(0, 1)
    phi = AdaptationModule(2, 1)
    config = RegressConfig(kept=600, minibatch_size=32, steps=6, learning_rate=3e-3)
    regression = Regression(phi, config, lambda ids: truth[ids].numpy(), 0)
    for k in range(12):
        history = torch.randn(64, 50, 2)
        truth = history[:, :, :1].mean(1) * 5.0 + 1.0
        regression.record(np.arange(64), history)
        regression.improve(k / 12)
    assert regression.count == 12 * 64 and regression.loss < 0.3
    history = torch.randn(200, 50, 2)
    wanted = history[:, :, :1].mean(1) * 5.0 + 1.0
    with torch.no_grad():
        assert float((phi(history) - wanted).square().mean() / wanted.var()) < 0.6


def test_the_oldest_pairs_are_forgotten():
    regression = Regression(
        AdaptationModule(1, 1), RegressConfig(kept=5), lambda ids: ids[:, None].astype(np.float32), 0
    )
    for ids in (np.array([1, 2, 3]), np.array([4, 5, 6, 7])):
        regression.record(ids, torch.zeros(len(ids), 50, 1))
    assert sorted(regression.truths[:, 0].tolist()) == [3, 4, 5, 6, 7]
