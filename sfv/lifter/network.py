"""The lifter's network in PyTorch, for training; `reconstruct.lifting.lifter` evaluates the same weights in NumPy."""

import numpy as np
import torch
from torch import nn

from reconstruct.lifting.depth_density import LEAST_SIGMA
from reconstruct.lifting.lifter import DILATIONS, OUTPUTS
from reconstruct.lifting.lifter_input import BONES, FEATURES

WIDTH = 128
"""Channels."""


class Block(nn.Module):
    """A dilated convolution over three frames and a mix of its channels, added to what comes in."""

    def __init__(self, width: int, dilation: int):
        super().__init__()
        self.conv = nn.Conv1d(width, width, 3, dilation=dilation, padding=dilation, padding_mode="replicate")
        self.mix = nn.Linear(width, width)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(N, T, C) -> (N, T, C)."""
        inner = torch.relu(self.conv(hidden.transpose(1, 2))).transpose(1, 2)
        return hidden + torch.relu(self.mix(inner))


class LifterNetwork(nn.Module):
    """Features (N, T, F) -> logit of leading away, means and logarithms of standard deviations, (N, T, B, 5)."""

    def __init__(self, width: int = WIDTH):
        super().__init__()
        self.inlet = nn.Linear(FEATURES, width)
        self.blocks = nn.ModuleList([Block(width, dilation) for dilation in DILATIONS])
        self.outlet = nn.Linear(width, OUTPUTS * len(BONES))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """See the class."""
        hidden = torch.relu(self.inlet(features))
        for block in self.blocks:
            hidden = block(hidden)
        raw = self.outlet(hidden).unflatten(-1, (len(BONES), OUTPUTS))
        size = torch.sigmoid(raw[..., 1:3]) * torch.tensor([-1.0, 1.0])
        return torch.cat([raw[..., :1], size, raw[..., 3:].clamp(-4.0, 1.0)], dim=-1)

    def export(self) -> dict[str, np.ndarray]:
        """Weights by the names that `reconstruct.lifting.lifter` reads, half precision."""
        names = {"inlet.": "in.", "outlet.": "out.", "blocks.": "block"}
        arrays = {}
        for name, value in self.state_dict().items():
            old = next(old for old in names if name.startswith(old))
            arrays[names[old] + name.removeprefix(old)] = value.numpy().astype(np.float16)
        return arrays


def negative_log_density(numbers: torch.Tensor, depth: torch.Tensor) -> torch.Tensor:
    """Of the true depth under the network's mixture, (..., B, 5) and (..., B) -> (..., B)."""
    logit, mean, sigma = numbers[..., 0], numbers[..., 1:3], LEAST_SIGMA + torch.exp(numbers[..., 3:])
    weight = torch.stack([nn.functional.logsigmoid(-logit), nn.functional.logsigmoid(logit)], dim=-1)
    z = (depth[..., None] - mean) / sigma
    return -torch.logsumexp(weight - 0.5 * z**2 - torch.log(sigma), dim=-1) + 0.5 * float(np.log(2.0 * np.pi))
