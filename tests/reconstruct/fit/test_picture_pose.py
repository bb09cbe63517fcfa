"""The pose in a single picture that was made with a known camera."""

import numpy as np
import pytest

from pose.keypoints import Keypoints
from reconstruct.camera import R_LEVEL, View, focal_from_fov
from reconstruct.characters.character import load_character
from reconstruct.fit.picture_pose import fit_pose_to_picture
from reconstruct.kinematics import point_positions
from reconstruct.observations import landmark_points
from reconstruct.rotations import angle_between, from_rotvec

SIZE = (640, 640)


@pytest.fixture(scope="module")
def picture():
    """Somebody 4 m in front of a level camera who turns by 40 degrees, bends the left elbow and lifts that thigh."""
    character = load_character("humanoid")
    model, qpos = character.model, np.array(character.model.qpos0)
    qpos[:3] = 4.0, 0.3, -0.2
    qpos[3:7] = from_rotvec(np.array([0.0, 0.0, np.pi + 0.7]))
    hip, elbow, knee = (model.joint(f"left_{part}").qposadr[0] for part in ("hip", "elbow", "knee"))
    qpos[hip : hip + 4] = from_rotvec(np.array([0.0, -0.9, 0.0]))
    qpos[elbow], qpos[knee] = 1.2, 1.0
    names = tuple(character.landmarks)
    points_w = point_positions(model, qpos[None], landmark_points(character, names))
    camera = View(0.0, 0.0, 0.0, float(np.log(focal_from_fov(50.0, SIZE)))).camera(SIZE)
    xyz = (points_w - points_w[:, [names.index("left_hip"), names.index("right_hip")]].mean(axis=1)) @ R_LEVEL.T
    keypoints = Keypoints(
        xy=camera.project(points_w),
        xyz=xyz,
        confidence=np.ones(points_w.shape[:2]),
        fps=30.0,
        names=names,
        image_size=SIZE,
    )
    return character, qpos, points_w[0], fit_pose_to_picture(keypoints, character)


def test_the_pose_is_that_of_the_picture(picture):
    character, qpos, points_w, found = picture
    names = tuple(character.landmarks)
    fitted = point_positions(character.model, found.qpos[None], landmark_points(character, names))[0]
    camera = found.view.camera(SIZE)
    off_px = np.linalg.norm(camera.project(fitted[None]) - camera.project(points_w[None]), axis=-1)
    assert off_px.mean() < 6.0
    assert np.degrees(angle_between(found.qpos[3:7], qpos[3:7])) < 15.0
    assert np.linalg.norm(found.qpos[:3] - qpos[:3]) < 0.3
    elbow = character.model.joint("left_elbow").qposadr[0]
    assert found.qpos[elbow] == pytest.approx(qpos[elbow], abs=0.3)


def test_a_camera_above_the_ground_looks_from_there(picture):
    camera = picture[3].camera(1.4)
    np.testing.assert_allclose(-camera.R_camera_world.T @ camera.t_camera_world, [0.0, 0.0, 1.4], atol=1e-12)
