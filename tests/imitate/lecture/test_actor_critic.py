"""Actor-critic learners: their advantages by hand, their gradients by autograd, and what they learn."""

import numpy as np
import pytest
import torch

from imitate.lecture.actor_critic import (
    A2C,
    ActorCriticConfig,
    OnlineActorCritic,
    QActorCritic,
    n_step_advantage,
    one_step_advantage,
)
from imitate.lecture.collector import Collector
from imitate.lecture.experiment import learn
from imitate.lecture.finite import make_bandit
from imitate.lecture.problems import PROBLEMS, Pendulum, make_bandits, make_grids
from imitate.lecture.softmax import SoftmaxPolicy
from imitate.policy import Policy, PolicyLayout
from imitate.training.advantage import compute_advantage


def random_segment(seed=0, steps=7, size=5):
    generator = torch.Generator().manual_seed(seed)
    reward, value, next_value = torch.randn(3, steps, size, generator=generator, dtype=torch.float64)
    done = torch.rand(steps, size, generator=generator) < 0.3
    terminated = done & (torch.rand(steps, size, generator=generator) < 0.5)
    next_value[:-1] = torch.where(done[:-1], next_value[:-1], value[1:])
    return reward, value, next_value, terminated, done


def test_advantages_by_hand():
    # gamma .5; V = 1, 2, 4, V(s') = 2, 4, 8; rewards 1, 0, 2
    reward, value, next_value = (torch.tensor(x)[:, None] for x in ([1.0, 0.0, 2.0], [1.0, 2.0, 4.0], [2.0, 4.0, 8.0]))
    never = torch.zeros(3, 1, dtype=torch.bool)
    assert one_step_advantage(reward, value, next_value, never, 0.5).flatten().tolist() == [1.0, 0.0, 2.0]
    # two steps: 1 + 0 + .25 * 4 - 1 = 1, 0 + .5 * 2 + .25 * 8 - 2 = 1, the batch ends: 2 + .5 * 8 - 4 = 2
    two = n_step_advantage(reward, value, next_value, never, never, 0.5, 2)
    assert two.flatten().tolist() == [1.0, 1.0, 2.0]
    ends = torch.tensor([[False], [True], [False]])
    # the second step ends the episode for good: 1 + 0 - 1, 0 - 2
    two = n_step_advantage(reward, value, next_value, ends, ends, 0.5, 2)
    assert two.flatten().tolist() == [0.0, -2.0, 2.0]


def test_n_steps_are_the_ends_of_gae():
    """One step is GAE with lambda 0; as many steps as there are is GAE with lambda 1."""
    reward, value, next_value, terminated, done = random_segment()
    arguments = (reward, value, next_value, terminated, done, 0.9)
    one = one_step_advantage(reward, value, next_value, terminated, 0.9)
    torch.testing.assert_close(n_step_advantage(*arguments, 1), one)
    torch.testing.assert_close(compute_advantage(*arguments, 0.0), one)
    torch.testing.assert_close(n_step_advantage(*arguments, 7), compute_advantage(*arguments, 1.0))


def test_online_actor_critic_is_the_slide():
    """One transition, worked out with the closed form: the table's score is e_a - pi."""
    policy = SoftmaxPolicy(4, 4, hidden_sizes=(), bias=False)
    collector = Collector(make_grids(1), seed=4)
    config = ActorCriticConfig(gamma=0.9, learning_rate=0.1, critic_rate=2.0)
    learner = OnlineActorCritic(policy, config)
    for _ in range(20):
        theta, w = (policy.state_dict()[name].clone() for name in ("actor.0.weight", "critic.0.weight"))
        batch = collector.collect(policy, 1)
        s, following = batch.observation[0, 0], batch.next_observation[0, 0]
        a, r, goes_on = int(batch.action), float(batch.reward), 1.0 - float(batch.terminated)
        learner.update(batch)
        target = r + 0.9 * goes_on * (w @ following)
        w = w + 0.2 * 2.0 * (target - w @ s)[:, None] * s  # gradient of the squared error
        advantage = r + 0.9 * goes_on * (w @ following) - w @ s
        score = torch.outer(torch.eye(4)[a] - torch.softmax(theta @ s, -1), s)
        state = policy.state_dict()
        torch.testing.assert_close(state["critic.0.weight"], w, rtol=0, atol=1e-5)
        torch.testing.assert_close(state["actor.0.weight"], theta + 0.1 * advantage * score, rtol=0, atol=1e-5)


def test_q_critic_learns_the_arms():
    torch.manual_seed(0)
    policy = SoftmaxPolicy(1, 10, hidden_sizes=(), bias=False)
    learner = QActorCritic(policy, ActorCriticConfig(learning_rate=1e-4, critic_rate=100.0), hidden_sizes=())
    collector = Collector(make_bandits(64), seed=0)
    for _ in range(500):
        learner.update(collector.collect(policy, 1))
    q = learner.q(torch.ones(1)).detach().numpy()
    np.testing.assert_allclose(q, make_bandit().transition[0, :, 1], atol=0.08)


@pytest.mark.parametrize("continuous", [False, True])
def test_a2c_moves_along_the_gradient(continuous):
    """With one optimiser step the parameters change by what the written-out loss says."""
    torch.manual_seed(1)
    if continuous:
        layout = PolicyLayout("pendulum", 1.0, {"state": 3}, ("torque",), 1.0, (8,))
        policy, problem = Policy(layout, 0.5), Pendulum(6)
    else:
        policy, problem = SoftmaxPolicy(4, 4, (8,)), make_grids(6)
    collector = Collector(problem, seed=0)
    config = ActorCriticConfig(learning_rate=1e-3, max_grad_norm=1e9, ent_coef=0.01)
    learner = A2C(policy, config)
    batch = collector.collect(policy, 5)
    value = policy.value(batch.observation)
    advantage = compute_advantage(
        batch.reward, value, policy.value(batch.next_observation), batch.terminated, batch.done, 0.99, 1.0
    )
    output = policy.actor(batch.observation)
    loss = (
        -(advantage * policy.log_prob(output, batch.action)).mean()
        + 0.5 * (policy.critic(batch.observation).squeeze(-1) - value - advantage).square().mean()
        - 0.01 * policy.entropy(output).mean()
    )
    expected = torch.autograd.grad(loss, list(policy.parameters()))
    learner.update(batch)
    for parameter, gradient in zip(policy.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("algorithm", ["q-actor-critic", "q-advantage", "a2c"])
def test_bandit_is_learnt(algorithm):
    curve = learn(PROBLEMS["bandit"], algorithm, samples=8000, evaluations=5)
    assert curve.value[-1] > PROBLEMS["bandit"].threshold


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["reinforce-baseline", "a2c", "ppo"])
def test_cartpole_is_solved(algorithm):
    """475 over 100 episodes."""
    curve = learn(PROBLEMS["cartpole"], algorithm, samples=200_000)
    assert curve.value.max() >= 475.0
    assert curve.find_crossing(475.0) is not None


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["a2c", "ppo"])
def test_pendulum_at_cleanrl_level(algorithm):
    """CleanRL's documentation: ppo_continuous_action -1142 and rpo_continuous_action -151 after 8 M samples."""
    curve = learn(PROBLEMS["pendulum"], algorithm, samples=400_000)
    assert curve.value.max() > -151.0
