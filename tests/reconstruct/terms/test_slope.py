"""Slopes: their axes by hand, derivatives by finite differences, and whose plumb line says what."""

from dataclasses import replace

import numpy as np
import pytest

from pose.camera.camera_motion import CameraMotion
from pose.keypoints import Keypoints
from pose.landmarks import LANDMARKS
from reconstruct.camera import View
from reconstruct.carried_camera import CarriedCamera
from reconstruct.characters.character import load_character
from reconstruct.contacts import contact_points
from reconstruct.fit.fit_on_ground import Fit, solve
from reconstruct.fit.fit_slope import fit_slope, guess_slope
from reconstruct.fit.misfit import gather_contacts
from reconstruct.fit.problem import FitSigmas, Problem
from reconstruct.kinematics import point_positions
from reconstruct.observations import landmark_points, observe
from reconstruct.retargeting.ik_targets import leg_length
from reconstruct.retargeting.retarget_on_slope import retarget_on
from reconstruct.rotations import from_rotvec, to_matrix
from reconstruct.scene.surfaces import carried_points
from reconstruct.scene_objects import SceneObject
from reconstruct.terms.contact_wrench import unsupported_share
from reconstruct.terms.residuals import GLOBALS
from reconstruct.terms.slope import Slope, find_standing_places, find_way, slope_of, stand_plumb, turn_world
from sfv.demo.motions import FPS, load_demo_motion, load_demo_take

BODY = load_character("humanoid")
TEN = np.arctan(0.7 / 4.0)
"""Angle of the slope of `walk_up` [rad]."""
VIEW = View(0.1, -0.05, 1.4, np.log(900.0))


@pytest.fixture(scope="module")
def uphill() -> np.ndarray:
    """Somebody walks up a slope, plumb, (T, nq)."""
    return load_demo_take("walk_up", BODY)[0]


def test_the_plumb_line_of_a_slope_is_what_trigonometry_says():
    slope = Slope(np.radians(30.0), (0.0, 1.0))
    np.testing.assert_allclose(slope.up, [0.0, 0.5, np.sqrt(0.75)])
    np.testing.assert_allclose(slope.to_plumb @ slope.up, [0.0, 0.0, 1.0], atol=1e-12)
    np.testing.assert_allclose(slope.to_plumb @ [0.0, 1.0, 0.0], [0.0, np.sqrt(0.75), 0.5], atol=1e-12)
    np.testing.assert_allclose(slope.to_plumb @ [1.0, 0.0, 0.0], [1.0, 0.0, 0.0], atol=1e-12)
    # A body that is left alone falls against the plumb line with g.
    np.testing.assert_allclose(-9.81 * slope.up + slope.inertia, [0.0, 0.0, -9.81], atol=1e-12)


def lay(uphill: np.ndarray, slope: Slope) -> np.ndarray:
    """A plumb motion in the world whose ground is z = 0."""
    return turn_world(uphill, slope.to_plumb.T)


def test_only_who_walks_across_the_picture_shows_a_slope(uphill):
    across = turn_world(uphill, to_matrix(from_rotvec(np.array([0.0, 0.0, 0.5 * np.pi]))))
    assert find_way(BODY, across, FPS) == pytest.approx((0.0, 1.0), abs=0.05)
    assert find_way(BODY, uphill, FPS) is None  # away from the camera
    assert find_way(BODY, load_demo_take("jump", BODY)[0], FPS) is None
    stays = across - np.eye(across.shape[1])[1] * np.linspace(0.0, 1.0, len(across))[:, None] * across[-1, 1]
    assert find_way(BODY, stays, FPS) is None


def test_a_rolled_camera_that_sees_the_body_upright_guesses_the_slope():
    rolled, level = View(0.1, -0.2, 1.4, 6.0), View(0.1, 0.0, 1.4, 6.0)
    slope = guess_slope(rolled, level, (0.0, 1.0))
    assert abs(slope.angle) == pytest.approx(0.2, abs=2e-3)
    np.testing.assert_allclose(rolled.rotation() @ slope.up, level.rotation()[:, 2], atol=3e-3)
    assert guess_slope(level, level, (0.0, 1.0)).angle == 0.0


def test_what_is_laid_on_the_ground_stands_plumb_again(uphill):
    """There and back: the same pixels all the way, feet at z = 0 on the way, the slope found where it is."""
    slope = Slope(TEN, (1.0, 0.0))
    laid, camera, points = lay(uphill, slope), VIEW.camera((960, 540)), carried_points(BODY)
    assert np.abs(find_standing_places(BODY, laid, FPS)[:, 2]).max() < 0.02
    back, seen_from, thing = stand_plumb(slope, laid, camera)
    np.testing.assert_allclose(
        seen_from.project(point_positions(BODY.model, back, points)),
        camera.project(point_positions(BODY.model, laid, points)),
        atol=1e-6,
    )
    assert thing.incline == pytest.approx(TEN) and (thing.x, thing.y) == pytest.approx((0.0, 0.0), abs=1e-9)
    again = slope_of(thing, back)
    assert again.known and again.angle == pytest.approx(TEN) and again.way[0] > 0.99
    np.testing.assert_allclose(back[:, 2] - uphill[:, 2], back[0, 2] - uphill[0, 2], atol=1e-6)


def test_who_walks_up_is_carried_by_the_slope_and_not_by_a_level_ground_before_a_tilted_camera(uphill):
    slope = Slope(TEN, (1.0, 0.0))
    laid, problem = lay(uphill, slope), Problem(BODY, FPS, FitSigmas(), slope=slope)
    support = problem.find_support(laid, VIEW)
    own, level, twice = (
        unsupported_share(*gather_contacts(replace(problem, slope=one), support, laid), np.ones(len(laid), bool)).mean()
        for one in (slope, None, slope.steepen(2.0 * slope.angle))
    )
    assert own < 0.05 and level > 1.2 * own and twice > 2.0 * own


def test_derivatives_by_the_angle_are_those_of_finite_differences(uphill):
    laid, view = lay(uphill, Slope(TEN, (1.0, 0.0)))[20:40], VIEW
    problem = Problem(BODY, FPS, FitSigmas(), expected=VIEW, slope=Slope(0.8, (0.8, 0.6)))
    problem = problem.with_support(problem.find_support(laid, view), physics=True)
    start, step = problem.unknowns(view), 1e-5
    assert len(start) == GLOBALS + 1 and problem.free_globals(view)[GLOBALS]

    def stack(unknowns: np.ndarray) -> dict[str, np.ndarray]:
        return {block.name: block.residual for block in problem.residuals(laid, unknowns)}

    blocks = {block.name: block.global_jacobian for block in problem.residuals(laid, start)}
    for column in (0, 1, GLOBALS):
        moved = np.eye(len(start))[column] * step
        ahead, behind = stack(start + moved), stack(start - moved)
        for name in ("view", "zmp", "friction"):
            by_global, numeric = blocks[name], (ahead[name] - behind[name]) / (2.0 * step)
            analytic = np.zeros_like(numeric) if by_global is None else by_global[..., column]
            np.testing.assert_allclose(analytic, numeric, atol=2e-2, rtol=2e-2)
            assert column < GLOBALS or np.abs(numeric).max() > 0.1


def test_a_slope_is_sure_where_it_is_more_than_the_error_of_the_plumb_line():
    sigma = (np.radians(5.0), np.radians(2.5))  # pitch and roll
    sideways, ahead = (0.0, 1.0), (1.0, 0.0)
    assert Slope(np.radians(6.0), sideways).is_sure(sigma) and not Slope(np.radians(-6.0), ahead).is_sure(sigma)
    assert Slope(np.radians(-11.0), ahead).is_sure(sigma)
    assert not Slope(np.radians(3.5), sideways).is_sure((0.0, 0.0))


def film_level_fit(qpos: np.ndarray, roll: float) -> Fit:
    """The fit on level ground of somebody who walks along y before a camera that is expected to be level and seems to
    be rolled [rad]; exact keypoints."""
    view, size = View(0.0, roll, 1.4, float(np.log(900.0))), (1280, 720)
    qpos = turn_world(qpos, to_matrix(from_rotvec(np.array([0.0, 0.0, 0.5 * np.pi]))))
    qpos[:, :3] += [5.0, -1.0, 0.0]
    present = tuple(name for name in LANDMARKS if name in BODY.landmarks)
    columns, camera = [LANDMARKS.index(name) for name in present], view.camera(size)
    marks = point_positions(BODY.model, qpos, landmark_points(BODY, present))
    seen = camera.to_camera(marks)
    hips = seen[:, [present.index("left_hip"), present.index("right_hip")]].mean(axis=1, keepdims=True)
    xy, xyz, confidence = (np.zeros((len(qpos), 33, *shape)) for shape in ((2,), (3,), ()))
    xy[:, columns], xyz[:, columns], confidence[:, columns] = camera.project(marks), seen - hips, 1.0
    heard = observe(Keypoints(xy, xyz, confidence, FPS, LANDMARKS, size), BODY, 900.0, None)
    problem = Problem(BODY, FPS, FitSigmas(), heard, expected=replace(view, roll=0.0), tilt_sigma=(0.05, 0.03))
    support = replace(problem, observations=None).find_support(qpos, view)
    problem = problem.with_support(support, physics=True)
    return Fit(problem, support, solve(problem, qpos, view, 12), "a note")


def test_who_walks_up_before_a_level_camera_is_on_a_slope_and_who_walks_before_a_rolled_one_is_not(uphill):
    up = fit_slope(film_level_fit(lay(uphill, Slope(TEN, (1.0, 0.0)))[:60], TEN), None, 6)
    assert up.problem.slope is not None and up.problem.slope.angle == pytest.approx(TEN, abs=np.radians(1.5))
    assert "upright to gravity" in up.why and "a note" in up.why
    level = film_level_fit(load_demo_take("walk", BODY)[0][:60], TEN)
    assert fit_slope(level, None, 6) is level  # and nothing is said of the few degrees that are left


def test_who_leans_on_what_they_push_is_on_no_slope():
    qpos = load_demo_take("push_box", BODY)[0][:50]
    level = film_level_fit(qpos, TEN)
    assert fit_slope(level, None, 6) is level


def test_a_given_slope_lies_where_it_is_said_to_be(uphill):
    """With its height 0 one metre ahead the feet begin below 0, on the plane that is simulated."""
    thing = SceneObject("slope", 1.0, 0.3, 0.7, 4.0, 2.0, yaw=20.0)
    slope = slope_of(thing, uphill)
    laid, camera = lay(uphill, slope), VIEW.camera((960, 540))
    qpos, seen_from, same = stand_plumb(slope, laid, camera, thing)
    found, _, free = stand_plumb(slope, laid, camera)
    assert same == thing and (free.x, free.y) == pytest.approx((0.0, 0.0), abs=1e-9)
    rise = -np.tan(TEN) * (np.cos(np.radians(20.0)) + 0.3 * np.sin(np.radians(20.0)))
    np.testing.assert_allclose(qpos[:, 2] - found[:, 2], rise, atol=1e-12)
    points = carried_points(BODY)
    np.testing.assert_allclose(
        seen_from.project(point_positions(BODY.model, qpos, points)),
        camera.project(point_positions(BODY.model, laid, points)),
        atol=1e-6,
    )


def test_a_long_slope_has_no_more_than_the_greatest_height(uphill):
    far = uphill[[0, -1]].copy()
    far[1, 0] += 150.0
    thing = stand_plumb(Slope(TEN, (1.0, 0.0)), lay(far, Slope(TEN, (1.0, 0.0))), VIEW.camera((960, 540)))[2]
    assert thing.height == pytest.approx(10.0) and thing.incline == pytest.approx(TEN)


def test_a_slope_and_a_camera_that_is_carried_along_have_unknowns_of_their_own(uphill):
    """Each residual's derivative by the angle and by the path's unit is in its own column."""
    level = film_level_fit(lay(uphill, Slope(TEN, (1.0, 0.0)))[:12], -TEN)
    heard, qpos = level.problem.observations, level.solution.qpos
    assert heard is not None
    path = np.column_stack([np.linspace(0.0, 0.5, 12), np.zeros((12, 2))])
    motion = CameraMotion(np.tile(np.eye(3), (12, 1, 1)), np.ones(12), 900.0, True, path)
    carried = CarriedCamera.of(motion, FPS).with_units(np.array([0.2]))
    problem = replace(level.problem, observations=replace(heard, carried=carried), slope=Slope(0.2, (0.0, 1.0)))
    view = View.from_vector(level.solution.unknowns)
    start, step = problem.unknowns(view), 1e-6
    assert len(start) == GLOBALS + 2

    def stack(unknowns: np.ndarray) -> dict[str, np.ndarray]:
        return {block.name: block.residual for block in problem.residuals(qpos, unknowns)}

    blocks = list(problem.residuals(qpos, start))
    assert {len(start)} == {b.global_jacobian.shape[-1] for b in blocks if b.global_jacobian is not None}
    for column in (GLOBALS, GLOBALS + 1):
        moved = np.eye(len(start))[column] * step
        ahead, behind = stack(start + moved), stack(start - moved)
        for block in (one for one in blocks if one.name in ("view", "reprojection", "drift")):
            assert block.global_jacobian is not None
            numeric = (ahead[block.name] - behind[block.name]) / (2.0 * step)
            np.testing.assert_allclose(block.global_jacobian[..., column], numeric, atol=2e-2, rtol=2e-2)


def test_a_robot_walks_up_the_slope_at_its_own_scale(uphill):
    """The slope's height 0 is ahead: nothing but the slope says where its feet are."""
    robot, thing = load_character("g1"), SceneObject("slope", 1.0, 0.0, 0.7, 4.0, 2.0)
    motion = load_demo_motion("walk_up", BODY)
    qpos = motion.qpos[:30] - np.eye(uphill.shape[1])[2] * np.tan(TEN)
    motion = replace(motion, qpos=qpos, contacts=motion.contacts[:30])
    found, _ = retarget_on(motion, BODY, robot, thing)
    small = thing.scale(leg_length(robot) / leg_length(BODY))
    places = point_positions(robot.model, found.qpos, contact_points(robot))
    above = places[..., 2] - np.tan(TEN) * (places[..., 0] - small.x)
    assert np.abs(above.min(axis=1)).max() < 0.01
