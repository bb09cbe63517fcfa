"""The line of sight through the person: the pose network sees a crop as if the camera looked along it."""

import numpy as np


def turn_from_ray(plane_px: np.ndarray, weight: np.ndarray, focal_px: float | np.ndarray) -> np.ndarray:
    """Rotations from the axes of a camera that looks straight at the person to the camera's own, (T, 3, 3).

    It looks at the landmarks' weighted middle: turned about y by a yaw, then about x by a pitch.

    Args:
      plane_px: 2D landmarks relative to the principal point [px], (T, J, 2).
      weight: (T, J).
      focal_px: focal length, of all frames or of each (T,) [px].
    """
    total = np.maximum(weight.sum(axis=1), 1e-9)[:, None]
    middle = (plane_px * weight[..., None]).sum(axis=1) / total
    yaw = np.arctan(middle[:, 0] / focal_px)
    pitch = -np.arctan(middle[:, 1] / np.hypot(focal_px, middle[:, 0]))
    zero, one = np.zeros_like(yaw), np.ones_like(yaw)
    cos_y, sin_y, cos_p, sin_p = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    about_y = np.stack([cos_y, zero, sin_y, zero, one, zero, -sin_y, zero, cos_y], -1).reshape(-1, 3, 3)
    about_x = np.stack([one, zero, zero, zero, cos_p, -sin_p, zero, sin_p, cos_p], -1).reshape(-1, 3, 3)
    return about_y @ about_x
