"""Terms of the fit of a retargeted motion that the reconstruction does not have."""

from dataclasses import replace

import mujoco
import numpy as np

from reconstruct.contacts import find_runs
from reconstruct.kinematics import BodyPoints, Kinematics, PointPaths, PointSet, compute_kinematics
from reconstruct.solver.blocks import Block
from reconstruct.solver.tangent import TangentSpace
from reconstruct.terms import residuals
from reconstruct.terms.dynamics import CentroidalMotion, com_acceleration, flight_spin, second_difference

SHORTEST_FLIGHT_S = 0.2
"""Duration of flights below which their angular momentum is left free [s]: they hardly rotate the body."""


def contact_places(contacts: PointPaths, contact: np.ndarray, places: np.ndarray, sigma: float) -> Block:
    """Points in contact stay at their places, (T, 3 P).

    Args:
      contacts: points that may touch the ground, (T, P).
      contact: which of them rest, bool (T, P).
      places: where they should be, world frame [m], (T, P, 3).
      sigma: standard deviation of the distance [m].
    """
    scale = contact[..., None] / sigma
    residual = scale * (contacts.pos_w - places)
    jacobian = scale[..., None] * contacts.jac
    frames, _, _, nv = jacobian.shape
    return Block(
        "contact",
        residual.reshape(frames, -1),
        jacobian.reshape(frames, 1, -1, nv),
        moved=np.repeat(contacts.moved, 3, axis=0),
    )


def balance(kin: Kinematics, com_w: np.ndarray, supported: np.ndarray, sigma: float) -> Block:
    """The centre of mass is above where it should be, (T, 2).

    Args:
      kin: the body's motion.
      com_w: where the centre of mass should be, world frame [m], (T, 3).
      supported: frames in which the term is in force, bool (T,).
      sigma: standard deviation of the horizontal distance [m].
    """
    scale = supported[:, None] / sigma
    jacobian = kin.com_jac[:, :2] * scale[..., None]
    return Block("balance", scale * (kin.com_w - com_w)[:, :2], jacobian[:, None])


def com_acceleration_near(kin: Kinematics, target: np.ndarray, fps: float, sigma: np.ndarray) -> Block:
    """The centre of mass is accelerated as given, (T - 2, 3).

    Args:
      kin: the body's motion.
      target: the given acceleration [m/s2], (T - 2, 3).
      fps: frames a second.
      sigma: standard deviation of it [m/s2], (T - 2,).
    """
    residual = (com_acceleration(kin.com_w, fps) - target) / sigma[:, None]
    return Block("com_acceleration", residual, second_difference(kin.com_jac, fps) / sigma[:, None, None, None])


def steady_spin(model: mujoco.MjModel, qpos: np.ndarray, flight: np.ndarray, fps: float, sigma: float) -> list[Block]:
    """Nothing turns the body in flights that last (`SHORTEST_FLIGHT_S`): `dynamics.flight_spin` of each.

    Args:
      model: the body.
      qpos: its motion, (T, nq).
      flight: frames in which it flies, bool (T,).
      fps: frames a second.
      sigma: standard deviation of the moment [N m].
    """
    masses, blocks = PointSet.of(masses=BodyPoints.of_masses(model)), list[Block]()
    for start, end in find_runs(flight):
        if end - start >= max(SHORTEST_FLIGHT_S * fps, 3):
            body = CentroidalMotion.of(model, compute_kinematics(model, qpos[start:end], masses), fps)
            blocks.append(replace(flight_spin(body, np.ones(end - start, dtype=bool), sigma), first=start))
    return blocks


def speed_limit(space: TangentSpace, qpos: np.ndarray, fps: float, limit: float, sigma: float) -> Block:
    """How much faster than a limit joints rotate; the root is free, (T - 1, nv).

    Args:
      space: tangent space of the poses.
      qpos: the motion, (T, nq).
      fps: frames a second.
      limit: largest speed [rad/s].
      sigma: standard deviation of the excess in one frame [rad].
    """
    block = residuals.velocity(space, qpos, fps, np.ones(space.nv))
    excess = block.residual - np.clip(block.residual, -limit, limit)
    excess[:, :6] = 0.0
    weight = 1.0 / (sigma * fps)
    return Block("speed", excess * weight, block.jacobian * ((excess != 0) * weight)[:, None])
