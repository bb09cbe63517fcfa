"""Motions of a robot's own joints: our CSV, Unitree's without a header, archives of joint angles as BeyondMimic has."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np

from pose.errors import InputError
from reconstruct.characters.character import Character, list_character_names, load_character
from reconstruct.contacts import contact_points
from reconstruct.formats.options import Finding
from reconstruct.formats.write_csv import coordinate_names
from reconstruct.kinematics import point_positions
from reconstruct.motion import ReferenceMotion
from reconstruct.rotations import normalise, rotate

RATE = 30.0
"""Frames a second of Unitree's files, which do not say it."""
G1_HINGES = 29
ANGLE_KEYS = ("joint_pos", "dof_pos", "joint_positions", "dof")
"""Keys of the hinges' angles, (T, joints): BeyondMimic's, GMR's, others'."""
PLACE_KEYS = ("body_pos_w", "root_pos", "root_trans", "base_pos", "root_trans_offset")
TURN_KEYS = ("body_quat_w", "root_rot", "root_quat", "base_quat", "root_ori")
NAME_KEYS = ("joint_names", "dof_names")


@dataclass(frozen=True)
class RobotMotion:
    """A motion that is given in a character's own joints."""

    motion: ReferenceMotion
    findings: tuple[Finding, ...] = ()
    has_contacts: bool = True
    """Whether the file says which parts touch the ground, and is on it."""


def read_csv(path: Path, asked: str | None = None) -> RobotMotion:
    """A table: with a header as `write_csv` makes it, or Unitree's: root place, quaternion xyzw, hinges; 30 a second.

    Args:
      path: the file.
      asked: name of the character that is to perform it; tried first where the file names no joints.

    Raises:
      InputError: no character has these joints.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if row]
        header = None if _is_number(rows[0][0]) else [cell.strip() for cell in rows[0]]
        table = np.array(rows[1:] if header else rows, dtype=np.float64)
    except (ValueError, IndexError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not a table of numbers ({error}); expected rows of qpos") from error
    if len(table) < 2 or not np.isfinite(table).all():
        raise InputError(f"{path}: {len(table)} rows, or numbers that are not finite; a motion has at least 2")
    if header is not None:
        return _read_named(header, table, path, asked)
    if table.shape[1] < 8:
        raise InputError(f"{path}: {table.shape[1]} columns; expected root place, root quaternion and hinges")
    hinges = table[:, 7:]
    character = find_by_hinges(hinges.shape[1], asked, path)
    return to_motion(character, table[:, :3], table[:, 3:7], hinges, (None, "xyzw"), path)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _read_named(header: list[str], table: np.ndarray, path: Path, asked: str | None) -> RobotMotion:
    """A table whose columns are named after joints, as ours are, in any order."""
    fitting = list[tuple[float, Character, np.ndarray]]()
    for name in _ordered(asked):
        try:
            character = load_character(name)
        except InputError:
            continue
        names = coordinate_names(character.model)
        if set(names) <= set(header):
            qpos = table[:, [header.index(column) for column in names]]
            fitting.append((_distance_to_ground(character, qpos), character, qpos))
    if not fitting:
        raise InputError(
            f"{path}: no character has the joints {', '.join(header[1:9])}, ...; make one with 'sfv character new'"
        )
    # Bodies that differ in size alone have the same joints: it is of the one that stands on the ground.
    _, character, qpos = min(fitting, key=lambda fit: fit[0])
    fps, findings = RATE, [Finding("character", f"joints of {character.name}, by their names")]
    if "time" in header:
        times = table[:, header.index("time")]
        if not (np.diff(times) > 0).all():
            raise InputError(f"{path}: the column 'time' does not increase")
        fps = (len(times) - 1) / float(times[-1] - times[0])
        fps = float(round(fps, 3)) if abs(fps - round(fps, 3)) < 1e-3 else fps  # times end at the microsecond
    else:
        text = f"no column 'time': {RATE:g} frames a second are taken; --fps overrules"
        findings.append(Finding("rate", text, doubtful=True))
    return RobotMotion(_motion(character, qpos, fps), tuple(findings), has_contacts=False)


def _distance_to_ground(character: Character, qpos: np.ndarray) -> float:
    """How far the lowest contact point is from z = 0, usually [m], to the centimetre."""
    some = qpos[:: max(1, len(qpos) // 50)]
    lowest = point_positions(character.model, some, contact_points(character))[..., 2].min(axis=1)
    return round(abs(float(np.percentile(lowest, 20))), 2)


def read_joint_archive(arrays: Mapping[str, np.ndarray], path: Path, asked: str | None = None) -> RobotMotion:
    """Arrays of hinges (T, joints) with the root's place and quaternion, as BeyondMimic and GMR have them.

    Raises:
      InputError: an array is missing or of another shape, or no character has these joints.
    """
    keys = [next((key for key in names if key in arrays), None) for names in (ANGLE_KEYS, PLACE_KEYS, TURN_KEYS)]
    if None in keys:
        found = ", ".join(f"{key} {np.shape(array)}" for key, array in arrays.items())
        raise InputError(f"{path}: joint angles without the root's path; keys are {found}")
    angles, places, turns = (np.asarray(arrays[str(key)], dtype=np.float64) for key in keys)
    places, turns = (array[:, 0] if array.ndim == 3 else array for array in (places, turns))
    frames = len(angles)
    if angles.ndim != 2 or places.shape != (frames, 3) or turns.shape != (frames, 4) or frames < 2:
        shapes = ", ".join(f"{key} {arrays[str(key)].shape}" for key in keys)
        raise InputError(f"{path}: {shapes}; expected (T, joints), (T, 3) and (T, 4), T at least 2")
    named = next((arrays[key] for key in NAME_KEYS if key in arrays), None)
    names = tuple(str(name) for name in named) if named is not None else None
    is_beyond_mimic = keys[1] == "body_pos_w"
    character = find_by_names(names, asked, path) if names else find_by_hinges(angles.shape[1], asked, path)
    fps = float(np.ravel(arrays["fps"])[0]) if "fps" in arrays else None
    order = "wxyz" if is_beyond_mimic else "xyzw"
    said = list[Finding]()
    hinges = hinge_names(character.model)
    if names is None and is_beyond_mimic:
        names = breadth_first(character.model)
        said.append(Finding("joints", "no joint names in the file: in Isaac Lab's order, breadth first"))
    if names is not None:
        angles = angles[:, [names.index(hinge) for hinge in hinges]]
    found = to_motion(character, places, turns, angles, (fps, order), path)
    return RobotMotion(found.motion, (*found.findings, *said), has_contacts=False)


def to_motion(
    character: Character,
    places: np.ndarray,
    turns: np.ndarray,
    hinges: np.ndarray,
    said: tuple[float | None, str],
    path: Path,
) -> RobotMotion:
    """Puts the parts of a motion together.

    Args:
      character: whose joints they are.
      places: of the root [m], (T, 3).
      turns: its quaternion, (T, 4).
      hinges: angles [rad], (T, joints), in the model's order.
      said: frames a second, if the file says it, and the custom order of the quaternion: `xyzw` or `wxyz`.
      path: of the file, for messages.
    """
    fps, order = said
    lengths = np.linalg.norm(turns, axis=1)
    if np.abs(lengths - 1.0).max() > 0.05:
        raise InputError(f"{path}: the root's rotation has length {lengths.min():.2f}; expected unit quaternions")
    other = "wxyz" if order == "xyzw" else "xyzw"
    upright = {name: float(_up(turns, name).mean()) for name in ("xyzw", "wxyz")}
    findings = [Finding("character", f"joints of {character.name}")]
    if upright[other] > 0.7 and upright[order] < 0.3:
        findings.append(Finding("format", f"quaternions are {other}: so it stands", doubtful=True))
        order = other
    if fps is None:
        findings.append(Finding("rate", f"no frame rate in the file: {RATE:g} a second are taken; --fps overrules"))
    if np.abs(hinges).max() > 4 * np.pi:
        hinges = np.radians(hinges)
        findings.append(Finding("unit", "angles look like degrees: taken as such", doubtful=True))
    quat = normalise(turns if order == "wxyz" else turns[:, [3, 0, 1, 2]])
    qpos = np.concatenate([places, quat, hinges], axis=1)
    return RobotMotion(_motion(character, qpos, fps or RATE), tuple(findings), has_contacts=False)


def _up(turns: np.ndarray, order: str) -> np.ndarray:
    quat = normalise(turns if order == "wxyz" else turns[:, [3, 0, 1, 2]])
    return rotate(quat, np.array([[0.0, 0.0, 1.0]]))[:, 2]


def _motion(character: Character, qpos: np.ndarray, fps: float) -> ReferenceMotion:
    parts = tuple(character.contacts)
    return ReferenceMotion(
        qpos=qpos,
        fps=fps,
        character=character.name,
        height=character.height,
        joint_names=character.joint_names,
        contacts=np.zeros((len(qpos), len(parts)), dtype=bool),
        contact_names=parts,
    )


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
    for name in _ordered(asked):
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


def _ordered(asked: str | None) -> list[str]:
    """All characters, first the one that is asked for and ours."""
    first = [name for name in (asked, "humanoid", "g1") if name is not None]
    return list(dict.fromkeys([*first, *list_character_names()]))
