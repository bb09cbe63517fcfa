"""Tables of a robot's motion: our own CSV, others with names of columns, Unitree's without."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import mujoco
import numpy as np
from scipy.spatial.transform import Rotation

from pose.errors import InputError
from reconstruct.characters.character import Character, load_character
from reconstruct.formats.gaps import MOST_MISSING, fill_numbers, fill_turns, hold_rows, interpolate_turns, is_unit
from reconstruct.formats.options import Finding
from reconstruct.formats.own_motion import check_root_of_own, fill_coordinates, set_own_on_ground
from reconstruct.formats.rate import RATE_KEYS, measure_rate, take_positive, time_unit
from reconstruct.formats.robot import (
    RATE,
    RobotFrames,
    RobotMotion,
    find_unit_of_angles,
    make_motion,
    measure_distance_to_ground,
    to_motion,
)
from reconstruct.formats.robot_archive import shorten
from reconstruct.formats.robot_columns import (
    ENDINGS,
    RootColumns,
    find_hinges,
    find_numbered,
    find_root,
    to_word,
)
from reconstruct.formats.robot_joints import G1_HINGES, find_by_count, hinge_names, list_candidates
from reconstruct.formats.write_csv import coordinate_names
from reconstruct.rotations import from_scipy


@dataclass(frozen=True)
class NumberTable:
    """Numbers in columns."""

    names: tuple[str, ...] | None
    """Of the columns, if the file has them."""
    rows: np.ndarray
    """(T, columns), gaps interpolated as numbers."""
    holed: np.ndarray
    """The same with NaN in the gaps: rotations are interpolated as such."""
    lost: tuple[str, ...] = ()
    """Names of columns that were left out, for they are mostly gaps."""
    findings: tuple[Finding, ...] = ()
    """What was interpolated or left out."""


def read_csv(path: Path, asked: str | None = None, given: float | None = None) -> RobotMotion:
    """A table: with names of columns, or Unitree's: root place, quaternion xyzw, hinges; 30 a second.

    Args:
      path: the file.
      asked: name of the character that is to perform it; tried first where the file names no joints.
      given: frames a second, as the user has it; default: what the file says.

    Raises:
      InputError: no character has these joints.
    """
    table = read_numbers(path)
    if table.names is not None:
        try:
            found = read_named(table.names, table, path, asked, given)
        except InputError as error:
            if not table.lost:
                raise
            text = f"in the file, but without numbers in most rows: {shorten(table.lost)}"
            raise InputError(f"{error} ({text})") from error
        return replace(found, findings=(*found.findings, *table.findings))
    rows, fps, said = drop_counter(table, path)
    said += table.findings
    turns = table.holed[:, -rows.shape[1] :][:, 3:7]
    fps = given if given is not None else fps
    if rows.shape[1] < 8:
        raise InputError(f"{path}: {rows.shape[1]} columns; expected root place, root quaternion and hinges")
    if rows.shape[1] - 6 == G1_HINGES and not is_unit(turns):
        raise InputError(
            f"{path}: {rows.shape[1]} columns, perhaps the root's place, three angles and g1's hinges; angles are "
            "written in many ways: name the columns root_x, root_y, root_z, root_roll, root_pitch, root_yaw, the joints"
        )
    character = find_by_count(rows[:, 7:], asked, path)
    if fps is None:
        fps = RATE
        said.append(Finding("rate", f"{RATE:g} frames a second, as Unitree's tables have; --fps overrules"))
    turns, _ = fill_turns(turns, "the root's rotation", path)
    found = to_motion(character, RobotFrames(rows[:, :3], turns, rows[:, 7:], "xyzw", fps), path)
    return RobotMotion(found.motion, (*found.findings, *said), has_contacts=False)


def read_numbers(path: Path) -> NumberTable:
    """A table whose columns are parted by commas, semicolons, tabs or spaces.

    Raises:
      InputError: it is none, or has less than two rows.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        if not lines:
            raise InputError(f"{path}: an empty table; expected rows of qpos")
        mark = next((mark for mark in (";", "\t", ",") if mark in lines[0]), None)
        decimal_comma = mark != "," and any("," in line for line in lines[1:3])
        if decimal_comma:
            lines = [line.replace(",", ".") for line in lines]
        rows = [line.split() for line in lines] if mark is None else list(csv.reader(lines, delimiter=mark))
        names = None if is_number(rows[0][0]) else tuple(cell.strip() for cell in rows[0])
        table = to_table(drop_last_mark(rows[1:], names) if names else drop_last_mark(rows), is_named=names is not None)
        names = names[:-1] if names and not names[-1] and len(names) > table.shape[1] else names
    except InputError:
        raise
    except (ValueError, IndexError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not a table of numbers ({str(error)[:120]}); expected rows of qpos") from error
    if len(table) < 2:
        raise InputError(f"{path}: {len(table)} row{'s' * (len(table) != 1)} of numbers; a motion has at least 2")
    return fill_table(names, table, path)


def drop_last_mark(rows: list[list[str]], names: Sequence[str] | None = None) -> list[list[str]]:
    """Rows without the empty cell behind a mark that ends each of them; one that ends some alone is a gap."""
    is_mark = all(len(row) > 1 and not row[-1].strip() for row in rows)
    if names is not None and names[-1]:  # a last column may be empty all through
        is_mark = is_mark and all(len(row) > len(names) for row in rows)
    return [row[:-1] for row in rows] if is_mark else rows


def to_table(rows: list[list[str]], is_named: bool) -> np.ndarray:
    """Cells as numbers (T, columns), NaN where one is empty; of columns with names also where all cells hold text.

    Raises:
      ValueError: a row is of another length, or text stands among numbers.
    """
    try:
        return np.array(rows, dtype=np.float64)
    except ValueError:
        pass
    columns = list(zip(*rows, strict=True))
    table = np.full((len(rows), len(columns)), np.nan)
    for i, column in enumerate(columns):
        filled = [cell for cell in column if cell.strip()]
        if is_named and not any(is_number(cell) for cell in filled):
            continue
        table[:, i] = [float(cell) if cell.strip() else np.nan for cell in column]
    return table


def fill_table(names: tuple[str, ...] | None, table: np.ndarray, path: Path) -> NumberTable:
    """A table with gaps interpolated, and without the columns that are mostly gaps, if they have names.

    Raises:
      InputError: a column without a name is mostly gaps.
    """
    full = np.isfinite(table).mean(axis=0) >= 1.0 - MOST_MISSING
    if names is None or full.all() or len(names) != table.shape[1]:
        filled, said = fill_numbers(table, "the table", path)
        return NumberTable(names, filled, table, findings=tuple(said))
    lost = [name for name, is_full in zip(names, full, strict=True) if not is_full]
    kept = tuple(name for name, is_full in zip(names, full, strict=True) if is_full)
    filled, said = fill_numbers(table[:, full], "the table", path)
    text = f"columns without numbers in most rows, left out: {shorten(lost)}"
    return NumberTable(kept, filled, table[:, full], tuple(lost), (*said, Finding("format", text)))


def is_number(cell: str) -> bool:
    """Whether a cell holds one."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def drop_counter(table: NumberTable, path: Path) -> tuple[np.ndarray, float | None, list[Finding]]:
    """Rows without a first column that counts frames or seconds, the rate that it gives, and what was dropped."""
    rows, steps = table.rows, np.diff(table.rows[:, 0])
    # Milliseconds in whole numbers go on by 33, 33, 34.
    allowed = max(0.01 * float(steps.mean()), float((rows[:, 0] % 1 == 0).all() and steps.mean() > 2.0))
    if not (steps > 0).all() or np.ptp(steps) > allowed or is_unit(table.holed[:, 3:7]):
        return rows, None, []
    if abs(float(steps.mean()) - 1.0) < 1e-6:
        return rows[:, 1:], None, [Finding("format", "the first column counts frames")]
    fps, said = measure_rate(rows[:, 0], "the first column", path)
    return rows[:, 1:], fps, [Finding("format", "the first column is the time"), *said]


def read_named(
    names: Sequence[str], table: NumberTable, path: Path, asked: str | None, given: float | None
) -> RobotMotion:
    """A table whose columns are named after joints, in any order, as ours are or with words of others.

    Raises:
      InputError: no character has these joints, there is no root, or time does not increase.
    """
    fps, doubts = find_rate(names, table.rows, path) if given is None else (given, [])
    small = [name.lower() for name in names]
    fitting = list[tuple[float, Character, np.ndarray]]()
    for name in list_candidates(asked):
        try:
            character = load_character(name)
        except InputError:
            continue
        columns = [column.lower() for column in coordinate_names(character.model)]
        if set(columns) <= set(small):
            own = [small.index(column) for column in columns]
            qpos, _ = fill_coordinates(character.model, table.rows[:, own], path, table.holed[:, own])
            fitting.append((measure_distance_to_ground(character, qpos), character, qpos))
    if not fitting:
        foreign = read_foreign_names(names, table, path, asked, fps)
        return replace(foreign, findings=(*foreign.findings, *doubts))
    # Bodies that differ in size alone have the same joints: it is of the one that stands on the ground.
    _, character, qpos = min(fitting, key=lambda fit: fit[0])
    findings = [Finding("character", f"joints of {character.name}, by their names"), *doubts]
    check_root_of_own(qpos, path)
    model = character.model
    hinges = model.jnt_qposadr[model.jnt_type == mujoco.mjtJoint.mjJNT_HINGE]
    qpos[:, hinges], unit = find_unit_of_angles(qpos[:, hinges])
    findings.extend(unit)
    if fps is None:
        text = f"no column 'time': {RATE:g} frames a second are taken; --fps overrules"
        findings.append(Finding("rate", text, doubtful=True))
    found = RobotMotion(make_motion(character, qpos, fps or RATE), tuple(findings), has_contacts=False)
    return set_own_on_ground(found)


def read_foreign_names(
    names: Sequence[str], table: NumberTable, path: Path, asked: str | None, fps: float | None
) -> RobotMotion:
    """A table whose columns have joints' names with other endings, and a root in other words.

    Raises:
      InputError: no character has these joints, or there is no root.
    """
    for name in list_candidates(asked):
        try:
            character = load_character(name)
        except InputError:
            continue
        hinges = hinge_names(character.model)
        if len(hinges) != character.model.nq - 7:
            continue
        own, said = find_hinges(names, hinges, path), list[Finding]()
        if own is None and (name == asked or len(hinges) == G1_HINGES):
            own = find_numbered(names, len(hinges), path)
            said += [Finding("joints", f"joints by their numbers, in {name}'s order", doubtful=True)] * bool(own)
        if own is None:
            continue
        angles = table.rows[:, own.columns]
        angles = np.where(own.in_degrees, np.radians(angles), angles)
        frames = RobotFrames(np.zeros(0), np.zeros(0), angles, "", fps, own.in_degrees | own.in_radians)
        root = find_root(names, table.holed, own.columns, path)
        root = replace(root, in_degrees=root.in_degrees or (bool(own.in_degrees.any()) and not root.in_radians))
        frames, turned = place_root(frames, root, table, path)
        found = to_motion(character, frames, path)
        said += [Finding("unit", "angles in degrees, by the names of their columns")] * bool(own.in_degrees.any())
        return replace(found, findings=(*found.findings, *said, *turned))
    raise InputError(describe_nearest(names, path))


def place_root(
    frames: RobotFrames, root: RootColumns, table: NumberTable, path: Path
) -> tuple[RobotFrames, list[Finding]]:
    """Frames with the root's place and quaternion from its columns, and what to say of angles that it is turned by.

    Angles whose names say no unit are in degrees where the joints are, or where they go beyond two turns.

    Raises:
      InputError: the root's rotation is mostly gaps.
    """
    places, holed = table.rows[:, root.places], table.holed[:, root.turns]
    if root.order != "rpy":
        turns, _ = fill_turns(holed, "the root's rotation", path)
        return replace(frames, places=places, turns=turns, order=root.order), []
    turns, known = hold_rows(holed, "the root's rotation", path)
    has_unit = np.zeros(frames.hinges.shape[1], dtype=bool) if frames.has_unit is None else frames.has_unit
    are_degrees = bool(find_unit_of_angles(frames.hinges, has_unit)[1])  # the joints', then also the root's
    is_large = bool(np.abs(turns).max() > 4.0 * np.pi)
    in_degrees = root.in_degrees or ((is_large or are_degrees) and not root.in_radians)
    quats = from_scipy(Rotation.from_euler("xyz", turns, degrees=in_degrees), (len(turns),))
    quats = interpolate_turns(quats[:, None], known)[:, 0]
    text = f"the root by roll, pitch and yaw about fixed x, y and z, in {'degrees' if in_degrees else 'radians'}"
    return replace(frames, places=places, turns=quats, order="wxyz"), [Finding("format", text, doubtful=True)]


def describe_nearest(names: Sequence[str], path: Path) -> str:
    """What to say of columns that are no character's: which are missing of the one that is nearest."""
    small = {name.lower() for name in names} | {ENDINGS.sub("", to_word(name)) for name in names}
    best = dict[str, list[str]]()
    for name in list_candidates(None):
        try:
            model = load_character(name).model
        except InputError:
            continue
        names_of = coordinate_names(model)[7:]
        own = [word for word in names_of if not {word.lower(), ENDINGS.sub("", to_word(word))} & small]
        if len(own) < 0.3 * len(names_of):
            best[name] = own
    if not best:
        shown = ", ".join(names[1:9])
        return f"{path}: no character has the joints {shown}, ...; make one with 'sfv character new'"
    nearest = min(best, key=lambda name: len(best[name]))
    return f"{path}: nearly the joints of {nearest}, but without {shorten(best[nearest])}; add these columns"


def find_rate(names: Sequence[str], table: np.ndarray, path: Path) -> tuple[float | None, list[Finding]]:
    """Frames a second by the column of times, or of the rate itself, and what is doubtful of it; None without one.

    Raises:
      InputError: time does not increase.
    """
    for i, name in enumerate(names):
        scale = time_unit(to_word(name))
        if scale is not None:
            return measure_rate((table[:, i] - table[0, i]) * scale, name, path, is_in_seconds=scale != 1.0)
        if to_word(name) in RATE_KEYS and (table[:, i] == table[0, i]).all():
            return take_positive(table[:, i], f"frame rate ({name})", path), []
    return None, []
