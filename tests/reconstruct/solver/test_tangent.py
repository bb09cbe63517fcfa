"""The tangent space: steps and differences are inverse and MuJoCo's own; Jacobians against finite differences."""

import mujoco
import numpy as np

from reconstruct.rotations import from_rotvec, multiply, to_rotvec
from reconstruct.solver.tangent import TangentSpace, inverse_right_jacobian, skew
from tests.samples import CHARACTER

MODEL = CHARACTER.model
SPACE = TangentSpace.of(MODEL)
RNG = np.random.default_rng(0)


def random_poses(count: int = 6) -> np.ndarray:
    start = np.tile(MODEL.qpos0, (count, 1))
    return SPACE.integrate(start, RNG.normal(size=(count, MODEL.nv)))


def test_steps_and_differences_are_mujocos():
    start, step = random_poses(), 0.7 * RNG.normal(size=(6, MODEL.nv))
    end = SPACE.integrate(start, step)
    for a, b, v in zip(start, end, step, strict=True):
        pose, way = a.copy(), np.zeros(MODEL.nv)
        mujoco.mj_integratePos(MODEL, pose, v, 1.0)
        mujoco.mj_differentiatePos(MODEL, way, 1.0, a, b)
        np.testing.assert_allclose(np.abs(np.sum((pose - b) ** 2)), 0.0, atol=1e-12)
        np.testing.assert_allclose(SPACE.difference(a[None], b[None])[0], way, atol=1e-9)


def test_a_difference_leads_there():
    start, end = random_poses(), random_poses()
    np.testing.assert_allclose(
        SPACE.difference(SPACE.integrate(start, SPACE.difference(start, end)), end), 0.0, atol=1e-9
    )


def test_every_degree_of_freedom_and_every_coordinate_has_one_place():
    dofs = np.concatenate([SPACE.quat_dof.ravel(), SPACE.scalar_dof])
    columns = np.concatenate([SPACE.quat_qpos.ravel(), SPACE.scalar_qpos])
    np.testing.assert_array_equal(np.sort(dofs), np.arange(MODEL.nv))
    np.testing.assert_array_equal(np.sort(columns), np.arange(MODEL.nq))


def test_jacobians_of_the_difference_agree_with_finite_differences():
    start, end = random_poses(3), random_poses(3)
    by_start, by_end = SPACE.difference_jacobians(SPACE.difference(start, end))
    direction, size = RNG.normal(size=(3, MODEL.nv)), 1e-6
    for jacobian, moved in (
        (by_start, lambda s: SPACE.difference(SPACE.integrate(start, s * direction), end)),
        (by_end, lambda s: SPACE.difference(start, SPACE.integrate(end, s * direction))),
    ):
        found = (moved(size) - moved(-size)) / (2.0 * size)
        np.testing.assert_allclose(found, np.einsum("tij,tj->ti", jacobian.dense(), direction), rtol=1e-5, atol=1e-6)


def test_inverse_right_jacobian_at_every_size_of_angle():
    axis = np.array([0.48, -0.6, 0.64])
    for angle in (0.0, 5e-4, 1.5e-3, 1.0, 3.0):
        vector, size = angle * axis, 1e-6
        quat = from_rotvec(vector)
        columns = [
            (to_rotvec(multiply(quat, from_rotvec(size * e))) - to_rotvec(multiply(quat, from_rotvec(-size * e))))
            / (2 * size)
            for e in np.eye(3)
        ]
        np.testing.assert_allclose(inverse_right_jacobian(vector), np.stack(columns, axis=1), atol=1e-6)
        # A step along the axis only adds to the angle.
        np.testing.assert_allclose(inverse_right_jacobian(vector) @ axis, axis, atol=1e-9)


def test_the_cross_product_as_a_matrix():
    a, b = RNG.normal(size=(2, 5, 3))
    np.testing.assert_allclose(np.einsum("tij,tj->ti", skew(a), b), np.cross(a, b), atol=1e-12)
    np.testing.assert_array_equal(skew(a), -np.swapaxes(skew(a), 1, 2))
