"""What a tracker sees of the frames to come."""

import numpy as np
import pytest

from imitate.env.env import EnvConfig
from imitate.env.task import Task
from imitate.tracker.env import TrackerEnv, find_firsts
from imitate.tracker.observation import AHEAD, future_size
from reconstruct.characters.character import load_character
from reconstruct.motion import ReferenceMotion
from tests.imitate.tracker.conftest import glide


def make_env(*motions: ReferenceMotion) -> TrackerEnv:
    character = load_character("humanoid")
    return TrackerEnv.of_tasks([Task(character, motion) for motion in motions], EnvConfig(), 1)


def future(env: TrackerEnv, frame: int) -> np.ndarray:
    """Rows of the frames ahead, (len(AHEAD), F)."""
    env.start(np.array([frame]))
    size = env.observation_layout.sizes["future"]
    assert size == future_size(env.joints, env.reference.end_effectors.shape[1])
    return env.observe()[0, -size:].reshape(len(AHEAD), -1)


def test_frames_ahead_are_seen_as_they_are():
    env = make_env(glide(40, speed=1.5, raised=1.0))
    rows = future(env, 3)
    # Two columns of the rotation, speed, spin; then the hands and feet; the way at 1.5 m/s and no turn at the end.
    assert rows[:, :12] == pytest.approx(np.tile([1, 0, 0, 0, 1, 0, 1.5, 0, 0, 0, 0, 0], (len(AHEAD), 1)), abs=1e-5)
    assert rows[:, -5] == pytest.approx(1.5 * np.array(AHEAD) / 30.0, abs=1e-5)
    assert rows[:, -4:] == pytest.approx(np.tile([0, 0, 0, 1], (len(AHEAD), 1)), abs=1e-5)
    shoulder = 12 + 3 * env.reference.end_effectors.shape[1] + env.body.joint("right_shoulder").dofadr[0] - 6
    assert rows[:, shoulder] == pytest.approx((3 + np.array(AHEAD)) / 39.0, abs=1e-5)


def test_the_error_is_that_from_the_present_frame():
    env = make_env(glide(20, speed=1.5, yaw=np.pi / 2))
    offset, speed = np.zeros((2, 1, env.body.nv))
    # 1 cm back and 2 cm up, an elbow bent by .3 rad; 1 m/s too fast ahead, which is along the world's y.
    elbow = env.body.joint("left_elbow").dofadr[0]
    offset[0, [1, 2, elbow]] = -0.01, 0.02, 0.3
    speed[0, [1, elbow]] = 1.0, -2.0
    env.start(np.array([5]), None, None, offset, speed)
    column, wanted = env.observation_layout.column("error"), np.zeros(2 * env.body.nv)
    wanted[[0, 2, elbow]] = -0.01, 0.02, 0.3
    wanted[[env.body.nv, env.body.nv + elbow]] = 1.0, -2.0
    assert env.observe()[0, column : column + len(wanted)] == pytest.approx(wanted, abs=1e-5)


def test_neither_time_nor_place_nor_heading_makes_a_difference():
    plain, others = glide(40, raised=1.0), [glide(9), glide(40, yaw=2.5, raised=1.0), glide(9)]
    env = make_env(plain)
    env.start(np.array([5]))
    seen = env.observe()
    joined = make_env(*others)
    joined.start(np.array([9 + 5]))
    assert joined.observe() == pytest.approx(seen, abs=2e-5)


def test_a_clip_does_not_lead_into_the_next():
    env = make_env(glide(20), glide(30, speed=2.0))
    assert find_firsts(env.reference).tolist() == [0, 20]
    rows = future(env, 17)
    assert rows[1:, -5] == pytest.approx(2.0 / 30.0, abs=1e-5), "the last frame is 19, two steps on"
    env.start(np.array([18]))
    result = env.step(np.zeros((1, env.action_size)))
    assert result.truncated[0] and env.frame[0] == 19
    env.start(np.array([20]))
    assert not env.step(np.zeros((1, env.action_size))).done[0] and env.frame[0] == 21
