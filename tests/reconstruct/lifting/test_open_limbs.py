"""A limb is open where both answers are likely and far apart, for long enough."""

import numpy as np

from reconstruct.lifting.depth_density import DepthDensity
from reconstruct.lifting.lifter_input import BONES
from reconstruct.lifting.open_limbs import find_open_limbs


def make_density():
    """Everything leads away for sure, in 30 frames."""
    shape = (30, len(BONES))
    mean = np.stack([np.full(shape, -0.6), np.full(shape, 0.6)], axis=-1)
    return DepthDensity(np.full(shape, 0.99), mean, np.full((*shape, 2), 0.1))


def test_nothing_is_open_where_all_is_sure():
    assert find_open_limbs(make_density(), np.ones(30, dtype=bool), 10.0) == ()


def test_the_limb_and_the_time_are_named():
    density = make_density()
    forearm, hips = BONES.index(("left_elbow", "left_wrist")), BONES.index(("right_hip", "left_hip"))
    shin = BONES.index(("right_knee", "right_ankle"))
    density.away[10:20, forearm] = 0.6
    density.away[:, hips] = 0.5  # not a limb
    density.away[3:18, shin] = 0.3
    density.mean[:, shin] = [-0.1, 0.1]  # both answers are nearly the same
    seen = np.ones(30, dtype=bool)
    assert find_open_limbs(density, seen, 10.0, start=2.0) == (
        "left forearm, 3.0 to 4.0 s: could be in front or behind",
    )
    seen[11:] = False  # too short then
    assert find_open_limbs(density, seen, 10.0) == ()
