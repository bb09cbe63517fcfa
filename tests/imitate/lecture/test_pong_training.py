"""Training on Pong: what a checkpoint keeps, what it is refused for, and when the goal is reached."""

import importlib.util
from dataclasses import replace

import numpy as np
import pytest
import torch

from imitate.lecture import pong_training
from imitate.lecture.a3c import A3CState, SharedRMSprop, _share_state
from imitate.lecture.pong_training import CHECKPOINT, Games, PongConfig, PongTraining, load_policy, save_policy
from imitate.lecture.settings import ALGORITHMS, PONG, Settings
from pose.errors import InputError

needs_emulator = pytest.mark.skipif(
    importlib.util.find_spec("ale_py") is None, reason="ale-py (extra atari) is not installed"
)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Two games, eight steps of each between updates."""
    changes = {
        name: {"num_envs": 2, "num_steps": 8} | ({"update_epochs": 1} if name == "ppo" else {})
        for name in ("ppo", "a2c", "a3c")
    }
    monkeypatch.setattr(pong_training, "PONG", {network: Settings(changes=changes) for network in PONG})


@needs_emulator
@pytest.mark.parametrize("algorithm, network", [("ppo", "lstm"), ("a2c", "ff")])
def test_run_goes_on_from_its_checkpoint(algorithm, network, tmp_path):
    """Policy, optimiser, clocks and counts are those of before; the settings must be, too."""
    config = PongConfig(algorithm, network, samples=32, workers=1)
    first = PongTraining(config, tmp_path)
    first.run()
    assert first.samples == 32 and first.is_done and first.seconds > 0.0
    again = PongTraining(replace(config, samples=48), tmp_path)
    assert again.samples == 32 and again.seconds == first.seconds and not again.is_done
    assert first.learner is not None and again.learner is not None
    for old, new in zip(first.policy.parameters(), again.policy.parameters(), strict=True):
        torch.testing.assert_close(new, old)
    old, new = (learner.optimiser.state_dict()["state"] for learner in (first.learner, again.learner))
    for i, moments in old.items():
        for name, value in moments.items():
            torch.testing.assert_close(new[i][name], value)
    again.run()
    assert again.samples == 48
    assert any((a != b).any() for a, b in zip(first.policy.parameters(), again.policy.parameters(), strict=True))
    with pytest.raises(InputError, match="other settings; give another --out"):
        PongTraining(replace(config, seed=1), tmp_path)


@needs_emulator
def test_ctrl_c_saves_and_the_whole_round_counts(tmp_path):
    training = PongTraining(PongConfig("a2c", "ff", samples=10_000, workers=1), tmp_path)

    def stop(done, total, note=""):
        training.stop = done >= 32

    training.progress = stop
    with pytest.raises(KeyboardInterrupt):
        training.run()
    assert PongTraining(training.config, tmp_path).samples == 32


def test_damaged_checkpoint_is_refused_in_one_line(tmp_path):
    (tmp_path / CHECKPOINT).write_bytes(b"PK\x03\x04 half a file")
    with pytest.raises(InputError, match=r"checkpoint.pt: damaged, or of a run with other settings"):
        PongTraining(PongConfig("ppo", "ff", 16), tmp_path)


def test_shared_squares_and_counts_go_on_with_other_workers():
    network = torch.nn.Linear(2, 1)
    squares = [torch.full_like(p, 3.0) for p in network.parameters()]
    before = A3CState(squares, torch.tensor([5, 7]), torch.tensor([1.0, 2.5], dtype=torch.float64))
    optimiser = SharedRMSprop(network, 0.1)
    state = _share_state(optimiser, 3, before)
    assert state.counts.tolist() == [12, 0, 0] and float(state.cpu_seconds.sum()) == 3.5
    assert all((square == 3.0).all() for square in optimiser.squares) and state.squares is optimiser.squares
    assert _share_state(SharedRMSprop(network, 0.1), 2, None).counts.tolist() == [0, 0]


@pytest.mark.parametrize("network", ["ff", "lstm"])
def test_policy_file(network, tmp_path):
    policy = pong_training.make_policy(network)
    save_policy(policy, tmp_path / "policy.pt")
    seen = np.random.default_rng(0).integers(0, 256, size=(1, 4, 84, 84), dtype=np.uint8)
    assert load_policy(tmp_path / "policy.pt").act(seen) == policy.act(seen)
    torch.save({"format": 1, "network": "ff", "weights": {}}, tmp_path / "other.pt")
    with pytest.raises(InputError, match=r"other.pt: not a policy for Pong, or damaged"):
        load_policy(tmp_path / "other.pt")


def test_goal_is_reached_by_the_mean_of_a_hundred_games():
    scores = [0.0] * 100 + [20.0] * 100
    games = Games(list(range(200)), [0.0] * 200, [0.0] * 200, scores)
    # after k games of 20 the mean of the last hundred is k / 5: 18 with the 90th
    assert games.find_reached(18.0) == 189 and games.find_reached(20.0) == 199 and games.find_reached(21.0) is None
    assert games.recent_mean() == 20.0
    assert Games([0], [0.0], [0.0], [21.0]).find_reached(18.0) is None  # one game is luck


def test_settings_are_of_the_lectures_learners(monkeypatch):
    monkeypatch.undo()
    for settings in PONG.values():
        assert set(settings.changes) <= set(ALGORITHMS)
        assert settings.adapt("a3c").num_envs * settings.adapt("a3c").num_steps >= 5  # type: ignore[operator]
        assert settings.adapt("ppo").config.gamma == settings.adapt("a2c").config.gamma == 0.99
