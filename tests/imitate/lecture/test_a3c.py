"""A3C: workers that share parameters without locks, and how a run ends, well or badly."""

import copy
import multiprocessing
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from imitate.lecture.a3c import A3C, A3CConfig, SharedRMSprop, WorkerError, train_a3c
from imitate.lecture.collector import Collector
from imitate.lecture.experiment import learn
from imitate.lecture.problems import PROBLEMS, make_grids
from imitate.lecture.softmax import SoftmaxPolicy


def broken(size):
    """A problem whose third step fails."""
    problem = make_grids(size)
    whole, problem.count = problem.step, 0

    def step(action):
        problem.count += 1
        if problem.count == 3:
            raise ZeroDivisionError("the third step fails")
        return whole(action)

    problem.step = step
    return problem


def killed(size):
    """A problem during which the process is killed."""
    problem = make_grids(size)
    problem.step = lambda action: os.kill(os.getpid(), signal.SIGKILL)
    return problem


def table():
    torch.manual_seed(0)
    return SoftmaxPolicy(4, 4, hidden_sizes=(), bias=False)


def test_shared_rmsprop_is_rmsprop():
    parameter = torch.nn.Linear(3, 2)
    twin = torch.nn.Linear(3, 2)
    twin.load_state_dict(parameter.state_dict())
    shared = SharedRMSprop(parameter, 0.01, decay=0.9, eps=1e-3)
    square = [torch.zeros_like(p) for p in twin.parameters()]
    for _ in range(5):
        gradients = [torch.randn_like(p) for p in parameter.parameters()]
        shared.step(gradients)
        with torch.no_grad():
            for p, s, g in zip(twin.parameters(), square, gradients, strict=True):
                s.copy_(0.9 * s + 0.1 * g * g)
                p -= 0.01 * g / (s + 1e-3).sqrt()
    for p, q in zip(parameter.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(p, q)


def test_worker_changes_the_shared_parameters_first():
    shared = table()
    learner = A3C(shared, SharedRMSprop(shared, 0.01), A3CConfig())
    before = copy.deepcopy(shared.state_dict())
    learner.update(Collector(make_grids(4), 0).collect(learner.policy, 8))
    changed, own = shared.state_dict(), learner.policy.state_dict()
    assert not torch.equal(changed["actor.0.weight"], before["actor.0.weight"])
    torch.testing.assert_close(own, changed)  # pulled again


def test_workers_learn_together():
    curve = learn(PROBLEMS["bandit"], "a3c", samples=12_000, evaluations=4)
    assert curve.value[-1] > 0.95 * 10 / 11
    assert curve.samples[-1] >= 12_000
    assert (np.diff(curve.seconds) >= 0).all()


def test_failing_worker_ends_the_run_with_its_error():
    begin = time.monotonic()
    with pytest.raises(WorkerError, match="the third step fails"):
        for _ in train_a3c(broken, table(), A3CConfig(), samples=10_000, seed=0):
            pass
    assert time.monotonic() - begin < 60


def test_killed_worker_ends_the_run():
    with pytest.raises(WorkerError, match="SIGKILL"):
        for _ in train_a3c(killed, table(), A3CConfig(), samples=10_000, seed=0):
            pass


def test_closing_the_iterator_ends_the_workers():
    reports = train_a3c(make_grids, table(), A3CConfig(num_envs=2), samples=10**9, seed=0)
    first = next(reports)
    reports.close()
    assert first.samples >= 0
    assert not [child for child in multiprocessing.active_children() if child.name.startswith("a3c-")]


def start_endless_run():
    """A program that learns until it is ended, in a process group of its own; returns once its workers learn."""
    program = (
        "from imitate.lecture.a3c import A3CConfig, train_a3c\n"
        "from imitate.lecture.problems import make_grids\n"
        "from imitate.lecture.softmax import SoftmaxPolicy\n"
        "if __name__ == '__main__':\n"
        "    try:\n"
        "        for report in train_a3c(make_grids, SoftmaxPolicy(4, 4, ()), A3CConfig(), 10**9, 0):\n"
        "            print(report.samples, flush=True)\n"
        "    except KeyboardInterrupt:\n"
        "        print('stopped', flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) > 0:
            break
    return process


def check_that_group_ends(group, seconds=15):
    with pytest.raises(ProcessLookupError):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            os.killpg(group, 0)
            time.sleep(0.2)


def test_ctrl_c_ends_the_workers():
    """SIGINT to the whole group, as a terminal sends it: no worker lives on, and no worker prints a traceback."""
    process = start_endless_run()
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert out.strip().endswith("stopped") and process.returncode == 0, err
    assert "Traceback" not in err, err
    check_that_group_ends(process.pid)


def test_workers_of_a_killed_run_end_by_themselves():
    """Nobody can ask them to stop any more."""
    process = start_endless_run()
    process.kill()
    process.wait()
    check_that_group_ends(process.pid)


@pytest.mark.slow
def test_lstm_beats_every_policy_without_memory():
    """In the aliased grid the LSTM remembers which corner it came from; no memoryless policy can do as well."""
    best_without_memory = PROBLEMS["grid"].threshold / 0.98
    curve = learn(PROBLEMS["grid"], "a3c-lstm", samples=400_000)
    assert curve.value[-1] > best_without_memory + 0.01


@pytest.mark.slow
def test_cartpole_is_solved():
    curve = learn(PROBLEMS["cartpole"], "a3c", samples=500_000)
    assert curve.value.max() >= 475.0
