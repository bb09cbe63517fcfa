"""Keypoints of other detectors in arrays, `.npy` and `.npz`."""

from pathlib import Path

import numpy as np
import pytest

from pose.errors import InputError
from pose.formats.keypoint_files import read_keypoint_files
from pose.landmarks import INDEX
from tests.detections import FPS, body, read, to_json

INDEX_OF_SHOULDER = 5
"""The left one's in COCO's order."""


@pytest.mark.parametrize("numbers", [2, 3, 4])
def test_arrays_of_keypoints(tmp_path: Path, numbers: int) -> None:
    """x and y, a score, a depth before the score; of two people the nearer one; NaN is not seen."""
    points = np.array([[body(17, 100.0 + t), 0.2 * body(17, 50.0)] for t in range(12)])
    points[..., 2] = 0.9
    extra = [
        points[..., :2],
        points,
        np.concatenate([points[..., :2], 40.0 * points[..., 2:], points[..., 2:]], axis=-1),
    ]
    array = extra[numbers - 2]
    array[3, 0, 5] = np.nan
    np.save(tmp_path / "a.npy", array)
    np.savez(tmp_path / "b.npz", note=np.arange(3), keypoints=array[:, 0])
    for name in ("a.npy", "b.npz"):
        keypoints = read(tmp_path / name, FPS, (640, 480))
        np.testing.assert_allclose(keypoints.xy[:, INDEX["nose"], 0], 100.0 + np.arange(12))
        assert keypoints.confidence[3, INDEX["left_shoulder"]] == 0 < keypoints.confidence[4, INDEX["left_shoulder"]]
    np.save(tmp_path / "c.npy", np.zeros((5, 13, 3)))
    with pytest.raises(InputError, match=r"c.npy: no keypoints in c \(5, 13, 3\); expected an array"):
        read(tmp_path / "c.npy", FPS, (640, 480))


def write_array(path: Path, third: np.ndarray | float) -> Path:
    """Twelve frames of 17 points, point i of frame t at (100 + t + i, 10 i), with a third number."""
    points = np.array([body(17, 100.0 + t) for t in range(12)])
    points[..., 2] = third
    np.save(path, points)
    return path


def test_scores_that_leave_0_to_1_stay_scores(tmp_path: Path) -> None:
    """One peak of 1.04, one of -0.001, per cent; a number that is often below 0 is a depth, and said to be one."""
    scores = np.full((12, 17), 0.5)
    scores[:, INDEX_OF_SHOULDER] = 0.05
    scores[3, 0], scores[4, 0] = 1.04, -0.001
    for factor in (1.0, 100.0):
        found = read_keypoint_files(write_array(tmp_path / "a.npy", factor * scores), FPS, (640, 480))
        assert found.keypoints.confidence[5, INDEX["left_shoulder"]] < 0.2
        assert any("divided by" in text for text in found.findings) == (factor > 1)
    found = read_keypoint_files(write_array(tmp_path / "a.npy", scores - 0.7), FPS, (640, 480))
    assert any("taken for a depth" in text for text in found.findings)


def test_scores_beside_the_points_and_one_person_first(tmp_path: Path) -> None:
    """PYSKL's (1, T, 17, 2) with (1, T, 17) of scores."""
    points = np.array([body(17, 100.0 + t)[:, :2] for t in range(12)])
    scores = np.full((12, 17), 0.5)
    scores[:, INDEX_OF_SHOULDER] = 0.05
    mixed = np.array([None, "x"], dtype=object)
    np.savez(tmp_path / "a.npz", note=mixed, keypoint_scores=scores, keypoints=points)
    np.savez(tmp_path / "b.npz", keypoint=points[None], keypoint_score=scores[None])
    for name in ("a.npz", "b.npz"):
        found = read_keypoint_files(tmp_path / name, FPS, (640, 480))
        np.testing.assert_allclose(found.keypoints.xy[:, INDEX["nose"], 0], 100.0 + np.arange(12))
        assert found.keypoints.confidence[5, INDEX["left_shoulder"]] < 0.2
    assert any("one person's frames" in text for text in found.findings)


def test_points_at_0_0_without_scores_are_not_seen(tmp_path: Path) -> None:
    points = np.array([body(17, 100.0 + t)[:, :2] for t in range(12)])
    points[:, INDEX_OF_SHOULDER] = 0.0
    np.save(tmp_path / "a.npy", points)
    yolo = [{"image_id": t, "keypoints": {"x": list(p[:, 0]), "y": list(p[:, 1])}} for t, p in enumerate(points)]
    flat = [{"image_id": t, "keypoints": p.tolist()} for t, p in enumerate(points)]
    for path in (tmp_path / "a.npy", to_json(tmp_path / "b.json", yolo), to_json(tmp_path / "c.json", flat)):
        keypoints = read(path, FPS, (640, 480))
        assert not keypoints.confidence[:, INDEX["left_shoulder"]].any() and keypoints.confidence[5, INDEX["nose"]] == 1


def test_arrays_of_nothing_and_of_other_counts(tmp_path: Path) -> None:
    for shape in ((0, 17, 3), (20, 0, 17, 3)):
        np.save(tmp_path / "a.npy", np.zeros(shape))
        with pytest.raises(InputError, match="no keypoints in a"):
            read(tmp_path / "a.npy", FPS, (640, 480))
    with pytest.raises(InputError, match="nobody in any of its 12 frames"):
        read(write_array(tmp_path / "a.npy", np.nan), FPS, (640, 480))
    np.save(tmp_path / "a.npy", np.array([body(20, 100.0 + t) for t in range(12)]))
    with pytest.raises(InputError, match="no keypoints"):
        read(tmp_path / "a.npy", FPS, (640, 480))
    assert len(read(tmp_path / "a.npy", FPS, (640, 480), order="coco_17")) == 12
