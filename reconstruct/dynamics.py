"""What physics demands of a motion: parabolas and steady spin in flight, and support under the moments on the ground.

Angular momentum is that of point masses (`BodyPoints.of_masses`): with r from the centre of mass, between two frames it
is simply the sum of m r(t) x r(t+1) over the time between them, which makes its Jacobian exact and short.
"""

from dataclasses import dataclass

import mujoco
import numpy as np

from reconstruct.kinematics import GRAVITY, Kinematics
from reconstruct.solve import Block
from reconstruct.tangent import skew

FOOT_HALF_WIDTH = 0.04
"""Contact points lie on a foot's middle line; the support reaches this far around them [m]."""
FRICTION = 0.8
"""Most that the ground holds against sliding, over what presses on it."""
LEAST_LOAD = 0.2
"""A body on the ground presses on it with at least this share of its weight."""


@dataclass(frozen=True)
class Masses:
    """Point masses among the points of a `Kinematics`."""

    points: slice
    """Which ones, as many as `mass`."""
    mass: np.ndarray
    """[kg], (M,)."""

    @classmethod
    def of(cls, model: mujoco.MjModel, first: int) -> "Masses":
        """Of the points that `BodyPoints.of_masses` makes, if the first of them has the index `first`."""
        mass = np.repeat(model.body_mass[1:] / 4.0, 4)
        return cls(slice(first, first + len(mass)), mass)


def flight_parabola(kin: Kinematics, flight: np.ndarray, fps: float, spread: float) -> Block:
    """In flight the centre of mass falls with g and keeps its horizontal speed, (T - 2, 3).

    Args:
      flight: frames without any contact, bool (T,); a row counts when its frame and both neighbours fly.
      spread: standard deviation of the acceleration [m/s2].
    """
    flying = (flight[:-2] & flight[1:-1] & flight[2:])[:, None] / spread
    acceleration = com_acceleration(kin.com_w, fps) + np.array([0.0, 0.0, GRAVITY])
    jacobian = second_difference(kin.com_jac, fps) * flying[:, None, :, None]
    return Block("flight", flying * acceleration, jacobian)


def flight_spin(kin: Kinematics, masses: Masses, flight: np.ndarray, fps: float, spread: float) -> Block:
    """In flight nothing turns the body: its angular momentum keeps its value from frame to frame, (T - 2, 3).

    Args:
      masses: which of the kinematics' points are point masses.
      flight: as in `flight_parabola`.
      spread: standard deviation of the moment [N m].
    """
    flying = (flight[:-2] & flight[1:-1] & flight[2:])[:, None] / spread
    moment, jacobian = momentum_rate(kin, masses, fps)
    return Block("spin", flying * moment, jacobian * flying[:, None, :, None])


def friction_cone(kin: Kinematics, fps: float, spread: float) -> Block:
    """The ground pushes and does not pull, and sideways no more than friction allows, (T - 2, 1).

    Coulomb's cone about the force that the motion needs. It is convex and holds the nothing of flight, too, so it is
    true of the mean over any time, and no contact has to be known: what a body takes off with, it has to gain before.

    Args:
      spread: standard deviation of the force outside of the cone, by mass [m/s2].
    """
    force, force_jac = com_acceleration(kin.com_w, fps), second_difference(kin.com_jac, fps)
    force[:, 2] += GRAVITY
    along = np.linalg.norm(force[:, :2], axis=1)
    excess = np.maximum(along - FRICTION * force[:, 2], 0.0)
    normal = np.concatenate([force[:, :2] / np.maximum(along, 1e-9)[:, None], np.full((len(force), 1), -FRICTION)], 1)
    jacobian = np.einsum("ti,tkid->tkd", normal * (excess > 0)[:, None] / spread, force_jac)
    return Block("friction", excess[:, None] / spread, jacobian[:, :, None])


def zero_moment_point(
    kin: Kinematics, masses: Masses, points: slice | np.ndarray, contact: np.ndarray, fps: float, spread: float
) -> Block:
    """On the ground, the force that the motion needs must pass through the support, (T - 2, 2).

    The residual is the way from the zero-moment point (Vukobratovic 1972) to the support polygon, times the load in
    body weights, so that it stays finite when the load vanishes. At rest it leads from the centre of mass.

    The support is kept in the Jacobian although its nearest point moves. For feet that stand still the gradient is
    exact all the same, and a Gauss-Newton step cannot overshoot: the distance to one point of a convex set bounds the
    distance to the set.

    Args:
      masses: which of the kinematics' points are point masses.
      points: which of them may touch the ground.
      contact: which of these do, bool (T, P); rows without any contact are left out.
      spread: standard deviation of the distance [m].
    """
    zmp, load = zero_moment_points(kin, masses, fps)
    nearest = nearest_in_hull(zmp, kin.points_w[1:-1, points, :2], contact[1:-1])
    away = np.linalg.norm(zmp - nearest, axis=-1, keepdims=True)
    support = nearest + (zmp - nearest) * np.minimum(1.0, FOOT_HALF_WIDTH / np.maximum(away, 1e-9))
    outside = contact[1:-1].any(axis=1, keepdims=True) & (away > FOOT_HALF_WIDTH)
    scale = outside / (GRAVITY * spread)

    # With lever = c_z a + (dL_y, -dL_x) / m the point is c - lever / load.
    com, com_jac = kin.com_w[1:-1], kin.com_jac[1:-1]
    acceleration, acceleration_jac = com_acceleration(kin.com_w, fps), second_difference(kin.com_jac, fps)
    _, moment_jac = momentum_rate(kin, masses, fps)
    arm = com[:, :2] - support
    jacobian = arm[:, None, :, None] * acceleration_jac[:, :, 2:3] - com[:, None, 2:, None] * acceleration_jac[:, :, :2]
    jacobian -= np.stack([moment_jac[:, :, 1], -moment_jac[:, :, 0]], axis=2) / masses.mass.sum()
    jacobian[:, 1] += load[:, None, None] * com_jac[:, :2] - acceleration[:, :2, None] * com_jac[:, 2:]
    residual = scale * (zmp - support) * load[:, None]
    return Block("zmp", residual, jacobian * scale[:, None, :, None], group=2)


def free_moment(
    kin: Kinematics, masses: Masses, points: slice | np.ndarray, contact: np.ndarray, fps: float, spread: float
) -> Block:
    """On the ground, nothing but friction turns the body about the vertical, (T - 2, 1).

    The moment that the motion needs about the vertical through the zero-moment point, beyond what friction holds: its
    share of the load, at the furthest part of the support. One foot holds some 40 N m; a reference that pirouettes
    faster makes the simulated foot slip. The zero-moment point is kept in the Jacobian.

    Args:
      masses: which of the kinematics' points are point masses.
      points: which of them may touch the ground.
      contact: which of these do, bool (T, P); rows without any contact are left out.
      spread: standard deviation of the moment [N m].
    """
    zmp, _ = zero_moment_points(kin, masses, fps)
    corners, present, mass = kin.points_w[1:-1, points, :2], contact[1:-1], masses.mass.sum()
    centre = nearest_in_hull(zmp, corners, present)
    reach = np.where(present, np.linalg.norm(corners - centre[:, None], axis=-1), 0.0).max(axis=1) + FOOT_HALF_WIDTH
    com, com_jac = kin.com_w[1:-1], kin.com_jac[1:-1]
    acceleration, acceleration_jac = com_acceleration(kin.com_w, fps), second_difference(kin.com_jac, fps)
    rate, rate_jac = momentum_rate(kin, masses, fps)
    arm, hold = com[:, :2] - centre, FRICTION * mass * reach
    moment = rate[:, 2] + mass * (arm[:, 0] * acceleration[:, 1] - arm[:, 1] * acceleration[:, 0])
    load = acceleration[:, 2] + GRAVITY
    excess = np.where(present.any(axis=1), np.abs(moment) - hold * np.maximum(load, 0.0), 0.0)

    x, y, z = (acceleration_jac[:, :, axis] for axis in range(3))
    moment_jac = rate_jac[:, :, 2] + mass * (arm[:, 0, None, None] * y - arm[:, 1, None, None] * x)
    moment_jac[:, 1] += mass * (acceleration[:, 1, None] * com_jac[:, 0] - acceleration[:, 0, None] * com_jac[:, 1])
    jacobian = np.sign(moment)[:, None, None] * moment_jac - (hold * (load > 0))[:, None, None] * z
    scale = (excess > 0) / spread
    return Block("twist", (scale * excess)[:, None], (scale[:, None, None] * jacobian)[:, :, None], group=1)


def zero_moment_points(kin: Kinematics, masses: Masses, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """Where on the ground the contact force would have to act, (T - 2, 2) [m], and its load per mass [m/s2], (T - 2,).

    The moment of gravity and inertia about a point p of the ground has no horizontal part where
    (c - p) load = c_z a + (dL_y, -dL_x) / m, with the centre of mass c, its acceleration a and load = a_z + g.
    """
    moment, _ = momentum_rate(kin, masses, fps)
    acceleration, com = com_acceleration(kin.com_w, fps), kin.com_w[1:-1]
    load = np.maximum(acceleration[:, 2] + GRAVITY, LEAST_LOAD * GRAVITY)
    turning = np.stack([moment[:, 1], -moment[:, 0]], axis=-1) / masses.mass.sum()
    return com[:, :2] - (com[:, 2:] * acceleration[:, :2] + turning) / load[:, None], load


def com_acceleration(com_w: np.ndarray, fps: float) -> np.ndarray:
    """Second differences of positions (T, 3) [m/s2], (T - 2, 3)."""
    return (com_w[2:] - 2.0 * com_w[1:-1] + com_w[:-2]) * fps**2


def second_difference(jac: np.ndarray, fps: float) -> np.ndarray:
    """Jacobian of `com_acceleration` by the three frames it touches, (T, 3, nv) -> (T - 2, 3, 3, nv)."""
    return np.stack([jac[:-2], -2.0 * jac[1:-1], jac[2:]], axis=1) * fps**2


def momentum_rate(kin: Kinematics, masses: Masses, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """Rate of the angular momentum about the centre of mass [N m], (T - 2, 3), and its Jacobian (T - 2, 3, 3, nv)."""
    arm = kin.points_w[:, masses.points] - kin.com_w[:, None]
    momentum = np.einsum("p,tpi->ti", masses.mass, np.cross(arm[:-1], arm[1:])) * fps
    # Sum of m [r]x d(p - c): the mean arm vanishes, so the centre of mass drops out of the derivative.
    frames, count = arm.shape[:2]
    moved = kin.points_jac[:, masses.points].reshape(frames, 3 * count, -1)
    lever = np.swapaxes(masses.mass[:, None, None] * skew(arm), 1, 2).reshape(frames, 3, 3 * count) * fps
    by_start, by_end = -lever[1:] @ moved[:-1], lever[:-1] @ moved[1:]
    jacobian = np.stack([-by_start[:-1], by_start[1:] - by_end[:-1], by_end[1:]], axis=1) * fps
    return (momentum[1:] - momentum[:-1]) * fps, jacobian


def nearest_in_hull(point: np.ndarray, corners: np.ndarray, present: np.ndarray) -> np.ndarray:
    """The nearest point of the convex hull of some corners, in the plane, for many frames at once.

    Args:
      point: (N, 2).
      corners: (N, P, 2).
      present: which corners count, bool (N, P); a frame without any gets its point back.

    Returns:
      (N, 2).
    """
    count = corners.shape[1]
    best, best_distance = point.copy(), np.full(len(point), np.inf)
    inside = np.zeros(len(point), dtype=bool)
    for i in range(count):
        for j in range(i, count):
            usable = present[:, i] & present[:, j]
            edge = corners[:, j] - corners[:, i]
            along = np.sum((point - corners[:, i]) * edge, axis=-1) / np.maximum(np.sum(edge**2, axis=-1), 1e-12)
            candidate = corners[:, i] + np.clip(along, 0.0, 1.0)[:, None] * edge
            distance = np.where(usable, np.linalg.norm(point - candidate, axis=-1), np.inf)
            nearer = distance < best_distance
            best[nearer], best_distance[nearer] = candidate[nearer], distance[nearer]
            for k in range(j + 1, count):
                if i != j:
                    inside |= usable & present[:, k] & in_triangle(point, corners[:, i], corners[:, j], corners[:, k])
    return np.where((inside | ~np.isfinite(best_distance))[:, None], point, best)


def in_triangle(point: np.ndarray, a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Whether points lie in triangles of the plane, all (N, 2), result bool (N,)."""

    def side(start: np.ndarray, end: np.ndarray) -> np.ndarray:
        edge, way = end - start, point - start
        return edge[:, 0] * way[:, 1] - edge[:, 1] * way[:, 0]

    signs = np.stack([side(a, b), side(b, c), side(c, a)])
    return np.asarray((signs >= 0).all(axis=0) | (signs <= 0).all(axis=0))
