"""A camera that is carried along: exact derivatives by the path's unit, and the unit found by feet that stand still."""

from dataclasses import replace

import numpy as np
import pytest

from pose.camera.camera_motion import CameraMotion
from pose.landmarks import TWELVE
from reconstruct.camera import Camera, View
from reconstruct.carried_camera import CarriedCamera
from reconstruct.characters.character import load_character
from reconstruct.fit.path_unit import UNITS, carry, estimate_unit, estimate_unit_by_height, leave_out_inclined
from reconstruct.fit.problem import FitSigmas, Problem
from reconstruct.kinematics import BodyPoints, PointSet, compute_kinematics
from reconstruct.observations import Observations
from reconstruct.rotations import from_rotvec, to_matrix
from reconstruct.scene.surface_terms import insert_levels
from reconstruct.terms import residuals

FPS, T, FOCAL = 30.0, 40, 900.0
SIZE = (1280, 720)
VIEW = View(0.1, 0.05, 1.4, float(np.log(FOCAL)))


def make_motion() -> CameraMotion:
    """A camera that goes 3 units aside and turns."""
    share = np.linspace(0.0, 1.0, T)
    turn = to_matrix(from_rotvec(np.outer(share, [0.1, -0.5, 0.05])))
    path = np.column_stack([3.0 * share, 0.1 * np.sin(9.0 * share), 0.4 * share**2])
    return CameraMotion(turn, np.ones(T), FOCAL, True, path, np.array([0.0, 0.6, 0.0]))


def observe_body(carried: CarriedCamera | None) -> tuple[Observations, np.ndarray]:
    character = load_character("humanoid")
    rng = np.random.default_rng(0)
    qpos = np.tile(np.array(character.model.qpos0), (T, 1))
    qpos[:, 0] += 5.0
    points = BodyPoints.of_sites(character.model, tuple(character.landmarks[name] for name in TWELVE))
    nothing = np.zeros((T, 12, 3))
    observations = Observations(
        points, TWELVE, 100.0 * rng.normal(size=(T, 12, 2)), rng.uniform(size=(T, 12)), nothing,
        np.zeros((0, 2), dtype=int), np.zeros((T, 0, 3)), np.zeros((T, 0)), np.full(T, 200.0), np.ones(T, dtype=bool),
        carried=carried,
    )  # fmt: skip
    return observations, qpos


def test_derivatives_by_unit_view_and_pose_are_those_of_finite_differences() -> None:
    carried = CarriedCamera.of(make_motion(), FPS).with_units(np.array([0.2]))
    observations, qpos = observe_body(carried)
    model = load_character("humanoid").model
    points = PointSet.of(landmarks=observations.points)

    def at(unknowns: np.ndarray, shift: float = 0.0) -> residuals.Block:
        moved, view = replace(observations, carried=carried.with_units(unknowns[6:])), View.from_vector(unknowns[:6])
        pose = qpos.copy()
        pose[:, 1] += shift
        return residuals.reprojection(compute_kinematics(model, pose, points)["landmarks"], view, moved, 0.03)

    start = np.append(VIEW.vector(), carried.log_unit)
    block = at(start)
    assert block.global_jacobian is not None and block.global_jacobian.shape[-1] == 7
    for column in (0, 1, 2, 3, 6):
        step = np.zeros(7)
        step[column] = 1e-6
        numeric = (at(start + step).residual - at(start - step).residual) / 2e-6
        np.testing.assert_allclose(block.global_jacobian[..., column], numeric, rtol=1e-4, atol=1e-4)
    numeric = (at(start, 1e-6).residual - at(start, -1e-6).residual) / 2e-6
    np.testing.assert_allclose(block.dense_jacobian()[:, 0, :, 1], numeric, rtol=1e-4, atol=1e-4)
    wide = insert_levels(block, 2).global_jacobian
    assert wide is not None
    np.testing.assert_array_equal(wide[..., 8], block.global_jacobian[..., 6])
    assert not wide[..., 6:8].any()


def test_prior_draws_the_unit_to_the_height_that_the_ground_shows() -> None:
    carried = CarriedCamera.of(replace(make_motion(), path=np.zeros((T, 3))), FPS / 4).with_units(
        np.log([2.0, 2.1, 2.2])
    )
    block = carried.prior(1.5, 3, 9)
    assert block.global_jacobian is not None

    def at(unknowns: np.ndarray) -> np.ndarray:
        return carried.with_units(unknowns[6:]).prior(float(unknowns[2]), 3, 9).residual

    start = np.concatenate([VIEW.vector(), carried.log_unit])
    start[2] = 1.5
    for column in (2, 6, 7, 8):
        step = np.zeros(9)
        step[column] = 1e-6
        numeric = (at(start + step) - at(start - step)) / 2e-6
        np.testing.assert_allclose(block.global_jacobian[..., column], numeric, rtol=1e-5, atol=1e-6)
    right = carried.with_units(np.full(3, np.log(1.5 / 0.6))).prior(1.5, 3, 9)
    np.testing.assert_allclose(right.residual, 0.0, atol=1e-9)


def test_a_camera_that_is_carried_nowhere_sees_exactly_what_one_sees_that_stands() -> None:
    motion = replace(make_motion(), R=np.tile(np.eye(3), (T, 1, 1)), path=np.zeros((T, 3)))
    observations, qpos = observe_body(CarriedCamera.of(motion, FPS))
    marks = compute_kinematics(load_character("humanoid").model, qpos, PointSet.of(landmarks=observations.points))
    along = residuals.reprojection(marks["landmarks"], VIEW, observations, 0.03)
    still = residuals.reprojection(marks["landmarks"], VIEW, replace(observations, carried=None), 0.03)
    assert along.global_jacobian is not None and still.global_jacobian is not None
    np.testing.assert_array_equal(along.residual, still.residual)
    np.testing.assert_array_equal(along.jacobian, still.jacobian)
    np.testing.assert_array_equal(along.global_jacobian[..., :6], still.global_jacobian)


def test_drawn_camera_sees_what_the_residuals_compare() -> None:
    carried = CarriedCamera.of(make_motion(), FPS).with_units(np.array([np.log(1.3)]))
    camera: Camera = carry(VIEW.camera(SIZE), carried)
    points_w = np.array([5.0, 0.3, 1.0]) + np.random.default_rng(0).normal(size=(T, 4, 3))
    first_c = (points_w - [0.0, 0.0, VIEW.height]) @ VIEW.rotation().T
    own_c = carried.to_frame(first_c)
    expected = FOCAL * own_c[..., :2] / own_c[..., 2:] + np.array(SIZE) / 2
    np.testing.assert_allclose(camera.project(points_w), expected)


@pytest.mark.parametrize("unit", [0.7, 2.5])
def test_unit_is_the_one_with_which_feet_stand(unit: float) -> None:
    carried = CarriedCamera.of(make_motion(), FPS)
    place = carried.with_units(np.array([np.log(unit)])).place
    # Two feet that stand in turns while the other swings over; the body is 5 m ahead, and y is down.
    rng = np.random.default_rng(1)
    stands = (np.arange(T) // 8) % 2
    feet = np.zeros((T, 2, 3))
    for foot in range(2):
        swing = stands != foot
        feet[:, foot, 0] = np.cumsum(np.where(swing, 0.15, 0.0))
        feet[:, foot, 1] = 1.4 - 0.15 * swing
    feet[..., 2] = 5.0
    seen = feet - place[:, None] + 0.002 * rng.normal(size=feet.shape)
    assert estimate_unit(seen, np.array([0.0, -1.0, 0.0]), carried, FPS, UNITS).unit == pytest.approx(unit, rel=0.05)
    # Feet that stand without the path's help say that there is none.
    assert estimate_unit(feet, np.array([0.0, -1.0, 0.0]), carried, FPS, UNITS).unit is None
    # The ground under them says the same.
    ground = np.array([0.0, 1.4 / unit, 0.0])
    assert estimate_unit_by_height(seen, ground, carried) == pytest.approx(unit, rel=0.03)


def test_a_plane_on_which_the_body_cannot_stand_is_no_ground() -> None:
    carried = CarriedCamera.of(make_motion(), FPS)
    character = load_character("humanoid")
    for degrees, kept in ((10.0, True), (35.0, False)):
        angle = np.radians(degrees)
        plane = replace(carried, ground=0.6 * np.array([np.sin(angle), np.cos(angle), 0.0]))
        observations, qpos = observe_body(plane)
        problem = Problem(character, FPS, FitSigmas(), observations=observations, focal_px=FOCAL)
        found = leave_out_inclined(problem, qpos, problem.first_view()).carried
        assert found is not None and (found.ground is not None) == kept
