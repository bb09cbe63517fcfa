"""The tracking cost against its definition, and what it leaves out."""

import mujoco
import numpy as np
import pytest

from imitate.env.env import EnvConfig, ImitationEnv
from imitate.env.sliding import expand_sliding
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


def test_sliding_costs_the_slowest_bearing_points_speed_and_nothing_in_the_air(env):
    # Both soles 4 mm in the ground, all of the body 0.3 m/s to the left: 0.3^2 for each foot, less by a fifth as
    # `FAST` is twice as fast, and half of the weight.
    down, left = np.zeros(env.model.nv), np.zeros((2, env.model.nv))
    down[2], left[0, 1] = -0.004, 0.3
    costs = {}
    for weight in (0.0, 2.0):
        for height in (0.0, 0.02):
            env.start(np.array([3, 3]), offset=np.tile(down + height * np.eye(len(down))[2], (2, 1)), speed_offset=left)
            costs[weight, height] = TrackingCost(env, CostConfig(slide=weight)).of_states()[0]
    assert costs[2.0, 0.0] - costs[0.0, 0.0] == pytest.approx(0.5 * 2.0 * 2 * 0.8 * 0.3**2, rel=1e-6)
    assert costs[2.0, 0.02] == costs[0.0, 0.02]


def test_slidings_gradient_agrees_with_finite_differences(env):
    cost, nv = TrackingCost(env, CostConfig(slide=1.0)), env.model.nv
    speed = 0.5 * np.random.default_rng(0).standard_normal(nv)

    def cost_at(velocity: np.ndarray) -> float:
        down = np.tile(-0.004 * np.eye(nv)[2], (2, 1))
        env.start(np.array([3, 3]), offset=down, speed_offset=np.tile(velocity, (2, 1)))
        return float(cost.of_states()[0])

    steps = 1e-6 * np.eye(nv)
    expected = [(cost_at(speed + step) - cost_at(speed - step)) / 2e-6 for step in steps]
    cost_at(speed)
    none = np.zeros((0, 2 * nv, 2 * nv))
    found = cost.expand(
        np.array([3]), env.all_qpos[:1], env.all_qvel[:1], none[:, 0, : env.action_size], none,
        none[:, :, : env.action_size],
    )  # fmt: skip
    np.testing.assert_allclose(found.lx[0, nv:] / cost.final, expected, atol=1e-8)


def test_slidings_jacobian_holds_for_poses_of_balls_and_hinges_too(env):
    """Far below `FAST`, where the loss is the square: velocities and their derivatives by pose and velocity."""
    model, data, rng = env.model, mujoco.MjData(env.model), np.random.default_rng(1)
    nv, ground, joints = model.nv, env.ground, env.joints
    pose, speed = env.reference.qpos[3].copy(), 1e-3 * rng.standard_normal(nv)
    mujoco.mj_integratePos(model, pose, 0.3 * np.concatenate([np.zeros(6), rng.standard_normal(nv - 6)]), 1.0)
    pose[2] -= 0.3  # whatever the legs do, the feet are in the ground

    def velocities_at(step: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        data.qpos[:] = pose
        mujoco.mj_integratePos(model, data.qpos, step[:nv], 1.0)
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        return expand_sliding(data, joints, ground, env.touching[:2], speed + step[nv:])

    _, found = velocities_at(np.zeros(2 * nv))
    steps = 1e-6 * np.eye(2 * nv)
    expected = np.array([(velocities_at(step)[0] - velocities_at(-step)[0]) / 2e-6 for step in steps]).T
    assert found.shape == (4, 2 * nv)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)  # the loss bends by that much
