"""Keypoints without a film: they are the true landmarks, with errors as large as said."""

import numpy as np
import pytest

from pose.landmarks import LANDMARKS, TWELVE
from reconstruct.characters.character import load_character
from reconstruct.kinematics import point_positions
from reconstruct.observations import landmark_points
from sfv.bench.films import VIEWPOINTS, Film, stage_film
from sfv.bench.simulated_keypoints import IMAGE_NOISE, SPACE_NOISE, simulate_keypoints
from sfv.bench.truth import Truth
from sfv.demo.motions import load_demo_take


@pytest.fixture(scope="module")
def staged():
    body = load_character("humanoid")
    film = Film("scene", "step_up", VIEWPOINTS[2], "humanoid", False)
    return body, stage_film(film, *load_demo_take("step_up", body), body)


def test_errors_are_as_large_as_said_and_differ_by_seed(staged):
    body, demo = staged
    columns = [LANDMARKS.index(name) for name in TWELVE]
    seen_w = point_positions(body.model, demo.qpos, landmark_points(body, TWELVE))
    seen_c = demo.camera.to_camera(seen_w)
    found = [simulate_keypoints(demo, body, seed) for seed in range(4)]
    off_px = np.stack([one.xy[:, columns] - demo.camera.project(seen_w) for one in found])
    off_m = off_px * seen_c[..., 2].mean() / demo.camera.focal_px
    assert off_m.std() == pytest.approx(IMAGE_NOISE, rel=0.1)
    hips = [TWELVE.index("left_hip"), TWELVE.index("right_hip")]
    centred = seen_c - seen_c[:, hips].mean(axis=1, keepdims=True)
    off = np.stack([one.xyz[:, columns] - centred for one in found]).std(axis=(0, 1, 2))
    np.testing.assert_allclose(off, SPACE_NOISE, rtol=0.1)
    assert not np.allclose(found[0].xy, found[1].xy)


def test_their_truth_is_that_of_the_camera(staged):
    _, demo = staged
    truth = Truth.of(demo)
    np.testing.assert_allclose(truth.to_world(truth.xyz_c), truth.xyz_w, atol=1e-9)
    np.testing.assert_allclose(truth.xyz_w, demo.xyz_w[:, [LANDMARKS.index(name) for name in TWELVE]])
