"""A first guess: each frame's pose from the geometry of the 3D landmarks, smoothed in time, placed by reprojection."""

import mujoco
import numpy as np
from scipy.ndimage import gaussian_filter1d, median_filter

from reconstruct.camera import R_LEVEL
from reconstruct.characters.character import Character
from reconstruct.kinematics import point_positions
from reconstruct.observations import Observations
from reconstruct.rotations import (
    conjugate,
    from_matrix,
    from_rotvec,
    make_continuous,
    multiply,
    normalise,
    rotate,
    to_matrix,
    to_rotvec,
)
from reconstruct.solver.tangent import TangentSpace
from reconstruct.terms.residuals import ball_tables

SIDES = ("left", "right")
PACE = (15.0, 30.0)
"""Angular speeds of a trunk that cost as much as leaving out a frame [rad/s]: of its long axis, and about it. A flip
turns at about 8 to 12; a twist, about the axis of which the body is thin, at up to 25."""
LONGEST_DETOUR = 0.7
"""Duration up to which mistakes of the detector can be distinguished from the truth [s]."""
STRAIGHT = 0.35
"""A limb bent by less than this [rad] says little of its twist."""
BEYOND_REACH = 0.4
"""Distance beyond a joint's range from which its rotation is a mistake of the detector [rad]."""


def guess_initial_motion(
    observations: Observations, character: Character, focal_px: float, fps: float
) -> tuple[np.ndarray, np.ndarray]:
    """Poses for a level camera that stands above the origin, seen along x; the ground is not known yet.

    Returns:
      qpos (T, nq), continuous through flips, with what was not seen filled in, and which frames fit into a steady
      motion of the trunk, bool (T,): the others are better not believed at all.
    """
    model = character.model
    qpos, weight = pose_from_landmarks(observations, model)
    steady = find_steady_frames(qpos[:, 3:7], weight, fps)
    qpos = smooth_rotations(model, qpos, weight * steady, sigma=max(1.0, 0.04 * fps))
    qpos[:, :3] = place_roots(observations, model, qpos, focal_px, fps)
    return qpos, steady


def pose_from_landmarks(observations: Observations, model: mujoco.MjModel) -> tuple[np.ndarray, np.ndarray]:
    """Rotations frame by frame from directions between landmarks.

    The trunk's frame comes from hips and shoulders, a limb's from its direction and the plane in which it bends.

    Returns:
      qpos (T, nq) with the root at the origin, and how far each frame is to be trusted (T,).
    """
    points_w = observations.xyz_c @ R_LEVEL
    at = {name: points_w[:, column] for column, name in enumerate(observations.names)}
    frames = len(points_w)
    qpos = np.tile(np.array(model.qpos0), (frames, 1))
    qpos[:, :3] = 0.0

    middle_hip, middle_shoulder = (0.5 * (at[f"left_{part}"] + at[f"right_{part}"]) for part in ("hip", "shoulder"))
    trunk_up = middle_shoulder - middle_hip
    pelvis = build_frame(up=trunk_up, left=at["left_hip"] - at["right_hip"])
    chest = build_frame(up=trunk_up, left=at["left_shoulder"] - at["right_shoulder"])
    qpos[:, 3:7] = from_matrix(pelvis)
    set_ball(model, qpos, "chest", pelvis, chest)

    if {"left_ear", "right_ear", "nose"} <= at.keys():
        left = at["left_ear"] - at["right_ear"]
        forward = at["nose"] - 0.5 * (at["left_ear"] + at["right_ear"])
        # The model's nose lies a little lower than its ears.
        up = np.cross(forward, left) + 0.2 * np.linalg.norm(left, axis=-1, keepdims=True) * forward
        set_ball(model, qpos, "neck", chest, build_frame(up=up, left=left))
    for side in SIDES:
        upper = at[f"{side}_elbow"] - at[f"{side}_shoulder"]
        lower = at[f"{side}_wrist"] - at[f"{side}_elbow"]
        arm, bend = limb_frame(upper, lower, chest, bends_forward=True)
        set_ball(model, qpos, f"{side}_shoulder", chest, arm)
        set_hinge(model, qpos, f"{side}_elbow", bend)

        upper = at[f"{side}_knee"] - at[f"{side}_hip"]
        lower = at[f"{side}_ankle"] - at[f"{side}_knee"]
        thigh, bend = limb_frame(upper, lower, pelvis, bends_forward=False)
        set_ball(model, qpos, f"{side}_hip", pelvis, thigh)
        set_hinge(model, qpos, f"{side}_knee", bend)
        shin = thigh @ _about_y(bend)
        if {f"{side}_heel", f"{side}_foot_index"} <= at.keys():
            toe = at[f"{side}_foot_index"] - at[f"{side}_heel"]
            # The foot's forward is the toe's direction; sideways it follows the shin's hinge.
            foot = build_frame(up=np.cross(toe, shin[..., 1]), left=shin[..., 1])
            set_ball(model, qpos, f"{side}_ankle", shin, foot)
    trunk = [observations.names.index(f"{side}_{part}") for side in SIDES for part in ("hip", "shoulder")]
    return qpos, observations.weight[:, trunk].min(axis=1) * observations.detected


def build_frame(up: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Body frame with z along `up` and y as near to `left` as can be, (T, 3) each -> (T, 3, 3)."""
    z = up / np.maximum(np.linalg.norm(up, axis=-1, keepdims=True), 1e-9)
    x = np.cross(left, z)
    x /= np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-9)
    frame = np.stack([x, np.cross(z, x), z], axis=-1)
    degenerate = np.abs(np.linalg.det(frame) - 1.0) > 1e-3
    frame[degenerate] = np.eye(3)
    return frame


def limb_frame(
    upper: np.ndarray, lower: np.ndarray, parent: np.ndarray, bends_forward: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Frame of an upper limb that hangs along -z at rest, and the bend of its hinge [rad].

    The bend shows how the limb is twisted; a straight limb takes the twist of the shortest way from its parent.

    Args:
      upper: direction of the upper limb, (T, 3).
      lower: direction of the lower limb, (T, 3).
      parent: frame that the limb hangs from, (T, 3, 3).
      bends_forward: elbows bend towards +x, knees towards -x.
    """
    upper = upper / np.maximum(np.linalg.norm(upper, axis=-1, keepdims=True), 1e-9)
    lower = lower / np.maximum(np.linalg.norm(lower, axis=-1, keepdims=True), 1e-9)
    along = np.sum(upper * lower, axis=-1, keepdims=True)
    bend = np.arccos(np.clip(along[:, 0], -1.0, 1.0))
    sideways = (lower - along * upper) * (1.0 if bends_forward else -1.0)
    rest_forward = shortest_swing(-parent[..., 2], upper, parent[..., 0])
    trust = np.clip(bend / STRAIGHT - 0.5, 0.0, 1.0)[:, None]
    sine = np.maximum(np.sin(bend)[:, None], 1e-6)
    forward = trust * sideways / sine + (1.0 - trust) * rest_forward
    left = np.cross(-upper, forward)
    return build_frame(up=-upper, left=left), bend


def shortest_swing(start: np.ndarray, end: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """`vector` turned by the shortest rotation from unit `start` to unit `end`, all (T, 3)."""
    quat = np.concatenate([1.0 + np.sum(start * end, axis=-1, keepdims=True), np.cross(start, end)], axis=-1)
    opposite = np.linalg.norm(quat, axis=-1) < 1e-3
    quat[opposite] = [0.0, 0.0, 1.0, 0.0]
    return rotate(normalise(quat), vector)


def set_ball(model: mujoco.MjModel, qpos: np.ndarray, joint: str, parent: np.ndarray, child: np.ndarray) -> None:
    """Writes the rotation of a ball joint in place from the world frames of its two bodies (T, 3, 3)."""
    column = model.joint(joint).qposadr[0]
    qpos[:, column : column + 4] = from_matrix(np.swapaxes(parent, 1, 2) @ child)


def set_hinge(model: mujoco.MjModel, qpos: np.ndarray, joint: str, bend: np.ndarray) -> None:
    """Writes a hinge's angle in place, within its range."""
    hinge = model.joint(joint)
    qpos[:, hinge.qposadr[0]] = np.clip(bend, *hinge.range) if model.jnt_limited[hinge.id] else bend


def find_steady_frames(quat: np.ndarray, weight: np.ndarray, fps: float) -> np.ndarray:
    """Frames whose rotation can be joined to others by turning at a human pace; the rest are mistakes of the detector.

    A detector that takes left for right, or front for back, turns the trunk by up to 180 degrees within a frame; where
    it does so for several frames, a local filter would follow it all the way round. Dynamic programming finds the chain
    of frames with the least sum of turning (beyond about `PACE`) and of confidence left out.

    Args:
      quat: rotation of the trunk, its long axis along z, (T, 4).
      weight: trust in each frame, 0 where nothing was seen, (T,).

    Returns:
      bool (T,), at least one frame.
    """
    frames = np.flatnonzero(weight > 0)
    longest = round(LONGEST_DETOUR * fps)
    left_out = np.concatenate([[0.0], np.cumsum(weight[frames])])
    best, previous = left_out[:-1].copy(), np.full(len(frames), -1)
    for j in range(1, len(frames)):
        before = np.arange(max(0, j - longest), j)
        w, x, y, z = np.abs(multiply(conjugate(quat[frames[before]]), quat[frames[j]])).T
        swing, twist = 2.0 * np.arctan2(np.hypot(x, y), np.hypot(w, z)), 2.0 * np.arctan2(z, w)
        gap = (frames[j] - frames[before]) / fps
        turning = (swing / (PACE[0] * gap + 0.1)) ** 2 + (twist / (PACE[1] * gap + 0.1)) ** 2
        cost = best[before] + turning + left_out[j] - left_out[before + 1]
        k = int(cost.argmin())
        if cost[k] < best[j]:
            best[j], previous[j] = cost[k], before[k]
    j = int((best + left_out[-1] - left_out[1:]).argmin())
    steady = np.zeros(len(quat), dtype=bool)
    while j >= 0:
        steady[frames[j]] = True
        j = previous[j]
    return steady


def smooth_rotations(model: mujoco.MjModel, qpos: np.ndarray, weight: np.ndarray, sigma: float) -> np.ndarray:
    """Every joint averaged over neighbouring frames, weighted by trust; frames without any take their neighbours'.

    Rotations that a joint cannot make are hardly believed, and all end within its range: a head that is seen back to
    front would turn all the way round with its neighbours, and no fit turns it back. A robust pass then leaves out
    rotations that are far from the average around them (a detector that took left for right in one frame turns the body
    by 180 degrees).

    Args:
      weight: trust in each frame, (T,).
      sigma: width of the averaging window [frames].
    """
    space = TangentSpace.of(model)
    smooth = qpos.copy()
    # A little of a very wide window fills gaps of any length.
    hinges = space.scalar_qpos[3:]
    if len(hinges):
        smooth[:, hinges] = fill_gaps(qpos[:, hinges], weight, sigma)
    trust = np.tile(weight, (len(space.quat_qpos), 1))
    balls, low, high, _ = ball_tables(space)
    beyond = to_rotvec(space.quaternions(qpos)[:, balls])
    beyond = np.linalg.norm(beyond - np.clip(beyond, low, high), axis=-1)
    trust[balls] *= np.exp(-((beyond / BEYOND_REACH) ** 2)).T
    for column, believed in zip(space.quat_qpos[:, 0], trust, strict=True):
        quat = qpos[:, column : column + 4]
        mean = average_quaternions(quat, believed, sigma)
        for _ in range(2):
            away = 2.0 * np.arccos(np.clip(np.abs(np.sum(mean * quat, axis=-1)), 0.0, 1.0))
            mean = average_quaternions(quat, believed / (1.0 + (away / 0.5) ** 4), sigma)
        smooth[:, column : column + 4] = make_continuous(mean)
    within = np.clip(to_rotvec(space.quaternions(smooth)[:, balls]), low, high)
    smooth[:, space.quat_qpos[balls]] = from_rotvec(within)
    return smooth


def average_quaternions(quat: np.ndarray, weight: np.ndarray, sigma: float) -> np.ndarray:
    """Markley's mean over a sliding window: largest eigenvector of the weighted sum of q q^T, (T, 4) -> (T, 4)."""
    outer = (quat[:, :, None] * quat[:, None, :]).reshape(len(quat), 16)
    moments = fill_gaps(outer, weight, sigma).reshape(-1, 4, 4)
    return normalise(np.linalg.eigh(moments)[1][..., -1])


def fill_gaps(values: np.ndarray, weight: np.ndarray, sigma: float) -> np.ndarray:
    """Weighted Gaussian average over time; windows of growing width stand in where nothing was seen, (T, N)."""
    total, sums = np.full(len(values), 1e-12), values.mean(axis=0) * 1e-12
    for width, share in ((sigma, 1.0), (3 * sigma, 1e-3), (10 * sigma, 1e-6), (100 * sigma, 1e-9)):
        window = share * gaussian_filter1d(weight, width, mode="constant")
        total = total + window
        sums = sums + share * gaussian_filter1d(values * weight[:, None], width, axis=0, mode="constant")
    return sums / total[:, None]


def place_roots(
    observations: Observations, model: mujoco.MjModel, qpos: np.ndarray, focal_px: float, fps: float
) -> np.ndarray:
    """Where the root must be for the posed body to project onto the detections, smoothed; world of a level camera.

    The camera is the origin, in every frame of one that is carried along. Each landmark gives two linear equations,
    focal (x, y) = uv z; three unknowns a frame.

    Returns:
      (T, 3).
    """
    offset_c = observations.view_points(point_positions(model, qpos, observations.points) @ R_LEVEL.T)
    frames, count = observations.weight.shape
    ray = observations.plane_px / focal_px
    rows = np.zeros((frames, count, 2, 3))
    rows[..., 0, 0] = rows[..., 1, 1] = 1.0
    rows[..., 2] = -ray
    right = ray * offset_c[..., 2:] - offset_c[..., :2]
    root_c, trust = np.zeros((frames, 3)), observations.weight.sum(axis=1) * observations.detected
    weight = observations.weight[..., None]
    for _ in range(4):
        scaled = rows * weight[..., None]
        left = np.einsum("tjki,tjkl->til", scaled, rows) + 1e-6 * np.eye(3)
        root_c = np.linalg.solve(left, np.einsum("tjki,tjk->ti", scaled, right)[..., None])[..., 0]
        miss = np.linalg.norm(np.einsum("tjki,ti->tjk", rows, root_c) - right, axis=-1)
        typical = np.median(miss[observations.detected]) if observations.detected.any() else 1.0
        weight = (observations.weight / np.sqrt(1.0 + (miss / max(typical, 1e-6)) ** 2))[..., None]
    # Depth is the noisy one: its logarithm is filtered by a median and a wider window.
    log_depth = np.log(np.clip(root_c[:, 2], 0.5, 100.0))
    log_depth[~observations.detected] = np.median(log_depth[observations.detected])
    trust = trust * (root_c[:, 2] > 0.5)
    steady = median_filter(log_depth, size=max(3, 2 * round(0.15 * fps) + 1), mode="nearest")
    depth = np.exp(fill_gaps(steady[:, None], trust, 0.2 * fps)[:, 0])
    direction = fill_gaps(root_c[:, :2] / np.maximum(root_c[:, 2:], 0.5), trust, max(0.7, 0.03 * fps))
    placed = np.concatenate([direction * depth[:, None], depth[:, None]], axis=1)
    if observations.carried is not None:
        placed = (placed[:, None] @ observations.carried.turn)[:, 0]
    return placed @ R_LEVEL


def _about_y(angle: np.ndarray) -> np.ndarray:
    """Rotation matrices about y, (T,) -> (T, 3, 3)."""
    half = 0.5 * angle
    zero = np.zeros_like(half)
    return to_matrix(np.stack([np.cos(half), zero, np.sin(half), zero], axis=-1))
