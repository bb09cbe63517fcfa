"""The input panel shows the person, whole and in time."""

from dataclasses import replace

import numpy as np

from pose.keypoints import Keypoints
from pose.landmarks import LANDMARKS
from pose.video import VideoWriter
from sfv.result_video import _input_frames, person_boxes


def keypoints_at(xy: np.ndarray, size: tuple[int, int]) -> Keypoints:
    frames = len(xy)
    return Keypoints(
        xy=np.repeat(xy[:, None], len(LANDMARKS), axis=1),
        xyz=np.zeros((frames, len(LANDMARKS), 3)),
        confidence=np.ones((frames, len(LANDMARKS))),
        fps=30.0,
        names=LANDMARKS,
        image_size=size,
    )


def test_windows_hold_the_person_and_follow_steadily():
    rng = np.random.default_rng(0)
    path = np.column_stack([np.linspace(200.0, 1500.0, 90), 400 - 80 * np.sin(np.linspace(0, np.pi, 90))])
    found = keypoints_at(path, (1920, 1080))
    body = rng.uniform([-40, -100], [40, 100], size=found.xy.shape[1:])
    found = replace(found, xy=found.xy + body + rng.normal(size=found.xy.shape))
    boxes = person_boxes(found, range(90))
    left, top, width, height = boxes.T
    assert np.ptp(top) == np.ptp(width) == np.ptp(height) == 0
    assert (found.xy[..., 0] > left[:, None]).all() and (found.xy[..., 0] < (left + width)[:, None]).all()
    assert (found.xy[..., 1] > top[:, None]).all() and (found.xy[..., 1] < (top + height)[:, None]).all()
    assert width[0] >= 0.75 * height[0] - 1e-9
    assert np.abs(np.diff(left, n=2)).max() < 1.0  # the detections jitter by several pixels, the window does not


def test_window_stays_in_the_image():
    boxes = person_boxes(keypoints_at(np.array([[5.0, 5.0], [630.0, 470.0]]), (640, 480)), range(2))
    assert (boxes >= 0).all() and (boxes[:, 0] + boxes[:, 2] <= 640).all() and (boxes[:, 1] + boxes[:, 3] <= 480).all()


def test_frames_come_in_the_order_asked_for(tmp_path):
    path = tmp_path / "overlay.mp4"
    with VideoWriter(path, 30.0, (64, 64), quality=1) as video:
        for level in range(0, 200, 20):
            video.write(np.full((64, 64, 3), level, dtype=np.uint8))
    shown = np.array([3, 3, 4, 6, 3, 9, 12])  # back at the seam of a cycle, and past the end
    frames = _input_frames(path, keypoints_at(np.full((10, 2), 32.0), (64, 64)), shown)
    levels = [float(frame.mean()) / 20 for frame in frames]
    np.testing.assert_allclose(levels, [3, 3, 4, 6, 3, 9, 9], atol=0.15)
