"""The 3D landmarks of a clip from the lifter: the character's bones in the directions of the picture, as deep as it has
them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pose.keypoints import Keypoints
from reconstruct.lifting.depth_density import DepthDensity
from reconstruct.lifting.detector_habits import correct_depth_bias
from reconstruct.lifting.lifter import Lifter
from reconstruct.lifting.lifter_input import BONES, LANDMARKS, bone_depth, look_straight, measure_metre
from reconstruct.lifting.open_limbs import find_open_limbs
from reconstruct.lifting.person_ray import turn_from_ray

FEWEST_SEEN = 0.3
"""Least share of frames in which every landmark must be seen for the lifter to be asked."""
STRANGE = 0.25
"""Standard deviation of the lifter's depth that it does not know of, in motions like none of its data."""
HEARD, WAVERS = 0.1, 1.6
"""Standard deviation of the detector's depth for a bone of its usual length, and how much it grows as the bone is seen
shorter."""
# On synthetic films, bones of .6, .8, .9 of their usual length are off in depth by .65, .43, .28 of it.
Bone = tuple[str, str]
MIDDLE = (("hip", None), ("shoulder", "hip"), ("ear", "shoulder"))
"""Pairs left and right, each about the middle of the pair before."""
LIMBS = (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"), ("ankle", "foot_index"))


@dataclass(frozen=True)
class Lifted:
    """What the lifter says of a clip."""

    xyz: np.ndarray
    """Landmarks about the hips, axes of the ray through the person [m], (T, J, 3), in the keypoints' order."""
    vectors: dict[Bone, np.ndarray]
    """Each bone with the character's length, same axes [m], (T, 3)."""
    sigma: dict[Bone, np.ndarray]
    """Standard deviation of its depth, as a share of its length, (T,)."""
    plane_px: np.ndarray
    """The lifter's landmarks relative to the principal point, with gaps filled [px], (T, J, 2); their mean is the
    middle of the person that the ray leads through."""
    open_limbs: tuple[str, ...]
    """Which limbs may be in front or behind, and when."""

    def rotate(self, vectors: np.ndarray, focal_px: np.ndarray) -> np.ndarray:
        """Vectors from axes of the ray to the camera's own, (T, N, 3)."""
        turn = turn_from_ray(self.plane_px, np.ones(self.plane_px.shape[:2]), focal_px)
        return np.einsum("tij,tkj->tki", turn, vectors)


@dataclass(frozen=True)
class Asked:
    """What the lifter read and answered."""

    xy: np.ndarray
    """Its landmarks by `look_straight`, (T, J, 2)."""
    xyz: np.ndarray
    """The pose network's 3D of them, with gaps filled [m], (T, J, 3)."""
    plane_px: np.ndarray
    """Relative to the principal point, with gaps filled [px], (T, J, 2)."""
    density: DepthDensity
    """Of `BONES`."""


def ask_lifter(keypoints: Keypoints, lifter: Lifter, focal_px: np.ndarray) -> Asked | None:
    """The lifter's answer for every frame; None where the keypoints lack what it reads.

    Args:
      keypoints: of one person.
      lifter: the network.
      focal_px: of each frame [px], (T,).
    """
    if not set(LANDMARKS) <= set(keypoints.names):
        return None
    columns = [keypoints.names.index(name) for name in LANDMARKS]
    confidence = keypoints.confidence[:, columns]
    if (confidence > 0).mean(axis=0).min() < FEWEST_SEEN or not np.any(keypoints.xyz):
        return None
    plane = fill(keypoints.xy[:, columns], confidence) - 0.5 * np.array(keypoints.image_size)
    xyz = fill(keypoints.xyz[:, columns], confidence)
    xy = look_straight(plane, np.ones(confidence.shape), focal_px)
    return Asked(xy, xyz, plane, lifter.lift(xy, confidence, xyz, keypoints.fps))


def lift_landmarks(
    keypoints: Keypoints, lifter: Lifter, lengths: Mapping[Bone, float], focal_px: np.ndarray
) -> Lifted | None:
    """Landmarks and bones in 3D; None where the keypoints lack what the lifter reads.

    Args:
      keypoints: of one person.
      lifter: the network.
      lengths: of each of `BONES` on the character [m].
      focal_px: of each frame [px], (T,).
    """
    asked = ask_lifter(keypoints, lifter, focal_px) if set(BONES) <= set(lengths) else None
    if asked is None:
        return None
    detected = bone_depth(correct_depth_bias(asked.xyz, LANDMARKS))
    depth, sigma = fuse(asked.density, detected, measure_shortness(asked.xyz, keypoints.seen))
    vectors = point_bones(asked.xy, depth, lengths)
    whole = fill(keypoints.xyz, keypoints.confidence)
    sigmas = {bone: sigma[:, index] for index, bone in enumerate(BONES)}
    doubt = find_open_limbs(asked.density, keypoints.seen, keypoints.video_fps, keypoints.start)
    return Lifted(chain_landmarks(vectors, whole, keypoints.names), vectors, sigmas, asked.plane_px, doubt)


def measure_shortness(xyz: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """By how much the detector's bones are shorter than they usually are, as a share, 0 to 1, (T, B).

    A detector that wavers between two depths gives their mean, and the bone comes out short.
    """
    starts, ends = ([LANDMARKS.index(bone[k]) for bone in BONES] for k in (0, 1))
    length = np.linalg.norm(xyz[:, ends] - xyz[:, starts], axis=-1)
    usual = np.maximum(np.percentile(length[seen], 85, axis=0), 1e-6)
    return 1.0 - np.minimum(length / usual, 1.0)


def fuse(density: DepthDensity, detected: np.ndarray, short: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Depth of bones from the lifter and from the detector together, and its standard deviation, (T, B) each.

    The lifter has heard the detector; but it was trained on motions, and where a motion is like none of them, the mean
    of both is nearer to the truth than either. So each has a part of its variance that no training takes away.

    Args:
      density: the lifter's.
      detected: the detector's depth without its habits, (T, B).
      short: by how much its bones are too short, (T, B).
    """
    of_lifter, of_detector = 1.0 / (density.spread**2 + STRANGE**2), 1.0 / (HEARD + WAVERS * short) ** 2
    total = of_lifter + of_detector
    return (of_lifter * density.expected + of_detector * detected) / total, 1.0 / np.sqrt(total)


def point_bones(xy: np.ndarray, depth: np.ndarray, lengths: Mapping[Bone, float]) -> dict[Bone, np.ndarray]:
    """Bones of given lengths that lie in the picture as their ends do and are as deep as given.

    Args:
      xy: landmarks by `look_straight`, (T, J, 2).
      depth: of `BONES`, (T, B).
      lengths: of each [m].
    """
    distance = (1.0 / measure_metre(xy))[:, None]
    vectors = {}
    for index, (start, end) in enumerate(BONES):
        length, s = lengths[start, end], np.clip(depth[:, index, None], -1.0, 1.0)
        a, b = xy[:, LANDMARKS.index(start)], xy[:, LANDMARKS.index(end)]
        across = distance * (b - a) + s * length * b  # a bone that leads away also leads towards the vanishing point
        across *= length * np.sqrt(1.0 - s**2) / np.maximum(np.linalg.norm(across, axis=-1, keepdims=True), 1e-9)
        vectors[start, end] = np.concatenate([across, s * length], axis=-1)
    return vectors


def chain_landmarks(vectors: Mapping[Bone, np.ndarray], xyz: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Landmarks about the middle of the hips from bones, (T, J, 3).

    Landmarks without a bone (eyes, fingers) keep their place about a neighbour that has one.

    Args:
      vectors: bones, (T, 3) each.
      xyz: the pose network's landmarks, (T, J, 3).
      names: of those.
    """
    at: dict[str, np.ndarray] = {}
    middle = np.zeros((len(xyz), 3))
    for part, below in MIDDLE:
        if below is not None:
            middle = np.mean(
                [at[f"{s}_{below}"] + vectors[f"{s}_{below}", f"{s}_{part}"] for s in ("left", "right")], 0
            )
        across = 0.5 * vectors[f"right_{part}", f"left_{part}"]
        at[f"left_{part}"], at[f"right_{part}"] = middle + across, middle - across
    at["nose"] = np.mean([at[f"{s}_ear"] + vectors[f"{s}_ear", "nose"] for s in ("left", "right")], axis=0)
    for side in ("left", "right"):
        for start, end in LIMBS:
            at[f"{side}_{end}"] = at[f"{side}_{start}"] + vectors[f"{side}_{start}", f"{side}_{end}"]
        toe = at[f"{side}_foot_index"]
        at[f"{side}_heel"] = toe - vectors[f"{side}_heel", f"{side}_foot_index"]
    out = np.empty_like(xyz)
    for column, name in enumerate(names):
        side = name.split("_")[0]
        near = f"{side}_wrist" if name.endswith(("index", "pinky", "thumb")) and "foot" not in name else "nose"
        out[:, column] = at[name] if name in at else at[near] + xyz[:, column] - xyz[:, names.index(near)]
    return out


def fill(values: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """What was not seen, interpolated over time from where it was, (T, J, ...)."""
    out, frames = values.copy(), np.arange(len(values))
    for column in range(values.shape[1]):
        seen = confidence[:, column] > 0
        if seen.all() or not seen.any():
            continue
        for axis in range(values.shape[2]):
            out[:, column, axis] = np.interp(frames, frames[seen], values[seen, column, axis])
    return out
