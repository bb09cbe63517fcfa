"""What people look like: colours of clothes, by which two who cross keep their identities."""

from collections.abc import Iterable

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter

from pose.estimator import Poses
from pose.landmarks import INDEX

BINS = (5, 8, 8)
"""Bins of lightness and of the two colour axes of CIELAB."""
RANGE = ((0.0, 255.0), (88.0, 168.0), (88.0, 168.0))
"""Range of each, in OpenCV's 8 bits; stronger colours count to the outermost bins."""
SOFT = 0.7
"""Standard deviation of the filter over neighbouring bins: light and shadow change a colour a little [bins]."""
TRUNK = tuple(INDEX[name] for name in ("left_shoulder", "right_shoulder", "left_hip", "right_hip"))
THIGHS = tuple((INDEX[f"{side}_hip"], INDEX[f"{side}_knee"]) for side in ("left", "right"))
SAMPLES = 10
"""Points along each side of the trunk, and along each thigh."""


def describe_bodies(images: Iterable[np.ndarray], everyone: list[Poses]) -> list[np.ndarray]:
    """Describes the clothes of all bodies by colour histograms.

    Args:
      images: the T frames, uint8 (H, W, 3) RGB.
      everyone: the bodies in each frame.

    Returns:
      Histograms of trunk and thighs for each frame, T arrays (N, 2, bins), each of sum 1.
    """
    return [describe_in_image(image, poses) for image, poses in zip(images, everyone, strict=False)]


def describe_in_image(image: np.ndarray, poses: Poses) -> np.ndarray:
    """Colour histograms of trunk and thighs of the bodies in one image, uint8 (H, W, 3) RGB; (N, 2, bins)."""
    result = np.zeros((len(poses), 2, int(np.prod(BINS))))
    for n, xy in enumerate(poses.xy):
        left_top, right_top, left_hip, right_hip = xy[list(TRUNK)]
        along, across = (grid.ravel()[:, None] for grid in np.meshgrid(*(np.linspace(0.1, 0.9, SAMPLES),) * 2))
        upper, lower = left_top + across * (right_top - left_top), left_hip + across * (right_hip - left_hip)
        trunk = upper + along * (lower - upper)
        # A trunk seen from the side is a line between the joints, but not in the picture: a strip of it is taken.
        size = np.linalg.norm(left_top + right_top - left_hip - right_hip) / 2
        strip = np.linspace(0.0, 0.85, SAMPLES)[:, None]
        width = np.repeat(np.linspace(-0.08, 0.08, 3) * size, SAMPLES)[:, None] * (1.0, 0.0)
        thighs = [np.tile(xy[hip] + strip * (xy[knee] - xy[hip]), (3, 1)) + width for hip, knee in THIGHS]
        result[n] = _histogram(image, trunk), _histogram(image, np.concatenate(thighs))
    return result


def appearance_distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Hellinger distance of histograms, the mean over their parts, in [0, 1]: (..., 2, bins) each -> (...)."""
    alike = np.sqrt(np.maximum(a, 0.0) * np.maximum(b, 0.0)).sum(axis=-1)
    return np.sqrt(np.maximum(1.0 - alike, 0.0)).mean(axis=-1)


def _histogram(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    inside = ((points >= 0) & (points < (width, height))).all(axis=1)
    if not inside.any():
        return np.full(int(np.prod(BINS)), 1.0 / np.prod(BINS))  # nothing is known: alike to nobody
    column, row = points[inside].astype(int).T
    lab = cv2.cvtColor(image[row, column][None], cv2.COLOR_RGB2LAB)[0].astype(float)
    lower, upper = np.array(RANGE).T
    counts, _ = np.histogramdd(np.clip(lab, lower, upper), bins=BINS, range=RANGE)
    soft = gaussian_filter(counts, SOFT, mode="constant").ravel()
    return soft / soft.sum()
