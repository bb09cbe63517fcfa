"""Poses as points of a manifold: steps between them, and the derivatives of those steps.

A pose is MuJoCo's qpos; a step is a tangent vector (nv,) as `mj_integratePos` takes it: world axes for the root's
position, body axes for the rotation of the root and of ball joints, plain differences for hinges.
"""

from collections.abc import Sequence
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

    def difference_jacobians(self, step: np.ndarray) -> tuple["JointJacobian", "JointJacobian"]:
        """How `difference` changes when its two ends move, (T,) each: by the start, by the end.

        log(q_a^-1 q_b exp(d)) = v + Jr^-1(v) d and log(exp(-d) q_a^-1 q_b) = v - Jl^-1(v) d, with Jl^-1(v) = Jr^-1(-v).

        Args:
          step: the difference, (T, nv).
        """
        turns, ones = step[:, self.quat_dof], np.ones((len(step), len(self.scalar_dof)))
        ends, starts = inverse_right_jacobian(np.stack([turns, -turns]))
        return JointJacobian(self, -ones, -starts), JointJacobian(self, ones, ends)


@dataclass(frozen=True)
class JointJacobian:
    """d residual / d tangent of nv residuals each of which moves with its own joint alone.

    As matrices these would be zero but for blocks of 3 x 3 and numbers on the diagonal: a tenth of them at most.
    """

    space: TangentSpace
    """Steps between the poses."""
    scalars: np.ndarray
    """By the step of their own, of the residuals at `space.scalar_dof`, (..., S)."""
    turns: np.ndarray
    """By the three steps of their rotation, of those at `space.quat_dof`, (..., B, 3, 3)."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of `dense`."""
        return (*self.scalars.shape[:-1], self.space.nv, self.space.nv)

    @classmethod
    def stack(cls, jacobians: Sequence["JointJacobian"]) -> "JointJacobian":
        """Those by several frames as one, (T,) each -> (T, K)."""
        scalars, turns = ([getattr(one, name) for one in jacobians] for name in ("scalars", "turns"))
        return cls(jacobians[0].space, np.stack(scalars, axis=1), np.stack(turns, axis=1))

    def __getitem__(self, index: slice) -> "JointJacobian":
        """Those of some frames."""
        return JointJacobian(self.space, self.scalars[index], self.turns[index])

    def __neg__(self) -> "JointJacobian":
        return JointJacobian(self.space, -self.scalars, -self.turns)

    def __sub__(self, other: "JointJacobian") -> "JointJacobian":
        return JointJacobian(self.space, self.scalars - other.scalars, self.turns - other.turns)

    def __mul__(self, factor: np.ndarray | float) -> "JointJacobian":
        """Those of the residuals times a factor of each, what broadcasts to (..., nv)."""
        if np.ndim(factor) == 0:
            return JointJacobian(self.space, self.scalars * factor, self.turns * factor)
        of_scalar, of_turn = (np.asarray(factor)[..., dof] for dof in (self.space.scalar_dof, self.space.quat_dof))
        return JointJacobian(self.space, self.scalars * of_scalar, self.turns * of_turn[..., None])

    def dense(self) -> np.ndarray:
        """As matrices, (..., nv, nv)."""
        matrices, dofs = np.zeros(self.shape), self.space.scalar_dof
        matrices[..., dofs, dofs] = self.scalars
        for ball, first in enumerate(self.space.quat_dof[:, 0]):
            matrices[..., first : first + 3, first : first + 3] = self.turns[..., ball, :, :]
        return matrices


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
