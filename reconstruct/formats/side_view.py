"""Motions in a plane, as Sports2D finds them in a video from the side: places that have no depth are given one."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from scipy.ndimage import uniform_filter1d

from pose.errors import InputError
from reconstruct.formats.joint_names import SIDES
from reconstruct.formats.options import Finding, name_axis
from reconstruct.formats.smpl import JOINTS, rest_positions

FLAT = 0.005
"""Thickness of a motion up to which it lies in a plane, over its height."""
FRONT = 0.35
"""Distance between the shoulders from which a body is seen from the front, over the length of its trunk."""
TURN = 0.4
"""Time that is taken to turn round [s]."""
LIKE = {"elbow": "shoulder", "wrist": "shoulder", "toe": "ankle"}
"""Joints that are as far from the middle as others, arms hanging."""


def widen_side_view(
    found: Mapping[str, np.ndarray], up: np.ndarray, fps: float, path: Path
) -> tuple[dict[str, np.ndarray], list[Finding]]:
    """Places with a usual body's widths where all of them lie in one plane, and what to say of it.

    Seen from the side, left and right are parted by as much as in SMPL's mean body, in proportion to the leg. The feet
    say which way the body faces, and so which side is the nearer one; where they turn round, the sides change over.

    Args:
      found: landmark -> place (T, 3).
      up: the axis that is up by custom, (3,).
      fps: frames a second.
      path: of the file, for messages.

    Raises:
      InputError: a body in a plane that is seen from the front, whose depth nothing gives.
    """
    places = np.stack(list(found.values()), axis=1)
    extent = np.ptp(places.reshape(-1, 3), axis=0)
    flat = extent < FLAT * max(float(extent.max()), 1e-9)
    if flat.sum() != 1 or flat @ np.abs(up) > 0.5:
        return dict(found), []
    normal = flat.astype(float)
    trunk = _length(*(0.5 * (found[f"left_{joint}"] + found[f"right_{joint}"]) for joint in ("shoulder", "hip")))
    if _length(found["left_shoulder"], found["right_shoulder"]) > FRONT * trunk:
        raise InputError(
            f"{path}: all places are in one plane ({name_axis(normal).strip('+')} is constant), seen from the front: "
            "nothing gives their depth; give the video itself by --video"
        )
    along = np.cross(up, normal)
    facing = find_facing(found, along, fps)
    left = facing[:, None] * np.cross(up, along)
    leg = sum(_length(found[f"left_{a}"], found[f"left_{b}"]) for a, b in (("hip", "knee"), ("knee", "ankle")))
    widened = dict(found)
    for name, width in usual_widths().items():
        for side, sign in zip(SIDES, (1.0, -1.0), strict=True):
            if f"{side}_{name}" in found:
                widened[f"{side}_{name}"] = found[f"{side}_{name}"] + sign * width * leg * left
    turns = int((np.diff(np.sign(facing[facing != 0])) != 0).sum())
    text = "all places are in one plane, as from a video: a body of usual width, seen from the side, facing "
    text += name_axis(along * facing[0]) + f", and turning round {turns} times" * bool(turns)
    return widened, [Finding("format", text, doubtful=True)]


def find_facing(found: Mapping[str, np.ndarray], along: np.ndarray, fps: float) -> np.ndarray:
    """Which way along an axis (3,) a body faces over time, 1 or -1 and between them while it turns round, (T,)."""
    ways = [found[f"{side}_toe"] - found[f"{side}_ankle"] for side in SIDES if f"{side}_toe" in found]
    if not ways:
        ways = [found[f"{side}_knee"] - 0.5 * (found[f"{side}_hip"] + found[f"{side}_ankle"]) for side in SIDES]
    window = min(2 * round(TURN * fps) + 1, len(ways[0]) | 1)
    reach = uniform_filter1d(np.mean(ways, axis=0) @ along, window, mode="nearest")
    return uniform_filter1d(np.where(reach >= 0, 1.0, -1.0), max(1, round(TURN * fps)), mode="nearest")


def usual_widths() -> dict[str, float]:
    """How far joints are from the middle of SMPL's mean body with its arms hanging, over the length of its leg."""
    rest = dict(zip((name for name, _ in JOINTS), rest_positions(), strict=True))
    leg = sum(_length(rest[f"left_{a}"], rest[f"left_{b}"]) for a, b in (("hip", "knee"), ("knee", "ankle")))
    names = ("hip", "knee", "ankle", "toe", "shoulder", "elbow", "wrist")
    return {name: abs(float(rest[f"left_{LIKE.get(name, name)}"][0])) / leg for name in names}


def _length(a: np.ndarray, b: np.ndarray) -> float:
    """Usual distance between two points over time."""
    return float(np.median(np.linalg.norm(a - b, axis=-1)))
