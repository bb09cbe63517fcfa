"""Which columns of a table are a robot's root and which its joints, by their names in the words of many programs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pose.errors import InputError
from reconstruct.formats.gaps import is_unit
from reconstruct.formats.rate import RATE_KEYS, time_unit

FRAME = ("frame", "frames", "index", "frame_index", "id", "")
BODY = r"(?P<stem>(?:(?:world|global|robot|root|base|pelvis|floating|free|body|link|joint)_?)*"
PLACE = re.compile(BODY + r"(?:(?:pos|position|trans|translation|translate|transl|p|t)_?)?)(?P<axis>[xyz])")
TURN = re.compile(BODY + r"(?:(?:q|quat|quaternion|rot|rotation|orientation|orn|ori)_?)+)(?P<axis>[wxyz])")
"""Words before the axis, which must be known: `base_lin_vel_x` is no place and `base_ang_vel_x` no turn."""
ANGLE = r"(?:(?:rotation|rotate|rot|orientation|orn|ori|euler|angles?|rpy)_?)"
EULER = {
    ("roll", "pitch", "yaw"): re.compile(BODY + ANGLE + r"*)(?P<axis>roll|pitch|yaw)(?:_(?:rad|deg)[a-z]*)?"),
    ("x", "y", "z"): re.compile(BODY + ANGLE + r"+)(?P<axis>[xyz])(?:_(?:rad|deg)[a-z]*)?"),
}
"""Words of the root's angles, in the order of these."""
NUMBERED = re.compile(r"(?P<stem>dof|joint|jnt|hinge|motor|actuator|angle|q)(?:_?pos)?_?(?P<number>\d+)(?:_?pos)?")
"""Joints without names, by their number."""
MEASURE = re.compile(r"vel|acc|ang|omega|gyro|imu|force|torque|moment|com(_|$)|contact|foot|hand|target|command")
"""Words of columns that are no root's place or turn, also where seven columns are left over."""
ENDINGS = re.compile(r"(_joint|_dof|_pos|_position|_q|_angle|_rad|_radians?|_deg|_degrees?)+$")
"""What programs add to the name of a joint."""


@dataclass(frozen=True)
class RootColumns:
    """Where a table has its root."""

    places: list[int]
    """x, y, z."""
    turns: list[int]
    """The four numbers of the quaternion, or roll, pitch and yaw."""
    order: str
    """Of the quaternion: `wxyz` or `xyzw`; `rpy` for angles."""
    in_degrees: bool = False
    """Whether the names of these angles say so."""
    in_radians: bool = False


@dataclass(frozen=True)
class HingeColumns:
    """Where a table has its hinges."""

    columns: list[int]
    """In the order of the hinges that were asked for."""
    in_degrees: np.ndarray
    """Whose names say that they are, bool (joints,)."""
    in_radians: np.ndarray


def to_word(name: str) -> str:
    """A column's name in small letters, its parts joined by `_`."""
    return re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")


def find_hinges(names: Sequence[str], hinges: Sequence[str], path: Path) -> HingeColumns | None:
    """The columns that are called after hinges, but for endings such as `_pos` or `_deg`; None where one is missing.

    Args:
      names: of the columns.
      hinges: the model's.
      path: of the file, for messages.

    Raises:
      InputError: two columns are called after one hinge.
    """
    words = [to_word(name) for name in names]
    plain = [ENDINGS.sub("", word) for word in words]
    asked = [ENDINGS.sub("", hinge.lower()) for hinge in hinges]
    if not asked or not set(asked) <= set(plain):
        return None
    for hinge in asked:
        same = [name for name, word in zip(names, plain, strict=True) if word == hinge]
        if len(same) > 1:
            raise InputError(f"{path}: the columns {same[0]} and {same[1]} are both the joint {hinge}; delete one")
    columns = [plain.index(hinge) for hinge in asked]
    ends = [words[column][len(plain[column]) :] for column in columns]
    return HingeColumns(columns, np.array(["_deg" in end for end in ends]), np.array(["_rad" in end for end in ends]))


def find_numbered(names: Sequence[str], count: int, path: Path) -> HingeColumns | None:
    """The columns of so many joints with numbers for names, `dof_0`, `dof_1`, in order; None without them.

    Raises:
      InputError: two columns are of one number.
    """
    found = [(NUMBERED.fullmatch(ENDINGS.sub("", to_word(name))), i) for i, name in enumerate(names)]
    groups = dict[str, dict[int, list[int]]]()
    for match, i in found:
        if match is not None:
            groups.setdefault(match["stem"], {}).setdefault(int(match["number"]), []).append(i)
    whole = [own for own in groups.values() if len(own) == count == max(own) - min(own) + 1 and min(own) <= 1]
    if not whole:
        return None
    same = [i for own in whole for i in own[min(own)]] if len(whole) > 1 else max(whole[0].values(), key=len)
    if len(same) > 1:
        text = f"the columns {names[same[0]]} and {names[same[1]]} are both a joint of one number"
        raise InputError(f"{path}: {text}; delete or rename one")
    columns = [whole[0][number][0] for number in sorted(whole[0])]
    words = [to_word(names[column]) for column in columns]
    return HingeColumns(
        columns, np.array(["_deg" in word for word in words]), np.array(["_rad" in word for word in words])
    )


def find_root(names: Sequence[str], table: np.ndarray, hinges: Sequence[int], path: Path) -> RootColumns:
    """The columns of the root's place and quaternion among those that are no hinge.

    The root's own names come before those of the base or pelvis, and these before names without a body. Where no names
    are known, but seven columns are left, they are place and quaternion.

    Args:
      names: of the columns.
      table: the numbers, (T, columns), NaN where they are missing.
      hinges: columns that are joints.
      path: of the file, for messages.

    Raises:
      InputError: they are not there, not known, or there twice.
    """
    words = {i: to_word(name) for i, name in enumerate(names) if i not in hinges}
    rest = [i for i, word in words.items() if word not in (*FRAME, *RATE_KEYS) and time_unit(word) is None]
    places = take_axes(names, {i: PLACE.fullmatch(words[i]) for i in rest}, "xyz", path)
    turns = take_axes(names, {i: TURN.fullmatch(words[i]) for i in rest}, "wxyz", path)
    if places and turns and is_unit(table[:, turns]):
        return RootColumns(places, turns, "wxyz")
    left = [i for i in rest if i not in places]
    forms = [take_axes(names, {i: form.fullmatch(words[i]) for i in left}, axes, path) for axes, form in EULER.items()]
    angles = next((found for found in forms if found), [])
    if places and angles and not turns:
        return RootColumns(places, angles, "rpy", *(any(unit in words[i] for i in angles) for unit in ("deg", "_rad")))
    is_measured = any(MEASURE.search(words[i]) for i in rest[:3]) or any("vel" in words[i] for i in rest)
    if len(rest) == 7 and not is_measured and is_unit(table[:, rest[3:]]):
        return RootColumns(rest[:3], rest[3:], "xyzw")
    raise InputError(
        f"{path}: the root's place and quaternion are not known among {', '.join(names[i] for i in rest) or 'none'}; "
        "call them root_x, root_y, root_z and root_qw, root_qx, root_qy, root_qz, or root_roll, root_pitch, root_yaw"
    )


def take_axes(
    names: Sequence[str], found: dict[int, re.Match[str] | None], axes: Sequence[str], path: Path
) -> list[int]:
    """The columns of all axes that have the same words before the axis, the root's first; none where one is missing.

    Raises:
      InputError: several columns claim an axis, and none of them is the root's before the others.
    """
    groups = dict[str, dict[str, list[int]]]()
    for i, match in found.items():
        if match is not None:
            groups.setdefault(match["stem"], {}).setdefault(match["axis"], []).append(i)
    whole = {stem: columns for stem, columns in groups.items() if set(columns) == set(axes)}
    if not whole:
        return []
    best = min(rank_body(stem) for stem in whole)
    first = [columns for stem, columns in whole.items() if rank_body(stem) == best]
    for axis in axes:
        same = [i for columns in first for i in columns[axis]]
        if len(same) > 1:
            what = "place" if axes == "xyz" else "quaternion" if axes == "wxyz" else "angles"
            text = f"the columns {names[same[0]]} and {names[same[1]]} both claim {axis} of the root's {what}"
            raise InputError(f"{path}: {text}; delete or rename one")
    return [first[0][axis][0] for axis in axes]


def rank_body(stem: str) -> int:
    """How near the words before an axis are to a root's: 0 for the root itself, 3 where no body is named."""
    words = (("root",), ("base", "pelvis", "floating", "free"), ("body",))
    return next((rank for rank, own in enumerate(words) if any(word in stem for word in own)), len(words))
