"""The motion capture that the lifter learns from: decoded, posed on the humanoid, and kept in the cache.

CMU Graphics Lab Motion Capture Database (mocap.cs.cmu.edu), packed as `cmu24.tar.xz`: one skeleton without toes, local
Euler angles as integer differences. Only directions are taken from it; limb lengths, heels and toes are a humanoid's.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np

from pose.downloads import cache_folder
from pose.errors import InputError
from pose.files import replace_file
from reconstruct.camera import R_LEVEL
from reconstruct.characters.character import Character
from reconstruct.fit.initial_motion import pose_from_landmarks
from reconstruct.formats.mocap_archive import HELD_OUT, MocapArchive
from reconstruct.formats.read_motion import resample
from reconstruct.kinematics import BodyPoints
from reconstruct.observations import Observations
from reconstruct.rotations import make_continuous

FPS = 24.0
"""Frames a second of the decoded motions."""
FEWEST = 24
"""Frames that a clip must have more than."""
TO_Z_UP = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
"""From the data's axes (y up) to the world's."""

# Landmark -> joint of the data's skeleton and offset in that joint's axes [cm]; x leads along the bone, the head's x
# up and forward by 45 degrees, the foot's x to the toe.
_HEAD_UP, _HEAD_AHEAD = np.array([1.0, 0.0, -1.0]) / np.sqrt(2.0), np.array([1.0, 0.0, 1.0]) / np.sqrt(2.0)
PLACES: dict[str, tuple[str, np.ndarray]] = {
    "nose": ("head", 8.0 * _HEAD_UP + 11.0 * _HEAD_AHEAD),
    "left_ear": ("head", 9.0 * _HEAD_UP + [0.0, -7.5, 0.0]),
    "right_ear": ("head", 9.0 * _HEAD_UP + [0.0, 7.5, 0.0]),
}
for _side in ("left", "right"):
    for _part, _joint in (("shoulder", "Shldr"), ("elbow", "ForeArm"), ("wrist", "Hand"), ("hip", "Thigh"),
                          ("knee", "Shin"), ("ankle", "Foot")):  # fmt: skip
        PLACES[f"{_side}_{_part}"] = (_side[0] + _joint, np.zeros(3))
    PLACES[f"{_side}_heel"] = (f"{_side[0]}Foot", np.array([-5.0, 0.0, 0.0]))
    PLACES[f"{_side}_foot_index"] = (f"{_side[0]}Foot", np.array([18.0, 0.0, 0.0]))


@dataclass(frozen=True)
class Mocap:
    """Many clips on one character, end to end."""

    qpos: np.ndarray
    """(T, nq), float32."""
    start: np.ndarray
    """First frame of each clip, (C + 1,); the last entry is T."""
    names: tuple[str, ...]
    """Of the clips: subject_number."""

    def select(self, held_out: bool) -> list[slice]:
        """Frames of each clip of the subjects that are tested on, or of all others."""
        return [
            slice(int(a), int(b))
            for name, a, b in zip(self.names, self.start[:-1], self.start[1:], strict=True)
            if (name.split("_")[0] in HELD_OUT) == held_out
        ]


def load_mocap(archive: Path, character: Character) -> Mocap:
    """The archive's motions on the humanoid; posed once, then read from the cache.

    Raises:
      InputError: no such archive, or not this one.
    """
    if not archive.is_file():
        raise InputError(f"{archive}: no such file; give --archive cmu24.tar.xz")
    digest = hashlib.sha256(archive.read_bytes() + character.path.read_bytes()).hexdigest()[:12]
    place = cache_folder() / "lifter" / f"mocap-{digest}.npz"
    if not place.is_file():
        place.parent.mkdir(parents=True, exist_ok=True)
        clips = {name: pose_clip(joints, fps, character) for name, joints, fps in read_clips(archive)}
        with replace_file(place) as temporary, open(temporary, "wb") as file:
            np.savez(
                file,
                qpos=np.concatenate(list(clips.values())).astype(np.float32),
                start=np.cumsum([0, *(len(qpos) for qpos in clips.values())]),
                names=np.array(list(clips)),
            )
    with np.load(place, allow_pickle=False) as arrays:
        return Mocap(arrays["qpos"], arrays["start"], tuple(map(str, arrays["names"])))


def read_clips(archive: Path) -> list[tuple[str, np.ndarray, float]]:
    """Name, landmarks of `PLACES` [m] (T, J, 3), z up, and frames a second of every usable clip.

    Clips with exchanged markers and those of a few frames are left out.
    """
    found = MocapArchive.open(archive)
    usable = [clip for clip in found.clips.values() if clip.is_sound and int(clip.row["frames"]) > FEWEST]
    return [(clip.name, place_landmarks(found, clip.name), clip.fps) for clip in usable]


def place_landmarks(archive: MocapArchive, name: str) -> np.ndarray:
    """Landmarks of one clip [m], (T, J, 3), z up."""
    turns, places = archive.pose(name)
    joints = [str(joint) for joint in archive.arrays["names"]]
    at = [joints.index(joint) for joint, _ in PLACES.values()]
    offsets = np.array([offset for _, offset in PLACES.values()])
    return (places[:, at] + (turns[:, at] @ offsets[..., None])[..., 0]) @ TO_Z_UP.T / 100.0


def pose_clip(joints_w: np.ndarray, fps: float, character: Character) -> np.ndarray:
    """The humanoid in the pose of those landmarks, at `FPS`, its pelvis where theirs is, (T, nq)."""
    frames, names = len(joints_w), tuple(PLACES)
    nothing = np.zeros((frames, 0))
    seen = Observations(
        BodyPoints(np.zeros(0, int), np.zeros((0, 3)), np.zeros(0)), names, np.zeros((frames, len(names), 2)),
        np.ones((frames, len(names))), joints_w @ R_LEVEL.T, np.zeros((0, 2), int), np.zeros((frames, 0, 3)), nothing,
        np.ones(frames), np.ones(frames, dtype=bool),
    )  # fmt: skip
    qpos, _ = pose_from_landmarks(seen, character.model)
    hips = [names.index("left_hip"), names.index("right_hip")]
    qpos[:, :3] = joints_w[:, hips].mean(axis=1)
    for joint in range(character.model.njnt):
        column = character.model.jnt_qposadr[joint] + (3 if joint == 0 else 0)
        if character.model.jnt_type[joint] != mujoco.mjtJoint.mjJNT_HINGE:
            qpos[:, column : column + 4] = make_continuous(qpos[:, column : column + 4])
    return qpos if fps == FPS else resample(character.model, qpos, np.arange(frames) / fps, FPS)[0]
