import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

from imitate.training import work_clock
from imitate.training.ppo import PPOConfig
from imitate.training.train import TrainingError
from imitate.vision import train
from imitate.vision.depth_camera import CameraConfig
from imitate.vision.evaluation import CourseResult, actor_of, run_course
from imitate.vision.imitation import Imitation, ImitationConfig
from imitate.vision.networks import SeeingLayout, SeeingPolicy, Student
from imitate.vision.regression import StudentConfig, StudentRegression
from imitate.vision.train import StudentTraining, TeacherTraining, VisionTrainConfig, train_student, train_teacher
from pose.progress import silent

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


def test_a_layout_of_the_go1_is_named_as_when_there_was_no_other_body():
    """The digests that were made when the body was no part of a layout: a finished training is found again."""
    config = VisionTrainConfig()
    assert config.digest("teacher").startswith("598353e7fe66") and config.digest("student").startswith("ac72228e87bb")
    human = replace(config, layout=SeeingLayout(body="humanoid"))
    assert human.digest("teacher") != config.digest("teacher")


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


def test_a_student_that_was_stopped_goes_on_in_new_episodes(tmp_path, monkeypatch):
    """Ctrl-C waits for the end of the iteration; then robots begin anew, where memories are empty."""
    teacher, original = SeeingPolicy(SMALL.layout), StudentRegression.iterate

    def press(self, progress):
        signal.raise_signal(signal.SIGINT)
        return original(self, progress)

    before = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(StudentRegression, "iterate", press)
        train_student(SMALL, teacher, tmp_path)
    assert signal.getsignal(signal.SIGINT) is before
    training = StudentTraining(SMALL, teacher, tmp_path, silent)
    assert training.done["student"] == 16
    batch = training.regression.gather(2, 0.0)
    assert batch.begins[0].all() and not any(memory.any() for memory in batch.memory)
    counts = []
    train_student(SMALL, teacher, tmp_path, lambda done, total, note="": counts.append(done))
    assert counts == [32.0]


def test_a_night_asleep_is_no_time_of_the_training(tmp_path, monkeypatch):
    """By a clock that moves only where a laptop sleeps, before every report."""
    clock = [0.0]
    monkeypatch.setattr(work_clock.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(work_clock, "_clock", work_clock.WorkClock())

    def sleep(done: float, total: float, note: str = "") -> None:
        clock[0] += 8 * 3600.0

    train_teacher(replace(SMALL, samples=0), tmp_path, sleep)
    assert clock[0] > 0.0 and TeacherTraining(replace(SMALL, samples=0), tmp_path, silent).seconds == 0.0


@pytest.mark.parametrize("place", ["metric", "loss"])
def test_numbers_that_explode_leave_the_last_checkpoint(tmp_path, monkeypatch, place):
    """Whether they are seen before the optimiser's step or in what an iteration returns."""
    config = replace(SMALL, samples=0, checkpoint_seconds=0.0)
    original = Imitation.iterate

    def explode(self, steps, progress):
        if not progress:
            return original(self, steps, progress)
        if place == "metric":
            original(self, steps, progress)
            return {"error": np.nan}
        before = [value.clone() for value in self.policy.actor.parameters()]
        self.policy.observations.mean.fill_(np.nan)
        try:
            return original(self, steps, progress)
        finally:
            assert all(map(torch.equal, before, self.policy.actor.parameters()))

    monkeypatch.setattr(Imitation, "iterate", explode)
    with pytest.raises(TrainingError, match="not finite; the last checkpoint is kept"):
        train_teacher(config, tmp_path)
    training = TeacherTraining(config, tmp_path, silent)
    assert training.done["imitation"] == 16
    assert all(torch.isfinite(value).all() for value in training.policy.state_dict().values())


def test_time_to_fall_by_hand():
    half = np.array([True, False])
    result = CourseResult(np.array([0, 1]), np.zeros(2), np.ones(2), np.array([3.0, 9.0]), half, np.ones(2))
    assert result.mean_time_to_fall() == 12.0 and result.mean_time_to_fall(half) == 3.0
    assert np.isinf(result.mean_time_to_fall(~half))
    assert CourseResult.join([result, result]).mean_time_to_fall() == 12.0
