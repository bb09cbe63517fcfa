"""Keypoints made ready for the optimisation: the landmarks that the character has, their weights, its bones."""

from dataclasses import dataclass, replace

import numpy as np

from pose.camera_motion import CameraMotion
from pose.errors import InputError
from pose.keypoints import Keypoints
from reconstruct.carried_camera import CarriedCamera
from reconstruct.characters.character import Character
from reconstruct.kinematics import BodyPoints, point_positions

FEWEST_FRAMES = 6
"""Least number of frames of a clip."""
FEWEST_SEEN = 0.3
"""Least share of frames in which the person must be seen."""

FURTHEST_TURN = 65.0
"""Largest angle from the middle of a pan to either end [degrees]; beyond, one picture gets too wide."""

# Factor on the confidence of a landmark: faces and hands are small, and proportions differ.
TRUST = {
    "nose": 0.5,
    "left_eye": 0.3,
    "right_eye": 0.3,
    "left_ear": 0.4,
    "right_ear": 0.4,
    "left_index": 0.4,
    "right_index": 0.4,
    "left_heel": 0.7,
    "right_heel": 0.7,
    "left_foot_index": 0.8,
    "right_foot_index": 0.8,
}

# Where the detector sees a landmark, from where the model has it, in the axes of its body at rest (forward, outwards,
# up) [mm], for a body of `SEEN_HEIGHT`. Fitted to 27,000 detections of synthetic films with exact truth, from all
# sides, where the error in the image falls by a third and more (ankles 24 to 11 mm, heels 46 to 16, toes 44 to 18):
# heels and toes are seen within the foot, not on its sole. For the other joints nothing was gained.
SEEN_HEIGHT = 1.75
SEEN_AT = {
    "nose": (0, 0, 11),
    "eye": (-6, -5, 9),
    "ear": (27, -23, 13),
    "index": (-12, 11, 29),
    "ankle": (11, 4, 22),
    "heel": (26, -8, 40),
    "foot_index": (-37, -8, 25),
}

FEET_AWAY = 0.2
"""How much too far away ankles are detected relative to knees, as a share of the shin's length."""
# The median is .12 to .38 over views.
STOOP = (2.5, 10.0)
"""How far the detector bends the trunk forward [degrees], seen from the side and from the front or back."""
# Measured: 2.5 from the side, 7 to 15 from the front or back.

SHORT = 4
"""Power by which a bone's weight falls with its detected length: a detector that wavers between two depths gives their
mean, and the bone comes out short."""
# On synthetic films, bones of .6, .8, .9 of their usual length are off in depth by .65, .43, .28 of it.

# Bones whose vectors in 3D are compared, from the landmark nearer to the trunk.
BONES = (
    ("right_hip", "left_hip"),
    ("right_shoulder", "left_shoulder"),
    ("left_hip", "left_shoulder"),
    ("right_hip", "right_shoulder"),
    ("right_ear", "left_ear"),
    ("left_shoulder", "left_ear"),
    ("right_shoulder", "right_ear"),
    ("left_ear", "nose"),
    ("right_ear", "nose"),
    ("left_shoulder", "left_elbow"),
    ("right_shoulder", "right_elbow"),
    ("left_elbow", "left_wrist"),
    ("right_elbow", "right_wrist"),
    ("left_hip", "left_knee"),
    ("right_hip", "right_knee"),
    ("left_knee", "left_ankle"),
    ("right_knee", "right_ankle"),
    ("left_ankle", "left_foot_index"),
    ("right_ankle", "right_foot_index"),
    ("left_heel", "left_foot_index"),
    ("right_heel", "right_foot_index"),
)


@dataclass(frozen=True)
class Observations:
    """What the solver compares the body with; J landmarks and B bones of this character."""

    points: BodyPoints
    """The landmarks on the body, (J,)."""
    names: tuple[str, ...]
    """Their names."""
    plane_px: np.ndarray
    """Detections relative to the principal point [px], in the picture of the reference frame's camera, (T, J, 2); of a
    camera that is carried along, in their own frame's picture, as if it did not zoom."""
    weight: np.ndarray
    """Confidence times `TRUST`, (T, J)."""
    xyz_c: np.ndarray
    """3D landmarks about the hips, axes of the reference frame's camera [m], (T, J, 3)."""
    bones: np.ndarray
    """Landmarks at the start and end of each bone, (B, 2)."""
    bone_vectors_c: np.ndarray
    """3D direction of each bone, camera axes, with the model's length [m], (T, B, 3)."""
    bone_weight: np.ndarray
    """(T, B)."""
    px_per_metre: np.ndarray
    """How large a metre at the person's distance is in the image, slowly varying (T,)."""
    detected: np.ndarray
    """Frames with a detection, bool (T,)."""
    reference: int = 0
    """The frame whose camera all frames are brought before, where the camera moves."""
    carried: CarriedCamera | None = None
    """The camera, if it is carried along; the reference is the first frame then."""

    def select(self, frames: slice) -> "Observations":
        """The observations of some of the frames."""
        of_frames = ("plane_px", "weight", "xyz_c", "bone_vectors_c", "bone_weight", "px_per_metre", "detected")
        carried = self.carried and self.carried.select(frames)
        return replace(self, carried=carried, **{name: getattr(self, name)[frames] for name in of_frames})

    def view_points(self, points_c: np.ndarray) -> np.ndarray:
        """Points from the reference camera's axes to those in which they were seen [m], (T, P, 3)."""
        return points_c if self.carried is None else self.carried.to_frame(points_c)


def observe(keypoints: Keypoints, character: Character, focal_px: float) -> Observations:
    """Selects, weighs and scales.

    Raises:
      InputError: too few frames, or the person is seen in too few of them.
    """
    frames, share = len(keypoints), float(keypoints.seen.mean())
    if frames < FEWEST_FRAMES:
        raise InputError(f"{frames} frames are too short a motion; give a clip of at least {FEWEST_FRAMES} frames")
    if share < FEWEST_SEEN:
        raise InputError(
            f"the person is seen in {share:.0%} of the frames; at least {FEWEST_SEEN:.0%} are needed: "
            "choose another START and END, or a clearer video"
        )
    names = tuple(name for name in keypoints.names if name in character.landmarks)
    needed = {name for side in ("left", "right") for name in (f"{side}_hip", f"{side}_shoulder", f"{side}_ankle")}
    if needed - set(names):
        raise InputError(f"the keypoints or character '{character.name}' lack {sorted(needed - set(names))[0]}")
    columns = [keypoints.names.index(name) for name in names]
    points = landmark_points(character, names)
    weight = keypoints.confidence[:, columns] * np.array([TRUST.get(name, 1.0) for name in names])
    plane = keypoints.xy[:, columns] - 0.5 * np.array(keypoints.image_size)
    motion, reference = keypoints.camera_motion, 0
    xyz = correct_depth_bias(keypoints.xyz[:, columns], names)
    if motion is None:
        xyz = rotate_to_camera(xyz, plane, weight, focal_px)
    elif motion.path is not None:
        xyz = rotate_to_camera(xyz, plane, weight, motion.focal_px * motion.zoom) @ motion.R
        plane = plane / motion.zoom[:, None, None]
    else:
        reference = find_middle_frame(motion)
        lens = motion.for_focal(focal_px / float(motion.zoom[reference]))
        xyz = rotate_to_camera(xyz, plane, weight, lens.focal_px * lens.zoom)
        xyz = xyz @ (lens.R @ lens.R[reference].T)
        plane = stabilise_points(plane, motion, reference)

    bones = np.array([(names.index(a), names.index(b)) for a, b in BONES if a in names and b in names])
    rest = point_positions(character.model, np.array(character.model.qpos0)[None], points)[0]
    length = np.linalg.norm(rest[bones[:, 1]] - rest[bones[:, 0]], axis=-1)
    vectors = xyz[:, bones[:, 1]] - xyz[:, bones[:, 0]]
    found = np.linalg.norm(vectors, axis=-1)
    vectors = vectors * (length / np.maximum(found, 1e-6))[..., None]
    usual = np.maximum(np.percentile(found[keypoints.seen], 85, axis=0), 1e-6)
    bone_weight = np.minimum(weight[:, bones[:, 0]], weight[:, bones[:, 1]]) * (found > 1e-3)
    bone_weight *= np.minimum(found / usual, 1.0) ** SHORT
    carried = None if motion is None or motion.path is None else CarriedCamera.of(motion, keypoints.fps)
    return Observations(
        points, names, plane, weight, xyz, bones, vectors, bone_weight,
        np.ones(frames), keypoints.seen, reference, carried,
    )  # fmt: skip


def landmark_points(character: Character, names: tuple[str, ...]) -> BodyPoints:
    """Where on the body the detector sees its landmarks: the character's sites, moved by `SEEN_AT`."""
    points = BodyPoints.of_sites(character.model, tuple(character.landmarks[name] for name in names))
    offset = np.zeros((len(names), 3))
    for row, name in enumerate(names):
        side, _, part = name.partition("_")
        mirror = np.array([1.0, -1.0 if side == "right" else 1.0, 1.0])
        moved = SEEN_AT.get(part if side in ("left", "right") else name, (0, 0, 0))
        offset[row] = mirror * np.array(moved) / 1000.0 * character.height / SEEN_HEIGHT
    return replace(points, local=points.local + offset)


def correct_depth_bias(xyz_c: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """The detector's 3D without its two habits: shins that lead away from the camera, and a trunk that stoops.

    Held against known truth (synthetic films and real motion capture, from all sides), it puts ankles too far away
    by `FEET_AWAY` of the shin's length and bends the trunk forward about the hips by `STOOP`: a little if the camera is
    beside the body, more if it is before or behind it. What hangs on a joint that moves goes along.

    Args:
      xyz_c: 3D landmarks, axes of the ray through the person [m], (T, J, 3).
      names: of the landmarks.
    """
    at = {name: index for index, name in enumerate(names)}
    fixed = xyz_c.copy()
    for side in ("left", "right"):
        if f"{side}_knee" in at:
            shin = np.linalg.norm(xyz_c[:, at[f"{side}_ankle"]] - xyz_c[:, at[f"{side}_knee"]], axis=-1)
            below = [at[name] for part in ("ankle", "heel", "foot_index") if (name := f"{side}_{part}") in at]
            fixed[:, below, 2] -= FEET_AWAY * shin[:, None]
    hips, shoulders = (xyz_c[:, [at[f"left_{part}"], at[f"right_{part}"]]] for part in ("hip", "shoulder"))
    up = shoulders.mean(axis=1) - hips.mean(axis=1)
    left = hips[:, 0] - hips[:, 1]
    forward = np.cross(left, up)
    length = np.linalg.norm(forward, axis=1, keepdims=True)
    facing = forward[:, 2] / np.maximum(length[:, 0], 1e-9)
    stoop = np.radians(STOOP[0] + (STOOP[1] - STOOP[0]) * facing**2)[:, None]
    back = np.sin(stoop) * np.linalg.norm(up, axis=1, keepdims=True) * forward / np.maximum(length, 1e-9)
    lower = {f"{side}_{part}" for side in ("left", "right") for part in ("hip", "knee", "ankle", "heel", "foot_index")}
    above = [index for name, index in at.items() if name not in lower]
    fixed[:, above] -= back[:, None]
    return fixed


def find_middle_frame(motion: CameraMotion) -> int:
    """The frame from whose line of sight the others are turned away least, at most.

    Raises:
      InputError: some frame looks so far aside that one picture cannot hold all.
    """
    along = (motion.R[:, 2] @ motion.R[:, 2].T).min(axis=1)
    reference = int(along.argmax())
    if along[reference] < np.cos(np.radians(FURTHEST_TURN)):
        raise InputError(
            f"the camera turns by more than {2 * FURTHEST_TURN:.0f} degrees; give a part of the video by START and END"
        )
    return reference


def stabilise_points(plane_px: np.ndarray, motion: CameraMotion, reference: int) -> np.ndarray:
    """Points of every frame where the camera of the reference frame would have seen them.

    A camera that turns and zooms moves its whole picture by one homography a frame (Hartley and Zisserman 2004, 8.4),
    whatever its focal length is thought to be, so the rest of the reconstruction may think of a camera that stands.

    Args:
      plane_px: relative to the principal point [px], (T, J, 2).
      motion: of the camera.
      reference: frame.
    """
    lens = np.zeros((len(motion), 3, 3))
    lens[:, 0, 0] = lens[:, 1, 1] = motion.focal_px * motion.zoom
    lens[:, 2, 2] = 1.0
    away = lens @ motion.R
    back = away[reference] @ np.linalg.inv(away)
    points = np.concatenate([plane_px, np.ones((*plane_px.shape[:2], 1))], axis=-1)
    moved = np.einsum("tij,tpj->tpi", back, points)
    return moved[..., :2] / moved[..., 2:]


def rotate_to_camera(
    xyz: np.ndarray, plane_px: np.ndarray, weight: np.ndarray, focal_px: float | np.ndarray
) -> np.ndarray:
    """The detector sees a crop as if the camera looked straight at it; turns its 3D into the camera's own axes.

    Args:
      xyz: landmarks, axes of the ray through the person [m], (T, J, 3).
      plane_px: 2D landmarks relative to the principal point [px], (T, J, 2).
      weight: (T, J).
      focal_px: focal length, of all frames or of each (T,) [px].
    """
    total = np.maximum(weight.sum(axis=1), 1e-9)[:, None]
    middle = (plane_px * weight[..., None]).sum(axis=1) / total
    yaw = np.arctan(middle[:, 0] / focal_px)
    pitch = -np.arctan(middle[:, 1] / np.hypot(focal_px, middle[:, 0]))
    zero, one = np.zeros_like(yaw), np.ones_like(yaw)
    cos_y, sin_y, cos_p, sin_p = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    about_y = np.stack([cos_y, zero, sin_y, zero, one, zero, -sin_y, zero, cos_y], -1).reshape(-1, 3, 3)
    about_x = np.stack([one, zero, zero, zero, cos_p, -sin_p, zero, sin_p, cos_p], -1).reshape(-1, 3, 3)
    return np.einsum("tij,tkj->tki", about_y @ about_x, xyz)
