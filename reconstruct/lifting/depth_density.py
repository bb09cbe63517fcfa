"""How far a bone leads away from the camera, where one picture leaves two answers: a density with two modes."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

CLEAR = float(np.sin(np.radians(15.0)))
"""Depth from which a bone has a sign, as a share of its length: 15 degrees to the image."""
LEAST_SIGMA = 0.03
"""Least standard deviation of a mode; a bone is never known better."""


@dataclass(frozen=True)
class DepthDensity:
    """Densities of the depth of B bones in T frames: the share of a bone's length that leads away from the camera,
    -1 to 1. Each is a mixture of two Gaussians, one that leads towards the camera and one that leads away (Bishop 1994,
    "Mixture density networks")."""

    away: np.ndarray
    """Weight of the mode that leads away, (T, B); the other has the rest."""
    mean: np.ndarray
    """Means of both modes, towards (negative) and away, (T, B, 2)."""
    sigma: np.ndarray
    """Their standard deviations, (T, B, 2)."""

    def __len__(self) -> int:
        return len(self.away)

    @property
    def weight(self) -> np.ndarray:
        """Weights of both modes, (T, B, 2)."""
        return np.stack([1.0 - self.away, self.away], axis=-1)

    @property
    def positive(self) -> np.ndarray:
        """Probability that the bone leads away from the camera, (T, B)."""
        return np.sum(self.weight * ndtr(self.mean / self.sigma), axis=-1)

    @property
    def expected(self) -> np.ndarray:
        """Expected depth, (T, B)."""
        return np.sum(self.weight * self.mean, axis=-1)

    @property
    def spread(self) -> np.ndarray:
        """Standard deviation of the whole density, (T, B)."""
        second = np.sum(self.weight * (self.sigma**2 + self.mean**2), axis=-1)
        return np.sqrt(np.maximum(second - self.expected**2, LEAST_SIGMA**2))

    @property
    def likely(self) -> np.ndarray:
        """The mean of the likelier mode, (T, B)."""
        return np.where(self.away > 0.5, self.mean[..., 1], self.mean[..., 0])

    def at(self, times: np.ndarray, fps: float) -> "DepthDensity":
        """The densities at other moments [s], of frames that follow each other at `fps`; parameters interpolated."""
        frame = np.clip(times * fps, 0.0, len(self) - 1.0)
        low = np.floor(frame).astype(int)
        high, share = np.minimum(low + 1, len(self) - 1), frame - low

        def between(values: np.ndarray) -> np.ndarray:
            s = share.reshape(-1, *[1] * (values.ndim - 1))
            return (1.0 - s) * values[low] + s * values[high]

        return DepthDensity(between(self.away), between(self.mean), between(self.sigma))


def calibration_error(chance: np.ndarray, right: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error (Guo et al. 2017): mean distance of what is said from the share that is right.

    Args:
      chance: probability of the likelier of two answers, .5 to 1, (N,).
      right: where that was true, bool (N,).
      bins: of equal width, from .5 to 1.
    """
    index = np.minimum((2.0 * (chance - 0.5) * bins).astype(int), bins - 1)
    gaps = [abs(chance[index == k].mean() - right[index == k].mean()) * np.mean(index == k) for k in np.unique(index)]
    return float(np.sum(gaps))
