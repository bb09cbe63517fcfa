"""PPO of a tracker: where episodes start, what it begins with, a broken run, and what it refuses."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from imitate.env.config import EnvConfig
from imitate.env.task import Task
from imitate.policy import Normaliser, Policy
from imitate.tracker import improve
from imitate.tracker.env import JoinedTask, TrackerEnv
from imitate.tracker.evaluation import load_tracker
from imitate.tracker.improve import (
    ClipEvaluator,
    ClipFailureStart,
    ImproveConfig,
    TrackerStart,
    improve_tracker,
)
from imitate.training.checkpoint import load_checkpoint
from imitate.training.initial_state import Starts
from imitate.training.job import Job
from imitate.training.loop import CHECKPOINT, TrainingRun, train
from imitate.training.process_group import ProcessGroup
from pose.errors import InputError
from reconstruct.characters.character import load_character
from tests.imitate.tracker.conftest import glide

CONFIG = ImproveConfig(minutes=60.0, samples=64, workers=1, envs=4, value_samples=32, minibatch_size=16)
VALUE_PHASE = 64  # control steps in one update of 4 environments


def tasks(*frames: int) -> list[Task]:
    character = load_character("humanoid")
    return [Task(character, glide(count, 0.1 * count, raised=0.1 * count)) for count in frames]


def make_tracker(clips: list[Task], seed: int = 0) -> Policy:
    """One that has seen something: its normaliser is not the identity."""
    torch.manual_seed(100 + seed)
    policy = Policy(TrackerEnv.of_tasks(clips, EnvConfig(), 1).policy_layout((16,)))
    policy.observations.update(Normaliser.moments(torch.randn(50, policy.layout.observation_size) + 0.3))
    return policy


def in_process(job: Job, progress: Any = None) -> dict[str, Any]:
    return train(job, ProcessGroup(), lambda status: None, lambda: False)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings run in this process."""
    monkeypatch.setattr(improve, "run_job", in_process)


def test_episodes_start_anywhere_but_in_last_frames_and_more_often_where_they_fail():
    reference = JoinedTask.of(tasks(12, 40)).reference(0.0)
    starts, rng = ClipFailureStart(reference), np.random.default_rng(0)
    assert starts.begins.tolist() == [0, 12, 27, 42] and starts.sizes.tolist() == [11, 15, 15, 9]
    found = starts.choose(4000, rng)
    assert set(found.frames) == set(range(52)) - {11, 51}, "the last frames are 11 and 51"
    assert np.bincount(found.component) / 4000 == pytest.approx(np.array([11, 15, 15, 9]) / 50, abs=0.03)
    tried = Starts(found.frames[:400], found.offset[:400], found.component[:400])
    starts.record(tried, np.zeros(400), tried.component == 2)
    starts.improve(ProcessGroup())
    share = np.bincount(starts.choose(4000, rng).component) / 4000
    # .3 stays even; of the rest nearly all goes to where all failed.
    assert share[2] > 0.75 and share[[0, 1, 3]].min() > 0.3 * 9 / 50 - 0.02
    again = ClipFailureStart(reference)
    again.restore(starts.state())
    assert again.probability == pytest.approx(starts.probability)


def test_every_clip_is_evaluated_from_its_first_frame():
    joined = JoinedTask.of(tasks(*[4] * 19, 30))
    training = CONFIG.choose_training(make_tracker(list(joined.clips)))
    halves = [ClipEvaluator(joined, training, ProcessGroup(rank, 2)) for rank in range(2)]
    firsts, phases = halves[0].choose_frames(halves[0].env.num_envs // 3 * 2)
    assert set(firsts) == {4 * k for k in range(20)}
    within = np.where(phases < 76, phases % 4, phases - 76)
    assert set(within[phases < 76]) == {0, 1} and within.max() <= 21 and len(phases) == len(firsts)


def test_only_the_value_function_is_learnt_first_and_the_normaliser_never(tmp_path: Path):
    clips = tasks(12, 24)
    tracker = make_tracker(clips)
    start = TrackerStart(tracker, tuple(clips), VALUE_PHASE)
    run = TrainingRun(Job(clips[0], CONFIG.choose_training(tracker), tmp_path, start=start), ProcessGroup())
    run.initialise_normaliser()
    weights = [{name: value.clone() for name, value in run.policy.state_dict().items()}]
    for _ in range(2):
        run.iterate()
        weights.append({name: value.clone() for name, value in run.policy.state_dict().items()})
    before, valued, learnt = weights
    for name, value in tracker.state_dict().items():
        if name.startswith(("actor.", "observations.", "log_std")):
            assert torch.equal(before[name], value) and torch.equal(valued[name], value), name
        if name.startswith("observations."):
            assert torch.equal(learnt[name], value), name
    assert not torch.equal(valued["critic.0.weight"], before["critic.0.weight"])
    assert not torch.equal(learnt["actor.0.weight"], before["actor.0.weight"])
    own = tracker.state_dict()["critic.0.weight"]
    assert not torch.equal(before["critic.0.weight"], own), "a critic of its own, by the seed"


def test_a_broken_run_is_resumed_bit_for_bit(tmp_path: Path, here: None):
    """Broken while the value function is fitted, and again after it."""
    clips = tasks(12, 24)
    tracker, found = make_tracker(clips), dict[str, list[torch.Tensor]]()
    config = replace(CONFIG, value_samples=VALUE_PHASE + 1)
    for name, budgets in (("unbroken", ()), ("broken", (64, 192))):
        for samples in budgets:
            improve_tracker(tracker, clips, tmp_path / name, replace(config, samples=samples))
        policy, metrics = improve_tracker(tracker, clips, tmp_path / name, replace(config, samples=256))
        assert policy.layout == tracker.layout
        assert metrics["samples"] == 256 and np.isfinite(metrics["best_return"])
        content = torch.load(tmp_path / name / CHECKPOINT, weights_only=True)["content"]
        collector = content["parts"][0]["collector"]
        counts = content["initial_states"]["counts"]
        found[name] = [*content["policy"].values(), collector["env"]["batch"], counts]
    assert all(torch.equal(a, b) for a, b in zip(found["unbroken"], found["broken"], strict=True))


def test_what_is_kept_is_the_tracker_where_ppo_spoils_it(tmp_path: Path, here: None):
    clips = tasks(12, 24)
    tracker = make_tracker(clips)
    config = replace(CONFIG, samples=256, learning_rate=0.03)
    policy, _ = improve_tracker(tracker, clips, tmp_path, config)
    assert torch.equal(policy.state_dict()["actor.0.weight"], tracker.state_dict()["actor.0.weight"])


def test_other_clips_another_tracker_and_damage_are_one_line_and_lose_nothing(tmp_path: Path, here: None):
    clips = tasks(12, 24)
    tracker = make_tracker(clips)
    improve_tracker(tracker, clips, tmp_path, CONFIG)
    path = tmp_path / CHECKPOINT
    whole = path.read_bytes()
    for policy, learnt in ((tracker, clips[:1]), (make_tracker(clips, seed=1), clips)):
        with pytest.raises(InputError, match="of other clips, options or another tracker") as error:
            improve_tracker(policy, learnt, tmp_path, CONFIG)
        assert "\n" not in str(error.value) and path.read_bytes() == whole
    start = TrackerStart(tracker, tuple(clips), CONFIG.value_samples)
    job = Job(clips[0], CONFIG.choose_training(tracker), tmp_path, start=start)
    assert load_checkpoint(path, job.digest) is not None
    path.write_bytes(whole[:100])
    with pytest.raises(InputError, match="damaged"):
        improve_tracker(tracker, clips, tmp_path, CONFIG)


def test_a_clip_of_another_body_and_a_policy_of_a_skill_are_one_line(tmp_path: Path):
    clips = tasks(12)
    tracker = make_tracker(clips)
    taller = Task(load_character("humanoid", 1.9), clips[0].motion)
    with pytest.raises(InputError, match=r"trained for humanoid of 1\.\d\d m, not for humanoid of 1\.90 m"):
        improve_tracker(tracker, [taller], tmp_path, CONFIG)
    layout = replace(tracker.layout, observation={"phase": 3})
    Policy(layout).save_actor(tmp_path / "skill.pt")
    tracker.save_actor(tmp_path / "tracker.pt")
    with pytest.raises(InputError, match="policy of a single skill, not a tracker"):
        load_tracker(tmp_path / "skill.pt")
    assert load_tracker(tmp_path / "tracker.pt").layout == tracker.layout
    (tmp_path / "tracker.pt").write_bytes(b"no weights")
    with pytest.raises(InputError, match="damaged"):
        load_tracker(tmp_path / "tracker.pt")


@pytest.mark.parametrize("change", [{"learning_rate": float("nan")}, {"envs": 0}, {"minutes": float("nan")}])
def test_numbers_that_make_no_sense_are_refused(change: dict[str, float]):
    with pytest.raises(InputError, match="out of range"):
        replace(ImproveConfig(), **change).check()


def test_two_workers_learn_as_one(tmp_path: Path):
    clips = tasks(12, 24)
    policy, metrics = improve_tracker(make_tracker(clips), clips, tmp_path, replace(CONFIG, workers=2, samples=128))
    assert (metrics["workers"], metrics["samples"]) == (2, 128) and policy.layout.character == "humanoid"
