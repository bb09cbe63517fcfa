"""The part of a film in which somebody is in view."""

import numpy as np

from pose.keypoints import Keypoints

BRIDGED_S = 0.1
"""Time without the person at either end of a clip that is not cut off [s]."""


def cut_ends(rows: np.ndarray, fps: float) -> tuple[np.ndarray, int]:
    """Cuts off the frames before the person appears and after it leaves, and says which frame is the first then.

    A few frames without a detection remain: the reconstruction bridges them.
    """
    seen = np.flatnonzero(rows >= 0)
    if len(seen) == 0:
        return rows, 0
    short = max(2, round(BRIDGED_S * fps))
    first = int(seen[0]) if seen[0] > short else 0
    last = int(seen[-1]) if len(rows) - 1 - seen[-1] > short else len(rows) - 1
    return rows[first : last + 1], first


def cut_to_seen(keypoints: Keypoints) -> tuple[Keypoints, int]:
    """The part from where somebody appears to where they leave, and the number of its first frame."""
    rows, first = cut_ends(np.where(keypoints.seen, 0, -1), keypoints.video_fps)
    start = keypoints.start + first / keypoints.video_fps
    return keypoints.select(start, start + (len(rows) - 1) / keypoints.video_fps), first
