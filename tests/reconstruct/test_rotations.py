"""Rotations: the axioms of a group on random batches, and the same answers as SciPy's and MuJoCo's."""

import mujoco
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from reconstruct import rotations

RNG = np.random.default_rng(0)
A, B, C = (rotations.normalise(RNG.normal(size=(40, 4))) for _ in range(3))
VECTORS = RNG.normal(size=(40, 3))
IDENTITY = np.array([1.0, 0.0, 0.0, 0.0])


def same_rotation(a: np.ndarray, b: np.ndarray) -> None:
    """Of either sign."""
    np.testing.assert_allclose(np.abs(np.sum(a * b, axis=-1)), 1.0, atol=1e-12)


def test_unit_quaternions_are_a_group():
    np.testing.assert_allclose(
        rotations.multiply(rotations.multiply(A, B), C), rotations.multiply(A, rotations.multiply(B, C)), atol=1e-12
    )
    np.testing.assert_allclose(rotations.multiply(A, IDENTITY), A)
    np.testing.assert_allclose(rotations.multiply(A, rotations.conjugate(A)), np.tile(IDENTITY, (40, 1)), atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(rotations.multiply(A, B), axis=1), 1.0)
    np.testing.assert_allclose(
        rotations.conjugate(rotations.multiply(A, B)),
        rotations.multiply(rotations.conjugate(B), rotations.conjugate(A)),
        atol=1e-12,
    )


def test_products_are_mujocos():
    for a, b in zip(A, B, strict=True):
        expected = np.zeros(4)
        mujoco.mju_mulQuat(expected, a, b)
        np.testing.assert_allclose(rotations.multiply(a, b), expected, atol=1e-12)


def test_the_product_turns_by_the_second_first():
    both = rotations.rotate(rotations.multiply(A, B), VECTORS)
    np.testing.assert_allclose(both, rotations.rotate(A, rotations.rotate(B, VECTORS)), atol=1e-12)


def test_vectors_keep_lengths_angles_and_handedness():
    turned, other = rotations.rotate(A, VECTORS), rotations.rotate(A, VECTORS[::-1])
    np.testing.assert_allclose(np.linalg.norm(turned, axis=1), np.linalg.norm(VECTORS, axis=1))
    np.testing.assert_allclose(np.sum(turned * other, axis=1), np.sum(VECTORS * VECTORS[::-1], axis=1))
    np.testing.assert_allclose(
        np.cross(turned, other), rotations.rotate(A, np.cross(VECTORS, VECTORS[::-1])), atol=1e-12
    )


def test_matrices_do_the_same_and_lead_back():
    matrix = rotations.to_matrix(A)
    np.testing.assert_allclose(np.einsum("nij,nj->ni", matrix, VECTORS), rotations.rotate(A, VECTORS), atol=1e-12)
    same_rotation(rotations.from_matrix(matrix), A)
    np.testing.assert_allclose(
        rotations.to_matrix(rotations.multiply(A, B)), matrix @ rotations.to_matrix(B), atol=1e-12
    )


def test_leading_axes_are_kept():
    batch = A.reshape(5, 4, 2, 4)
    assert rotations.to_matrix(batch).shape == (5, 4, 2, 3, 3)
    assert rotations.to_rotvec(batch).shape == (5, 4, 2, 3)
    same_rotation(rotations.from_matrix(rotations.to_matrix(batch)), batch)
    same_rotation(rotations.from_rotvec(rotations.to_rotvec(batch)), batch)
    single = rotations.from_rotvec(np.array([0.0, 0.0, np.pi / 2]))
    np.testing.assert_allclose(single, [np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5)])


def test_scipys_order_is_turned_round():
    turn = Rotation.from_euler("z", 90, degrees=True)
    same_rotation(rotations.from_scipy(turn)[0], np.array([np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5)]))
    np.testing.assert_allclose(rotations.to_scipy(A).as_matrix(), rotations.to_matrix(A))


@pytest.mark.parametrize("to_vector", [rotations.to_rotvec, rotations.rotvec])
def test_rotation_vectors_are_the_short_way_round(to_vector):
    vector = RNG.normal(size=(60, 3))
    vector *= (np.linspace(0.0, np.pi - 1e-6, 60) / np.linalg.norm(vector, axis=1))[:, None]
    quat = rotations.from_rotvec(vector)
    for sign in (1.0, -1.0):
        np.testing.assert_allclose(to_vector(sign * quat), vector, atol=1e-9)
    long_way = rotations.from_rotvec(np.array([0.0, 0.0, 1.5 * np.pi]))
    np.testing.assert_allclose(to_vector(long_way), [0.0, 0.0, -0.5 * np.pi], atol=1e-12)


def test_small_rotations_lose_no_digits():
    for angle in (0.0, 1e-15, 1e-9, 1e-5):
        vector = angle * np.array([0.6, 0.0, 0.8])
        np.testing.assert_allclose(rotations.rotvec(rotations.from_rotvec(vector)), vector, rtol=1e-9, atol=1e-18)


def test_the_way_between_two_rotations_leads_from_one_to_the_other():
    way = rotations.relative_rotvec(A, B)
    same_rotation(rotations.multiply(A, rotations.from_rotvec(way)), B)
    np.testing.assert_allclose(np.linalg.norm(way, axis=1), rotations.angle_between(A, B), atol=1e-12)
    np.testing.assert_allclose(rotations.relative_rotvec(A, -B), way, atol=1e-12)
    # A turn of the world changes nothing: the axes are those of the first.
    np.testing.assert_allclose(
        rotations.relative_rotvec(rotations.multiply(C, A), rotations.multiply(C, B)), way, atol=1e-12
    )


def test_angles_are_a_metric():
    distance = rotations.angle_between
    np.testing.assert_allclose(distance(A, A), 0.0, atol=1e-7)
    np.testing.assert_allclose(distance(A, B), distance(B, A))
    assert (distance(A, C) <= distance(A, B) + distance(B, C) + 1e-12).all()
    np.testing.assert_allclose(distance(rotations.multiply(C, A), rotations.multiply(C, B)), distance(A, B), atol=1e-12)


def test_signs_are_chosen_so_that_neighbours_are_near():
    angle = np.linspace(0.0, 8.0 * np.pi, 200)
    path = rotations.from_rotvec(angle[:, None] * [0.0, 1.0, 0.0]) * RNG.choice([-1.0, 1.0], 200)[:, None]
    smooth = rotations.make_continuous(path)
    assert np.linalg.norm(np.diff(smooth, axis=0), axis=1).max() < 0.1
    same_rotation(smooth, path)
    np.testing.assert_array_equal(smooth[0], path[0])


def test_heading_and_swing_make_up_the_rotation():
    about = rotations.heading(A)
    assert not about[:, 1:3].any()
    np.testing.assert_allclose(np.linalg.norm(about, axis=1), 1.0)
    swing = rotations.multiply(rotations.conjugate(about), A)
    np.testing.assert_allclose(swing[:, 3], 0.0, atol=1e-12)  # what is left does not turn about the vertical
    np.testing.assert_array_equal(rotations.heading(np.array([0.0, 1.0, 0.0, 0.0])), IDENTITY)  # upside down


def test_yaw_adds_up_under_turns_of_the_world():
    turn = rotations.from_rotvec(np.array([0.0, 0.0, 0.4]))
    difference = rotations.yaw(rotations.multiply(turn, A)) - rotations.yaw(A)
    np.testing.assert_allclose(np.mod(difference, 2.0 * np.pi), 0.4, atol=1e-9)
