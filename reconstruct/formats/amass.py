"""AMASS: motion capture as SMPL joint angles (Mahmood et al. 2019), read without the body model.

Angles are SMPL's; the bones that they turn are our humanoid's, in the T-pose that SMPL's angles count from. So what is
approximated are the subject's proportions (`betas`, which only the licensed model turns into bones) and a few degrees
by which SMPL's rest differs from a straight T-pose. Hands' and faces' angles are left out.
"""

import zipfile
from pathlib import Path

import numpy as np

from pose.errors import InputError
from reconstruct.characters.character import load_character
from reconstruct.formats.skeleton import SkeletonMotion, pose_skeleton
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.rotations import from_rotvec

JOINTS = (
    ("pelvis", -1), ("left_hip", 0), ("right_hip", 0), ("spine1", 0), ("left_knee", 1), ("right_knee", 2),
    ("spine2", 3), ("left_ankle", 4), ("right_ankle", 5), ("spine3", 6), ("left_foot", 7), ("right_foot", 8),
    ("neck", 9), ("left_collar", 9), ("right_collar", 9), ("head", 12), ("left_shoulder", 13), ("right_shoulder", 14),
    ("left_elbow", 16), ("right_elbow", 17), ("left_wrist", 18), ("right_wrist", 19),
)  # fmt: skip
"""SMPL's body joints and their parents, in its order; the same for SMPL-H and SMPL-X."""
RATES = ("mocap_framerate", "mocap_frame_rate")
SPINE = {"spine1": 0.22, "spine2": 0.47, "spine3": 0.58}
"""Joints of SMPL's spine: how far up they are from pelvis to neck, roughly."""
BALL = 0.72
"""Place of SMPL's foot joint on the way from the ankle to the tip of the toes, roughly."""


def is_amass(path: Path) -> bool:
    """Whether an `.npz` holds SMPL poses."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {"poses", "trans"} <= set(archive.files)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return False


def read_amass(path: Path) -> SkeletonMotion:
    """An AMASS-like `.npz`: `poses` (T, 66 or more) rotation vectors, `trans` (T, 3) [m], z up, and a frame rate.

    Raises:
      InputError: one of them is missing, damaged or of another shape.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            rate = next((name for name in RATES if name in archive.files), None)
            if rate is None:
                raise InputError(f"{path}: no frame rate; AMASS files have one of {', '.join(RATES)}")
            poses, trans, fps = (np.asarray(archive[name], dtype=np.float64) for name in ("poses", "trans", rate))
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: damaged ({error}); expected an AMASS archive") from error
    frames, count = len(trans), 3 * len(JOINTS)
    if poses.ndim != 2 or poses.shape[1] < count or len(poses) != frames or trans.shape != (frames, 3) or frames < 2:
        raise InputError(
            f"{path}: poses {poses.shape}, trans {trans.shape}; expected (T, {count} or more) and (T, 3), T at least 2"
        )
    if not (np.isfinite(poses).all() and np.isfinite(trans).all() and fps > 0):
        raise InputError(f"{path}: holds NaN or infinity, or a frame rate that is not positive")
    rest = rest_positions()
    parents = tuple(parent for _, parent in JOINTS)
    offsets = rest - np.where(np.array(parents)[:, None] < 0, 0.0, rest[list(parents)])
    local = from_rotvec(poses[:, :count].reshape(frames, len(JOINTS), 3))
    return pose_skeleton(tuple(name for name, _ in JOINTS), parents, offsets, local, trans, float(fps))


def rest_positions() -> np.ndarray:
    """Our humanoid's joints in a T-pose, in SMPL's axes (x left, y up, z forward) [m], (22, 3)."""
    character = load_character("humanoid")
    model, rest = character.model, np.array(character.model.qpos0)[None]
    names = tuple(character.landmarks)
    sites = BodyPoints.of_sites(model, tuple(character.landmarks.values()))
    at = dict(zip(names, point_positions(model, rest, sites)[0], strict=True))
    at |= {name: _body(model, rest, name) for name in ("pelvis", "head")}
    neck = at["head"].copy()
    place = {"pelvis": at["pelvis"], "neck": neck, "head": 0.5 * (at["left_ear"] + at["right_ear"])}
    place |= {name: at["pelvis"] + share * (neck - at["pelvis"]) for name, share in SPINE.items()}
    for side, left in (("left", 1.0), ("right", -1.0)):
        hip, knee, ankle, shoulder = (at[f"{side}_{joint}"] for joint in ("hip", "knee", "ankle", "shoulder"))
        place |= {f"{side}_hip": hip, f"{side}_knee": knee, f"{side}_ankle": ankle, f"{side}_shoulder": shoulder}
        place[f"{side}_foot"] = ankle + BALL * (at[f"{side}_foot_index"] - ankle)
        place[f"{side}_collar"] = 0.6 * place["spine3"] + 0.2 * neck + 0.2 * shoulder
        out = np.array([0.0, left, 0.0])
        upper, lower = (
            float(np.linalg.norm(at[f"{side}_{a}"] - at[f"{side}_{b}"]))
            for a, b in (("shoulder", "elbow"), ("elbow", "wrist"))
        )
        place[f"{side}_elbow"] = shoulder + upper * out
        place[f"{side}_wrist"] = place[f"{side}_elbow"] + lower * out
    ours = np.array([place[name] for name, _ in JOINTS]) - at["pelvis"]
    return ours[:, [1, 2, 0]]


def _body(model, rest: np.ndarray, name: str) -> np.ndarray:
    origin = BodyPoints(np.array([model.body(name).id]), np.zeros((1, 3)), np.zeros(1))
    return point_positions(model, rest, origin)[0, 0]
