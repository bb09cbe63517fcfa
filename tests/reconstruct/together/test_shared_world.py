"""Two people in one world: Gaussians whose product is known, and films of known truth with a detector's errors."""

from dataclasses import replace

import numpy as np
import pytest

from pose.camera.camera_motion import CameraMotion
from pose.errors import InputError
from pose.keypoints import Keypoints
from pose.landmarks import LANDMARKS
from reconstruct.camera import Camera, View, focal_from_fov
from reconstruct.characters.character import Character, load_character
from reconstruct.fit.fit_sigmas import EYE_LEVEL
from reconstruct.kinematics import point_positions
from reconstruct.observations import landmark_points
from reconstruct.reconstruct import ReconstructConfig
from reconstruct.rotations import from_rotvec, to_matrix
from reconstruct.together.shared_world import (
    HEIGHT_SIGMA,
    Place,
    Sighting,
    agree,
    find_place,
    find_shared_world,
    make_camera,
    reconstruct_in_world,
    view_at,
)
from sfv.demo.motions import load_demo_take

SIZE, FPS, T = (960, 540), 15.0, 24
FOCAL = focal_from_fov(50.0, SIZE)
VIEW = View(0.12, 0.01, 1.5, float(np.log(FOCAL)))


def keypoints(body: Character, place: Place, camera: Camera, seen: slice, seed: int) -> Keypoints:
    """A walk at a place, 1 cm off in the image and 3 cm in depth, over all frames of the film."""
    rng, take = np.random.default_rng(seed), load_demo_take("walk", load_character("humanoid"))[0][: 2 * T : 2]
    qpos = place.put(take * np.array([body.scale] * 3 + [1.0] * (take.shape[1] - 3)))
    present = [landmark for landmark in LANDMARKS if landmark in body.landmarks]
    points_w = point_positions(body.model, qpos, landmark_points(body, tuple(present)))
    points_c, columns = camera.to_camera(points_w), [LANDMARKS.index(landmark) for landmark in present]
    xy, xyz, confidence = np.zeros((T, 33, 2)), np.zeros((T, 33, 3)), np.zeros((T, 33))
    error = rng.normal(size=points_c.shape)
    xy[seen, columns] = (camera.project(points_w) + 0.01 * FOCAL / 5.0 * error[..., :2])[seen]
    hips = points_c[:, [present.index(f"{side}_hip") for side in ("left", "right")]].mean(axis=1, keepdims=True)
    xyz[seen, columns] = ((points_c - hips + 0.03 * error) / body.scale)[seen]  # a detector does not know heights
    confidence[seen, columns] = 0.9
    return Keypoints(xy, xyz, confidence, FPS, LANDMARKS, SIZE)


def test_people_agree_on_the_camera_and_their_heights_differ_as_it_says() -> None:
    scales, tight = np.array([1.05, 0.9]), np.diag([1e6, 1e6, 1e6, 1e6])
    witnesses = []
    for scale in scales:
        own = np.array([VIEW.pitch, VIEW.roll, VIEW.height / scale, VIEW.log_focal])
        witnesses.append(Sighting(tight, tight @ own, own[:2], np.array([0.05, 0.05])))
    view, found = agree(witnesses, ReconstructConfig(), VIEW.log_focal)
    # The picture shows people's heights relative to each other; how tall they are on average say the priors alone: that
    # of people's heights, and a little that of the camera's, which is 1.5 m for people of the usual height.
    assert found[0] / found[1] == pytest.approx(scales[0] / scales[1], rel=1e-3)
    low = np.log(VIEW.height / np.sqrt(np.prod(scales)) / EYE_LEVEL)
    each = -(low / 0.3**2) / (2.0 / HEIGHT_SIGMA**2 + 1.0 / 0.3**2)
    assert np.log(found).sum() == pytest.approx(2.0 * each, abs=1e-4)
    assert (view.pitch, view.roll) == (pytest.approx(VIEW.pitch, abs=1e-3), pytest.approx(VIEW.roll, abs=1e-3))
    assert np.log(view.height / EYE_LEVEL) == pytest.approx(low + each, abs=1e-4)


def test_a_witness_who_has_seen_nothing_changes_nothing() -> None:
    own = np.array([VIEW.pitch, VIEW.roll, VIEW.height, VIEW.log_focal])
    sure, nothing = np.diag([1e4, 1e4, 1e4, 1e4]), np.zeros((4, 4))
    one = Sighting(sure, sure @ own, own[:2], np.array([0.05, 0.05]))
    other = Sighting(nothing, np.zeros(4), np.zeros(2), np.array([0.25, 0.05]))
    alone, _ = agree([one], ReconstructConfig(), VIEW.log_focal)
    both, scales = agree([one, other], ReconstructConfig(), VIEW.log_focal)
    np.testing.assert_allclose(both.vector(), alone.vector(), atol=1e-4)
    np.testing.assert_allclose(scales, 1.0, atol=1e-4)


def test_a_place_is_found_again_by_the_camera_that_both_worlds_share() -> None:
    place = Place(0.4, 2.2, 1.5, -0.7)
    shared = VIEW.camera(SIZE)
    turn = to_matrix(from_rotvec(np.array([0.0, 0.0, place.yaw])))
    own = shared.change_world(turn.T, -turn.T @ np.array([place.x, place.y, 0.0]))
    found = find_place(own, shared, 0.4)
    np.testing.assert_allclose([found.yaw, found.x, found.y], [place.yaw, place.x, place.y], atol=1e-9)
    qpos = np.array([[0.3, 0.2, 0.9, 1.0, 0.0, 0.0, 0.0]])
    np.testing.assert_allclose(shared.project(found.put(qpos)[:, :3]), own.project(qpos[:, :3]), atol=1e-6)


def test_a_camera_that_pans_has_one_view_in_every_frame() -> None:
    turn = to_matrix(from_rotvec(np.outer(np.linspace(0.0, 0.4, T), [0.0, -1.0, 0.0])))
    motion = CameraMotion(turn, np.linspace(1.0, 1.2, T), FOCAL, True)
    film = replace(
        keypoints(load_character("humanoid"), Place(), VIEW.camera(SIZE), slice(0, T), 0), camera_motion=motion
    )
    camera = make_camera(VIEW, film)
    middle = int((motion.R[:, 2] @ motion.R[:, 2].T).min(axis=1).argmax())
    np.testing.assert_allclose(view_at(camera, middle).vector(), VIEW.vector(), atol=1e-6)
    assert view_at(camera, 0).height == pytest.approx(VIEW.height)
    # Panned about its own upright axis, a camera that looks down a little rolls a little.
    assert abs(view_at(camera, 0).roll - VIEW.roll) > 0.01


def test_two_people_stand_where_they_do_and_the_smaller_one_is_smaller() -> None:
    bodies = load_character("humanoid"), load_character("humanoid", 1.55)
    places = Place(0.0, 1.2, 4.2, 0.8), Place(0.0, -1.9, 5.4, -0.6)
    camera, seen = VIEW.camera(SIZE), (slice(0, T), slice(4, T))
    films = [keypoints(*row, seed) for seed, row in enumerate(zip(bodies, places, (camera,) * 2, seen, strict=True))]
    config = ReconstructConfig(iterations=5)
    # One camera does not show how large the world is: people's mean height says it.
    world = find_shared_world(films, load_character("humanoid", float(np.sqrt(1.75 * 1.55))), config)
    assert world.heights[1] / world.heights[0] == pytest.approx(1.55 / 1.75, abs=0.05)
    roots, place = [], Place()
    for film, height in zip(films, world.heights, strict=True):
        found, place = reconstruct_in_world(film, load_character("humanoid", height), config, world.camera)
        assert found.metrics["reprojection_px"] < 5.0 and not found.motion.loop
        roots.append(place.put(found.motion.qpos)[-1, :3])
    assert place.begin == pytest.approx(4 / FPS)
    take = load_demo_take("walk", bodies[0])[0][2 * T - 2][None]
    size = np.array([[1.0] * 3 + [0.0] * 40])
    true = [
        where.put(take * (body.scale * size + 1.0 - size))[0, :3] for body, where in zip(bodies, places, strict=True)
    ]
    miss = (roots[1] - roots[0]) - (true[1] - true[0])
    assert np.linalg.norm(miss) < 0.15


def test_a_camera_that_is_carried_along_is_refused_in_one_line() -> None:
    film = keypoints(load_character("humanoid"), Place(0.0, 0.0, 4.0, 0.0), VIEW.camera(SIZE), slice(0, T), 0)
    still = np.repeat(np.eye(3)[None], T, axis=0)
    carried = CameraMotion(still, np.ones(T), FOCAL, True, np.outer(np.arange(T), [0.1, 0.0, 0.0]))
    with pytest.raises(InputError, match="carried along"):
        find_shared_world([replace(film, camera_motion=carried)] * 2, load_character("humanoid"), ReconstructConfig())
