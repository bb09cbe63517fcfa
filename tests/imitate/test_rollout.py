"""Rollouts: returns and metrics against numbers worked out by hand, and files."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from imitate.env.env import EnvConfig, ImitationEnv
from imitate.env.task import Task
from imitate.policy import Policy
from imitate.rollout import EvaluateConfig, Rollout, RolloutMetrics, choose_start_frames, evaluate_policy, run_episodes
from pose.errors import InputError
from tests.samples import CHARACTER, standing

QUIET = EnvConfig(pose_noise=0.0, velocity_noise=0.0)


class Still:
    """Drives the servos to the reference, exactly."""

    def __init__(self, actions: int):
        self.actions = actions

    def act(self, observation: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        return np.zeros((len(observation), self.actions), dtype=np.float32)

    def forget(self, ids: np.ndarray) -> None:
        """Nothing is remembered."""


def make_env(frames: int = 7, count: int = 2, **changes) -> ImitationEnv:
    motion = replace(standing(frames), **changes)
    return ImitationEnv(Task(CHARACTER, motion), replace(QUIET, episode_seconds=0.2), count)


def make_rollout(frames: int = 4, **changes) -> Rollout:
    qpos = standing(frames).qpos
    terms = {"pose": np.linspace(0.0, 0.6, frames), "velocity": np.linspace(0.0, 0.3, frames)}
    return replace(Rollout(qpos, qpos + 0.0, terms, False, 30.0), **changes)


class Clip(list):
    """As much of a reference as counts steps."""

    loop = False

    @property
    def last(self) -> np.ndarray:
        return np.full(len(self), len(self) - 1)


class ByHand:
    """Environments whose rewards (T, N), failures and ends are given."""

    def __init__(self, rewards, fails, ends):
        self.outcomes = [
            SimpleNamespace(reward=np.array(r), terms={}, terminated=np.array(f), truncated=np.array(e))
            for r, f, e in zip(rewards, fails, ends, strict=True)
        ]
        self.num_envs, self.reference = len(rewards[0]), Clip(range(len(rewards) + 1))

    def rest(self, frames: np.ndarray) -> np.ndarray:
        return np.zeros((len(frames), 0))

    def start(self, frames: np.ndarray, rng: np.random.Generator | None, offset: np.ndarray) -> None:
        self.coming = iter(self.outcomes)

    def observe(self) -> np.ndarray:
        return np.zeros((self.num_envs, 1), dtype=np.float32)

    def step(self, action: np.ndarray) -> SimpleNamespace:
        return next(self.coming)


def test_return_is_the_sum_over_the_whole_length_and_nothing_after_a_failure():
    """Five frames from frame 0: four steps. The first rollout reaches the end, the second falls in its third step."""
    rewards = [[1.0, 1.0], [0.5, 0.8], [1.0, 0.9], [0.7, 1.0]]
    fails = [[False, False], [False, False], [False, True], [False, False]]
    ends = [[False, False], [False, False], [False, False], [True, True]]
    env = cast(ImitationEnv, ByHand(rewards, fails, ends))
    scores = run_episodes(env, cast(Policy, Still(1)), np.zeros(2, dtype=np.int64))
    np.testing.assert_allclose(scores.normalised_return, [(1.0 + 0.5 + 1.0 + 0.7) / 4, (1.0 + 0.8) / 4])
    np.testing.assert_array_equal(scores.completed, [True, False])


def test_a_standing_body_completes_from_every_start_and_a_late_start_is_no_shorter_in_return():
    env = make_env(7)
    scores = run_episodes(env, cast(Policy, Still(env.action_size)), np.array([0, 4]))
    assert scores.completed.all()
    assert (scores.normalised_return > 0.95).all() and (scores.normalised_return <= 1.0).all()


def measured(env: ImitationEnv, **changes) -> ImitationEnv:
    """What a recorder reads of environments, with some of it made up."""
    names = ("num_envs", "body", "task", "ground", "reference", "frame", "qpos", "box_qpos", "bodies_xpos", "site_xpos")
    names += ("lowest", "actuator_force", "actuator_velocity")
    return cast(ImitationEnv, SimpleNamespace(**({name: getattr(env, name) for name in names} | changes)))


def record(env: ImitationEnv, *steps: dict[str, Any], running: tuple[bool, bool] = (True, True)):
    """Metrics of steps of two environments that look like this."""
    env.start(np.zeros(2, dtype=np.int64))
    recorder = RolloutMetrics()
    recorder.begin(env)
    for changes in steps:
        recorder.record(measured(env, **changes), {}, np.array(running))
    return recorder.means()


def test_errors_of_a_body_beside_its_reference_are_in_the_world_alone():
    """0.3 m to the left as a whole; then one of its parts alone another 0.1 m up."""
    env = make_env()
    env.start(np.zeros(2, dtype=np.int64))
    beside = env.reference.bodies[env.frame] + [0.0, 0.3, 0.0]
    means = record(env, {"bodies_xpos": beside})
    assert means["tracking_world_mpjpe_mm"] == pytest.approx(300.0)
    assert means["tracking_mpjpe_mm"] == pytest.approx(0.0, abs=1e-9)
    raised, count = beside.copy(), beside.shape[1]
    raised[:, 3, 2] += 0.1
    assert record(env, {"bodies_xpos": raised})["tracking_mpjpe_mm"] == pytest.approx(100.0 / count)


def test_soles_slide_only_while_they_bear_and_both_ends_move():
    """2 mm below the ground and 5 mm further along; a centimetre above it nothing bears."""
    env = make_env()
    env.start(np.zeros(2, dtype=np.int64))
    below = env.site_xpos.copy()
    below[..., 2] = -0.002
    moved, above = below + [0.003, 0.004, 0.0], below + [0.0, 0.0, 0.012]
    assert record(env, {"site_xpos": below}, {"site_xpos": moved})["foot_slide_mm_per_frame"] == pytest.approx(5.0)
    assert record(env, {"site_xpos": below}, {"site_xpos": above + [1.0, 0.0, 0.0]})["foot_slide_mm_per_frame"] == 0.0


def test_depth_is_that_of_the_lowest_part_and_heights_count_as_none():
    env = make_env()
    heights = np.array([[0.5, -0.01], [0.3, 0.2]])
    means = record(env, {"lowest": lambda shapes: heights})
    assert means["penetration_mm"] == pytest.approx(5.0)  # of 10 mm and none
    assert means["penetration_p95_mm"] == pytest.approx(9.5)


def test_power_and_effort_are_those_of_the_servos_of_what_still_runs():
    env = make_env()
    shape = 2, env.action_size
    force, speed = np.full(shape, -2.0), np.full(shape, 3.0)
    force[1] = 1e6  # this one has fallen
    means = record(env, {"actuator_force": force, "actuator_velocity": speed}, running=(True, False))
    assert means["power_w"] == pytest.approx(6.0 * env.action_size)
    assert means["effort"] == pytest.approx(float(np.mean(2.0 / env.body.actuator_forcerange[:, 1])))


def test_the_shown_rollout_is_the_first_environments_up_to_its_fall():
    env = make_env(7)
    recorder = RolloutMetrics()
    env.start(np.zeros(2, dtype=np.int64))
    recorder.begin(env)
    for step, running in enumerate(([True, True], [True, True], [False, True])):
        env.step(np.zeros((2, env.action_size)))
        recorder.record(env, {"pose": np.full(2, 0.1 * step)}, np.array(running))
    rollout = recorder.rollout(terminated=True)
    assert len(rollout.qpos) == 3 and rollout.terminated
    np.testing.assert_allclose(rollout.reward_terms["pose"], [0.0, 0.0, 0.1])
    np.testing.assert_allclose(rollout.reference_qpos, env.reference.qpos[:3])


def test_starts_are_spread_over_the_motion_from_its_first_frame_on():
    reference = make_env(31).reference
    rows = choose_start_frames(reference, 8)
    assert rows[0] == 0 and len(rows) == 8
    assert (np.diff(rows) > 0).all() and rows[-1] < reference.starts
    assert np.ptp(np.diff(rows)) <= 1


def test_rollout_comes_back_from_its_file(tmp_path):
    rollout = make_rollout(box_qpos=np.arange(28.0).reshape(4, 7), terminated=True)
    rollout.save(tmp_path / "rollout.npz")
    again = Rollout.load(tmp_path / "rollout.npz")
    for name in ("qpos", "reference_qpos", "box_qpos", "all_qpos", "reward"):
        np.testing.assert_array_equal(getattr(again, name), getattr(rollout, name))
    assert (again.terminated, again.fps, list(again.reward_terms)) == (True, 30.0, ["pose", "velocity"])
    assert again.all_qpos.shape[1] == rollout.qpos.shape[1] + 7
    (tmp_path / "rollout.npz").write_bytes(b"PK\x03\x04 broken")
    with pytest.raises(InputError, match=r"rollout\.npz"):
        Rollout.load(tmp_path / "rollout.npz")


def test_reward_is_the_sum_of_its_terms_and_duration_the_time_between_frames():
    rollout = make_rollout(4)
    np.testing.assert_allclose(rollout.reward, [0.0, 0.3, 0.6, 0.9])
    assert rollout.duration == pytest.approx(0.1)
    with pytest.raises(ValueError, match=r"reward_terms\[pose\]: shape \(3,\)"):
        make_rollout(reward_terms={"pose": np.zeros(3)})
    with pytest.raises(ValueError, match="finite"):
        make_rollout(qpos=np.full((4, 10), np.nan))


def test_a_rollout_of_a_single_pose_becomes_a_motion_that_stands():
    motion = standing(4)
    pose = standing(1 + 1).qpos[:1]
    fell = Rollout(pose, pose, {}, True, 30.0)
    made = fell.as_motion(replace(motion, loop=True))
    assert len(made) == 2 and not made.loop and not made.contacts.any()
    np.testing.assert_array_equal(made.qpos[0], made.qpos[1])


def test_evaluation_is_the_same_again_and_its_first_rollout_is_the_one_shown():
    env = make_env(7, 1)
    policy = Policy(env.policy_layout((4,)))
    task, config = Task(CHARACTER, standing(7)), EvaluateConfig(rollouts=3, seed=1)
    first, again = (evaluate_policy(policy, task, config) for _ in range(2))
    assert first.metrics == again.metrics
    assert first.metrics["completed"] == 1.0 and first.metrics["non_finite"] == 0.0
    pair = [first.metrics[f"normalised_return_{group}"] for group in ("first_frame", "phases")]
    assert first.metrics["normalised_return"] == pytest.approx(np.mean(pair))
    assert len(first.rollout.qpos) == len(env.reference) and not first.rollout.terminated
