"""Kinematics of the Go1's legs: where a foot is, which angles put it there, and what turns it."""

import numpy as np

from imitate.locomotion.gait import LINK, SIDE

HIP = np.array([[0.1881, -0.04675, 0.0], [0.1881, 0.04675, 0.0], [-0.1881, -0.04675, 0.0], [-0.1881, 0.04675, 0.0]])
"""Places of the hips' axes of FR, FL, RR, RL in the trunk's frame [m], (4, 3)."""
SHORTEST, LONGEST = 0.10, 0.38
"""Distances of foot and thigh's axis that the knee reaches [m]."""


def place_feet(angles: np.ndarray) -> np.ndarray:
    """Centres of the feet in the trunk's frame [m] at joint angles (N, 4, 3) [rad]: (N, 4, 3)."""
    hip, thigh, calf = np.moveaxis(angles, -1, 0)
    x = -LINK * (np.sin(thigh) + np.sin(thigh + calf))
    length = LINK * (np.cos(thigh) + np.cos(thigh + calf))
    y = SIDE * np.cos(hip) + length * np.sin(hip)
    z = SIDE * np.sin(hip) - length * np.cos(hip)
    return HIP + np.stack([x, y, z], axis=-1)


def solve_legs(feet: np.ndarray) -> np.ndarray:
    """Joint angles [rad] that put the feet there [m], or as near as they reach, knees back: (N, 4, 3) -> (N, 4, 3)."""
    x, y, z = np.moveaxis(feet - HIP, -1, 0)
    length = np.sqrt(np.maximum(y**2 + z**2 - SIDE**2, 1e-6))
    hip = np.arctan2(y, -z) - np.arctan2(SIDE, length)
    reach = np.clip(np.hypot(x, length), SHORTEST, LONGEST)
    bend = np.arccos(reach / (2.0 * LINK))
    return np.stack([hip, np.arctan2(-x, length) + bend, -2.0 * bend], axis=-1)


def differentiate_legs(angles: np.ndarray) -> np.ndarray:
    """Derivatives of `place_feet` by each leg's own angles [m/rad], (N, 4, 3 coordinates, 3 joints)."""
    hip, thigh, calf = np.moveaxis(angles, -1, 0)
    sin, cos = np.sin(hip), np.cos(hip)
    length = LINK * (np.cos(thigh) + np.cos(thigh + calf))
    x_by = np.stack([0.0 * hip, -length, -LINK * np.cos(thigh + calf)], axis=-1)
    length_by = np.stack(
        [0.0 * hip, -LINK * (np.sin(thigh) + np.sin(thigh + calf)), -LINK * np.sin(thigh + calf)], axis=-1
    )
    y_by, z_by = length_by * sin[..., None], -length_by * cos[..., None]
    y_by[..., 0] = -SIDE * sin + length * cos
    z_by[..., 0] = SIDE * cos + length * sin
    return np.stack([x_by, y_by, z_by], axis=-2)
