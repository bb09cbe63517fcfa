"""What a good reconstruction satisfies, one function for each demand. Kinematic terms; `dynamics.py` has the rest.

Each function returns a `Block`: residuals divided by the standard deviation that is expected of them, so that all
terms are of one kind and no weight has to be guessed against another, and their exact Jacobian (tests hold them
against finite differences).
"""

import mujoco
import numpy as np

from reconstruct.camera import View
from reconstruct.kinematics import PointPaths
from reconstruct.observations import Observations
from reconstruct.rotations import to_rotvec
from reconstruct.solver.blocks import Block
from reconstruct.solver.tangent import JointJacobian, TangentSpace, inverse_right_jacobian

GLOBALS = 6
"""pitch, roll, height, log focal length, velocity of the ground (2): the order of `View.vector`."""

LOWEST_CAMERA = 0.2
"""Height below which all cameras are taken to be as likely [m]: the person may be on a stage."""

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
POSE_SIGMA: dict[str, tuple[float, float, float]] = {
    "chest": (0.2, 0.4, 0.3),
    "neck": (0.2, 0.3, 0.4),
    "hip": (0.4, 1.5, 0.4),
    "ankle": (0.2, 0.5, 0.2),
}


def reprojection(landmarks: PointPaths, view: View, observations: Observations, sigma: float) -> Block:
    """2D agreement: distance of the projected landmarks from the detected ones.

    SFV (Peng et al. 2018), motion reconstruction, 2D term; the L1 norm there is a soft L1 here. Pixels are turned
    into metres at the person's distance, so that near and far, 480p and 4K weigh alike.

    Args:
      landmarks: the character's landmarks, (T, J).
      view: camera.
      observations: detections; `weight` in [0, 1] scales each landmark.
      sigma: standard deviation of a detection [m].

    Returns:
      Block of (T, 2 J) in groups of 2; by the view, and by the unit of the path of a camera that is carried along.
    """
    count, rotation, points_w = len(landmarks), view.rotation(), landmarks.pos_w
    position_w, carried = np.array([0.0, 0.0, view.height]), observations.carried
    points_c = observations.view_points((points_w - position_w) @ rotation.T)
    depth = np.maximum(points_c[..., 2], 0.2)
    focal = np.exp(view.log_focal)
    plane = focal * points_c[..., :2] / depth[..., None]
    scale = (observations.weight / (sigma * observations.px_per_metre[:, None]))[..., None]

    zero = np.zeros_like(depth)
    by_camera = np.stack(
        [
            np.stack([focal / depth, zero, -plane[..., 0] / depth], axis=-1),
            np.stack([zero, focal / depth, -plane[..., 1] / depth], axis=-1),
        ],
        axis=-2,
    )
    units = 0
    if carried is not None:
        by_camera, units = by_camera @ carried.turn[:, None], carried.unknowns
    by_world = scale[..., None] * (by_camera @ rotation)
    by_pitch, by_roll = view.rotation_derivatives()
    by_view = np.zeros((*depth.shape, 2, GLOBALS + units))
    for column, derivative in enumerate((by_pitch, by_roll)):
        turned = (points_w - position_w) @ derivative.T
        by_view[..., column] = (by_camera @ turned[..., None])[..., 0]
    by_view[..., 2] = -(by_camera @ rotation)[..., 2]
    by_view[..., 3] = plane
    if carried is not None:
        by_view[..., GLOBALS:] = -(by_camera @ carried.by_unit[:, None])
    frames = len(points_w)
    return Block(
        "reprojection",
        (scale * (plane - observations.plane_px)).reshape(frames, -1),
        (by_world @ landmarks.jac).reshape(frames, 1, 2 * count, -1),
        (scale[..., None] * by_view).reshape(frames, 2 * count, GLOBALS + units),
        group=2,
        moved=np.repeat(landmarks.moved, 2, axis=0),
    )


def bones_3d(landmarks: PointPaths, view: View, observations: Observations, sigma: float) -> Block:
    """3D agreement: each bone's vector in camera axes against the detector's, brought to the model's length.

    SFV's 3D term compares joint rotations; bone vectors ask the same without having to guess twists, an error of one
    bone stays in that bone, and the person's proportions do not matter.

    Args:
      landmarks: the character's landmarks, (T, J).
      sigma: standard deviation of a bone's end seen from its start [m].

    Returns:
      Block of (T, 3 B) in groups of 3.
    """
    start, end = observations.bones[:, 0], observations.bones[:, 1]
    rotation = view.rotation()
    vector_w = landmarks.pos_w[:, end] - landmarks.pos_w[:, start]
    jac = landmarks.jac[:, end] - landmarks.jac[:, start]
    scale = (observations.bone_weight / sigma)[..., None]
    frames, count = observations.bone_weight.shape
    by_view = np.zeros((frames, count, 3, GLOBALS))
    for column, derivative in enumerate(view.rotation_derivatives()):
        by_view[..., column] = scale * (vector_w @ derivative.T)
    return Block(
        "bones_3d",
        (scale * (vector_w @ rotation.T - observations.bone_vectors_c)).reshape(frames, -1),
        (scale[..., None] * (rotation @ jac)).reshape(frames, 1, 3 * count, -1),
        by_view.reshape(frames, 3 * count, GLOBALS),
        group=3,
        moved=np.repeat(landmarks.moved[start] | landmarks.moved[end], 3, axis=0),
    )


def tracking(
    space: TangentSpace, qpos: np.ndarray, target: np.ndarray, sigma: np.ndarray, name: str = "tracking"
) -> Block:
    """Nearness to given poses, (T, nv).

    Args:
      space: tangent space of the poses.
      qpos: poses, (T, nq).
      target: the given ones, (T, nq).
      sigma: standard deviation of each degree of freedom [m or rad], (nv,) or (T, nv).
      name: of the block.
    """
    step = space.difference(target, qpos)
    _, by_end = space.difference_jacobians(step)
    return Block(name, step / sigma, JointJacobian.stack([by_end * (1.0 / sigma)]))


def acceleration(space: TangentSpace, qpos: np.ndarray, fps: float, sigma: np.ndarray) -> Block:
    """Smoothness: second differences of the root and of every joint on their manifold, (T - 2, nv).

    SFV penalises first differences, which also pulls fast motion down; accelerations leave a steady swing alone.

    Args:
      sigma: standard deviation of each degree of freedom's acceleration [m/s2 or rad/s2], (nv,).
    """
    step = space.difference(qpos[:-1], qpos[1:])
    by_start, by_end = space.difference_jacobians(step)
    scale = fps**2 / sigma
    residual = (step[1:] - step[:-1]) * scale
    jacobian = JointJacobian.stack([-by_start[:-1], by_start[1:] - by_end[:-1], by_end[1:]]) * scale
    return Block("acceleration", residual, jacobian, group=1)


def velocity(space: TangentSpace, qpos: np.ndarray, fps: float, sigma: np.ndarray) -> Block:
    """Rest: what nothing else decides (the twist of a straight arm) does not move, (T - 1, nv).

    Args:
      sigma: standard deviation of each degree of freedom's velocity [m/s or rad/s], (nv,).
    """
    step = space.difference(qpos[:-1], qpos[1:])
    by_start, by_end = space.difference_jacobians(step)
    scale = fps / sigma
    return Block("velocity", step * scale, JointJacobian.stack([by_start, by_end]) * scale)


def hinge_limits(space: TangentSpace, qpos: np.ndarray, sigma: float) -> Block:
    """How far hinges are beyond their range, (T, nv): 0 for all other degrees of freedom.

    Args:
      sigma: standard deviation of the excess [rad].
    """
    model = space.model
    joints = np.flatnonzero((model.jnt_type == mujoco.mjtJoint.mjJNT_HINGE) & (model.jnt_limited == 1))
    angle, dofs = qpos[:, model.jnt_qposadr[joints]], model.jnt_dofadr[joints]
    low, high = model.jnt_range[joints].T
    residual = np.zeros((len(qpos), space.nv))
    residual[:, dofs] = (angle - np.clip(angle, low, high)) / sigma
    beyond = (residual[:, None, space.scalar_dof] != 0) / sigma
    return Block("limits", residual, JointJacobian(space, beyond, np.zeros((len(qpos), 1, *_turns(space)))))


def ball_limits(space: TangentSpace, qpos: np.ndarray, sigma: float) -> Block:
    """How far the rotation vectors of ball joints are outside the box of `BALL_LIMITS`, (T, nv): 0 elsewhere.

    Args:
      sigma: standard deviation of the excess [rad].
    """
    balls, low, high, _ = ball_tables(space)
    rotvec = to_rotvec(space.quaternions(qpos)[:, balls])
    excess = rotvec - np.clip(rotvec, low, high)
    inside = (excess != 0)[..., None] / sigma
    return _on_balls("limits", space, balls, excess / sigma, inside * inverse_right_jacobian(rotvec))


def pose_prior(space: TangentSpace, qpos: np.ndarray) -> Block:
    """A relaxed, straight body where nothing else is known, (T, nv); `POSE_SIGMA` says how loosely."""
    balls, _, _, sigma = ball_tables(space)
    rotvec = to_rotvec(space.quaternions(qpos)[:, balls])
    return _on_balls("prior", space, balls, rotvec / sigma, inverse_right_jacobian(rotvec) / sigma[..., None])


def view_prior(view: View, expected: View, sigma: np.ndarray, nv: int) -> Block:
    """The camera is about level and its lens about the expected one, (1, G).

    Args:
      sigma: standard deviation of each unknown, (G,).
      nv: width of the tangent space.
    """
    residual = (view.vector() - expected.vector()) / sigma
    nothing = np.zeros((1, 1, GLOBALS, nv))
    return Block("view", residual[None], nothing, np.diag(1.0 / sigma)[None])


def camera_height(view: View, expected: float, sigma: float, strength: float, nv: int) -> Block:
    """The camera is about as high above the ground as it is expected to be, (1, 1).

    Cauchy's loss, log(1 + a^2) / 2, of the distance a of the height's logarithm. Near what is expected it is a square;
    a phone on the floor, or a film from a balcony, is drawn there less the further it is away.

    Args:
      view: camera and ground.
      expected: height [m].
      sigma: width of the loss, of the height's logarithm.
      strength: factor on the residual.
      nv: width of the tangent space.
    """
    height = max(view.height, LOWEST_CAMERA)
    away = np.log(height / expected) / sigma
    bounded = np.sqrt(np.log1p(away**2))
    slope = away / ((1.0 + away**2) * bounded) if bounded > 0.0 else 1.0
    by_view = np.zeros((1, 1, GLOBALS))
    by_view[..., 2] = strength * (view.height > LOWEST_CAMERA) * abs(slope) / (sigma * height)
    residual = np.full((1, 1), strength * np.sign(away) * bounded)
    return Block("camera_height", residual, np.zeros((1, 1, 1, nv)), by_view)


def ball_tables(space: TangentSpace) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Ball joints that have limits (indices into the layout's rotations), their low, high and sigma, (B, 3) each."""
    rows = []
    for index, dof in enumerate(space.quat_dof[:, 0]):
        name = space.model.joint(space.model.dof_jntid[dof]).name
        part = name.removeprefix("left_").removeprefix("right_")
        if part not in BALL_LIMITS:
            continue
        low, high = np.array(BALL_LIMITS[part]).T
        if name.startswith("right_"):
            mirror = np.array([-1.0, 1.0, -1.0])
            low, high = np.minimum(mirror * low, mirror * high), np.maximum(mirror * low, mirror * high)
        rows.append((index, low, high, np.array(POSE_SIGMA[part])))
    if not rows:
        return np.zeros(0, dtype=int), np.zeros((0, 3)), np.zeros((0, 3)), np.zeros((0, 3))
    index, low, high, sigma = zip(*rows, strict=True)
    return np.array(index), np.array(low), np.array(high), np.array(sigma)


def _on_balls(name: str, space: TangentSpace, balls: np.ndarray, residual: np.ndarray, local: np.ndarray) -> Block:
    """A block of three residuals a ball joint (T, B, 3), from their derivative by the joint's own step (T, B, 3, 3)."""
    frames = len(residual)
    of_dofs, turns = np.zeros((frames, space.nv)), np.zeros((frames, 1, *_turns(space)))
    of_dofs[:, space.quat_dof[balls]] = residual
    turns[:, 0, balls] = local
    return Block(name, of_dofs, JointJacobian(space, np.zeros((frames, 1, len(space.scalar_dof))), turns))


def _turns(space: TangentSpace) -> tuple[int, int, int]:
    """Shape of the blocks of rotations of one frame."""
    return len(space.quat_dof), 3, 3


# -- contact with the ground ------------------------------------------------------------------------------------------


def ground_height(points: PointPaths, contact: np.ndarray, sigma: float, name: str = "ground") -> Block:
    """Points in contact touch the ground, z = 0, with the surface below them, (T, P).

    Args:
      points: contact points.
      contact: how surely each rests on the ground, 0 to 1, (T, P).
      sigma: standard deviation of the height [m].
      name: of the block.
    """
    scale = contact / sigma
    jacobian = (scale[..., None] * points.jac[:, :, 2])[:, None]
    return Block(name, scale * points.height, jacobian, moved=points.moved)


def no_slip(points: PointPaths, contact: np.ndarray, view: View, fps: float, sigma: float) -> Block:
    """Points in contact in two frames that follow each other move with the ground, horizontally, (T - 1, 2 P).

    Args:
      points: contact points.
      contact: how surely each rests on the ground, 0 to 1, (T, P).
      view: has the ground's velocity (zero but for treadmills).
      fps: frames a second.
      sigma: standard deviation of the slip in one frame [m].
    """
    both = np.sqrt(contact[:-1] * contact[1:])[..., None] / sigma
    position, jac = points.pos_w[..., :2], points.jac[:, :, :2]
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
        moved=np.repeat(points.moved, 2, axis=0),
    )


def hand_height(points: PointPaths, supported: np.ndarray, sigma: float) -> Block:
    """Hands that rest on something above the ground keep their height from frame to frame, (T - 1, P).

    What they rest on may be pushed along, so they may move horizontally.

    Args:
      points: contact points.
      supported: which of them rest on something above the ground, bool (T, P).
      sigma: standard deviation of the change in one frame [m].
    """
    both = (supported[:-1] & supported[1:]) / sigma
    height, jac = points.pos_w[..., 2], points.jac[:, :, 2]
    jacobian = np.stack([-both[..., None] * jac[:-1], both[..., None] * jac[1:]], axis=1)
    return Block("hand_height", both * (height[1:] - height[:-1]), jacobian, moved=points.moved)


def no_penetration(points: PointPaths, sigma: float) -> Block:
    """No part of the body sinks below the ground, (T, those of the P points that do in some frame).

    Args:
      points: of the body's shapes.
      sigma: standard deviation of the depth [m].
    """
    deep = np.flatnonzero((points.height < 0.0).any(axis=0))
    depth = np.minimum(points.height[:, deep], 0.0)
    jacobian = (depth < 0)[..., None] / sigma * points[deep].jac[:, :, 2]
    return Block("penetration", depth / sigma, jacobian[:, None], moved=points.moved[deep])


def lowest_point_on_ground(points: PointPaths, lying: np.ndarray, sigma: float) -> Block:
    """A body that neither flies nor stands on feet or hands lies on the ground with its lowest part, (T, 1).

    It may roll, so nothing is said of slipping. Which part is lowest is taken as fixed in the Jacobian.

    Args:
      points: of the body's shapes.
      lying: frames in which the body lies, bool (T,).
      sigma: standard deviation of the height [m].
    """
    height = points.height
    lowest, frames = height.argmin(axis=1), np.arange(len(height))
    scale, used = lying / sigma, np.unique(lowest)
    jacobian = scale[:, None] * points[used].jac[frames, np.searchsorted(used, lowest), 2]
    return Block("lying", (scale * height[frames, lowest])[:, None], jacobian[:, None, None])
