"""OpenPose folders written here, in the layout that its documentation gives."""

import json
from pathlib import Path

import numpy as np
import pytest

from pose.errors import InputError
from pose.landmarks import INDEX
from pose.openpose import read_openpose

FPS = 25.0


def write(folder: Path, frame: int, bodies: list[np.ndarray]) -> None:
    folder.mkdir(exist_ok=True)
    people = [{"pose_keypoints_2d": body.ravel().tolist()} for body in bodies]
    (folder / f"clip_{frame:012d}_keypoints.json").write_text(json.dumps({"version": 1.3, "people": people}))


def body(points: int, x: float) -> np.ndarray:
    """Point i at (x + i, 10 i) with confidence .5 + i / 100; (points, 3)."""
    i = np.arange(points)
    return np.column_stack([x + i, 10.0 * i, 0.5 + i / 100])


@pytest.mark.parametrize(
    ("points", "index", "name"),
    [
        (25, 0, "nose"), (25, 4, "right_wrist"), (25, 7, "left_wrist"), (25, 11, "right_ankle"),
        (25, 19, "left_foot_index"), (25, 24, "right_heel"),
        (18, 4, "right_wrist"), (18, 10, "right_ankle"), (18, 11, "left_hip"), (18, 17, "left_ear"),
    ],
)  # fmt: skip
def test_points_go_to_the_landmarks_of_their_names(tmp_path: Path, points: int, index: int, name: str) -> None:
    for t in range(12):
        write(tmp_path / "json", t, [body(points, 100.0 + t)])
    keypoints = read_openpose(tmp_path / "json", FPS, (640, 480))
    assert len(keypoints) == 12
    np.testing.assert_allclose(keypoints.xy[3, INDEX[name]], [103 + index, 10 * index])
    np.testing.assert_allclose(keypoints.confidence[3, INDEX[name]], 0.5 + index / 100)
    assert not keypoints.xyz.any() and (keypoints.confidence[:, INDEX["left_thumb"]] == 0).all()


def test_empty_and_missing_frames_stay_unseen(tmp_path: Path) -> None:
    for t in range(12):
        if t != 5:
            write(tmp_path / "json", t, [] if t == 3 else [body(25, 100.0)])
    keypoints = read_openpose(tmp_path / "json", FPS, (640, 480))
    np.testing.assert_array_equal(np.flatnonzero(~keypoints.seen), [3, 5])


def test_range_and_person(tmp_path: Path) -> None:
    for t in range(25):
        bodies = [body(25, 100.0), body(25, 400.0) * (1, 1, 0.6)]
        write(tmp_path / "json", t, bodies if t % 2 else bodies[::-1])
    keypoints = read_openpose(tmp_path / "json", FPS, (640, 480), start=0.2, end=0.6)
    assert (len(keypoints), keypoints.start) == (10, 0.2)
    assert (keypoints.xy[:, INDEX["nose"], 0] == 100).all()
    second = read_openpose(tmp_path / "json", FPS, (640, 480), person="2")
    assert (second.xy[:, INDEX["nose"], 0] == 400).all()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "not written by OpenPose"),
        ("[]", "not written"),
        ('{"people": [{"pose_keypoints_2d": [1, 2]}]}', "2 numbers"),
    ],
)
def test_foreign_json_is_an_error(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "a_000_keypoints.json").write_text(content)
    with pytest.raises(InputError, match=says) as error:
        read_openpose(tmp_path, FPS, (640, 480))
    assert "\n" not in str(error.value)


def test_missing_or_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        read_openpose(tmp_path / "none", FPS, (640, 480))
    with pytest.raises(InputError, match=r"no \.json"):
        read_openpose(tmp_path, FPS, (640, 480))
