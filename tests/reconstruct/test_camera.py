"""Cameras that stand, turn, zoom and go along; keypoints brought before the camera of one frame."""

from dataclasses import replace

import numpy as np
import pytest

from pose.camera_motion import CameraMotion
from pose.errors import InputError
from reconstruct.camera import Camera, View
from reconstruct.observations import find_middle_frame, stabilise_points
from reconstruct.rotations import from_rotvec, to_matrix

SIZE = (1280, 720)
FRAMES = 12
STILL = View(0.1, 0.02, 1.4, 7.0).camera(SIZE)
YAW = np.linspace(0.0, 0.5, FRAMES)
TURN = to_matrix(from_rotvec(np.outer(YAW, [0.1, -1.0, 0.05])))
ZOOM = np.linspace(1.0, 1.3, FRAMES)
PATH = np.outer(np.arange(FRAMES), [0.05, 0.02, 0.0])
MOVING = replace(STILL, turn=TURN, zoom=ZOOM, path=PATH)
RNG = np.random.default_rng(0)
POINTS = np.array([5.0, 0.0, 1.0]) + RNG.uniform(-1.0, 1.0, size=(FRAMES, 4, 3))


def camera_of(frame):
    """The camera of one frame as one that stands."""
    R = TURN[frame] @ STILL.R_camera_world
    t = TURN[frame] @ (STILL.t_camera_world - STILL.R_camera_world @ PATH[frame])
    return Camera(STILL.focal_px * float(ZOOM[frame]), STILL.principal_point_px, SIZE, R, t)


def test_a_moving_camera_is_one_camera_in_each_frame():
    for frame in range(FRAMES):
        np.testing.assert_allclose(MOVING.project(POINTS)[frame], camera_of(frame).project(POINTS[frame]), atol=1e-9)
    np.testing.assert_allclose(MOVING.project(POINTS[:, 0]), MOVING.project(POINTS)[:, 0])
    with pytest.raises(ValueError, match="moves over 12 frames"):
        MOVING.project(POINTS[:5])


def test_the_film_without_its_beginning_looks_the_same():
    np.testing.assert_allclose(MOVING.start_at(4).project(POINTS[4:]), MOVING.project(POINTS)[4:], atol=1e-9)
    assert MOVING.start_at(4).focal_px == pytest.approx(STILL.focal_px * ZOOM[4])
    assert STILL.start_at(4) == STILL


def test_another_world_looks_the_same():
    R, shift = to_matrix(from_rotvec(np.array([0.0, 0.0, 0.7]))), np.array([1.0, -2.0, 0.0])
    np.testing.assert_allclose(
        MOVING.change_world(R, shift).project(POINTS @ R.T + shift), MOVING.project(POINTS), atol=1e-9
    )


def test_round_trip_of_a_moving_camera(tmp_path):
    MOVING.save(tmp_path / "camera.npz")
    np.testing.assert_allclose(Camera.load(tmp_path / "camera.npz").project(POINTS), MOVING.project(POINTS))
    STILL.save(tmp_path / "still.npz")
    assert Camera.load(tmp_path / "still.npz").turn is None


def test_keypoints_of_a_pan_are_brought_before_one_camera():
    motion = CameraMotion(TURN, ZOOM, STILL.focal_px, True)
    panning = replace(MOVING, path=None)
    plane = panning.project(POINTS) - STILL.principal_point_px
    for frame in (0, 7):
        reference = replace(
            STILL,
            focal_px=STILL.focal_px * ZOOM[frame],
            R_camera_world=TURN[frame] @ STILL.R_camera_world,
            t_camera_world=TURN[frame] @ STILL.t_camera_world,
        )
        expected = reference.project(POINTS) - STILL.principal_point_px
        np.testing.assert_allclose(stabilise_points(plane, motion, frame), expected, atol=1e-6)
    assert abs(find_middle_frame(motion) - FRAMES // 2) <= 1


def test_a_camera_that_turns_all_the_way_round_is_reported():
    turn = to_matrix(from_rotvec(np.outer(np.linspace(0.0, 3.0, FRAMES), [0.0, 1.0, 0.0])))
    with pytest.raises(InputError, match="turns by more than 130 degrees"):
        find_middle_frame(CameraMotion(turn, np.ones(FRAMES), 1000.0, True))
