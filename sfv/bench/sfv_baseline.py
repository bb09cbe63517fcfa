"""SFV's own reconstructions of its videos, measured as ours are: joints of a BVH file, and the camera that suits them.

The files hold no camera, no ground and no true size, so each is given the best: a still camera of our lens fitted to
the detections, our person's size, and the lag of up to three frames (the files are shorter than the videos) that fits.
"""

from functools import partial
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from pose.errors import InputError
from pose.keypoints import Keypoints
from pose.landmarks import TWELVE
from reconstruct.camera import focal_from_fov
from reconstruct.formats.bvh import read_bvh
from reconstruct.reconstruct import Reconstruction
from sfv.bench.metrics import MM
from sfv.bench.truth import BASELINE_FOV

JOINTS = {
    "left_shoulder": "LeftShoulder", "right_shoulder": "RightShoulder", "left_elbow": "LeftElbow",
    "right_elbow": "RightElbow", "left_wrist": "LeftWrist", "right_wrist": "RightWrist", "left_hip": "LeftHip",
    "right_hip": "RightHip", "left_knee": "LeftKnee", "right_knee": "RightKnee", "left_ankle": "LeftFoot",
    "right_ankle": "RightFoot",
}  # fmt: skip
"""Our names of the twelve joints -> those in SFV's files."""
LIMBS = (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
MOST_LAG = 3

Pair = tuple[float, float]
"""Ours and SFV's."""


def measure_both(keypoints: Keypoints, found: Reconstruction, joints_w: np.ndarray, file: Path) -> dict[str, Pair]:
    """(ours, SFV's) of three measures, on the same twelve joints, the same frames and contacts, our size.

    Args:
      keypoints: detections that ours was made from.
      found: our reconstruction.
      joints_w: its twelve joints [m], (T, 12, 3).
      file: SFV's motion of the same video.
    """
    motion = found.motion
    points, _ = read_joints(file, tuple(JOINTS[name] for name in TWELVE))
    points = points * limb_length(joints_w, TWELVE) / limb_length(points, TWELVE)
    columns = [keypoints.names.index(name) for name in TWELVE]
    weight = keypoints.confidence[:, columns]
    centre = np.array(keypoints.image_size) / 2.0
    focal = focal_from_fov(BASELINE_FOV, keypoints.image_size)
    theirs_c, lag, theirs_px = place_before_camera(points, keypoints.xy[:, columns] - centre, weight, focal)
    frames = min(len(theirs_c), len(joints_w) - lag)
    part = slice(lag, lag + frames)
    ours = joints_w[part]
    distance = np.linalg.norm(found.camera.project(joints_w)[part] - keypoints.xy[part][:, columns], axis=-1)
    ours_px = float((distance * weight[part]).sum() / weight[part].sum())
    # Theirs in our world: SFV's files have no ground of their own.
    theirs = (theirs_c[:frames] - found.camera.t_camera_world) @ found.camera.R_camera_world
    if found.camera.path is not None:
        theirs = theirs + found.camera.path[part, None]
    held = [motion.contacts[part, motion.contact_names.index(f"{side}_foot")] for side in ("left", "right")]
    return {
        "foot_slide": (_compute_ankle_slide(ours, held, motion.fps), _compute_ankle_slide(theirs, held, motion.fps)),
        "acceleration": (_compute_acceleration(ours, motion.fps), _compute_acceleration(theirs, motion.fps)),
        "reprojection": (ours_px, theirs_px),
    }


def _compute_ankle_slide(joints_w: np.ndarray, held: list[np.ndarray], fps: float) -> float:
    """Way of the ankles along the ground while their feet touch it in the film [mm a frame at 30 frames a second]."""
    ways = []
    for side, contact in zip(("left", "right"), held, strict=True):
        step = np.linalg.norm(np.diff(joints_w[:, TWELVE.index(f"{side}_ankle"), :2], axis=0), axis=-1)
        ways.append(step[contact[1:] & contact[:-1]])
    way = np.concatenate(ways)
    return float(MM * way.mean() * fps / 30.0) if len(way) else float("nan")


def _compute_acceleration(joints: np.ndarray, fps: float) -> float:
    return float(np.linalg.norm(np.diff(joints, 2, axis=0), axis=-1).mean() * fps**2)


def read_joints(path: Path, names: tuple[str, ...]) -> tuple[np.ndarray, float]:
    """Positions of joints in a BVH file.

    Args:
      path: the file; end sites count as joints by their names.
      names: of the joints to read, in the file's spelling.

    Returns:
      Positions in the file's axes and units, (T, J, 3), and frames a second.

    Raises:
      InputError: the file is no BVH or lacks a joint.
    """
    motion = read_bvh(path)
    missing = set(names) - set(motion.names)
    if missing:
        raise InputError(f"{path}: has no joint {min(missing)}; expected a BVH file of SFV's character")
    return motion.positions[:, [motion.names.index(name) for name in names]], motion.fps


def limb_length(points: np.ndarray, names: tuple[str, ...]) -> float:
    """Summed mean length of arms and legs, the measure of size that two skeletons share."""
    total = 0.0
    for upper, lower in LIMBS:
        for side in ("left", "right"):
            span = points[:, names.index(f"{side}_{upper}")] - points[:, names.index(f"{side}_{lower}")]
            total += float(np.linalg.norm(span, axis=-1).mean())
    return total


def place_before_camera(
    points: np.ndarray, xy: np.ndarray, weight: np.ndarray, focal_px: float
) -> tuple[np.ndarray, int, float]:
    """A motion moved rigidly, as a whole, to where a still camera sees it best.

    Args:
      points: joints in any axes [m], (T, J, 3).
      xy: detections about the principal point [px], (T', J, 2) with T' >= T - 3.
      weight: of each detection, (T', J).
      focal_px: of the camera.

    Returns:
      Points in camera axes [m] (T, J, 3), the frame of the detections that belongs to the first, and the weighted mean
      distance [px].
    """
    best: tuple[float, np.ndarray, int] | None = None
    for lag in range(MOST_LAG + 1):
        frames = min(len(points), len(xy) - lag)
        target, trust = xy[lag : lag + frames], weight[lag : lag + frames]
        part = points[:frames]
        errors = partial(_compute_errors, part, target, trust, focal_px)
        for start in _list_starts(part, target, trust, focal_px):
            found = least_squares(errors, start, loss="soft_l1", f_scale=20.0, max_nfev=60).x
            distance = np.linalg.norm(errors(found).reshape(*trust.shape, 2), axis=-1)
            mean = float((np.sqrt(trust) * distance).sum() / trust.sum())
            if best is None or mean < best[0]:
                best = mean, found, lag
    assert best is not None
    mean, found, lag = best
    moved = Rotation.from_rotvec(found[:3]).apply(points.reshape(-1, 3)).reshape(points.shape) + found[3:]
    return moved, lag, mean


def _compute_errors(
    points: np.ndarray, xy: np.ndarray, weight: np.ndarray, focal_px: float, vector: np.ndarray
) -> np.ndarray:
    """Weighted distances [px] of points moved by a rotation vector and a shift, (6,), from their detections."""
    seen = Rotation.from_rotvec(vector[:3]).apply(points.reshape(-1, 3)).reshape(points.shape) + vector[3:]
    error = focal_px * seen[..., :2] / np.maximum(seen[..., 2:], 0.3) - xy
    return (np.sqrt(weight)[..., None] * error).ravel()


def _list_starts(points: np.ndarray, xy: np.ndarray, weight: np.ndarray, focal_px: float) -> list[np.ndarray]:
    """First guesses: the file's axes as a camera's or upside down, turned by quarters; depth from the size."""
    std_px = np.linalg.norm(xy - xy.mean(1, keepdims=True), axis=-1)
    metre_px = (
        np.sum(std_px * weight)
        / np.sum(weight)
        / np.linalg.norm(points - points.mean(1, keepdims=True), axis=-1).mean()
    )
    depth = focal_px / metre_px
    middle = np.average(xy.reshape(-1, 2), axis=0, weights=weight.ravel()) / focal_px * depth
    starts = []
    for upside in (0.0, np.pi):
        for quarter in range(4):
            turn = Rotation.from_euler("yx", [quarter * np.pi / 2, upside])
            centre = turn.apply(points.reshape(-1, 3).mean(0))
            starts.append(np.concatenate([turn.as_rotvec(), np.array([*middle, depth]) - centre]))
    return starts
