"""The LSTM policy: its memory, and what it replays."""

import numpy as np
import pytest
import torch

from imitate.lecture.collector import Collector
from imitate.lecture.problems import make_grids
from imitate.lecture.recurrent import make_recurrent_policy, make_sequence_batch


def make_lstm(size):
    torch.manual_seed(0)
    policy = make_recurrent_policy(4, 4, hidden=8)
    torch.nn.init.orthogonal_(policy.actor.get_parameter("0.weight"), 2.0)
    policy.begin(size)
    return policy


def test_same_observation_is_another_thing_the_second_time():
    """What a table over observations cannot do: two grey cells with different pasts get different preferences."""
    policy = make_lstm(2)
    past = np.eye(4, dtype=np.float32)[[0, 3]]
    policy.act(past)
    grey = np.tile(np.eye(4, dtype=np.float32)[1], (2, 1))
    policy.act(grey)
    preference = policy.actor(policy.state[0])
    assert (preference[0] - preference[1]).abs().max() > 1e-3


def test_forgetting_clears_some_memories_only():
    policy = make_lstm(3)
    policy.act(np.eye(4, dtype=np.float32)[:3])
    before = [part.clone() for part in policy.state]
    policy.forget(np.array([1]))
    for part, old in zip(policy.state, before, strict=True):
        assert (part[1] == 0.0).all()
        torch.testing.assert_close(part[[0, 2]], old[[0, 2]])


def test_actions_are_drawn_from_the_softmax():
    policy, rng, count = make_lstm(1), np.random.default_rng(0), 20_000
    observation = torch.eye(4)[:1]
    probability = torch.softmax(policy.actor(policy.remember(observation, policy.state)[0]), -1)[0].detach().numpy()
    policy.begin(count)
    share = np.bincount(policy.act(observation.expand(count, -1).numpy(), rng), minlength=4) / count
    np.testing.assert_allclose(share, probability, atol=4 * 0.5 / count**0.5)


def test_log_prob_and_entropy_belong_to_one_distribution():
    policy, preference = make_lstm(1), torch.tensor([[1.0, 0.0, -1.0, 2.0]])
    log_pi = torch.stack([policy.log_prob(preference, torch.tensor([a])) for a in range(4)], -1)[0]
    assert log_pi.exp().sum().item() == pytest.approx(1.0, abs=1e-6)
    assert policy.entropy(preference).item() == pytest.approx(-(log_pi.exp() * log_pi).sum().item(), abs=1e-6)


def test_lstm_unrolls_to_what_it_did():
    """Replaying a segment from the memory at its beginning gives the preferences it acted on, across episode ends."""
    policy = make_lstm(6)
    collector = Collector(make_grids(6), seed=1)
    collector.collect(policy, 10)
    remembered = policy.state
    batch = collector.collect(policy, 40)
    assert batch.done.any()
    output, value, next_value = policy.unroll(batch.observation, batch.next_observation, batch.done, remembered)
    # Acting greedily on the replayed memory must be what greedy acting does from the same memory.
    state = remembered
    for t in range(40):
        state = policy.remember(batch.observation[t], state)
        torch.testing.assert_close(policy.actor(state[0]), output[t])
        keep = (~batch.done[t]).float()[:, None]
        state = (state[0] * keep, state[1] * keep)
    torch.testing.assert_close(state[0], policy.state[0])
    goes_on = ~batch.done[:-1]
    torch.testing.assert_close(next_value[:-1][goes_on], policy.returns.inverse(value[1:][goes_on]))


def test_value_of_an_episodes_last_state_is_remembered_on_top_of_it():
    """V(s') where an episode ended, and at the segment's end, against the memory taken step by step."""
    policy = make_lstm(6)
    collector = Collector(make_grids(6), seed=1)
    batch = collector.collect(policy, 40)
    assert batch.memory is not None and batch.done[:-1].any()
    _, _, next_value = policy.unroll(batch.observation, batch.next_observation, batch.done, batch.memory)
    state = batch.memory
    for t in range(40):
        state = policy.remember(batch.observation[t], state)
        following = policy.remember(batch.next_observation[t], state)[0]
        torch.testing.assert_close(next_value[t], policy.returns.inverse(policy.critic(following).squeeze(-1)))
        keep = (~batch.done[t]).float()[:, None]
        state = (state[0] * keep, state[1] * keep)


def test_sequences_of_ppo_are_what_was_acted_on():
    """Some environments' sequences, as a minibatch takes them, have the probabilities and values of the whole batch."""
    policy = make_lstm(6)
    collector = Collector(make_grids(6), seed=1)
    collector.collect(policy, 7)
    batch = collector.collect(policy, 30)
    assert batch.memory is not None and batch.memory[0].abs().max() > 0.0
    samples = make_sequence_batch(policy, batch, 0.9, 0.95)
    ids = torch.tensor([4, 1])
    output, value = policy.outputs(samples.observation[ids])
    assert output.shape == (2, 30, 4)
    torch.testing.assert_close(policy.log_prob(output, samples.action[ids]), samples.log_prob[ids])
    torch.testing.assert_close(policy.returns.inverse(value), samples.value[ids])
    whole, _, _ = policy.unroll(batch.observation, batch.next_observation, batch.done, batch.memory)
    torch.testing.assert_close(output, whole.transpose(0, 1)[ids])
    (value.square().mean() + output.square().mean()).backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in policy.parameters())
