from dataclasses import replace

import numpy as np
import pytest

from imitate.training.ppo import PPOConfig
from imitate.vision import train
from imitate.vision.depth_camera import CameraConfig
from imitate.vision.evaluation import CourseResult, actor_of, run_course
from imitate.vision.imitation import ImitationConfig
from imitate.vision.networks import SeeingLayout, Student
from imitate.vision.regression import StudentConfig
from imitate.vision.train import VisionTrainConfig, train_student, train_teacher

pytestmark = pytest.mark.usefixtures("go1")
SMALL = VisionTrainConfig(
    layout=SeeingLayout(map="noisy", memory=8, hidden=(8,)),
    num_envs=4,
    num_steps=4,
    imitation=ImitationConfig(samples=32, updates=2, sequences=3),
    samples=16,
    ppo=PPOConfig(update_epochs=1, minibatch_size=2),
    student=StudentConfig(samples=32, num_envs=4, num_steps=4, updates=2, sequences=3),
    camera=CameraConfig(rows=26, columns=30),
)


@pytest.fixture(autouse=True)
def few_lanes(monkeypatch):
    monkeypatch.setattr(train, "LEVELS", (0.0, 0.3))


def test_a_training_that_was_stopped_goes_on(tmp_path):
    """Stopped before PPO and called again, it does what is left; then its student learns and walks."""

    class StopError(Exception):
        pass

    def stop(done: float, total: float, note: str = "") -> None:
        if note.startswith("value"):
            raise StopError

    with pytest.raises(StopError):
        train_teacher(replace(SMALL, checkpoint_seconds=0.0), tmp_path, stop)
    parts = []
    teacher = train_teacher(SMALL, tmp_path, lambda done, total, note="": parts.append(note.split(":")[0]))
    assert "imitation" not in parts and parts[-1] == "ppo"
    student = train_student(SMALL, teacher, tmp_path)
    assert isinstance(student, Student) and (tmp_path / train.STUDENT).is_file()
    found = run_course(actor_of(student), 0, 1, 0.1, SMALL.camera)
    assert len(found.distance) == 16 and (found.seconds == pytest.approx(0.1)) and not found.fell.any()


def test_time_to_fall_by_hand():
    half = np.array([True, False])
    result = CourseResult(np.array([0, 1]), np.zeros(2), np.ones(2), np.array([3.0, 9.0]), half, np.ones(2))
    assert result.mean_time_to_fall() == 12.0 and result.mean_time_to_fall(half) == 3.0
    assert np.isinf(result.mean_time_to_fall(~half))
    assert CourseResult.join([result, result]).mean_time_to_fall() == 12.0
