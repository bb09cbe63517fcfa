"""Habits of the pose network's 3D, measured against known truth, and how they are taken out."""

from collections.abc import Mapping

import numpy as np

ARM = ("elbow", "wrist", "index", "pinky", "thumb")
FEET_AWAY = 0.2
"""How much too far away ankles are detected relative to knees, as a share of the shin's length."""
# The median is .12 to .38 over views.
ELBOWS_NEAR = (0.04, 0.18)
"""How much too near elbows are detected, with all that hangs on them, as a share of the upper arm's length: of an arm
that is raised along the trunk and of one that hangs."""
ELBOWS_OUT = 0.09
"""How much too far outwards elbows alone are, as the same share, as far as outwards is along the line of sight."""
# 2026-11-29, both views of the kick and four films from the side: upper arms lead towards the camera by .11 of their
# length and .07 more or less as they hang or are raised, and outwards by .07; forearms inwards by .11.
STOOP = (2.5, 10.0)
"""How far the detector bends the trunk forward [degrees], seen from the side and from the front or back."""
# Measured: 2.5 from the side, 7 to 15 from the front or back.


def correct_depth_bias(xyz_c: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """The detector's 3D without its habits: shins that lead away from the camera, elbows in front, a trunk that stoops.

    Held against known truth (synthetic films and real motion capture, from all sides), it puts ankles too far away
    by `FEET_AWAY` of the shin's length and bends the trunk forward about the hips by `STOOP`: a little if the camera is
    beside the body, more if it is before or behind it. What hangs on a joint that moves goes along. For elbows see
    `draw_back_elbows`.

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
    draw_back_elbows(fixed, xyz_c, at)
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


def draw_back_elbows(fixed: np.ndarray, xyz_c: np.ndarray, at: Mapping[str, int]) -> None:
    """Moves elbows to where they are, in place: `ELBOWS_NEAR` with forearms and hands, `ELBOWS_OUT` without them.

    Args:
      fixed: landmarks to move, axes of the ray through the person [m], (T, J, 3).
      xyz_c: as they were detected.
      at: column of each landmark.
    """
    across = xyz_c[:, at["left_shoulder"]] - xyz_c[:, at["right_shoulder"]]
    outwards = across[:, 2] / np.maximum(np.linalg.norm(across, axis=-1), 1e-9)
    left, right = (xyz_c[:, at[f"{side}_shoulder"]] - xyz_c[:, at[f"{side}_hip"]] for side in ("left", "right"))
    up = left + right
    for side, sign in (("left", 1.0), ("right", -1.0)):
        if f"{side}_elbow" not in at:
            continue
        elbow = at[f"{side}_elbow"]
        upper = xyz_c[:, elbow] - xyz_c[:, at[f"{side}_shoulder"]]
        length = np.linalg.norm(upper, axis=-1)
        hangs = -np.sum(upper * up, axis=-1) / np.maximum(length * np.linalg.norm(up, axis=-1), 1e-9)
        near = ELBOWS_NEAR[0] + (ELBOWS_NEAR[1] - ELBOWS_NEAR[0]) * 0.5 * (1.0 + hangs)
        arm = [at[name] for part in ARM if (name := f"{side}_{part}") in at]
        fixed[:, arm, 2] += (near * length)[:, None]
        fixed[:, elbow, 2] -= ELBOWS_OUT * sign * outwards * length
