"""The input panel shows the person, whole and in time."""

import numpy as np
import pytest

from pose.keypoints import Keypoints
from pose.landmarks import LANDMARKS
from pose.video import VideoWriter
from sfv.result_video import _input_frames, person_box


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


def test_box_holds_the_person_in_the_frames_asked_for():
    xy = np.array([[100.0, 100.0], [100.0, 300.0], [900.0, 300.0]])
    left, top, right, bottom = person_box(keypoints_at(xy, (1000, 500)), range(0, 2))
    assert left < 100 < right < 900 and top < 100 and bottom > 300
    assert (bottom - top) == pytest.approx(300)  # 200 px and a quarter of it above and below
    assert right - left >= 0.75 * (bottom - top) - 1e-9
    box = person_box(keypoints_at(xy, (1000, 500)), range(0, 3))
    assert box[2] > 900 and box[2] <= 1000


def test_frames_come_in_the_order_asked_for(tmp_path):
    path = tmp_path / "overlay.mp4"
    with VideoWriter(path, 30.0, (64, 64), quality=1) as video:
        for level in range(0, 200, 20):
            video.write(np.full((64, 64, 3), level, dtype=np.uint8))
    shown = np.array([3, 3, 4, 6, 3, 9, 12])  # back at the seam of a cycle, and past the end
    frames = _input_frames(path, keypoints_at(np.full((10, 2), 32.0), (64, 64)), shown)
    levels = [float(frame.mean()) / 20 for frame in frames]
    np.testing.assert_allclose(levels, [3, 3, 4, 6, 3, 9, 9], atol=0.15)
