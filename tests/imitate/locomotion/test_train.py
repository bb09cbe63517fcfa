import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

from imitate.adapt.networks import AdaptiveSkill
from imitate.adapt.regression import Regression, RegressionConfig
from imitate.locomotion import train
from imitate.locomotion.env import WalkEnv
from imitate.locomotion.imitation import ImitationConfig
from imitate.locomotion.train import SKILL, SYSID, WalkRun, WalkTrainConfig, train_walk
from imitate.training import work_clock
from imitate.training.ppo import NonFiniteError
from pose.errors import WorkError
from pose.progress import silent

pytestmark = pytest.mark.usefixtures("go1")
TINY = WalkTrainConfig(
    samples=80,
    value_samples=160,
    num_envs=4,
    num_steps=10,
    imitation=ImitationConfig(samples=80, num_steps=10),
    adaptation_samples=160,
    regression=RegressionConfig(buffer=64, minibatch_size=4),
    sysid=True,
    checkpoint_seconds=0.0,
)


class KillError(Exception):
    pass


def test_a_killed_training_goes_on_as_if_nothing_had_been(tmp_path):
    whole = train_walk(TINY, tmp_path / "whole")

    def kill_late(done: float, total: float, note: str = "") -> None:
        if note.startswith("ppo") and done >= 280:
            raise KillError

    with pytest.raises(KillError):
        train_walk(TINY, tmp_path / "killed", kill_late)
    first = []

    def watch(done: float, total: float, note: str = "") -> None:
        first.append(done)

    again = train_walk(TINY, tmp_path / "killed", watch)
    assert first[0] > 200 and again.samples == whole.samples
    observation = np.random.default_rng(0).standard_normal((5, 59)).astype(np.float32)
    np.testing.assert_array_equal(whole.skill.policy.act(observation), again.skill.policy.act(observation))
    for name in (SKILL, SYSID):
        assert AdaptiveSkill.load(tmp_path / "whole" / name).adaptation is not None


def test_ctrl_c_waits_for_the_end_of_the_iteration(tmp_path, monkeypatch):
    """What was saved is whole: it goes on to the same policy as without."""
    config = replace(TINY, sysid=False, checkpoint_seconds=1e9)
    whole, original = train_walk(config, tmp_path / "whole"), WalkRun._improve

    def press(self, share):
        if self.done["ppo"] == 40 and not self.stop:
            signal.raise_signal(signal.SIGINT)
        return original(self, share)

    before = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(WalkRun, "_improve", press)
        train_walk(config, tmp_path / "stopped")
    assert signal.getsignal(signal.SIGINT) is before
    assert WalkRun(config, tmp_path / "stopped", silent).done["ppo"] == 80
    again = train_walk(config, tmp_path / "stopped")
    observation = np.random.default_rng(0).standard_normal((5, 59)).astype(np.float32)
    np.testing.assert_array_equal(whole.skill.policy.act(observation), again.skill.policy.act(observation))


def test_an_adaptation_module_knows_all_of_the_episodes_that_it_learns_from(tmp_path, monkeypatch):
    events, start = [], WalkEnv.start
    make, record = Regression.__init__, Regression.record

    def begin(self, ids, rng):
        events.append(len(ids))
        start(self, ids, rng)

    def make_and_tell(self, *args):
        events.append("module")
        make(self, *args)

    def record_and_tell(self, ids, history):
        events.append("record")
        return record(self, ids, history)

    monkeypatch.setattr(WalkEnv, "start", begin)
    monkeypatch.setattr(Regression, "__init__", make_and_tell)
    monkeypatch.setattr(Regression, "record", record_and_tell)
    train_walk(TINY, tmp_path)
    modules = [k for k, event in enumerate(events) if event == "module"]
    assert [events[k : k + 3] for k in modules] == [["module", TINY.num_envs, "record"]] * 2


def test_a_night_asleep_is_no_time_of_the_training(tmp_path, monkeypatch):
    """By a clock that moves only where a laptop sleeps, before every report."""
    clock = [0.0]
    monkeypatch.setattr(work_clock.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(work_clock, "_clock", work_clock.WorkClock())

    def sleep(done: float, total: float, note: str = "") -> None:
        clock[0] += 8 * 3600.0

    result = train_walk(replace(TINY, sysid=False), tmp_path, sleep)
    assert clock[0] > 0.0 and result.seconds == 0.0


def test_numbers_that_explode_are_one_line(tmp_path, monkeypatch):
    def explode(self, share):
        raise NonFiniteError("loss or gradient is not finite")

    monkeypatch.setattr(WalkRun, "_improve", explode)
    with pytest.raises(WorkError, match="the last checkpoint is kept"):
        train_walk(TINY, tmp_path)


def test_another_task_is_not_continued(tmp_path):
    run = WalkRun(TINY, tmp_path, silent)
    run.done["imitation"] = 40
    run.save()
    assert WalkRun(TINY, tmp_path, silent).done["imitation"] == 40
    assert WalkRun(replace(TINY, seed=1), tmp_path, silent).done["imitation"] == 0


def test_phase_2_goes_on_with_new_episodes_and_as_many_pairs_as_there_were(tmp_path, monkeypatch):
    """phi knows nothing of episodes under way, and fitted to one batch alone it would forget all before."""
    config, pairs, began = replace(TINY, sysid=False, adaptation_samples=3 * 4 * 32), list[int](), list[np.ndarray]()
    improve, collect = Regression.improve, train.WalkCollector.run

    def watch_pairs(self, progress):
        pairs.append(self.buffer.count)
        improve(self, progress)

    def watch_episodes(self, *arguments):
        began.append(self.env.begin_xy.copy())
        return collect(self, *arguments)

    def kill_late(done: float, total: float, note: str = "") -> None:
        if len(pairs) == 3:
            raise KillError

    monkeypatch.setattr(Regression, "improve", watch_pairs)
    monkeypatch.setattr(train.WalkCollector, "run", watch_episodes)
    run = WalkRun(config, tmp_path, kill_late)
    run.done |= dict.fromkeys(("imitation", "value", "ppo"), 10**9)
    with pytest.raises(KillError):
        run.run()
    again, collected = WalkRun(config, tmp_path, silent), len(began)
    saved = again.collector.env.begin_xy.copy()
    again.run()
    assert (began[collected] != saved).all()
    assert pairs[3] > pairs[1] > pairs[0]


def test_robust_is_given_no_extrinsics_and_has_no_module(tmp_path):
    result = train_walk(replace(TINY, extrinsics=False, samples=40), tmp_path)
    assert result.skill.adaptation is None and result.sysid is None
    observation = np.random.default_rng(0).standard_normal((3, 59)).astype(np.float32)
    other = observation.copy()
    other[:, 42:] = 0.0
    np.testing.assert_array_equal(result.skill.policy.act(observation), result.skill.policy.act(other))


def test_phi_learns_from_robots_that_it_drives_itself(tmp_path, monkeypatch):
    """Every step of phase 2 is taken with phi's own z, never with the true one."""
    drivers = []
    original = train.WalkCollector.run

    def watch(self, actor, steps, restart=True):
        drivers.append(actor)
        return original(self, actor, steps, restart)

    monkeypatch.setattr(train.WalkCollector, "run", watch)
    run = WalkRun(replace(TINY, sysid=False, samples=40), tmp_path, silent)
    run.done |= dict.fromkeys(("imitation", "value", "ppo"), 10**9)
    monkeypatch.setattr(run.average, "act", lambda *_: pytest.fail("the expert drives"))
    before = [p.clone() for p in run.modules["z"].parameters()]
    run.run()
    assert drivers and all(driver.adaptation is run.modules["z"] for driver in drivers)
    assert any(not torch.equal(a, b) for a, b in zip(before, run.modules["z"].parameters(), strict=True))
