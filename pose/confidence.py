"""Confidence that means something: the share of landmarks that lie within 0.2 torso lengths of the truth."""

import numpy as np

RAW = np.array([0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
"""What `choice.merged` makes of the agreement of tries and `cleanup.weigh` takes off for leaps."""
SHARE = np.array([0.0, 0.46, 0.64, 0.642, 0.644, 0.647, 0.655, 0.66, 0.81, 0.98, 0.987, 0.997])
"""The share of right landmarks at each of `RAW`: isotonic regression over the synthetic films by `python -m sfv bench
pose --calibrate` (9,168 landmarks; only 122 of them below 0.6)."""


def calibrated(raw: np.ndarray) -> np.ndarray:
    """The share of landmarks that are right at this raw confidence; what is missing stays 0."""
    return np.where(raw > 0, np.interp(raw, RAW, SHARE), 0.0)


def uncalibrated(share: np.ndarray) -> np.ndarray:
    """The raw confidence that `calibrated` made this of."""
    return np.interp(share, SHARE, RAW)
