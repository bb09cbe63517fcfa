"""What collectors and learners ask of bodies that see, whichever they are."""

from typing import Any, Protocol

import numpy as np

from imitate.env.step import StepResult
from imitate.vision.eyes import Eyes


class SeeingEnv(Protocol):
    """N bodies on a course. None restarts by itself: the caller looks at `StepResult.done` and calls `start`."""

    num_envs: int
    lane: np.ndarray
    """Which course, or lane of one, each is on, (N,)."""
    running: np.ndarray | None
    """Bodies whose walk goes on, (M,); None for all."""
    eyes: Eyes
    """The cameras that they carry, and what these show; `covered` hides the map, too."""

    @property
    def first_dot(self) -> int:
        """Where the scandots begin in an observation."""
        ...

    @property
    def deepest(self) -> float:
        """Scandots are cut to this, up and down [m]."""
        ...

    @property
    def alive_reward(self) -> float:
        """Added to the reward of every step while learning."""
        ...

    @property
    def mean_level(self) -> float:
        """How far the curriculum is, for people."""
        ...

    def start(self, ids: np.ndarray, rng: np.random.Generator) -> None:
        """Begins episodes of some bodies on their lanes."""
        ...

    def stagger(self, rng: np.random.Generator) -> None:
        """Moves the clocks of all on, each by its own time, or they would beat together."""
        ...

    def change_levels(self, ids: np.ndarray) -> None:
        """Gives bodies whose episodes are over the lanes of their next ones."""
        ...

    def observe(self, ids: np.ndarray | None = None) -> np.ndarray:
        """Observations [x, a_prev, e, m] of all or some, float32 (M, O)."""
        ...

    def read_dots(self, ids: np.ndarray, shift: np.ndarray) -> np.ndarray:
        """Scandots of some, read `shift` beside where they should be, (M, 2) [m] -> (M, P)."""
        ...

    def step(self, action: np.ndarray) -> StepResult:
        """One control step of all with actions (N, A)."""
        ...

    def state(self) -> dict[str, Any]:
        """Everything that their future depends on."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Continues from what `state` returned."""
        ...
