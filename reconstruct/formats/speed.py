"""How fast a body on legs can be: whether the path of a motion file is one's, at its rate and in its unit."""

from pathlib import Path

import numpy as np

from pose.errors import InputError

FASTEST = 12.0
"""Largest speed of a person's pelvis or a robot's root [m/s]: sprinters reach 12."""
SPEED_WINDOW = 0.3
"""Time over which the speed all through is measured [s]."""
JITTER = 0.3
"""What a path from a single camera may be off by in a frame without being a leap [m]."""


def check_speed(root: np.ndarray, fps: float, path: Path) -> None:
    """Raises `InputError` where a body moves faster than any person all through.

    Args:
      root: its path [m], (T, 3).
      fps: frames a second.
      path: of the file, for messages.
    """
    window = min(max(1, round(SPEED_WINDOW * fps)), len(root) - 1)
    speed = float(np.median(np.linalg.norm(root[window:] - root[:-window], axis=1))) * fps / window
    if speed > FASTEST:
        raise InputError(
            f"{path}: moves at {speed:.0f} m/s all through, a person at {FASTEST:.0f} at most: the rate or the unit of "
            "its path is wrong; give --fps, or write the file again"
        )


def find_leaps(root: np.ndarray, fps: float) -> np.ndarray:
    """Steps from frame to frame that nobody makes, bool (T - 1,), of a path [m], (T, 3)."""
    return np.linalg.norm(np.diff(root, axis=0), axis=1) > FASTEST / fps + JITTER
