"""Noise of measurements and delays of servo targets, worked out by hand."""

import numpy as np

from imitate.env.real_world import NOISE, RealWorld

SIZES = {"phase": 3, "root_height": 1, "rotations": 6}


def test_noise_has_its_deviation_and_spares_the_clock():
    world = RealWorld(2.0, 0.0, SIZES, (4, 2), seed=0)
    truth = np.ones((20_000, 10), dtype=np.float32)
    error = world.measure(truth) - truth
    assert (error[:, :3] == 0.0).all() and error.dtype == np.float32
    deviations = [2.0 * NOISE["root_height"]] + 6 * [2.0 * NOISE["rotations"]]
    np.testing.assert_allclose(error[:, 3:].std(axis=0), deviations, rtol=0.03)
    assert RealWorld(0.0, 0.0, SIZES, (4, 2), seed=0).measure(truth) is truth


def test_targets_arrive_as_many_physics_steps_late_as_each_environment_has_drawn():
    world = RealWorld(0.0, 2.0, SIZES, (3, 1), seed=0)
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
    first, again = (RealWorld(0.0, 3.0, SIZES, (4000, 1), seed=5) for _ in range(2))
    for world in (first, again):
        world.start(np.arange(4000), np.zeros((4000, 1)))
    assert first.late and (first.delay == again.delay).all()
    np.testing.assert_allclose(np.bincount(first.delay, minlength=4) / 4000, 0.25, atol=0.03)
