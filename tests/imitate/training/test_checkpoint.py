"""Checkpoints: what goes in comes out, of this task alone, and a crash leaves the old file."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from imitate.env.task import Task
from imitate.scene.scene import Scene
from imitate.training.checkpoint import load_checkpoint, save_checkpoint, task_digest
from reconstruct.characters.character import load_character
from tests.samples import CHARACTER, standing

TASK = Task(CHARACTER, standing(4))


def test_nested_values_come_back(tmp_path):
    content = {
        "array": np.arange(6.0).reshape(2, 3),
        "tensor": torch.tensor([1, 2]),
        "rng": np.random.default_rng(3).bit_generator.state,
        "deep": [{"flag": np.bool_(True), "number": np.float64(0.1), "text": "x", "none": None}],
    }
    save_checkpoint(tmp_path / "a" / "checkpoint.pt", "task", content)
    found = load_checkpoint(tmp_path / "a" / "checkpoint.pt", "task")
    assert found is not None
    np.testing.assert_array_equal(found["array"], content["array"])
    assert torch.equal(found["tensor"], content["tensor"])
    assert found["deep"] == [{"flag": True, "number": 0.1, "text": "x", "none": None}]
    rng = np.random.default_rng(0)
    rng.bit_generator.state = found["rng"]
    assert rng.random() == np.random.default_rng(3).random()


def test_a_saved_array_is_a_copy(tmp_path):
    array = np.zeros(3)
    save_checkpoint(tmp_path / "checkpoint.pt", "task", {"array": array})
    array[:] = 7.0
    found = load_checkpoint(tmp_path / "checkpoint.pt", "task")
    assert found is not None and not found["array"].any()


def test_none_of_another_task_format_or_in_pieces(tmp_path):
    path = tmp_path / "checkpoint.pt"
    assert load_checkpoint(path, "task") is None
    save_checkpoint(path, "task", {"x": 1})
    assert load_checkpoint(path, "other") is None
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert load_checkpoint(path, "task") is None
    torch.save({"format": 3, "task": "task", "content": {"x": 1}}, path)
    assert load_checkpoint(path, "task") is None


def test_a_failed_write_keeps_the_old_checkpoint_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, "task", {"x": 1})

    def full_disk(content, file):
        file.write(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(OSError, match="no space"):
        save_checkpoint(path, "task", {"x": 2})
    assert load_checkpoint(path, "task") == {"x": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_the_same_task_has_the_same_digest_and_every_change_another():
    settings = {"seed": 0, "layers": (4, 4)}
    same = task_digest(Task(CHARACTER, standing(4)), dict(settings))
    assert same == task_digest(TASK, settings)
    moved = standing(4)
    moved.qpos[2, 7] += 1e-6
    others = [
        task_digest(TASK, settings | {"seed": 1}),
        task_digest(replace(TASK, motion=replace(TASK.motion, loop=True)), settings),
        task_digest(replace(TASK, motion=replace(TASK.motion, fps=31.0)), settings),
        task_digest(replace(TASK, motion=moved), settings),
        task_digest(replace(TASK, character=load_character("humanoid", 1.8)), settings),
        task_digest(replace(TASK, scene=Scene("slope")), settings),
        task_digest(replace(TASK, scene=Scene("slope", angle=3.0)), settings),
    ]
    assert len({same, *others}) == 8


class LowReward(Task):
    def compute_own_rewards(self, state):
        return {"own": 0.1 * state.com[:, 2]}


class HighReward(Task):
    def compute_own_rewards(self, state):
        return {"own": 0.2 * state.com[:, 2]}


def test_rewards_of_ones_own_are_another_task():
    motion = standing(4)
    digests = {task_digest(kind(CHARACTER, motion), {"steps": 1}) for kind in (Task, LowReward, HighReward)}
    assert len(digests) == 3
    assert task_digest(LowReward(CHARACTER, motion), {"steps": 1}) in digests
