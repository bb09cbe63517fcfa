"""Writes motions as tables of qpos (CSV), which any program can read."""

import csv
from pathlib import Path

import mujoco

from pose.files import replace_file
from reconstruct.characters.character import Character
from reconstruct.motion import ReferenceMotion


def write_csv(motion: ReferenceMotion, character: Character, path: Path) -> None:
    """Writes qpos as a table: `time` [s], then a column for each coordinate, named after its joint.

    A hinge has one column [rad]; a ball joint its quaternion `_qw _qx _qy _qz` relative to the parent body; the root
    `_x _y _z` [m] and its quaternion, both in the world (z up).

    Args:
      motion: of this character.
      character: gives the names.
      path: file to write; replaced whole or not at all.
    """
    with replace_file(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["time", *coordinate_names(character.model)])
        for t, pose in enumerate(motion.qpos):
            writer.writerow([f"{t / motion.fps:.6f}", *(f"{value:.8g}" for value in pose)])


def coordinate_names(model: mujoco.MjModel) -> list[str]:
    """A name for each coordinate of qpos, (nq,)."""
    place, quaternion = ["_x", "_y", "_z"], ["_qw", "_qx", "_qy", "_qz"]
    endings = {mujoco.mjtJoint.mjJNT_FREE.value: place + quaternion, mujoco.mjtJoint.mjJNT_BALL.value: quaternion}
    joints = (model.joint(j) for j in range(model.njnt))
    return [joint.name + ending for joint in joints for ending in endings.get(int(joint.type[0]), [""])]
