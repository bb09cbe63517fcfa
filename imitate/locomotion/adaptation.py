"""Phase 2 of RMA: the adaptation module is fitted to z on data that it gathers itself (section III-C).

phi acts, however bad it is: the base policy walks with z^, and each history of what then happens is paired with the
true z of that moment. Fitted to the expert's own rollouts it would look good and fail when it has to act on what it
says.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from imitate.adapt.networks import AdaptationModule
from imitate.adapt.regression import HistoryBuffer


@dataclass(frozen=True)
class RegressConfig:
    """Settings of phase 2."""

    samples: int = 400_000
    """Control steps that are gathered."""
    kept: int = 20_000
    """Latest pairs of history and truth that phi is fitted to."""
    minibatch_size: int = 256
    """Pairs in one step of the optimiser."""
    steps: int = 40
    """Steps of the optimiser for every so many new pairs as a minibatch has."""
    learning_rate: float = 1e-3
    """Step size of Adam, a third of it in the last third."""


class Regression:
    """Fits an adaptation module to pairs that come in while it acts."""

    def __init__(
        self,
        adaptation: AdaptationModule,
        config: RegressConfig,
        find_truth: Callable[[np.ndarray], np.ndarray],
        seed: int,
    ):
        """Starts without data.

        Args:
          adaptation: phi, improved in place.
          config: settings.
          find_truth: what phi should say now in these environments, (M,) -> (M, outputs).
          seed: of the order of the pairs.
        """
        self.adaptation, self.config, self.find_truth = adaptation, config, find_truth
        self.optimiser = torch.optim.Adam(adaptation.parameters(), lr=config.learning_rate)
        self.generator = torch.Generator().manual_seed(seed)
        self.buffer = HistoryBuffer(config.kept, adaptation)
        self._unused = 0
        self.loss = float("nan")
        """Mean squared error over the last steps, relative to the variance of the truth: 0 perfect, 1 knows nothing."""

    def record(self, ids: np.ndarray, history: Tensor) -> None:
        """Keeps what phi was given in these environments and what would have been right; a runner's `record`."""
        self.buffer.add(history, torch.from_numpy(self.find_truth(ids)))
        self._unused += len(ids)

    def improve(self, progress: float) -> None:
        """Steps of the optimiser for the pairs that are new.

        Args:
          progress: share of phase 2 that is over, which lowers the learning rate in the last third.
        """
        rate = self.config.learning_rate * (1.0 if progress < 2.0 / 3.0 else 1.0 / 3.0)
        for options in self.optimiser.param_groups:
            options["lr"] = rate
        size = self.config.minibatch_size
        while self._unused >= size:
            self._unused -= size
            for _ in range(self.config.steps):
                history, truth = self.buffer.sample(size, self.generator)
                loss = (self.adaptation(history) - truth).square().mean()
                self.optimiser.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(self.adaptation.parameters(), 1.0)
                self.optimiser.step()
                share = float(loss.detach() / truth.var(0).mean().clamp(min=1e-6))
                self.loss = share if np.isnan(self.loss) else 0.95 * self.loss + 0.05 * share

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds; the pairs are not kept, they are soon there again."""
        return {"optimiser": self.optimiser.state_dict(), "loss": self.loss, "order": self.generator.get_state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Continues from what `state` returned."""
        self.optimiser.load_state_dict(state["optimiser"])
        self.loss = float(state["loss"])
        self.generator.set_state(state["order"])
