"""Which joint of a skeleton is which: names that programs and data sets give to the joints of a person."""

import re
from collections.abc import Sequence
from pathlib import Path

from pose.errors import InputError

SIDES = ("left", "right")
ROLES = {
    "shoulder": ("upperarm", "uparm", "humerus", "shldr", "arm", "shoulder"),
    "elbow": ("forearm", "lowerarm", "lowarm", "elbow", "radius"),
    "wrist": ("hand", "wrist"),
    "hip": ("upleg", "thigh", "upperleg", "femur", "hip"),
    "knee": ("shin", "calf", "lowerleg", "lowleg", "tibia", "knee", "leg"),
    "ankle": ("ankle", "foot"),
    "toe": ("toebase", "toes", "toe", "ball", "foot"),
}
"""Landmark -> names of its joint without the side, the surest first: CMU, Mixamo, LAFAN1, SFV, 3ds Max's Biped, Unreal,
Xsens, Daz, ASF, SMPL, our own bodies."""
IGNORED = {"bip", "def", "org", "jnt", "joint", "bone", "character", "mixamorig"}
PARTS = {part for parts in ROLES.values() for part in parts}


def find_joint_roles(names: Sequence[str], parents: Sequence[int], path: Path) -> dict[str, int]:
    """Landmark -> joint, by names and, where names are silent, by the tree.

    Args:
      names: of the joints.
      parents: of each joint, -1 for the root.
      path: of the file, for messages.

    Returns:
      Joints for all of `ROLES` on both sides, and for `head` where there is one.

    Raises:
      InputError: a limb cannot be found.
    """
    named = [split_side(name) for name in names]
    roles: dict[str, int] = {}
    for side in SIDES:
        roles |= find_by_name(named, side, set(roles.values()))
        for role, above in (("wrist", "elbow"), ("ankle", "knee"), ("toe", "ankle")):
            carrier = roles.get(f"{side}_{above}")
            if f"{side}_{role}" not in roles and carrier is not None and carrier in parents:
                roles[f"{side}_{role}"] = parents.index(carrier)
    missing = [f"{side}_{role}" for role in ROLES for side in SIDES if f"{side}_{role}" not in roles]
    if missing:
        shown = ", ".join(names[:12])
        raise InputError(f"{path}: no joint is known for {', '.join(missing)}; the file's joints are {shown}, ...")
    if (None, "head") in named:
        roles["head"] = named.index((None, "head"))
    return roles


def find_by_name(named: Sequence[tuple[str | None, str]], side: str, taken: set[int]) -> dict[str, int]:
    """Landmark -> joint of one side, as far as names say; a joint has one role, so `taken` ones are left out."""
    roles: dict[str, int] = {}
    for role, parts in ROLES.items():
        found = [named.index((side, part)) for part in parts if (side, part) in named]
        free = [joint for joint in found if joint not in taken and joint not in roles.values()]
        if free:
            roles[f"{side}_{role}"] = free[0]
    return roles


def split_side(name: str) -> tuple[str | None, str]:
    """A joint's side and its name without it: `mixamorig:LeftUpLeg`, `Bip01 L Thigh` and `thigh.L` are on the left."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name.rsplit(":", 1)[-1])
    words = [word.rstrip("0123456789") for word in re.split(r"[^A-Za-z0-9]+", name.lower())]
    side, rest = None, list[str]()
    for word in words:
        if word in ("left", "l", "right", "r"):
            side = "left" if word[0] == "l" else "right"
        elif word and word not in IGNORED:
            rest.append(word)
    part = "".join(rest)
    for prefix in ("left", "right", "l", "r"):  # written together: leftupleg, lfemur
        if side is None and part.startswith(prefix) and part.removeprefix(prefix) in PARTS:
            return ("left" if prefix[0] == "l" else "right"), part.removeprefix(prefix)
    return side, part
