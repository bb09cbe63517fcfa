"""How far an estimate is from the truth: the field's metrics, on arrays.

Shapes: T frames, J joints; positions in metres unless the name says pixels; results in millimetres.
"""

import numpy as np

MM = 1000.0
PCK_SHARE = 0.2
"""Error from which a joint is no correct keypoint, relative to the torso's length."""


def rigid_alignment(points: np.ndarray, target: np.ndarray, with_scale: bool = False) -> np.ndarray:
    """`points` moved rigidly onto `target` in the least-squares sense (Umeyama 1991; Procrustes).

    Args:
      points: (..., N, 3); every leading index is aligned on its own.
      target: same shape.
      with_scale: also scales, as PA-MPJPE does.

    Returns:
      Aligned points, same shape.
    """
    mean_points, mean_target = points.mean(-2, keepdims=True), target.mean(-2, keepdims=True)
    a, b = points - mean_points, target - mean_target
    u, singular, vt = np.linalg.svd(np.swapaxes(a, -1, -2) @ b)
    # A reflection would fit better where a body is nearly flat or left and right are swapped; it is not a motion.
    sign = np.ones_like(singular)
    sign[..., -1] = np.sign(np.linalg.det(u @ vt))
    rotation = (u * sign[..., None, :]) @ vt
    scale = (singular * sign).sum(-1) / np.maximum((a**2).sum((-1, -2)), 1e-12) if with_scale else np.ones(a.shape[:-2])
    return scale[..., None, None] * (a @ rotation) + mean_target


def mpjpe(points: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Mean distance of the joints in each frame [mm], (T, J, 3) x (T, J, 3) -> (T,)."""
    return np.linalg.norm(points - target, axis=-1).mean(-1) * MM


def root_aligned_mpjpe(points: np.ndarray, target: np.ndarray, hips: tuple[int, int]) -> np.ndarray:
    """`mpjpe` with the middles of the hips laid on each other, (T,)."""
    return mpjpe(points - points[:, hips].mean(1, keepdims=True), target - target[:, hips].mean(1, keepdims=True))


def upright_mpjpe(points: np.ndarray, target: np.ndarray, hips: tuple[int, int]) -> np.ndarray:
    """`root_aligned_mpjpe` in two worlds of one vertical, whose headings are laid on each other over the clip, (T,)."""
    a, b = (x - x[:, hips].mean(1, keepdims=True) for x in (points, target))
    yaw = np.arctan2((a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]).sum(), (a[..., :2] * b[..., :2]).sum())
    turn = np.array([[np.cos(yaw), -np.sin(yaw), 0.0], [np.sin(yaw), np.cos(yaw), 0.0], [0.0, 0.0, 1.0]])
    return mpjpe(a @ turn.T, b)


def pa_mpjpe(points: np.ndarray, target: np.ndarray) -> np.ndarray:
    """`mpjpe` after a similarity alignment of every frame, (T,)."""
    return mpjpe(rigid_alignment(points, target, with_scale=True), target)


def world_mpjpe(points: np.ndarray, target: np.ndarray) -> float:
    """`mpjpe` of the whole clip after one rigid alignment [mm]: path and heights count, the choice of axes does not."""
    shape = points.shape
    aligned = rigid_alignment(points.reshape(1, -1, 3), target.reshape(1, -1, 3)).reshape(shape)
    return float(mpjpe(aligned, target).mean())


def acceleration_error(points: np.ndarray, target: np.ndarray, fps: float) -> float:
    """Mean difference of the joints' accelerations by second differences [m/s^2]."""
    difference = np.diff(points - target, n=2, axis=0) * fps**2
    return float(np.linalg.norm(difference, axis=-1).mean())


def pck(xy_px: np.ndarray, target_px: np.ndarray, torso_px: np.ndarray) -> np.ndarray:
    """Which joints lie within `PCK_SHARE` of the torso length of the truth, bool (T, J)."""
    return np.linalg.norm(xy_px - target_px, axis=-1) < PCK_SHARE * torso_px[:, None]


def contact_f1(found: np.ndarray, truth: np.ndarray) -> float:
    """F1 score of contact labels, bool (T, C) each."""
    both = np.logical_and(found, truth).sum()
    return float(2 * both / max(found.sum() + truth.sum(), 1))


def swapped_frames(points: np.ndarray, target: np.ndarray, mirrored: np.ndarray) -> int:
    """Frames that would fit better with left and right exchanged; `mirrored` is the permutation of the J joints."""
    as_is = mpjpe(points, target)
    swapped = mpjpe(points[:, mirrored], target)
    return int((swapped < as_is).sum())


def bone_length_variation(points: np.ndarray, bones: tuple[tuple[int, int], ...]) -> float:
    """Standard deviation over time of the length of each bone, a pair of joints; mean over the bones [mm]."""
    start, end = np.array(bones).T
    return float(np.linalg.norm(points[:, end] - points[:, start], axis=-1).std(axis=0).mean()) * MM


def slide(soles: np.ndarray, held: np.ndarray, fps: float) -> float:
    """Way along the ground of feet that rest on it [mm a frame at 30 frames a second].

    Args:
      soles: heel and toe of either foot, z up [m], (T, 4, 3); of the two, the one that moves less counts, since a foot
        rolls.
      held: feet on the ground, bool (T, 2).
      fps: frames a second.
    """
    step = np.linalg.norm(np.diff(soles[..., :2], axis=0), axis=-1).reshape(-1, 2, 2).min(axis=2)
    both = held[1:] & held[:-1]
    return float(step[both].mean()) * MM * fps / 30.0 if both.any() else float("nan")
