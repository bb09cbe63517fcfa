"""Gradients of A2C and PPO where actor and critic share layers, against finite differences of the written-out loss."""

import torch
from torch import nn

from imitate.lecture.actor_critic import A2C, ActorCriticConfig
from imitate.lecture.softmax import SoftmaxActorCritic
from imitate.policy import Normaliser, Unchanged, mlp
from imitate.training.collect import Transitions, surrogate_batch
from imitate.training.ppo import PPO, PPOConfig

T, N = 4, 3


class SharedPolicy(SoftmaxActorCritic):
    """One hidden layer for both, in double precision."""

    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(3, 4), nn.Tanh())
        self.actor, self.critic = mlp((4, 5), last_gain=1.0), mlp((4, 1), last_gain=1.0)
        self.observations, self.returns = Unchanged(), Normaliser(1)
        self.double()

    def outputs(self, observation):
        features = self.trunk(observation)
        return self.actor(features), self.critic(features).squeeze(-1)

    def act(self, observation, rng=None):
        raise NotImplementedError


def make_case():
    torch.manual_seed(0)
    policy = SharedPolicy()
    done = torch.zeros(T, N, dtype=torch.bool)
    done[1, 0] = done[2, 2] = True
    terminated = done.clone()
    terminated[2, 2] = False
    batch = Transitions(
        observation=torch.randn(T, N, 3).double(),
        action=torch.randint(5, (T, N)),
        reward=torch.randn(T, N).double(),
        next_observation=torch.randn(T, N, 3).double(),
        terminated=terminated,
        done=done,
        alive=torch.ones(T, N, dtype=torch.bool),
        moments=torch.zeros(0),
    )
    # Where no episode ends, s' is the next s.
    batch.next_observation[:-1][~done[:-1]] = batch.observation[1:][~done[:-1]]
    return policy, batch


def differentiate(policy, loss):
    """Central differences of a loss by every parameter."""
    gradients = []
    with torch.no_grad():
        for parameter in policy.parameters():
            flat, found = parameter.view(-1), torch.zeros(parameter.numel()).double()
            for i in range(len(flat)):
                flat[i] += 1e-5
                above = loss()
                flat[i] -= 2e-5
                found[i] = (above - loss()) / 2e-5
                flat[i] += 1e-5
            gradients.append(found.view_as(parameter))
    return gradients


def n_step_returns(policy, batch, gamma):
    """r + gamma r' + ... + gamma^n V, backwards and by hand."""
    with torch.no_grad():
        following = policy.value(batch.next_observation)
        running, returns = following[-1], torch.zeros(T, N).double()
        for t in reversed(range(T)):
            running = torch.where(batch.done[t], following[t], running)
            running = batch.reward[t] + gamma * running * ~batch.terminated[t]
            returns[t] = running
    return returns


def check_gradients(policy, expected):
    for (name, parameter), gradient in zip(policy.named_parameters(), expected, strict=True):
        assert parameter.grad is not None
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-4, atol=1e-5, msg=name)


def test_a2c():
    policy, batch = make_case()
    returns = n_step_returns(policy, batch, 0.9)
    advantage = returns - policy.value(batch.observation)

    def loss():
        output, value = policy.outputs(batch.observation)
        log_pi = torch.log_softmax(output, -1)
        taken = log_pi.gather(-1, batch.action[..., None]).squeeze(-1)
        entropy = -(log_pi.exp() * log_pi).sum(-1)
        return (-(advantage * taken) + 0.5 * (value - returns) ** 2 - 0.01 * entropy).mean()

    expected = differentiate(policy, loss)
    config = ActorCriticConfig(gamma=0.9, learning_rate=0.0, max_grad_norm=1e9, ent_coef=0.01)
    A2C(policy, config).update(batch)
    check_gradients(policy, expected)


def test_ppo():
    """Half a step away from the policy that collected, so that some ratios are clipped and others not."""
    policy, batch = make_case()
    samples = surrogate_batch(policy, batch, 0.9, 1.0)
    returns = n_step_returns(policy, batch, 0.9).flatten()
    torch.testing.assert_close(samples.advantage + samples.value, returns)
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    advantage = (samples.advantage - samples.advantage.mean()) / samples.advantage.std(correction=0)
    target = (returns - returns.mean()) / returns.std(correction=0)

    def loss():
        output, value = policy.outputs(samples.observation)
        log_pi = torch.log_softmax(output, -1)
        ratio = (log_pi.gather(-1, samples.action[:, None]).squeeze(-1) - samples.log_prob).exp()
        surrogate = torch.minimum(ratio * advantage, ratio.clamp(0.9, 1.1) * advantage)
        entropy = -(log_pi.exp() * log_pi).sum(-1)
        return (-surrogate + 0.5 * (value - target) ** 2 - 0.02 * entropy).mean()

    expected = differentiate(policy, loss)
    config = PPOConfig(
        update_epochs=1, minibatch_size=T * N, clip_coef=0.1, vf_coef=0.5, max_grad_norm=1e9, learning_rate=0.0
    )
    metrics = PPO(policy, config, ent_coef=0.02).update(samples, torch.Generator().manual_seed(0))
    assert 0.0 < metrics["clipped"] < 1.0
    check_gradients(policy, expected)
