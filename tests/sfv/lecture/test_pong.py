"""`sfv learn pong` from its command line on: what it refuses, and what it says of a run."""

import importlib.util
from types import SimpleNamespace

import numpy as np
import pytest

from imitate.lecture.pong_training import Games, PongConfig
from pose.errors import InputError
from sfv.lecture.learn import LearnConfig, run_learn
from sfv.lecture.pong import LearnPongConfig, describe, film_game, learn_pong, summarise, write_curve


def test_missing_emulator_makes_no_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"\[atari\]"):
        learn_pong(LearnPongConfig(out=tmp_path / "p"))
    assert not (tmp_path / "p").exists()


def test_numbers_are_checked_and_pong_comes_first():
    with pytest.raises(InputError, match="--samples 0"):
        LearnPongConfig(samples=0)
    with pytest.raises(InputError, match="--workers -1"):
        LearnPongConfig(workers=-1)
    with pytest.raises(InputError, match="sfv learn pong --algorithm ppo"):
        run_learn(LearnConfig("pong"))


def test_figures_by_hand(tmp_path):
    scores = np.array([18.0, 20.0, 16.0, 18.0])
    games = Games(list(range(0, 1500, 10)), [6.0] * 150, [12.0] * 150, [18.0] * 150)
    training = SimpleNamespace(
        games=games, samples=1500, seconds=600.0, cpu_seconds=1200.0, config=PongConfig("ppo", "ff", 1500)
    )
    config = LearnPongConfig()
    result = summarise(config, training, scores)  # type: ignore[arg-type]
    assert result["score"] == 18.0 and result["frames"] == 6000
    assert result["human_normalised"] == pytest.approx(1.29)
    assert result["score_interval"] == pytest.approx(1.96 * (8 / 3) ** 0.5 / 2)
    assert result["samples_to_goal"] == 990  # the hundredth game
    text = describe(config.title(), result)
    assert "score 18.0 +- 1.6" in text and "129%" in text and "6,000 frames" in text
    assert "10.0 min of wall clock, 20.0 min of processor time" in text and "after 990 samples" in text
    write_curve(tmp_path, config.title(), games)
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    write_curve(tmp_path, config.title(), Games([], [], [], []))  # no game has ended yet


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("ale_py") is None, reason="ale-py (extra atari) is not installed")
def test_film_shows_the_whole_game(tmp_path):
    class Idle:
        def act(self, observation, rng=None):
            return np.zeros(len(observation), dtype=np.int64)

    assert film_game(Idle(), tmp_path / "game.mp4", 0) == -21.0
    from pose.video import probe

    info = probe(tmp_path / "game.mp4")
    assert (info.width, info.height) == (480, 630) and info.frames > 700
