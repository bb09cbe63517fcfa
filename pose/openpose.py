"""Reader of keypoints from OpenPose: a folder of JSON files, one a frame."""

import json
import re
from pathlib import Path

import numpy as np

from pose.errors import InputError
from pose.estimator import Poses, no_poses
from pose.keypoints import Keypoints
from pose.landmarks import INDEX, LANDMARKS
from pose.person import choose_person

_ARMS_AND_LEGS_18 = {
    0: "nose", 2: "right_shoulder", 3: "right_elbow", 4: "right_wrist", 5: "left_shoulder", 6: "left_elbow",
    7: "left_wrist", 8: "right_hip", 9: "right_knee", 10: "right_ankle", 11: "left_hip", 12: "left_knee",
    13: "left_ankle", 14: "right_eye", 15: "left_eye", 16: "right_ear", 17: "left_ear",
}  # fmt: skip
_BODY_25 = {
    0: "nose", 2: "right_shoulder", 3: "right_elbow", 4: "right_wrist", 5: "left_shoulder", 6: "left_elbow",
    7: "left_wrist", 9: "right_hip", 10: "right_knee", 11: "right_ankle", 12: "left_hip", 13: "left_knee",
    14: "left_ankle", 15: "right_eye", 16: "left_eye", 17: "right_ear", 18: "left_ear", 19: "left_foot_index",
    21: "left_heel", 22: "right_foot_index", 24: "right_heel",
}  # fmt: skip
OPENPOSE_LANDMARKS = {18: _ARMS_AND_LEGS_18, 25: _BODY_25}
"""Our landmark by OpenPose's index, for COCO-18 and BODY_25; keys are OpenPose's numbers of points.

Big toes stand for BlazePose's foot index; OpenPose's neck, mid-hip and small toes have no counterpart and are dropped.
"""


def read_openpose(
    folder: Path,
    fps: float,
    image_size: tuple[int, int],
    start: float = 0.0,
    end: float | None = None,
    person: str = "",
) -> Keypoints:
    """Reads a folder as OpenPose's `--write_json` leaves it: `<video>_<frame number>_keypoints.json`.

    OpenPose has no depth: `xyz` is 0 everywhere while `confidence` is not, which marks `Keypoints` without 3D.
    Landmarks that OpenPose does not have keep confidence 0.

    Args:
      folder: of JSON files, one a frame.
      fps: of the video that they were made from.
      image_size: (width, height) of it [px].
      start: first moment used [s].
      end: last moment used [s]; None is the end.
      person: which one, as for `pose.person.choose_person`.

    Raises:
      InputError: no such folder or files, or one that OpenPose did not write.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; name the folder that OpenPose's --write_json made")
    numbered = {_frame_number(path): path for path in sorted(folder.glob("*.json"))}
    if not numbered:
        raise InputError(f"{folder}: holds no .json file; name the folder that OpenPose's --write_json made")
    first = min(numbered)  # OpenPose counts from 0, but --frame_first moves that: numbers are video frames
    first = 0 if first < 2 else first
    last = max(numbered)
    begin = max(first, round(start * fps))
    stop = last + 1 if end is None else min(last + 1, round(end * fps))
    if begin >= stop:
        raise InputError(f"{folder}: no frame between START={start:g} s and END; it covers {last / fps:.2f} s")
    frames = [_read_people(numbered[n]) if n in numbered else no_poses(len(LANDMARKS)) for n in range(begin, stop)]
    try:
        rows = choose_person([_fill_holes(poses) for poses in frames], fps, person, begin / fps)
    except InputError as error:
        raise InputError(f"{folder}: {error}") from None
    xy = np.zeros((len(frames), len(LANDMARKS), 2))
    confidence = np.zeros((len(frames), len(LANDMARKS)))
    for t in np.flatnonzero(rows >= 0):
        xy[t], confidence[t] = frames[t].xy[rows[t]], frames[t].score[rows[t]]
    return Keypoints(xy, np.zeros((*confidence.shape, 3)), confidence, fps, LANDMARKS, image_size, begin / fps)


def _frame_number(path: Path) -> int:
    digits = re.findall(r"\d+", path.stem)
    if not digits:
        raise InputError(f"{path}: no frame number in its name; OpenPose writes <video>_<number>_keypoints.json")
    return int(digits[-1])


def _read_people(path: Path) -> Poses:
    try:
        people = json.loads(path.read_text())["people"]
        flat = [np.array(body["pose_keypoints_2d"], dtype=float) for body in people]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: not written by OpenPose ({type(error).__name__}: {error}); write it again"
        ) from error
    poses = no_poses(len(LANDMARKS))
    if not flat:
        return poses
    xy, score = np.zeros((len(flat), len(LANDMARKS), 2)), np.zeros((len(flat), len(LANDMARKS)))
    for n, values in enumerate(flat):
        names = OPENPOSE_LANDMARKS.get(len(values) // 3)
        if names is None or len(values) % 3 or not np.isfinite(values).all():
            raise InputError(f"{path}: {len(values)} numbers for a body, expected 75 (BODY_25) or 54 (COCO)")
        body = values.reshape(-1, 3)
        for i, name in names.items():
            xy[n, INDEX[name]], score[n, INDEX[name]] = body[i, :2], np.clip(body[i, 2], 0.0, 1.0)
    xy[score == 0] = 0.0
    return Poses(xy, np.zeros((*score.shape, 3)), score)


def _fill_holes(poses: Poses) -> Poses:
    """Puts landmarks that were not seen into the middle of the others, so that (0, 0) does not pull on the body."""
    xy = poses.xy.copy()
    for body, seen in zip(xy, poses.score > 0, strict=True):
        if seen.any():
            body[~seen] = body[seen].mean(axis=0)
    return Poses(xy, poses.xyz, poses.score)
