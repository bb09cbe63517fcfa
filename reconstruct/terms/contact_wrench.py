"""The wrench that a motion needs, against what its contacts can give, wherever they are and whichever way they face.

At a contact, forces lie within the friction cone about its normal; a hand that grips may pull as well. Over all of a
frame's contacts these forces span a cone of wrenches. The residual is what is left of the needed wrench (Newton, Euler)
by the nearest one of that cone, found by non-negative least squares.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from reconstruct.kinematics import GRAVITY
from reconstruct.solver.blocks import Block
from reconstruct.solver.tangent import skew
from reconstruct.terms.dynamics import FOOT_HALF_WIDTH, FRICTION, CentroidalMotion

NONE, PUSHES, GRIPS = 0, 1, 2
"""What a point does in a frame: nothing, presses upon a surface, holds a bar."""


@dataclass(frozen=True)
class Contacts:
    """Points of the body that something carries, (T, N)."""

    pos_w: np.ndarray
    """Where the force acts, world frame [m], (T, N, 3)."""
    jac: np.ndarray | None
    """d pos_w / d tangent, (T, N, 3, nv); None where no derivative is asked for."""
    mode: np.ndarray
    """`NONE`, `PUSHES` or `GRIPS`, (T, N)."""
    normal: np.ndarray
    """Out of the surface that is pressed upon, (T, N, 3) or what broadcasts to it."""

    def forces(self, t: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Forces that the contacts of a frame can give, as cone edges.

        Returns:
          Which contact gives each, (E,), where it acts [m], (E, 3), and its direction, (E, 3).
        """
        owner, place, way = list[int](), list[np.ndarray](), list[np.ndarray]()
        normal = np.broadcast_to(self.normal, self.pos_w.shape)
        for n in np.flatnonzero(self.mode[t]):
            if self.mode[t, n] == GRIPS:
                ends = np.concatenate([np.eye(3), -np.eye(3)])
                offsets = np.zeros((1, 3))
            else:
                up = normal[t, n]
                side = np.cross(up, [1.0, 0.0, 0.0] if abs(up[0]) < 0.9 else [0.0, 1.0, 0.0])
                side /= np.linalg.norm(side)
                sides = np.array([side, -side, np.cross(up, side), -np.cross(up, side)])
                ends, offsets = up + FRICTION * sides, FOOT_HALF_WIDTH * sides
            for offset in offsets:
                owner += [int(n)] * len(ends)
                place += [self.pos_w[t, n] + offset] * len(ends)
                way += list(ends)
        return np.array(owner, dtype=int), np.array(place).reshape(-1, 3), np.array(way).reshape(-1, 3)


def contact_wrench(
    body: CentroidalMotion, contacts: Contacts, counts: np.ndarray, sigma: tuple[float, float]
) -> tuple[Block, np.ndarray]:
    """What contacts cannot give of the wrench that a motion needs, (T - 2, 6), by mass.

    The Jacobian is that of variable projection (Kaufman 1975): forces that are in use follow the motion within their
    span, and only what leaves the span counts.

    Args:
      body: motion of the whole body.
      contacts: of all T frames.
      counts: frames that count, bool (T,).
      sigma: standard deviations of force by mass [m/s2], and of moment by mass [m2/s2].

    Returns:
      The block, and the contacts' forces by mass [m/s2], (T - 2, N, 3).
    """
    frames, nv = len(body.com_w), body.com_jac.shape[-1]
    scale = 1.0 / np.repeat(sigma, 3)
    residual = np.zeros((frames, 6))
    jacobian = np.zeros((frames, 3, 6, nv))
    given = np.zeros((frames, contacts.mode.shape[1], 3))
    for t in np.flatnonzero(counts[1:-1]).tolist():
        needed = np.concatenate([body.acceleration[t] + [0.0, 0.0, GRAVITY], body.moment[t] / body.mass]) * scale
        by_pose = np.concatenate([body.acceleration_jac[t], body.moment_jac[t] / body.mass], axis=1) * scale[:, None]
        owner, place, way = contacts.forces(t + 1)
        if len(owner):
            columns = np.concatenate([way, np.cross(place - body.com_w[t], way)], axis=1).T * scale[:, None]
            strength, _ = nnls(columns, needed)
            np.add.at(given[t], owner, strength[:, None] * way)
            needed = needed - columns @ strength
            in_use = strength > 1e-9
            if in_use.any():
                by_pose[1] -= scale[:, None] * _moment_jacobian(body, contacts, t, given[t])
                basis, size, _ = np.linalg.svd(columns[:, in_use], full_matrices=False)
                basis = basis[:, size > 1e-6 * size[0]]
                by_pose -= basis @ (basis.T @ by_pose)
        residual[t], jacobian[t] = needed, by_pose
    return Block("wrench", residual, jacobian, group=6), given


def _moment_jacobian(body: CentroidalMotion, contacts: Contacts, t: int, given: np.ndarray) -> np.ndarray:
    """How the moment of given forces about the centre of mass moves with the pose: (dp - dc) x F, (6, nv)."""
    by_pose = np.zeros((6, body.com_jac.shape[-1]))
    if contacts.jac is not None:
        held = np.flatnonzero(np.abs(given).any(axis=1))
        arms = contacts.jac[t + 1, held] - body.com_jac[t]
        by_pose[3:] = -np.einsum("nij,njd->id", skew(given[held]), arms)
    return by_pose


def unsupported_share(body: CentroidalMotion, contacts: Contacts, counts: np.ndarray) -> np.ndarray:
    """Force that no contact gives, moments counted at half a metre [share of the body's weight], (T - 2,)."""
    block, _ = contact_wrench(body, contacts, counts, (1.0, 0.5))
    return np.linalg.norm(block.residual, axis=1) / GRAVITY
