"""Motion files for the tests of the readers: BVH of every dialect, AMASS, DeepMimic."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from reconstruct.characters.character import Character
from reconstruct.formats import deepmimic
from reconstruct.formats.smpl import JOINTS, rest_positions
from reconstruct.motion import ReferenceMotion

NAMES = [name for name, _ in JOINTS]
PARENTS = [parent for _, parent in JOINTS]
FPS = 60.0


def side_named(pattern: dict[str, str], left: str, right: str) -> list[str]:
    """A dialect's names in SMPL's order."""
    names = []
    for name in NAMES:
        side, _, part = name.partition("_")
        names.append(pattern[part].format(left if side == "left" else right) if part else pattern[name])
    return names


DIALECTS = {
    "mixamo": side_named(
        {
            "pelvis": "mixamorig:Hips", "spine1": "mixamorig:Spine", "spine2": "mixamorig:Spine1",
            "spine3": "mixamorig:Spine2", "neck": "mixamorig:Neck", "head": "mixamorig:Head",
            "collar": "mixamorig:{}Shoulder", "shoulder": "mixamorig:{}Arm", "elbow": "mixamorig:{}ForeArm",
            "wrist": "mixamorig:{}Hand", "hip": "mixamorig:{}UpLeg", "knee": "mixamorig:{}Leg",
            "ankle": "mixamorig:{}Foot", "foot": "mixamorig:{}ToeBase",
        },
        "Left", "Right",
    ),
    "biped": side_named(
        {
            "pelvis": "Bip01 Pelvis", "spine1": "Bip01 Spine", "spine2": "Bip01 Spine1", "spine3": "Bip01 Spine2",
            "neck": "Bip01 Neck", "head": "Bip01 Head", "collar": "Bip01 {} Clavicle", "shoulder": "Bip01 {} UpperArm",
            "elbow": "Bip01 {} Forearm", "wrist": "Bip01 {} Hand", "hip": "Bip01 {} Thigh", "knee": "Bip01 {} Calf",
            "ankle": "Bip01 {} Foot", "foot": "Bip01 {} Toe0",
        },
        "L", "R",
    ),
    "smpl": NAMES,
}  # fmt: skip


def swinging(frames: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Someone who stands on the left leg, swings the other limbs and turns: rotations (T, 22) and root (T, 3), SMPL's
    axes."""
    t = np.arange(frames) / FPS
    turn = np.zeros((frames, len(NAMES), 3))
    swing = np.sin(2 * np.pi * t)

    def joint(name: str) -> np.ndarray:
        return turn[:, NAMES.index(name)]

    joint("right_hip")[:, 0] = -0.5 + 0.4 * swing
    joint("right_knee")[:, 0] = 0.7 + 0.4 * swing
    joint("left_shoulder")[:, 2] = -1.1 + 0.3 * swing  # the arm hangs down from the T-pose
    joint("right_shoulder")[:, 2] = 1.0
    joint("right_shoulder")[:, 0] = 0.6 * swing
    joint("left_elbow")[:, 1] = -0.6 - 0.4 * swing
    joint("spine2")[:, 1] = 0.3 * swing
    joint("head")[:, 1] = 0.4 * swing
    root = np.tile(-rest_positions()[[10]] * [1.0, 1.0, 0.0], (frames, 1))
    return turn, root


def write_amass(path: Path, rate: str = "mocap_framerate") -> None:
    """The motion as AMASS has it: z up."""
    turn, root = swinging()
    poses = np.zeros((len(turn), 156))
    up = Rotation.from_euler("x", 90, degrees=True)
    poses[:, :66] = turn.reshape(len(turn), -1)
    poses[:, :3] = (up * Rotation.from_rotvec(turn[:, 0])).as_rotvec()
    arrays: dict[str, Any] = {"poses": poses, "trans": up.apply(root), "betas": np.zeros(16), rate: FPS}
    np.savez(path, **arrays)


def write_bvh(
    path: Path,
    dialect: str = "mixamo",
    unit: float = 100.0,
    axes: np.ndarray | None = None,
    order: str = "ZXY",
    odd_rest: bool = False,
) -> None:
    """The motion as BVH.

    Args:
      path: file to write.
      dialect: whose names.
      unit: of them to a metre.
      axes: rotation from SMPL's axes (y up) to the file's.
      order: of the angles.
      odd_rest: no angle leaves the body in a heap, as in LAFAN1, instead of a T-pose.
    """
    axes = np.eye(3) if axes is None else axes
    turn, root = swinging()
    rest = rest_positions() @ axes.T * unit
    offsets = rest - np.where(np.array(PARENTS)[:, None] < 0, 0.0, rest[PARENTS])
    local = [Rotation.from_rotvec(turn[:, j] @ axes.T) for j in range(len(NAMES))]
    if odd_rest:
        # Each joint's axes lie anyhow: offsets are in the parent's, rotations between them.
        own = list(Rotation.from_rotvec(np.random.default_rng(3).normal(size=(len(NAMES), 3))))
        above = [Rotation.identity() if p < 0 else own[p] for p in PARENTS]
        offsets = np.array([a.inv().apply(o) for a, o in zip(above, offsets, strict=True)])
        local = [a.inv() * r * o for a, r, o in zip(above, local, own, strict=True)]
    names, lines, columns = DIALECTS[dialect], ["HIERARCHY"], [root @ axes.T * unit]

    def write(joint: int, depth: int) -> None:
        pad = "\t" * depth
        lines.append(f"{pad}{'JOINT' if depth else 'ROOT'} {names[joint]}\n{pad}{{")
        lines.append(f"{pad}\tOFFSET {' '.join(f'{x:.8f}' for x in offsets[joint])}")
        position = "" if depth else "Xposition Yposition Zposition "
        lines.append(f"{pad}\tCHANNELS {3 if depth else 6} {position}{' '.join(f'{axis}rotation' for axis in order)}")
        columns.append(local[joint].as_euler(order, degrees=True))
        children = [child for child, parent in enumerate(PARENTS) if parent == joint]
        for child in children:
            write(child, depth + 1)
        if not children:
            lines.append(f"{pad}\tEnd Site\n{pad}\t{{\n{pad}\t\tOFFSET 0 0 0\n{pad}\t}}")
        lines.append(f"{pad}}}")

    write(0, 0)
    table = np.concatenate(columns, axis=1)
    lines += ["MOTION", f"Frames: {len(table)}", f"Frame Time: {1 / FPS:.9f}"]
    lines += [" ".join(f"{value:.8f}" for value in row) for row in table]
    path.write_text("\n".join(lines) + "\n")


def write_deepmimic(path: Path, motion: ReferenceMotion, character: Character, wraps: bool = False) -> None:
    """A motion of our humanoid as DeepMimic has it: the same joints, y up, z to the right."""

    def y_up(vector: np.ndarray) -> np.ndarray:
        return vector[..., [0, 2, 1]] * [1.0, 1.0, -1.0]

    def quaternion(wxyz: np.ndarray) -> np.ndarray:
        return np.concatenate([wxyz[:, :1], y_up(wxyz[:, 1:])], axis=1)

    seconds = np.full((len(motion), 1), 1.0 / motion.fps)
    columns = [seconds, y_up(motion.qpos[:, :3]), quaternion(motion.qpos[:, 3:7])]
    for name, _, _ in deepmimic.JOINTS[1:]:
        first = int(character.model.joint(name).qposadr[0])
        if name.endswith("knee"):
            columns.append(-motion.qpos[:, first : first + 1])  # ours turn about the left, DeepMimic's about the right
        elif name.endswith("elbow"):
            columns.append(motion.qpos[:, first : first + 1])
        else:
            columns.append(quaternion(motion.qpos[:, first : first + 4]))
    frames = np.concatenate(columns, axis=1).tolist()
    path.write_text(json.dumps({"Loop": "wrap" if wraps else "none", "Frames": frames}), encoding="utf-8")
