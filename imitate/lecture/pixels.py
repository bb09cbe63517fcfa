"""Networks that see: the convolutions of Mnih et al. (2016), whose trunk the policy and the value function share."""

import numpy as np
import torch
from torch import Tensor, nn

from imitate.lecture.recurrent import RecurrentPolicy
from imitate.lecture.softmax import SoftmaxActorCritic, draw_actions
from imitate.policy import Layers, Normaliser, Unchanged, mlp

FEATURES = 256
"""Units of the layer above the convolutions, and of the LSTM (Mnih et al. 2016, section 5.1 and supplement 8)."""


class PixelEncoder(nn.Module):
    """Pictures -> 256 features: 16 filters of 8 x 8 with stride 4, 32 of 4 x 4 with stride 2, 256 units, ReLU each.

    The architecture of Mnih et al. (2013), which Mnih et al. (2016) take for A3C. Pictures stay uint8 until they are
    here, a quarter of the memory that float32 takes. Weights start orthogonal, as in `mlp`.
    """

    def __init__(self, bf16: bool = False, stack: int = 4):
        """`bf16` computes in bfloat16, which holds 0 to 255 exactly: half the time where `bfloat16_is_fast`."""
        super().__init__()
        self.bf16 = bf16
        self.layers = nn.Sequential(
            nn.Conv2d(stack, 16, 8, 4), nn.ReLU(), nn.Conv2d(16, 32, 4, 2), nn.ReLU(), nn.Flatten()
        )
        self.layers.append(nn.Linear(32 * 9 * 9, FEATURES)).append(nn.ReLU())
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d | nn.Linear):
                assert layer.bias is not None
                nn.init.orthogonal_(layer.weight, 2.0**0.5)
                nn.init.zeros_(layer.bias)

    def forward(self, pictures: Tensor) -> Tensor:
        """uint8 (..., stack, 84, 84) -> float32 (..., 256)."""
        rows = pictures.flatten(0, -4)
        if self.bf16:
            with torch.autocast("cpu", torch.bfloat16):
                features = self.layers(rows.bfloat16().div_(255.0))
        else:  # the order of channels in which float32 convolutions are quickest on a processor
            features = self.layers(rows.contiguous(memory_format=torch.channels_last).float().div_(255.0))
        return features.float().unflatten(0, pictures.shape[:-3])


class PixelPolicy(SoftmaxActorCritic):
    """Softmax policy and V(s) of stacked pictures; both are linear in the features of one `PixelEncoder`."""

    def __init__(self, actions: int, bf16: bool = False):
        super().__init__()
        self.encoder = PixelEncoder(bf16)
        self.actor = mlp((FEATURES, actions), last_gain=0.01)
        self.critic: Layers = mlp((FEATURES, 1), last_gain=1.0)
        self.observations = Unchanged()
        self.returns = Normaliser(1)

    def outputs(self, observation: Tensor) -> tuple[Tensor, Tensor]:
        """Preferences (..., A) and normalised V(s) (...) of pictures uint8 (..., stack, 84, 84), with gradients."""
        features = self.encoder(observation)
        return self.actor(features), self.critic(features).squeeze(-1)

    @torch.no_grad()
    def act(self, observation: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Actions for pictures uint8 (N, stack, 84, 84) -> int (N,): the likeliest, or a sample by `rng`."""
        return draw_actions(self.actor(self.encoder(torch.from_numpy(observation))).numpy(), rng)


def make_recurrent_pixel_policy(actions: int, bf16: bool = False) -> RecurrentPolicy:
    """Makes the paper's recurrent agent: an LSTM of 256 cells after the last hidden layer."""
    return RecurrentPolicy(PixelEncoder(bf16), FEATURES, actions, FEATURES)
