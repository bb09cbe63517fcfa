"""Archives of joint angles, as BeyondMimic, GMR and others have them, and of MuJoCo's coordinates."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pose.errors import InputError
from reconstruct.formats.options import Finding
from reconstruct.formats.rate import take_rate
from reconstruct.formats.robot import RobotFrames, RobotMotion, to_motion
from reconstruct.formats.robot_joints import breadth_first, find_by_hinges, find_by_names, hinge_names

ANGLE_KEYS = ("joint_pos", "dof_pos", "joint_positions", "dof")
"""Keys of the hinges' angles, (T, joints): BeyondMimic's, GMR's, others'."""
PLACE_KEYS = ("body_pos_w", "root_pos", "root_trans", "base_pos", "root_trans_offset")
TURN_KEYS = ("body_quat_w", "root_rot", "root_quat", "base_quat", "root_ori")
NAME_KEYS = ("joint_names", "dof_names")


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
    angles, places, turns, order = take_arrays(arrays, path)
    count, said = angles.shape[1], list[Finding]()
    names = take_names(arrays, count)
    character = find_by_names(names, asked, path) if names else find_by_hinges(count, asked, path)
    hinges = hinge_names(character.model)
    if names is None and order == "wxyz" and "qpos" not in arrays:
        names = breadth_first(character.model)
        said.append(Finding("joints", "no joint names in the file: in Isaac Lab's order, breadth first"))
    if names is not None:
        angles = angles[:, [names.index(hinge) for hinge in hinges]]
    rate, doubts = (fps, []) if fps is not None else take_rate(arrays, len(angles), path)
    found = to_motion(character, RobotFrames(places, turns, angles, order, rate), path)
    return RobotMotion(found.motion, (*found.findings, *said, *doubts), has_contacts=False)


def take_arrays(arrays: Mapping[str, np.ndarray], path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    """Angles (T, joints), places (T, 3) and quaternions (T, 4) of the root, and the custom of their order.

    Raises:
      InputError: one is missing, or of another shape.
    """
    if "qpos" in arrays:
        qpos = np.asarray(arrays["qpos"], dtype=np.float64)
        if qpos.ndim != 2 or qpos.shape[1] < 9 or len(qpos) < 2:
            raise InputError(f"{path}: qpos {qpos.shape}; expected (T, 7 + joints), T at least 2")
        return qpos[:, 7:], qpos[:, :3], qpos[:, 3:7], "wxyz"
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
    return angles, places, turns, "wxyz" if keys[1] == "body_pos_w" else "xyzw"


def take_names(arrays: Mapping[str, np.ndarray], count: int) -> tuple[str, ...] | None:
    """The joints' names, without the root's; None if there are none."""
    found = next((np.ravel(arrays[key]) for key in NAME_KEYS if key in arrays), None)
    if found is None:
        return None
    names = tuple(name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name) for name in found.tolist())
    return names[-count:] if len(names) > count else names
