"""Files of other detectors, made for tests."""

import json
from pathlib import Path

import numpy as np

from pose.formats.keypoint_files import read_keypoint_files
from pose.keypoints import Keypoints

FPS = 25.0


def read(path: Path, *args, **kwargs) -> Keypoints:
    return read_keypoint_files(path, *args, **kwargs).keypoints


def write(folder: Path, frame: int, bodies: list[np.ndarray]) -> None:
    folder.mkdir(exist_ok=True)
    people = [{"pose_keypoints_2d": body.ravel().tolist()} for body in bodies]
    (folder / f"clip_{frame:012d}_keypoints.json").write_text(json.dumps({"version": 1.3, "people": people}))


def body(points: int, x: float) -> np.ndarray:
    """Point i at (x + i, 10 i) with confidence .5 + i / 100; (points, 3)."""
    i = np.arange(points)
    return np.column_stack([x + i, 10.0 * i, 0.5 + i / 100])


def to_json(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path
