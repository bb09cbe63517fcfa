"""A camera followed by the feet, on made-up walks with a known pan."""

from dataclasses import replace

import numpy as np
import pytest

from pose.keypoints import Keypoints
from pose.landmarks import LANDMARKS
from reconstruct.camera import focal_from_fov
from reconstruct.fit.pan_from_feet import estimate_pan_from_feet

FPS, FRAMES, SIZE, FOV = 30.0, 90, (1280, 720), 50.0
FOCAL = focal_from_fov(FOV, SIZE)
DISTANCE = 5.0


def walk(pan, noise_px=0.7):
    """A stick man who walks at 1.2 m/s along the picture, before a camera turned to the side by `pan` (T,) [rad]."""
    rng = np.random.default_rng(0)
    seconds, speed = np.arange(FRAMES) / FPS, 1.2
    body = -1.8 + speed * seconds
    height = {"nose": 1.6, "shoulder": 1.4, "elbow": 1.1, "wrist": 0.9, "hip": 0.9, "knee": 0.5}
    xy = np.zeros((FRAMES, len(LANDMARKS), 2))
    for index, name in enumerate(LANDMARKS):
        side = 0 if name.startswith("left") else 1
        part = name.removeprefix("left_").removeprefix("right_")
        x, z = body.copy(), np.full(FRAMES, height.get(part, 1.6))
        if part in ("ankle", "heel", "foot_index"):
            # Half of the time a foot rests, half of the time it swings by a step.
            phase = seconds + 0.5 * side
            swing = np.clip(2.0 * (phase % 1.0) - 1.0, 0.0, 1.0)
            x = -1.8 + speed * (np.floor(phase) + swing) + (0.1 if part == "foot_index" else -0.1)
            z = 0.12 * np.sin(np.pi * swing) + (0.08 if part == "ankle" else 0.0)
        angle = np.arctan2(x, DISTANCE) - pan
        xy[:, index, 0] = 0.5 * SIZE[0] + FOCAL * np.tan(angle)
        xy[:, index, 1] = 0.5 * SIZE[1] + FOCAL * (1.0 - z) / DISTANCE
    xy += noise_px * rng.normal(size=xy.shape)
    return Keypoints(xy, np.zeros((*xy.shape[:2], 3)), np.ones(xy.shape[:2]), FPS, LANDMARKS, SIZE)


def test_a_pan_is_followed_by_the_feet():
    seconds = np.arange(FRAMES) / FPS
    pan = 0.12 * seconds + 0.08 * np.sin(2.0 * seconds)
    motion = estimate_pan_from_feet(walk(pan), FOV)
    assert motion is not None and not motion.focal_measured
    forward = motion.R[:, 0, 2]  # where the first camera's axis of view is in each frame's picture
    np.testing.assert_allclose(np.arcsin(-forward), pan - pan[0], atol=0.03)


def without(keypoints, parts):
    """As of a detector that lacks these landmarks."""
    lacking = [name.partition("_")[2] in parts for name in LANDMARKS]
    return replace(keypoints, confidence=np.where(lacking, 0.0, keypoints.confidence))


def test_a_pan_is_followed_by_the_ankles_of_a_detector_without_soles():
    pan = 0.12 * np.arange(FRAMES) / FPS
    motion = estimate_pan_from_feet(without(walk(pan), ("heel", "foot_index")), FOV)
    assert motion is not None
    np.testing.assert_allclose(np.arcsin(-motion.R[:, 0, 2]), pan, atol=0.03)


@pytest.mark.parametrize(
    "lacking", [("heel", "foot_index"), ("heel", "foot_index", "ankle"), ("heel", "foot_index", "ankle", "wrist")]
)
def test_a_camera_that_stands_still_does_whatever_a_detector_lacks(lacking):
    assert estimate_pan_from_feet(without(walk(np.zeros(FRAMES)), lacking), FOV) is None


def test_a_camera_that_stands_still_does():
    assert estimate_pan_from_feet(walk(np.zeros(FRAMES)), FOV) is None
