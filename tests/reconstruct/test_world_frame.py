"""The vertical from a body's balance, and changes of the world, by made-up bodies and cameras with known answers."""

import numpy as np
import pytest

from reconstruct.camera import View
from reconstruct.characters.character import load_character
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.rotations import from_rotvec, heading, multiply, yaw
from reconstruct.scene_objects import SceneObject
from reconstruct.world_frame import centre_world, estimate_tilt, find_start, remove_ground_velocity, to_view

LEVEL = View(0.0, 0.0, 0.0, 7.0)
LOOSE = (10.0, 10.0)
"""A prior of the tilt that says nothing."""


def look_at(up_c, frames=50):
    """Feet and centre of mass of somebody who stands along `up_c` in the axes of a camera taken for level."""
    feet = np.tile([5.0, 0.0, 0.0], (frames, 1))
    return feet + np.asarray(up_c) @ LEVEL.rotation(), feet


@pytest.mark.parametrize(("pitch", "roll"), [(0.0, 0.0), (0.2, 0.0), (0.0, -0.1), (0.3, 0.15)])
def test_somebody_who_stands_upright_shows_how_the_camera_is_tilted(pitch, roll):
    up_c = View(pitch, roll, 0.0, 7.0).rotation()[:, 2]
    found = estimate_tilt(*look_at(up_c), LEVEL, LOOSE, 1000.0, 1.0)
    np.testing.assert_allclose(found[:2], [pitch, roll], atol=1e-3)


def test_somebody_who_lies_says_nothing():
    pitch, roll, sigma = estimate_tilt(*look_at([1.0, 0.0, 0.0]), LEVEL, (0.2, 0.2), 10.0, 1.0)
    assert (pitch, roll, sigma) == (LEVEL.pitch, LEVEL.roll, np.pi)


def test_a_prior_of_a_level_camera_draws_the_tilt_towards_zero():
    up_c = View(0.2, 0.0, 0.0, 7.0).rotation()[:, 2]
    free, _, sigma = estimate_tilt(*look_at(up_c), LEVEL, LOOSE, 10.0, 1.0)
    held, _, _ = estimate_tilt(*look_at(up_c), LEVEL, (sigma, sigma), 10.0, 1.0)
    assert held == pytest.approx(0.5 * free, rel=1e-3)  # two equally certain opinions


def test_another_view_keeps_the_picture():
    model = load_character("humanoid").model
    qpos = np.tile(np.array(model.qpos0), (3, 1))
    qpos[:, 0] += [4.0, 5.0, 6.0]
    old, new = View(0.1, 0.05, 1.2, 7.0), View(-0.2, 0.1, 2.0, 7.0)
    points = BodyPoints.of_masses(model)
    before, after = (point_positions(model, q, points) for q in (qpos, to_view(qpos, old, new)))
    size = (640, 480)
    np.testing.assert_allclose(new.camera(size).project(after), old.camera(size).project(before), atol=1e-6)


def test_a_treadmill_becomes_a_walk():
    qpos = np.zeros((4, 9))
    walked = remove_ground_velocity(qpos, (-1.5, 0.5), fps=2.0)
    np.testing.assert_allclose(walked[:, :2], [[0.0, 0.0], [0.75, -0.25], [1.5, -0.5], [2.25, -0.75]])
    assert not walked[:, 2:].any()


def test_a_centred_world_begins_at_the_root_and_keeps_the_picture():
    model = load_character("humanoid").model
    qpos = np.tile(np.array(model.qpos0), (3, 1))
    qpos[:, :2] += [[3.0, 1.0], [3.5, 1.0], [4.0, 1.5]]
    qpos[:, 3:7] = from_rotvec(np.array([0.0, 0.0, 0.8]))
    camera, points = View(0.1, 0.0, 1.5, 7.0).camera((640, 480)), BodyPoints.of_masses(model)
    moved, moved_camera = centre_world(qpos, camera)
    np.testing.assert_allclose(moved[0, :2], 0.0, atol=1e-12)
    np.testing.assert_allclose(np.abs(heading(moved[0, 3:7])), [1.0, 0.0, 0.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(moved[:, 2], qpos[:, 2])
    before, after = (point_positions(model, q, points) for q in (qpos, moved))
    np.testing.assert_allclose(moved_camera.project(after), camera.project(before), atol=1e-6)


def test_yaw_is_the_turn_of_an_upright_body_however_it_leans_forward():
    turn, lean = from_rotvec(np.array([0.0, 0.0, 0.8])), from_rotvec(np.array([0.0, 0.4, 0.0]))
    assert yaw(turn) == pytest.approx(0.8)
    assert yaw(multiply(turn, lean)) == pytest.approx(0.8)


@pytest.mark.parametrize("lies", [[0.0, -1.66, 0.0], [0.5, -1.4, 0.3], [0.7, 1.05, 0.0], [0.0, 0.0, 0.0]])
def test_things_of_the_centred_world_stand_where_the_motion_is(lies):
    """Also where somebody begins lying, whose x axis and heading point elsewhere."""
    qpos = np.zeros((2, 43))
    qpos[:, :3] = [[1.0, -2.0, 0.9], [1.5, -1.2, 0.9]]
    qpos[:, 3:7] = multiply(from_rotvec(np.array([0.0, 0.0, 0.4])), from_rotvec(np.array(lies)))
    centred, _ = centre_world(qpos, View(0.1, 0.0, 1.5, 7.0).camera((640, 480)))
    turn, (x, y) = find_start(qpos)
    thing = SceneObject("box", float(centred[1, 0]), float(centred[1, 1]), 0.4, 0.5, 0.5)
    moved = thing.move(float(np.degrees(turn)), (float(x), float(y)))
    np.testing.assert_allclose([moved.x, moved.y], qpos[1, :2], atol=1e-9)
