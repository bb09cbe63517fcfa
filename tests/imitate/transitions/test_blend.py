"""A blend begins with the body's own state, ends on the reference, and its velocities are those of its poses."""

import numpy as np
import pytest

from imitate.scene.scene import CONTROL_HZ
from imitate.transitions.blend import enter_skill
from imitate.transitions.states import ChainableSkill
from sfv.skill import skills_named
from sfv.transitions import to_chainable

ENTRY, STEPS = 4, 16


@pytest.fixture(scope="module")
def jump() -> ChainableSkill:
    return to_chainable(skills_named("jump")[0])


def test_each_body_is_led_from_its_own_state_to_the_reference(jump: ChainableSkill) -> None:
    own, rng = jump.task.reference(1.0), np.random.default_rng(0)
    qpos, qvel = own.qpos[[7, 2, 0]].copy(), 0.5 * rng.standard_normal((3, own.qvel.shape[1]))
    qpos[:, :2] += 3.0
    leg = enter_skill(jump, ENTRY, qpos, qvel, 40, STEPS)
    env, rows = leg.env, leg.end + 1
    np.testing.assert_allclose(env.qpos[:, 7:], qpos[:, 7:], atol=1e-9)  # as they came
    np.testing.assert_allclose(env.qvel[:, 3:], qvel[:, 3:], atol=1e-9)
    for body in range(3):
        table = slice(body * rows, (body + 1) * rows)
        np.testing.assert_array_equal(env.reference.rise[table], own.rise[:rows])
        led, speed = env.reference.qpos[table], env.reference.qvel[table]
        np.testing.assert_allclose(led[ENTRY], env.qpos[body], atol=1e-9)
        np.testing.assert_allclose(speed[ENTRY], env.qvel[body], atol=1e-9)
        for untouched in (slice(0, ENTRY), slice(ENTRY + STEPS, rows)):
            np.testing.assert_array_equal(led[untouched], own.qpos[:rows][untouched])
        # The way along the ground is the integral of the velocity, and ends where the reference is.
        way = np.diff(led[ENTRY : ENTRY + STEPS + 1, :2], axis=0)
        mean = 0.5 * (speed[ENTRY : ENTRY + STEPS, :2] + speed[ENTRY + 1 : ENTRY + STEPS + 1, :2]) / CONTROL_HZ
        np.testing.assert_allclose(way.sum(axis=0), mean.sum(axis=0), atol=5e-3)
        # Joints: central differences of the poses. (Between far poses, the two turns would have to be composed.)
        step = env.joints.difference(led[ENTRY : ENTRY + STEPS - 1], led[ENTRY + 2 : ENTRY + STEPS + 1])
        finite = step[:, 6:] * CONTROL_HZ / 2.0
        assert np.abs(finite - speed[ENTRY + 1 : ENTRY + STEPS, 6:]).mean() < 0.1


def test_no_blend_leaves_the_reference_as_it_is(jump: ChainableSkill) -> None:
    own = jump.task.reference(1.0)
    leg = enter_skill(jump, ENTRY, own.qpos[5:6], own.qvel[5:6], 40)
    np.testing.assert_array_equal(leg.env.reference.qpos, own.qpos)
    np.testing.assert_allclose(leg.env.qpos[0, 7:], own.qpos[5, 7:], atol=1e-9)
