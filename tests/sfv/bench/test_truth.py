"""What motions are compared with: contacts, frames upside down, baselines that are put where they project."""

from dataclasses import replace

import numpy as np
import pytest

from pose.errors import InputError
from pose.keypoints import Keypoints
from pose.landmarks import LANDMARKS, TWELVE
from reconstruct.camera import focal_from_fov
from reconstruct.kinematics import GRAVITY
from reconstruct.rotations import from_rotvec, to_matrix
from sfv.bench.truth import (
    BASELINE_FOV,
    MASS,
    MIRRORED,
    SOLES,
    Truth,
    compute_physical_facts,
    interpolate_unseen,
    place_by_reprojection,
    to_foot_contacts,
)

RNG = np.random.default_rng(0)
SIZE = (1280, 720)
COLUMNS = [LANDMARKS.index(name) for name in TWELVE]


def standing(frames: int = 4) -> np.ndarray:
    """Twelve joints of a body upright, z up [m], (T, 12, 3)."""
    height = {"shoulder": 1.45, "elbow": 1.15, "wrist": 0.9, "hip": 0.95, "knee": 0.5, "ankle": 0.08}
    joints = [[0.0, 0.2 if name.startswith("left") else -0.2, height[name.split("_")[1]]] for name in TWELVE]
    return np.tile(np.array(joints), (frames, 1, 1))


def test_the_mirrored_joint_is_that_of_the_other_side():
    for name, other in zip(TWELVE, np.array(TWELVE)[MIRRORED], strict=True):
        assert {name.split("_")[0], other.split("_")[0]} == {"left", "right"} and name[-4:] == other[-4:]
    assert 2 * sum(MASS.values()) == pytest.approx(1.0)


def test_camera_and_world_are_inverse_and_upside_down_is_seen():
    R = to_matrix(from_rotvec(np.array([0.3, -0.2, 1.0])))
    handstand = standing()
    handstand[2:, :, 2] = 1.6 - handstand[2:, :, 2]
    truth = Truth(handstand, R, np.array([0.1, 0.2, 4.0]), None)
    np.testing.assert_allclose(truth.to_world(truth.xyz_c), handstand, atol=1e-12)
    np.testing.assert_array_equal(truth.inverted, [False, False, True, True])


def test_a_foot_is_down_when_heel_or_toe_is():
    soles = np.array([[0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 1], [1, 1, 1, 1]], dtype=bool)
    np.testing.assert_array_equal(to_foot_contacts(soles), [[0, 0], [1, 0], [1, 1], [1, 1]])


def test_what_was_not_seen_lies_between_what_was():
    path = np.linspace(0.0, 9.0, 10)[:, None, None] * np.ones((1, 2, 3))
    seen = np.array([0, 1, 1, 0, 0, 0, 1, 1, 1, 0], dtype=bool)
    broken = np.where(seen[:, None, None], path, 0.0)
    filled = interpolate_unseen(broken, seen)
    np.testing.assert_allclose(filled[1:9], path[1:9])
    np.testing.assert_array_equal(filled[[0, 9]], path[[1, 8]])  # beyond the ends the last place is kept


def test_a_body_is_put_where_it_projects():
    """Known places before the camera, and the same points about the hips: the places are found again."""
    focal, frames = focal_from_fov(BASELINE_FOV, SIZE), 5
    body = RNG.normal(0.0, 0.4, (frames, len(LANDMARKS), 3))
    place = np.column_stack([RNG.uniform(-1, 1, frames), RNG.uniform(-0.5, 0.5, frames), RNG.uniform(3, 6, frames)])
    there = body + place[:, None]
    xy = focal * there[..., :2] / there[..., 2:] + np.array(SIZE) / 2.0
    keypoints = Keypoints(xy, body, np.ones(xy.shape[:2]), 30.0, LANDMARKS, SIZE)
    joints, soles = place_by_reprojection(keypoints, COLUMNS)
    np.testing.assert_allclose(joints, there[:, COLUMNS], atol=1e-5)
    np.testing.assert_allclose(soles, there[:, [LANDMARKS.index(name) for name in SOLES]], atol=1e-5)
    # A detection that is off by noise moves it by about as much.
    noisy = replace(keypoints, xy=xy + RNG.normal(0.0, 1.0, xy.shape))
    assert np.abs(place_by_reprojection(noisy, COLUMNS)[0] - joints).max() < 0.1


def test_physical_facts_of_somebody_who_jumps():
    """Standing 10 frames, in the air 12, standing again: the fall is g, feet are 1 cm deep, then none slide."""
    frames, fps, air = 32, 60.0, slice(10, 22)
    t = np.arange(12) / fps
    joints = standing(frames)
    joints[air, :, 2] += (0.5 * GRAVITY * t * (t[-1] - t))[:, None]
    soles = np.zeros((frames, 4, 3))
    soles[:, :, 2] = -0.01
    soles[air, :, 2] = 0.3
    held = np.ones((frames, 2), dtype=bool)
    held[air] = False
    facts = compute_physical_facts(joints, soles, held, fps)
    assert facts["flight_gravity_ratio"] == pytest.approx(1.0)
    assert facts["penetration_mm"] == pytest.approx(10.0 * 20 / 32)
    assert facts["float_mm"] == 0.0 and facts["foot_slide_mm_per_frame"] == pytest.approx(0.0, abs=1e-9)
    assert facts["contact_f1"] > 0.8
    always = compute_physical_facts(joints, soles, np.ones_like(held), fps)
    assert np.isnan(always["flight_gravity_ratio"]) and always["float_mm"] > 50.0


@pytest.mark.parametrize(
    ("lacking", "message"), [("R_camera_world", "lacks R_camera_world"), ("left_knee", "names lack left_knee")]
)
def test_a_file_that_lacks_something_says_what(tmp_path, lacking, message):
    names = [name for name in TWELVE if name != lacking]
    arrays = {
        "xyz_w": standing()[:, : len(names)],
        "names": np.array(names),
        "R_camera_world": np.eye(3),
        "t_camera_world": np.zeros(3),
    }
    arrays.pop(lacking, None)
    np.savez(tmp_path / "a.truth.npz", **arrays)
    with pytest.raises(InputError, match=message):
        Truth.load(tmp_path / "a.truth.npz")
