"""Corners of the background between two frames: what a camera's motion is estimated from, whichever way."""

import cv2
import numpy as np

WIDTH = 640
"""Width to which frames are scaled first [px]; distances are in pixels of this width."""
BORDER = 0.15
"""Margin around people's boxes, as a share of their longer side: hair, clothes and shadows move with them."""
THERE_AND_BACK = 0.7
"""Largest error of a corner after tracking it to another frame and back [px]."""
WINDOW = {"winSize": (21, 21), "maxLevel": 3}
"""Optical flow after Lucas and Kanade (Bouguet 2001)."""


def shrink(image: np.ndarray) -> np.ndarray:
    """An image, uint8 (H, W, 3) RGB, in grey levels and `WIDTH` wide."""
    height = round(image.shape[0] * (WIDTH / image.shape[1]))
    return cv2.cvtColor(cv2.resize(image, (WIDTH, height), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)


def widen_boxes(people: np.ndarray) -> np.ndarray:
    """People's boxes with a margin, (left, top, right, bottom), (N, 4)."""
    side = np.maximum(people[:, 2] - people[:, 0], people[:, 3] - people[:, 1])[:, None]
    return people + BORDER * side * np.array([-1.0, -1.0, 1.0, 1.0])


def mask_people(shape: tuple[int, ...], people: np.ndarray) -> np.ndarray:
    """255 where there may be background, 0 within people's widened boxes (N, 4), uint8 of this shape."""
    mask = np.full(shape, 255, np.uint8)
    for left, top, right, bottom in np.maximum(np.round(widen_boxes(people)), 0).astype(int):
        mask[top:bottom, left:right] = 0
    return mask


def track_there_and_back(
    before: np.ndarray, after: np.ndarray, corners: np.ndarray, expected: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Tracks corners to another frame and back by optical flow.

    Args:
      before: frame of the corners, uint8 (H, W).
      after: the other frame.
      corners: float32 (N, 2), at least one.
      expected: where they are likely to be in the other frame, float32 (N, 2).

    Returns:
      Where they are, (N, 2), and which came back to where they began, bool (N,).
    """
    flags = cv2.OPTFLOW_USE_INITIAL_FLOW
    moved, there, _ = cv2.calcOpticalFlowPyrLK(before, after, corners, expected.copy(), flags=flags, **WINDOW)
    back, again, _ = cv2.calcOpticalFlowPyrLK(after, before, moved, corners.copy(), flags=flags, **WINDOW)
    found = (there.ravel() > 0) & (again.ravel() > 0) & (np.linalg.norm(back - corners, axis=1) < THERE_AND_BACK)
    return moved, found
