"""SMPL's joint angles under the names in use: AMASS (Mahmood et al. 2019), GVHMR, WHAM, AIST++; without the body model.

Angles are SMPL's; the bones that they turn are our humanoid's, with the directions that SMPL's mean body has at rest.
So what is approximated are the subject's proportions (`betas`, which only the licensed model turns into bones), which
turn these directions by a degree or two. Hands' and faces' angles are left out.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from pose.errors import InputError
from reconstruct.characters.character import load_character
from reconstruct.formats.gaps import fill_numbers
from reconstruct.formats.options import Finding
from reconstruct.formats.rate import take_rate
from reconstruct.formats.skeleton_motion import SkeletonMotion, pose_skeleton
from reconstruct.formats.smpl_rotations import read_rotations
from reconstruct.formats.speed import FASTEST
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.rotations import angle_between, rotate

JOINTS = (
    ("pelvis", -1), ("left_hip", 0), ("right_hip", 0), ("spine1", 0), ("left_knee", 1), ("right_knee", 2),
    ("spine2", 3), ("left_ankle", 4), ("right_ankle", 5), ("spine3", 6), ("left_foot", 7), ("right_foot", 8),
    ("neck", 9), ("left_collar", 9), ("right_collar", 9), ("head", 12), ("left_shoulder", 13), ("right_shoulder", 14),
    ("left_elbow", 16), ("right_elbow", 17), ("left_wrist", 18), ("right_wrist", 19),
)  # fmt: skip
"""SMPL's body joints and their parents, in its order; the same for SMPL-H and SMPL-X."""
POSE_KEYS = (
    ("Rh", "poses"), ("poses",), ("root_orient", "pose_body"), ("global_orient", "body_pose"), ("fullpose",),
    ("full_pose",), ("pose_world",), ("smpl_poses",), ("smpl_pose",), ("pose",), ("pose_aa",), ("thetas",),
    ("root_pose", "body_pose"), ("pred_rotmat",),
)  # fmt: skip
"""Keys of the angles, the pelvis's first: EasyMocap, AMASS, its SMPL-X generation, SMPL-X's own and GVHMR's, WHAM's,
AIST++'s, others', TRAM's."""
AMASS_KEYS = (("poses",), ("root_orient", "pose_body"))
"""Keys of the angles in AMASS's two generations; which one it is, the names of its rate say."""
PATH_KEYS = (
    "trans", "transl", "trans_world", "smpl_trans", "translation", "root_trans", "root_translation", "Th",
    "root_trans_offset", "trans_orig", "pred_trans", "pred_cam_t",
)  # fmt: skip
"""Keys of the path: AMASS, GVHMR, WHAM, AIST++, others', EasyMocap, PHC, TRAM, 4DHumans."""
PELVIS_KEYS = ("root_trans_offset", "root_translation")
"""Keys of a path of the pelvis itself; others are of the model's origin, from which the pelvis is `PELVIS`."""
CAMERA_KEYS = ("pred_cam_t", "pred_cam", "pred_rotmat")
"""Keys of files in a camera's frame, y down."""
PHC_KEYS = ("root_trans_offset", "trans_orig")
IN_WORLD = ("_world", "_global")
"""Endings of keys of what is in the world's axes, beside the same in a camera's."""
RATES = ("mocap_framerate", "mocap_frame_rate")
OTHER_RATES = ("fps", "frame_rate", "framerate", "frameRate", "mocap_fps")
RATE = 30.0
"""Frames a second where a file says none."""
IDENTITY = np.array([[1.0, 0.0, 0.0, 0.0]])
SPINE = {"spine1": 0.22, "spine2": 0.47, "spine3": 0.58}
"""Joints of SMPL's spine: how far up they are from pelvis to neck, roughly."""
PELVIS = (-0.002, -0.223, 0.028)
"""Of SMPL's mean body at rest, from the model's origin [m]; EasyMocap turns the body about that origin."""
LIMBS = {
    ("hip", "knee"): (0.111, -0.994, 0.004), ("knee", "ankle"): (-0.040, -0.996, -0.085),
    ("shoulder", "elbow"): (0.993, -0.058, -0.104), ("elbow", "wrist"): (0.999, 0.037, -0.024),
}  # fmt: skip
"""Directions of the left limbs of SMPL's mean body at rest (Loper et al. 2015): outwards, up, ahead. Thighs are 6
degrees apart from upright, shins 5, upper arms 7 from level: all angles count from there."""
BALL = 0.72
"""Place of SMPL's foot joint on the way from the ankle to the tip of the toes, roughly."""


def find_smpl_keys(names: Mapping[str, object] | set[str]) -> tuple[str, ...] | None:
    """The keys of the angles among those of an archive; None if it holds no SMPL angles."""
    return next((keys for keys in POSE_KEYS if set(keys) <= set(names)), None)


def read_smpl(arrays: Mapping[str, np.ndarray], path: Path, given: float | None = None) -> SkeletonMotion:
    """SMPL angles as rotation vectors, matrices or quaternions, the path of the pelvis [m], and a frame rate.

    AMASS defines z as up; files under other keys define nothing.

    Args:
      arrays: of the archive, by key; `poses` (T, 66 or more) or (T, 22 or more, 3), `trans` (T, 3), or their like.
      path: of the file, for messages.
      given: frames a second, as the user has it; default: what the file says.

    Raises:
      InputError: an array is missing or of another shape.
    """
    keys = find_smpl_keys(set(arrays))
    if keys is None:
        raise InputError(f"{path}: no SMPL angles; keys are {', '.join(arrays)}")
    check_people([*keys, *PATH_KEYS], arrays, path)
    parts, doubts = read_rotations(arrays, keys, path)
    if keys[0] == "Rh" and angle_between(parts[1][:, 0], IDENTITY).max() < 1e-6:
        parts[1] = parts[1][:, 1:]  # the root's own angles, which are Rh's
    if len({len(part) for part in parts}) > 1:
        shapes = ", ".join(f"{key} {arrays[key].shape}" for key in keys)
        raise InputError(f"{path}: {shapes}; expected as many frames in each")
    local = np.concatenate(parts, axis=1)
    if local.shape[1] < len(JOINTS) or len(local) < 2:
        shapes = ", ".join(f"{key} {arrays[key].shape}" for key in keys)
        raise InputError(f"{path}: {shapes}; expected angles of {len(JOINTS)} joints or more in at least 2 frames")
    local = local[:, : len(JOINTS)]
    trans, is_model, findings = _read_path(arrays, len(local), path)
    fps, rate = _read_rate(arrays, len(local), path) if given is None else (given, [])
    mended, unit = mend_path_unit(trans, fps)
    is_amass = keys in AMASS_KEYS and any(name in arrays for name in RATES)
    if keys[0] == "Rh":
        mended = mended + rotate(local[:, 0], np.array([PELVIS]))
    elif is_model and not is_amass:  # where z is up this is a shift along the ground
        mended = mended + np.array(PELVIS)
    maker = "AMASS" if is_amass else "SMPL"
    said = Finding("format", f"{maker}, on our humanoid's proportions instead of the subject's")
    rest = rest_positions()
    parents = tuple(parent for _, parent in JOINTS)
    offsets = rest - np.where(np.array(parents)[:, None] < 0, 0.0, rest[list(parents)])
    motion = pose_skeleton(tuple(name for name, _ in JOINTS), parents, offsets, local, mended, fps)
    return replace(
        motion,
        up=np.array([0.0, 0.0, 1.0]) if is_amass else None,
        usual_up=find_usual_up(arrays),
        rest_is_upright=False,
        metres=1.0,
        ends_at_ball=True,
        findings=(said, *doubts, *findings, *rate, *unit),
    )


def check_people(keys: Sequence[str], arrays: Mapping[str, np.ndarray], path: Path) -> None:
    """Raises `InputError` for several people, (B, T, ...) or (T, B, ...) under two or more of an archive's keys."""
    shapes = [arrays[key].shape[:2] for key in keys if key in arrays and arrays[key].ndim >= 3]
    several = [shape for shape in shapes if min(shape) > 1 and shapes.count(shape) > 1]
    path_shapes = [arrays[key].shape for key in PATH_KEYS if key in arrays]
    if several and any(len(shape) == 3 and shape[:2] == several[0] for shape in path_shapes):
        people, frames = sorted(several[0])  # there are more frames, whichever come first
        first = "[0]" if several[0] == (people, frames) else "[:, 0]"
        line = f"import numpy as np; d = np.load('{path.name}'); np.savez('one.npz', **{{k: d[k]{first} if "
        line += f"d[k].shape[:2] == {several[0]} else d[k] for k in d}})"
        raise InputError(f'{path}: {people} people or motions of {frames} frames; save one: python -c "{line}"')


def find_usual_up(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """The axis that is up by the custom of a file's keys, (3,): y, in a camera's frame -y, of PHC's z."""
    if any(key in arrays for key in PHC_KEYS):
        return np.array([0.0, 0.0, 1.0])
    return np.array([0.0, -1.0 if any(key in arrays for key in CAMERA_KEYS) else 1.0, 0.0])


def _read_path(arrays: Mapping[str, np.ndarray], frames: int, path: Path) -> tuple[np.ndarray, bool, list[Finding]]:
    """The path (T, 3), whether it is of the model's origin rather than of the pelvis, and what is doubtful."""
    key = next((name for name in PATH_KEYS if name in arrays), None)
    if key is None:
        text = f"no path of the pelvis ({', '.join(PATH_KEYS[:3])}): it stays in its place"
        return np.zeros((frames, 3)), False, [Finding("format", text, doubtful=True)]
    trans = np.asarray(arrays[key], dtype=np.float64)
    trans = trans.reshape(-1, trans.shape[-1]) if trans.ndim == 3 and 1 in trans.shape[:2] else trans
    trans = trans.T if trans.shape == (3, frames) and frames != 3 else trans
    if trans.shape != (frames, 3):
        raise InputError(f"{path}: {key} {trans.shape}; expected ({frames}, 3), a place for each frame")
    trans, gaps = fill_numbers(trans, key, path)
    if "smpl_scaling" in arrays:  # AIST++
        trans = trans / float(np.ravel(arrays["smpl_scaling"])[0])
    return trans, key not in PELVIS_KEYS, gaps


def _read_rate(arrays: Mapping[str, np.ndarray], frames: int, path: Path) -> tuple[float, list[Finding]]:
    fps, findings = take_rate(arrays, frames, path, (*RATES, *OTHER_RATES))
    if fps is not None:
        return fps, findings
    text = f"no frame rate in the file: {RATE:g} a second are taken; --fps overrules"
    return RATE, [Finding("rate", text, doubtful=True)]


def mend_path_unit(trans: np.ndarray, fps: float) -> tuple[np.ndarray, list[Finding]]:
    """The path in metres, where its speed or its height over the ground cannot be: angles have no unit to compare with.

    Args:
      trans: path of the pelvis, (T, 3).
      fps: frames a second.
    """
    speed = np.linalg.norm(np.diff(trans, axis=0), axis=1) * fps
    usual = float(np.percentile(speed, 75))
    height = float(np.abs(np.median(trans, axis=0)).max())
    for name, length in (("centimetres", 0.01), ("millimetres", 0.001)):
        too_fast = usual > FASTEST and usual * length < FASTEST
        too_far = usual < FASTEST and height > 40.0 and 0.4 < height * length < 1.3 and usual > 1.0
        if too_fast or too_far:
            text = f"the path looks like {name} ({usual:.3g} a second): scaled to metres"
            return trans * length, [Finding("unit", text, doubtful=True)]
    return trans, []


def strip_prefixes(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays by the last part of names such as `smpl_params_global/body_pose`; of several groups the global one, and of
    SMPL's keys with and without such an ending (`trans_world`, `trans`) that with it, under either name."""
    groups = dict[str, dict[str, np.ndarray]]()
    for name, array in arrays.items():
        group, _, key = name.rpartition("/") if "/" in name else name.rpartition(".")
        groups.setdefault(group, {})[key] = array
    ordered = sorted(groups, key=lambda group: ("global" in group or "world" in group, not group))
    merged = dict[str, np.ndarray]()
    for group in ordered:
        merged |= groups[group]
    plain = {re.sub(r"\s", "", key): array for key, array in merged.items()}
    known = {key for keys in (*POSE_KEYS, PATH_KEYS) for key in keys}
    for ending in IN_WORLD:
        with_it = {key.removesuffix(ending): array for key, array in plain.items() if key.endswith(ending)}
        plain |= {key: array for key, array in with_it.items() if key in known}
    return plain


def rest_positions() -> np.ndarray:
    """Our humanoid's joints in the pose that SMPL's angles count from, in SMPL's axes (x left, y up, z forward) [m],
    (22, 3)."""
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
        place |= {f"{side}_{joint}": at[f"{side}_{joint}"] for joint in ("hip", "shoulder")}
        for (upper, lower), way in LIMBS.items():
            length = np.linalg.norm(at[f"{side}_{lower}"] - at[f"{side}_{upper}"])
            out, up, ahead = np.array(way) / np.linalg.norm(way) * length
            place[f"{side}_{lower}"] = place[f"{side}_{upper}"] + [ahead, left * out, up]
        foot = BALL * (at[f"{side}_foot_index"] - at[f"{side}_ankle"])
        place[f"{side}_foot"] = place[f"{side}_ankle"] + foot
        place[f"{side}_collar"] = 0.6 * place["spine3"] + 0.2 * neck + 0.2 * at[f"{side}_shoulder"]
    ours = np.array([place[name] for name, _ in JOINTS]) - at["pelvis"]
    return ours[:, [1, 2, 0]]


def _body(model, rest: np.ndarray, name: str) -> np.ndarray:
    origin = BodyPoints(np.array([model.body(name).id]), np.zeros((1, 3)), np.zeros(1))
    return point_positions(model, rest, origin)[0, 0]
