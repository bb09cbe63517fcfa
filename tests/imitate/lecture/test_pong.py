"""Pong: preprocessing against an emulator of our own that is taken frame by frame, starts, scores."""

import importlib.util

import cv2
import numpy as np
import pytest

from imitate.lecture.pong import MOST_NOOPS, SKIP, Pong, check_emulator, human_normalised, play_games
from pose.errors import InputError

needs_emulator = pytest.mark.skipif(
    importlib.util.find_spec("ale_py") is None, reason="ale-py (extra atari) is not installed"
)


def start(problem, seed):
    problem.start(rng=np.random.default_rng(seed))


def make_console(frames_before):
    """The bare emulator, after so many frames of doing nothing."""
    import ale_py  # pyright: ignore[reportMissingImports]
    from ale_py import roms  # pyright: ignore[reportMissingImports]

    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    console = ale_py.ALEInterface()
    console.setFloat("repeat_action_probability", 0.0)
    console.loadROM(str(roms.get_rom_path("pong")))
    console.reset_game()
    for _ in range(frames_before):
        console.act(0)
    return console


def test_human_normalised_score_by_hand():
    assert human_normalised(-20.7) == 0.0 and human_normalised(9.3) == 1.0
    assert human_normalised(18.0) == pytest.approx(38.7 / 30.0)
    assert human_normalised(15.5, random=-18.0, human=15.5) == 1.0


def test_missing_emulator_is_one_line_that_names_the_extra(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"ale-py, which is not installed: pip install .*\[atari\]"):
        check_emulator()


@needs_emulator
def test_pictures_are_the_maximum_of_two_frames_in_grey_scaled_and_stacked():
    """Every observation, worked out from single frames: four an action, maximum of the last two, 84 x 84, stacked."""
    problem, rng = Pong(1), np.random.default_rng(1)
    start(problem, 3)
    frames_before = int(
        problem._games.reset(seed=np.array([5]), options={"reset_mask": np.array([True])})[1]["frame_number"][0]
    )
    console, actions = make_console(frames_before), [0, 1, 3, 4, 11, 12]
    pictures, differs = [], 0
    for t in range(60):
        action = int(rng.integers(6))
        result = problem.step(np.array([action]))
        reward, grey = 0, []
        for _ in range(SKIP):
            reward += console.act(actions[action])
            grey.append(console.getScreenGrayscale().reshape(210, 160))
        differs += int((grey[-1] != grey[-2]).any())
        pictures.append(cv2.resize(np.maximum(grey[-1], grey[-2]), (84, 84), interpolation=cv2.INTER_AREA))
        assert result.reward[0] == reward
        if t >= 3:
            np.testing.assert_array_equal(problem.observe()[0], pictures[-4:])  # the oldest first
    assert differs > 20  # the maximum was of different frames


@needs_emulator
def test_grey_is_luminance():
    console = make_console(20)
    red, green, blue = np.moveaxis(console.getScreenRGB().astype(float), -1, 0)
    luminance = 0.2989 * red + 0.5870 * green + 0.1140 * blue
    assert np.abs(luminance - console.getScreenGrayscale().reshape(210, 160)).max() < 1.0


@needs_emulator
def test_games_begin_with_up_to_thirty_noops_and_alone():
    problem, frames = Pong(4), []
    rng = np.random.default_rng(0)
    for _ in range(4):
        seeds = rng.integers(0, 2**31 - 1, size=4)
        frames.extend(
            problem._games.reset(seed=seeds, options={"reset_mask": np.ones(4, dtype=bool)})[1]["frame_number"]
        )
    assert min(frames) >= 0 and max(frames) <= MOST_NOOPS and len(set(frames)) > 6
    for _ in range(10):
        problem.step(np.zeros(4, dtype=np.int64))
    before = problem.observe().copy()
    problem.start(np.array([2]), np.random.default_rng(1))
    np.testing.assert_array_equal(problem.observe()[[0, 1, 3]], before[[0, 1, 3]])
    assert (problem.observe()[2] != before[2]).any()


@needs_emulator
def test_same_seed_same_game_and_the_film_shows_it():
    """Two consoles, one for the policy and one in colour, play the same game at the same actions."""
    seen, shown, rng = Pong(2), Pong(2, colour=True), np.random.default_rng(0)
    start(seen, 7)
    start(shown, 7)
    for _ in range(90):
        action = rng.integers(6, size=2)
        first, second = seen.step(action), shown.step(action)
        np.testing.assert_array_equal(first.reward, second.reward)
    assert shown.observe().shape == (2, 1, 210, 160, 3)
    grey = cv2.cvtColor(shown.observe()[1, 0], cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (84, 84), interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - seen.observe()[1, -1]).max() <= 2


@needs_emulator
def test_who_does_nothing_loses_every_point():
    class Idle:
        def act(self, observation, rng=None):
            assert observation.dtype == np.uint8 and observation.shape[1:] == (4, 84, 84)
            return np.zeros(len(observation), dtype=np.int64)

    assert play_games(Idle(), 2, seed=0).tolist() == [-21.0, -21.0]
