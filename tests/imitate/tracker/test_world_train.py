"""Training through a learned model of the physics: data, going on, and what is refused."""

from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from imitate.env.task import Task
from imitate.policy import Policy
from imitate.tracker.evaluation import follow_clips
from imitate.tracker.prepare import Prepared
from imitate.tracker.train import CloneConfig, Cloning
from imitate.tracker.window_buffer import WindowBuffer
from imitate.tracker.world_train import WorldConfig, WorldTraining, train_through_model
from imitate.training.train import TrainingError
from pose.errors import InputError
from reconstruct.characters.character import load_character

CONFIG = WorldConfig(
    hidden=(16,),
    envs=4,
    steps=6,
    buffer=96,
    window=2,
    rollout=3,
    model_batches=2,
    policy_batches=2,
    model_first=1,
    batch_size=8,
)


@pytest.fixture(autouse=True)
def minutes_by_the_call(monkeypatch: pytest.MonkeyPatch):
    """A clock by which every round takes three seconds, a twentieth of a minute."""
    ticks = count()
    monkeypatch.setattr("imitate.tracker.world_train.work_seconds", lambda: 3.0 * next(ticks))


@pytest.fixture
def training(prepared: list[Prepared]) -> WorldTraining:
    return WorldTraining(load_character("humanoid"), prepared, replace(CONFIG, minutes=0.4))


def test_a_window_holds_what_happened_and_no_beginning_of_an_episode(training: WorldTraining):
    while training.buffer.filled < 40:  # the buffer has 24 rows and is overwritten
        training.collect()
    buffer = training.buffer
    row, env = buffer.find_starts(3)
    window = buffer.take(row, env, 3)
    follow = training.env.reference.follow
    for step in range(3):
        np.testing.assert_array_equal(window.frame[step + 1], follow(window.frame[step].numpy()))
        moved = (window.qpos[step + 1, :, :3] - window.qpos[step, :, :3]).norm(dim=1)
        assert moved.max() < 0.5
    order = (buffer.filled + np.arange(24)) % 24
    fresh = buffer.fresh.numpy()[order]
    wanted = sum(not fresh[k + 1 : k + 4, n].any() for k in range(21) for n in range(4))
    assert len(row) == wanted and 0 < wanted < 84


def test_the_simulation_goes_where_the_window_says(training: WorldTraining):
    training.collect()
    window = training.buffer.take(*training.buffer.find_starts(1), 1)
    drive = training.reference.drive(window.qpos[0], window.frame[0], window.action[0])
    env = training.env
    env.follow(window.qpos[0].numpy()[:4], window.qvel[0].numpy()[:4])
    here = env.joints.rotation_vectors(env.qpos)[:, env.joints.actuator_dof]
    env.set_targets(here + drive.numpy()[:4])
    env.simulate()
    np.testing.assert_allclose(env.qvel, window.qvel[1].numpy()[:4], atol=0.02)


def test_it_goes_on_as_if_it_had_not_been_stopped(training: WorldTraining, prepared: list[Prepared], tmp_path: Path):
    for _ in range(2):
        training.learn()
    training.save(tmp_path / "checkpoint.pt")
    again = WorldTraining(training.character, prepared, replace(training.config, seed=5))
    again.restore(tmp_path / "checkpoint.pt")
    for each in (training, again):
        for _ in range(2):
            each.learn()
    assert training.losses == again.losses and len(training.losses) == 3, "the model's first round is alone"
    assert training.model_losses == again.model_losses and training.samples == again.samples
    for network in ("model", "policy"):
        for name, value in getattr(training, network).state_dict().items():
            assert torch.equal(value, getattr(again, network).state_dict()[name]), name


def test_clips_that_are_added_begin_with_an_empty_buffer(
    training: WorldTraining, prepared: list[Prepared], tmp_path: Path
):
    training.learn()
    training.save(tmp_path / "checkpoint.pt")
    fewer = WorldTraining(training.character, prepared[:1], training.config)
    fewer.restore(tmp_path / "checkpoint.pt")
    assert len(fewer.buffer) == 0 and fewer.samples == training.samples
    fewer.learn()


def test_the_policy_is_one_of_cloning(prepared: list[Prepared], tmp_path: Path):
    character = load_character("humanoid")
    train_through_model(character, prepared, tmp_path, replace(CONFIG, minutes=0.1))
    policy = Policy.load(tmp_path / "tracker.pt")
    cloning = Cloning(character, prepared, CloneConfig(hidden=(16,), envs=2, buffer=64, batch_size=8))
    assert policy.layout == cloning.policy.layout
    assert np.isfinite(
        follow_clips(policy, [Task(character, clip.motion) for clip in prepared]).normalised_return
    ).all()
    with pytest.raises(InputError, match="another network or version"):
        cloning.restore(tmp_path / "checkpoint.pt")


def test_a_tracker_goes_on_as_it_was(prepared: list[Prepared], tmp_path: Path):
    """With its weights and its normaliser, while the model learns first; its layers must be as wide."""
    body = load_character("humanoid")
    cloning = Cloning(body, prepared, CloneConfig(minutes=0.1, hidden=(16,), envs=4, steps=4, buffer=64, batch_size=8))
    cloning.learn()
    before = {name: value.clone() for name, value in cloning.policy.state_dict().items()}
    training = WorldTraining(body, prepared, replace(CONFIG, model_first=2), begin=cloning.policy)
    for _ in range(2):
        training.learn()
    assert training.model.inputs.count > 0 and len(training.losses) == 0
    for name, value in training.policy.state_dict().items():
        assert torch.equal(value, before[name]), name
    training.learn()
    assert len(training.losses) == 1 and torch.equal(training.policy.observations.mean, before["observations.mean"])
    assert not torch.equal(training.policy.state_dict()["actor.0.weight"], before["actor.0.weight"])
    with pytest.raises(InputError, match=r"--begin: its layers are \(16,\) wide"):
        train_through_model(body, prepared, tmp_path, replace(CONFIG, hidden=(8,)), begin=cloning.policy)


def test_numbers_that_explode_are_one_line_and_spoil_no_checkpoint(
    prepared: list[Prepared], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    add = WindowBuffer.add

    def spoil(self: WindowBuffer, *arguments: Any) -> None:
        add(self, *arguments)
        if self.filled > 24:
            self.qvel[:] = torch.inf

    monkeypatch.setattr(WindowBuffer, "add", spoil)
    with pytest.raises(TrainingError, match="not finite; the last weights are kept"):
        train_through_model(load_character("humanoid"), prepared, tmp_path, replace(CONFIG, minutes=1.0))
    content = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    for network in ("model", "policy"):
        assert all(torch.isfinite(value).all() for value in content[network].values())


def test_a_checkpoint_that_does_not_fit_is_one_line(training: WorldTraining, tmp_path: Path):
    path = tmp_path / "checkpoint.pt"
    training.save(path)
    content = torch.load(path, weights_only=True)
    weights = {name: value[:-1] for name, value in content["model"].items() if value.ndim}
    for change, said in (
        ({"body": ["g1", 1.3]}, "of the body"),
        ({"format": 2}, "not of this way of training"),
        ({"model": weights}, "weights of another network"),
    ):
        torch.save(content | change, path)
        with pytest.raises(InputError, match=said):
            training.restore(path)


@pytest.mark.parametrize("change", [{"minutes": float("nan")}, {"learning_rate": 2.0}, {"checkpoint_seconds": -1.0}])
def test_numbers_that_make_no_sense_are_refused(change: dict[str, float]):
    with pytest.raises(InputError, match="out of range"):
        replace(WorldConfig(), **change).check()


def test_a_buffer_without_room_for_a_window_is_refused():
    with pytest.raises(InputError, match="give more than"):
        replace(WorldConfig(), buffer=256).check()


def test_episodes_that_all_end_within_a_window_are_one_line(training: WorldTraining):
    training.collect()
    training.buffer.fresh[:] = True
    with pytest.raises(InputError, match=r"every episode ended within \d+ control steps; give a smaller --window"):
        training.fit_model()
