"""Reader of other detectors' keypoints: a folder of JSON files, one a frame, or one JSON file of all frames."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pose.errors import InputError
from pose.estimator import Poses, no_poses
from pose.foreign_files import read_json, refuse_damaged
from pose.keypoints import Keypoints
from pose.landmarks import LANDMARKS
from pose.layouts import BY_COUNT, LAYOUTS, KeypointOrder, Layout, is_body_25b, to_landmarks
from pose.person import choose_person

MOST_FRAMES = 1_000_000
"""Frames of a film beyond which numbers in files are no frames: 9 hours."""
FARTHEST = 10.0
"""Distance from the picture's corner beyond which a point is no detector's, but a damaged number [picture sizes]."""
Frames = dict[int, list[np.ndarray]]
"""Number of a frame -> its bodies, each (K, 3): x, y, score."""


@dataclass(frozen=True)
class KeypointFile:
    """Keypoints of a person from files, and what was found out about these."""

    keypoints: Keypoints
    findings: tuple[str, ...]


def read_keypoint_files(
    path: Path,
    fps: float,
    image_size: tuple[int, int],
    start: float = 0.0,
    end: float | None = None,
    person: str = "",
    order: KeypointOrder = "auto",
) -> KeypointFile:
    """Reads what OpenPose, AlphaPose, MMPose, RTMPose, YOLO and their like write.

    Folders hold a file for each frame, `<video>_<frame number>_keypoints.json`, as OpenPose's `--write_json` leaves
    them. These detectors have no depth: `xyz` is 0 everywhere while `confidence` is not, which marks `Keypoints`
    without 3D. Landmarks that a detector does not have keep confidence 0.

    Args:
      path: of the folder or the file.
      fps: of the video that they were made from.
      image_size: (width, height) of it [px].
      start: first moment used [s].
      end: last moment used [s]; None is the end.
      person: which one, as for `pose.person.choose_person`.
      order: layout of the points; auto: by their number and places.

    Raises:
      InputError: no such file or folder, or one that no detector wrote.
    """
    path = Path(path)
    with refuse_damaged(path, "written by a detector", "write it again"):
        found = read_folder(path) if path.is_dir() else read_file(path)
    bodies = [body for frame in found.values() for body in frame]
    if not bodies:
        raise InputError(f"{path}: nobody in any of its {len(found)} frames")
    layout, findings = choose_layout(bodies, order, path)
    scale, said = find_scale(bodies, image_size)
    divisor, scores = find_score_scale(bodies)
    said += leave_out_far_points(bodies, scale, image_size)
    first = min(found)  # OpenPose counts from 0, but --frame_first moves that: numbers are video frames
    first = 0 if first < 2 else first
    last = max(found)
    begin = max(first, round(start * fps))
    stop = last + 1 if end is None else min(last + 1, round(end * fps))
    if begin >= stop:
        raise InputError(f"{path}: no frame between START={start:g} s and END; it covers {last / fps:.2f} s")
    if stop - begin > MOST_FRAMES:
        raise InputError(f"{path}: frames {begin} to {stop - 1}; expected numbers of a video's frames, give START, END")
    frames = [_to_poses(found.get(n, []), layout, scale, divisor) for n in range(begin, stop)]
    try:
        rows = choose_person([_fill_holes(poses) for poses in frames], fps, person, begin / fps)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    xy = np.zeros((len(frames), len(LANDMARKS), 2))
    confidence = np.zeros((len(frames), len(LANDMARKS)))
    for t in np.flatnonzero(rows >= 0):
        xy[t], confidence[t] = frames[t].xy[rows[t]], frames[t].score[rows[t]]
    keypoints = Keypoints(xy, np.zeros((*confidence.shape, 3)), confidence, fps, LANDMARKS, image_size, begin / fps)
    return KeypointFile(keypoints, (*findings, *compare_with_picture(xy, image_size), *said, *scores))


def choose_layout(bodies: list[np.ndarray], order: KeypointOrder, path: Path) -> tuple[Layout, tuple[str, ...]]:
    """The layout of bodies (K, 3), and what to say about it.

    Raises:
      InputError: no layout has so many points.
    """
    counts = {len(body) for body in bodies}
    if len(counts) > 1:
        raise InputError(f"{path}: bodies of {', '.join(map(str, sorted(counts)))} points; expected one number")
    count = counts.pop()
    if order != "auto":
        layout = LAYOUTS[order]
        if max(layout.points) >= count:
            raise InputError(f"{path}: {count} points a body are too few for --keypoint-order {order}")
        return layout, (f"{count} points in the order of {layout.name}, as asked",)
    if count not in BY_COUNT:
        known = ", ".join(f"{number} ({LAYOUTS[name].name})" for number, name in sorted(BY_COUNT.items()))
        raise InputError(f"{path}: {count} points a body; known are {known}; --keypoint-order names one of them")
    if count == 25 and is_body_25b(np.array(bodies)):
        return LAYOUTS["body_25b"], ("25 points in the order of BODY_25B; --keypoint-order body_25 overrules",)
    return LAYOUTS[BY_COUNT[count]], ()


def find_scale(
    bodies: list[np.ndarray], image_size: tuple[int, int]
) -> tuple[tuple[float, float, float], tuple[str, ...]]:
    """Factors of x and y and a shift, by which coordinates become pixels: detectors may write shares of the picture."""
    points = np.concatenate(bodies)
    seen = points[points[:, 2] > 0, :2]
    size = np.abs(seen).max(axis=1) if len(seen) else np.full(1, np.inf)
    seen = seen[size <= 1.5] if np.mean(size <= 1.5) > 0.98 else seen  # a damaged number changes nothing
    if len(seen) and np.abs(seen).max() <= 1.5 and min(image_size) > 10:
        width, height = image_size
        if seen.min() < -0.05:
            return (0.5 * width, 0.5 * height, 1.0), ("coordinates from -1 to 1 are taken as shares of the picture",)
        return (float(width), float(height), 0.0), ("coordinates from 0 to 1 are taken as shares of the picture",)
    return (1.0, 1.0, 0.0), ()


def leave_out_far_points(
    bodies: list[np.ndarray], scale: tuple[float, float, float], image_size: tuple[int, int]
) -> tuple[str, ...]:
    """Marks points as not seen, in place, that lie so far from the picture that only damage explains them.

    Args:
      bodies: each (K, 3).
      scale: as `find_scale` found it.
      image_size: (width, height) [px].

    Returns:
      What to say about it; nothing where there are none.
    """
    count = 0
    for body in bodies:
        px = (body[:, :2] + scale[2]) * scale[:2]
        far = (np.abs(px) > FARTHEST * max(image_size)).any(axis=1)
        count += int((far & (body[:, 2] > 0)).sum())
        body[far] = 0.0
    if not count:
        return ()
    return (f"{count} point{'s' * (count > 1)} farther than {FARTHEST:g} pictures away: taken as not seen",)


def compare_with_picture(xy: np.ndarray, image_size: tuple[int, int]) -> tuple[str, ...]:
    """What to say about landmarks (T, J, 2) of which many lie outside of the picture; nothing else."""
    outside = float(((xy < -0.5 * np.array(image_size)) | (xy > 1.5 * np.array(image_size))).any(axis=-1).mean())
    if outside <= 0.2:
        return ()
    return (f"keypoints lie outside the picture of {image_size[0]} x {image_size[1]} px: are they of another video?",)


def find_score_scale(bodies: list[np.ndarray]) -> tuple[float, tuple[str, ...]]:
    """By what scores are to be divided to lie within 0 and 1: some detectors' go beyond."""
    scores = np.concatenate(bodies)[:, 2]
    high = float(np.percentile(scores, 98))
    if high <= 1.5:
        return 1.0, ()
    return high, (f"scores up to {scores.max():.3g}: divided by {high:.3g}",)


def _to_poses(bodies: list[np.ndarray], layout: Layout, scale: tuple[float, float, float], divisor: float) -> Poses:
    if not bodies:
        return no_poses(len(LANDMARKS))
    points = np.array(bodies, dtype=float)
    points[..., :2] = (points[..., :2] + scale[2]) * scale[:2]
    points[..., 2] = np.clip(points[..., 2] / divisor, 0.0, 1.0)
    xy, score = to_landmarks(points, layout)
    return Poses(xy, np.zeros((*score.shape, 3)), score)


def list_keypoint_files(path: Path) -> list[Path]:
    """The files that a file or folder of keypoints stands for.

    Raises:
      InputError: there are none.
    """
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files or not files[0].is_file():
        raise InputError(f"{path}: no keypoint files (*.json) there")
    return files


def read_folder(folder: Path) -> Frames:
    """A file for each frame, whose number is the last one in its name.

    Raises:
      InputError: no files, or one that no detector wrote.
    """
    numbered = {_frame_number(path): path for path in sorted(folder.glob("*.json"))}
    if not numbered:
        raise InputError(f"{folder}: holds no .json file; name the folder that OpenPose's --write_json made")
    frames = Frames()
    for number, path in numbered.items():
        content = _load(path)
        if _is_many_frames(content) and len(numbered) == 1:
            return read_file(path)
        frames[number] = _parse_people(content, path)
    return frames


def _frame_number(path: Path) -> int:
    digits = re.findall(r"\d+", path.stem)
    if not digits:
        raise InputError(f"{path}: no frame number in its name; OpenPose writes <video>_<number>_keypoints.json")
    return int(digits[-1])


def _load(path: Path) -> Any:
    return read_json(path, "written by a detector", "write it again")


def _is_many_frames(content: Any) -> bool:
    """Whether a file holds more than one frame: a list of bodies or frames with their numbers."""
    if isinstance(content, dict):
        content = content.get("instance_info") or content.get("annotations") or content.get("frames") or []
    keys = {"image_id", "frame_id", "instances", "people"}
    return (
        isinstance(content, list) and len(content) > 0 and isinstance(content[0], dict) and bool(keys & set(content[0]))
    )


def read_file(path: Path) -> Frames:
    """One file of all frames: AlphaPose's and COCO's lists of bodies, MMPose's instances by frame, lists of frames.

    Raises:
      InputError: there is none, or no detector wrote it.
    """
    if not path.is_file():
        raise InputError(
            f"{path}: no such file or folder; name what the detector wrote, such as OpenPose's --write_json"
        )
    if path.suffix.lower() != ".json":
        raise InputError(f"{path}: keypoints are read from .json files or a folder of them")
    content = _load(path)
    if isinstance(content, dict):
        content = content.get("instance_info") or content.get("annotations") or content.get("frames") or [content]
    if not isinstance(content, list) or not content or not isinstance(content[0], dict):
        raise InputError(f"{path}: not written by a detector; expected bodies with 'keypoints', or frames of them")
    frames = Frames()
    for place, entry in enumerate(content):
        if "instances" in entry or "people" in entry:  # a frame; MMPose counts from 1
            number = _to_number(entry.get("frame_id", entry.get("image_id", place + 1)), path)
            frames.setdefault(number, []).extend(_parse_people(entry, path))
        else:
            number = _to_number(entry.get("image_id", entry.get("frame_id", 0)), path)
            frames.setdefault(number, []).extend(_parse_people([entry], path))
    shift = 1 if min(frames) == 1 else 0
    return {number - shift: bodies for number, bodies in frames.items()}


def _to_number(name: Any, path: Path) -> int:
    digits = re.findall(r"\d+", Path(str(name)).stem)
    if not digits:
        raise InputError(f"{path}: no frame number in '{name}'")
    return int(digits[-1])


def _parse_people(content: Any, path: Path) -> list[np.ndarray]:
    """The bodies of a frame, each (K, 3)."""
    if isinstance(content, dict):
        keys = ("people", "instances", "instance_info", "predictions", "annotations")
        people = next((content[key] for key in keys if key in content), None)
    else:
        people = content
    if people and isinstance(people, list) and isinstance(people[0], list):
        people = people[0]  # a batch of one picture
    if not isinstance(people, list):
        raise InputError(f"{path}: not written by a detector; expected 'people' with 'pose_keypoints_2d', or instances")
    return [_parse_body(body, path) for body in people]


def _parse_body(body: Any, path: Path) -> np.ndarray:
    """A body in any of the forms in use -> (K, 3)."""
    try:
        if "pose_keypoints_2d" in body:
            flat = np.array(body["pose_keypoints_2d"], dtype=float).ravel()
        elif isinstance(body["keypoints"], dict):  # YOLO
            parts = body["keypoints"]
            scores = parts.get("visible") or parts.get("confidence") or np.ones(len(parts["x"]))
            flat = np.column_stack([parts["x"], parts["y"], scores]).ravel()
        else:
            values = np.array(body["keypoints"], dtype=float)
            scores = body.get("keypoint_scores")
            if scores is not None and values.ndim == 2:
                values = np.column_stack([values[:, :2], np.ravel(scores)])
            flat = values.ravel()
    except (KeyError, TypeError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise InputError(
            f"{path}: a body that no detector wrote ({reason}); expected 'keypoints' with scores"
        ) from error
    if len(flat) % 3 or not len(flat) or not _is_finite(flat):
        raise InputError(f"{path}: {len(flat)} numbers for a body; expected x, y and a score for each point")
    return flat.reshape(-1, 3)


def _is_finite(values: Iterable[float]) -> bool:
    return bool(np.isfinite(np.asarray(values)).all())


def _fill_holes(poses: Poses) -> Poses:
    """Puts landmarks that were not seen into the middle of the others, so that (0, 0) does not pull on the body."""
    xy = poses.xy.copy()
    for body, seen in zip(xy, poses.score > 0, strict=True):
        if seen.any():
            body[~seen] = body[seen].mean(axis=0)
    return Poses(xy, poses.xyz, poses.score)
