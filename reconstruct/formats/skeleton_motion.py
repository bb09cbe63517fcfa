"""A motion of some skeleton as a file has it: joints over time, in the file's own axes and unit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from reconstruct.formats.options import Finding
from reconstruct.rotations import conjugate, multiply, rotate


@dataclass(frozen=True)
class SkeletonMotion:
    """J joints over T frames, in a file's own axes and unit."""

    names: tuple[str, ...]
    parents: tuple[int, ...]
    """Of each joint, before it in order; -1 for the root."""
    rest: np.ndarray
    """Where the joints are when no angle is turned, (J, 3)."""
    positions: np.ndarray
    """(T, J, 3)."""
    rotations: np.ndarray
    """From `rest`, about the file's axes, wxyz (T, J, 4)."""
    fps: float
    wraps: bool = False
    """The file says that its end leads into its beginning."""
    up: np.ndarray | None = None
    """The axis that the format defines as up, (3,); None if it defines none."""
    usual_up: np.ndarray | None = None
    """The axis that is up by custom, where nothing else speaks, (3,)."""
    rest_is_upright: bool = True
    """The rest pose has the axes of the motion, so that it may say which one is up."""
    metres: float | None = None
    """Length of the file's unit [m], where the format defines it."""
    stretching: tuple[int, ...] = ()
    """Joints whose distance from their parent changes."""
    ends_at_ball: bool = False
    """The last joints of its feet are the balls, not the tips of the toes."""
    findings: tuple[Finding, ...] = ()
    """What the reader found out."""
    has_landmarks: bool = False
    """Its joints are landmarks by name: what the user says of names has been used in reading."""


def pose_skeleton(
    names: tuple[str, ...],
    parents: tuple[int, ...],
    offsets: np.ndarray,
    local: np.ndarray,
    root: np.ndarray,
    fps: float,
    wraps: bool = False,
    moving: Mapping[int, np.ndarray] | None = None,
) -> SkeletonMotion:
    """Forward kinematics.

    Args:
      names: of the joints.
      parents: of each joint, -1 for the first.
      offsets: from the parent, in its axes, (J, 3); the root's is its place at rest.
      local: rotation of each joint relative to its parent, wxyz (T, J, 4).
      root: where the root is, (T, 3).
      fps: frames a second.
      wraps: see `SkeletonMotion`.
      moving: offsets that change, (T, 3) by joint, in place of `offsets`.
    """
    rest, positions, rotations = offsets.copy(), np.empty((*local.shape[:2], 3)), local.copy()
    positions[:, 0] = root
    for joint, parent in enumerate(parents):
        if parent >= 0:
            rest[joint] += rest[parent]
            offset = offsets[joint][None] if joint not in (moving or {}) else (moving or {})[joint]
            positions[:, joint] = positions[:, parent] + rotate(rotations[:, parent], offset)
            rotations[:, joint] = multiply(rotations[:, parent], local[:, joint])
    return SkeletonMotion(names, parents, rest, positions, rotations, fps, wraps)


def measure_stretch(placed: np.ndarray, neutral: np.ndarray, joint: int, parent: int) -> np.ndarray:
    """By how much farther from its parent a joint is in each frame (T, J, 3) than in a pose (J, 3), (T,)."""
    usual = float(np.linalg.norm(neutral[joint] - neutral[parent]))
    return np.linalg.norm(placed[:, joint] - placed[:, parent], axis=1) - usual


def to_qpos(
    root: np.ndarray, rotations: np.ndarray, parents: Sequence[int], longer: Mapping[int, np.ndarray]
) -> np.ndarray:
    """Coordinates of a body of ball joints, of S that slide before they turn, (T, 3 + 4 J + S).

    Args:
      root: place of the first joint [m], (T, 3).
      rotations: of the joints in the world, wxyz (T, J, 4), the root first.
      parents: of the joints after the root, as indices into those.
      longer: joint, as such an index -> by how much its bone is longer than usual [m], (T,).
    """
    local = rotations.copy()
    for joint, parent in enumerate(parents, start=1):
        local[:, joint] = multiply(conjugate(rotations[:, parent]), rotations[:, joint])
    columns = [root]
    for joint in range(local.shape[1]):
        if joint in longer:
            columns.append(longer[joint][:, None])
        columns.append(local[:, joint])
    return np.concatenate(columns, axis=1)
