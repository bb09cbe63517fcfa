"""Which way head and feet point, against truth."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from pose.keypoints import Keypoints
from reconstruct.characters.character import Character
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.reconstruct import Reconstruction

HEAD = ("left_ear", "right_ear", "nose")
"""From between the ears to the nose."""
FEET = tuple((f"{side}_heel", f"{side}_foot_index") for side in ("left", "right"))
"""From heel to toe."""

Read = Callable[[str], np.ndarray]
"""Landmark -> where it is in each frame, (T, 3)."""


def measure_aim(truth: Path, keypoints: Keypoints, found: Reconstruction, character: Character) -> dict[str, float]:
    """Mean angles between where head and feet point and where they truly do, in the first camera's axes [degrees].

    `head_direction_error_deg` and `foot_direction_error_deg`, and the detector's own under `raw_`; nothing for a truth
    or a detector without these landmarks.
    """
    with np.load(truth, allow_pickle=False) as arrays:
        names, xyz_w = [str(name) for name in arrays["names"]], arrays["xyz_w"]
        turn = arrays["R_camera_world"].reshape(-1, 3, 3)[0]
    wanted = {*HEAD, *(name for foot in FEET for name in foot)}
    if not wanted <= set(names) & set(keypoints.names) & set(character.landmarks):
        return {}
    first = found.first_frame
    count = min(len(found.motion), len(xyz_w) - first, len(keypoints) - first)
    part = slice(first, first + count)
    seen, model = keypoints.seen[part], character.model

    def ours(name: str) -> np.ndarray:
        site = BodyPoints.of_sites(model, (character.landmarks[name],))
        return point_positions(model, found.motion.qpos[:count], site)[:, 0] @ found.camera.R_camera_world.T

    def true(name: str) -> np.ndarray:
        return xyz_w[part, names.index(name)] @ turn.T

    def heard(name: str) -> np.ndarray:
        return keypoints.xyz[part, keypoints.names.index(name)]

    metrics = compare_aims(ours, true, np.ones(count, dtype=bool))
    return metrics | {f"raw_{name}": angle for name, angle in compare_aims(heard, true, seen).items()}


def compare_aims(points: Read, true: Read, frames: np.ndarray) -> dict[str, float]:
    """The two angles of `measure_aim` over some frames, bool (T,)."""
    left, right, nose = HEAD
    heads = [read(nose) - 0.5 * (read(left) + read(right)) for read in (points, true)]
    feet = [[read(toe) - read(heel) for read in (points, true)] for heel, toe in FEET]
    return {
        "head_direction_error_deg": float(angle_between(*heads)[frames].mean()),
        "foot_direction_error_deg": float(np.mean([angle_between(*foot)[frames].mean() for foot in feet])),
    }


def angle_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Between vectors (T, 3) [degrees], (T,)."""
    across, along = np.linalg.norm(np.cross(a, b), axis=-1), np.sum(a * b, axis=-1)
    return np.degrees(np.arctan2(across, along))
