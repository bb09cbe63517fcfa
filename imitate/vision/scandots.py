"""Scandots: the heights of the ground around a robot, which only the simulator knows (Agarwal et al. 2022)."""

import numpy as np

from imitate.locomotion.terrain import Terrain

AHEAD = np.round(np.arange(-0.4, 0.85, 0.1), 2)
"""Where the dots are ahead of the trunk's origin [m], (13,)."""
ASIDE = np.array([-0.25, -0.15, -0.05, 0.05, 0.15, 0.25])
"""Where they are to the left of it [m], (6,)."""
DOTS = np.stack([dots.ravel() for dots in np.meshgrid(AHEAD, ASIDE, indexing="ij")], axis=1)
"""Places of the dots in the heading's frame, from behind to ahead [m], (P, 2)."""
STANDING = 0.30
"""Height of the trunk's origin above level ground while it walks [m]."""
DEEPEST = 0.4
"""Heights are cut to this, up and down [m]."""


def place_dots(xy: np.ndarray, heading: np.ndarray, dots: np.ndarray = DOTS) -> np.ndarray:
    """World places of the dots of robots at (N, 2) [m] that head for (N,) [rad]: (N, P, 2) [m]."""
    cos, sin = np.cos(heading)[:, None], np.sin(heading)[:, None]
    turned = np.stack([cos * dots[:, 0] - sin * dots[:, 1], sin * dots[:, 0] + cos * dots[:, 1]], axis=-1)
    return xy[:, None] + turned


def read_scandots(terrain: Terrain, xyz: np.ndarray, heading: np.ndarray) -> np.ndarray:
    """Heights of the ground at the dots, as seen from the trunk: 0 on level ground while it walks.

    Args:
      terrain: the ground.
      xyz: the trunks' origins [m], (N, 3).
      heading: their headings [rad], (N,).

    Returns:
      Height of the ground above the trunk's origin less `STANDING` [m], cut to +-`DEEPEST`, (N, P).
    """
    level = xyz[:, 2:] - STANDING
    return np.clip(terrain.height(place_dots(xyz[:, :2], heading)) - level, -DEEPEST, DEEPEST)
