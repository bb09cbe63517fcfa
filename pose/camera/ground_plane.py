"""The ground before a moving camera: a level plane of many points that has hardly anything below it."""

import numpy as np

LEVEL = np.radians(30.0)
"""Largest angle of the ground's normal from what is up in the pictures: cameras are held about level [rad]."""
WITHIN = 0.02
"""Distance from the plane of a point that lies in it, relative to the camera's height above it and to its distance."""
BELOW = 0.04
"""Share of the points that may lie below the ground: sights that are wrong, and mirrors."""
FEWEST, LEAST_SHARE = 30, 0.12
"""Fewest points in the plane, and their least share of all."""
TRIALS = 600
"""Triples of points tried."""


def find_ground(points: np.ndarray, up: np.ndarray) -> np.ndarray | None:
    """Finds the ground among points (RANSAC, Fischler and Bolles 1981).

    Args:
      points: in the camera's axes, (N, 3).
      up: what is up in the pictures on the whole, in the same axes, (3,).

    Returns:
      From the camera straight down to the ground, in the points' unit of length, (3,); None where no plane is found.
    """
    if len(points) < FEWEST:
        return None
    rng, best, found = np.random.default_rng(0), np.zeros(0, dtype=int), 0
    for _ in range(TRIALS):
        triple = points[rng.choice(len(points), 3, replace=False)]
        down = _fit_plane(triple, up)
        if down is None:
            continue
        height = _heights(points, down)
        inside = np.flatnonzero(np.abs(height) < WITHIN)
        if len(inside) > found and (height < -2.0 * WITHIN).mean() < BELOW:
            best, found = inside, len(inside)
    if found < max(FEWEST, LEAST_SHARE * len(points)):
        return None
    for _ in range(3):
        down = _fit_plane(points[best], up)
        if down is None:
            return None
        best = np.flatnonzero(np.abs(_heights(points, down)) < WITHIN)
    return _fit_plane(points[best], up) if len(best) >= FEWEST else None


def _fit_plane(points: np.ndarray, up: np.ndarray) -> np.ndarray | None:
    """From the origin straight down to the plane through points; None if it is not level or not below."""
    weight = 1.0 / np.maximum(np.linalg.norm(points, axis=1), 1e-9)  # far points are known less well
    middle = weight @ points / weight.sum()
    normal = np.linalg.svd((points - middle) * weight[:, None], full_matrices=False)[2][-1]
    normal *= np.sign(normal @ up) or 1.0
    below = float(normal @ middle)
    if normal @ up < np.cos(LEVEL) or below > -1e-3:
        return None
    return normal * below


def _heights(points: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Heights over the plane, relative to the camera's height or, if it is larger, to the point's distance, (N,)."""
    size = np.linalg.norm(down)
    return (size - points @ down / size) / np.maximum(np.linalg.norm(points, axis=1), size)
