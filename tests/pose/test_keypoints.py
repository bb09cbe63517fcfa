"""Keypoints: saved and loaded alike, and wrong shapes or values are named."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pose.camera.camera_motion import CameraMotion
from pose.errors import InputError
from pose.keypoints import Keypoints
from pose.landmarks import LANDMARKS

T, NAMES = 4, ("left_hip", "right_hip", "nose")


def keypoints(**more: Any) -> Keypoints:
    rng = np.random.default_rng(0)
    xy, xyz, confidence = rng.random((T, 3, 2)) * 640, rng.normal(size=(T, 3, 3)), rng.random((T, 3))
    confidence[1] = 0.0
    return Keypoints(xy, xyz, confidence, 30.0, NAMES, (640, 480), **more)


def test_a_file_holds_everything(tmp_path: Path) -> None:
    camera = CameraMotion(np.tile(np.eye(3), (T, 1, 1)), np.linspace(1, 1.2, T), 900.0, True)
    saved = keypoints(
        start=1.5,
        camera_motion=camera,
        people=np.array([1, 2, 1, 1]),
        speed=4.0,
        rotation=90,
        wrong_person=0.25,
        shots=np.array([[0.0, 1.0], [1.0, 2.5]]),
    )
    saved.save(tmp_path / "k.npz")
    found = Keypoints.load(tmp_path / "k.npz")
    for field in ("xy", "xyz", "confidence"):
        np.testing.assert_array_equal(getattr(found, field), getattr(saved, field).astype(np.float32))
    for field in ("fps", "names", "image_size", "start", "speed", "rotation", "wrong_person"):
        assert getattr(found, field) == getattr(saved, field)
    assert found.shots is not None and found.shots.tolist() == [[0.0, 1.0], [1.0, 2.5]]
    assert found.people is not None and found.people.tolist() == [1, 2, 1, 1]
    assert found.camera_motion is not None and found.camera_motion.focal_measured
    np.testing.assert_array_equal(found.camera_motion.zoom, camera.zoom)
    np.testing.assert_array_equal(found.seen, [True, False, True, True])


def test_a_still_camera_and_unknown_people_stay_unknown(tmp_path: Path) -> None:
    keypoints().save(tmp_path / "k.npz")
    found = Keypoints.load(tmp_path / "k.npz")
    assert found.camera_motion is None and found.people is None
    (tmp_path / "k.npz").write_bytes(b"half")
    with pytest.raises(InputError, match="keypoints archive"):
        Keypoints.load(tmp_path / "k.npz")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"xy": np.zeros((T, 3, 3))}, r"Keypoints\.xy: shape"),
        ({"xyz": np.zeros((T, 2, 3))}, r"Keypoints\.xyz: shape"),
        ({"confidence": np.zeros((T, 2))}, r"Keypoints\.confidence: shape"),
        ({"xy": np.full((T, 3, 2), np.nan)}, r"Keypoints\.xy: holds NaN"),
        ({"confidence": np.full((T, 3), 1.5)}, r"outside \[0, 1\]"),
        ({"fps": 0.0}, r"Keypoints\.fps"),
        ({"image_size": (0, 480)}, r"Keypoints\.image_size"),
        ({"people": np.zeros(T + 1)}, r"Keypoints\.people"),
        ({"camera_motion": CameraMotion(np.tile(np.eye(3), (2, 1, 1)), np.ones(2), 900.0, False)}, "2 frames"),
    ],
)
def test_what_cannot_be_is_named(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        replace(keypoints(), **change)


def test_part_of_a_clip_is_as_if_the_video_were_no_longer() -> None:
    turns = np.stack([from_rotvec_matrix(0.02 * t) for t in range(20)])
    camera = CameraMotion(turns, 1.0 + 0.01 * np.arange(20), 800.0, True)
    xy = np.arange(20 * 33 * 2, dtype=float).reshape(20, 33, 2)
    whole = Keypoints(xy, np.zeros((20, 33, 3)), np.ones((20, 33)), 10.0, LANDMARKS, (640, 480), 3.0, camera)
    part = whole.select(3.5, 4.0)
    assert (len(part), part.start) == (6, 3.5)
    np.testing.assert_array_equal(part.xy, xy[5:11])
    assert part.camera_motion is not None
    np.testing.assert_allclose(part.camera_motion.R, turns[:6], atol=1e-12)  # an even turn looks alike from any frame
    assert part.camera_motion.zoom[0] == 1.0
    scale = part.camera_motion.focal_px * part.camera_motion.zoom
    np.testing.assert_allclose(scale, 800.0 * camera.zoom[5:11])
    slow = whole.with_speed(2.0).select(3.5, 4.0)
    np.testing.assert_array_equal(slow.xy, part.xy)  # moments are the video's
    with pytest.raises(InputError, match="outside of the clip"):
        whole.select(9.0, 10.0)


def from_rotvec_matrix(angle: float) -> np.ndarray:
    """Rotation about the vertical by an angle [rad], (3, 3)."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])


def test_part_of_a_carried_camera_s_path_sees_the_same_things() -> None:
    turns = np.stack([from_rotvec_matrix(0.03 * t) for t in range(20)])
    t = np.arange(20.0)[:, None]
    path = t * (0.1, 0.02, 0.05) + 0.001 * t**2 * (1.0, 0.0, 0.0)
    camera = CameraMotion(turns, np.ones(20), 800.0, True, path, np.array([0.0, 1.5, 0.0]))
    whole = Keypoints(
        np.zeros((20, 33, 2)), np.zeros((20, 33, 3)), np.ones((20, 33)), 10.0, LANDMARKS, (640, 480), 0.0, camera
    )
    part = whole.select(0.5, 1.2).camera_motion
    assert part is not None and part.path is not None and part.ground is not None
    point = np.array([0.3, -0.2, 4.0])
    own = np.einsum("tij,tj->ti", turns, point - path)  # in each frame's axes
    again = np.einsum("tij,tj->ti", part.R, own[5] - part.path)
    np.testing.assert_allclose(again, own[5:13], atol=1e-12)
    np.testing.assert_allclose(part.ground, [0.0, 1.5 - 0.1, 0.0], atol=1e-12)  # y is down, and so it went
    sunk = replace(whole, camera_motion=replace(camera, ground=np.array([0.0, 0.05, 0.0])))
    below = sunk.select(0.5, 1.2).camera_motion
    assert below is not None and below.ground is None
