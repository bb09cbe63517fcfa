"""Motions as AMASS has them: SMPL's joint angles and the path of the pelvis."""

from pathlib import Path

import mujoco
import numpy as np

from pose.files import replace_file
from reconstruct.characters.character import Character, load_character
from reconstruct.formats.joint_positions import shortest_rotation
from reconstruct.formats.smpl import JOINTS, rest_positions
from reconstruct.motion import ReferenceMotion
from reconstruct.retargeting.retargeting import retarget, same_joints
from reconstruct.rotations import from_matrix, to_rotvec

BODIES = {
    "pelvis": "pelvis", "spine3": "chest", "neck": "head", "head": "head",
    **{f"{side}_{joint}": body.format(side)
       for side in ("left", "right")
       for joint, body in (("hip", "{}_thigh"), ("knee", "{}_shin"), ("ankle", "{}_foot"), ("foot", "{}_foot"),
                           ("collar", "chest"), ("shoulder", "{}_upper_arm"), ("elbow", "{}_forearm"),
                           ("wrist", "{}_forearm"))},
}  # fmt: skip
"""SMPL's joint -> the body of our humanoid that turns with it; those between follow from the neck's place."""
SMPL_FROM_WORLD = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
"""Our x forward, y left, z up -> SMPL's x left, y up, z forward."""
LIMB_ENDS = {
    "hip": ("hip", "knee"), "knee": ("knee", "ankle"), "shoulder": ("shoulder", "elbow"), "elbow": ("elbow", "wrist"),
    "wrist": ("elbow", "wrist"),
}  # fmt: skip
"""SMPL's joint -> ends of the bone that turns with it."""
HAND_ANGLES = 90
"""Angles of SMPL-H's hands, which AMASS has after the body's; ours are 0."""


def write_amass(motion: ReferenceMotion, character: Character, path: Path) -> None:
    """Writes a motion as an AMASS-like `.npz`: `poses` (T, 156), `trans` (T, 3) [m], z up, `mocap_framerate`.

    `trans` is the place of the pelvis; SMPL's own root lies 0.2 m from its body model's origin. A body that is not of
    our humanoid's joints is retargeted to it first, for the angles are SMPL's, not the body's.

    Args:
      motion: of this character.
      character: whose motion it is.
      path: file to write; replaced whole or not at all.
    """
    humanoid = load_character("humanoid")
    if not same_joints(character, humanoid):
        motion, character = retarget(motion, character, humanoid).motion, humanoid
    turned, pelvis = smpl_rotations(character.model, humanoid.model, motion.qpos)
    local = turned.copy()
    for joint, (_, parent) in enumerate(JOINTS):
        if parent >= 0:
            local[:, joint] = np.swapaxes(turned[:, parent], -1, -2) @ turned[:, joint]
    angles = to_rotvec(from_matrix(local)).reshape(len(motion), -1)
    arrays = {
        "poses": np.concatenate([angles, np.zeros((len(motion), HAND_ANGLES))], axis=1),
        "trans": pelvis,
        "betas": np.zeros(16),
        "gender": np.array("neutral"),
        "mocap_framerate": np.array(motion.fps),
    }
    with replace_file(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **arrays)


def smpl_rotations(model: mujoco.MjModel, upright: mujoco.MjModel, qpos: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotations of SMPL's joints from its T-pose to the world (T, 22, 3, 3), and places of the pelvis [m] (T, 3).

    A body of another size than our humanoid's has its path scaled to that: SMPL's mean shape goes with the angles.

    Args:
      model: of the body that has the motion.
      upright: our humanoid, whose bones SMPL's joints are put on.
      qpos: the motion, (T, nq).
    """
    rest = dict(zip((name for name, _ in JOINTS), rest_positions(), strict=True))
    still = mujoco.MjData(upright)
    still.qpos[:] = upright.qpos0
    mujoco.mj_forward(upright, still)
    data, turned = mujoco.MjData(model), np.zeros((len(qpos), len(JOINTS), 3, 3))
    lead = {name: lead_from_rest(name, rest, still) for name, _ in JOINTS}
    pelvis, necks = np.zeros((len(qpos), 3)), np.zeros((len(qpos), 3))
    for t, pose in enumerate(qpos):
        data.qpos[:] = pose
        mujoco.mj_kinematics(model, data)
        pelvis[t], necks[t] = data.body("pelvis").xpos, data.body("head").xpos
        for joint, (name, _) in enumerate(JOINTS):
            if name in BODIES:
                body = data.body(BODIES[name]).xmat.reshape(3, 3)
                at_rest = still.body(BODIES[name]).xmat.reshape(3, 3)
                turned[t, joint] = body @ at_rest.T @ lead[name] @ SMPL_FROM_WORLD.T
    scale = np.linalg.norm(model.body("head").pos) / max(float(np.linalg.norm(upright.body("head").pos)), 1e-9)
    pelvis, necks = pelvis / scale, necks / scale
    names = [name for name, _ in JOINTS]
    first, second = bend_spine(turned[:, 0], turned[:, names.index("spine3")], necks - pelvis, rest)
    turned[:, names.index("spine1")], turned[:, names.index("spine2")] = first, second
    return turned, pelvis


def bend_spine(
    pelvis: np.ndarray, chest: np.ndarray, neck: np.ndarray, rest: dict[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Rotations of SMPL's two lower joints of the spine that put the neck where it is, (T, 3, 3) each.

    The bones from the first joint to the third make a triangle with the way between these, which pelvis, chest and neck
    give; it bends out to the side that the pelvis's own axis is on.

    Args:
      pelvis: rotations of the pelvis from rest, (T, 3, 3).
      chest: rotations of the third joint, (T, 3, 3).
      neck: from the pelvis [m], (T, 3).
      rest: places of SMPL's joints at rest, by name.
    """
    way = neck - pelvis @ rest["spine1"] - chest @ (rest["neck"] - rest["spine3"])
    lower, upper = rest["spine2"] - rest["spine1"], rest["spine3"] - rest["spine2"]
    a, b = np.linalg.norm(lower), np.linalg.norm(upper)
    distance = np.clip(np.linalg.norm(way, axis=1), abs(a - b) + 1e-6, a + b)
    along = way / np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-9)
    cos = np.clip((a**2 + distance**2 - b**2) / (2.0 * a * distance), -1.0, 1.0)[:, None]
    out = pelvis @ lower
    out -= np.sum(out * along, axis=1, keepdims=True) * along
    out /= np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)
    bone = a * (cos * along + np.sqrt(1.0 - cos**2) * out)
    first = shortest_rotation(pelvis @ lower, bone) @ pelvis
    return first, shortest_rotation(first @ upper, distance[:, None] * along - bone) @ first


def lead_from_rest(name: str, rest: dict[str, np.ndarray], still: mujoco.MjData) -> np.ndarray:
    """The rotation of a bone from SMPL's rest, arms out, to ours, where they hang, in our axes (3, 3).

    Args:
      name: of SMPL's joint at which the bone begins; identity for all but arms and legs.
      rest: places of SMPL's joints at rest, by name.
      still: our humanoid at rest.
    """
    side, _, joint = name.partition("_")
    if joint not in LIMB_ENDS:
        return np.eye(3)
    upper, lower = LIMB_ENDS[joint]
    before = SMPL_FROM_WORLD.T @ (rest[f"{side}_{lower}"] - rest[f"{side}_{upper}"])
    after = still.site(f"{side}_{lower}").xpos - still.site(f"{side}_{upper}").xpos
    return shortest_rotation(before[None], after[None])[0]
