"""Checkpoints: the whole state of a training run in one file that no crash leaves half written."""

import hashlib
import inspect
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from imitate.env.task import Task
from imitate.policy import load_torch, save_torch
from pose.errors import InputError

FORMAT_VERSION = 6


def task_digest(task: Task, settings: dict[str, Any]) -> str:
    """Names what is being learnt: a checkpoint of another motion, body, scene or setting is not continued."""
    motion, character, scene = task.motion, task.character, task.scene
    settings = settings | ({} if scene.kind == "flat" else {"scene": scene.identity})
    if type(task) is not Task:  # with reward terms of its own
        settings |= {"own_rewards": _read_source(type(task))}
    text = json.dumps(
        {
            "qpos": hashlib.sha256(np.ascontiguousarray(motion.qpos).tobytes()).hexdigest(),
            "fps": motion.fps,
            "loop": motion.loop,
            "character": hashlib.sha256(character.path.read_bytes()).hexdigest(),
            "height": character.height,
            "settings": settings,
        },
        sort_keys=True,
        default=asdict,
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _read_source(task: type[Task]) -> str:
    """The text of a class; its name where there is no file to read it from."""
    try:
        return inspect.getsource(task)
    except (OSError, TypeError):
        return task.__qualname__


def save_checkpoint(path: Path, task: str, content: dict[str, Any]) -> None:
    """Writes nested arrays, tensors and plain values; a crash leaves the old file or the new one."""
    save_torch({"format": FORMAT_VERSION, "task": task, "content": _to_tensors(content)}, path)


def load_checkpoint(path: Path, task: str) -> dict[str, Any] | None:
    """What `save_checkpoint` wrote for this task; None if there is none, or it is of another task or damaged."""
    try:
        found = load_torch(path, "checkpoint")
    except InputError:
        return None
    if found.get("format") != FORMAT_VERSION or found.get("task") != task:
        return None
    return found["content"]


def _to_tensors(value: Any) -> Any:
    """NumPy arrays and scalars, at any depth, as tensors and numbers, which torch loads without running code."""
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value.copy())
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {key: _to_tensors(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_to_tensors(item) for item in value]
    return value
