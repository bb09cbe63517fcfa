"""Evaluations during training: the same every time, split among processes without a change of the starts."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from imitate.env.env import EnvConfig, ImitationEnv
from imitate.env.task import Task
from imitate.policy import Policy
from imitate.rollout import Scores
from imitate.training.evaluation import FALL_BINS, ROLLOUTS, Evaluator, Score, find_common_part
from imitate.training.process_group import ProcessGroup
from tests.samples import CHARACTER, TINY, standing

TASK, CONFIG = Task(CHARACTER, standing(9)), TINY.resolve()


def make_policy(gain: float = 0.0) -> Policy:
    torch.manual_seed(0)
    policy = Policy(ImitationEnv(TASK, EnvConfig(), 1).policy_layout((8,)))
    with torch.no_grad():
        for parameter in policy.actor.parameters():
            parameter.mul_(gain)
    return policy


class Part(ProcessGroup):
    """One of two processes, asked alone; keeps the sums that it would send."""

    def sum(self, tensor):
        self.sent = tensor.clone()
        return tensor


def test_one_of_ten_parts_of_the_overall_score_is_under_pushes():
    assert Score(0.9, 1.0, 0.5).overall == pytest.approx(0.86)
    assert (
        Score(0.96, 1.0, 0.2).overall > Score(0.90, 1.0, 0.7).overall
    )  # what pushes may cost is a ninth of their gain


def test_an_evaluation_can_be_repeated():
    evaluator, policy = Evaluator(TASK, CONFIG, ProcessGroup()), make_policy()
    first, again = evaluator.evaluate(policy), evaluator.evaluate(policy)
    assert first == again
    assert first.completed == 1.0 and first.episode_return > 0.9 and first.pushed_return <= first.episode_return


def test_noise_and_delays_are_the_same_in_every_evaluation_and_others_in_every_process():
    config = replace(CONFIG, env=replace(CONFIG.env, sensor_noise=1.0, delay=1.0))
    evaluator, policy = Evaluator(TASK, config, ProcessGroup()), make_policy(1.0)
    assert evaluator.evaluate(policy) == evaluator.evaluate(policy)
    envs = [ImitationEnv(TASK, config.env, 1) for _ in range(3)]
    for env, seed in zip(envs, (0, 0, 1), strict=True):
        env.seed_noise(seed)
        env.start(np.zeros(1, dtype=np.int64))
    first, again, other = (env.observe() for env in envs)
    assert (first == again).all() and not (first == other).all()


def test_two_processes_do_the_work_of_one_with_the_same_starts():
    whole, halves = Evaluator(TASK, CONFIG, ProcessGroup()), [Evaluator(TASK, CONFIG, Part(r, 2)) for r in range(2)]
    assert whole.env.num_envs == 3 * ROLLOUTS // 2 == sum(half.env.num_envs for half in halves)
    policy = make_policy()
    starts: list[np.ndarray] = []
    for evaluator in (whole, *halves):
        begin = evaluator.env.start
        evaluator.env.start = lambda frames, *args, begin=begin, **named: (  # type: ignore[method-assign]
            starts.append(frames.copy()), begin(frames, *args, **named)
        )  # fmt: skip
        evaluator.evaluate(policy)
    np.testing.assert_array_equal(np.sort(np.concatenate(starts[1:])), np.sort(starts[0]))
    counts = [half.group.sent[3] for half in halves]  # type: ignore[attr-defined]
    assert sum(counts) == ROLLOUTS // 2


def test_a_policy_that_throws_itself_about_scores_less_and_falls():
    evaluator = Evaluator(TASK, CONFIG, ProcessGroup())
    calm, wild = (evaluator.evaluate(make_policy(gain)) for gain in (0.0, 2000.0))
    assert wild.episode_return < calm.episode_return
    assert calm.completed == 1.0 > wild.completed and calm.fall_time is None


def test_the_standard_error_and_the_moment_of_most_falls_are_those_of_the_rollouts(monkeypatch):
    """Of 32 undisturbed rollouts of 8 steps, 24 return 1 and 8 fall after 4 steps with .5; pushed ones do not count."""
    evaluator, count = Evaluator(TASK, CONFIG, ProcessGroup()), 3 * ROLLOUTS // 2
    fell = np.arange(count) % 4 == 0
    scores = Scores(np.where(fell, 0.5, 1.0), ~fell, np.where(fell, 4, 8))
    monkeypatch.setattr("imitate.training.evaluation.run_episodes", lambda *args, **named: scores)
    monkeypatch.setattr("imitate.training.evaluation.choose_start_frames", lambda r, n: np.zeros(n, dtype=np.int64))
    found = evaluator.evaluate(make_policy())
    assert found.episode_return == pytest.approx(0.875) and found.completed == 0.75
    spread = (0.75 * 0.125**2 + 0.25 * 0.375**2) ** 0.5  # of .5 and 1 about .875
    assert found.return_error == pytest.approx(spread / 32**0.5)
    assert found.fall_time == pytest.approx(4 / 30, abs=8 / 30 / 20)  # a twentieth of a motion of 8 steps of 1/30 s


@pytest.mark.parametrize(
    ("parts", "loop", "found"),
    [
        ([7] * 5 + [1], False, 7),
        ([6, 7, 8], False, 7),  # neighbours are about the same moment
        (list(range(0, 20, 2)), False, None),  # here and there
        ([19, 0], True, 0),  # the end of a cycle is its beginning
        ([], False, None),
    ],
)
def test_most_falls_are_about_one_moment_or_no_moment_is_given(parts, loop, found):
    assert find_common_part(np.bincount(np.array(parts, dtype=int), minlength=FALL_BINS), loop) == found
