"""One control step of many simulations: how far MuJoCo computes, what comes back, and states that exploded."""

from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np

STAGE_VEL = mujoco.mjtStage.mjSTAGE_VEL.value
STAGE_NONE = mujoco.mjtStage.mjSTAGE_NONE.value
BAD_STATE = [
    warning.value
    for warning in (
        mujoco.mjtWarning.mjWARN_BADQPOS,
        mujoco.mjtWarning.mjWARN_BADQVEL,
        mujoco.mjtWarning.mjWARN_BADQACC,
    )
]


@dataclass(frozen=True)
class StepResult:
    """What one control step led to, for N environments."""

    reward: np.ndarray
    """Reward, (N,)."""
    terms: dict[str, np.ndarray]
    """Its weighted terms, (N,) each."""
    terminated: np.ndarray
    """The episode failed: by a fall, by losing track or by numbers that exploded, bool (N,)."""
    truncated: np.ndarray
    """The episode ended in good order, at the end of the clip or of its time, bool (N,)."""
    exploded: np.ndarray
    """Numbers exploded, see `clear_exploded`: what is simulated now means nothing, bool (N,)."""

    @property
    def done(self) -> np.ndarray:
        """The episode is over, bool (N,)."""
        return self.terminated | self.truncated


def clear_exploded(batch: Any, reward: np.ndarray, terms: dict[str, np.ndarray]) -> np.ndarray:
    """Finds environments whose numbers exploded; they get no reward, and their warnings are taken back.

    Args:
      batch: MuJoCo's batch of N simulations.
      reward: (N,), changed in place.
      terms: its terms, (N,) each, changed in place.

    Returns:
      bool (N,).
    """
    exploded = ~np.isfinite(reward) | batch.warning[:, BAD_STATE, 1].any(axis=1)
    if exploded.any():
        batch.warning[exploded] = 0
        for values in (reward, *terms.values()):
            values[exploded] = 0.0
    return exploded
