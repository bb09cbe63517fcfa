"""Reference motions from other programs: DeepMimic's text files, our own `.npz`."""

import json
from pathlib import Path

import mujoco
import numpy as np
from scipy.interpolate import CubicSpline

from pose.errors import InputError
from reconstruct.character import Character
from reconstruct.contacts import contact_points, find_contacts, part_contacts
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.loop import close_loop, seam_gap
from reconstruct.motion import ReferenceMotion
from reconstruct.rotations import continuous, normalised
from reconstruct.tangent import layout

# Order of the joints in a DeepMimic frame, after duration, root position and root rotation (xbpeng/DeepMimic).
DEEPMIMIC_JOINTS = (
    ("chest", 4),
    ("neck", 4),
    ("right_hip", 4),
    ("right_knee", 1),
    ("right_ankle", 4),
    ("right_shoulder", 4),
    ("right_elbow", 1),
    ("left_hip", 4),
    ("left_knee", 1),
    ("left_ankle", 4),
    ("left_shoulder", 4),
    ("left_elbow", 1),
)
DEEPMIMIC_WIDTH = 8 + sum(width for _, width in DEEPMIMIC_JOINTS)
DEEPMIMIC_HIP_HEIGHT = 0.8868
"""Height of DeepMimic's root above the sole when it stands straight [m]; lengths of a motion scale with it."""
LOOP_GAP = 0.6
"""A file that says it wraps is taken for a cycle if no joint is further from its first frame than this [rad]."""


def read_motion(path: Path, character: Character, fps: float = 30.0) -> ReferenceMotion:
    """Reads a reference motion: `.npz` of ours, `.txt` or `.json` of DeepMimic.

    Args:
      path: the file.
      character: whose joints the motion will be for; a DeepMimic file needs the humanoid's topology.
      fps: DeepMimic's frames are resampled to this.

    Raises:
      InputError: not such a file, or for another character.
    """
    path = Path(path)
    if path.suffix == ".npz":
        motion = ReferenceMotion.load(path)
        if motion.joint_names != character.joint_names:
            raise InputError(f"{path}: made for '{motion.character}', not for '{character.name}'; retarget it first")
        return motion
    if path.suffix in (".txt", ".json"):
        return read_deepmimic(path, character, fps)
    raise InputError(f"{path}: unknown kind of motion '{path.suffix}'; give .npz (ours) or .txt (DeepMimic)")


def read_deepmimic(path: Path, character: Character, fps: float = 30.0) -> ReferenceMotion:
    """A DeepMimic motion on our humanoid: same tree, y up -> z up, lengths scaled, put on the ground.

    Raises:
      InputError: not a DeepMimic motion, or the character lacks one of its joints.
    """
    times, wraps, table = _deepmimic_frames(path)
    model = character.model
    missing = [name for name, _ in DEEPMIMIC_JOINTS if name not in character.joint_names]
    if missing:
        raise InputError(
            f"{path}: character '{character.name}' has no joint '{missing[0]}'; DeepMimic needs a humanoid"
        )

    qpos = np.zeros((len(table), model.nq))
    qpos[:, :3] = _z_up(table[:, 1:4])
    qpos[:, 3:7] = _quat_z_up(table[:, 4:8])
    column = 8
    for name, width in DEEPMIMIC_JOINTS:
        start = model.joint(name).qposadr[0]
        if width == 4:
            qpos[:, start : start + 4] = _quat_z_up(table[:, column : column + 4])
        else:
            # DeepMimic's hinges turn about +z (to the right), so its knees flex with negative angles.
            axis_right = -model.jnt_axis[model.joint(name).id][1]
            qpos[:, start] = np.sign(axis_right) * table[:, column]
        column += width

    qpos[:, :3] *= _standing_hip_height(character) / DEEPMIMIC_HIP_HEIGHT
    qpos = resampled(model, qpos, times, fps)
    soles = contact_points(character)
    loop = wraps and np.abs(seam_gap(model, qpos)).max() < LOOP_GAP
    if loop:
        qpos = close_loop(model, qpos, blend=max(3, len(qpos) // 6))
    qpos = grounded(model, qpos, soles)
    contacts = find_contacts(point_positions(model, qpos, soles), fps)
    return ReferenceMotion(
        qpos=qpos,
        fps=fps,
        character=character.name,
        height=character.height,
        joint_names=character.joint_names,
        contacts=part_contacts(contacts, character.contacts),
        contact_names=tuple(character.contacts),
        loop=bool(loop),
    )


def resampled(model: mujoco.MjModel, qpos: np.ndarray, times: np.ndarray, fps: float) -> np.ndarray:
    """Cubic interpolation to a constant frame rate: positions as they are, quaternions by their renormalised spline.

    Args:
      times: when each frame is [s], increasing, (T,).

    Returns:
      qpos from the first to the last time; the last frame is kept exactly, so the step is stretched by under 2 %
      where the duration is no whole number of steps of a clip of 1 s.
    """
    frames = max(2, round((times[-1] - times[0]) * fps) + 1)
    smooth = qpos.copy()
    columns = layout(model).quat_columns[:, None] + np.arange(4)
    for quat in columns:
        smooth[:, quat] = continuous(normalised(smooth[:, quat]))
    result = CubicSpline(times, smooth, axis=0)(np.linspace(times[0], times[-1], frames))
    for quat in columns:
        result[:, quat] = normalised(result[:, quat])
    return result


def grounded(model: mujoco.MjModel, qpos: np.ndarray, points: BodyPoints) -> np.ndarray:
    """Moves a whole motion up or down so that its lowest points, frame by frame the low third, touch z = 0."""
    lowest = point_positions(model, qpos, points)[..., 2].min(axis=1)
    moved = qpos.copy()
    moved[:, 2] -= np.mean(np.sort(lowest)[: max(1, len(lowest) // 3)])
    return moved


def _deepmimic_frames(path: Path) -> tuple[np.ndarray, bool, np.ndarray]:
    """Times [s] (T,), whether it says that it wraps, and the table of frames (T, 44)."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a motion")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        table = np.array(content["Frames"], dtype=np.float64)
        wraps = content.get("Loop", "none") == "wrap"
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not a DeepMimic motion ({error}); expected JSON with 'Loop' and 'Frames'") from error
    if table.ndim != 2 or table.shape[1] != DEEPMIMIC_WIDTH or len(table) < 2 or not np.isfinite(table).all():
        raise InputError(f"{path}: frames of shape {table.shape}; expected at least 2 finite rows of {DEEPMIMIC_WIDTH}")
    durations = table[:-1, 0]
    if (durations <= 0).any():
        raise InputError(f"{path}: a frame lasts {durations.min()} s; every duration but the last must be positive")
    return np.concatenate([[0.0], np.cumsum(durations)]), wraps, table


def _z_up(vector: np.ndarray) -> np.ndarray:
    """DeepMimic's x forward, y up, z right -> our x forward, y left, z up, (..., 3)."""
    x, y, z = np.moveaxis(vector, -1, 0)
    return np.stack([x, -z, y], axis=-1)


def _quat_z_up(quat: np.ndarray) -> np.ndarray:
    """The same rotation in our axes: the vector part turns with them, (..., 4)."""
    return normalised(np.concatenate([quat[..., :1], _z_up(quat[..., 1:])], axis=-1))


def _standing_hip_height(character: Character) -> float:
    """Height of the root above the soles in the model's own upright pose [m]."""
    soles = contact_points(character)
    rest = np.array(character.model.qpos0)[None]
    return float(rest[0, 2] - point_positions(character.model, rest, soles)[..., 2].min())
