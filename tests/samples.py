"""Bodies, motions and training options that many tests share."""

import contextlib
import io
import subprocess
from pathlib import Path

import numpy as np
import pytest

from imitate.locomotion.terrain import Terrain
from imitate.training.config import TrainConfig
from imitate.training.ppo import PPOConfig
from pose.errors import InputError
from reconstruct.characters.character import Character, load_character, read_character_table
from reconstruct.motion import ReferenceMotion

CHARACTER = load_character("humanoid")
TINY = TrainConfig(
    minutes=5.0,
    samples=128,
    workers=1,
    num_envs=8,
    num_steps=4,
    hidden_sizes=(16, 16),
    evaluation_interval=64,
    tensorboard=False,
    warm_start="none",
    ppo=PPOConfig(minibatch_size=16, update_epochs=2),
)


def standing(frames: int = 31, loop: bool = False) -> ReferenceMotion:
    """The humanoid stands upright at ease."""
    return ReferenceMotion(
        qpos=np.tile(CHARACTER.model.qpos0, (frames, 1)),
        fps=30.0,
        character=CHARACTER.name,
        height=CHARACTER.height,
        joint_names=CHARACTER.joint_names,
        contacts=np.ones((frames, 2), dtype=bool),
        contact_names=("left_foot", "right_foot"),
        loop=loop,
    )


def flat_terrain(size: float = 4.0) -> Terrain:
    """Level ground for legged robots, so long and wide [m]."""
    return Terrain(np.zeros((2, 2)), size)


def available(name: str) -> Character:
    """A character; one whose model is fetched may be out of reach."""
    try:
        return load_character(name)
    except InputError as error:
        if "package" in read_character_table(name):
            pytest.skip(str(error))
        raise


def call_cli(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """`sfv ARGUMENTS` in this process: a start of Python costs more than what most of these commands do."""
    from sfv.cli import main

    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.chdir(cwd), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(list(arguments))
        except SystemExit as end:
            code = int(end.code or 0)
    return subprocess.CompletedProcess(["sfv", *arguments], code, out.getvalue(), err.getvalue())
