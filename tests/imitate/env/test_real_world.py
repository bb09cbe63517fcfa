"""Noise of measurements and delays of servo targets, worked out by hand."""

import numpy as np

from imitate.env.config import EnvConfig
from imitate.env.env import ImitationEnv
from imitate.env.real_world import ANGLE, PLACE, SPEED, TILT, TURNING, VELOCITY, RealWorld
from imitate.env.task import Task
from reconstruct.characters.character import load_character
from reconstruct.motion import ReferenceMotion
from reconstruct.solver.tangent import TangentSpace

CHARACTER = load_character("humanoid")
SPACE = TangentSpace.of(CHARACTER.model)


def test_noise_has_the_deviation_of_each_measurement():
    world, count = RealWorld(2.0, 0.0, SPACE, (4, 2), seed=0), 5000
    qpos, qvel = np.tile(CHARACTER.model.qpos0, (count, 1)), np.ones((count, SPACE.nv))
    poses, velocities = world.measure(qpos, qvel)
    joints = SPACE.nv - 6
    step = SPACE.difference(qpos, poses)
    np.testing.assert_allclose(step.std(0), 2.0 * np.repeat([PLACE, TILT, ANGLE], [3, 3, joints]), rtol=0.06)
    deviations = 2.0 * np.repeat([VELOCITY, TURNING, SPEED], [3, 3, joints])
    np.testing.assert_allclose((velocities - qvel).std(0), deviations, rtol=0.06)


def test_errors_go_along_a_limb_and_the_clock_has_none():
    """What is measured is a pose that the body can take: its bones keep their lengths."""
    qpos = np.tile(CHARACTER.model.qpos0, (31, 1))
    motion = ReferenceMotion(
        qpos, 30.0, "humanoid", CHARACTER.height, CHARACTER.joint_names, np.ones((31, 1), dtype=bool), ("left_foot",)
    )
    exact, noisy = (ImitationEnv(Task(CHARACTER, motion), EnvConfig(sensor_noise=noise), 3) for noise in (0.0, 1.0))
    for env in (exact, noisy):
        env.start(np.zeros(3, dtype=np.int64))
    truth, first = exact.observe(), noisy.observe(np.array([0, 2]))
    assert not np.array_equal(first, noisy.observe(np.array([0, 2])))  # every measurement is a new one
    begin = exact.observation_layout.column("positions")
    np.testing.assert_array_equal(first[:, :3], truth[:2, :3])
    model, bodies = exact.body, exact.body.nbody - 1
    for seen, least in ((truth, 0.0), (first, 1e-3)):
        places = seen[:, begin : begin + 3 * bodies - 3].reshape(len(seen), -1, 3)
        places = np.concatenate([np.zeros((len(seen), 1, 3)), places], axis=1)
        bones = places[:, 1:] - places[:, model.body_parentid[2:] - 1]
        lengths = np.linalg.norm(model.body_pos[2:], axis=1)
        np.testing.assert_allclose(np.linalg.norm(bones, axis=2), np.tile(lengths, (len(seen), 1)), atol=1e-5)
        assert np.abs(seen[0] - truth[0]).mean() >= least


def test_targets_arrive_as_many_physics_steps_late_as_each_environment_has_drawn():
    world = RealWorld(0.0, 2.0, SPACE, (3, 1), seed=0)
    ids = np.arange(3)
    world.start(ids, np.full((3, 1), -1.0))
    world.delay[:] = [0, 1, 2]
    arrived = [world.pass_on(np.full((3, 1), float(step)))[:, 0].tolist() for step in range(4)]
    assert arrived == [[0.0, -1.0, -1.0], [1.0, 0.0, -1.0], [2.0, 1.0, 0.0], [3.0, 2.0, 1.0]]
    # A new episode in one of them forgets what was on its way there.
    state = world.state()
    world.start(np.array([2]), np.array([[7.0]]))
    world.delay[2] = 2
    assert world.pass_on(np.full((3, 1), 9.0))[:, 0].tolist() == [9.0, 3.0, 7.0]
    world.restore(state)
    assert world.pass_on(np.full((3, 1), 9.0))[:, 0].tolist() == [9.0, 3.0, 2.0]


def test_delays_are_drawn_evenly_and_seeded():
    first, again = (RealWorld(0.0, 3.0, SPACE, (4000, 1), seed=5) for _ in range(2))
    for world in (first, again):
        world.start(np.arange(4000), np.zeros((4000, 1)))
    assert first.late and (first.delay == again.delay).all()
    np.testing.assert_allclose(np.bincount(first.delay, minlength=4) / 4000, 0.25, atol=0.03)
