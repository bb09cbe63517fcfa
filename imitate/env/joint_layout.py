"""Differences of poses for many simulations at once: the tangent space of a body with servos.

Differences live in the tangent space of qpos, which has the layout of qvel: the root's position (world axes), the
root's rotation vector (its own axes), then a rotation vector for each ball joint (child axes) and an angle for each
hinge. They add to servo targets and square to geodesic distances without any wrap to think of.
"""

from dataclasses import dataclass

import mujoco
import numpy as np

from reconstruct.rotations import relative_rotvec, rotvec
from reconstruct.solver.tangent import TangentSpace


@dataclass(frozen=True)
class JointLayout(TangentSpace):
    """The tangent space of a body whose joints are balls and hinges, and the degrees of freedom that it can drive."""

    actuator_dof: np.ndarray
    """The degree of freedom that each actuator drives, (nu,)."""

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
        if 1 + len(balls) + np.count_nonzero(kinds == mujoco.mjtJoint.mjJNT_HINGE) != model.njnt:
            raise ValueError("joints of a character are balls and hinges")
        actuator_dof = np.empty(model.nu, dtype=np.int64)
        for u in range(model.nu):
            joint = model.actuator_trnid[u, 0]
            axis = np.flatnonzero(model.actuator_gear[u, :3])
            if model.actuator_trntype[u] != mujoco.mjtTrn.mjTRN_JOINT or len(axis) != 1:
                raise ValueError(f"actuator {model.actuator(u).name}: expected a servo on one axis of one joint")
            actuator_dof[u] = model.jnt_dofadr[joint] + (axis[0] if joint in balls else 0)
        return cls(**vars(TangentSpace.of(model)), actuator_dof=actuator_dof)

    def difference(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """The tangent step that leads from pose `start` to pose `end`, (N, nq) x (N, nq) -> (N, nv).

        Equal to `TangentSpace.difference` up to rounding and several times as fast; simulations ask for it at every
        control step.
        """
        step = np.empty((len(start), self.nv))
        step[:, self.scalar_dof] = end[:, self.scalar_qpos] - start[:, self.scalar_qpos]
        step[:, self.quat_dof] = relative_rotvec(start[:, self.quat_qpos], end[:, self.quat_qpos])
        return step

    def difference_all(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """The same of all that moves: behind the body's columns there may be a free box's, 7 to each step's 6."""
        step, box = self.difference(start, end), self.model.nq
        if start.shape[1] == box:
            return step
        turned = relative_rotvec(start[:, box + 3 :], end[:, box + 3 :])
        return np.concatenate([step, end[:, box : box + 3] - start[:, box : box + 3], turned], axis=1)

    def rotation_vectors(self, qpos: np.ndarray) -> np.ndarray:
        """Joint coordinates as actuators measure them: angles and rotation vectors, (N, nq) -> (N, nv)."""
        coordinates = np.zeros((len(qpos), self.nv))
        coordinates[:, self.scalar_dof[3:]] = qpos[:, self.scalar_qpos[3:]]
        coordinates[:, self.quat_dof] = rotvec(qpos[:, self.quat_qpos])
        return coordinates


def servo_lag(model: mujoco.MjModel, joints: JointLayout) -> np.ndarray:
    """Time that each servo trails its target by, damping over kp [s], (nu,)."""
    gain, bias = model.actuator_gainprm[:, 0], model.actuator_biasprm
    return (model.dof_damping[joints.actuator_dof] - bias[:, 2]) / gain
