"""The collector: what it counts, and that a segment hangs together."""

import numpy as np
import torch

from imitate.lecture.collector import Collector
from imitate.lecture.problems import CartPole, make_bandits, make_grids
from imitate.lecture.softmax import SoftmaxPolicy


def test_segment_hangs_together():
    """What an action led to is what is seen next, except where an episode ended: there a new one begins."""
    torch.manual_seed(0)
    collector = Collector(CartPole(8), seed=0)
    batch = collector.collect(SoftmaxPolicy(4, 2), 60)
    assert batch.observation.shape == (60, 8, 4) and collector.samples == 480
    ended = batch.done[:-1]
    assert ended.any()
    torch.testing.assert_close(batch.next_observation[:-1][~ended], batch.observation[1:][~ended])
    assert (batch.observation[1:][ended].abs() <= 0.05).all()  # as CartPole starts
    assert (batch.next_observation[:-1][ended].abs().max(-1).values > 0.2).all()  # the end itself is kept


def test_next_segment_goes_on_where_the_last_one_ended():
    torch.manual_seed(0)
    collector, policy = Collector(make_grids(16), seed=0), SoftmaxPolicy(4, 4, ())
    first, second = collector.collect(policy, 5), collector.collect(policy, 5)
    goes_on = ~first.done[-1]
    torch.testing.assert_close(first.next_observation[-1][goes_on], second.observation[0][goes_on])


def test_returns_of_finished_episodes():
    """A pull of the bandit is an episode; CartPole pays 1 a step, so returns add up to the steps of what ended."""
    bandit = Collector(make_bandits(32), seed=0)
    batch = bandit.collect(SoftmaxPolicy(1, 10, (), bias=False), 3)
    np.testing.assert_array_equal(np.array(bandit.finished), batch.reward.flatten().numpy())
    poles = Collector(CartPole(4), seed=0)
    batch = poles.collect(SoftmaxPolicy(4, 2), 200)
    last = [int(np.flatnonzero(batch.done[:, i]).max(initial=-1)) + 1 for i in range(4)]
    assert len(poles.finished) == int(batch.done.sum()) and sum(poles.finished) == sum(last)


def test_trajectories_start_anew():
    torch.manual_seed(0)
    collector = Collector(CartPole(4), seed=0)
    collector.collect(SoftmaxPolicy(4, 2), 7)
    batch = collector.collect_trajectories(SoftmaxPolicy(4, 2))
    assert (batch.observation[0].abs() <= 0.05).all()
    lengths = batch.alive.sum(0)
    assert collector.finished[-4:] and sorted(collector.finished[-4:]) == sorted(lengths.tolist())
    assert (batch.reward[~batch.alive] == 0.0).all()
