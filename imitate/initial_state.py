"""Where episodes start: at the first frame, or anywhere along the reference."""

from typing import Any, Protocol

import numpy as np

from imitate.reference import Reference


class InitialStates(Protocol):
    """Chooses the reference rows that episodes start from and may learn from how they went."""

    def choose(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Rows of the reference to start at, int (count,)."""
        ...

    def learn(self, starts: np.ndarray, returns: np.ndarray) -> None:
        """Takes note of finished episodes: where they started and what they earned, (E,) each."""
        ...

    def state(self) -> dict[str, Any]:
        """What a checkpoint must hold."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """The opposite of `state`."""
        ...


class FixedStart:
    """Fixed state initialisation: always the first frame."""

    def choose(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Zeros."""
        return np.zeros(count, dtype=np.int64)

    def learn(self, starts: np.ndarray, returns: np.ndarray) -> None:
        """Nothing to learn."""

    def state(self) -> dict[str, Any]:
        """Nothing to keep."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Nothing to restore."""


class ReferenceStart(FixedStart):
    """Reference state initialisation (DeepMimic): every row of the reference is as likely."""

    def __init__(self, reference: Reference):
        self.starts = reference.starts

    def choose(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Uniform over the rows that can be started from."""
        return rng.integers(0, self.starts, size=count)
