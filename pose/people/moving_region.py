"""Where the picture moves most: the body that a film is about, also where a detector overlooks it.

Detectors prefer upright bodies: a dancer on his head before a crowd is the one who is not found. But he moves, and
spectators hardly do. The camera's own motion is taken out by a similarity that follows the background.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter, gaussian_filter1d, maximum_filter

from pose.estimator import Poses

WIDTH = 320
"""Longer side to which frames are scaled first [px]."""
CELL = 8
"""Side of a cell of the grid on which motion is added up [px of the scaled frame]."""
CORNERS = 200
"""Most corners that the background is followed by."""
FEWEST = 12
"""Fewest corners from which the camera's motion is estimated."""
BLUR = 1.5
"""Standard deviation of the filter against noise [px of the scaled frame]."""
NOISE = 8.0
"""Difference of grey levels that noise and small errors of alignment make, of 255."""
REGION = 0.07
"""Standard deviation of the window in which motion is added up, as a share of the picture's longer side."""
SPEED = 0.9
"""Fastest that the region moves, in picture widths a second."""
EXTENT = 0.3
"""Largest distance from the middle of the region of what belongs to it, as a share of the picture's longer side."""
CALM_S = 0.25
"""Time over which place and size are smoothed [s]."""
WIDER = 0.15
"""Margin around a person's joints in which the region may lie, as a share of their box's longer side."""


@dataclass(frozen=True)
class MovingRegion:
    """Where the picture moves most in each frame."""

    centre: np.ndarray
    """Middle of the region [px], (T, 2)."""
    size: np.ndarray
    """Side of a square that holds most of its motion [px], (T,)."""
    energy: np.ndarray
    """Motion in each cell of the picture about each frame, any unit, (T, rows, columns)."""
    cell_px: float
    """Side of a cell [px]."""
    steps: np.ndarray
    """Similarity that brings the background of the frame before to each frame's, in scaled pixels, (T, 2, 3)."""

    def select(self, frames: slice, scale: float) -> "MovingRegion":
        """The region in some of the frames, with places in pixels of a picture `scale` times as large."""
        return MovingRegion(
            self.centre[frames] * scale,
            self.size[frames] * scale,
            self.energy[frames],
            self.cell_px * scale,
            self.steps[frames],
        )

    def motion_of(self, t: int, xy: np.ndarray) -> np.ndarray:
        """Motion at bodies' joints in frame `t` over the most in that frame: (N, J, 2) [px] -> (N,) in [0, 1]."""
        frame = self.energy[t]
        cell = np.clip((xy / self.cell_px).astype(int), 0, np.array(frame.shape[::-1]) - 1)
        return frame[cell[..., 1], cell[..., 0]].mean(axis=-1) / max(float(frame.max()), 1e-9)

    def share_covered(self, frames: list[Poses], rows: np.ndarray) -> float:
        """Share of the film's motion whose middle lies within a person's box, a little widened.

        A frame counts as it moves, up to the clip's median: where nothing moves, the region is nowhere.

        Args:
          frames: the bodies in each frame.
          rows: the person's row in each frame, -1 where not seen, int (T,).
        """
        moved = self.energy.max(axis=(1, 2))
        weight = np.minimum(moved, np.median(moved))
        covered = np.zeros(len(rows), dtype=bool)
        for t in np.flatnonzero(rows >= 0):
            xy = frames[t].xy[rows[t]]
            low, high, margin = xy.min(axis=0), xy.max(axis=0), WIDER * float(np.ptp(xy, axis=0).max())
            covered[t] = ((self.centre[t] > low - margin) & (self.centre[t] < high + margin)).all()
        return float(weight[covered].sum() / weight.sum()) if weight.any() else 1.0


def find_moving_region(images: Iterable[np.ndarray], fps: float) -> MovingRegion:
    """Finds the region of the picture that moves most, as one path through the clip (Viterbi).

    Args:
      images: the T frames, uint8 (H, W, 3) RGB, all of one size.
      fps: frames a second.
    """
    energy, steps, scale = list[np.ndarray](), list[np.ndarray](), 1.0
    for moved, step, scale_now in _measure_motion(images):
        energy.append(moved)
        steps.append(step)
        scale = scale_now
    cells = np.stack([energy[min(1, len(energy) - 1)], *energy[1:]])  # nothing is known of the first frame's motion
    longer = max(cells.shape[1:])
    calm = gaussian_filter1d(np.sqrt(cells), max(1e-3, CALM_S * fps / 2), axis=0, mode="nearest")
    near = np.stack([gaussian_filter(frame, REGION * longer, mode="constant") for frame in calm])
    reach = max(1, round(SPEED * longer / fps))
    path = _find_best_path(near / max(float(near.max()), 1e-9), reach)
    centre, size = _measure_region(calm, path, EXTENT * longer)
    smooth = max(1e-3, CALM_S * fps)
    centre = gaussian_filter1d(centre, smooth, axis=0, mode="nearest")
    size = gaussian_filter1d(size, smooth, mode="nearest")
    cell_px = CELL / scale
    return MovingRegion((centre + 0.5) * cell_px, size * cell_px, calm, cell_px, np.stack(steps))


def scale_down(image: np.ndarray) -> tuple[np.ndarray, float]:
    """An image, uint8 (H, W, 3), so that its longer side is `WIDTH`, and the scale."""
    scale = WIDTH / max(image.shape[:2])
    size = (max(CELL, round(image.shape[1] * scale)), max(CELL, round(image.shape[0] * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA), scale


def _measure_motion(images: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
    """Yields how much each cell of a frame differs from the frame before, the background's step, and the scale."""
    before: np.ndarray | None = None
    for image in images:
        small, scale = scale_down(image)
        grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
        rows, columns = (max(1, side // CELL) for side in grey.shape)
        difference, step = np.zeros(grey.shape, dtype=np.float32), np.eye(2, 3)
        if before is not None:
            step = _follow_background(before, grey)
            size = (grey.shape[1], grey.shape[0])
            known = cv2.warpAffine(np.ones_like(grey), step, size, flags=cv2.INTER_NEAREST)
            aligned = cv2.warpAffine(before, step, size)
            blurred = [cv2.GaussianBlur(x.astype(np.float32), (0, 0), BLUR) for x in (aligned, grey)]
            difference = np.maximum(np.abs(blurred[1] - blurred[0]) - NOISE, 0.0) * known
        before = grey
        cut = difference[: rows * CELL, : columns * CELL]
        yield cut.reshape(rows, CELL, columns, CELL).mean(axis=(1, 3)).astype(float), step, scale


def _follow_background(before: np.ndarray, grey: np.ndarray) -> np.ndarray:
    """Similarity (2, 3) that brings what most corners of a grey image (H, W) show to the next image."""
    corners = cv2.goodFeaturesToTrack(before, CORNERS, 0.01, 7)
    if corners is not None and len(corners) >= FEWEST:
        found, status, _ = cv2.calcOpticalFlowPyrLK(before, grey, corners, np.zeros_like(corners))
        good = status.ravel() == 1
        if good.sum() >= FEWEST:
            matrix, _ = cv2.estimateAffinePartial2D(corners[good], found[good], ransacReprojThreshold=1.0)
            if matrix is not None and np.isfinite(matrix).all():
                return matrix
    return np.eye(2, 3)


def _find_best_path(value: np.ndarray, reach: int) -> np.ndarray:
    """The path through a (T, rows, columns) volume of the largest sum, with steps of at most `reach` cells, (T, 2)."""
    total = [value[0]]
    for frame in value[1:]:
        total.append(frame + maximum_filter(total[-1], size=2 * reach + 1, mode="nearest"))
    row, column = np.unravel_index(int(total[-1].argmax()), total[-1].shape)
    path = [(int(row), int(column))]
    for before in total[-2::-1]:
        top, left = max(0, path[-1][0] - reach), max(0, path[-1][1] - reach)
        window = before[top : path[-1][0] + reach + 1, left : path[-1][1] + reach + 1]
        row, column = np.unravel_index(int(window.argmax()), window.shape)
        path.append((top + int(row), left + int(column)))
    return np.array(path[::-1])


def _measure_region(energy: np.ndarray, path: np.ndarray, extent: float) -> tuple[np.ndarray, np.ndarray]:
    """Middle (x, y) (T, 2) and side (T,) of the region of motion around a path (T, 2) [cells]."""
    rows, columns = np.mgrid[: energy.shape[1], : energy.shape[2]]
    centre, size = np.zeros((len(path), 2)), np.zeros(len(path))
    for t, (row, column) in enumerate(path):
        weight = energy[t] * (np.hypot(rows - row, columns - column) < extent)
        weight = weight / max(float(weight.sum()), 1e-9)
        middle = np.array([(weight * columns).sum(), (weight * rows).sum()])
        variance = (weight * ((columns - middle[0]) ** 2 + (rows - middle[1]) ** 2)).sum()
        # A body that moves evenly all over a square has its variance of a sixth of the side's square.
        centre[t], size[t] = middle, np.sqrt(6.0 * variance)
    return centre, size
