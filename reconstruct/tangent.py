"""Poses as points of a manifold: steps between them, and the derivatives of those steps.

A pose is MuJoCo's qpos; a step is a tangent vector (nv,) as `mj_integratePos` takes it: world axes for the root's
position, body axes for the rotation of the root and of ball joints, plain differences for hinges.
"""

from dataclasses import dataclass

import mujoco
import numpy as np

from reconstruct.rotations import conjugate, from_rotvec, multiply, normalise, to_rotvec


@dataclass(frozen=True)
class TangentSpace:
    """Steps between poses of a model; where its rotations and its plain numbers lie in qpos and in qvel."""

    model: mujoco.MjModel
    quat_qpos: np.ndarray
    """Columns of qpos that hold quaternions, the root's first, (B, 4)."""
    quat_dof: np.ndarray
    """Degrees of freedom of their rotation vectors, (B, 3)."""
    scalar_qpos: np.ndarray
    """Columns of qpos that hold the root's position, hinges and slides, (S,)."""
    scalar_dof: np.ndarray
    """Their degrees of freedom, (S,)."""

    @classmethod
    def of(cls, model: mujoco.MjModel) -> "TangentSpace":
        """Reads the layout of a model whose first joint is free."""
        kind, qpos, dof = model.jnt_type, model.jnt_qposadr, model.jnt_dofadr
        free, ball = kind == mujoco.mjtJoint.mjJNT_FREE, kind == mujoco.mjtJoint.mjJNT_BALL
        rotates, past_position = free | ball, 3 * free
        scalar = np.flatnonzero(~rotates)
        return cls(
            model,
            (qpos + past_position)[rotates][:, None] + np.arange(4),
            (dof + past_position)[rotates][:, None] + np.arange(3),
            np.concatenate([np.arange(3), qpos[scalar]]),
            np.concatenate([np.arange(3), dof[scalar]]),
        )

    @property
    def nv(self) -> int:
        """Width of a step."""
        return self.model.nv

    def quaternions(self, qpos: np.ndarray) -> np.ndarray:
        """All rotations of all frames, root first, (T, nq) -> (T, B, 4)."""
        return qpos[:, self.quat_qpos]

    def integrate(self, qpos: np.ndarray, step: np.ndarray) -> np.ndarray:
        """Every frame (T, nq) moved along its step (T, nv): q exp(step) for rotations, sums elsewhere."""
        moved = qpos.copy()
        moved[:, self.scalar_qpos] += step[:, self.scalar_dof]
        moved[:, self.quat_qpos] = normalise(multiply(self.quaternions(qpos), from_rotvec(step[:, self.quat_dof])))
        return moved

    def difference(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """The steps that lead from `start` to `end`, both (T, nq), result (T, nv); as `mj_differentiatePos`."""
        step = np.zeros((len(start), self.nv))
        step[:, self.scalar_dof] = (end - start)[:, self.scalar_qpos]
        step[:, self.quat_dof] = to_rotvec(multiply(conjugate(self.quaternions(start)), self.quaternions(end)))
        return step

    def difference_jacobians(self, step: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How `difference` changes when its two ends move, (T, nv, nv) each: by the start, by the end.

        log(q_a^-1 q_b exp(d)) = v + Jr^-1(v) d and log(exp(-d) q_a^-1 q_b) = v - Jl^-1(v) d, with Jl^-1(v) = Jr^-1(-v).

        Args:
          step: the difference, (T, nv).
        """
        frames = len(step)
        by_start, by_end = np.zeros((frames, self.nv, self.nv)), np.zeros((frames, self.nv, self.nv))
        by_start[:, self.scalar_dof, self.scalar_dof] = -1.0
        by_end[:, self.scalar_dof, self.scalar_dof] = 1.0
        turns = step[:, self.quat_dof]
        ends, starts = inverse_right_jacobian(np.stack([turns, -turns]))
        for ball, dof in enumerate(self.quat_dof[:, 0]):
            part = slice(dof, dof + 3)
            by_end[:, part, part] = ends[:, ball]
            by_start[:, part, part] = -starts[:, ball]
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
    vector = np.asarray(vector)
    x, y, z = np.moveaxis(vector, -1, 0)
    matrix = np.zeros((*vector.shape, 3))
    matrix[..., 0, 1], matrix[..., 0, 2], matrix[..., 1, 2] = -z, y, -x
    matrix[..., 1, 0], matrix[..., 2, 0], matrix[..., 2, 1] = z, -y, x
    return matrix
