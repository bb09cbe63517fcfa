"""Truth: a body of known size that stands, sinks or moves along before a level camera, with its legs not seen."""

from dataclasses import replace

import numpy as np
import pytest

from pose.camera.camera_motion import CameraMotion
from pose.errors import InputError
from pose.keypoints import Keypoints
from pose.landmarks import LANDMARKS
from reconstruct.camera import focal_from_fov
from reconstruct.guess_legs import CONFIDENCE, LEGS, UpperBody, guess_legs
from reconstruct.retargeting.ik_targets import rest_points
from tests.samples import CHARACTER

FPS, T, SIZE, AWAY = 30.0, 60, (1280, 720), 4.0
FOCAL = focal_from_fov(50.0, SIZE)
REST = rest_points(CHARACTER, tuple(CHARACTER.landmarks))
FACING = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]])
"""Rows: the camera's axes (right, down, away) in the body's (forward, left, up), for a body that faces it."""


def filmed(path: np.ndarray) -> Keypoints:
    """The standing body along a path of its hips (right, down, away) [m], (T, 3); knees and feet are not known."""
    xy, xyz, confidence = np.zeros((T, 33, 2)), np.zeros((T, 33, 3)), np.zeros((T, 33))
    hips = FACING @ (0.5 * (REST["left_hip"] + REST["right_hip"]))
    for name, place in REST.items():
        if name in LEGS:
            continue
        at = LANDMARKS.index(name)
        offset = FACING @ place - hips
        xyz[:, at] = offset
        seen = path + offset + (0.0, 0.0, AWAY)
        xy[:, at] = FOCAL * seen[:, :2] / seen[:, 2:] + (640, 700)  # the hips are near the lower edge
        confidence[:, at] = 1.0
    return Keypoints(xy, xyz, confidence, FPS, LANDMARKS, SIZE)


def legs_of(keypoints: Keypoints) -> dict[str, np.ndarray]:
    """Guessed landmarks by name, metric about the hips' middle, (T, 3)."""
    return {name: keypoints.xyz[:, LANDMARKS.index(name)] for name in (*LEGS, "left_hip", "right_hip")}


def true_drop(name: str) -> float:
    """How far a landmark is below the hips of the standing body [m]."""
    return float(REST["left_hip"][2] - REST[name][2])


def test_who_stands_gets_the_legs_of_the_standing_body_and_they_are_marked() -> None:
    found = guess_legs(filmed(np.zeros((T, 3))), CHARACTER, "stand")
    assert found.guessed == LEGS
    columns = [LANDMARKS.index(name) for name in LEGS]
    assert (found.confidence[:, columns] == CONFIDENCE).all()
    for name in ("left_ankle", "right_ankle", "left_knee"):
        place = found.xy[:, LANDMARKS.index(name)]
        true = FOCAL * true_drop(name) / AWAY + 700
        np.testing.assert_allclose(place[:, 1], true, atol=0.06 * FOCAL / AWAY)
        side = 1.0 if name.startswith("left") else -1.0
        assert (side * (place[:, 0] - 640) > 0).all()
    toes, heel = (legs_of(found)[f"left_{part}"] for part in ("foot_index", "heel"))
    assert (toes[:, 2] < heel[:, 2] - 0.1).all()  # towards the camera, which the body faces


def test_hips_that_sink_bend_the_knees_over_feet_that_stay() -> None:
    path = np.zeros((T, 3))
    path[:, 1] = 0.25 * np.sin(np.pi * np.arange(T) / T) ** 2
    found = guess_legs(filmed(path), CHARACTER, "stand")
    ankle = found.xy[:, LANDMARKS.index("left_ankle")]
    assert np.ptp(ankle, axis=0).max() < 0.04 * FOCAL / AWAY
    legs = legs_of(found)
    thigh = np.linalg.norm(legs["left_knee"] - legs["left_hip"], axis=1)
    np.testing.assert_allclose(thigh, np.linalg.norm(REST["left_knee"] - REST["left_hip"]), rtol=0.02)
    forward = legs["left_hip"][:, 2] - legs["left_knee"][:, 2]
    assert forward[T // 2] > forward[0] + 0.15


def test_who_moves_along_takes_steps_and_the_standing_foot_stays() -> None:
    path = np.zeros((T, 3))
    path[:, 0] = np.linspace(-1.2, 1.2, T)
    found = guess_legs(filmed(path), CHARACTER, "walk")
    metre = FOCAL / AWAY
    feet = np.stack([found.xy[:, LANDMARKS.index(f"{side}_ankle"), 0] for side in ("left", "right")], axis=1) / metre
    speed = np.abs(np.diff(feet, axis=0)) * FPS
    assert np.median(speed.min(axis=1)) < 0.1  # one of them stands
    assert (speed.max(axis=1) > 1.0).mean() > 0.6  # while the other swings
    assert np.ptp(feet, axis=0).min() > 1.5
    apart = np.abs(feet - (found.xy[:, [23, 24], 0].mean(axis=1) / metre)[:, None])
    assert apart.max() < 0.65
    still = guess_legs(filmed(np.zeros((T, 3))), CHARACTER, "walk")
    assert np.ptp(still.xy[:, LANDMARKS.index("left_ankle")], axis=0).max() < 1.0


@pytest.mark.parametrize("how", ["stand", "walk"])
def test_without_a_trunk_nothing_is_guessed(how: UpperBody) -> None:
    keypoints = filmed(np.zeros((T, 3)))
    keypoints.confidence[:, LANDMARKS.index("left_hip")] = 0.0
    with pytest.raises(InputError, match="--upper-body needs the shoulders and hips"):
        guess_legs(keypoints, CHARACTER, how)
    assert guess_legs(keypoints, CHARACTER, "no") is keypoints


def test_flat_keypoints_and_a_camera_that_moves_are_one_line_errors() -> None:
    seen = filmed(np.zeros((T, 3)))
    with pytest.raises(InputError, match="in 3D"):
        guess_legs(replace(seen, xyz=np.zeros_like(seen.xyz)), CHARACTER, "stand")
    camera = CameraMotion(np.tile(np.eye(3), (T, 1, 1)), np.linspace(1.0, 1.2, T), FOCAL, False)
    with pytest.raises(InputError, match="START and END"):
        guess_legs(replace(seen, camera_motion=camera), CHARACTER, "walk")
