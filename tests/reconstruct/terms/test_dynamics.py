"""Physics of whole motions: angular momentum is MuJoCo's, zero-moment points by hand, laws that hold in any frame."""

from dataclasses import replace
from itertools import pairwise

import mujoco
import numpy as np
import pytest

from reconstruct.kinematics import GRAVITY, BodyPoints, PointPaths, PointSet, compute_kinematics
from reconstruct.rotations import from_rotvec, multiply, rotate
from reconstruct.solver.tangent import TangentSpace
from reconstruct.terms.dynamics import (
    LEAST_LOAD,
    CentroidalMotion,
    all_three,
    com_acceleration,
    is_surrounded,
    momentum_rate,
    nearest_in_hull,
    second_difference,
)
from tests.samples import CHARACTER

MODEL = CHARACTER.model
SPACE, MASSES = TangentSpace.of(MODEL), PointSet.of(masses=BodyPoints.of_masses(MODEL))
FPS = 400.0


def moving(frames: int = 7, scale: float = 1.0) -> np.ndarray:
    """A body that moves steadily in all its joints, (T, nq)."""
    rng = np.random.default_rng(5)
    start = SPACE.integrate(np.array(MODEL.qpos0)[None], 0.3 * rng.normal(size=(1, MODEL.nv)))
    velocity = scale * rng.normal(size=MODEL.nv)
    times = (np.arange(frames) - frames // 2) / FPS
    return SPACE.integrate(np.repeat(start, frames, axis=0), times[:, None] * velocity)


def centroidal(qpos: np.ndarray) -> CentroidalMotion:
    return CentroidalMotion.of(MODEL, compute_kinematics(MODEL, qpos, MASSES), FPS)


def test_rate_of_angular_momentum_is_that_of_mujocos_momentum():
    qpos, momentum, data = moving(), [], mujoco.MjData(MODEL)
    for before, after in pairwise(qpos):
        mujoco.mj_differentiatePos(MODEL, data.qvel, 1.0 / FPS, before, after)
        data.qpos[:] = before
        mujoco.mj_integratePos(MODEL, data.qpos, data.qvel, 0.5 / FPS)
        mujoco.mj_fwdPosition(MODEL, data)
        mujoco.mj_comVel(MODEL, data)
        mujoco.mj_subtreeVel(MODEL, data)
        momentum.append(data.subtree_angmom[1].copy())
    expected = np.diff(momentum, axis=0) * FPS
    found = centroidal(qpos).moment
    assert np.abs(expected).max() > 1.0
    np.testing.assert_allclose(found, expected, atol=0.01 * np.abs(expected).max())


def test_turning_the_world_turns_acceleration_and_moment():
    qpos, about = moving(), from_rotvec(np.array([0.0, 0.0, 1.2]))
    turned = qpos.copy()
    turned[:, :3] = rotate(about, qpos[:, :3]) + [2.0, -1.0, 0.5]
    turned[:, 3:7] = multiply(about, qpos[:, 3:7])
    here, there = centroidal(qpos), centroidal(turned)
    for name in ("acceleration", "moment"):
        np.testing.assert_allclose(getattr(there, name), rotate(about, getattr(here, name)), atol=1e-6)
    assert here.mass == pytest.approx(float(MODEL.body_mass.sum()))


def test_time_run_backwards_has_the_same_accelerations_and_moments():
    here, back = centroidal(moving()), centroidal(moving()[::-1].copy())
    np.testing.assert_allclose(back.acceleration[::-1], here.acceleration, atol=1e-6)
    np.testing.assert_allclose(back.moment[::-1], here.moment, atol=1e-6)


def test_jacobians_agree_with_finite_differences():
    qpos, rng = moving(3), np.random.default_rng(1)
    body = centroidal(qpos)
    for frame in range(3):
        direction, size = rng.normal(size=MODEL.nv), 1e-6
        step = np.zeros((3, MODEL.nv))
        step[frame] = size * direction
        ahead, behind = centroidal(SPACE.integrate(qpos, step)), centroidal(SPACE.integrate(qpos, -step))
        for name in ("acceleration", "moment"):
            found = (getattr(ahead, name) - getattr(behind, name))[0] / (2.0 * size)
            expected = getattr(body, f"{name}_jac")[0, frame] @ direction
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3 * np.abs(expected).max())


def by_hand(**changes) -> CentroidalMotion:
    """One frame of a body of 50 kg whose centre of mass is 1 m high over (0.2, 0.1)."""
    none = np.zeros((1, 3, 3, 1))
    still = CentroidalMotion(
        np.array([[0.2, 0.1, 1.0]]), np.zeros((1, 3, 1)), np.zeros((1, 3)), none, np.zeros((1, 3)), none, 50.0
    )
    return replace(still, **{name: np.array([value]) for name, value in changes.items()})


def test_zero_moment_points_by_hand():
    point, load = by_hand().zero_moment_points()
    np.testing.assert_allclose(point, [[0.2, 0.1]])  # at rest below the centre of mass
    np.testing.assert_allclose(load, [GRAVITY])
    # Braking with g / 10: the force leans back, and meets the ground 1 m * 1/10 further ahead.
    point, _ = by_hand(acceleration=[-0.1 * GRAVITY, 0.0, 0.0]).zero_moment_points()
    np.testing.assert_allclose(point, [[0.3, 0.1]])
    # In free fall nothing is borne; the load is kept off zero.
    _, load = by_hand(acceleration=[0.0, 0.0, -GRAVITY]).zero_moment_points()
    np.testing.assert_allclose(load, [LEAST_LOAD * GRAVITY])
    # Tipping forward ever faster, dL_y > 0, the ground pushes from behind: m g (p - c) = -dL_y.
    point, _ = by_hand(moment=[0.0, 49.05, 0.0]).zero_moment_points()
    np.testing.assert_allclose(point, [[0.2 - 49.05 / (50.0 * GRAVITY), 0.1]])


def test_a_free_point_mass_keeps_its_angular_momentum():
    """Two balls that fly apart from their common centre at constant speed, off each other's line."""
    t = np.arange(5)[:, None] / FPS
    path = np.array([1.0, 0.0, 0.0]) + t * [0.3, 2.0, -1.0]
    positions = np.stack([path, -path], axis=1)
    points = BodyPoints(np.zeros(2, int), np.zeros((2, 3)), np.zeros(2))
    paths = PointPaths(positions, points, np.ones((2, 1), dtype=bool), positions, np.zeros((5, 1, 6)))
    rate, _ = momentum_rate(paths, np.array([2.0, 2.0]), np.zeros((5, 3)), FPS)
    np.testing.assert_allclose(rate, 0.0, atol=1e-8)


def test_second_differences_of_a_parabola_are_its_acceleration():
    t = np.arange(6) / 30.0
    path = np.stack([2.0 * t, 0 * t, 1.0 - 0.5 * GRAVITY * t**2], axis=1)
    np.testing.assert_allclose(com_acceleration(path, 30.0), np.tile([0.0, 0.0, -GRAVITY], (4, 1)), atol=1e-9)
    jac = second_difference(np.ones((6, 3, 2)), 30.0)
    np.testing.assert_allclose(jac.sum(axis=1), 0.0, atol=1e-9)  # moving all frames alike changes nothing


def test_flags_of_three_frames():
    np.testing.assert_array_equal(all_three(np.array([1, 1, 1, 0, 1, 1, 1], bool)), [True, False, False, False, True])


def test_a_triangle_surrounds_what_is_inside_of_it_and_nothing_else():
    triangle, absent = [(0.0, 0.0), (2.0, 0.0), (0.0, 2.0)], (-9.0, -9.0)
    for point, inside in (((0.5, 0.5), True), ((0.9, 1.0), True), ((1.1, 1.1), False), ((-1.0, -1.0), False)):
        for corners in (triangle, triangle[::-1]):  # either way round
            present = np.array([[True, True, False, True]])
            corners = np.array([[*corners[:2], absent, corners[2]]])
            assert is_surrounded(np.array([point]), corners, present)[0] == inside


def test_the_nearest_point_of_a_hull_is_a_projection():
    rng = np.random.default_rng(2)
    corners, present = rng.normal(size=(200, 5, 2)), rng.random((200, 5)) < 0.7
    point = 2.0 * rng.normal(size=(200, 2))
    nearest = nearest_in_hull(point, corners, present)
    empty = ~present.any(axis=1)
    np.testing.assert_array_equal(nearest[empty], point[empty])
    # A projection onto a convex set: (p - n) . (q - n) <= 0 for every corner q; and it projects onto itself.
    away = np.einsum("nj,npj->np", point - nearest, corners - nearest[:, None])
    assert away[present].max() < 1e-9
    np.testing.assert_allclose(nearest_in_hull(nearest, corners, present), nearest, atol=1e-9)
