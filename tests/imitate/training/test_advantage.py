"""Generalised advantage estimation against numbers worked out by hand."""

import torch

from imitate.training.advantage import compute_advantage

REWARD = torch.tensor([[1.0], [2.0], [3.0]])
VALUE = torch.tensor([[0.5], [1.0], [1.5]])
NEXT = torch.tensor([[1.0], [1.5], [2.0]])


def advantage(terminated: list[bool], done: list[bool]) -> list[float]:
    found = compute_advantage(
        REWARD, VALUE, NEXT, torch.tensor(terminated)[:, None], torch.tensor(done)[:, None], gamma=0.9, gae_lambda=0.5
    )
    return [round(value, 6) for value in found[:, 0].tolist()]


def test_episode_that_goes_on():
    # delta: 1 + .9 * 1 - .5 = 1.4;  2 + .9 * 1.5 - 1 = 2.35;  3 + .9 * 2 - 1.5 = 3.3;  gamma lambda = .45
    # advantage: 3.3;  2.35 + .45 * 3.3 = 3.835;  1.4 + .45 * 3.835 = 3.12575
    assert advantage([False] * 3, [False] * 3) == [3.12575, 3.835, 3.3]


def test_no_reward_follows_a_failure():
    # The second step fails: its delta is 2 + 0 - 1 = 1 and nothing of the third flows back.
    # first: 1.4 + .45 * 1 = 1.85
    assert advantage([False, True, False], [False, True, False]) == [1.85, 1.0, 3.3]


def test_running_out_of_time_is_not_failure():
    # The second step is the last of its time: V(s') still counts, 2 + .9 * 1.5 - 1 = 2.35, but nothing flows back.
    # first: 1.4 + .45 * 2.35 = 2.4575
    assert advantage([False] * 3, [False, True, False]) == [2.4575, 2.35, 3.3]
