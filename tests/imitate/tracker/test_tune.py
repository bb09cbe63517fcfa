"""A skill learnt from a tracker: what the teacher says, who teaches, and when it is as without a tracker."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from imitate.env.config import EnvConfig
from imitate.env.env import ImitationEnv
from imitate.env.task import Task
from imitate.policy import Policy
from imitate.scene.scene import Scene
from imitate.tracker import improve, tune
from imitate.tracker.env import TrackerEnv
from imitate.tracker.improve import ImproveConfig
from imitate.tracker.tune import TrackerExpert, check_name, find_obstacle, train_from_tracker
from imitate.tracking.draft import Draft
from imitate.training import train as train_module
from imitate.training.config import ResolvedTrainConfig
from imitate.training.distill import DistillConfig
from imitate.training.job import Job
from imitate.training.loop import train
from imitate.training.process_group import ProcessGroup
from pose.errors import InputError
from reconstruct.characters.character import load_character
from tests.imitate.tracker.conftest import glide, make_prepared
from tests.samples import TINY

CHARACTER = load_character("humanoid")
TASK = Task(CHARACTER, glide(24, 0.0))
TUNING = ImproveConfig(samples=16, workers=1, envs=2, value_samples=32, minibatch_size=16)
CONFIG: ResolvedTrainConfig = replace(
    TINY, warm_start="tracker", samples=96, distill=DistillConfig(samples=64, update_epochs=1, minibatch_size=16)
).resolve()


def make_tracker(bias: float) -> Policy:
    """One that asks every servo for the reference's next pose, moved by `bias` [rad]."""
    policy = Policy(TrackerEnv.of_tasks([TASK], EnvConfig(), 1).policy_layout((16,)))
    last = policy.actor[-1]
    assert isinstance(last, torch.nn.Linear)
    with torch.no_grad():
        last.weight.zero_()
        last.bias.fill_(bias / policy.layout.action_scale)
    return policy


def make_draft(offset: float) -> Draft:
    """A controller that stands, its servos' targets moved by `offset` [rad], without feedback."""
    draft = make_prepared("a", TASK.motion).draft
    assert draft is not None
    return replace(draft, controls=np.full_like(draft.controls, offset), gains=np.zeros_like(draft.gains))


def in_process(job: Job, progress: Any = None) -> dict[str, Any]:
    return train(job, ProcessGroup(), lambda status: None, lambda: False)


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """Trainings run in this process, and are noted."""
    noted = list[Job]()

    def run(job: Job, progress: Any = None) -> dict[str, Any]:
        noted.append(job)
        return in_process(job)

    monkeypatch.setattr(improve, "run_job", run)
    monkeypatch.setattr(train_module, "run_job", run)
    return noted


def test_the_teacher_says_what_the_tracker_would_do_there():
    torch.manual_seed(0)
    policy = Policy(replace(make_tracker(0.0).layout, action_scale=0.5))
    with torch.no_grad():
        policy.state_dict()["actor.2.weight"].normal_()
    skill, tracker = (kind(TASK, EnvConfig(), 3) for kind in (ImitationEnv, TrackerEnv))
    rng = np.random.default_rng(0)
    frames, offset, speed = np.array([0, 5, 22]), *(0.1 * rng.standard_normal((2, 3, skill.body.nv)))
    for env in (skill, tracker):
        env.start(frames, None, None, offset, speed)
    label, weight = TrackerExpert(policy, skill).label(skill)
    # Actions of .5 rad each, in units of the skill's .25 rad.
    assert label == pytest.approx(2.0 * policy.act(tracker.observe()), abs=1e-5) and weight.tolist() == [1, 1, 1]
    assert label.shape == (3, 28) and np.abs(label).max() > 0.1


def test_the_better_teacher_teaches(tmp_path: Path, jobs: list[Job]):
    found = dict[str, Any]()
    for name, bias, offset in (("tracker", 0.0, 0.8), ("draft", 0.8, 0.0)):
        training = train_from_tracker(
            TASK, CONFIG, tmp_path / name, make_draft(offset), make_tracker(bias), tuning=TUNING
        )
        found[name] = training
        metrics = training.metrics
        assert (metrics["tracker_return"] > metrics["tracker_draft_return"]) == (name == "tracker")
        assert f"from the {name} (teachers' returns: tracker" in training.summary
        assert training.metrics["train_seconds"] > training.metrics["tracker_seconds"] > 0.0
    tuned, taught, tuned_again, drafted = jobs
    assert taught.start is not None and drafted.start is None
    assert tuned.folder == tmp_path / "tracker" / "tracker" and tuned_again.folder == tmp_path / "draft" / "tracker"
    for name, training in found.items():
        layout = ImitationEnv(TASK, CONFIG.env, 1).policy_layout(CONFIG.hidden_sizes)
        assert training.policy.layout == layout, f"{name}: a skill like any other"
    # 64 samples of imitation, then PPO at the small rate that follows a warm start.
    assert found["tracker"].metrics["samples"] == 96


def test_where_a_tracker_cannot_all_is_as_without_it(tmp_path: Path, jobs: list[Job]):
    tracker, draft = make_tracker(0.0), make_draft(0.0)
    slope = Task(CHARACTER, TASK.motion, Scene("slope"))
    tall = load_character("humanoid", 1.9)
    assert find_obstacle(tracker, slope) and "1.90 m" in find_obstacle(tracker, Task(tall, TASK.motion))
    assert not find_obstacle(tracker, TASK)
    training = train_from_tracker(Task(tall, TASK.motion), CONFIG, tmp_path, draft, tracker)
    assert "not from the tracker: it is of" in training.summary
    assert [job.start for job in jobs] == [None] and not (tmp_path / "tracker").exists()


def test_a_tracker_of_another_body_is_one_line(tmp_path: Path):
    tracker = make_tracker(0.0)
    tracker.layout = replace(tracker.layout, character="atlas")
    for call in (
        lambda: check_name(tracker, "humanoid"),
        lambda: train_from_tracker(TASK, CONFIG, tmp_path, make_draft(0.0), tracker),
    ):
        with pytest.raises(InputError, match="the tracker was trained for atlas, not for humanoid"):
            call()


def test_the_minute_is_within_the_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    tracker, draft, asked = make_tracker(0.0), make_draft(0.0), list[float]()

    def improved(policy: Policy, tasks: Any, folder: Path, config: ImproveConfig, progress: Any) -> Any:
        asked.append(config.minutes)
        return policy, {"train_seconds": 48.0, "cpu_seconds": 90.0}

    def learn(task: Task, config: ResolvedTrainConfig, *rest: Any) -> Any:
        asked.append(config.minutes)
        metrics = {"train_seconds": 12.0, "cpu_seconds": 20.0, "skill_seconds": None, "skill_cpu_seconds": None}
        return train_module.Training(tracker, "done", metrics)

    monkeypatch.setattr(tune, "improve_tracker", improved)
    monkeypatch.setattr(tune, "train_policy", learn)
    monkeypatch.setattr(tune, "compare_teachers", lambda *_: (0.9, 0.9))
    training = train_from_tracker(TASK, replace(CONFIG, minutes=3.0), tmp_path, draft, tracker)
    assert asked == pytest.approx([1.0, 2.2], abs=0.01)
    assert training.metrics["train_seconds"] == pytest.approx(60.0, abs=0.1)
    assert training.metrics["skill_seconds"] is None and "from the tracker" in training.summary
