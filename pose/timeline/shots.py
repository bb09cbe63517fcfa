"""Cuts between shots: moments at which the whole picture changes at once."""

from itertools import pairwise

import cv2
import numpy as np

THUMBNAIL = (48, 27)
"""Width and height to which frames are scaled [px]."""
CHANGE = 28.0
"""Mean change of a thumbnail from one frame to the next from which there may be a cut, of 255."""
SUDDEN = 5.0
"""Least ratio of that change to the usual change around it: what a fast pan changes, it changes in many frames."""
ALIKE = 0.75
"""Largest overlap of the two frames' colour histograms at a cut, in [0, 1]."""
AROUND_S = 0.4
"""Time on either side from which the usual change is taken [s]."""
SHORTEST_S = 0.3
"""Shorter shots are flashes and belong to their neighbours [s]."""
BINS = 6
"""Bins of each colour."""


def make_thumbnail(image: np.ndarray) -> np.ndarray:
    """A frame, uint8 (H, W, 3), scaled to `THUMBNAIL`."""
    return cv2.resize(image, THUMBNAIL, interpolation=cv2.INTER_AREA)


def find_shots(thumbnails: list[np.ndarray], fps: float) -> list[tuple[int, int]]:
    """Finds the shots of a clip as (first frame, frame after the last one); one if there is no cut.

    Args:
      thumbnails: of the T frames, see `make_thumbnail`.
      fps: frames a second.
    """
    frames = np.stack(thumbnails)
    change = np.array([_measure_change(a, b) for a, b in pairwise(frames)])  # one by one: of a long film they are many
    around, short, cuts = max(2, round(AROUND_S * fps)), max(1, round(SHORTEST_S * fps)), [0]
    for t in np.flatnonzero(change > CHANGE).tolist():
        near = np.concatenate([change[max(0, t - around) : t], change[t + 1 : t + 1 + around]])
        if len(near) == 0 or change[t] < SUDDEN * np.median(near) or _overlap(frames[t], frames[t + 1]) > ALIKE:
            continue
        # After a flash the picture is as it was before.
        pairs = ((t, min(t + short, len(frames) - 1)), (max(0, t + 1 - short), t + 1))
        back = min(_measure_change(frames[a], frames[b]) for a, b in pairs)
        if t + 1 - cuts[-1] >= short and len(frames) - (t + 1) >= short and back > 0.5 * change[t]:
            cuts.append(t + 1)
    return list(zip(cuts, [*cuts[1:], len(frames)], strict=True))


def _measure_change(a: np.ndarray, b: np.ndarray) -> float:
    """Mean difference of two images, uint8 (h, w, 3)."""
    return float(np.abs(a.astype(float) - b).mean())


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Overlap of the colour histograms of two images, in [0, 1]."""
    counts = [np.histogramdd(x.reshape(-1, 3), bins=BINS, range=((0, 256),) * 3)[0] for x in (a, b)]
    return float(np.minimum(*counts).sum() / counts[0].sum())
