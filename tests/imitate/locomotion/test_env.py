from dataclasses import fields, replace

import numpy as np
import pytest

from imitate.locomotion.dynamics import NOMINAL, TEST, TRAIN, DynamicsRange
from imitate.locomotion.env import ACTION_SCALE, WalkConfig, WalkEnv
from imitate.locomotion.gait import Trot, TrotClock, solve_leg
from imitate.locomotion.gymnasium_env import GymWalkEnv
from imitate.locomotion.robot import STAND
from imitate.locomotion.terrain import make_fractal
from tests.samples import flat_terrain

pytestmark = pytest.mark.usefixtures("go1")
STILL = np.zeros((4, 12))


def make(ranges: DynamicsRange = NOMINAL, count: int = 4, seed: int = 0, **options) -> WalkEnv:
    env = WalkEnv(make_fractal(0, 16.0), WalkConfig(ranges, **options), count, seed)
    env.start(np.arange(count), np.random.default_rng(seed))
    return env


def walk(env: WalkEnv, steps: int) -> np.ndarray:
    trot = Trot()
    for step in range(steps):
        env.step(trot.act(env, np.full(env.num_envs, step * trot.phase_step)))
    return env.qpos.copy()


def test_a_clock_finds_the_phase_that_actions_are_of():
    """It runs a third of a cycle late, and is right again before half a cycle is over."""
    trot, env = Trot(), make()
    clock = TrotClock(trot, 4)
    for step in range(60):
        phase = np.array([0.0, 0.3, 0.55, 0.9]) + step * trot.phase_step
        late = (clock.phase - phase + 0.5) % 1.0 - 0.5
        if step > 14:
            assert np.abs(late).max() < 0.06
        action = trot.act(env, phase % 1.0)
        clock.advance(action)
        env.step(action)


@pytest.mark.parametrize("ranges", [TRAIN, TEST])
def test_physics_stays_in_its_range_and_follows_the_seed(ranges):
    env = make(replace(ranges, redraw_chance=0.3))
    seen = {field.name: [] for field in fields(ranges) if field.name != "redraw_chance"}
    for _ in range(60):
        env.step(STILL)
        for name, values in seen.items():
            values.append(getattr(env.dynamics, name).copy())
    for name, values in seen.items():
        low, high = getattr(ranges, name)
        assert low <= np.min(values) and np.max(values) <= high
        assert np.ptp(values) > 0.7 * (high - low)
    again = make(replace(ranges, redraw_chance=0.3))
    for _ in range(60):
        again.step(STILL)
    np.testing.assert_array_equal(env.qpos, again.qpos)
    np.testing.assert_array_equal(env.observe(), again.observe())


def test_physics_changes_as_often_as_it_should():
    env, changes = make(replace(TRAIN, redraw_chance=0.1), 64), 0
    env.running = np.zeros(1, dtype=np.int64)  # the others need not be simulated for this
    for _ in range(50):
        before = env.dynamics.payload.copy()
        env.step(np.zeros((64, 12)))
        changes += int((env.dynamics.payload != before).sum())
    assert abs(changes / (50 * 64) - 0.1) < 0.02


def test_payload_weighs_and_strength_scales_torque():
    env = WalkEnv(flat_terrain(20.0), WalkConfig(NOMINAL), 3, 0)
    env.start_at(np.zeros((3, 2)), np.zeros(3))
    env.dynamics.payload[1], env.dynamics.strength[2] = 5.0, 0.8
    env.dynamics.apply(np.arange(3))
    for _ in range(150):
        env.step(np.zeros((3, 12)))
    weight = env.force.sum(1) * env.robot_mass
    np.testing.assert_allclose(weight, [env.robot_mass, env.robot_mass + 5.0, env.robot_mass], rtol=3e-2)
    servo = 55.0 * (STAND - env.qpos[:, 7:]) - 0.8 * env.qvel[:, 6:]
    np.testing.assert_allclose(env.torque, servo * np.array([[1.0], [1.0], [0.8]]), atol=0.05)


def test_observation_is_what_it_says():
    env = make(TRAIN)
    action = np.random.default_rng(0).normal(0.0, 0.1, (4, 12))
    env.step(action)
    seen = env.observe()
    layout = env.layout()
    assert seen.shape == (4, layout.sensed_size + layout.extrinsics_size) and seen.dtype == np.float32
    np.testing.assert_allclose(seen[:, :12], env.qpos[:, 7:] - STAND, atol=1e-6)
    np.testing.assert_allclose(seen[:, 30:42], action, atol=1e-6)
    np.testing.assert_allclose(seen[:, 42], env.dynamics.payload, atol=1e-6)
    np.testing.assert_allclose(seen[:, 57], env.dynamics.friction, atol=1e-6)
    np.testing.assert_array_equal(seen[[2]], env.observe(np.array([2])))


def test_the_trot_walks_ahead_and_episodes_end_where_they_should():
    env = WalkEnv(flat_terrain(40.0), WalkConfig(NOMINAL, episode_steps=200), 2, 0)
    env.start_at(np.zeros((2, 2)), np.array([0.0, 2.0]))
    walk(env, 199)
    assert (env.distance > 0.2).all() and not env.has_fallen().any()
    result = env.step(np.zeros((2, 12)))
    assert result.truncated.all() and not result.terminated.any()
    env.qpos[0, 3:7] = [np.cos(0.15), 0.0, np.sin(0.15), 0.0]  # .3 rad nose down
    env.qpos[1, 2] = 0.15
    assert env.has_fallen().all()
    np.testing.assert_allclose(env.tilt[0], [0.0, 0.3], atol=1e-9)


def test_a_state_continues_bit_for_bit():
    env = make(replace(TRAIN, redraw_chance=0.1))
    walk(env, 20)
    state = env.state()
    expected = walk(env, 20)
    other = make(replace(TRAIN, redraw_chance=0.1), seed=5)
    other.restore(state)
    np.testing.assert_array_equal(walk(other, 20), expected)


def test_robots_that_are_not_running_stand_still_in_time():
    env = make()
    env.running = np.array([1, 3])
    before = env.qpos.copy()
    walk(env, 5)
    np.testing.assert_array_equal(env.qpos[[0, 2]], before[[0, 2]])
    assert env.age.tolist() == [0, 5, 0, 5]


def test_leg_kinematics_by_hand():
    thigh, calf = solve_leg(np.array([0.0, 0.1]), np.array([-0.3, -0.25]))
    x = -0.213 * (np.sin(thigh) + np.sin(thigh + calf))
    z = -0.213 * (np.cos(thigh) + np.cos(thigh + calf))
    np.testing.assert_allclose(x, [0.0, 0.1], atol=1e-12)
    np.testing.assert_allclose(z, [-0.3, -0.25], atol=1e-12)
    assert (calf < 0).all() and ACTION_SCALE > 0


def test_gymnasium_interface():
    env = GymWalkEnv(make_fractal(0, 16.0))
    seen, _ = env.reset(seed=3)
    again, _ = env.reset(seed=3)
    np.testing.assert_array_equal(seen, again)
    assert env.observation_space.contains(seen)
    ends = []
    while not any(ends) and env.env.age[0] < 300:
        _, _, *ends, info = env.step(np.full(12, 3.0, dtype=np.float32))
        assert "forward" in info
    assert ends == [True, False]


def test_what_policies_are_given_may_have_an_error_that_is_drawn_with_the_physics():
    env = WalkEnv(flat_terrain(20.0), WalkConfig(TRAIN), 400, 0)
    env.dynamics.error_share = 0.1
    env.start(np.arange(400), np.random.default_rng(0))
    given, payload = env.dynamics.extrinsics(), env.dynamics.payload
    assert np.std(given[:, 0] - payload) == pytest.approx(0.1 * 6.0, rel=0.1)
    assert np.std(given[:, -1] - env.dynamics.friction) == pytest.approx(0.1 * 4.45, rel=0.1)
    np.testing.assert_array_equal(given, env.dynamics.extrinsics())
    env.dynamics.tell_truth()
    np.testing.assert_array_equal(env.dynamics.extrinsics()[:, 0], payload)
