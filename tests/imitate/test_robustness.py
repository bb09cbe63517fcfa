"""Pushes and repetitions: what is known of them without learning."""

from dataclasses import replace

import mujoco
import numpy as np
import pytest

from imitate.env.env import EnvConfig, ImitationEnv
from imitate.env.task import Task
from imitate.policy import Policy, PolicyLayout
from imitate.robustness import end_meets_start, measure_push_survival, perform_in_a_row
from reconstruct.rotations import multiply
from tests.samples import CHARACTER, standing


def still() -> Policy:
    """Servos hold the reference."""
    env = ImitationEnv(Task(CHARACTER, standing()), EnvConfig(), 1)
    names = tuple(env.model.actuator(u).name for u in range(env.model.nu))
    layout = PolicyLayout(CHARACTER.name, CHARACTER.height, env.observation_layout.sizes, names, 0.25, (8,))
    policy = Policy(layout)
    policy.actor[-1].weight.data.zero_()  # pyright: ignore
    return policy


def test_a_stiff_stand_falls_only_to_a_push():
    motion = standing(61)
    assert measure_push_survival(still(), Task(CHARACTER, motion), force=0.0, rollouts=8) == 1.0
    assert measure_push_survival(still(), Task(CHARACTER, motion), force=3000.0, rollouts=8) == 0.0


def test_a_motion_that_ends_as_it_began_can_be_repeated():
    motion = standing()
    assert end_meets_start(Task(CHARACTER, motion))
    bent = motion.qpos.copy()
    bent[-1, 2] += 0.2
    assert not end_meets_start(Task(CHARACTER, replace(motion, qpos=bent)))
    gone = motion.qpos.copy()  # elsewhere, and turned
    turn = np.array([np.cos(0.5), 0.0, 0.0, np.sin(0.5)])
    gone[-1, :7] = [3.0, -2.0, gone[-1, 2], *multiply(turn, gone[-1, 3:7])]
    assert end_meets_start(Task(CHARACTER, replace(motion, qpos=gone)))
    assert perform_in_a_row(still(), Task(CHARACTER, motion), times=2, rollouts=4).normalised_return.shape == (4,)
    assert np.isfinite(perform_in_a_row(still(), Task(CHARACTER, motion), times=2, rollouts=2).normalised_return).all()


@pytest.mark.parametrize(("axis", "repeatable"), [(0, False), (1, False), (2, True)])
def test_where_a_hand_is_decides_and_not_how_an_arm_is_twisted(axis, repeatable):
    motion, model = standing(), CHARACTER.model
    step = np.zeros(model.nv)
    step[model.joint("left_shoulder").dofadr[0] + axis] = 0.45  # the third axis runs along the arm
    mujoco.mj_integratePos(model, motion.qpos[-1], step, 1.0)
    assert end_meets_start(Task(CHARACTER, motion)) is repeatable
