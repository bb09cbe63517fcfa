"""Habits of the pose network's 3D, measured against known truth, and how they are taken out."""

import numpy as np

FEET_AWAY = 0.2
"""How much too far away ankles are detected relative to knees, as a share of the shin's length."""
# The median is .12 to .38 over views.
STOOP = (2.5, 10.0)
"""How far the detector bends the trunk forward [degrees], seen from the side and from the front or back."""
# Measured: 2.5 from the side, 7 to 15 from the front or back.


def correct_depth_bias(xyz_c: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """The detector's 3D without its two habits: shins that lead away from the camera, and a trunk that stoops.

    Held against known truth (synthetic films and real motion capture, from all sides), it puts ankles too far away
    by `FEET_AWAY` of the shin's length and bends the trunk forward about the hips by `STOOP`: a little if the camera is
    beside the body, more if it is before or behind it. What hangs on a joint that moves goes along.

    Args:
      xyz_c: 3D landmarks, axes of the ray through the person [m], (T, J, 3).
      names: of the landmarks.
    """
    at = {name: index for index, name in enumerate(names)}
    fixed = xyz_c.copy()
    for side in ("left", "right"):
        if f"{side}_knee" in at:
            shin = np.linalg.norm(xyz_c[:, at[f"{side}_ankle"]] - xyz_c[:, at[f"{side}_knee"]], axis=-1)
            below = [at[name] for part in ("ankle", "heel", "foot_index") if (name := f"{side}_{part}") in at]
            fixed[:, below, 2] -= FEET_AWAY * shin[:, None]
    hips, shoulders = (xyz_c[:, [at[f"left_{part}"], at[f"right_{part}"]]] for part in ("hip", "shoulder"))
    up = shoulders.mean(axis=1) - hips.mean(axis=1)
    left = hips[:, 0] - hips[:, 1]
    forward = np.cross(left, up)
    length = np.linalg.norm(forward, axis=1, keepdims=True)
    facing = forward[:, 2] / np.maximum(length[:, 0], 1e-9)
    stoop = np.radians(STOOP[0] + (STOOP[1] - STOOP[0]) * facing**2)[:, None]
    back = np.sin(stoop) * np.linalg.norm(up, axis=1, keepdims=True) * forward / np.maximum(length, 1e-9)
    lower = {f"{side}_{part}" for side in ("left", "right") for part in ("hip", "knee", "ankle", "heel", "foot_index")}
    above = [index for name, index in at.items() if name not in lower]
    fixed[:, above] -= back[:, None]
    return fixed
