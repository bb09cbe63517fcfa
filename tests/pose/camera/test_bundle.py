"""Truth: exact derivatives, and a made-up scene whose cameras and points are known."""

from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from pose.camera.bundle import CAMERA, Freedom, Scene, Sightings, adjust, compute_jacobian, measure_errors


def make_scene(cameras: int = 5, points: int = 40, seed: int = 0) -> tuple[Scene, Sightings]:
    """Cameras that go sideways before points 3 to 8 m away, and what they see."""
    rng = np.random.default_rng(seed)
    turns = Rotation.from_rotvec(0.05 * rng.normal(size=(cameras, 3))).as_matrix()
    place = np.column_stack([np.linspace(0, 1.5, cameras), 0.1 * rng.normal(size=(cameras, 2))])
    anchor = rng.integers(0, cameras, points)
    scene = Scene(
        turns, place, 0.05 * rng.normal(size=cameras), np.log(600.0), anchor,
        rng.uniform((-250, -150), (250, 150), (points, 2)), 1.0 / rng.uniform(3.0, 8.0, points),
    )  # fmt: skip
    camera, point = np.nonzero(np.arange(cameras)[:, None] != anchor)
    sightings = Sightings(camera, point, scene.project(camera, point))
    return scene, sightings


def test_derivatives_are_those_of_finite_differences() -> None:
    scene, sightings = make_scene()
    moved = replace(sightings, xy=sightings.xy + 3.0)
    residual, by_camera, by_depth = compute_jacobian(scene, moved)
    np.testing.assert_allclose(residual, -3.0, atol=1e-9)
    step, rng = 1e-6, np.random.default_rng(1)
    change = rng.normal(size=CAMERA * len(scene.R) + 1)
    parts = step * change[:-1].reshape(-1, CAMERA)
    there = replace(
        scene,
        R=Rotation.from_rotvec(parts[:, :3]).as_matrix() @ scene.R,
        place=scene.place + parts[:, 3:6],
        log_zoom=scene.log_zoom + parts[:, 6],
        log_focal=scene.log_focal + step * change[-1],
    )
    numeric = (there.project(moved.camera, moved.point) - scene.project(moved.camera, moved.point)) / step
    np.testing.assert_allclose(by_camera @ change, numeric.ravel(), rtol=1e-3, atol=1e-2)
    deeper = replace(scene, inverse_depth=scene.inverse_depth + step)
    numeric = (deeper.project(moved.camera, moved.point) - scene.project(moved.camera, moved.point)) / step
    np.testing.assert_allclose(by_depth, numeric.ravel(), rtol=1e-3, atol=1e-2)


def test_adjustment_finds_the_scene_again_though_some_sights_are_wrong() -> None:
    truth, sightings = make_scene(seed=2)
    rng = np.random.default_rng(3)
    wrong = rng.uniform(size=len(sightings.xy)) < 0.05
    seen = replace(sightings, xy=sightings.xy + np.where(wrong[:, None], 40.0, 0.0))
    start = replace(
        truth,
        R=Rotation.from_rotvec(0.01 * rng.normal(size=(5, 3))).as_matrix() @ truth.R,
        place=truth.place + 0.05 * rng.normal(size=(5, 3)),
        inverse_depth=truth.inverse_depth * rng.uniform(0.8, 1.2, 40),
    )
    free = np.arange(5) > 0
    start.R[0], start.place[0] = truth.R[0], truth.place[0]
    found = adjust(start, seen, np.arange(5.0), Freedom(free), 30)
    assert np.median(measure_errors(found, seen)) < 0.1
    scale = np.linalg.norm(truth.place[-1] - truth.place[0]) / np.linalg.norm(found.place[-1] - found.place[0])
    np.testing.assert_allclose(truth.place[0] + scale * (found.place - found.place[0]), truth.place, atol=0.02)


def test_depths_alone_follow_from_known_cameras() -> None:
    truth, sightings = make_scene(seed=4)
    start = replace(truth, inverse_depth=np.full(40, 0.2))
    found = adjust(start, sightings, np.arange(5.0), Freedom(np.zeros(5, dtype=bool)), 30)
    np.testing.assert_allclose(found.inverse_depth, truth.inverse_depth, rtol=1e-3)
