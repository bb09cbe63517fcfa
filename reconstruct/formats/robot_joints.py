"""Which of the characters a file of joint angles is of: by its joints' names, or by how many there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np

from pose.errors import InputError
from reconstruct.characters.character import Character, list_character_names, load_character
from reconstruct.formats.gaps import is_unit

G1_HINGES = 29


def hinge_names(model: mujoco.MjModel) -> tuple[str, ...]:
    """Names of the hinges in the order of qpos."""
    return tuple(model.joint(j).name for j in range(model.njnt) if model.jnt_type[j] == mujoco.mjtJoint.mjJNT_HINGE)


def breadth_first(model: mujoco.MjModel) -> tuple[str, ...]:
    """Names of the hinges in the order of Isaac Lab: all of a depth of the tree before the next depth."""
    depth = np.zeros(model.nbody, dtype=int)
    for body in range(1, model.nbody):
        depth[body] = depth[model.body_parentid[body]] + 1
    joints = [j for j in range(model.njnt) if model.jnt_type[j] == mujoco.mjtJoint.mjJNT_HINGE]
    joints.sort(key=lambda j: (depth[model.jnt_bodyid[j]], j))
    return tuple(model.joint(j).name for j in joints)


@dataclass(frozen=True)
class NamedJoints:
    """A character whose joints a file names."""

    character: Character
    columns: list[int]
    """Of the file, in the order of the model's coordinates after the root's."""
    extra: tuple[str, ...]
    """Names of joints that the character has not."""


def find_by_names(names: Sequence[str], width: int, asked: str | None, path: Path) -> list[NamedJoints]:
    """The characters whose joints are among these names, the one that is asked for and ours first.

    Args:
      names: of the joints in the file's order, with or without the root's.
      width: how many coordinates they have together, without the root's seven.
      asked: name of the character that is to perform the motion.
      path: of the file, for messages.

    Raises:
      InputError: there is none.
    """
    found = list[NamedJoints]()
    for name in list_candidates(asked):
        try:
            character = load_character(name)
        except InputError:
            continue
        columns = take_columns(character.model, names, width)
        if columns is not None:
            own = {character.model.joint(j).name for j in range(character.model.njnt)}
            found.append(NamedJoints(character, columns, tuple(joint for joint in names[1:] if joint not in own)))
    if not found:
        text = f"no character has the joints {', '.join(names[:8])}, ... of {width} coordinates"
        raise InputError(f"{path}: {text}; make one with 'sfv character new'")
    return found


def take_columns(model: mujoco.MjModel, names: Sequence[str], width: int) -> list[int] | None:
    """Columns of a file that are a model's coordinates after its root's; None where a joint is missing.

    A joint that the model has not is a hinge. A first name that makes one too many is the root's.
    """
    sizes = {model.joint(j).name: joint_size(model, j) for j in range(model.njnt)}
    own = [model.joint(j).name for j in range(model.njnt) if model.jnt_type[j] != mujoco.mjtJoint.mjJNT_FREE]
    for given in (list(names), list(names[1:])):
        widths = [sizes.get(name, 1) for name in given]
        if own and set(own) <= set(given) and sum(widths) == width and len(set(given)) == len(given):
            starts = np.cumsum([0, *widths])
            return [
                int(column)
                for name in own
                for column in range(starts[given.index(name)], starts[given.index(name) + 1])
            ]
    return None


def joint_size(model: mujoco.MjModel, joint: int) -> int:
    """Coordinates of a joint: 7, 4 or 1."""
    kinds = {mujoco.mjtJoint.mjJNT_FREE.value: 7, mujoco.mjtJoint.mjJNT_BALL.value: 4}
    return kinds.get(int(model.jnt_type[joint]), 1)


def ball_columns(model: mujoco.MjModel) -> list[list[int]]:
    """Of each ball joint, where its quaternion is among the coordinates after the root's."""
    balls = model.jnt_qposadr[model.jnt_type == mujoco.mjtJoint.mjJNT_BALL]
    return [list(range(first - 7, first - 3)) for first in balls.tolist()]


def find_by_count(angles: np.ndarray, asked: str | None, path: Path) -> Character:
    """The character with as many coordinates after the root's: the one that is asked for, else Unitree's G1.

    Args:
      angles: these coordinates, (T, count), NaN where they are missing.
      asked: name of the character that is to perform the motion.
      path: of the file, for messages.

    Raises:
      InputError: there is none.
    """
    count = angles.shape[1]
    for name in (asked, "g1" if count == G1_HINGES else None):
        if name is None:
            continue
        first = load_character(name)
        if is_of(angles, first):
            return first
    known = ", ".join(f"{name} {size}" for name, size in count_joints().items())
    raise InputError(
        f"{path}: {count} joint angles without names; of the characters have: {known}. Name the columns after the "
        "robot's joints, or make it a character by 'sfv character new' and give it by --character"
    )


def is_of(angles: np.ndarray, character: Character) -> bool:
    """Whether coordinates (T, count) can be a character's: as many, and unit quaternions where it has ball joints."""
    balls = ball_columns(character.model)
    return character.model.nq - 7 == angles.shape[1] and all(is_unit(angles[:, ball]) for ball in balls)


def count_joints() -> dict[str, int]:
    """How many coordinates each character has after its root's."""
    sizes = dict[str, int]()
    for name in list_character_names():
        try:
            sizes[name] = load_character(name).model.nq - 7
        except InputError:
            continue
    return sizes


def list_candidates(asked: str | None) -> list[str]:
    """All characters, first the one that is asked for and ours."""
    first = [name for name in (asked, "humanoid", "g1") if name is not None]
    return list(dict.fromkeys([*first, *list_character_names()]))
