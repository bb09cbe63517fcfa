"""Where the body's points are, and how they move with the joints: MuJoCo's kinematics over whole trajectories."""

from dataclasses import dataclass

import mujoco
import numpy as np


@dataclass(frozen=True)
class Kinematics:
    """Points of a body over T frames, with their Jacobians in MuJoCo's tangent space."""

    points_w: np.ndarray
    """Sites, world frame [m], (T, P, 3)."""
    points_jac: np.ndarray
    """d points_w / d tangent, (T, P, 3, nv)."""
    com_w: np.ndarray
    """Centre of mass of the whole body, world frame [m], (T, 3)."""
    com_jac: np.ndarray
    """d com_w / d tangent, (T, 3, nv)."""
    momentum: np.ndarray
    """Angular momentum about the centre of mass = momentum @ qvel, world frame [kg m2/s], (T, 3, nv)."""


def kinematics(model: mujoco.MjModel, qpos: np.ndarray, sites: np.ndarray) -> Kinematics:
    """Positions and Jacobians of `sites` (P,) and of the centre of mass for every frame of qpos (T, nq).

    About 60 microseconds a frame: linear in T, and small beside the linear algebra that follows.
    """
    frames, count, nv = len(qpos), len(sites), model.nv
    data = mujoco.MjData(model)
    root = model.jnt_bodyid[0]
    points = np.empty((frames, count, 3))
    points_jac = np.zeros((frames, count, 3, nv))
    com = np.empty((frames, 3))
    com_jac = np.zeros((frames, 3, nv))
    momentum = np.zeros((frames, 3, nv))
    site_list = [int(site) for site in sites]
    for t in range(frames):
        data.qpos[:] = qpos[t]
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        points[t] = data.site_xpos[sites]
        com[t] = data.subtree_com[root]
        mujoco.mj_jacSubtreeCom(model, data, com_jac[t], root)
        mujoco.mj_angmomMat(model, data, momentum[t], root)
        for p, site in enumerate(site_list):
            mujoco.mj_jacSite(model, data, points_jac[t, p], None, site)
    return Kinematics(points, points_jac, com, com_jac, momentum)


def site_positions(model: mujoco.MjModel, qpos: np.ndarray, sites: np.ndarray) -> np.ndarray:
    """Positions of `sites` (P,) in every frame of qpos (T, nq), world frame [m], (T, P, 3)."""
    data = mujoco.MjData(model)
    points = np.empty((len(qpos), len(sites), 3))
    for t, pose in enumerate(qpos):
        data.qpos[:] = pose
        mujoco.mj_kinematics(model, data)
        points[t] = data.site_xpos[sites]
    return points


def com_positions(model: mujoco.MjModel, qpos: np.ndarray) -> np.ndarray:
    """Centre of mass in every frame, world frame [m], (T, 3)."""
    data = mujoco.MjData(model)
    com = np.empty((len(qpos), 3))
    for t, pose in enumerate(qpos):
        data.qpos[:] = pose
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        com[t] = data.subtree_com[model.jnt_bodyid[0]]
    return com


def integrate(model: mujoco.MjModel, qpos: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Moves every frame along its tangent step (T, nv): q exp(step) for rotations, sums elsewhere, (T, nq)."""
    moved = np.array(qpos, dtype=np.float64)
    for t in range(len(moved)):
        mujoco.mj_integratePos(model, moved[t], np.ascontiguousarray(step[t]), 1.0)
    return moved


def difference(model: mujoco.MjModel, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The tangent steps that lead from `start` to `end`, both (T, nq), result (T, nv)."""
    step = np.zeros((len(start), model.nv))
    for t in range(len(step)):
        mujoco.mj_differentiatePos(model, step[t], 1.0, np.ascontiguousarray(start[t]), np.ascontiguousarray(end[t]))
    return step


def quaternion_columns(model: mujoco.MjModel) -> list[np.ndarray]:
    """For each ball and free joint the four columns of qpos that hold its quaternion."""
    columns = []
    for joint in range(model.njnt):
        start = model.jnt_qposadr[joint]
        if model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_FREE:
            columns.append(start + 3 + np.arange(4))
        elif model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_BALL:
            columns.append(start + np.arange(4))
    return columns
