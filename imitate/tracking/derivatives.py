"""How the state after a control step depends on the state and the control before it.

A state is (tangent of qpos, qvel), n = 2 nv. Physics steps are differentiated one by one by MuJoCo's own one-sided
differences, which perturb a velocity or a control without computing positions and collisions again, and are chained.
That takes 40 % of the time of differences of whole control steps in a batch (80 against 180 ms for a horizon of 15
steps of 4), and a perturbation cannot grow within the step.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import mujoco
import numpy as np

from imitate.env.joint_layout import JointLayout
from imitate.scene.scene import SUBSTEPS
from reconstruct.rotations import relative_rotvec, rotvec
from reconstruct.solver.tangent import inverse_right_jacobian

DIFFERENCE = 1e-5
"""Size of the perturbation. The larger it is the more often it closes a contact; at 1e-6 nothing is gained."""
JUMP = 0.02 / DIFFERENCE
"""Derivative of a physics step from which a perturbation may have closed or opened a contact: 2 cm/s by itself."""
# Of contacts that stay none of the humanoid's was above 1,100; one that closes adds 10^4 to 10^5, once in a thousand
# physics steps. Feedback gains there were hundreds of times those of their neighbours (2,148 in a walk's draft), and
# the policy that was distilled from them was as good after 0.9 M samples as others are after 0.2 M.
FULL_STATE = mujoco.mjtState.mjSTATE_INTEGRATION
SAME_POSE, SAME_SPEED, SAME_TARGET = 0.0015, 0.05, 0.015
"""Changes of a step's state and servo targets with which its derivatives are kept [m, rad], [m/s, rad/s], [rad]."""
# A plan that moves on by two or five control steps and is improved changes little at most of its steps, and derivatives
# are two thirds of tracking control's time. SFV's twelve videos (November 2026): 18 % less time in all, with the same
# mean return. Six clips of motion capture: with twice as much 26 % less, .968 instead of .969; with 20 times .902, for
# one falls. With twice as much, but contacts that need not be the same, .967.


@dataclass(frozen=True)
class _Known:
    """A control step whose derivatives are known."""

    qpos: np.ndarray
    qvel: np.ndarray
    ctrl: np.ndarray
    touching: bytes
    """Pairs of geoms that touch at its beginning."""
    A: np.ndarray
    B: np.ndarray

    def is_near(self, other: "_Known") -> bool:
        """Whether the same derivatives do."""
        return (
            self.touching == other.touching
            and np.abs(self.qpos - other.qpos).max() < SAME_POSE
            and np.abs(self.qvel - other.qvel).max() < SAME_SPEED
            and np.abs(self.ctrl - other.ctrl).max() < SAME_TARGET
        )


class StepDerivatives:
    """Derivatives of control steps, on threads of its own: MuJoCo lets go of Python while it works.

    Those of the last call are remembered. A step that has hardly changed since they were computed keeps them.
    """

    def __init__(self, model: mujoco.MjModel, threads: int = 1):
        self._model = model
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None
        self._workers = [mujoco.MjData(model) for _ in range(threads)]
        self._known = dict[int, _Known]()

    def __call__(self, states: np.ndarray, ctrl: np.ndarray, first: int) -> tuple[np.ndarray, np.ndarray]:
        """Derivatives of H control steps, each from its own state.

        Args:
          states: MuJoCo's integration states, (H, nstate).
          ctrl: servo targets held for the control step, (H, nu).
          first: number of the first of these steps, by which they are known in a later call.

        Returns:
          A (H, 2 nv, 2 nv) and B (H, 2 nv, nu): next state by state at constant targets, and by targets.
        """
        horizon, n = len(states), 2 * self._model.nv
        A, B = np.empty((horizon, n, n)), np.empty((horizon, n, self._model.nu))
        steps = [self._describe(state, *rest) for state, *rest in zip(states, ctrl, A, B, strict=True)]
        missing = list[int]()
        for t, step in enumerate(steps):
            known = self._known.get(first + t)
            if known is None or not known.is_near(step):
                missing.append(t)
                continue
            step.A[:], step.B[:], steps[t] = known.A, known.B, known
        self._known = {first + t: step for t, step in enumerate(steps)}

        def work(worker: int) -> None:
            for t in missing[worker :: len(self._workers)]:
                self._control_step(self._workers[worker], states[t], ctrl[t], A[t], B[t])

        if self._pool is None:
            work(0)
        else:
            list(self._pool.map(work, range(len(self._workers))))
        return A.copy(), B.copy()  # what is remembered stays as it is

    def _describe(self, state: np.ndarray, ctrl: np.ndarray, A: np.ndarray, B: np.ndarray) -> _Known:
        """A control step whose derivatives are still to be filled in."""
        data = self._workers[0]
        mujoco.mj_setState(self._model, data, state, FULL_STATE)
        mujoco.mj_fwdPosition(self._model, data)
        return _Known(data.qpos.copy(), data.qvel.copy(), ctrl, data.contact.geom.tobytes(), A, B)

    def _control_step(
        self, data: mujoco.MjData, state: np.ndarray, ctrl: np.ndarray, A: np.ndarray, B: np.ndarray
    ) -> None:
        mujoco.mj_setState(self._model, data, state, FULL_STATE)
        data.ctrl[:] = ctrl
        for substep in range(SUBSTEPS):
            a, b = differentiate_step(self._model, data)
            if substep == 0:
                A[:], B[:] = a, b
            else:
                A[:], B[:] = a @ A, a @ B + b
            if substep < SUBSTEPS - 1:
                mujoco.mj_step(self._model, data)


def differentiate_step(model: mujoco.MjModel, data: mujoco.MjData) -> tuple[np.ndarray, np.ndarray]:
    """Derivatives of one physics step from the state of `data`, which stays.

    A perturbation that closes a contact shows a jump, not a slope: a column with one is taken from the perturbation to
    the other side, where that is smaller.

    Returns:
      A (2 nv, 2 nv) and B (2 nv, nu).
    """
    n = 2 * model.nv
    A, B = np.empty((n, n)), np.empty((n, model.nu))
    mujoco.mjd_transitionFD(model, data, DIFFERENCE, False, A, B, None, None)
    if np.abs(A).max() < JUMP:
        return A, B
    other_A, other_B = np.empty_like(A), np.empty_like(B)
    mujoco.mjd_transitionFD(model, data, -DIFFERENCE, False, other_A, other_B, None, None)
    for one, other in ((A, other_A), (B, other_B)):
        smaller = np.abs(other).max(axis=0) < np.abs(one).max(axis=0)
        one[:, smaller] = other[:, smaller]
    return A, B


def target_derivatives(joints: JointLayout, qpos: np.ndarray, following: np.ndarray) -> np.ndarray:
    """How the environment's servo targets move with the pose, at constant action.

    A hinge's target does not depend on where the hinge is. That of a ball joint is its rotation vector here plus the
    short way to the reference, whose derivatives cancel only at small angles; those of one ball are coupled, those of
    different balls are not.

    Args:
      joints: the layout.
      qpos: poses, (H, nq).
      following: the reference's poses that they are driven to, (H, nq).

    Returns:
      d ctrl / d tangent of qpos, (H, nu, nv).
    """
    balls_qpos, balls_dof = joints.quat_qpos[1:], joints.quat_dof[1:]
    quat = qpos[:, balls_qpos]
    way = relative_rotvec(quat, following[:, balls_qpos])
    # Of the rotation vector here: one over the right Jacobian of the rotation; of the way left: minus one over the
    # left Jacobian of the way.
    block = inverse_right_jacobian(rotvec(quat)) - inverse_right_jacobian(-way)
    full = np.zeros((len(qpos), joints.nv, joints.nv))
    full[:, balls_dof[:, :, None], balls_dof[:, None, :]] = block
    return full[:, joints.actuator_dof]
