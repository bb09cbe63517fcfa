"""What physics demands of a motion: parabolas and steady spin in flight, and support under the moments on the ground.

Angular momentum is that of point masses (`BodyPoints.of_masses`): with r from the centre of mass, between two frames it
is simply the sum of m r(t) x r(t+1) over the time between them, which makes its Jacobian exact and short.
"""

from dataclasses import dataclass

import mujoco
import numpy as np

from reconstruct.kinematics import GRAVITY, Kinematics, PointPaths, point_masses
from reconstruct.solver.blocks import Block

FOOT_HALF_WIDTH = 0.04
"""Half the width of a foot [m]: contact points lie on its middle line, and the support extends this far around them."""
FRICTION = 0.8
"""Coefficient of friction of the ground."""
LEAST_LOAD = 0.2
"""Smallest load on the ground that zero-moment points are computed for, as a share of the body's weight."""


@dataclass(frozen=True)
class CentroidalMotion:
    """What a body does as a whole: its centre of mass and its angular momentum, in all frames but the first and last.

    Jacobians are by the three frames that second differences touch, (T - 2, 3, ..., nv).
    """

    com_w: np.ndarray
    """Centre of mass, world frame [m], (T - 2, 3)."""
    com_jac: np.ndarray
    """d com_w / d tangent of the same frame, (T - 2, 3, nv)."""
    acceleration: np.ndarray
    """Of the centre of mass [m/s2], (T - 2, 3)."""
    acceleration_jac: np.ndarray
    """(T - 2, 3, 3, nv)."""
    moment: np.ndarray
    """Rate of the angular momentum about the centre of mass [N m], (T - 2, 3)."""
    moment_jac: np.ndarray
    """(T - 2, 3, 3, nv)."""
    mass: float
    """Of the body [kg]."""

    @classmethod
    def of(cls, model: mujoco.MjModel, kin: Kinematics, fps: float) -> "CentroidalMotion":
        """From the motion of `BodyPoints.of_masses`, the group `masses` of the kinematics."""
        mass = point_masses(model)
        moment, moment_jac = momentum_rate(kin["masses"], mass, kin.com_w, fps)
        return cls(
            kin.com_w[1:-1],
            kin.com_jac[1:-1],
            com_acceleration(kin.com_w, fps),
            second_difference(kin.com_jac, fps),
            moment,
            moment_jac,
            mass.sum(),
        )

    def zero_moment_points(self) -> tuple[np.ndarray, np.ndarray]:
        """Where on the ground the contact force would have to act [m], (T - 2, 2), and its load [m/s2], (T - 2,).

        The load is the force by mass. The moment of gravity and inertia about a point p of the ground has no horizontal
        part where (c - p) load = c_z a + (dL_y, -dL_x) / m, with the centre of mass c, its acceleration a and
        load = a_z + g.
        """
        load = np.maximum(self.acceleration[:, 2] + GRAVITY, LEAST_LOAD * GRAVITY)
        turning = np.stack([self.moment[:, 1], -self.moment[:, 0]], axis=-1) / self.mass
        return self.com_w[:, :2] - (self.com_w[:, 2:] * self.acceleration[:, :2] + turning) / load[:, None], load


def flight_parabola(body: CentroidalMotion, flight: np.ndarray, sigma: float) -> Block:
    """In flight the centre of mass falls with g and keeps its horizontal speed, (T - 2, 3).

    Args:
      body: motion of the whole body.
      flight: frames without any contact, bool (T,); a residual counts when its frame and both neighbours fly.
      sigma: standard deviation of the acceleration [m/s2].
    """
    flying = all_three(flight)[:, None] / sigma
    acceleration = body.acceleration + np.array([0.0, 0.0, GRAVITY])
    return Block("flight", flying * acceleration, body.acceleration_jac * flying[:, None, :, None])


def flight_spin(body: CentroidalMotion, flight: np.ndarray, sigma: float) -> Block:
    """In flight nothing turns the body: its angular momentum keeps its value from frame to frame, (T - 2, 3).

    Args:
      body: motion of the whole body.
      flight: as in `flight_parabola`.
      sigma: standard deviation of the moment [N m].
    """
    flying = all_three(flight)[:, None] / sigma
    return Block("spin", flying * body.moment, body.moment_jac * flying[:, None, :, None])


def friction_cone(body: CentroidalMotion, sigma: float) -> Block:
    """The ground pushes and does not pull, and sideways no more than friction allows, (T - 2, 1).

    Coulomb's cone about the force that the motion needs. The cone is convex and contains zero, the force in flight, so
    the term holds for the mean over any time and no contact has to be known: what a body takes off with, it has to gain
    before.

    Args:
      body: motion of the whole body.
      sigma: standard deviation of the force outside of the cone, by mass [m/s2].
    """
    force = body.acceleration + np.array([0.0, 0.0, GRAVITY])
    along = np.linalg.norm(force[:, :2], axis=1)
    excess = np.maximum(along - FRICTION * force[:, 2], 0.0)
    normal = np.concatenate([force[:, :2] / np.maximum(along, 1e-9)[:, None], np.full((len(force), 1), -FRICTION)], 1)
    jacobian = np.einsum("ti,tkid->tkd", normal * (excess > 0)[:, None] / sigma, body.acceleration_jac)
    return Block("friction", excess[:, None] / sigma, jacobian[:, :, None])


def zero_moment_point(body: CentroidalMotion, corners_w: np.ndarray, contact: np.ndarray, sigma: float) -> Block:
    """On the ground, the force that the motion needs must pass through the support, (T - 2, 2).

    The residual is the vector to the zero-moment point (Vukobratovic 1972) from the support polygon, times the load in
    body weights, so that it stays finite when the load vanishes. At rest the point is below the centre of mass.

    The support is taken as fixed in the Jacobian although its nearest point moves. For feet that stand still the
    gradient is exact all the same, and a Gauss-Newton step cannot overshoot: the distance to one point of a convex set
    bounds the distance to the set.

    Args:
      body: motion of the whole body.
      corners_w: points that may touch the ground, world frame [m], (T, P, 3).
      contact: which of these do, bool (T, P); frames without any contact are left out.
      sigma: standard deviation of the distance [m].
    """
    zmp, load = body.zero_moment_points()
    nearest = nearest_in_hull(zmp, corners_w[1:-1, :, :2], contact[1:-1])
    away = np.linalg.norm(zmp - nearest, axis=-1, keepdims=True)
    support = nearest + (zmp - nearest) * np.minimum(1.0, FOOT_HALF_WIDTH / np.maximum(away, 1e-9))
    outside = contact[1:-1].any(axis=1, keepdims=True) & (away > FOOT_HALF_WIDTH)
    scale = outside / (GRAVITY * sigma)

    # With lever = c_z a + (dL_y, -dL_x) / m the point is c - lever / load.
    com, com_jac, by_acceleration = body.com_w, body.com_jac, body.acceleration_jac
    arm = com[:, :2] - support
    jacobian = arm[:, None, :, None] * by_acceleration[:, :, 2:3] - com[:, None, 2:, None] * by_acceleration[:, :, :2]
    jacobian -= np.stack([body.moment_jac[:, :, 1], -body.moment_jac[:, :, 0]], axis=2) / body.mass
    jacobian[:, 1] += load[:, None, None] * com_jac[:, :2] - body.acceleration[:, :2, None] * com_jac[:, 2:]
    residual = scale * (zmp - support) * load[:, None]
    return Block("zmp", residual, jacobian * scale[:, None, :, None], group=2)


def free_moment(body: CentroidalMotion, corners_w: np.ndarray, contact: np.ndarray, sigma: float) -> Block:
    """On the ground, nothing but friction turns the body about the vertical, (T - 2, 1).

    The moment that the motion needs about the vertical through the zero-moment point, beyond what friction holds: its
    share of the load, at the furthest part of the support. One foot holds some 40 N m; a reference that pirouettes
    faster makes the simulated foot slip. The zero-moment point is taken as fixed in the Jacobian.

    Args:
      body: motion of the whole body.
      corners_w: points that may touch the ground, world frame [m], (T, P, 3).
      contact: which of these do, bool (T, P); frames without any contact are left out.
      sigma: standard deviation of the moment [N m].
    """
    zmp, _ = body.zero_moment_points()
    corners, present, mass = corners_w[1:-1, :, :2], contact[1:-1], body.mass
    centre = nearest_in_hull(zmp, corners, present)
    radius = np.where(present, np.linalg.norm(corners - centre[:, None], axis=-1), 0.0).max(axis=1) + FOOT_HALF_WIDTH
    com, com_jac, acceleration = body.com_w, body.com_jac, body.acceleration
    arm, hold = com[:, :2] - centre, FRICTION * mass * radius
    moment = body.moment[:, 2] + mass * (arm[:, 0] * acceleration[:, 1] - arm[:, 1] * acceleration[:, 0])
    load = acceleration[:, 2] + GRAVITY
    excess = np.where(present.any(axis=1), np.abs(moment) - hold * np.maximum(load, 0.0), 0.0)

    x, y, z = (body.acceleration_jac[:, :, axis] for axis in range(3))
    moment_jac = body.moment_jac[:, :, 2] + mass * (arm[:, 0, None, None] * y - arm[:, 1, None, None] * x)
    moment_jac[:, 1] += mass * (acceleration[:, 1, None] * com_jac[:, 0] - acceleration[:, 0, None] * com_jac[:, 1])
    jacobian = np.sign(moment)[:, None, None] * moment_jac - (hold * (load > 0))[:, None, None] * z
    scale = (excess > 0) / sigma
    return Block("free_moment", (scale * excess)[:, None], (scale[:, None, None] * jacobian)[:, :, None], group=1)


def all_three(flags: np.ndarray) -> np.ndarray:
    """Whether a flag holds in a frame and in both of its neighbours, bool (T,) -> (T - 2,)."""
    return flags[:-2] & flags[1:-1] & flags[2:]


def com_acceleration(com_w: np.ndarray, fps: float) -> np.ndarray:
    """Second differences of positions (T, 3) [m/s2], (T - 2, 3)."""
    return (com_w[2:] - 2.0 * com_w[1:-1] + com_w[:-2]) * fps**2


def second_difference(jac: np.ndarray, fps: float) -> np.ndarray:
    """Jacobian of `com_acceleration` by the three frames it touches, (T, 3, nv) -> (T - 2, 3, 3, nv)."""
    return np.stack([jac[:-2], -2.0 * jac[1:-1], jac[2:]], axis=1) * fps**2


def momentum_rate(masses: PointPaths, mass: np.ndarray, com_w: np.ndarray, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """Rate of the angular momentum about the centre of mass [N m], (T - 2, 3), and its Jacobian (T - 2, 3, 3, nv).

    Args:
      masses: where the point masses are, (T, M).
      mass: of each [kg], (M,).
      com_w: their centre [m], (T, 3).
      fps: frames a second.
    """
    arm = masses.pos_w - com_w[:, None]
    momentum = np.einsum("p,tpi->ti", mass, np.cross(arm[:-1], arm[1:])) * fps
    by_start = -_momentum_jac(masses, mass, arm[1:], slice(None, -1)) * fps
    by_end = _momentum_jac(masses, mass, arm[:-1], slice(1, None)) * fps
    jacobian = np.stack([-by_start[:-1], by_start[1:] - by_end[:-1], by_end[1:]], axis=1) * fps
    return (momentum[1:] - momentum[:-1]) * fps, jacobian


def _momentum_jac(masses: PointPaths, mass: np.ndarray, arm: np.ndarray, frames: slice) -> np.ndarray:
    """Sum of m [arm]x d(p - c) / d tangent of some frames, (F, 3, nv), without the Jacobians of the single points.

    The mean arm vanishes, so the centre of mass drops out of the derivative. By a degree of freedom that moves the
    points it carries by v + w x r, the sum is [sum of m arm]x v + (tr(A) I - A^T) w with A the sum of m arm r^T.
    """
    w, v = np.moveaxis(masses.cdof[frames].reshape(len(arm), -1, 2, 3), (2, 3), (0, 1))  # (3, F, nv) each
    weight = mass[:, None] * masses.moved  # of the points that each degree of freedom carries, (M, nv)
    x, y, z = np.moveaxis(arm, 2, 0) @ weight
    own = np.moveaxis(masses.arm[frames], 2, 0)
    squares = np.stack([[one * other for other in own] for one in np.moveaxis(arm, 2, 0)]) @ weight  # (3, 3, F, nv)
    trace = squares[0, 0] + squares[1, 1] + squares[2, 2]
    turned = [trace * w[j] - sum(squares[i, j] * w[i] for i in range(3)) for j in range(3)]
    pushed = (y * v[2] - z * v[1], z * v[0] - x * v[2], x * v[1] - y * v[0])
    return np.stack([push + turn for push, turn in zip(pushed, turned, strict=True)], axis=1)


def nearest_in_hull(point: np.ndarray, corners: np.ndarray, present: np.ndarray) -> np.ndarray:
    """The nearest point of the convex hull of some corners, in the plane, for many frames at once.

    Args:
      point: (N, 2).
      corners: (N, P, 2).
      present: which corners count, bool (N, P); a frame without any gets its point back.

    Returns:
      (N, 2).
    """
    used = np.flatnonzero(present.any(axis=0))
    if not len(used):
        return point
    corners, present = corners[:, used], present[:, used]
    i, j = np.triu_indices(len(used))
    edge = corners[:, j] - corners[:, i]
    along = np.sum((point[:, None] - corners[:, i]) * edge, axis=-1) / np.maximum(np.sum(edge**2, axis=-1), 1e-12)
    candidate = corners[:, i] + np.clip(along, 0.0, 1.0)[..., None] * edge
    distance = np.linalg.norm(point[:, None] - candidate, axis=-1)
    distance[~(present[:, i] & present[:, j])] = np.inf
    best = candidate[np.arange(len(point)), distance.argmin(axis=1)]
    return np.where((is_surrounded(point, corners, present) | ~present.any(axis=1))[:, None], point, best)


def is_surrounded(point: np.ndarray, corners: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Whether points lie inside of the hull of some corners: seen from there, no half of the plane is without one.

    Args:
      point: (N, 2).
      corners: (N, P, 2).
      present: which corners count, bool (N, P).

    Returns:
      bool (N,); False on the edge.
    """
    way = corners - point[:, None]
    angle = np.arctan2(way[..., 1], way[..., 0])
    first = np.take_along_axis(angle, present.argmax(axis=1)[:, None], axis=1)
    angle = np.sort(np.where(present, angle, first), axis=1)
    gaps = np.diff(angle, axis=1, append=angle[:, :1] + 2.0 * np.pi)
    return present.any(axis=1) & (gaps.max(axis=1) < np.pi)
