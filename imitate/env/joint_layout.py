"""Differences of poses for many simulations at once: MuJoCo's `mj_differentiatePos`, vectorised.

Differences live in the tangent space of qpos, which has the layout of qvel: the root's position (world axes), the
root's rotation vector (its own axes), then a rotation vector for each ball joint (child axes) and an angle for each
hinge. They add to servo targets and square to geodesic distances without any wrap to think of.
"""

from dataclasses import dataclass

import mujoco
import numpy as np


@dataclass(frozen=True)
class JointLayout:
    """Where the joints of a body lie in qpos, qvel and ctrl; a free root comes first."""

    quat_qpos: np.ndarray
    """Addresses in qpos of all quaternions, the root's first, (Q, 4)."""
    quat_dof: np.ndarray
    """Addresses in qvel of their rotation vectors, (Q, 3)."""
    hinge_qpos: np.ndarray
    """Addresses in qpos of hinges, (H,)."""
    hinge_dof: np.ndarray
    """Addresses in qvel of hinges, (H,)."""
    actuator_dof: np.ndarray
    """The degree of freedom that each actuator drives, (nu,)."""
    nv: int
    """Size of qvel."""

    @classmethod
    def of(cls, model: mujoco.MjModel) -> "JointLayout":
        """Reads the layout of a model.

        Raises:
          ValueError: the model has no free root, slide joints, free joints in between, or an actuator that does not
            drive exactly one degree of freedom.
        """
        kinds = model.jnt_type
        if kinds[0] != mujoco.mjtJoint.mjJNT_FREE or (kinds[1:] == mujoco.mjtJoint.mjJNT_FREE).any():
            raise ValueError("the character needs exactly one free joint, the first one")
        balls = np.flatnonzero(kinds == mujoco.mjtJoint.mjJNT_BALL)
        hinges = np.flatnonzero(kinds == mujoco.mjtJoint.mjJNT_HINGE)
        if 1 + len(balls) + len(hinges) != model.njnt:
            raise ValueError("joints of a character are balls and hinges")
        turning = np.concatenate([[0], balls])
        past_place = np.where(turning == 0, 3, 0)
        actuator_dof = np.empty(model.nu, dtype=np.int64)
        for u in range(model.nu):
            joint = model.actuator_trnid[u, 0]
            axis = np.flatnonzero(model.actuator_gear[u, :3])
            if model.actuator_trntype[u] != mujoco.mjtTrn.mjTRN_JOINT or len(axis) != 1:
                raise ValueError(f"actuator {model.actuator(u).name}: expected a servo on one axis of one joint")
            actuator_dof[u] = model.jnt_dofadr[joint] + (axis[0] if joint in balls else 0)
        return cls(
            quat_qpos=(model.jnt_qposadr[turning] + past_place)[:, None] + np.arange(4),
            quat_dof=(model.jnt_dofadr[turning] + past_place)[:, None] + np.arange(3),
            hinge_qpos=model.jnt_qposadr[hinges],
            hinge_dof=model.jnt_dofadr[hinges],
            actuator_dof=actuator_dof,
            nv=model.nv,
        )

    def difference(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """The tangent step that leads from pose `start` to pose `end`, (N, nq) x (N, nq) -> (N, nv)."""
        step = np.empty((len(start), self.nv))
        step[:, :3] = end[:, :3] - start[:, :3]
        step[:, self.hinge_dof] = end[:, self.hinge_qpos] - start[:, self.hinge_qpos]
        step[:, self.quat_dof] = relative_rotvec(start[:, self.quat_qpos], end[:, self.quat_qpos])
        return step

    def rotation_vectors(self, qpos: np.ndarray) -> np.ndarray:
        """Joint coordinates as actuators measure them: angles and rotation vectors, (N, nq) -> (N, nv)."""
        coordinates = np.zeros((len(qpos), self.nv))
        coordinates[:, self.hinge_dof] = qpos[:, self.hinge_qpos]
        coordinates[:, self.quat_dof] = rotvec(qpos[:, self.quat_qpos])
        return coordinates


def rotvec(quat: np.ndarray) -> np.ndarray:
    """Rotation vectors with angles in [0, pi] of unit quaternions wxyz, (..., 4) -> (..., 3)."""
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
