"""Which of the characters a file of joint angles is of: by its joints' names, or by how many there are."""

from collections.abc import Sequence
from pathlib import Path

import mujoco
import numpy as np

from pose.errors import InputError
from reconstruct.characters.character import Character, list_character_names, load_character

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


def find_by_names(names: Sequence[str], asked: str | None, path: Path) -> Character:
    """The character whose hinges have these names.

    Raises:
      InputError: there is none.
    """
    for name in list_candidates(asked):
        try:
            character = load_character(name)
        except InputError:
            continue
        hinges = hinge_names(character.model)
        if hinges and set(hinges) <= set(names):
            return character
    raise InputError(
        f"{path}: no character has the joints {', '.join(names[:8])}, ...; make one with 'sfv character new'"
    )


def find_by_hinges(count: int, asked: str | None, path: Path) -> Character:
    """The character with so many hinges and no other joints: the one that is asked for, else Unitree's G1.

    Raises:
      InputError: there is none.
    """
    for name in [asked] * (asked is not None) + ["g1"] * (count == G1_HINGES):
        character = load_character(str(name))
        if len(hinge_names(character.model)) == count == character.model.nq - 7:
            return character
    raise InputError(
        f"{path}: {count} joint angles without names; name the robot with --character (G1 has {G1_HINGES}), "
        "or make one with 'sfv character new'"
    )


def list_candidates(asked: str | None) -> list[str]:
    """All characters, first the one that is asked for and ours."""
    first = [name for name in (asked, "humanoid", "g1") if name is not None]
    return list(dict.fromkeys([*first, *list_character_names()]))
