"""The controllers of all clips as one expert, and the policy that is cloned from them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from imitate.env.env import EnvConfig, ImitationEnv
from imitate.env.task import Task
from imitate.policy import Policy
from imitate.tracker.env import TrackerEnv
from imitate.tracker.evaluation import follow_clips
from imitate.tracker.expert import ClipExpert
from imitate.tracker.prepare import (
    Prepared,
)
from imitate.tracker.train import Buffer, CloneConfig, Cloning, clone_policy
from imitate.training.distill import Expert
from imitate.training.train import TrainingError
from pose.errors import InputError
from reconstruct.characters.character import load_character
from tests.imitate.tracker.conftest import glide

CONFIG = CloneConfig(hidden=(32,), envs=4, steps=8, buffer=64, batches=4, batch_size=32, learning_rate=5e-3)


def test_the_expert_of_all_clips_is_that_of_each(prepared: list[Prepared]):
    tasks = [Task(load_character("humanoid"), clip.motion) for clip in prepared]
    joined = TrackerEnv.of_tasks(tasks, EnvConfig(), 2)
    alone = ImitationEnv(tasks[1], EnvConfig(), 2)
    assert prepared[1].draft is not None
    expert, own = ClipExpert(prepared, joined), Expert(prepared[1].draft, alone)
    rng = np.random.default_rng(0)
    offset = 0.1 * rng.standard_normal((2, joined.body.nv))
    frames = np.array([3, 22])
    joined.start(frames + 12, offset=offset)
    alone.start(frames, offset=offset)
    (found, trust), (wanted, own_trust) = expert.label(joined), own.label(alone)
    assert found == pytest.approx(wanted, abs=1e-5)
    assert trust == pytest.approx(own_trust**4, rel=1e-4), "it is trusted half as far"
    assert expert.covered.tolist() == [True] * 11 + [False] + [True] * 23 + [False]


def test_a_buffer_replaces_the_oldest():
    buffer = Buffer.of(5, 1, 1)
    for k in range(3):
        rows = np.full((3, 1), float(k), dtype=np.float32)
        buffer.add(rows, rows, np.ones(3, dtype=np.float32))
    assert len(buffer) == 5 and sorted(buffer.label[:, 0].tolist()) == [1.0, 1.0, 2.0, 2.0, 2.0]


def test_cloning_goes_on_where_it_was_stopped(prepared: list[Prepared], tmp_path: Path):
    character, path = load_character("humanoid"), tmp_path / "checkpoint.pt"
    cloning = Cloning(character, prepared, CONFIG)
    cloning.learn()
    for _ in range(10):
        cloning.fit()
    assert cloning.losses[-1] < 0.7 * cloning.losses[0], "the same states"
    cloning.save(path)
    again = Cloning(character, prepared, CONFIG)
    again.restore(path)
    for name, value in again.policy.state_dict().items():
        assert torch.equal(value, cloning.policy.state_dict()[name]), name
    again.learn()
    assert len(again.losses) == 12 and again.seconds > cloning.seconds and again.cpu_seconds > cloning.cpu_seconds
    assert len(again.buffer) == CONFIG.buffer, "no fit draws on one round"
    again.save(path)
    policy = clone_policy(character, prepared, tmp_path, replace(CONFIG, minutes=1e-5))
    loaded = Policy.load(tmp_path / "tracker.pt")
    seen = np.random.default_rng(0).standard_normal((3, policy.layout.observation_size)).astype(np.float32)
    assert loaded.act(seen) == pytest.approx(policy.act(seen), abs=2e-2)


def test_a_resumed_cloning_does_not_begin_from_the_same_states_again(prepared: list[Prepared], tmp_path: Path):
    cloning, path = Cloning(load_character("humanoid"), prepared, CONFIG), tmp_path / "checkpoint.pt"
    cloning.learn()
    cloning.save(path)
    fresh, again = (Cloning(cloning.character, prepared, CONFIG) for _ in range(2))
    again.restore(path)
    assert not np.array_equal(again.env.qpos, fresh.env.qpos)
    cloning.start(np.arange(CONFIG.envs))
    np.testing.assert_array_equal(again.env.qpos, cloning.env.qpos)


def test_pushes_change_the_roots_speed_of_a_few_bodies(prepared: list[Prepared]):
    cloning = Cloning(load_character("humanoid"), prepared, replace(CONFIG, envs=2000, push_speed=0.3, mirror=False))
    before = cloning.env.qvel.copy()
    cloning._push()
    change = cloning.env.qvel - before
    hit = np.any(change != 0.0, axis=1)
    assert 0.02 < hit.mean() < 0.06
    assert not change[:, 2].any() and not change[:, 6:].any()
    assert change[hit, :2].std() == pytest.approx(0.3, rel=0.3)
    assert change[hit, 3:6].std() == pytest.approx(0.6, rel=0.3)


def test_numbers_that_explode_are_one_line_and_spoil_no_checkpoint(
    prepared: list[Prepared], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    learn = Cloning.learn

    def spoil(self: Cloning) -> None:
        learn(self)
        self.buffer.label[:] = torch.inf
        self.fit()

    monkeypatch.setattr(Cloning, "learn", spoil)
    with pytest.raises(TrainingError, match="not finite; the last weights are kept"):
        clone_policy(load_character("humanoid"), prepared, tmp_path, replace(CONFIG, minutes=1e-5))
    weights = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["policy"]
    assert all(torch.isfinite(value).all() for value in weights.values())


def test_a_checkpoint_that_does_not_fit_is_one_line(prepared: list[Prepared], tmp_path: Path):
    path, cloning = tmp_path / "checkpoint.pt", Cloning(load_character("humanoid"), prepared, CONFIG)
    cloning.save(path)
    content = torch.load(path, weights_only=True)
    with pytest.raises(InputError, match="another network"):
        Cloning(cloning.character, prepared, replace(CONFIG, hidden=(16,))).restore(path)
    weights = {name: value[:-1] for name, value in content["policy"].items() if value.ndim}
    for change, said in (({"body": ["g1", 1.3]}, "of the body"), ({"policy": weights}, "weights of another network")):
        torch.save(content | change, path)
        with pytest.raises(InputError, match=said):
            cloning.restore(path)
    torch.save({name: value for name, value in content.items() if name != "samples"}, path)
    with pytest.raises(InputError, match="samples"):
        cloning.restore(path)


@pytest.mark.parametrize(
    "change",
    [{"learning_rate": float("nan")}, {"expert_share": 1.5}, {"minutes": float("nan")}, {"push_speed": -1.0}],
)
def test_numbers_that_make_no_sense_are_refused(change: dict[str, float]):
    with pytest.raises(InputError, match="out of range"):
        replace(CloneConfig(), **change).check()


def test_a_clip_that_is_lost_at_once_has_no_error():
    character, motion = load_character("humanoid"), glide(12, speed=0.0)
    away = motion.qpos.copy()
    away[1:, 0] += 3.0
    tasks = [Task(character, each) for each in (motion, replace(motion, qpos=away))]
    policy = Policy(TrackerEnv.of_tasks(tasks, EnvConfig(), 2).policy_layout((8,)))
    found = follow_clips(policy, tasks)
    assert found.followed.tolist() == [True, False] and found.error[0] < 0.1
    assert np.isnan(found.error[1]) and np.isnan(found.local_error[1])
