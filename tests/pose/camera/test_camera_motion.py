"""Truth: a textured wall, seen by a camera whose turns and zooms are known, while a box passes before it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pose.camera.camera_motion import CameraMotion, watch_camera
from pose.keypoints import Keypoints

SIZE = (640, 360)
FOCAL = 520.0  # 63 degrees along the longer side, not the nominal 50
T = 40


def wall(seed: int = 0) -> np.ndarray:
    """A large picture with corners everywhere."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(40, 215, (90, 160, 3)).astype(np.float32)
    fine = rng.uniform(-30, 30, (360, 640, 3)).astype(np.float32)
    large = cv2.resize(coarse, (1280, 720), interpolation=cv2.INTER_NEAREST)
    return np.clip(large + cv2.resize(fine, (1280, 720)), 0, 255).astype(np.uint8)


def film(R: np.ndarray, zoom: np.ndarray, noise: float = 3.0) -> tuple[Iterator[np.ndarray], list[np.ndarray]]:
    """What the camera sees, and the box of the one who passes."""
    texture, rng = wall(), np.random.default_rng(1)
    boxes = [np.array([[60.0 + 9 * t, 120.0, 130.0 + 9 * t, 300.0]]) for t in range(len(zoom))]
    from_wall = np.array([[1, 0, -640.0], [0, 1, -360.0], [0, 0, FOCAL]])
    to_picture = np.array([[1, 0, SIZE[0] / 2], [0, 1, SIZE[1] / 2], [0, 0, 1.0]])

    def images() -> Iterator[np.ndarray]:
        for turn, z, boxes_px in zip(R, zoom, boxes, strict=True):
            homography = to_picture @ np.diag([FOCAL * z, FOCAL * z, 1.0]) @ turn @ from_wall
            image = cv2.warpPerspective(texture, homography, SIZE, borderMode=cv2.BORDER_REFLECT).astype(float)
            left, top, right, bottom = boxes_px[0].astype(int)
            image[top:bottom, left:right] = rng.uniform(0, 255, image[top:bottom, left:right].shape)
            yield np.clip(image + rng.normal(0, noise, image.shape), 0, 255).astype(np.uint8)

    return images(), boxes


def turns(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Smooth turns that end at these angles [degrees], (T, 3, 3)."""
    share = (1 - np.cos(np.linspace(0, np.pi, T))) / 2
    return Rotation.from_rotvec(np.radians(share[:, None] * np.array([pitch, yaw, roll]))).as_matrix()


def angles_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """[degrees]"""
    return np.degrees(Rotation.from_matrix(a @ np.swapaxes(b, 1, 2)).magnitude())


def test_pan_with_zoom_is_followed_and_shows_the_lens() -> None:
    R, zoom = turns(24.0, -4.0, 2.0), np.linspace(1.0, 1.25, T)
    found = watch_camera(*film(R, zoom)).motion
    assert found is not None and found.focal_measured
    assert found.focal_px == pytest.approx(FOCAL, rel=0.04)
    assert angles_between(found.R, R).max() < 0.8
    np.testing.assert_allclose(found.zoom, zoom, rtol=0.02)
    assert found.largest_rotation() == pytest.approx(np.radians(24.3), abs=0.02)
    # With the lens known, nothing is left but the corners' noise.
    exact = found.for_focal(FOCAL)
    assert angles_between(exact.R, R).max() < 0.5


def test_small_pan_is_followed_under_the_nominal_lens() -> None:
    R = turns(3.0, 0.5, 0.0)
    found = watch_camera(*film(R, np.ones(T))).motion
    assert found is not None and not found.focal_measured
    assert angles_between(found.for_focal(FOCAL).R, R).max() < 0.15


def test_still_camera_is_still_whatever_moves_before_it() -> None:
    found = watch_camera(*film(np.tile(np.eye(3), (T, 1, 1)), np.ones(T), noise=6.0))
    assert found.motion is None and found.still


def test_bare_wall_says_nothing() -> None:
    images = (np.full((360, 640, 3), 200, np.uint8) for _ in range(T))
    found = watch_camera(images, [np.zeros((0, 4))] * T)
    assert found.motion is None and not found.still


def test_frame_that_shows_nothing_takes_its_neighbours_motion() -> None:
    R = turns(6.0, 0.0, 0.0)
    images, boxes = film(R, np.ones(T))
    blank = (np.zeros_like(image) if t in (20, 21) else image for t, image in enumerate(images))
    found = watch_camera(blank, boxes).motion
    assert found is not None
    assert angles_between(found.for_focal(FOCAL).R, R).max() < 0.3


def test_motion_is_kept_with_the_keypoints(tmp_path: Path) -> None:
    motion = CameraMotion(turns(8.0, 3.0, 1.0), np.linspace(1, 2, T), FOCAL, True)
    still = Keypoints(np.ones((T, 1, 2)), np.ones((T, 1, 3)), np.ones((T, 1)), 30.0, ("nose",), SIZE)
    for keypoints in (still, replace(still, camera_motion=motion)):
        keypoints.save(tmp_path / "keypoints.npz")
        loaded = Keypoints.load(tmp_path / "keypoints.npz").camera_motion
        assert (loaded is None) == (keypoints.camera_motion is None)
    assert loaded is not None and (loaded.focal_px, loaded.focal_measured) == (FOCAL, True)
    np.testing.assert_array_equal(loaded.R, motion.R)
    np.testing.assert_array_equal(loaded.zoom, motion.zoom)


def test_another_lens_turns_less_for_the_same_movement_of_the_picture() -> None:
    R = turns(8.0, 3.0, 1.0)
    motion = CameraMotion(R, np.ones(T), FOCAL, True)
    np.testing.assert_allclose(motion.for_focal(FOCAL).R, R, atol=1e-9)
    wide, tele = motion.for_focal(FOCAL / 2), motion.for_focal(FOCAL * 2)
    assert wide.largest_rotation() == pytest.approx(2 * motion.largest_rotation(), rel=0.01)
    assert tele.largest_rotation() == pytest.approx(motion.largest_rotation() / 2, rel=0.01)
