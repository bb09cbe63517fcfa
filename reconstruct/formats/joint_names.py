"""Which joint of a skeleton is which: names that programs and data sets give to the joints of a person."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pose.errors import InputError

SIDES = ("left", "right")
ROLES = {
    "shoulder": (
        "upperarm", "uparm", "armupper", "humerus", "shldr", "uarm", "arm", "shoulder", "shoulderyaw", "shoulderroll",
        "shoulderpitch",
    ),
    "elbow": ("forearm", "lowerarm", "lowarm", "loarm", "elbow", "radius", "ulna", "farm", "larm", "elbowpitch",
              "armlower"),
    "wrist": ("hand", "wrist", "wristroll", "wristyaw", "wristpitch"),
    "hip": ("upleg", "thigh", "upperleg", "femur", "uleg", "hip", "hipyaw", "hiproll", "hippitch", "legupper"),
    "knee": ("shin", "calf", "lowerleg", "lowleg", "loleg", "lleg", "tibia", "knee", "kneepitch", "leg", "shank",
             "leglower"),
    "ankle": ("ankle", "talus", "foot", "anklepitch", "ankleroll"),
    "toe": ("toebase", "toes", "toe", "ball", "bigtoe", "footindex", "calcn", "foot", "ankleroll"),
}  # fmt: skip
"""Landmark -> names of its joint without the side, the surest first: CMU, Mixamo, LAFAN1, SFV, 3ds Max's Biped, Unreal,
Unity, VRoid, MakeHuman, Rigify, OptiTrack, Xsens, Daz, ASF, SMPL, OpenSim, robots, our own bodies."""
IGNORED = {
    "bip", "biped", "valve", "def", "org", "mch", "jnt", "joint", "bone", "bind", "character", "mixamorig", "cc",
    "base", "j", "c", "link", "armature", "skeleton", "rig", "bend", "skl", "genesis", "rl", "sk", "avg", "m", "f", "b",
}  # fmt: skip
LEFT, RIGHT = ("left", "l", "lt"), ("right", "r", "rt")
JAPANESE = {
    "左": "left ", "右": "right ", "足首": "ankle", "つま先": "toe", "ひざ": "knee", "足": "thigh", "手首": "wrist",
    "ひじ": "elbow", "肩": "clavicle", "腕": "arm", "頭": "head",
}  # fmt: skip
"""MikuMikuDance's names, the longer ones first."""
PARTS = {part for parts in ROLES.values() for part in parts}


def find_joint_roles(
    names: Sequence[str],
    parents: Sequence[int],
    path: Path,
    rest: np.ndarray | None = None,
    given: Mapping[str, str] | None = None,
) -> dict[str, int]:
    """Landmark -> joint, by names and, where names are silent, by the tree.

    Args:
      names: of the joints.
      parents: of each joint, -1 for the root.
      path: of the file, for messages.
      rest: places of the joints, (J, 3); of joints with one name the one next above its limb's next joint is taken.
      given: names of joints by landmark, as the user has them.

    Returns:
      Joints for all of `ROLES` on both sides, and for `head` where there is one.

    Raises:
      InputError: a limb cannot be found.
    """
    named = [split_side(name) for name in names]
    roles = match_given(names, given or {}, path)
    for side in SIDES:
        roles = find_by_name(named, side, roles) | roles
        for role, above in (("wrist", "elbow"), ("ankle", "knee"), ("toe", "ankle")):
            carrier = roles.get(f"{side}_{above}")
            if f"{side}_{role}" not in roles and carrier is not None and carrier in parents:
                roles[f"{side}_{role}"] = parents.index(carrier)
    missing = [f"{side}_{role}" for role in ROLES for side in SIDES if f"{side}_{role}" not in roles]
    if missing:
        shown = ", ".join(names[:12])
        raise InputError(
            f"{path}: no joint is known for {', '.join(missing)}: give --joint {missing[0]}=NAME; "
            f"the file's joints are {shown}, ..."
        )
    if rest is not None:
        for side in SIDES:
            for upper, lower in (("hip", "knee"), ("shoulder", "elbow")):
                own = roles[f"{side}_{upper}"]
                if f"{side}_{upper}" not in (given or {}):
                    same = [j for j, found in enumerate(named) if found == named[own]]
                    # upperarm01, upperarm02 are parts of one bone that begins at the first of them.
                    if len({re.sub(r"[0-9]+", "", names[j]) for j in same}) > 1:
                        roles[f"{side}_{upper}"] = next_above(roles[f"{side}_{lower}"], same, own, parents, rest)
    if "head" not in roles and (None, "head") in named:
        roles["head"] = named.index((None, "head"))
    return roles


def next_above(lower: int, candidates: Sequence[int], own: int, parents: Sequence[int], rest: np.ndarray) -> int:
    """Of several joints the first one above `lower` with a bone of some length between them; else `own`."""
    joint = parents[lower]
    while joint >= 0:
        if joint in candidates and np.linalg.norm(rest[joint] - rest[lower]) > 1e-6:
            return joint
        joint = parents[joint]
    return own


def match_given(names: Sequence[str], given: Mapping[str, str], path: Path) -> dict[str, int]:
    """Landmark -> joint for those that the user names.

    Raises:
      InputError: there is no such landmark or joint.
    """
    known = [f"{side}_{role}" for side in SIDES for role in ROLES] + ["head"]
    for landmark, name in given.items():
        if landmark not in known:
            raise InputError(f"--joint {landmark}={name}: no landmark '{landmark}'; known ones: {', '.join(known)}")
        if name not in names:
            raise InputError(f"{path}: no joint '{name}' for {landmark}; the file's joints are {', '.join(names)}")
    return {landmark: names.index(name) for landmark, name in given.items()}


def find_by_name(named: Sequence[tuple[str | None, str]], side: str, taken: Mapping[str, int]) -> dict[str, int]:
    """Landmark -> joint of one side, as far as names say; a joint has one role, so `taken` ones are left out."""
    roles: dict[str, int] = {}
    for role, parts in ROLES.items():
        if f"{side}_{role}" in taken:
            continue
        found = [named.index((side, part)) for part in parts if (side, part) in named]
        if role == "hip" and not found and any((side, part) in named for part in ROLES["knee"] if part != "leg"):
            found = [j for j, own in enumerate(named) if own == (side, "leg")]  # SOMA's LeftLeg is above its LeftShin
        free = [joint for joint in found if joint not in taken.values() and joint not in roles.values()]
        if free:
            roles[f"{side}_{role}"] = free[0]
    return roles


def split_side(name: str) -> tuple[str | None, str]:
    """A joint's side and its name without it: `mixamorig:LeftUpLeg`, `Bip01 L Thigh` and `thigh.L` are on the left."""
    for word, english in JAPANESE.items():
        name = name.replace(word, english)
    name = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name.rsplit(":", 1)[-1])
    words = [word.rstrip("0123456789") for word in re.split(r"[^A-Za-z0-9]+", name.lower())]
    side, rest = None, list[str]()
    for word in words:
        if word in LEFT or word in RIGHT:
            side = "left" if word in LEFT else "right"
        elif word and word not in IGNORED:
            rest.append(word)
    part = "".join(rest)
    for prefix in ("left", "right", "l", "r"):  # written together: leftupleg, lfemur
        if side is None and part.startswith(prefix) and part.removeprefix(prefix) in PARTS:
            return ("left" if prefix[0] == "l" else "right"), part.removeprefix(prefix)
    return side, part
