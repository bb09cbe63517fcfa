"""Truth: a walking, turning body in 3D, filmed by a known camera, whose sides are then exchanged on purpose."""

from dataclasses import replace

import numpy as np
import pytest

from pose.cleanup import ARMS, LEGS, TRUNK, clean, repair_exchanged_sides, weigh
from pose.keypoints import Keypoints
from pose.landmarks import INDEX, LANDMARKS, MIRRORED

FPS = 30.0
T = 90


def walker(turn: float, noise: float = 0.01, seed: int = 0) -> Keypoints:
    """A body that walks with swinging arms and legs while it turns by `turn` [rad]; camera 5 m away."""
    rng = np.random.default_rng(seed)
    xyz = np.zeros((T, 33, 3))
    for t in range(T):
        phase = 2 * np.pi * t / 33
        for i, name in enumerate(LANDMARKS):
            side = 1.0 if "left" in name else -1.0
            swing = np.sin(phase + (0 if side > 0 else np.pi))
            if "shoulder" in name:
                p = (side * 0.18, -0.5, 0)
            elif "elbow" in name:
                p = (side * 0.22, -0.25, 0.10 * swing)
            elif i in ARMS:
                p = (side * 0.22, -0.02, 0.25 * swing - 0.05)
            elif "hip" in name:
                p = (side * 0.1, 0, 0)
            elif "knee" in name:
                p = (side * 0.1, 0.42, -0.18 * swing)
            elif i in LEGS:
                p = (side * 0.1, 0.82, -0.35 * swing)
            else:
                p = (side * 0.05 if name != "nose" else 0, -0.7, -0.1)
            xyz[t, i] = p
        angle = 1.2 + turn * t / T  # about side-on, where left and right are hardest to tell apart
        c, s = np.cos(angle), np.sin(angle)
        xyz[t] = xyz[t] @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]).T
    seen = xyz + (0, 0, 5)
    xy = 1000 * seen[..., :2] / seen[..., 2:] + (640, 360)
    xyz = xyz + rng.normal(0, noise, xyz.shape)
    xy = xy + rng.normal(0, 150 * noise, xy.shape)
    return Keypoints(xy, xyz, np.full((T, 33), 0.9), FPS, LANDMARKS, (1280, 720))


def exchanged(keypoints: Keypoints, frames: slice, part: tuple[int, ...]) -> Keypoints:
    order = np.arange(33)
    order[list(part)] = np.array(MIRRORED)[list(part)]
    xy, xyz = keypoints.xy.copy(), keypoints.xyz.copy()
    xy[frames], xyz[frames] = xy[frames][:, order], xyz[frames][:, order]
    return replace(keypoints, xy=xy, xyz=xyz)


@pytest.mark.parametrize("turn", [0.0, np.pi, 2 * np.pi])
@pytest.mark.parametrize("part", [TRUNK + ARMS + LEGS, ARMS, LEGS], ids=["body", "arms", "legs"])
@pytest.mark.parametrize("frames", [slice(40, 41), slice(30, 52)], ids=["one frame", "sustained"])
def test_exchanged_sides_are_put_right(turn: float, part: tuple[int, ...], frames: slice) -> None:
    truth = walker(turn)
    repaired = repair_exchanged_sides(exchanged(truth, frames, part))
    wrong = (repaired.xyz != truth.xyz).any(axis=(1, 2))
    assert wrong.sum() == 0, f"frames {np.flatnonzero(wrong)}"


def test_good_keypoints_stay_as_they_are() -> None:
    for seed in range(3):
        truth = walker(3.0, noise=0.02, seed=seed)
        np.testing.assert_array_equal(repair_exchanged_sides(truth).xyz, truth.xyz)


def test_exchange_across_a_gap_is_put_right() -> None:
    truth = walker(1.0)
    swapped = exchanged(truth, slice(50, 70), TRUNK + ARMS + LEGS)
    gap = slice(45, 50)
    confidence = swapped.confidence.copy()
    confidence[gap] = 0
    xy, xyz = swapped.xy.copy(), swapped.xyz.copy()
    xy[gap], xyz[gap] = 0, 0
    repaired = repair_exchanged_sides(replace(swapped, xy=xy, xyz=xyz, confidence=confidence))
    others = np.r_[0:45, 50:T]
    np.testing.assert_array_equal(repaired.xyz[others], truth.xyz[others])
    assert not repaired.seen[gap].any()


def test_a_landmark_that_leaps_is_marked_missing_and_its_neighbours_are_not() -> None:
    truth = walker(0.5)
    xy = truth.xy.copy()
    wrist = INDEX["right_wrist"]
    xy[40, wrist] += (150, -80)
    weighed = weigh(replace(truth, xy=xy))
    assert weighed.confidence[40, wrist] == 0
    assert not weighed.xy[40, wrist].any() and not weighed.xyz[40, wrist].any()
    others = np.delete(weighed.confidence, 40, axis=0)
    assert np.median(others) > 0.8 and (others > 0.4).mean() > 0.99


def test_fast_steady_motion_is_no_leap() -> None:
    truth = walker(0.0, noise=0.002)
    moving = replace(truth, xy=truth.xy + (np.arange(T) * 40.0)[:, None, None] * (1.0, 0.0) - (1500, 0))
    inside = (moving.xy[..., 0] > 0) & (moving.xy[..., 0] < 1279)
    assert weigh(moving).confidence[inside].min() > 0.4


def test_outside_the_picture_is_hardly_trusted() -> None:
    truth = walker(0.0)
    shifted = replace(truth, xy=truth.xy - (0, 250))
    weighed = weigh(shifted)
    outside = shifted.xy[..., 1] < 0
    assert outside.any() and weighed.confidence[outside].max() < 0.2
    assert np.median(weighed.confidence[~outside]) > 0.8


def test_clean_wants_blazepose_landmarks() -> None:
    other = Keypoints(np.zeros((3, 2, 2)), np.zeros((3, 2, 3)), np.ones((3, 2)), FPS, ("a", "b"), (10, 10))
    with pytest.raises(ValueError, match="BlazePose"):
        clean(other)
