"""Lines of the background that may be vertical: edges of walls, doors, windows and posts."""

from collections.abc import Iterable
from itertools import islice

import cv2
import numpy as np

FRAMES, WITHIN = 9, 600
"""How many frames the background is made of, evenly spread over at most so many first ones."""
LONGER_SIDE = 1280
"""Side of the picture in which lines are sought [px]: in a larger one noise makes more of them, not better ones."""
SHORTEST = 0.03
"""Length of a line over the picture's longer side."""
STEEPEST = 2.0
"""A line's height over its width: within 27 degrees of the picture's vertical."""
EDGE, WHOLE = 0.01, 0.9
"""Distance from the picture's edge over its longer side, and share of its height, of lines that are its frame."""
HIDDEN = 0.5
"""Share of the frames in which people are where a line is, from which on it is a line of theirs."""


def find_vertical_lines(images: Iterable[np.ndarray], people_px: list[np.ndarray]) -> np.ndarray:
    """Finds straight lines of the background that are nearly vertical in the picture of a camera that stands still.

    The background is the median over some frames, in which those who move vanish. Lines are found by LSD (Grompone von
    Gioi et al. 2010, "LSD: a fast line segment detector with a false detection control").

    Args:
      images: the T frames, uint8 (H, W, 3) RGB; the first `WITHIN` are read.
      people_px: boxes that hold no background in each frame, (left, top, right, bottom) [px], T arrays (N, 4).

    Returns:
      Upper and lower end of each line (x, y, x, y) [px], (N, 4).
    """
    count = min(WITHIN, len(people_px))
    wanted = np.unique(np.linspace(0, count - 1, FRAMES).round().astype(int)).tolist()
    frames = [_shrink(image) for t, image in enumerate(islice(images, count)) if t in wanted]
    if not frames:
        return np.zeros((0, 4))
    background = np.median(np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame, _ in frames]), axis=0)
    scale, size = frames[0][1], np.array(background.shape[::-1]) / frames[0][1]
    found = cv2.createLineSegmentDetector(cv2.LSD_REFINE_STD).detect(background.astype(np.uint8))[0]
    lines = np.zeros((0, 4)) if found is None else found.reshape(-1, 4).astype(np.float64) / scale
    lines = np.where(lines[:, [1]] > lines[:, [3]], lines[:, [2, 3, 0, 1]], lines)
    width, height = np.abs(lines[:, 2] - lines[:, 0]), lines[:, 3] - lines[:, 1]
    long = np.hypot(width, height) > SHORTEST * size.max()
    kept = lines[long & (height > STEEPEST * width) & ~_find_frame(lines, size, 1.0 / scale)]
    return kept[_measure_hidden(kept, [people_px[t] for t in wanted]) < HIDDEN]


def _find_frame(lines: np.ndarray, size: np.ndarray, pixel: float) -> np.ndarray:
    """Which lines are the edges of the picture or of bars beside it, which cross all of it, bool (N,).

    Args:
      lines: upper and lower ends [px], (N, 4).
      size: width and height of the picture [px].
      pixel: size of one in which lines were sought [px].
    """
    x, straight = lines[:, 0], np.abs(lines[:, 2] - lines[:, 0]) < 0.5 * pixel
    same = straight & (np.abs(x[:, None] - x) < 1.5 * pixel)
    crosses = same @ (lines[:, 3] - lines[:, 1]) > WHOLE * size[1]
    beside = np.minimum(lines[:, [0, 2]], size[0] - lines[:, [0, 2]]).min(axis=1) < EDGE * size.max()
    return np.asarray(beside | (straight & crosses))


def _shrink(image: np.ndarray) -> tuple[np.ndarray, float]:
    """An image of at most `LONGER_SIDE`, and its scale."""
    scale = min(1.0, LONGER_SIDE / max(image.shape[:2]))
    return (image if scale == 1.0 else cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)), scale


def _measure_hidden(lines: np.ndarray, people_px: list[np.ndarray]) -> np.ndarray:
    """Share of the frames in which somebody's box holds the middle of each line, (N,)."""
    middle = 0.5 * (lines[:, None, :2] + lines[:, None, 2:])
    within = [
        np.asarray(((middle >= boxes[None, :, :2]) & (middle <= boxes[None, :, 2:])).all(axis=-1)).any(axis=1)
        for boxes in people_px
    ]
    return np.mean(within, axis=0)
