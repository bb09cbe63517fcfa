"""For frames that lack something, the nearest ones that have it."""

import numpy as np


def find_nearest(frames: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The nearest known frame to each frame, the earlier of two that are as near, int (N,).

    Memory grows with the number of frames: a table of all pairs has gigabytes for a film of ten minutes.

    Args:
      frames: int (N,).
      known: int (K,), ascending, at least one.
    """
    after = np.searchsorted(known, frames)
    earlier, later = known[np.maximum(after - 1, 0)], known[np.minimum(after, len(known) - 1)]
    return np.where(np.abs(frames - earlier) <= np.abs(later - frames), earlier, later)
