"""Training runs: the same after a break, honest about how they end, and leaving nobody behind."""

import os
import signal
import threading
import time
from dataclasses import replace
from multiprocessing.context import SpawnProcess
from pathlib import Path

import numpy as np
import pytest
import torch

from imitate.env.env import EnvConfig
from imitate.env.task import Task
from imitate.policy import Policy
from imitate.training.checkpoint import load_checkpoint, save_checkpoint
from imitate.training.config import TrainConfig
from imitate.training.evaluation import Score
from imitate.training.job import Job
from imitate.training.loop import BEST_POLICY, CHECKPOINT, TrainingRun, train, update_average
from imitate.training.process_group import ProcessGroup
from imitate.training.train import TrainingError, train_policy
from pose.errors import InputError
from reconstruct.formats.read_motion import read_motion
from tests.samples import CHARACTER, TINY, standing

WALK = Path(__file__).resolve().parents[4] / "shared" / "data" / "motions" / "humanoid3d_walk.txt"


def train_alone(folder: Path, config: TrainConfig) -> dict:
    folder.mkdir(exist_ok=True)
    return train(
        Job(Task(CHARACTER, standing()), config.resolve(), folder),
        ProcessGroup(),
        lambda status: None,
        lambda: False,
    )


def parameters(folder: Path) -> list[torch.Tensor]:
    content = torch.load(folder / CHECKPOINT, weights_only=True)["content"]
    return [*content["policy"].values(), content["parts"][0]["collector"]["env"]["batch"]]


def test_resumed_run_equals_the_unbroken_one(tmp_path):
    train_alone(tmp_path / "unbroken", TINY)
    train_alone(tmp_path / "broken", replace(TINY, samples=64))
    figures = train_alone(tmp_path / "broken", TINY)
    assert figures["samples"] == 128
    assert figures["resumed_from_samples"] == 64
    for a, b in zip(parameters(tmp_path / "unbroken"), parameters(tmp_path / "broken"), strict=True):
        assert torch.equal(a, b)


def test_seed_decides(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train_alone(tmp_path / name, replace(TINY, seed=seed, samples=32))
    same, again, other = (parameters(tmp_path / name) for name in "abc")
    assert all(torch.equal(a, b) for a, b in zip(same, again, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(same, other, strict=True))


@pytest.mark.parametrize(
    "wrong",
    [
        {"push_speed": -1.0},
        {"push_speed": float("nan")},
        {"push_interval": 0.1},
        {"sensor_noise": -1.0},
        {"delay": 11.0},
        {"delay": 0.5},
    ],
)
def test_surroundings_that_cannot_be_are_refused(tmp_path, wrong):
    env = EnvConfig(**wrong)
    with pytest.raises(InputError, match=r"env\.(push|sensor|delay)"):
        train_policy(Task(CHARACTER, standing()), replace(TINY, env=env), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_pushes_disturb_a_quarter_of_what_is_learnt_from_and_a_third_of_evaluations(tmp_path):
    config = replace(TINY, env=EnvConfig(push_speed=5.0)).resolve()
    run = TrainingRun(Job(Task(CHARACTER, standing()), config, tmp_path), ProcessGroup())
    fallen = []
    for env in (run.collector.env, run.evaluator.env):
        env.start(np.zeros(env.num_envs, dtype=np.int64))
        ended = np.zeros(env.num_envs, dtype=bool)
        for _ in range(29):
            ended |= env.step(np.zeros((env.num_envs, env.action_size))).terminated
        fallen.append(ended)
    learning, (*calm, pushed) = fallen[0], np.split(fallen[1], 3)
    assert learning.any() and not learning[np.arange(len(learning)) % 4 > 0].any()
    assert pushed.any() and not np.any(calm)
    score = run.evaluator.evaluate(run.average)
    assert score == run.evaluator.evaluate(run.average)  # the same pushes every time
    assert score.completed == 1.0 and score.pushed_return < score.episode_return


@pytest.mark.parametrize("kind", ["fixed", "adaptive", "failures"])
def test_distribution_of_starts_is_resumed(tmp_path, kind):
    config = replace(TINY, initial_state=kind)
    train_alone(tmp_path / "unbroken", config)
    train_alone(tmp_path / "broken", replace(config, samples=64))
    train_alone(tmp_path / "broken", config)
    for a, b in zip(parameters(tmp_path / "unbroken"), parameters(tmp_path / "broken"), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(("kind", "learnt"), [("adaptive", "logits"), ("failures", "counts")])
@pytest.mark.parametrize("in_every_part", [False, True])  # True as older checkpoints have it
def test_distribution_of_starts_is_the_same_in_all_workers_when_their_number_changes(
    tmp_path, kind, learnt, in_every_part
):
    config = replace(TINY, initial_state=kind, num_envs=9)
    job = Job(Task(CHARACTER, standing()), config.resolve(), tmp_path)
    run = TrainingRun(job, ProcessGroup())
    state = run.collector.initial_states.state()
    run.collector.initial_states.restore({name: values + np.arange(len(values.T)) for name, values in state.items()})
    run.scores = [Score(0.0, 0.0, 0.0)]
    run.save()
    if in_every_part:
        content = load_checkpoint(tmp_path / CHECKPOINT, run.task)
        assert content is not None
        content["parts"][0]["collector"]["initial_states"] = content.pop("initial_states")
        save_checkpoint(tmp_path / CHECKPOINT, run.task, content)
    for rank, size in ((0, 1), (0, 2), (1, 2)):
        resumed = TrainingRun(job, ProcessGroup(rank, size))
        assert resumed.restore()
        found = resumed.collector.initial_states
        np.testing.assert_array_equal(getattr(found, learnt), getattr(run.collector.initial_states, learnt))
        if kind == "adaptive" and size > 1:  # the first episodes start where the distribution says, shifts and all
            chosen = resumed.collector.starts
            apart = chosen.offset[:, 6:] - found.shift[chosen.component, 6:]
            assert np.abs(apart).max() < 6.0 * found.STD


def test_fixed_noise_stays(tmp_path):
    train_alone(tmp_path, replace(TINY, learn_std=False, initial_std=0.3, samples=64))
    policy = torch.load(tmp_path / CHECKPOINT, weights_only=True)["content"]["policy"]
    assert torch.allclose(policy["log_std"].exp(), torch.tensor(0.3))


def test_checkpoint_of_another_task_or_damaged_is_not_resumed(tmp_path):
    path = tmp_path / CHECKPOINT
    save_checkpoint(path, "this", {"array": np.arange(3), "nested": [{"number": np.float64(2.0)}]})
    found = load_checkpoint(path, "this")
    assert found is not None
    assert found["array"].tolist() == [0, 1, 2]
    assert found["nested"][0]["number"] == 2.0
    assert load_checkpoint(path, "that") is None
    path.write_bytes(path.read_bytes()[:-100])
    assert load_checkpoint(path, "this") is None


def test_a_worker_that_fails_says_so_in_one_line_and_keeps_the_traceback(tmp_path):
    motion = standing()
    foreign = replace(motion, qpos=motion.qpos[:, :-3])
    with pytest.raises(TrainingError, match=r"worker 0 failed: ValueError.*worker_0\.log") as caught:
        train_policy(Task(CHARACTER, foreign), TINY, tmp_path)
    assert "\n" not in str(caught.value)
    assert "Traceback" in (tmp_path / "worker_0.log").read_text()


def test_workers_that_have_started_are_ended_when_another_cannot(tmp_path, monkeypatch):
    start, started = SpawnProcess.start, []

    def start_one(self):
        if started:
            raise OSError("no more processes")
        started.append(self)
        start(self)

    monkeypatch.setattr(SpawnProcess, "start", start_one)
    with pytest.raises(OSError, match="no more processes"):
        trains_for_long(tmp_path)
    assert len(started) == 1 and not started[0].is_alive()


def children() -> set[int]:
    """Processes that this one has started and that run."""
    return {int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()}


needs_proc = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks for child processes in /proc")


def trains_for_long(folder: Path) -> None:
    config = replace(TINY, samples=None, workers=2, evaluation_interval=10**9, early_stop=False)
    train_policy(Task(CHARACTER, standing()), config, folder)


def when_training(folder: Path, act) -> threading.Thread:
    """Calls `act(pids of the workers)` a little after the workers have begun."""
    before = children()

    def watch() -> None:
        deadline = time.monotonic() + 240  # a loaded machine takes minutes to import torch
        while time.monotonic() < deadline:
            workers = [pid for pid in children() - before if b"spawn_main" in _command(pid)]
            if len(workers) == 2 and all(_threads(pid) > 2 for pid in workers):  # gloo's threads run: they have met
                time.sleep(1.0)
                act(workers)
                return
            time.sleep(0.1)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _threads(pid: int) -> int:
    try:
        return len(list(Path(f"/proc/{pid}/task").iterdir()))
    except OSError:
        return 0


@needs_proc
def test_death_of_a_worker_ends_training_with_an_error(tmp_path):
    killed: list[int] = []

    def kill_one(workers: list[int]) -> None:
        killed.extend(workers)
        os.kill(workers[1], signal.SIGKILL)

    watcher = when_training(tmp_path, kill_one)
    started = time.monotonic()
    with pytest.raises(TrainingError, match=r"worker \d (died|failed)"):
        trains_for_long(tmp_path)
    watcher.join()
    assert killed, "no worker was found"
    assert time.monotonic() - started < 90
    assert not set(killed) & children()


@needs_proc
def test_interrupt_saves_and_leaves_no_process(tmp_path):
    seen: list[int] = []

    def interrupt(workers: list[int]) -> None:
        seen.extend(workers)
        for worker in workers:  # a system that shuts down asks all processes
            os.kill(worker, signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)

    watcher = when_training(tmp_path, interrupt)
    with pytest.raises(KeyboardInterrupt):
        trains_for_long(tmp_path)
    watcher.join()
    assert (tmp_path / CHECKPOINT).is_file()
    assert (tmp_path / BEST_POLICY).is_file()
    assert not set(seen) & children()


@pytest.mark.slow
def test_walk_reaches_its_goal(tmp_path):
    """From scratch by PPO alone, .95 within 1.2 M samples; DeepMimic needs 61 M for .985."""
    if not WALK.is_file():
        pytest.skip(f"{WALK} is not there")
    config = TrainConfig(minutes=60.0, samples=1_200_000, warm_start="none")
    training = train_policy(Task(CHARACTER, read_motion(WALK, CHARACTER)), config, tmp_path)
    assert training.metrics["best_return"] >= 0.95
    assert training.metrics["best_completed"] == 1.0


def test_one_evaluation_shows_no_trend(tmp_path):
    with pytest.raises(InputError, match="patience 1"):
        train_policy(Task(CHARACTER, standing()), replace(TINY, patience=1), tmp_path / "run")


def test_a_skill_that_is_learnt_ends_training_and_a_break_changes_nothing(tmp_path):
    """Standing upright needs no learning: without a draft, twice as many evaluations as `patience` will do."""
    config = replace(TINY, samples=None, evaluation_interval=32, patience=2)
    whole = train_alone(tmp_path / "unbroken", config)
    train_alone(tmp_path / "broken", replace(config, samples=64))
    broken = train_alone(tmp_path / "broken", config)
    assert "learnt" in whole["reason"] and whole["reason"] == broken["reason"]
    assert whole["samples"] == broken["samples"] == 128
    assert whole["skill_samples"] == broken["skill_samples"] == 32 and whole["skill_seconds"] > 0.0
    for a, b in zip(parameters(tmp_path / "unbroken"), parameters(tmp_path / "broken"), strict=True):
        assert torch.equal(a, b)
    longer = train_alone(tmp_path / "broken", replace(config, early_stop=False, samples=160))
    assert longer["samples"] == 160 and longer["skill_samples"] == 32


def test_update_average_forgets_the_beginning_and_then_looks_back_a_window():
    first = update_average(torch.tensor(5.0), torch.tensor(1.0), torch.tensor(0), window=20.0)
    assert float(first) == pytest.approx(0.1 * 5.0 + 0.9 * 1.0)
    late = update_average(torch.tensor(5.0), torch.tensor(1.0), torch.tensor(1000), window=20.0)
    assert float(late) == pytest.approx(0.95 * 5.0 + 0.05 * 1.0)
    assert float(update_average(torch.tensor(5.0), torch.tensor(1.0), torch.tensor(1000), window=0.5)) == 1.0


def test_the_average_of_the_weights_is_what_is_kept(tmp_path):
    run = TrainingRun(Job(Task(CHARACTER, standing()), TINY.resolve(), tmp_path), ProcessGroup())
    run.initialise_normaliser()
    expected = run.policy.log_std.detach().clone()
    for updates in range(1, 4):
        run.iterate()
        weight = 9.0 / (10.0 + updates)  # a batch of 32 samples: the window is far
        expected += weight * (run.policy.log_std.detach() - expected)
    run.evaluate_and_keep_best({})
    kept = Policy.load(tmp_path / BEST_POLICY)
    assert not torch.equal(kept.log_std, run.policy.log_std)
    torch.testing.assert_close(kept.log_std.detach(), expected)
    torch.testing.assert_close(kept.observations.mean, run.policy.observations.mean)
