"""The first guess of a motion."""

import numpy as np

from reconstruct.characters.character import load_character
from reconstruct.fit.initial_motion import smooth_rotations
from reconstruct.rotations import conjugate, from_rotvec, multiply, to_rotvec


def test_a_head_that_is_seen_back_to_front_does_not_turn_all_the_way_round():
    model = load_character("humanoid").model
    qpos = np.tile(np.array(model.qpos0), (40, 1))
    column = int(model.joint("neck").qposadr[0])
    neck = slice(column, column + 4)
    # It looks left by half a radian, is seen to turn on by half a turn and more, and to come back from the other side.
    turn = np.full(40, 0.5)
    turn[12:28] = np.linspace(1.6, 2.0 * np.pi - 0.8, 16)
    qpos[:, neck] = from_rotvec(np.outer(turn, [0.0, 0.0, 1.0]))
    smooth = smooth_rotations(model, qpos, np.ones(40), sigma=1.2)[:, neck]
    assert np.abs(to_rotvec(smooth)).max() <= 1.2 + 1e-9  # the range of the neck
    steps = to_rotvec(multiply(conjugate(smooth[:-1]), smooth[1:]))[:, 2]
    assert abs(steps.sum()) < 0.05  # else a whole turn, 2 pi
    assert np.abs(to_rotvec(smooth[[0, 5, 35, 39]])[:, 2] - 0.5).max() < 0.05
