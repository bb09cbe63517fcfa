"""Which way arms and legs lead, towards the camera or away: the motion's answer, and how sure the lifter was."""

import numpy as np

from pose.keypoints import Keypoints
from pose.landmarks import TWELVE
from reconstruct.camera import focal_from_fov
from reconstruct.lifting.depth_density import CLEAR, calibration_error
from reconstruct.lifting.lifted_landmarks import ask_lifter
from reconstruct.lifting.lifter import find_lifter
from reconstruct.lifting.lifter_input import BONES, LIMBS


def limb_depth(joints_c: np.ndarray, ray_c: np.ndarray) -> np.ndarray:
    """How far each of `LIMBS` leads away from the camera, as a share of its length, (T, 8).

    Args:
      joints_c: `TWELVE` in camera axes [m], (T, 12, 3).
      ray_c: direction of the ray through the person, (T, 3).
    """
    bones = np.stack(
        [joints_c[:, TWELVE.index(end)] - joints_c[:, TWELVE.index(start)] for start, end in LIMBS], axis=1
    )
    return np.einsum("tbi,ti->tb", bones, ray_c) / np.maximum(np.linalg.norm(bones, axis=-1), 1e-9)


def measure_signs(
    keypoints: Keypoints, first: int, joints_c: np.ndarray, true_c: np.ndarray, fov: float
) -> dict[str, float]:
    """Share of limbs that lead the right way in a motion and in the lifter's answer, where the truth is clear.

    Args:
      keypoints: of the whole clip.
      first: frame of the clip at which the motion begins.
      joints_c: the motion's `TWELVE` in camera axes [m], (T, 12, 3).
      true_c: the true ones.
      fov: of the lens as it is assumed [degrees].

    Returns:
      `limb_sign_accuracy` of the motion; with the lifter `lifter_sign_accuracy` and `limb_sign_calibration_error`.
    """
    middle = true_c[:, [TWELVE.index("left_hip"), TWELVE.index("right_hip")]].mean(axis=1)
    ray = middle / np.linalg.norm(middle, axis=1, keepdims=True)
    truth = limb_depth(true_c, ray)
    clear = np.abs(truth) > CLEAR
    right = (limb_depth(joints_c, ray) > 0) == (truth > 0)
    metrics = {"limb_sign_accuracy": float(right[clear].mean()) if clear.any() else float("nan")}
    lifter = find_lifter()
    focal = np.full(len(keypoints), focal_from_fov(fov, keypoints.image_size))
    asked = None if lifter is None else ask_lifter(keypoints, lifter, focal)
    if asked is not None and clear.any():
        chance = asked.density.positive[first : first + len(truth), [BONES.index(limb) for limb in LIMBS]]
        correct = (chance > 0.5) == (truth > 0)
        metrics["lifter_sign_accuracy"] = float(correct[clear].mean())
        metrics["limb_sign_calibration_error"] = calibration_error(
            np.maximum(chance, 1.0 - chance)[clear], correct[clear]
        )
    return metrics
