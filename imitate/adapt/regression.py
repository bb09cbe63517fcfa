"""Phase 2 of RMA: the adaptation module is fitted to z on data that it gathers itself (section III-C).

phi acts, however bad it is: the base policy acts with z^, and each history of what then happens is paired with the
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
from pose.errors import InputError


@dataclass(frozen=True)
class RegressionConfig:
    """How the adaptation module is fitted to the pairs that it gathers."""

    buffer: int = 20_000
    """Latest pairs of history and truth that it is fitted to."""
    minibatch_size: int = 256
    """Pairs in one step of the optimiser."""
    updates: int = 40
    """Steps of the optimiser for every so many new pairs as a minibatch has."""
    learning_rate: float = 1e-3
    """Step size of Adam, a third of it in the last third."""

    def check(self) -> None:
        """Raises `InputError` if an option is out of its range."""
        for name in ("buffer", "minibatch_size", "updates"):
            if getattr(self, name) < 1:
                raise InputError(f"regression.{name} {getattr(self, name)}: give 1 or more")
        if self.minibatch_size > self.buffer:
            raise InputError(f"regression.buffer {self.buffer}: give at least minibatch_size {self.minibatch_size}")
        if not 0.0 < self.learning_rate <= 1.0:
            raise InputError(f"regression.learning_rate {self.learning_rate:g}: give a number over 0 up to 1")


class HistoryBuffer:
    """The latest histories that phi was given, and the z that would have been right."""

    def __init__(self, size: int, phi: AdaptationModule):
        self.size, self.count, self.at = size, 0, 0
        self.history = torch.zeros(size, phi.steps, phi.inputs, dtype=torch.float16)
        self.target = torch.zeros(size, phi.outputs)

    def add(self, history: Tensor, target: Tensor) -> None:
        """Takes in (M, k, inputs) and (M, outputs); the oldest ones go."""
        rows = (self.at + torch.arange(len(history))) % self.size
        self.history[rows], self.target[rows] = history.half(), target
        self.at, self.count = (self.at + len(history)) % self.size, min(self.count + len(history), self.size)

    def sample(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Some of them at random."""
        rows = torch.randint(self.count, (count,), generator=generator)
        return self.history[rows].float(), self.target[rows]


class Regression:
    """Fits an adaptation module to pairs that come in while it acts."""

    def __init__(
        self,
        adaptation: AdaptationModule,
        config: RegressionConfig,
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
        self.buffer = HistoryBuffer(config.buffer, adaptation)
        self._unused, self._wanted = 0, 0
        self.loss = float("nan")
        """Mean squared error over the last steps, relative to the variance of the truth: 0 perfect, 1 knows nothing."""

    def record(self, ids: np.ndarray, history: Tensor) -> Tensor:
        """Keeps what phi was given in these environments, and what would have been right, which it returns."""
        truth = torch.from_numpy(self.find_truth(ids))
        self.buffer.add(history, truth)
        self._unused += len(ids)
        return truth

    def refill(self, gather: Callable[[], object]) -> None:
        """Lets `gather` record until there are as many pairs again as before a break; nothing is fitted to them yet."""
        while self.buffer.count < self._wanted:
            gather()
        self._unused = 0

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
            for _ in range(self.config.updates):
                history, truth = self.buffer.sample(size, self.generator)
                loss = (self.adaptation(history) - truth).square().mean()
                self.optimiser.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(self.adaptation.parameters(), 1.0)
                self.optimiser.step()
                share = float(loss.detach() / truth.var(0).mean().clamp(min=1e-6))
                self.loss = share if np.isnan(self.loss) else 0.95 * self.loss + 0.05 * share

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds; the pairs are not kept, see `refill`."""
        return {
            "optimiser": self.optimiser.state_dict(),
            "loss": self.loss,
            "order": self.generator.get_state(),
            "pairs": self.buffer.count,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continues from what `state` returned."""
        self.optimiser.load_state_dict(state["optimiser"])
        self.loss = float(state["loss"])
        self.generator.set_state(state["order"])
        self._wanted = int(state.get("pairs", self.buffer.size))  # older checkpoints do not say
