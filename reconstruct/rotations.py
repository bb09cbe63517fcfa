"""Rotations: unit quaternions in MuJoCo's order (w, x, y, z) as arrays of shape (..., 4).

SciPy's order (x, y, z, w) exists in this file only. `quat_a_b` rotates vectors of frame b into frame a.
"""

import numpy as np
from scipy.spatial.transform import Rotation


def to_scipy(quat: np.ndarray) -> Rotation:
    """SciPy's object for wxyz quaternions (..., 4); leading axes are flattened."""
    return Rotation.from_quat(np.roll(np.asarray(quat, dtype=np.float64).reshape(-1, 4), -1, axis=-1))


def from_scipy(rotation: Rotation, shape: tuple[int, ...] = ()) -> np.ndarray:
    """wxyz quaternions of a SciPy object; `shape` restores leading axes."""
    quat = np.roll(np.atleast_2d(rotation.as_quat()), 1, axis=-1)
    return quat.reshape(*shape, 4)


def multiply(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Hamilton product a * b: first rotate by b, then by a. (..., 4) x (..., 4) -> (..., 4)."""
    aw, ax, ay, az = np.moveaxis(np.asarray(a), -1, 0)
    bw, bx, by, bz = np.moveaxis(np.asarray(b), -1, 0)
    return np.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        axis=-1,
    )


def conjugate(quat: np.ndarray) -> np.ndarray:
    """The opposite rotation, (..., 4)."""
    return np.asarray(quat) * np.array([1.0, -1.0, -1.0, -1.0])


def normalise(quat: np.ndarray) -> np.ndarray:
    """Scaled to unit length, (..., 4)."""
    return quat / np.linalg.norm(quat, axis=-1, keepdims=True)


def rotate(quat: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Vectors (..., 3) rotated by quaternions (..., 4)."""
    w, u = quat[..., :1], quat[..., 1:]
    t = 2.0 * np.cross(u, vector)
    return vector + w * t + np.cross(u, t)


def to_matrix(quat: np.ndarray) -> np.ndarray:
    """Rotation matrices (..., 3, 3)."""
    quat = np.asarray(quat)
    return to_scipy(quat).as_matrix().reshape(*quat.shape[:-1], 3, 3)


def from_matrix(matrix: np.ndarray) -> np.ndarray:
    """wxyz quaternions (..., 4) of rotation matrices (..., 3, 3)."""
    matrix = np.asarray(matrix)
    return from_scipy(Rotation.from_matrix(matrix.reshape(-1, 3, 3)), matrix.shape[:-2])


def to_rotvec(quat: np.ndarray) -> np.ndarray:
    """Rotation vectors (axis times angle in [0, pi]) of quaternions, (..., 4) -> (..., 3)."""
    quat = np.asarray(quat)
    return to_scipy(quat).as_rotvec().reshape(*quat.shape[:-1], 3)


def rotvec(quat: np.ndarray) -> np.ndarray:
    """Rotation vectors with angles in [0, pi] of unit quaternions, (..., 4) -> (..., 3).

    Equal to `to_rotvec` up to rounding and ten times as fast. Fits keep `to_rotvec`, to which the last digits of their
    published results belong.
    """
    w, axis = quat[..., :1], quat[..., 1:]
    sine = np.sqrt(np.einsum("...i,...i->...", axis, axis))[..., None]
    # atan2 of |w| and the sign put on the axis keep to the short way round; at no rotation angle / sine tends to 2.
    factor = 2.0 * np.arctan2(sine, np.abs(w)) / np.maximum(sine, 1e-12)
    return axis * np.where(sine < 1e-12, 2.0, factor) * np.where(w < 0, -1.0, 1.0)


def relative_rotvec(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Rotation vector of start^-1 end, in the axes of `start`, (..., 4) x (..., 4) -> (..., 3)."""
    aw, av = start[..., :1], start[..., 1:]
    bw, bv = end[..., :1], end[..., 1:]
    relative = np.empty(np.broadcast_shapes(start.shape, end.shape))
    relative[..., :1] = aw * bw + np.einsum("...i,...i->...", av, bv)[..., None]
    relative[..., 1:] = aw * bv - bw * av
    relative[..., 1] -= av[..., 1] * bv[..., 2] - av[..., 2] * bv[..., 1]
    relative[..., 2] -= av[..., 2] * bv[..., 0] - av[..., 0] * bv[..., 2]
    relative[..., 3] -= av[..., 0] * bv[..., 1] - av[..., 1] * bv[..., 0]
    return rotvec(relative)


def from_rotvec(rotvec: np.ndarray) -> np.ndarray:
    """wxyz quaternions of rotation vectors, (..., 3) -> (..., 4)."""
    rotvec = np.asarray(rotvec)
    return from_scipy(Rotation.from_rotvec(rotvec.reshape(-1, 3)), rotvec.shape[:-1])


def angle_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Angle of the rotation that leads from b to a, in [0, pi], (..., 4) x (..., 4) -> (...)."""
    difference = multiply(conjugate(a), b)
    return 2.0 * np.arctan2(np.linalg.norm(difference[..., 1:], axis=-1), np.abs(difference[..., 0]))


def make_continuous(quat: np.ndarray) -> np.ndarray:
    """Signs chosen along the first axis so that neighbours lie in the same half space, (T, ..., 4)."""
    dot = np.sum(quat[1:] * quat[:-1], axis=-1, keepdims=True)
    signs = np.concatenate([np.ones_like(dot[:1]), np.cumprod(np.where(dot < 0, -1.0, 1.0), axis=0)])
    return quat * signs


def heading(quat: np.ndarray) -> np.ndarray:
    """The part of a rotation that turns about the vertical (swing-twist about z), unit quaternion (..., 4)."""
    twist = np.asarray(quat) * np.array([1.0, 0.0, 0.0, 1.0])
    norm = np.linalg.norm(twist, axis=-1, keepdims=True)
    # A body exactly upside down has no heading; take the identity instead of dividing by zero.
    return np.where(norm > 1e-9, twist / np.maximum(norm, 1e-9), np.array([1.0, 0.0, 0.0, 0.0]))


def heading_between(start: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """The turn about the vertical that brings one rotation nearest to another, unit quaternion, (..., 4) each.

    Unlike the difference of two headings it is defined for bodies that are upside down alike.
    """
    return heading(multiply(goal, conjugate(start)))


def yaw(quat: np.ndarray) -> np.ndarray:
    """Angle about the vertical of the x axis, seen from above [rad], (..., 4) -> (...)."""
    w, x, y, z = np.moveaxis(np.asarray(quat), -1, 0)
    return np.arctan2(2.0 * (x * y + w * z), 1.0 - 2.0 * (y * y + z * z))
