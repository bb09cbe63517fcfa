"""One step of an optimiser that refuses numbers that exploded."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from imitate.training.ppo import NonFiniteError


def descend(
    optimiser: torch.optim.Optimizer, loss: Tensor, parameters: Iterable[nn.Parameter], longest: float = 1.0
) -> None:
    """Goes one step down the gradient of a loss.

    Args:
      optimiser: of the parameters.
      loss: ().
      parameters: that it changes.
      longest: the gradient is cut to this norm.

    Raises:
      NonFiniteError: loss or gradient is not finite; the parameters are those before.
    """
    optimiser.zero_grad()
    loss.backward()
    norm = nn.utils.clip_grad_norm_(parameters, longest)
    if not (torch.isfinite(norm) and torch.isfinite(loss)):
        raise NonFiniteError("loss or gradient is not finite")
    optimiser.step()
