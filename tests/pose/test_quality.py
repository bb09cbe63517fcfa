"""Truth: made-up keypoints whose faults are put in on purpose."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pose.camera.camera_motion import CameraMotion
from pose.keypoints import Keypoints
from pose.landmarks import INDEX, LANDMARKS
from pose.quality import assess_keypoints, find_intervals
from pose.timeline.active_part import find_active_part, usual_size_px

FPS, T, SIZE = 30.0, 90, (1280, 720)
LEFT_ARM = [INDEX["left_elbow"], INDEX["left_wrist"]]


def standing(frames: int = T, x_px: float = 640.0) -> Keypoints:
    """A body that stands upright in the picture, 500 pixels tall, all of it surely seen."""
    height = {"shoulder": -0.3, "elbow": -0.15, "wrist": 0.0, "hip": 0.0, "knee": 0.25, "ankle": 0.45, "foot": 0.5}
    down = np.array([next((h for part, h in height.items() if part in name), -0.45) for name in LANDMARKS])
    side = np.array([0.1 if "left" in name else -0.1 for name in LANDMARKS])
    body = np.column_stack([side, down])
    xy = np.tile(x_px + 500 * body, (frames, 1, 1)) - (0, x_px - 360)
    xyz = np.tile(np.column_stack([1.8 * body, np.zeros(33)]), (frames, 1, 1))
    return Keypoints(xy, xyz, np.full((frames, 33), 0.95), FPS, LANDMARKS, SIZE)


def test_good_keypoints_are_good_and_have_no_findings() -> None:
    found = assess_keypoints(standing())
    assert found.good and found.findings == ()
    assert found.verdict.startswith("Good keypoints: 95% of the joints")
    np.testing.assert_allclose(found.frame_confidence, 0.95)


def test_hidden_arm_is_named_with_its_frames_and_why() -> None:
    keypoints = standing()
    confidence, xyz = keypoints.confidence.copy(), keypoints.xyz.copy()
    confidence[41:56, LEFT_ARM] = 0.2
    xyz[41:56, LEFT_ARM, 2] = 0.25
    found = assess_keypoints(replace(keypoints, confidence=confidence, xyz=xyz))
    assert found.findings == ("left arm unsure in frames 41-55, behind the body",)
    assert found.frame_confidence[50] == pytest.approx((10 * 0.95 + 2 * 0.2) / 12)


def test_person_that_leaves_the_picture_is_cut_off_at_that_edge() -> None:
    keypoints = standing()
    xy = keypoints.xy.copy()
    xy[10:31, :, 0] -= 660
    found = assess_keypoints(replace(keypoints, xy=xy))
    assert found.findings == ("person cut off at the left edge in frames 10-30",)


def test_frames_without_the_person_are_reported_and_many_make_a_clip_poor() -> None:
    keypoints = standing()
    confidence = keypoints.confidence.copy()
    confidence[20:50] = 0.0
    found = assess_keypoints(replace(keypoints, confidence=confidence))
    assert not found.good and found.verdict.startswith("Poor keypoints: 63%")
    assert found.findings[0].startswith("person not seen in frames 20-49")


def test_missing_landmarks_do_not_make_the_body_large() -> None:
    keypoints = standing(x_px=1000.0)
    confidence, xy = keypoints.confidence.copy(), keypoints.xy.copy()
    confidence[:, INDEX["left_wrist"]], xy[:, INDEX["left_wrist"]] = 0.0, 0.0
    assert usual_size_px(replace(keypoints, confidence=confidence, xy=xy)) == pytest.approx(375.0)


def test_other_people_a_moving_camera_and_a_small_person_are_mentioned() -> None:
    keypoints = standing()
    turns = Rotation.from_rotvec(np.linspace(0, 0.2, T)[:, None] * [0, 1, 0]).as_matrix()
    camera = CameraMotion(turns, np.linspace(1, 1.2, T), 900.0, False)
    people = np.where(np.arange(T) < 45, 2, 1)
    crowd, moves = assess_keypoints(replace(keypoints, people=people, camera_motion=camera, start=2.0)).findings
    assert crowd == "several people in 50% of the frames, followed the one at 640,360@3.50; PERSON=2 is the next"
    assert moves.startswith("camera moves: rotates by 11.5 degrees and zooms by 1.20")
    small = assess_keypoints(replace(keypoints, xy=keypoints.xy * 0.2))
    assert small.findings == ("person small in the picture (75 pixels): film from nearer",)


def test_intervals_are_joined_when_near_and_left_out_when_short() -> None:
    flags = np.zeros(100, dtype=bool)
    flags[[10, 11, 12, 13, 17, 18, 19, 20, 50, 80, 81, 82, 83, 84]] = True
    assert find_intervals(flags, FPS) == [(10, 20), (80, 84)]


def test_active_part_of_a_long_video_is_proposed() -> None:
    keypoints = standing(frames=600)
    xy = keypoints.xy.copy()
    jump = slice(300, 360)
    xy[jump] -= np.array([0.0, 150.0]) * np.sin(np.linspace(0, 2 * np.pi, 60))[:, None, None] ** 2
    long = replace(keypoints, xy=xy, start=5.0)
    part = find_active_part(long)
    assert part is not None
    assert 14.0 < part[0] < 15.0 and 17.0 < part[1] < 18.0
    assert any("START=14" in finding for finding in assess_keypoints(long).findings)


def test_video_that_moves_throughout_has_no_active_part() -> None:
    keypoints = standing(frames=600)
    swing = 40 * np.sin(np.arange(600) / 5)
    walking = replace(keypoints, xy=keypoints.xy + swing[:, None, None] * np.array([1.0, 0.0]))
    assert find_active_part(walking) is None
    assert "choose a part by START and END" in assess_keypoints(walking).findings[0]


def test_legs_out_of_the_picture_make_a_clip_poor_and_are_named() -> None:
    keypoints = standing()
    legs = [i for i, name in enumerate(LANDMARKS) if any(part in name for part in ("knee", "ankle", "heel", "foot"))]
    xy, confidence = keypoints.xy.copy(), keypoints.confidence.copy()
    xy[20:, legs, 1] += 400  # below the picture's edge
    confidence[60:, legs], xy[60:, legs] = 0.0, 0.0  # or not found at all
    found = assess_keypoints(replace(keypoints, xy=xy, confidence=confidence))
    assert found.level == "poor" and not found.good
    assert found.findings[0] == "legs out of the picture in 78% of the frames, in frames 20-89"
    assert found.metrics["whole"] == pytest.approx(20 / 90) and "film the whole body" in found.verdict
    assert "--upper-body stand" in found.verdict
    assert assess_keypoints(replace(keypoints, xy=xy, confidence=confidence), upper_body=True).level == "good"
    one_leg = [i for i in legs if "left" in LANDMARKS[i]]
    confidence = keypoints.confidence.copy()
    confidence[:, one_leg] = 0.0
    assert assess_keypoints(replace(keypoints, confidence=confidence)).metrics["whole"] == 1.0


def test_jitter_is_that_of_the_noise_and_nothing_of_a_steady_motion() -> None:
    keypoints, rng = standing(), np.random.default_rng(0)
    drift = keypoints.xy + np.arange(T)[:, None, None] * np.array([1.5, 0.5])
    assert assess_keypoints(replace(keypoints, xy=drift)).metrics["jitter"] == pytest.approx(0.0, abs=1e-9)
    noisy = drift + 2.0 * rng.standard_normal(drift.shape)
    # Rayleigh's median is 1.177 times the standard deviation, a second difference has sqrt(6) times the noise's.
    expected = 1.177 * np.sqrt(6) * 2.0 / usual_size_px(replace(keypoints, xy=noisy))
    assert assess_keypoints(replace(keypoints, xy=noisy)).metrics["jitter"] == pytest.approx(expected, rel=0.05)


def test_doubt_about_the_person_and_the_time_are_in_the_verdict() -> None:
    unsure = assess_keypoints(replace(standing(), wrong_person=0.8))
    assert unsure.level == "poor" and "risk of the wrong person 80%" in unsure.verdict and "PERSON" in unsure.verdict
    slow = assess_keypoints(replace(standing(), speed=4.0))
    assert slow.level == "good" and slow.findings[0].startswith("the film is 4 x slowed: its time is counted 4 x")
    fast = assess_keypoints(replace(standing(), speed=0.25))
    assert fast.findings[0].startswith("the film is 4 x sped up")
