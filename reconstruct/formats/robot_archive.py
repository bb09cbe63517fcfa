"""Archives of joint angles, as BeyondMimic, GMR and others have them, and of MuJoCo's coordinates."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from pose.errors import InputError
from reconstruct.characters.character import Character, load_character
from reconstruct.formats.gaps import fill_numbers, fill_turns, interpolate_turns, is_unit
from reconstruct.formats.options import Finding
from reconstruct.formats.rate import take_rate
from reconstruct.formats.robot import RobotFrames, RobotMotion, measure_distance_to_ground, to_motion
from reconstruct.formats.robot_joints import (
    G1_HINGES,
    NamedJoints,
    ball_columns,
    breadth_first,
    find_by_count,
    find_by_names,
    hinge_names,
    is_of,
)
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.rotations import from_rotvec, normalise

ANGLE_KEYS = ("joint_pos", "dof_pos", "joint_positions", "dof", "dof_positions")
"""Keys of the hinges' angles, (T, joints): BeyondMimic's, GMR's, others', Isaac Lab's."""
PLACE_KEYS = ("body_pos_w", "root_pos", "root_trans", "base_pos", "root_trans_offset", "rigid_body_pos",
              "body_positions")  # fmt: skip
TURN_KEYS = ("body_quat_w", "root_rot", "root_quat", "base_quat", "root_ori", "rigid_body_rot",
             "body_rotations")  # fmt: skip
NAME_KEYS = ("joint_names", "dof_names")
IN_WORLD = ("body_pos_w", "body_positions")
"""Keys of the places of all bodies beside which quaternions are wxyz: BeyondMimic's and Isaac Lab's."""
BODY_ERROR = 0.05
"""Mean distance of the file's bodies from the model's up to which the order of joints is sure [m]."""


def read_joint_archive(
    arrays: Mapping[str, np.ndarray], path: Path, asked: str | None = None, fps: float | None = None
) -> RobotMotion:
    """Arrays of hinges (T, joints) with the root's place and quaternion, or MuJoCo's `qpos` of both.

    Args:
      arrays: of the archive, by key.
      path: of the file, for messages.
      asked: name of the character that is to perform it.
      fps: frames a second, as the user has it; default: what the file says.

    Raises:
      InputError: an array is missing or of another shape, or no character has these joints.
    """
    angles, places, turns, order = take_arrays(arrays, path, asked)
    holed = angles
    angles, places, turns, gaps = fill_arrays(angles, places, turns, path)
    rate, doubts = (fps, []) if fps is not None else take_rate(arrays, len(angles), path)
    frames = RobotFrames(places, turns, angles, order, rate)
    names = take_names(arrays)
    if names:
        fits = find_by_names(names, angles.shape[1], asked, path)
        found, fit = choose_by_ground([(of_joints(each, frames, path, holed), each) for each in fits])
        said = [Finding("joints", f"not joints of {fit.character.name}: {shorten(fit.extra)}")] * bool(fit.extra)
    else:
        holed, thing = drop_thing(holed, asked)
        angles = angles[:, : holed.shape[1]]
        frames = replace(frames, hinges=angles)
        character = find_by_count(holed, asked, path)
        columns, said = list(range(angles.shape[1])), thing
        if order == "wxyz" and any(key in arrays for key in IN_WORLD):
            columns, said = find_order(character, arrays, frames)
            said += thing
        found = of_joints(NamedJoints(character, columns, ()), frames, path, holed)
    return RobotMotion(found.motion, (*found.findings, *said, *gaps, *doubts), has_contacts=False)


def is_robot_archive(arrays: Mapping[str, np.ndarray]) -> bool:
    """Whether arrays by their keys are joint angles: angles, MuJoCo's coordinates, or MimicKit's frames."""
    frames = arrays.get("frames", np.zeros(0))
    is_mimickit = "loop_mode" in arrays and frames.ndim == 2 and frames.dtype.kind == "f"
    return is_mimickit or any(key in arrays for key in (*ANGLE_KEYS, "qpos"))


def is_qpos(array: np.ndarray, asked: str | None) -> bool:
    """Whether a bare array (T, N) is MuJoCo's coordinates: a unit quaternion, and as many hinges as the robot has."""
    if array.ndim != 2 or array.shape[0] < 2 or array.dtype.kind not in "iuf":
        return False
    hinges = {G1_HINGES} | ({load_character(asked).model.nq - 7} if asked is not None else set())
    return array.shape[1] - 7 in hinges and (is_unit(array[:, 3:7]) or is_unit(array[:, :4]))


def fill_arrays(
    angles: np.ndarray, places: np.ndarray, turns: np.ndarray, path: Path
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[Finding]]:
    """The arrays with gaps interpolated, and what to say of it.

    Raises:
      InputError: one is mostly gaps.
    """
    (angles, first), (places, second) = (
        fill_numbers(values, what, path) for values, what in ((angles, "joint angles"), (places, "the root's path"))
    )
    turns, third = fill_turns(turns, "the root's rotation", path)
    return angles, places, turns, [*first, *second, *third]


def drop_thing(angles: np.ndarray, asked: str | None) -> tuple[np.ndarray, list[Finding]]:
    """Angles (T, joints) without the place and quaternion of a thing after them, as OmniRetarget has it."""
    if any(is_of(angles, load_character(name)) for name in {"humanoid", "g1", asked or "humanoid"}):
        return angles, []
    hinges = {G1_HINGES} | ({load_character(asked).model.nq - 7} if asked is not None else set())
    is_thing = angles.shape[1] - 7 in hinges and (is_unit(angles[:, -4:]) or is_unit(angles[:, -7:-3]))
    if not is_thing:
        return angles, []
    text = "seven more coordinates after the joints, of a thing that is used: left out"
    return angles[:, :-7], [Finding("format", text, doubtful=True)]


def of_joints(fit: NamedJoints, frames: RobotFrames, path: Path, holed: np.ndarray) -> RobotMotion:
    """The motion of a character's joints from the columns that are theirs.

    Args:
      fit: the character and its columns.
      frames: of the file, gaps filled in.
      path: of the file, for messages.
      holed: its coordinates with NaN where they are missing, (T, joints).

    Raises:
      InputError: a ball joint has no unit quaternions, or as `to_motion`.
    """
    angles, balls = frames.hinges[:, fit.columns], ball_columns(fit.character.model)
    has_unit = np.zeros(angles.shape[1], dtype=bool)
    for ball in balls:
        has_unit[ball] = True
        known = np.asarray(np.isfinite(holed[:, fit.columns][:, ball]).all(axis=1))
        angles[:, ball] = interpolate_turns(angles[:, None, ball], known)[:, 0]
        if not is_unit(angles[:, ball]):
            raise InputError(f"{path}: a ball joint of {fit.character.name} has no unit quaternions; export it again")
    return to_motion(fit.character, replace(frames, hinges=angles, has_unit=has_unit if balls else None), path)


def choose_by_ground(fits: list[tuple[RobotMotion, NamedJoints]]) -> tuple[RobotMotion, NamedJoints]:
    """Of bodies with the same joints, which differ in size, the one that stands on the ground."""
    if len(fits) == 1:
        return fits[0]
    return min(fits, key=lambda fit: measure_distance_to_ground(fit[1].character, fit[0].motion.qpos))


def find_order(
    character: Character, arrays: Mapping[str, np.ndarray], frames: RobotFrames
) -> tuple[list[int], list[Finding]]:
    """Columns of the model's hinges among angles without names, breadth first or depth first, and what to say of it.

    Isaac Lab counts joints breadth first, MuJoCo depth first. Which it is follows from where the file has the bodies;
    without these it is Isaac Lab's, whose keys they are.

    Args:
      character: of the hinges.
      arrays: of the archive; `body_pos_w` (T, B, 3) decides.
      frames: of the file, quaternions wxyz.
    """
    hinges = hinge_names(character.model)
    isaac = breadth_first(character.model)
    orders = {"Isaac Lab's order, breadth first": [isaac.index(hinge) for hinge in hinges],
              "MuJoCo's order": list(range(len(hinges)))}  # fmt: skip
    key = next((key for key in IN_WORLD if key in arrays), "")
    places = np.asarray(arrays.get(key, np.zeros(0)), dtype=np.float64)
    if places.ndim != 3 or places.shape[1] < 4 or len(places) != len(frames.places):
        return orders["Isaac Lab's order, breadth first"], [
            Finding("joints", "no joint names in the file: taken in Isaac Lab's order, breadth first", doubtful=True)
        ]
    some = np.linspace(0, len(places) - 1, min(len(places), 12)).astype(int)
    bodies = np.arange(1, character.model.nbody)
    origins = BodyPoints(bodies, np.zeros((len(bodies), 3)), np.zeros(len(bodies)))
    errors = dict[str, float]()
    for name, columns in orders.items():
        qpos = np.concatenate([frames.places, normalise(frames.turns), frames.hinges[:, columns]], axis=1)[some]
        gaps = places[some][:, :, None] - point_positions(character.model, qpos, origins)[:, None]
        errors[name] = float(np.linalg.norm(gaps, axis=-1).min(axis=2).mean())
    best = min(errors, key=lambda name: errors[name])
    text = f"no joint names in the file: in {best}, for then the bodies are where the file has them"
    if errors[best] < BODY_ERROR:
        return orders[best], [Finding("joints", text)]
    text = f"{text} to {errors[best]:.2f} m: is the robot another one?"
    return orders[best], [Finding("joints", text, doubtful=True)]


def take_arrays(
    arrays: Mapping[str, np.ndarray], path: Path, asked: str | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    """Angles (T, joints), places (T, 3) and quaternions (T, 4) of the root, and the custom of their order.

    Args:
      arrays: of the archive, by key.
      path: of the file, for messages.
      asked: name of the character that is to perform it.

    Raises:
      InputError: one is missing, or of another shape.
    """
    if "qpos" in arrays:
        qpos = np.asarray(arrays["qpos"], dtype=np.float64)
        if qpos.ndim != 2 or qpos.shape[1] < 9 or len(qpos) < 2:
            raise InputError(f"{path}: qpos {qpos.shape}; expected (T, 7 + joints), T at least 2")
        if is_unit(qpos[:, :4]) and not is_unit(qpos[:, 3:7]):  # Drake's
            return qpos[:, 7:], qpos[:, 4:7], qpos[:, :4], "wxyz"
        return qpos[:, 7:], qpos[:, :3], qpos[:, 3:7], "wxyz"
    if not any(key in arrays for key in ANGLE_KEYS) and "frames" in arrays:  # MimicKit's, with a rotation vector
        rows = np.asarray(arrays["frames"], dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] < 8 or len(rows) < 2:
            raise InputError(f"{path}: frames {rows.shape}; expected (T, 6 + joints), T at least 2")
        return rows[:, 6:], rows[:, :3], from_rotvec(rows[:, 3:6]), "wxyz"
    keys = [next((key for key in names if key in arrays), None) for names in (ANGLE_KEYS, PLACE_KEYS, TURN_KEYS)]
    if None in keys:
        found = ", ".join(f"{key} {np.shape(array)}" for key, array in arrays.items())
        raise InputError(
            f"{path}: joint angles without the root's path; add root_pos (T, 3) and root_rot (T, 4), xyzw, to {found}"
        )
    angles, places, turns = (np.asarray(arrays[str(key)], dtype=np.float64) for key in keys)
    root = find_root(arrays, asked)
    if any(array.ndim == 3 and root >= array.shape[1] for array in (places, turns)):
        count = min(array.shape[1] for array in (places, turns) if array.ndim == 3)
        raise InputError(f"{path}: the root is number {root + 1} of body_names, but there are {count} bodies")
    places, turns = (array[:, root] if array.ndim == 3 else array for array in (places, turns))
    frames = len(angles)
    if angles.ndim != 2 or places.shape != (frames, 3) or turns.shape != (frames, 4) or frames < 2:
        shapes = ", ".join(f"{key} {arrays[str(key)].shape}" for key in keys)
        raise InputError(f"{path}: {shapes}; expected (T, joints), (T, 3) and (T, 4), T at least 2")
    return angles, places, turns, "wxyz" if keys[1] in IN_WORLD else "xyzw"


def find_root(arrays: Mapping[str, np.ndarray], asked: str | None) -> int:
    """Which of an archive's bodies is the root: by the name of the character's own, else the first one.

    Without a character it is Unitree's G1, as for the joints.
    """
    bodies, own = decode_names(np.ravel(arrays.get("body_names", np.zeros(0)))), load_character(asked or "g1")
    root = own.model.body(1).name
    return bodies.index(root) if root in bodies else 0


def take_names(arrays: Mapping[str, np.ndarray]) -> tuple[str, ...] | None:
    """The joints' names; None if there are none."""
    found = next((np.ravel(arrays[key]) for key in NAME_KEYS if key in arrays), None)
    return None if found is None else decode_names(found)


def decode_names(names: np.ndarray) -> tuple[str, ...]:
    """Names (N,) as text: some archives have them as bytes."""
    return tuple(name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name) for name in names.tolist())


def shorten(names: Sequence[str], most: int = 4) -> str:
    """The first few of many names."""
    return ", ".join(names[:most]) + f" and {len(names) - most} more" * (len(names) > most)
