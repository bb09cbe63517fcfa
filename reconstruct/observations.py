"""Keypoints made ready for the optimisation: the landmarks that the character has, their weights, its bones."""

from dataclasses import dataclass, replace

import numpy as np

from pose.camera.camera_motion import CameraMotion
from pose.errors import InputError
from pose.keypoints import Keypoints
from reconstruct.camera import focal_from_fov
from reconstruct.carried_camera import CarriedCamera
from reconstruct.characters.character import Character
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.lifting.detector_habits import correct_depth_bias
from reconstruct.lifting.lifted_landmarks import lift_landmarks
from reconstruct.lifting.lifter import Lifter
from reconstruct.lifting.lifter_input import BONES
from reconstruct.lifting.person_ray import turn_from_ray

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

COMPARED_AT_ONCE = 2000
"""Frames of a pan that are compared with all others at a time: of ten minutes at once they would fill 2.6 GB."""

KNOWN_DEPTH = 0.05
"""Standard deviation of a bone's depth by the lifter at which it has full weight [m]."""

SHORT = 4
"""Power by which a bone's weight falls with its detected length: a detector that wavers between two depths gives their
mean, and the bone comes out short."""
# On synthetic films, bones of .6, .8, .9 of their usual length are off in depth by .65, .43, .28 of it.


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
    open_limbs: tuple[str, ...] = ()
    """Which limbs may be in front or behind, and when."""
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


def observe(keypoints: Keypoints, character: Character, focal_px: float, lifter: Lifter | None = None) -> Observations:
    """Selects, weighs and scales.

    Args:
      keypoints: of one person.
      character: who is to be posed.
      focal_px: of the lens, in the middle of a pan [px].
      lifter: gives the depth of bones; without it the detector's own is taken.

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
    turn, focal = np.tile(np.eye(3), (frames, 1, 1)), np.full(frames, focal_px)
    in_reference = plane
    if motion is not None and motion.path is not None:
        turn, focal = motion.R, motion.focal_px * motion.zoom
        in_reference = plane / motion.zoom[:, None, None]
    elif motion is not None:
        reference = find_middle_frame(motion)
        lens = motion.for_focal(focal_px / float(motion.zoom[reference]))
        turn, focal = lens.R @ lens.R[reference].T, lens.focal_px * lens.zoom
        in_reference = stabilise_points(plane, motion, reference)
    bones = np.array([(names.index(a), names.index(b)) for a, b in BONES if a in names and b in names])
    rest = point_positions(character.model, np.array(character.model.qpos0)[None], points)[0]
    length = np.linalg.norm(rest[bones[:, 1]] - rest[bones[:, 0]], axis=-1)
    lengths = {(names[a], names[b]): float(metres) for (a, b), metres in zip(bones.tolist(), length, strict=True)}
    lifted = None if lifter is None else lift_landmarks(keypoints, lifter, lengths, focal)
    if lifted is None:
        xyz = rotate_to_camera(correct_depth_bias(keypoints.xyz[:, columns], names), plane, weight, focal) @ turn
        vectors, bone_weight = read_bones(xyz, bones, length, weight, keypoints.seen)
    else:
        xyz = lifted.rotate(lifted.xyz[:, columns], focal) @ turn
        vectors = lifted.rotate(np.stack([lifted.vectors[bone] for bone in lengths], axis=1), focal) @ turn
        metres = np.stack([lifted.sigma[bone] for bone in lengths], axis=1) * length
        bone_weight = keypoints.seen[:, None] * np.minimum(KNOWN_DEPTH / metres, 1.0)
    carried = None if motion is None or motion.path is None else CarriedCamera.of(motion, keypoints.fps)
    return Observations(
        points, names, in_reference, weight, xyz, bones, vectors, bone_weight,
        np.ones(frames), keypoints.seen, reference, () if lifted is None else lifted.open_limbs, carried,
    )  # fmt: skip


def read_bones(
    xyz_c: np.ndarray, bones: np.ndarray, length: np.ndarray, weight: np.ndarray, seen: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Bones between the detector's 3D landmarks, brought to the model's lengths, and how much each is believed.

    Args:
      xyz_c: landmarks, (T, J, 3).
      bones: their ends, (B, 2).
      length: of each on the model [m], (B,).
      weight: of the landmarks, (T, J).
      seen: frames with a detection, bool (T,).

    Returns:
      (T, B, 3) and (T, B).
    """
    vectors = xyz_c[:, bones[:, 1]] - xyz_c[:, bones[:, 0]]
    found = np.linalg.norm(vectors, axis=-1)
    vectors = vectors * (length / np.maximum(found, 1e-6))[..., None]
    usual = np.maximum(np.percentile(found[seen], 85, axis=0), 1e-6)
    bone_weight = np.minimum(weight[:, bones[:, 0]], weight[:, bones[:, 1]]) * (found > 1e-3)
    return vectors, bone_weight * np.minimum(found / usual, 1.0) ** SHORT


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


def find_middle_frame(motion: CameraMotion) -> int:
    """The frame from whose line of sight the others are turned away least, at most.

    Raises:
      InputError: some frame looks so far aside that one picture cannot hold all.
    """
    ahead = motion.R[:, 2]
    parts = np.split(ahead, range(COMPARED_AT_ONCE, len(ahead), COMPARED_AT_ONCE))
    along = np.concatenate([(part @ ahead.T).min(axis=1) for part in parts])
    reference = int(along.argmax())
    if along[reference] < np.cos(np.radians(FURTHEST_TURN)):
        raise InputError(
            f"the camera turns by more than {2 * FURTHEST_TURN:.0f} degrees; give a part of the video by START and END"
        )
    return reference


def estimate_focal(keypoints: Keypoints, fov: float) -> float:
    """Focal length [px] to start from: what the camera's turning has shown, else `fov` [degrees].

    Of a camera that zooms, it is that of the frame in the middle of its pan.
    """
    motion, focal = keypoints.camera_motion, focal_from_fov(fov, keypoints.image_size)
    if motion is not None and motion.path is not None:
        return motion.focal_px
    if motion is None or not motion.focal_measured:
        return focal
    return motion.focal_px * float(motion.zoom[find_middle_frame(motion)])


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
    return np.einsum("tij,tkj->tki", turn_from_ray(plane_px, weight, focal_px), xyz)
