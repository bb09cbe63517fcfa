"""The input panel shows the person, whole and in time; the reference panel what is imitated, on its ground."""

from dataclasses import replace

import numpy as np
import pytest

from imitate.env.env import EnvConfig, ImitationEnv
from imitate.env.task import Task
from imitate.scene.scene import CONTROL_HZ, Scene
from pose.keypoints import Keypoints
from pose.landmarks import LANDMARKS
from pose.video import VideoWriter
from reconstruct.characters.character import load_character
from sfv.demo.motions import load_demo_motion
from sfv.drawing.result_video import Original, _input_frames, fade_after, person_boxes, sample_reference


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


@pytest.mark.parametrize("kind", ["flat", "stairs"])
def test_the_reference_is_shown_as_the_policy_saw_it(kind):
    """Set on other ground foot by foot, not lifted by the root: what the environment rewards is what is drawn."""
    character, scene = load_character("humanoid"), Scene(kind)
    motion = load_demo_motion("walk", character)
    task = Task(character, motion, scene)
    env = ImitationEnv(task, EnvConfig(episode_seconds=2.0), 1)
    times = np.arange(2 * CONTROL_HZ) / CONTROL_HZ
    shown = sample_reference(task, times)
    learnt = env.reference.qpos[: len(times)]
    np.testing.assert_allclose(shown[:, :3], learnt[:, :3], atol=0.01)
    np.testing.assert_allclose(shown[:, 7:], learnt[:, 7:], atol=0.05)


def test_a_retargeted_body_shows_the_phase_of_its_original():
    """Half as long, at twice the frame rate: at its last moment the original's last pose is drawn."""
    character = load_character("humanoid")
    motion = load_demo_motion("jump", character)
    fast = replace(motion, fps=2.0 * motion.fps)
    times = np.array([0.0, fast.duration])
    shown = sample_reference(Task(character, motion), times * fast.fps / motion.fps)
    np.testing.assert_allclose(shown[-1], motion.qpos[-1], atol=1e-9)
    images = list(Original(Task(character, motion), None).draw(fast, times, fast.fps))
    assert len(images) == 2 and images[0].shape == (480, 480, 3)


def test_what_comes_after_a_fall_is_grey_and_dim():
    images = np.full((3, 2, 2, 3), [200, 100, 0], dtype=np.uint8)
    first, second, third = fade_after(iter(images), 2)
    assert (first == images[0]).all() and (second == images[1]).all()
    assert (third == 50).all()  # half of the mean of 200, 100 and 0
