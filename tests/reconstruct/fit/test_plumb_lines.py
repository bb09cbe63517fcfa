"""The tilt of a camera by posts and edges that are vertical in the world, among lines that are not."""

import numpy as np
import pytest

from reconstruct.camera import View, focal_from_fov
from reconstruct.fit.plumb_lines import SURE, Plumb, find_plumb, weigh_tilt

SIZE = (1280, 720)
FOCAL = focal_from_fov(50.0, SIZE)


def project(points_w: np.ndarray, view: View) -> np.ndarray:
    """World points, the camera at (0, 0, height), (N, 3) -> px (N, 2)."""
    points_c = (points_w - [0.0, 0.0, view.height]) @ view.rotation().T
    return np.exp(view.log_focal) * points_c[:, :2] / points_c[:, 2:] + 0.5 * np.array(SIZE)


def see_posts(view: View, count: int, seed: int, noise: float = 0.3) -> np.ndarray:
    """Posts of a metre or so, 4 to 9 m away, off by `noise` pixels, (N, 4)."""
    rng = np.random.default_rng(seed)
    foot = np.stack([rng.uniform(4, 9, count), rng.uniform(-3, 3, count), rng.uniform(0.2, 1.0, count)], axis=1)
    ends = [project(foot + [0.0, 0.0, rise], view) for rise in (1.0, 0.0)]
    return np.hstack(ends) + noise * rng.standard_normal((count, 4))


@pytest.mark.parametrize(("pitch", "roll"), [(6.0, 0.5), (-9.0, 2.0), (24.0, -3.0), (0.0, 0.0)])
def test_posts_show_pitch_and_roll_among_others(pitch: float, roll: float) -> None:
    view = View(np.radians(pitch), np.radians(roll), 1.5, float(np.log(FOCAL)))
    rng = np.random.default_rng(1)
    others = np.hstack([rng.uniform(0, 700, (12, 2)), rng.uniform(0, 700, (12, 2))])
    steep = others[:, 3] - others[:, 1] > 2 * np.abs(others[:, 2] - others[:, 0])
    lines = np.concatenate([see_posts(view, 14, 0), others[steep]])
    plumb = find_plumb(lines, SIZE, FOCAL)
    assert plumb is not None
    assert np.degrees(plumb.tilt) == pytest.approx([pitch, roll], abs=0.6)
    assert (np.degrees(plumb.sigma) < [1.5 + 0.13 * abs(pitch), 0.8]).all()


def test_boards_of_a_floor_are_not_plumb() -> None:
    """They meet at the horizon, in the middle of the picture; of all directions in reach few of them point in one."""
    view = View(np.radians(5.0), 0.0, 1.5, float(np.log(FOCAL)))
    near, far = (np.array([[x, y, 0.0] for y in np.linspace(-1.4, 1.4, 15)]) for x in (3.0, 6.0))
    assert find_plumb(np.hstack([project(far, view), project(near, view)]), SIZE, FOCAL) is None


def test_few_lines_say_nothing() -> None:
    assert find_plumb(None, SIZE, FOCAL) is None
    assert find_plumb(see_posts(View(0.1, 0.0, 1.5, float(np.log(FOCAL))), 3, 0), SIZE, FOCAL) is None


def test_lines_in_the_middle_know_little_of_pitch() -> None:
    view = View(np.radians(8.0), 0.0, 1.5, float(np.log(FOCAL)))
    foot = np.stack([np.full(8, 6.0), np.linspace(-0.2, 0.2, 8), np.full(8, 0.5)], axis=1)
    plumb = find_plumb(np.hstack([project(foot + [0, 0, 1.0], view), project(foot, view)]), SIZE, FOCAL)
    assert plumb is not None
    assert plumb.sigma[0] > np.radians(8.0) and plumb.sigma[1] < np.radians(1.0)


def test_estimates_go_in_and_out() -> None:
    """2 and 4 degrees, twice as sure: 2 + 4 / 5 * 2 = 3.6; what goes in comes out; what is far away contradicts."""
    plumb = Plumb(np.radians([4.0, 1.0]), np.radians([1.0, 0.5]))
    tilt, sigma = plumb.put_in(np.radians([2.0, 0.0]), np.radians([2.0, 1.0]))
    assert np.degrees(tilt) == pytest.approx([3.6, 0.8])
    assert np.degrees(sigma) == pytest.approx([2.0 / np.sqrt(5.0), 1.0 / np.sqrt(5.0)])
    back, wide = plumb.take_out(tilt, sigma)
    assert np.degrees(back) == pytest.approx([2.0, 0.0], abs=1e-9) and np.degrees(wide) == pytest.approx([2.0, 1.0])
    assert not plumb.contradicts(np.radians([2.0, 0.0]), np.radians([2.0, 1.0]))
    assert plumb.contradicts(np.radians([-5.0, 0.0]), np.radians([2.0, 1.0]))


def test_many_lines_overrule_a_body_out_of_balance_and_few_do_not() -> None:
    """Of somebody who leans on a chair balance says that the camera is rolled by 11 degrees."""
    leaning, usual = np.radians([20.0, -11.0]), np.array([0.25, 0.05])
    posts = Plumb(np.radians([12.0, -1.0]), np.radians([2.0, 0.5]), SURE)
    tilt, sigma, taken = weigh_tilt(leaning, 0.08, usual, posts)
    assert taken is posts and np.degrees(tilt) == pytest.approx([11.77, -0.97], abs=0.02)
    assert (sigma < posts.sigma).all()
    few = Plumb(posts.tilt, posts.sigma, SURE - 1)
    tilt, sigma, taken = weigh_tilt(leaning, 0.08, usual, few)
    assert taken is None and tilt is leaning
    assert sigma == pytest.approx(0.08 * usual / np.hypot(0.08, usual))
    tilt, _, taken = weigh_tilt(np.radians([10.0, -2.0]), 0.08, usual, few)
    assert taken is few and (np.degrees(tilt) > [10.0, -2.0]).all() and (np.degrees(tilt) < [12.0, -0.99]).all()
