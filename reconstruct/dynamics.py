"""What physics demands of a motion: parabolas and steady spin in flight, and support under the moments on the ground.

Where angular momentum enters, its dependence on the pose is left out of the Jacobian (only that on velocity is kept):
a Gauss-Newton step then needs a little longer and ends at the same place.
"""

import numpy as np

from reconstruct.kinematics import Kinematics
from reconstruct.solve import Block
from reconstruct.tangent import Layout, difference, difference_jacobians

GRAVITY = 9.81
FOOT_HALF_WIDTH = 0.04
"""Contact points lie on a foot's middle line; the support reaches this far around them [m]."""


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


def flight_spin(kin: Kinematics, lay: Layout, qpos: np.ndarray, flight: np.ndarray, fps: float, spread: float) -> Block:
    """In flight nothing turns the body: its angular momentum keeps its value from frame to frame, (T - 2, 3).

    Args:
      flight: as in `flight_parabola`.
      spread: standard deviation of the moment [N m].
    """
    flying = (flight[:-2] & flight[1:-1] & flight[2:])[:, None] / spread
    moment, jacobian = momentum_rate(kin, lay, qpos, fps)
    return Block("spin", flying * moment, jacobian * flying[:, None, :, None])


def zero_moment_point(
    kin: Kinematics,
    lay: Layout,
    qpos: np.ndarray,
    points: slice,
    contact: np.ndarray,
    mass: float,
    fps: float,
    spread: float,
) -> Block:
    """On the ground, the force that the motion needs must pass through the support, (T - 2, 1).

    The residual is the distance from the zero-moment point (Vukobratovic 1972) to the support polygon, times the load
    in body weights, so that it stays finite when the load vanishes. At rest it is the distance from the centre of
    mass to the support.

    Args:
      points: which of the kinematics' points may touch the ground.
      contact: which of them do, bool (T, P); rows without any contact are left out.
      mass: of the body [kg].
      spread: standard deviation of the distance [m].
    """
    moment, moment_jac = momentum_rate(kin, lay, qpos, fps)
    acceleration, acceleration_jac = com_acceleration(kin.com_w, fps), second_difference(kin.com_jac, fps)
    load = acceleration[:, 2] + GRAVITY
    com, com_jac = kin.com_w[1:-1], kin.com_jac[1:-1]
    # Horizontal moments about the support, x along the ground's x: m ((c - p) load - c_z a) -+ dL = 0.
    turning = np.stack([moment[:, 1], -moment[:, 0]], axis=-1) / mass
    lever = com[:, 2:] * acceleration[:, :2] + turning
    zmp = com[:, :2] - lever / np.maximum(load, 0.2 * GRAVITY)[:, None]
    supported = contact[1:-1].any(axis=1)
    nearest = nearest_in_hull(zmp, kin.points_w[1:-1, points, :2], contact[1:-1])
    away = np.linalg.norm(zmp - nearest, axis=-1)
    outwards = (zmp - nearest) / np.maximum(away, 1e-9)[:, None]
    support = nearest + FOOT_HALF_WIDTH * outwards
    scale = (supported & (away > FOOT_HALF_WIDTH)) / (GRAVITY * spread)

    # load (zmp - support) = load (c - support) - lever; the nearest point and the direction to it stay as they are,
    # which is exact to first order for the distance to a convex set.
    arm = com[:, :2] - support
    outside = np.sum(outwards * (arm * load[:, None] - lever), axis=-1)
    jacobian = arm[:, None, :, None] * acceleration_jac[:, :, 2:3] - com[:, None, 2:, None] * acceleration_jac[:, :, :2]
    jacobian -= np.stack([moment_jac[:, :, 1], -moment_jac[:, :, 0]], axis=2) / mass
    jacobian[:, 1] += load[:, None, None] * com_jac[:, :2] - acceleration[:, :2, None] * com_jac[:, 2:]
    along = np.einsum("mi,mkiv->mkv", outwards, jacobian) * scale[:, None, None]
    return Block("zmp", (scale * outside)[:, None], along[:, :, None], group=1)


def com_acceleration(com_w: np.ndarray, fps: float) -> np.ndarray:
    """Second differences of positions (T, 3) [m/s2], (T - 2, 3)."""
    return (com_w[2:] - 2.0 * com_w[1:-1] + com_w[:-2]) * fps**2


def second_difference(jac: np.ndarray, fps: float) -> np.ndarray:
    """Jacobian of `com_acceleration` by the three frames it touches, (T, 3, nv) -> (T - 2, 3, 3, nv)."""
    return np.stack([jac[:-2], -2.0 * jac[1:-1], jac[2:]], axis=1) * fps**2


def momentum_rate(kin: Kinematics, lay: Layout, qpos: np.ndarray, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """Rate of the angular momentum about the centre of mass [N m], (T - 2, 3), and its Jacobian (T - 2, 3, 3, nv)."""
    step = difference(lay, qpos[:-1], qpos[1:])
    by_start, by_end = difference_jacobians(lay, step)
    matrix = 0.5 * (kin.momentum[:-1] + kin.momentum[1:])
    momentum = (matrix @ step[..., None])[..., 0] * fps
    by_start, by_end = matrix @ by_start * fps**2, matrix @ by_end * fps**2
    jacobian = np.stack([-by_start[:-1], by_start[1:] - by_end[:-1], by_end[1:]], axis=1)
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
    return (signs >= 0).all(axis=0) | (signs <= 0).all(axis=0)
