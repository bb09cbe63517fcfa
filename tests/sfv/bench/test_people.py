"""Truth: films of people whose places are known, and keypoints put on one of them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pose.errors import InputError
from pose.keypoints import Keypoints
from pose.landmarks import LANDMARKS
from pose.timeline.playback_speed import estimate_playback_speed
from reconstruct.characters.character import load_character
from sfv.bench import together
from sfv.bench.people import find_right_frames, show_at
from sfv.bench.people_films import FILMS, PAIRS, PeopleTruth, perform
from sfv.bench.together import match_people, measure_relative
from tests.people import stick

T = 20


def truth() -> PeopleTruth:
    """The actor comes in at frame 5 and walks past a bystander."""
    actor = np.stack([stick(200 + 20 * t, 300, 200) for t in range(T)])
    bystander = np.stack([stick(400, 300, 200)] * T)
    visible = np.array([np.arange(T) >= 5, np.ones(T, dtype=bool)])
    return PeopleTruth(np.stack([actor, bystander]), visible, np.zeros((2, T, 3)), np.eye(3))


def follow(xy: np.ndarray, start: float = 0.0) -> Keypoints:
    return Keypoints(xy, np.zeros((len(xy), 33, 3)), np.full((len(xy), 33), 0.9), 10.0, LANDMARKS, (960, 540), start)


def test_frames_on_the_right_person_count_and_those_on_another_or_cut_off_do_not() -> None:
    film = truth()
    assert find_right_frames(follow(film.xy_px[0]), film).all()
    assert find_right_frames(follow(film.xy_px[0][5:], start=0.5), film).all()
    late = find_right_frames(follow(film.xy_px[0][8:], start=0.8), film)
    np.testing.assert_array_equal(late, np.arange(5, T) >= 8)
    wrong = find_right_frames(follow(film.xy_px[1]), film)
    np.testing.assert_array_equal(np.flatnonzero(wrong) + 5, [10])  # where they stand in one place


def test_slow_motion_and_time_lapse_of_keypoints_are_found_again() -> None:
    film = follow(np.zeros((40, 33, 2)))
    slow, fast = show_at(film, 4.0), show_at(film, 0.25)
    assert (len(slow), slow.fps, slow.speed) == (40, 2.5, 1.0)
    assert (len(fast), fast.fps, fast.speed) == (10, 10.0, 1.0)
    assert estimate_playback_speed(replace(film, confidence=np.zeros((40, 33)))).speed == 1.0


def test_everybody_stands_where_the_film_says() -> None:
    character = load_character("humanoid")
    assert sorted(len(film.people) for film in FILMS) == [2, 2, 2, 6, 12]
    for extra in FILMS[0].people:
        qpos = perform(extra, character, 30)
        np.testing.assert_allclose(qpos[0, :2], extra.place, atol=0.2)
    walk = next(extra for extra in FILMS[3].people if extra.facing == 180.0)
    qpos = perform(walk, character, 30)
    assert qpos[-1, 0] - qpos[0, 0] < -0.8 and abs(qpos[-1, 1] - qpos[0, 1]) < 0.15


def test_relative_places_are_compared_in_the_axes_of_the_camera() -> None:
    # The camera looks along y: in the shared world that is x, and the truth's x is to the right, -y.
    R = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    walker = np.column_stack([np.linspace(0.0, 1.0, T), np.full(T, 4.0), np.full(T, 0.9)])
    places = np.stack([walker, walker + [2.0, 1.0, 0.0]])
    film = PeopleTruth(np.zeros((2, T, 33, 2)), np.ones((2, T), dtype=bool), places, R)
    roots = [np.zeros((T, 3)), np.tile([1.0, -2.0, 0.0], (T, 1))]
    np.testing.assert_allclose(measure_relative(roots, film), 0.0, atol=1e-9)
    roots[1][5:] += [0.3, 0.0, 0.4]
    roots[1][:2] = np.nan
    error = measure_relative(roots, film)
    assert np.isnan(error[:2]).all() and error[4] == pytest.approx(0.0) and error[9] == pytest.approx(500.0)


def test_everybody_is_matched_once_or_not_at_all() -> None:
    film = truth()
    both = [follow(film.xy_px[1]), follow(film.xy_px[0])]
    assert match_people(both, film) == [1, 0]
    assert match_people(both[:1], film) is None


def test_a_film_in_which_fewer_than_two_are_found_counts_as_none_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    level = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    film = replace(truth(), R_camera_world=level)

    def estimate(video: Path, _: object) -> list[Keypoints]:
        if "deep" in video.name:
            raise InputError(f"{video}: only one person is large enough")
        return [follow(xy) for xy in film.xy_px]

    monkeypatch.setattr(together, "film_people", lambda pair: (Path(f"{pair.name}.mp4"), film))
    monkeypatch.setattr(together, "find_cached_everyone", estimate)
    apart = np.zeros((T, 3)) + [0.3, 0.4, 0.0]
    apart[: T // 2] = np.nan
    monkeypatch.setattr(together, "reconstruct_pair", lambda _: ([np.zeros((T, 3)), apart], (1.7, 1.7)))
    rows = {row.name: row for row in together.measure_together()}
    assert rows["two_people_found"].value == pytest.approx(1 - 1 / len(PAIRS))
    deep = rows["two_people_deep_mm"]
    assert deep.value is None and deep.note == "only one person is large enough"
    assert rows["two_people_walks_mm"].value == pytest.approx(500.0) and rows["two_people_walks_mm"].n == T // 2
    assert rows["two_people_relative_mm"].n == (len(PAIRS) - 1) * T // 2
