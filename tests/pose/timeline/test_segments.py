"""Truth: keypoints of a stick figure that walks, rests and jumps at known times."""

from itertools import pairwise

import numpy as np
import pytest

from pose.keypoints import Keypoints
from pose.landmarks import LANDMARKS
from pose.timeline.segments import find_periods, find_segments
from tests.people import stick

FPS = 30.0


def keypoints(bodies: list[np.ndarray], start: float = 0.0) -> Keypoints:
    rng = np.random.default_rng(0)
    xy = np.stack(bodies) + rng.normal(0.0, 1.0, (len(bodies), 33, 2))
    return Keypoints(xy, np.zeros((len(xy), 33, 3)), np.full((len(xy), 33), 0.9), FPS, LANDMARKS, (1280, 720), start)


def walk(seconds: float, period: float = 1.0) -> list[np.ndarray]:
    times = np.arange(round(seconds * FPS)) / FPS
    return [stick(300.0 + 60 * t, 400.0, 300.0, 2 * np.pi * t / period) for t in times]


def rest(seconds: float) -> list[np.ndarray]:
    return [stick(600.0, 400.0, 300.0)] * round(seconds * FPS)


def jump(seconds: float = 1.0) -> list[np.ndarray]:
    """Once up and down, with arms and legs that move."""
    phases = np.linspace(0.0, 1.0, round(seconds * FPS))
    return [stick(600.0, 400.0 - 150.0 * np.sin(np.pi * p) ** 2, 300.0, np.pi * p**2) for p in phases]


def test_walk_rest_and_jump_are_distinguished_with_their_times() -> None:
    video = keypoints([*walk(5.0), *rest(2.0), *jump(), *rest(1.5)], start=10.0)
    found = find_segments(video)
    assert [segment.kind for segment in found] == ["cycle", "rest", "action", "rest"]
    cycle, _, action, _ = found
    assert cycle.period == pytest.approx(1.0, abs=0.1)
    assert (cycle.start, cycle.end) == (10.0, pytest.approx(15.3, abs=0.3))
    assert (action.start, action.end) == (pytest.approx(16.7, abs=0.3), pytest.approx(18.3, abs=0.3))
    assert cycle.describe().startswith("START=10.0") and "5 times" in cycle.describe()
    assert all(a.end == pytest.approx(b.start, abs=0.01) for a, b in pairwise(found))


def test_dance_that_ends_near_where_it_began_is_one_action() -> None:
    rng = np.random.default_rng(1)
    times = np.linspace(0.0, 12.0, 360)
    path = sum(
        rng.normal(size=2)[:, None] * np.sin(rng.uniform(0.5, 4.0) * times + rng.uniform(0, 6)) for _ in range(6)
    )
    bodies = [stick(600.0 + 40 * x, 400.0 + 25 * y, 300.0, 3 * x + 2 * y) for x, y in path.T]
    bodies[-5:] = bodies[:5]
    assert [segment.kind for segment in find_segments(keypoints(bodies))] == ["action"]


def test_two_gaits_are_two_cycles_and_a_jump_between_is_its_own() -> None:
    found = find_segments(keypoints([*walk(5.0, 1.2), *jump(), *walk(4.0, 0.6)]))
    assert [segment.kind for segment in found] == ["cycle", "action", "cycle"]
    assert found[0].period == pytest.approx(1.2, abs=0.12) and found[2].period == pytest.approx(0.6, abs=0.1)


def test_periods_are_those_of_a_sine_and_a_ramp_has_none() -> None:
    t = np.arange(90) / 15.0
    sine = np.column_stack([np.sin(2 * np.pi * t / 0.8), np.cos(2 * np.pi * t / 0.8)])
    np.testing.assert_allclose(find_periods(sine, 15.0)[5:-5], 0.8, atol=0.07)
    assert (find_periods(np.column_stack([t, -t]), 15.0) == 0).all()


def test_video_without_the_person_is_one_segment() -> None:
    empty = keypoints(rest(1.0))
    assert len(find_segments(Keypoints(empty.xy, empty.xyz, np.zeros((30, 33)), FPS, LANDMARKS, (1280, 720)))) == 1


def test_slow_motion_counts_by_the_motion_s_own_time() -> None:
    film = keypoints([*walk(12.0, 4.0), *rest(4.0)]).with_speed(4.0)
    cycle, still = find_segments(film)
    assert (cycle.kind, still.kind) == ("cycle", "rest")
    assert cycle.period == pytest.approx(4.0, abs=0.4)
    assert cycle.end == pytest.approx(13.2, abs=0.8) and still.end == pytest.approx((len(film) - 1) / FPS)


def test_two_rests_around_a_moment_that_is_no_action_are_one() -> None:
    moment = [
        stick(600.0, 400.0 - 60.0 * np.sin(np.pi * p), 300.0, 0.8 * np.sin(np.pi * p)) for p in np.linspace(0, 1, 6)
    ]
    found = find_segments(keypoints([*rest(2.0), *moment, *rest(2.0), *walk(5.0)]))
    assert [segment.kind for segment in found] == ["rest", "cycle"]
