"""Poses as points of a manifold: steps between them, and the derivatives of those steps.

A pose is MuJoCo's qpos; a step is a tangent vector (nv,) as `mj_integratePos` takes it: world axes for the root's
position, body axes for the rotation of the root and of ball joints, plain differences for hinges.
"""

from dataclasses import dataclass

import mujoco
import numpy as np

from reconstruct.rotations import conjugate, from_rotvec, multiply, normalise, to_rotvec


@dataclass(frozen=True)
class Layout:
    """Where the rotations and the plain numbers of a model lie in qpos and in the tangent space."""

    nq: int
    nv: int
    quat_columns: np.ndarray
    """First qpos column of each quaternion, root first, (B,)."""
    quat_dofs: np.ndarray
    """First dof of each rotation, (B,)."""
    scalar_columns: np.ndarray
    """qpos columns of the root's position and of hinges and slides, (S,)."""
    scalar_dofs: np.ndarray
    """Their dofs, (S,)."""


def layout(model: mujoco.MjModel) -> Layout:
    """Reads the layout of a model whose first joint is free."""
    quat_columns, quat_dofs, scalar_columns, scalar_dofs = [], [], [], []
    for joint in range(model.njnt):
        column, dof, kind = int(model.jnt_qposadr[joint]), int(model.jnt_dofadr[joint]), model.jnt_type[joint]
        if kind == mujoco.mjtJoint.mjJNT_FREE:
            scalar_columns += [column, column + 1, column + 2]
            scalar_dofs += [dof, dof + 1, dof + 2]
            quat_columns.append(column + 3)
            quat_dofs.append(dof + 3)
        elif kind == mujoco.mjtJoint.mjJNT_BALL:
            quat_columns.append(column)
            quat_dofs.append(dof)
        else:
            scalar_columns.append(column)
            scalar_dofs.append(dof)
    return Layout(
        model.nq,
        model.nv,
        np.array(quat_columns, dtype=int),
        np.array(quat_dofs, dtype=int),
        np.array(scalar_columns, dtype=int),
        np.array(scalar_dofs, dtype=int),
    )


def quaternions(lay: Layout, qpos: np.ndarray) -> np.ndarray:
    """All rotations of all frames, root first, (T, B, 4)."""
    return qpos[:, lay.quat_columns[:, None] + np.arange(4)]


def integrate(lay: Layout, qpos: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Every frame (T, nq) moved along its step (T, nv): q exp(step) for rotations, sums elsewhere."""
    moved = qpos.copy()
    moved[:, lay.scalar_columns] += step[:, lay.scalar_dofs]
    rotvec = step[:, lay.quat_dofs[:, None] + np.arange(3)]
    turned = normalise(multiply(quaternions(lay, qpos), from_rotvec(rotvec)))
    moved[:, lay.quat_columns[:, None] + np.arange(4)] = turned
    return moved


def difference(lay: Layout, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The steps that lead from `start` to `end`, both (T, nq), result (T, nv); as `mj_differentiatePos`."""
    step = np.zeros((len(start), lay.nv))
    step[:, lay.scalar_dofs] = (end - start)[:, lay.scalar_columns]
    relative = multiply(conjugate(quaternions(lay, start)), quaternions(lay, end))
    step[:, lay.quat_dofs[:, None] + np.arange(3)] = to_rotvec(relative)
    return step


def difference_jacobians(lay: Layout, step: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How `difference` changes when its two ends move, (T, nv, nv) each: by the start, by the end.

    log(q_a^-1 q_b exp(d)) = v + Jr^-1(v) d and log(exp(-d) q_a^-1 q_b) = v - Jl^-1(v) d, with Jl^-1(v) = Jr^-1(-v).
    """
    frames = len(step)
    by_start, by_end = np.zeros((frames, lay.nv, lay.nv)), np.zeros((frames, lay.nv, lay.nv))
    by_start[:, lay.scalar_dofs, lay.scalar_dofs] = -1.0
    by_end[:, lay.scalar_dofs, lay.scalar_dofs] = 1.0
    for dof in lay.quat_dofs:
        part = slice(dof, dof + 3)
        by_end[:, part, part] = inverse_right_jacobian(step[:, part])
        by_start[:, part, part] = -inverse_right_jacobian(-step[:, part])
    return by_start, by_end


def inverse_right_jacobian(rotvec: np.ndarray) -> np.ndarray:
    """Jr^-1 of SO(3): log(exp(v) exp(d)) = v + Jr^-1(v) d for small d, (..., 3) -> (..., 3, 3)."""
    angle = np.linalg.norm(rotvec, axis=-1)[..., None, None]
    cross = skew(rotvec)
    small = angle < 1e-3
    safe = np.where(small, 1.0, angle)
    # (1 / a^2) - (1 + cos a) / (2 a sin a), written with the half angle so that it is smooth up to 2 pi.
    factor = np.where(small, 1.0 / 12.0, (1.0 - 0.5 * safe / np.tan(0.5 * safe)) / safe**2)
    return np.eye(3) + 0.5 * cross + factor * (cross @ cross)


def skew(vector: np.ndarray) -> np.ndarray:
    """Matrix [v]x with [v]x u = v x u, (..., 3) -> (..., 3, 3)."""
    x, y, z = np.moveaxis(np.asarray(vector), -1, 0)
    zero = np.zeros_like(x)
    return np.stack([np.stack([zero, -z, y], -1), np.stack([z, zero, -x], -1), np.stack([-y, x, zero], -1)], axis=-2)
