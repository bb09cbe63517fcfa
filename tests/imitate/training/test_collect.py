"""Ends of episodes, as the learner and the distribution of initial states see them."""

import numpy as np
import pytest
import torch

from imitate.env.env import EnvConfig, ImitationEnv
from imitate.env.reference import Reference
from imitate.env.step import StepResult
from imitate.env.task import Task
from imitate.policy import Policy, PolicyLayout
from imitate.training.initial_state import FixedStart, ReferenceStart, Starts
from imitate.training.skill_collector import SkillCollector
from tests.samples import CHARACTER, standing

GAMMA = 0.9


def small_policy(env: ImitationEnv, initial_std: float) -> Policy:
    sizes = env.observation_layout.sizes
    return Policy(PolicyLayout("humanoid", 1.75, sizes, ("",) * env.action_size, 0.25, (8,)), initial_std)


def collect_standing(loop: bool):
    """Returns that the critic is to learn from 5 steps of 2 episodes that end in good order after 3, (5, 2)."""
    config = EnvConfig(episode_seconds=0.1, pose_noise=0.0, velocity_noise=0.0)
    env = ImitationEnv(Task(CHARACTER, standing(4, loop)), config, 2)
    policy = small_policy(env, 0.15)
    policy.returns.mean.fill_(-7.0)  # the critic says about -7 everywhere
    torch.nn.init.zeros_(list(policy.critic.parameters())[-2])
    collector = SkillCollector(env, FixedStart(env.reference), 0)
    env.age[:] = 0
    batch, episodes = collector.collect(policy, 5, GAMMA, gae_lambda=0.0)
    assert episodes.completed == episodes.ended == 2
    return (batch.advantage + batch.value).reshape(5, 2).numpy()


def test_end_of_a_clip_is_worth_what_its_last_reward_promises():
    returns = collect_standing(loop=False)
    # r + gamma r / (1 - gamma) = r / (1 - gamma) at the third step, with a reward a little below 1
    assert returns[2] == pytest.approx(10.0, abs=1.0)
    # elsewhere r + gamma V = about 1 - 6.3
    assert returns[[0, 1, 3, 4]] == pytest.approx(-5.3, abs=0.3)


def test_time_limit_of_a_loop_is_bootstrapped():
    assert collect_standing(loop=True) == pytest.approx(-5.3, abs=0.3)


class Recording(ReferenceStart):
    """Remembers the returns that it is given."""

    def __init__(self, reference: Reference):
        super().__init__(reference)
        self.returns: list[float] = []

    def record(self, starts: Starts, returns: np.ndarray, failed_soon: np.ndarray) -> None:
        self.returns += returns.tolist()


def test_starts_are_scored_by_the_return_that_the_policy_maximises():
    """Discounted, with the last reward of a clip paid for ever, across calls of `collect`."""
    env = ImitationEnv(Task(CHARACTER, standing(7, False)), EnvConfig(pose_noise=0.3, velocity_noise=3.0), 6)
    initial_states, outcomes = Recording(env.reference), list[StepResult]()
    collector = SkillCollector(env, initial_states, 0)
    record_step = collector.record_step
    collector.record_step = lambda result, running: (outcomes.append(result), record_step(result, running))[1]  # type: ignore[method-assign]
    torch.manual_seed(0)
    policy = small_policy(env, 2.0)
    for _ in range(4):
        collector.collect(policy, 5, GAMMA, gae_lambda=0.95)
    expected, rewards = [], [list[float]() for _ in range(env.num_envs)]
    for outcome in outcomes:
        for i, rewards_so_far in enumerate(rewards):
            rewards_so_far.append(float(outcome.reward[i]))
            if outcome.done[i]:
                last = rewards_so_far[-1] / (1.0 - GAMMA) if outcome.truncated[i] else 0.0
                expected.append(sum(GAMMA**t * reward for t, reward in enumerate([*rewards_so_far, last])))
                rewards_so_far.clear()
    assert any(outcome.terminated.any() for outcome in outcomes)
    assert any(outcome.truncated.any() for outcome in outcomes)
    np.testing.assert_allclose(initial_states.returns, expected, rtol=1e-6)
