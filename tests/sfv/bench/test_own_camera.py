"""The detector's 3D before the camera that was found: perfect landmarks stand as they do, and lean as it does."""

from dataclasses import replace

import numpy as np
import pytest

from pose.keypoints import Keypoints
from pose.landmarks import LANDMARKS
from reconstruct.camera import Camera
from reconstruct.lifting.person_ray import turn_from_ray
from reconstruct.rotations import from_rotvec, to_matrix
from sfv.bench.own_camera import tilt_error, turn_to_world

RNG = np.random.default_rng(0)
SIZE = (1280, 720)
FRAMES = 6


def rotation(*rotvec: float) -> np.ndarray:
    return to_matrix(from_rotvec(np.array(rotvec)))


def film(turn: np.ndarray | None) -> tuple[Keypoints, Camera, np.ndarray]:
    """Points of a body beside the middle of the picture, as a perfect detector sees them in axes of the ray."""
    camera = Camera(900.0, np.array(SIZE) / 2.0, SIZE, rotation(0.2, 0.5, 0.1), np.array([0.4, 0.2, 4.0]), turn=turn)
    body = RNG.normal(0.0, 0.4, (FRAMES, len(LANDMARKS), 3))
    xy = camera.project(body)
    xyz_c = body @ camera.R_camera_world.T
    if turn is not None:
        xyz_c = xyz_c @ np.swapaxes(turn, 1, 2)
    ray = turn_from_ray(xy - camera.principal_point_px, np.ones(xy.shape[:2]), np.full(FRAMES, 900.0))
    return Keypoints(xy, xyz_c @ ray, np.ones(xy.shape[:2]), 30.0, LANDMARKS, SIZE), camera, body


@pytest.mark.parametrize("pans", [False, True])
def test_perfect_landmarks_stand_in_the_world_as_they_do(pans):
    turn = np.stack([rotation(0.0, 0.05 * t, 0.02 * t) for t in range(FRAMES)]) if pans else None
    keypoints, camera, body = film(turn)
    columns = [3, 11, 28]
    np.testing.assert_allclose(turn_to_world(keypoints, 0, columns, camera, FRAMES), body[:, columns], atol=1e-9)


def test_they_lean_with_a_camera_that_is_tilted_by_mistake():
    keypoints, camera, body = film(None)
    tilt = rotation(np.radians(9.0), 0.0, 0.0)
    wrong = replace(camera, R_camera_world=camera.R_camera_world @ tilt)
    np.testing.assert_allclose(turn_to_world(keypoints, 2, [5], wrong, 3), body[2:5, [5]] @ tilt, atol=1e-9)
    assert tilt_error(wrong.R_camera_world, camera.R_camera_world) == pytest.approx(9.0)
    # A heading is no tilt.
    assert tilt_error(camera.R_camera_world @ rotation(0.0, 0.0, 1.0), camera.R_camera_world) == pytest.approx(
        0.0, abs=1e-5
    )
