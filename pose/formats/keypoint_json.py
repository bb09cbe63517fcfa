"""Keypoint files as detectors write them: which frame each body is of, and its points, whatever they are called."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pose.errors import InputError
from pose.foreign_files import read_text, refuse_damaged
from pose.formats.keypoint_arrays import read_array_file, see_points
from pose.formats.layouts import BY_COUNT

Frames = dict[int, list[np.ndarray]]
"""Number of a frame -> its bodies, each (K, 3): x, y, score."""
OPENPOSE = re.compile(r".*_\d{12}_keypoints")
"""Names of OpenPose's files, which counts frames from 0."""
TABLES = ("instance_info", "annotations", "frames")
"""Keys of a list of frames or bodies."""
PEOPLE = ("people", "instances", "instance_info", "predictions", "annotations", "bodies")
"""Keys of the bodies of a frame."""
LANDMARK_KEYS = ("landmarks", "pose_landmarks")
"""Keys of MediaPipe's points, each with x, y and visibility."""


def list_keypoint_files(path: Path) -> list[Path]:
    """The files that a file or folder of keypoints stands for.

    Raises:
      InputError: there are none.
    """
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files or not files[0].is_file():
        raise InputError(f"{path}: no keypoint files (*.json) there")
    return files


def read_folder(folder: Path) -> tuple[Frames, tuple[str, ...]]:
    """A file for each frame, numbered by the number in the names that is another one in each; and what to say of it.

    Raises:
      InputError: no files, two of one frame, or one that no detector wrote.
    """
    files = sorted(folder.glob("*.json"))
    if not files:
        raise InputError(f"{folder}: holds no .json file; name the folder that OpenPose's --write_json made")
    contents = {path: _load(path) for path in files}
    others, said = [path for path, content in contents.items() if is_foreign(content)], list[str]()
    if others and 2 * len(others) <= len(files):  # notes of a camera or a run beside the keypoints
        files = [path for path in files if path not in others]
        said.append(f"no keypoints in {', '.join(path.name for path in others[:3])}: left out")
    if len(files) == 1 and _is_many_frames(contents[files[0]]):
        frames, counted = take_frames(contents[files[0]], files[0])
        return frames, (*counted, *said)
    numbers = number_names([path.stem for path in files], folder)
    frames = {numbers[path.stem]: parse_people(contents[path], path) for path in files}
    frames, counted = count_from_zero(frames, all(OPENPOSE.fullmatch(path.stem) for path in files))
    return frames, (*counted, *said)


def is_foreign(content: Any) -> bool:
    """Whether the content of a `.json` is a table of other things than bodies; an empty one is a frame of nobody."""
    if not isinstance(content, dict) or not content or any(isinstance(content.get(key), list) for key in TABLES):
        return False
    by_picture = all(re.search(r"\d", key) and isinstance(value, dict | list) for key, value in content.items())
    return not by_picture and not {*PEOPLE, *LANDMARK_KEYS, "keypoints"} & set(content)


def read_file(path: Path, is_any_count: bool = False) -> tuple[Frames, tuple[str, ...]]:
    """One file of all frames, and what to say of it; `is_any_count` as for `read_array_file`.

    Raises:
      InputError: there is none, or no detector wrote it.
    """
    if not path.is_file():
        raise InputError(
            f"{path}: no such file or folder; name what the detector wrote, such as OpenPose's --write_json"
        )
    if path.suffix.lower() in (".npy", ".npz"):
        return read_array_file(path, is_any_count)
    if path.suffix.lower() not in (".json", ".jsonl"):
        raise InputError(f"{path}: keypoints are read from .json or .npy files, or a folder of .json files")
    return take_frames(_load(path), path)


def number_names(names: Sequence[str], path: Path) -> dict[str, int]:
    """The number of a frame in each name: of the numbers in them the one that differs in all.

    Where several do (a counter and a time), the one of the least range counts frames.

    Raises:
      InputError: a name has no number, or two have the same.
    """
    different = list(dict.fromkeys(names))
    parts = {name: [int(digits) for digits in re.findall(r"\d+", name)] for name in different}
    bare = [name for name in different if not parts[name]]
    if bare:
        raise InputError(f"{path}: no frame number in '{bare[0]}'; OpenPose writes <video>_<number>_keypoints")
    if len({len(found) for found in parts.values()}) > 1:
        table = np.array([[found[-1]] for found in parts.values()], dtype=object)
    else:
        table = np.array(list(parts.values()), dtype=object)
    columns = [i for i in range(table.shape[1]) if len(set(table[:, i])) == len(table)]
    if not columns:
        (number, _), *_ = Counter(table[:, -1]).most_common(1)
        same = [name for name, own in zip(different, table[:, -1], strict=True) if own == number]
        raise InputError(f"{path}: '{same[0]}' and '{same[1]}' are both frame {number}; give one file a frame")
    best = min(reversed(columns), key=lambda i: max(table[:, i]) - min(table[:, i]))
    return dict(zip(different, table[:, best], strict=True))


def count_from_zero(frames: Frames, is_from_zero: bool) -> tuple[Frames, tuple[str, ...]]:
    """Frames that are counted from 1 by number from 0, and what to say of that."""
    if is_from_zero or not frames or min(frames) != 1:
        return frames, ()
    moved = {number - 1: bodies for number, bodies in frames.items()}
    return moved, ("the first frame is 1: taken for counted from 1",)


def _load(path: Path) -> Any:
    """The content of a file, also where each line is a JSON of its own."""
    text = read_text(path)
    lines = [line for line in text.splitlines() if line.strip()]
    is_by_line = len(lines) > 1 and all(line.strip()[0] in "{[" and line.strip()[-1] in "}]" for line in lines)
    with refuse_damaged(path, "written by a detector", "write it again"):
        return [json.loads(line) for line in lines] if is_by_line else json.loads(text)


def _is_many_frames(content: Any) -> bool:
    """Whether a file holds more than one frame: a list of bodies or frames with their numbers."""
    if isinstance(content, dict):
        content = next((content[key] for key in TABLES if content.get(key)), [])
    keys = {"image_id", "frame_id", "frame", "instances", "people"}
    return isinstance(content, list) and bool(content) and isinstance(content[0], dict) and bool(keys & set(content[0]))


def take_frames(content: Any, path: Path) -> tuple[Frames, tuple[str, ...]]:
    """The frames of one file: lists of bodies with names or numbers, of frames, tables by name; what to say of it.

    AlphaPose's and COCO's lists, COCO's annotations with their images, MMPose's instances by frame, MediaPipe's
    landmarks, AlphaPose's tables by picture.

    Raises:
      InputError: none of these.
    """
    images = dict[Any, str]()
    if isinstance(content, dict):
        images = {image["id"]: str(image["file_name"]) for image in content.get("images") or []}
        table = next((content[key] for key in TABLES if content.get(key)), None)
        if table is None and content and all(re.search(r"\d", key) for key in content):
            return _take_entries([(name, value) for name, value in content.items()], path)
        content = table or _take_nested(content) or [content]
    if not isinstance(content, list) or not content or not isinstance(content[0], dict | list):
        raise InputError(f"{path}: not written by a detector; expected bodies with 'keypoints', or frames of them")
    if isinstance(content[0], dict) and "instances" in content[0]:  # MMPose counts from 1
        numbers = [entry.get("frame_id", place + 1) for place, entry in enumerate(content)]
        frames, said = _take_entries(list(zip(numbers, content, strict=True)), path)
        return (frames, said) if min(frames) == 0 else ({n - 1: bodies for n, bodies in frames.items()}, ())
    names = [_name_of(entry, images) for entry in content]
    if None in names:
        if len(content) == 1:
            is_frame = isinstance(content[0], dict) and any(key in content[0] for key in PEOPLE)
            return {0: parse_people(content[0] if is_frame else content, path)}, ()
        frames, _ = _take_entries([(place, entry) for place, entry in enumerate(content)], path)
        return frames, ("no frame numbers in the file: taken for frames in order",)
    return _take_entries(list(zip(names, content, strict=True)), path)


def _take_nested(content: dict[str, Any]) -> list[list[dict[str, Any]]] | None:
    """The bodies of each frame under `keypoints`, as easy_ViTPose has them: points, or points by person."""
    frames = content.get("keypoints")
    while isinstance(frames, list) and len(frames) == 1 and isinstance(frames[0], list):
        frames = frames[0]
    if not isinstance(frames, list) or not frames:
        return None
    if all(isinstance(frame, dict) for frame in frames):
        return [[{"keypoints": points} for points in frame.values()] for frame in frames]
    is_nested = all(isinstance(frame, list) and frame and isinstance(frame[0], list) for frame in frames)
    return [[{"keypoints": frame}] for frame in frames] if is_nested else None


def _name_of(entry: Any, images: dict[Any, str]) -> Any:
    """Number or name of the frame that a body or frame is of; None without one."""
    if not isinstance(entry, dict):
        return None
    name = next((entry[key] for key in ("image_id", "frame_id", "frame", "image") if key in entry), None)
    return images.get(name, name)


def _take_entries(entries: list[tuple[Any, Any]], path: Path) -> tuple[Frames, tuple[str, ...]]:
    """Frames of bodies or lists of bodies by the name or number of their frame."""
    names = [Path(str(name)).stem for name, _ in entries]
    numbers, frames = number_names(names, path), Frames()
    for name, (_, entry) in zip(names, entries, strict=True):
        is_body = isinstance(entry, dict) and not any(key in entry for key in PEOPLE)
        is_landmarks = isinstance(entry, list) and bool(entry) and isinstance(entry[0], dict) and "x" in entry[0]
        people = [entry] if is_body or is_landmarks else entry
        frames.setdefault(int(numbers[name]), []).extend(parse_people(people, path))
    # AlphaPose names the pictures of a video 0.jpg, 1.jpg, and leaves out those that show nobody.
    return count_from_zero(frames, all(re.fullmatch(r"\d+\.\w+", str(name)) for name, _ in entries))


def parse_people(content: Any, path: Path) -> list[np.ndarray]:
    """The bodies of a frame, each (K, 3).

    Raises:
      InputError: no detector wrote them.
    """
    people = content
    if isinstance(content, dict):
        people = next((content[key] for key in PEOPLE if key in content), None if content else [])
        if people is None and any(key in content for key in ("keypoints", *LANDMARK_KEYS)):
            people = [content]
    if people and isinstance(people, list) and isinstance(people[0], list) and not _is_landmarks(people[0]):
        people = people[0]  # a batch of one picture
    if not isinstance(people, list):
        raise InputError(f"{path}: not written by a detector; expected 'people' with 'pose_keypoints_2d', or instances")
    return [parse_body(body, path) for body in people]


def _is_landmarks(points: Any) -> bool:
    return isinstance(points, list) and bool(points) and isinstance(points[0], dict) and "x" in points[0]


def parse_body(body: Any, path: Path) -> np.ndarray:
    """A body in any of the forms in use -> (K, 3); a point that is no number is not seen.

    Raises:
      InputError: no detector wrote it, or its points are places in space.
    """
    try:
        points = to_points(body, path)
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise InputError(
            f"{path}: a body that no detector wrote ({reason}); expected 'keypoints' with scores"
        ) from error
    points[~np.isfinite(points).all(axis=1)] = 0.0
    return points


def to_points(body: Any, path: Path) -> np.ndarray:
    """The points of a body (K, 3): x, y, score; without scores 1, and 0 at exactly (0, 0)."""
    marks = body if _is_landmarks(body) else next((body[key] for key in LANDMARK_KEYS if key in body), None)
    if marks is not None:
        marks = marks[0] if marks and isinstance(marks[0], list) else marks
        return np.array([[mark["x"], mark["y"], mark.get("visibility", 1.0)] for mark in marks], dtype=float)
    key = next((key for key in ("pose_keypoints_2d", "joints") if key in body), "keypoints")
    if isinstance(body[key], list) and body[key] and isinstance(body[key][0], dict):  # PoseNet, TensorFlow.js
        places = [mark.get("position", mark) for mark in body[key]]
        found = [mark.get("score", mark.get("confidence", 1.0)) for mark in body[key]]
        return np.array([[at["x"], at["y"], score] for at, score in zip(places, found, strict=True)], dtype=float)
    if isinstance(body[key], dict):  # YOLO
        parts = body[key]
        xy = np.column_stack([parts["x"], parts["y"]]).astype(float)
        scores = parts.get("visible") or parts.get("confidence") or see_points(xy)
        return np.column_stack([xy, scores]).astype(float)
    values, scores = np.array(body[key], dtype=float), body.get("keypoint_scores")
    if scores is not None and values.ndim == 2:
        scores = np.ravel(np.array(scores, dtype=float))
        if values.shape[1] == 3 and not np.allclose(values[:, 2], scores, equal_nan=True):
            raise InputError(f"{path}: places in space, not in a picture; save them as .npy (T, 17, 3) for --motion")
        return np.column_stack([values[:, :2], scores])
    if values.ndim == 2 and values.shape[1] == 2:
        return np.column_stack([values, see_points(values)])
    if values.ndim > 2:
        raise InputError(f"{path}: an array {values.shape} for a body; expected x, y and a score for each point")
    flat = values.ravel()
    if len(flat) % 2 == 0 and len(flat) // 2 in BY_COUNT and (len(flat) % 3 or len(flat) // 3 not in BY_COUNT):
        return np.column_stack([flat.reshape(-1, 2), see_points(flat.reshape(-1, 2))])
    if len(flat) % 3 or not len(flat):
        raise InputError(f"{path}: {len(flat)} numbers for a body; expected x, y and a score for each point")
    return flat.reshape(-1, 3)
