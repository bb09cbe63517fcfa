"""A motion of the humanoid in formats that are read and not written for users: for the time that reading them takes.

All but robots' coordinates are made of SMPL's joints, as our AMASS-like file has them.
"""

from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from reconstruct.characters.character import Character
from reconstruct.formats.open_motion import open_motion
from reconstruct.formats.skeleton_motion import SkeletonMotion
from reconstruct.formats.smpl import JOINTS, PELVIS
from reconstruct.formats.write_amass import write_amass
from reconstruct.motion import ReferenceMotion
from reconstruct.rotations import conjugate, from_matrix, multiply, to_rotvec

NAMES = tuple(name for name, _ in JOINTS)
BONES = {
    "pelvis": "lowerback", "spine1": "upperback", "spine2": "thorax", "spine3": "lowerneck", "neck": "head",
    **{f"{side}_{joint}": side[0] + bone
       for side in ("left", "right")
       for joint, bone in (("hip", "femur"), ("knee", "tibia"), ("ankle", "foot"), ("collar", "clavicle"),
                           ("shoulder", "humerus"), ("elbow", "radius"))},
}  # fmt: skip
"""SMPL's joint -> CMU's bone that begins there."""
INCHES = 0.45 / 0.0254
"""CMU's unit of length in a metre."""


Y_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""From z up to y up."""


def open_as_smpl(motion: ReferenceMotion, character: Character, path: Path) -> tuple[SkeletonMotion, np.ndarray]:
    """SMPL's joints, y up, and their rotations from their parents, wxyz (T, 22, 4); by an AMASS-like file at `path`."""
    write_amass(motion, character, path)
    found = open_motion(path)
    assert isinstance(found, SkeletonMotion)
    rotations = multiply(from_matrix(Y_UP[None])[0], found.rotations)
    found = replace(found, positions=found.positions @ Y_UP.T, rotations=rotations)
    local = found.rotations.copy()
    for joint, (_, parent) in enumerate(JOINTS):
        if parent >= 0:
            local[:, joint] = multiply(conjugate(found.rotations[:, parent]), found.rotations[:, joint])
    return found, local


def write_places(motion: ReferenceMotion, character: Character, path: Path) -> None:
    """Places of SMPL's 22 joints as `.npy`."""
    found, _ = open_as_smpl(motion, character, path.with_suffix(".amass.npz"))
    np.save(path, found.positions)


def write_smpl(motion: ReferenceMotion, character: Character, path: Path) -> None:
    """SMPL's angles under SMPL-X's own keys."""
    found, local = open_as_smpl(motion, character, path.with_suffix(".amass.npz"))
    turns = to_rotvec(local)
    body = turns[:, 1:].reshape(len(turns), -1)
    transl = found.positions[:, 0] - PELVIS
    np.savez(path, global_orient=turns[:, 0], body_pose=body, transl=transl, fps=found.fps)


def write_qpos(motion: ReferenceMotion, _: Character, path: Path) -> None:
    """MuJoCo's coordinates as `.npz`."""
    np.savez(path, qpos=motion.qpos, fps=motion.fps)


def write_c3d(motion: ReferenceMotion, character: Character, path: Path) -> None:
    """Places of joints as C3D, in millimetres, z up."""
    import ezc3d

    found, _ = open_as_smpl(motion, character, path.with_suffix(".amass.npz"))
    content = ezc3d.c3d()
    content["parameters"]["POINT"]["UNITS"]["value"] = ["mm"]
    content["parameters"]["POINT"]["RATE"]["value"] = [found.fps]
    content["parameters"]["POINT"]["LABELS"]["value"] = list(NAMES)
    points = np.ones((4, len(NAMES), len(found.positions)))
    points[:3] = 1000.0 * (found.positions @ Y_UP).transpose(2, 1, 0)
    content["data"]["points"] = points
    content.write(str(path))


def write_acclaim(motion: ReferenceMotion, character: Character, path: Path) -> None:
    """An `.amc`, and its `.asf` beside it, with CMU's bones, of which each turns as the joint where it begins."""
    found, local = open_as_smpl(motion, character, path.with_suffix(".amass.npz"))
    asf = [":version 1.10", ":units", "  length 0.45", "  angle deg", ":root", "  order TX TY TZ RX RY RZ"]
    asf += ["  axis XYZ", "  position 0 0 0", "  orientation 0 0 0", ":bonedata"]
    below, turned = dict[str, list[str]](), dict[str, int]()
    for joint, (name, parent) in enumerate(JOINTS[1:], 1):
        bone, carries = name_bone(joint), name_bone(parent) if parent else "root"
        below.setdefault(carries, []).append(bone)
        asf += describe_bone(joint, bone, (found.rest[joint] - found.rest[parent]) * INCHES, parent > 0)
        if parent > 0:
            turned[bone] = parent
        if name.endswith("wrist"):
            below[bone] = [f"{name[0]}wrist"]
            asf += describe_bone(50 + joint, f"{name[0]}wrist", np.array([0.1 * INCHES, 0.0, 0.0]), False)
    asf += [":hierarchy", "  begin", *(f"    {above} {' '.join(bones)}" for above, bones in below.items()), "  end"]
    path.with_suffix(".asf").write_text("\n".join(asf) + "\n")
    angles = Rotation.from_quat(local[..., [1, 2, 3, 0]].reshape(-1, 4)).as_euler("xyz", degrees=True)
    angles = angles.reshape(len(local), -1, 3)
    amc = [":FULLY-SPECIFIED", ":DEGREES"]
    for t, places in enumerate(found.positions[:, 0] * INCHES):
        amc += [str(t + 1), "root " + " ".join(f"{x:.6f}" for x in (*places, *angles[t, 0]))]
        amc += [f"{bone} " + " ".join(f"{x:.6f}" for x in angles[t, joint]) for bone, joint in turned.items()]
    path.write_text("\n".join(amc) + "\n")


def name_bone(joint: int) -> str:
    """Name of the bone that ends at one of SMPL's joints."""
    name, parent = JOINTS[joint]
    if name.endswith("hip"):
        return f"{name[0]}hipjoint"
    return f"{name[0]}shoulderjoint" if name.endswith("collar") else BONES[JOINTS[parent][0]]


def describe_bone(number: int, name: str, way: np.ndarray, turns: bool) -> list[str]:
    """Lines of an `.asf` for a bone that goes a way (3,) from where it begins."""
    length = float(np.linalg.norm(way))
    direction = " ".join(f"{x:.6f}" for x in way / length)
    lines = ["  begin", f"    id {number}", f"    name {name}", f"    direction {direction}"]
    return [*lines, f"    length {length:.6f}", "    axis 0 0 0 XYZ", *["    dof rx ry rz"] * turns, "  end"]


READ_ONLY: dict[str, Callable[[ReferenceMotion, Character, Path], None]] = {
    "npy": write_places,
    "smpl.npz": write_smpl,
    "qpos.npz": write_qpos,
    "amc": write_acclaim,
} | ({"c3d": write_c3d} if find_spec("ezc3d") else {})
"""Ending of a file -> what writes it; C3D where ezc3d is installed."""
OF_SMPL = ("npy", "smpl.npz", "amc", "c3d")
"""Those that have our humanoid's size, whatever that of the body was."""
