import numpy as np
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
