"""Slopes: their axes by hand, derivatives by finite differences, and whose plumb line says what."""

from dataclasses import replace

import numpy as np
import pytest

from reconstruct.camera import View
from reconstruct.characters.character import load_character
from reconstruct.contact_wrench import unsupported_share
from reconstruct.fit_slope import guess_slope
from reconstruct.kinematics import point_positions
from reconstruct.misfit import gather_contacts
from reconstruct.problem import FitSigmas, Problem
from reconstruct.residuals import GLOBALS
from reconstruct.rotations import from_rotvec, to_matrix
from reconstruct.slope import Slope, find_standing_places, find_way, slope_of, stand_plumb, turn_world
from reconstruct.surfaces import carried_points
from sfv.demo.motions import FPS, load_demo_take

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
