"""Cameras that stand, turn, zoom and go along; keypoints brought before the camera of one frame."""

from dataclasses import replace

import numpy as np
import pytest

from pose.camera.camera_motion import CameraMotion
from pose.errors import InputError
from reconstruct.camera import Camera, View, focal_from_fov, tilt_from_up
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


@pytest.mark.parametrize(("pitch", "roll"), [(0.0, 0.0), (0.4, -0.3), (-0.7, 1.2)])
def test_rotation_of_a_view_and_its_derivatives(pitch, roll):
    view, size = View(pitch, roll, 1.5, 7.0), 1e-6
    R = view.rotation()
    np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(R) == pytest.approx(1.0)
    assert tilt_from_up(R[:, 2]) == pytest.approx((pitch, roll))  # the vertical gives both angles
    for derivative, step in zip(view.rotation_derivatives(), ((size, 0.0), (0.0, size)), strict=True):
        ahead, behind = (View(pitch + s * step[0], roll + s * step[1], 1.5, 7.0).rotation() for s in (1, -1))
        np.testing.assert_allclose(derivative, (ahead - behind) / (2 * size), atol=1e-8)


def test_a_positive_pitch_looks_down_and_the_ground_ahead_is_lower_in_the_image():
    level, down = (View(pitch, 0.0, 1.5, 7.0).camera(SIZE) for pitch in (0.0, 0.3))
    ahead = np.array([[5.0, 0.0, 1.5]])
    np.testing.assert_allclose(level.project(ahead), [[640.0, 360.0]])
    assert down.project(ahead)[0, 1] < 360.0  # what was in the middle is now above it
    left, ground = level.project(np.array([[5.0, 1.0, 1.5], [5.0, 0.0, 0.0]]))
    assert left[0] < 640.0 and ground[1] > 360.0  # image x goes right, y goes down


def test_unknowns_of_a_view_in_a_row_and_back():
    view = View(0.1, -0.2, 1.4, 6.9, (0.5, -0.3))
    assert View.from_vector(view.vector()) == view


def test_points_carried_into_another_view_look_the_same():
    here, there = View(0.1, 0.05, 1.4, 7.0), View(-0.2, 0.3, 2.0, 7.0)
    R, shift = here.change_to(there)
    np.testing.assert_allclose(
        there.camera(SIZE).project(POINTS @ R.T + shift), here.camera(SIZE).project(POINTS), atol=1e-9
    )


@pytest.mark.parametrize("factor", [0.5, 3.0])
def test_a_world_of_another_size_looks_the_same(factor):
    np.testing.assert_allclose(MOVING.scale(factor).project(factor * POINTS), MOVING.project(POINTS), atol=1e-9)


def test_intrinsics_are_opencvs():
    points_c = STILL.to_camera(POINTS)
    homogeneous = points_c @ STILL.intrinsics.T
    np.testing.assert_allclose(homogeneous[..., :2] / homogeneous[..., 2:], STILL.project(POINTS), atol=1e-9)


def test_the_field_of_view_spans_the_longer_side():
    for size in ((1280, 720), (720, 1280)):
        focal = focal_from_fov(60.0, size)
        assert 2.0 * np.degrees(np.arctan(640.0 / focal)) == pytest.approx(60.0)


def test_what_is_no_camera_is_refused(tmp_path):
    with pytest.raises(ValueError, match="R_camera_world: not a rotation"):
        replace(STILL, R_camera_world=2.0 * np.eye(3))
    with pytest.raises(ValueError, match="focal_px: -1"):
        replace(STILL, focal_px=-1.0)
    (tmp_path / "camera.npz").write_bytes(b"PK\x03\x04")
    with pytest.raises(InputError, match=r"camera\.npz"):
        Camera.load(tmp_path / "camera.npz")
