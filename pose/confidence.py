"""Calibration of confidence: from raw scores to the share of landmarks within 0.2 torso lengths of the truth."""

import numpy as np

RAW = np.array([0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
"""Raw confidences at the knots of the calibration: from `merge_candidates`, reduced for leaps by `cleanup.weigh`."""
SHARE = np.array([0.0, 0.46, 0.64, 0.642, 0.644, 0.647, 0.655, 0.66, 0.81, 0.98, 0.987, 0.997])
"""Share of correct landmarks at the knots `RAW`."""
# Isotonic regression over the synthetic films by `python -m sfv bench pose --calibrate` (9,168 landmarks; only 122 of
# them below 0.6).


def calibrate(raw: np.ndarray) -> np.ndarray:
    """Converts raw confidence to the share of landmarks that are correct at it, same shape; 0 (missing) stays 0."""
    return np.where(raw > 0, np.interp(raw, RAW, SHARE), 0.0)


def uncalibrate(share: np.ndarray) -> np.ndarray:
    """Inverts `calibrate`: from the share of correct landmarks to raw confidence, same shape."""
    return np.interp(share, SHARE, RAW)
