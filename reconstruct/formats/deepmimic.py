"""DeepMimic's motions (Peng et al. 2018): JSON with joint angles of its own humanoid, y up, x forward."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation, RotationSpline

from pose.errors import InputError
from pose.foreign_files import read_json
from reconstruct.formats.gaps import fill_numbers, fill_turns
from reconstruct.formats.options import Finding
from reconstruct.formats.skeleton_motion import SkeletonMotion, pose_skeleton
from reconstruct.rotations import from_scipy

JOINTS = (
    ("root", -1, (0.0, 0.0, 0.0)), ("chest", 0, (0.0, 0.236151, 0.0)), ("neck", 1, (0.0, 0.223894, 0.0)),
    ("right_hip", 0, (0.0, 0.0, 0.084887)), ("right_knee", 3, (0.0, -0.421546, 0.0)),
    ("right_ankle", 4, (0.0, -0.40987, 0.0)), ("right_shoulder", 1, (-0.02405, 0.2435, 0.18311)),
    ("right_elbow", 6, (0.0, -0.274788, 0.0)), ("left_hip", 0, (0.0, 0.0, -0.084887)),
    ("left_knee", 8, (0.0, -0.421546, 0.0)), ("left_ankle", 9, (0.0, -0.40987, 0.0)),
    ("left_shoulder", 1, (-0.02405, 0.2435, -0.18311)), ("left_elbow", 11, (0.0, -0.274788, 0.0)),
)  # fmt: skip
"""Joints in the order of a frame, their parents, and where they are from those [m] (xbpeng/DeepMimic, humanoid3d)."""
ENDS = (
    ("right_toe", 5, (0.1335, -0.05, 0.0)), ("right_wrist", 7, (0.0, -0.258947, 0.0)),
    ("left_toe", 10, (0.1335, -0.05, 0.0)), ("left_wrist", 12, (0.0, -0.258947, 0.0)), ("head", 2, (0.0, 0.175, 0.0)),
)  # fmt: skip
"""Points without rotations of their own: the tips of its box-shaped feet, wrists, the middle of the head."""
HINGES = ("right_knee", "right_elbow", "left_knee", "left_elbow")
"""About +z (to the right): knees flex with negative angles, elbows with positive ones. All others are quaternions."""
WIDTH = 8 + sum(1 if name in HINGES else 4 for name, _, _ in JOINTS[1:])
"""Numbers in a frame: duration, place and rotation of the root, joints."""


def read_deepmimic(path: Path) -> SkeletonMotion:
    """A DeepMimic motion on DeepMimic's skeleton, z up and x forward, at its mean frame rate.

    Raises:
      InputError: not such a file.
    """
    table, wraps = _frames(path)
    table, gaps = _fill(table, path)
    times = np.concatenate([[0.0], np.cumsum(table[:-1, 0])])
    even = np.linspace(0.0, times[-1], len(times))
    turns = np.tile([1.0, 0.0, 0.0, 0.0], (len(table), len(JOINTS) + len(ENDS), 1))
    column = 4
    for joint, (name, _, _) in enumerate(JOINTS):
        if name in HINGES:
            angle = table[:, column] / 2.0
            turns[:, joint, 0], turns[:, joint, 2] = np.cos(angle), -np.sin(angle)  # to the right is our -y
            column += 1
        else:
            quat = np.column_stack([_z_up(table[:, column + 1 : column + 4]), table[:, column]])
            if not (np.linalg.norm(quat, axis=1) > 0.5).all():
                raise InputError(f"{path}: the rotation of '{name}' is no unit quaternion; expected w, x, y, z")
            found = Rotation.from_quat(quat)
            turns[:, joint] = from_scipy(RotationSpline(times, found)(even), (len(table),))
            column += 4
    parts = JOINTS + ENDS
    motion = pose_skeleton(
        tuple(name for name, _, _ in parts),
        tuple(parent for _, parent, _ in parts),
        _z_up(np.array([offset for _, _, offset in parts])),
        turns,
        CubicSpline(times, _z_up(table[:, 1:4]))(even),
        (len(times) - 1) / times[-1],
        wraps,
    )
    return replace(motion, up=np.array([0.0, 0.0, 1.0]), metres=1.0, findings=(*motion.findings, *gaps))


def _frames(path: Path) -> tuple[np.ndarray, bool]:
    """The table of frames, (T, `WIDTH`), and whether the file says that it wraps."""
    try:
        content = read_json(path, "a DeepMimic motion", "give JSON with 'Loop' and 'Frames'")
        table = np.array(content["Frames"], dtype=np.float64)
        wraps = content.get("Loop", "none") == "wrap"
    except InputError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not a DeepMimic motion ({error}); expected JSON with 'Loop' and 'Frames'") from error
    if table.ndim != 2 or table.shape[1] != WIDTH or len(table) < 2:
        raise InputError(f"{path}: frames of shape {table.shape}; expected at least 2 rows of {WIDTH}")
    return table, wraps


def _fill(table: np.ndarray, path: Path) -> tuple[np.ndarray, list[Finding]]:
    """The table with gaps interpolated, and what to say of it."""
    filled, said = fill_numbers(table, "'Frames'", path)
    column = 4
    for name, _, _ in JOINTS:
        width = 1 if name in HINGES else 4
        if width == 4:
            filled[:, column : column + 4], _ = fill_turns(table[:, column : column + 4], f"'{name}'", path)
        column += width
    durations = filled[:-1, 0]
    if (durations <= 0).any():
        raise InputError(f"{path}: a frame lasts {durations.min()} s; every duration but the last must be positive")
    return filled, said


def _z_up(vector: np.ndarray) -> np.ndarray:
    """DeepMimic's x forward, y up, z right -> x forward, y left, z up, (..., 3)."""
    x, y, z = np.moveaxis(vector, -1, 0)
    return np.stack([x, -z, y], axis=-1)
