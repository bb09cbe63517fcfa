import numpy as np
import pytest
import torch

from imitate.adapt.networks import AdaptationModule, AdaptivePolicy, AdaptiveSkill
from imitate.locomotion.dynamics import NOMINAL, TRAIN
from imitate.locomotion.env import WalkConfig, WalkEnv
from imitate.locomotion.evaluation import (
    Episodes,
    EventResult,
    FrozenLatent,
    run_event,
    run_walks,
    wilson_half_width,
)
from imitate.locomotion.train import make_runner
from imitate.policy import Unchanged
from tests.samples import flat_terrain


@pytest.fixture(scope="module")
def policy(go1) -> AdaptivePolicy:
    torch.manual_seed(0)
    return AdaptivePolicy(WalkEnv(flat_terrain(), WalkConfig(), 1, 0).layout())


class Kick:
    """Stands, then lies down at a step of its own."""

    def __init__(self, steps: list[int]):
        self.steps, self.count = np.array(steps), 0

    def act(self, observation, rng=None):
        self.count += 1
        return np.where(self.count > self.steps, 8.0, 0.0)[:, None] * np.ones(12)

    def forget(self, ids):
        pass

    observations = Unchanged()


def test_measures_of_robots_that_stand_and_of_one_that_falls(go1):
    result = run_walks(lambda count: Kick([1000, 10, 1000]), 3, 5, NOMINAL, episode_steps=60)
    assert result.survived.tolist() == [True, False, True]
    assert result.time_to_fall[0] == 1.0 and 10 / 60 < result.time_to_fall[1] < 1.0
    assert np.abs(result.distance[[0, 2]]).max() < 0.2
    assert result.torque[0] > 10.0 and result.impact[1] > result.impact[0]


def test_the_same_seed_gives_the_same_walk_to_every_policy(policy):
    runs = [run_walks(lambda count: policy, 4, 3, episode_steps=30) for _ in range(2)]
    np.testing.assert_array_equal(runs[0].reward, runs[1].reward)


def test_frozen_latent_is_that_of_the_first_moment(policy):
    frozen = FrozenLatent(policy, 2)
    observation = np.random.default_rng(0).standard_normal((2, 59)).astype(np.float32)
    first = policy.encode(observation[:, 42:])
    frozen.act(observation)
    frozen.act(observation + 1)
    np.testing.assert_array_equal(frozen.z, first)
    frozen.forget(np.array([1]))
    frozen.act(observation + 1)
    np.testing.assert_array_equal(frozen.z[0], first[0])
    np.testing.assert_array_equal(frozen.z[1:], policy.encode(observation[1:, 42:] + 1))


def test_event_changes_physics_at_its_time_only(policy):
    seen = []

    class Watch(Kick):
        def act(self, observation, rng=None):
            seen.append(observation[:, 42:58].copy())
            return super().act(observation)

    result = run_event(lambda count: Watch([1000, 1000]), 2, 0, seconds=3.1)
    before, after = seen[299], seen[300]
    np.testing.assert_allclose(before[:, 0], 0.0)
    np.testing.assert_allclose(after[:, [0, 15]], [[6.0, 0.2]] * 2)
    # A strength of .7: what is observed ends where training ended.
    weak = np.isclose(after[:, 3:15], TRAIN.strength[0]).reshape(2, 4, 3)
    assert (weak.all(-1).sum(-1) == 1).all() and (weak.sum((1, 2)) == 3).all()
    assert len(result.z) == 310 and not result.fell_before.any()


def test_response_is_found_where_z_crosses_half_of_its_way():
    z = np.zeros((1000, 5, 2))
    z[340:, :, 0] = 2.0  # all of it 0.4 s after the event
    z[700:, 3] = np.nan
    result = EventResult(z, np.zeros(5, bool), np.array([False, False, False, True, False]))
    assert result.response_seconds() == pytest.approx(0.4) and result.falls == pytest.approx(0.2)


def test_interval_by_hand():
    """Wilson's interval of 50 of 100 is .5 +- .0962 (Newcombe 1998 prints .404 to .596)."""
    assert wilson_half_width(0.5, 100) == pytest.approx(0.0962, abs=5e-4)


def test_estimated_extrinsics_go_through_the_encoder(policy):
    phi = AdaptationModule(42, 17)
    with torch.no_grad():
        for parameter in phi.parameters():
            parameter.zero_()
        phi.head.bias.copy_(torch.linspace(-1.0, 1.0, 17))
    runner = make_runner(AdaptiveSkill(policy, phi), 2)
    assert policy.actor.encoder is not None
    with torch.no_grad():
        wanted = policy.actor.encoder(torch.linspace(-1.0, 1.0, 17))
    np.testing.assert_allclose(runner.z, np.tile(wanted.numpy(), (2, 1)), atol=1e-5)


def test_joined_episodes(go1):
    part = run_walks(lambda count: Kick([1000]), 1, 0, NOMINAL, episode_steps=5)
    assert len(Episodes.join([part, part]).survived) == 2
