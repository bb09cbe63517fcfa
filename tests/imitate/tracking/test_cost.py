"""The tracking cost against its definition, and what it leaves out."""

import numpy as np
import pytest

from imitate.env.env import EnvConfig, ImitationEnv
from imitate.env.task import Task
from imitate.tracking.cost import FREE_DEPTH, CostConfig, TrackingCost
from tests.samples import CHARACTER, standing


@pytest.fixture(scope="module")
def env() -> ImitationEnv:
    return ImitationEnv(Task(CHARACTER, standing()), EnvConfig(action_scale=1.0), 2)


def place(env: ImitationEnv, step: np.ndarray, velocity: float = 0.0) -> None:
    """The first environment a tangent step from the reference and moving, the second on the reference."""
    offset = np.zeros((2, env.model.nv))
    offset[0] = step
    env.start(
        np.array([3, 3]), offset=offset, speed_offset=velocity * np.array([[1.0], [0.0]]) * np.eye(env.model.nv)[7]
    )


def test_perfect_tracking_costs_nothing(env):
    place(env, np.zeros(env.model.nv))
    np.testing.assert_allclose(TrackingCost(env, CostConfig(penetration=0.0)).of_states(), 0.0, atol=1e-12)


def test_shifted_root_costs_its_weight_and_that_of_the_centre_of_mass(env):
    # 0.1 m to the left moves every point alike: half of (root weight + com weight * scale) * 0.1^2; end effectors are
    # relative to the root.
    place(env, 0.1 * np.eye(env.model.nv)[1])
    reward = env.config.reward
    expected = 0.5 * (5.0 + reward.com_weight * reward.com_scale) * 0.1**2
    assert TrackingCost(env, CostConfig(penetration=0.0)).of_states()[0] == pytest.approx(expected, rel=1e-6)


def test_a_joints_speed_costs_its_share_of_the_velocity_term(env):
    place(env, np.zeros(env.model.nv), velocity=2.0)
    reward = env.config.reward
    expected = 0.5 * reward.velocity_weight * reward.velocity_scale / env.model.njnt * 2.0**2
    assert TrackingCost(env, CostConfig(penetration=0.0)).of_states()[0] == pytest.approx(expected, rel=1e-6)


def test_only_depth_beyond_what_contact_gives_way_costs(env):
    config = CostConfig(root=0.0, penetration=50.0)
    com = 0.5 * env.config.reward.com_weight * env.config.reward.com_scale
    for depth in (0.5 * FREE_DEPTH, FREE_DEPTH + 0.02):
        place(env, -depth * np.eye(env.model.nv)[2])
        cost = TrackingCost(env, config).of_states()[0] - com * depth**2
        if depth < FREE_DEPTH:
            assert cost == pytest.approx(0.0, abs=1e-4)
        else:  # at least the two soles, 0.02 m too deep
            assert cost >= 0.9 * 2 * 0.5 * 50.0 * 0.02**2


def test_controls_cost_their_square(env):
    cost = TrackingCost(env, CostConfig(control=0.002))
    np.testing.assert_allclose(cost.of_controls(np.array([[1.0, 2.0], [0.0, 0.5]])), [0.005, 0.00025])
