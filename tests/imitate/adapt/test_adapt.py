"""A skill that learns to adapt: it begins as it was, its value function comes first, phi learns on its own rollouts."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from imitate.adapt import skill_regression
from imitate.adapt.adapt import AdaptConfig, choose_training
from imitate.adapt.networks import AdaptationModule
from imitate.adapt.regression import HistoryBuffer
from imitate.adapt.skill_regression import SkillRegressionConfig, fit_adaptation
from imitate.adapt.start import LEASH, AdaptiveStart, extend_policy, extrinsic_moments
from imitate.env.dynamics import Dynamics, DynamicsConfig
from imitate.env.env import EnvConfig, ImitationEnv
from imitate.training.job import Job
from imitate.training.loop import TrainingRun
from imitate.training.process_group import ProcessGroup
from pose.errors import InputError
from sfv.skill import skills_named

DYNAMICS = DynamicsConfig()


@pytest.fixture(scope="module")
def skill():
    return next(skill for skill in skills_named("walk") if skill.body == "humanoid")


@pytest.fixture(scope="module")
def start(skill):
    return AdaptiveStart(extend_policy(skill.policy, DYNAMICS), DYNAMICS, value_samples=32)


def test_it_begins_with_the_actions_of_the_skill_whatever_the_extrinsics(skill, start):
    env = ImitationEnv(skill.task, EnvConfig(), 4, dynamics=DYNAMICS)
    env.start(np.array([0, 10, 20, 30]))
    observation = env.observe()
    plain = observation[:, : skill.policy.layout.observation_size]
    np.testing.assert_allclose(start.policy.act(observation), skill.policy.act(plain), atol=1e-6)


def test_who_is_further_away_than_the_leash_sees_no_more_of_it(skill, start):
    env = ImitationEnv(skill.task, EnvConfig(), 4, dynamics=DYNAMICS)
    env.start(np.array([0, 10, 20, 30]))
    observation, ahead = env.observe(), env.observation_layout.column("root_offset")
    for column in (ahead, ahead + 1):
        for near, same in ((0.99 * LEASH, False), (LEASH, True)):
            far = observation.copy()
            observation[:, column], far[:, column] = near, 5.0
            assert np.allclose(start.policy.act(observation), start.policy.act(far), atol=1e-6) == same
    seen = start.policy.observations
    before = seen.mean.clone()
    seen.update(seen.moments(torch.randn(8, len(before))))
    assert torch.equal(seen.mean, before)


def test_the_normaliser_knows_the_ranges(skill):
    env = ImitationEnv(skill.task, EnvConfig(), 1, dynamics=DYNAMICS)
    assert isinstance(env.dynamics, Dynamics)
    drawn = env.dynamics.draw(40_000)
    mean, variance = extrinsic_moments(DYNAMICS)
    scale = np.sqrt(variance)
    np.testing.assert_allclose((drawn.mean(axis=0) - mean) / scale, 0.0, atol=0.03)
    # The slope aside is half of that ahead, of which the normaliser knows nothing.
    np.testing.assert_allclose((drawn.std(axis=0) / scale)[:-1], 1.0, atol=0.03)


def test_first_the_value_function_then_all_and_it_goes_on_where_it_was_killed(skill, start, tmp_path):
    options = replace(choose_training(skill.policy, AdaptConfig()), num_envs=8, num_steps=4)
    job = Job(skill.task, options, tmp_path, start=start)
    run = TrainingRun(job, ProcessGroup())
    run.initialise_normaliser()
    before = [parameter.clone() for parameter in run.policy.actor.parameters()]
    critic = [parameter.clone() for parameter in run.policy.critic.parameters()]
    run.iterate()
    assert all(torch.equal(a, b) for a, b in zip(before, run.policy.actor.parameters(), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(critic, run.policy.critic.parameters(), strict=True))
    run.iterate()
    assert not all(torch.equal(a, b) for a, b in zip(before, run.policy.actor.parameters(), strict=True))
    run.save()
    again = TrainingRun(job, ProcessGroup())
    assert again.restore() and again.samples == run.samples
    for a, b in ((run, again),):
        first, second = a.iterate(), b.iterate()
        assert first["reward"] == second["reward"]
    other = replace(job, start=replace(start, dynamics=replace(DYNAMICS, friction=(0.3, 1.0))))
    assert not TrainingRun(other, ProcessGroup()).restore()


def test_phi_learns_on_rollouts_that_it_steers_itself(skill, start, monkeypatch):
    """The z that pi acts with are what phi said before, late, and the targets are mu's of the true extrinsics."""
    used, said = [], []

    class Watched(skill_regression.AdaptiveRunner):
        def act(self, observation, rng=None):
            action = super().act(observation, rng)
            used.append(self.z.copy())
            said.append(self.estimate.copy())
            return action

    monkeypatch.setattr(skill_regression, "AdaptiveRunner", Watched)
    config = SkillRegressionConfig(steps=24, num_envs=6, minibatch_size=8, buffer=64)
    phi, metrics = fit_adaptation(start.policy, skill.task, DYNAMICS, config)
    assert np.isfinite(metrics["phi_error"]) and phi.outputs == 8
    np.testing.assert_array_equal(used, said)
    assert np.abs(np.diff(np.array(used), axis=0)).max(axis=(1, 2))[3:].min() == 0.0  # held between runs of phi
    assert len({float(z.sum()) for z in used}) > 4


def test_the_buffer_keeps_the_latest():
    phi = AdaptationModule(3, 2)
    buffer = HistoryBuffer(4, phi)
    for value in range(3):
        buffer.add(torch.full((2, 50, 3), float(value)), torch.full((2, 2), float(value)))
    assert buffer.count == 4 and sorted(buffer.target[:, 0].tolist()) == [1.0, 1.0, 2.0, 2.0]
    history, target = buffer.sample(16, torch.Generator().manual_seed(0))
    assert torch.equal(history[:, 0, 0], target[:, 0])


def test_options_out_of_range_are_one_line():
    good = AdaptConfig(dynamics=DynamicsConfig(com=0.1))
    assert good.check() is good
    wrong = [{"minutes": 0.0}, {"minutes": np.inf}, {"margin": 0.5}, {"trials": 0}, {"samples": 0}, {"workers": -1}]
    regressions = [{"steps": 0}, {"minibatch_size": 7000}, {"num_envs": 7000}, {"learning_rate": np.nan}]
    wrong += [{"regression": SkillRegressionConfig(**options)} for options in regressions]
    for options in wrong:
        with pytest.raises(InputError):
            replace(good, **options).check()
