"""What a good reconstruction satisfies, one function for each demand. Kinematic terms; `dynamics.py` has the rest.

Each function returns a `Block`: residuals divided by the standard deviation that is expected of them, so that all
terms are of one kind and no weight has to be guessed against another, and their exact Jacobian (tests hold them
against finite differences).
"""

import mujoco
import numpy as np

from reconstruct.camera import View
from reconstruct.kinematics import Kinematics
from reconstruct.observations import Observations
from reconstruct.rotations import to_rotvec
from reconstruct.solve import Block
from reconstruct.tangent import Layout, difference, difference_jacobians, inverse_right_jacobian, quaternions

GLOBALS = 6
"""pitch, roll, height, log focal length, velocity of the ground (2): the order of `View.vector`."""

# Ranges of ball joints as components of the rotation vector [rad] (x roll: sideways, y: negative bends forward in
# the hip, z twist), for the left side; the right side mirrors x and z. After the ranges of motion in Kapandji, "The
# Physiology of the Joints", rounded outwards. Shoulders have no useful box: their vector wraps when an arm goes up.
BALL_LIMITS: dict[str, tuple[tuple[float, float], ...]] = {
    "chest": ((-0.6, 0.6), (-0.6, 1.2), (-0.9, 0.9)),
    "neck": ((-0.7, 0.7), (-0.9, 0.9), (-1.2, 1.2)),
    "hip": ((-0.5, 1.2), (-2.5, 0.7), (-0.9, 0.9)),
    "ankle": ((-0.5, 0.5), (-0.6, 0.9), (-0.5, 0.5)),
}

# Standard deviations of a relaxed body around the straight pose [rad], same components; it decides what is not seen.
POSE_SPREAD: dict[str, tuple[float, float, float]] = {
    "chest": (0.2, 0.4, 0.3),
    "neck": (0.2, 0.3, 0.4),
    "hip": (0.4, 1.5, 0.4),
    "ankle": (0.2, 0.5, 0.2),
}


def reprojection(kin: Kinematics, view: View, seen: Observations, spread: float) -> Block:
    """2D agreement: distance of the projected landmarks from the detected ones.

    SFV (Peng et al. 2018), motion reconstruction, 2D term; the L1 norm there is a soft L1 here. Pixels are turned
    into metres at the person's distance, so that near and far, 480p and 4K weigh alike.

    Args:
      kin: points with the landmarks first, (T, P, 3).
      view: camera.
      seen: detections; `weight` in [0, 1] scales each landmark.
      spread: standard deviation of a detection [m].

    Returns:
      Block of (T, 2 J) in groups of 2.
    """
    count, rotation = len(seen.points), view.rotation()
    position_w = np.array([0.0, 0.0, view.height])
    points_w, jac = kin.points_w[:, :count], kin.points_jac[:, :count]
    points_c = (points_w - position_w) @ rotation.T
    depth = np.maximum(points_c[..., 2], 0.2)
    focal = np.exp(view.log_focal)
    plane = focal * points_c[..., :2] / depth[..., None]
    scale = (seen.weight / (spread * seen.px_per_metre[:, None]))[..., None]

    zero = np.zeros_like(depth)
    by_camera = np.stack(
        [
            np.stack([focal / depth, zero, -plane[..., 0] / depth], axis=-1),
            np.stack([zero, focal / depth, -plane[..., 1] / depth], axis=-1),
        ],
        axis=-2,
    )
    by_world = scale[..., None] * (by_camera @ rotation)
    by_pitch, by_roll = view.rotation_derivatives()
    by_view = np.zeros((*depth.shape, 2, GLOBALS))
    for column, derivative in enumerate((by_pitch, by_roll)):
        turned = (points_w - position_w) @ derivative.T
        by_view[..., column] = (by_camera @ turned[..., None])[..., 0]
    by_view[..., 2] = -(by_camera @ rotation)[..., 2]
    by_view[..., 3] = plane
    frames = len(points_w)
    return Block(
        "reprojection",
        (scale * (plane - seen.plane_px)).reshape(frames, -1),
        (by_world @ jac).reshape(frames, 1, 2 * count, -1),
        (scale[..., None] * by_view).reshape(frames, 2 * count, GLOBALS),
        group=2,
    )


def bones_3d(kin: Kinematics, view: View, seen: Observations, spread: float) -> Block:
    """3D agreement: each bone's vector in camera axes against the detector's, brought to the model's length.

    SFV's 3D term compares joint rotations; bone vectors ask the same without having to guess twists, an error of one
    bone stays in that bone, and the person's proportions do not matter.

    Args:
      kin: points with the landmarks first, (T, P, 3).
      spread: standard deviation of a bone's end seen from its start [m].

    Returns:
      Block of (T, 3 B) in groups of 3.
    """
    start, end = seen.bones[:, 0], seen.bones[:, 1]
    rotation = view.rotation()
    vector_w = kin.points_w[:, end] - kin.points_w[:, start]
    jac = kin.points_jac[:, end] - kin.points_jac[:, start]
    scale = (seen.bone_weight / spread)[..., None]
    frames, count = seen.bone_weight.shape
    by_view = np.zeros((frames, count, 3, GLOBALS))
    for column, derivative in enumerate(view.rotation_derivatives()):
        by_view[..., column] = scale * (vector_w @ derivative.T)
    return Block(
        "bones_3d",
        (scale * (vector_w @ rotation.T - seen.bone_vectors_c)).reshape(frames, -1),
        (scale[..., None] * (rotation @ jac)).reshape(frames, 1, 3 * count, -1),
        by_view.reshape(frames, 3 * count, GLOBALS),
        group=3,
    )


def tracking(lay: Layout, qpos: np.ndarray, target: np.ndarray, spread: np.ndarray) -> Block:
    """Nearness to a motion that is to be repaired, (T, nv).

    Args:
      target: qpos of that motion, (T, nq).
      spread: standard deviation of each degree of freedom [m or rad], (nv,).
    """
    step = difference(lay, target, qpos)
    _, by_end = difference_jacobians(lay, step)
    return Block("tracking", step / spread, (by_end / spread[:, None])[:, None])


def acceleration(lay: Layout, qpos: np.ndarray, fps: float, spread: np.ndarray, name: str = "acceleration") -> Block:
    """Smoothness: second differences of the root and of every joint on their manifold, (T - 2, nv).

    SFV penalises first differences, which also pulls fast motion down; accelerations leave a steady swing alone.

    Args:
      spread: standard deviation of each degree of freedom's acceleration [m/s2 or rad/s2], (nv,).
    """
    step = difference(lay, qpos[:-1], qpos[1:])
    by_start, by_end = difference_jacobians(lay, step)
    scale = fps**2 / spread
    residual = (step[1:] - step[:-1]) * scale
    jacobian = np.stack([-by_start[:-1], by_start[1:] - by_end[:-1], by_end[1:]], axis=1) * scale[:, None]
    return Block(name, residual, jacobian, group=1)


def velocity(lay: Layout, qpos: np.ndarray, fps: float, spread: np.ndarray) -> Block:
    """Rest: what nothing else decides (the twist of a straight arm) does not move, (T - 1, nv).

    Args:
      spread: standard deviation of each degree of freedom's velocity [m/s or rad/s], (nv,).
    """
    step = difference(lay, qpos[:-1], qpos[1:])
    by_start, by_end = difference_jacobians(lay, step)
    scale = fps / spread
    jacobian = np.stack([by_start, by_end], axis=1) * scale[:, None]
    return Block("velocity", step * scale, jacobian)


def hinge_limits(model: mujoco.MjModel, qpos: np.ndarray, spread: float) -> Block:
    """How far hinges are beyond their range, (T, number of limited hinges).

    Args:
      spread: standard deviation of the excess [rad].
    """
    joints = np.flatnonzero((model.jnt_type == mujoco.mjtJoint.mjJNT_HINGE) & (model.jnt_limited == 1))
    angle = qpos[:, model.jnt_qposadr[joints]]
    low, high = model.jnt_range[joints].T
    excess = angle - np.clip(angle, low, high)
    jacobian = np.zeros((len(qpos), 1, len(joints), model.nv))
    jacobian[:, 0, np.arange(len(joints)), model.jnt_dofadr[joints]] = (excess != 0) / spread
    return Block("limits", excess / spread, jacobian)


def ball_limits(model: mujoco.MjModel, lay: Layout, qpos: np.ndarray, spread: float) -> Block:
    """How far the rotation vectors of ball joints are outside the box of `BALL_LIMITS`, (T, 3 B).

    Args:
      spread: standard deviation of the excess [rad].
    """
    balls, low, high, _ = ball_tables(model, lay)
    rotvec = to_rotvec(quaternions(lay, qpos)[:, balls])
    excess = rotvec - np.clip(rotvec, low, high)
    inside = (excess != 0)[..., None] / spread
    return _on_balls("limits", lay, balls, excess / spread, inside * inverse_right_jacobian(rotvec))


def pose_prior(model: mujoco.MjModel, lay: Layout, qpos: np.ndarray) -> Block:
    """A relaxed, straight body where nothing else is known, (T, 3 B); `POSE_SPREAD` says how loosely."""
    balls, _, _, spread = ball_tables(model, lay)
    rotvec = to_rotvec(quaternions(lay, qpos)[:, balls])
    return _on_balls("prior", lay, balls, rotvec / spread, inverse_right_jacobian(rotvec) / spread[..., None])


def view_prior(view: View, expected: View, spread: np.ndarray, nv: int) -> Block:
    """The camera is about level and its lens about the expected one, (1, G).

    Args:
      spread: standard deviation of each unknown, (G,).
      nv: width of the tangent space.
    """
    residual = (view.vector() - expected.vector()) / spread
    nothing = np.zeros((1, 1, GLOBALS, nv))
    return Block("view", residual[None], nothing, np.diag(1.0 / spread)[None])


def ball_tables(model: mujoco.MjModel, lay: Layout) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Ball joints that have limits (indices into the layout's rotations), their low, high and spread, (B, 3) each."""
    rows = []
    for index, dof in enumerate(lay.quat_dofs):
        name = model.joint(model.dof_jntid[dof]).name
        part = name.removeprefix("left_").removeprefix("right_")
        if part not in BALL_LIMITS:
            continue
        low, high = np.array(BALL_LIMITS[part]).T
        if name.startswith("right_"):
            mirror = np.array([-1.0, 1.0, -1.0])
            low, high = np.minimum(mirror * low, mirror * high), np.maximum(mirror * low, mirror * high)
        rows.append((index, low, high, np.array(POSE_SPREAD[part])))
    if not rows:
        return np.zeros(0, dtype=int), np.zeros((0, 3)), np.zeros((0, 3)), np.zeros((0, 3))
    index, low, high, spread = zip(*rows, strict=True)
    return np.array(index), np.array(low), np.array(high), np.array(spread)


def _on_balls(name: str, lay: Layout, balls: np.ndarray, residual: np.ndarray, local: np.ndarray) -> Block:
    """A block of three residuals a ball joint, from their derivative by the joint's own step (T, B, 3, 3)."""
    frames, count = residual.shape[:2]
    jacobian = np.zeros((frames, count, 3, lay.nv))
    for b, ball in enumerate(balls):
        dof = lay.quat_dofs[ball]
        jacobian[:, b, :, dof : dof + 3] = local[:, b]
    return Block(name, residual.reshape(frames, -1), jacobian.reshape(frames, 1, 3 * count, lay.nv))


# -- contact with the ground ------------------------------------------------------------------------------------------


def ground_height(kin: Kinematics, points: slice, contact: np.ndarray, spread: float) -> Block:
    """Points in contact lie on the ground, z = 0, (T, P).

    Args:
      points: which of the kinematics' points are contact points.
      contact: how surely each rests on the ground, 0 to 1, (T, P).
      spread: standard deviation of the height [m].
    """
    scale = contact / spread
    residual = scale * kin.points_w[:, points, 2]
    return Block("ground", residual, (scale[..., None] * kin.points_jac[:, points, 2])[:, None])


def no_slip(kin: Kinematics, points: slice, contact: np.ndarray, view: View, fps: float, spread: float) -> Block:
    """Points in contact in two frames that follow each other go with the ground, horizontally, (T - 1, 2 P).

    Args:
      contact: how surely each rests on the ground, 0 to 1, (T, P).
      view: its `ground_velocity` is the ground's velocity (zero but for treadmills).
      spread: standard deviation of the slip in one frame [m].
    """
    both = np.sqrt(contact[:-1] * contact[1:])[..., None] / spread
    position, jac = kin.points_w[:, points, :2], kin.points_jac[:, points, :2]
    residual = both * (position[1:] - position[:-1] - np.array(view.ground_velocity) / fps)
    pairs, count = residual.shape[:2]
    jacobian = np.stack([-both[..., None] * jac[:-1], both[..., None] * jac[1:]], axis=1)
    by_view = np.zeros((pairs, count, 2, GLOBALS))
    by_view[..., 0, 4] = by_view[..., 1, 5] = -both[..., 0] / fps
    return Block(
        "slip",
        residual.reshape(pairs, -1),
        jacobian.reshape(pairs, 2, 2 * count, -1),
        by_view.reshape(pairs, 2 * count, GLOBALS),
    )


def hand_height(kin: Kinematics, points: slice, leaning: np.ndarray, spread: float) -> Block:
    """Hands that rest on something above the ground keep their height from frame to frame, (T - 1, P).

    What they rest on may be pushed along, so their way across is free.

    Args:
      points: which of the kinematics' points are contact points.
      leaning: which of them rest on something, bool (T, P).
      spread: standard deviation of the change in one frame [m].
    """
    both = (leaning[:-1] & leaning[1:]) / spread
    height, jac = kin.points_w[:, points, 2], kin.points_jac[:, points, 2]
    jacobian = np.stack([-both[..., None] * jac[:-1], both[..., None] * jac[1:]], axis=1)
    return Block("level", both * (height[1:] - height[:-1]), jacobian)


def no_penetration(kin: Kinematics, points: slice, radius: np.ndarray, spread: float) -> Block:
    """No part of the body sinks below the ground, (T, P).

    Args:
      radius: distance from each point to the body's surface [m], (P,).
      spread: standard deviation of the depth [m].
    """
    depth = np.minimum(kin.points_w[:, points, 2] - radius, 0.0)
    below = (depth < 0)[..., None] / spread
    return Block("penetration", depth / spread, (below * kin.points_jac[:, points, 2])[:, None])


def lowest_point_on_ground(
    kin: Kinematics, points: slice, radius: np.ndarray, lying: np.ndarray, spread: float
) -> Block:
    """A body that neither flies nor stands on feet or hands lies on the ground with its lowest part, (T, 1).

    It may roll, so nothing is said of slipping. Which part is lowest is kept in the Jacobian.

    Args:
      points: which of the kinematics' points may carry it.
      radius: distance from each to the body's surface [m], (P,).
      lying: frames in which it does, bool (T,).
      spread: standard deviation of the height [m].
    """
    height = kin.points_w[:, points, 2] - radius
    lowest, frames = height.argmin(axis=1), np.arange(len(height))
    scale = lying / spread
    jacobian = scale[:, None] * kin.points_jac[:, points, 2][frames, lowest]
    return Block("carried", (scale * height[frames, lowest])[:, None], jacobian[:, None, None])
