"""Signs of limbs against depths worked out by hand."""

import numpy as np
import pytest

from pose.landmarks import TWELVE
from reconstruct.lifting.lifter_input import LIMBS
from sfv.bench.limb_signs import limb_depth


def test_a_forearm_that_points_at_the_camera_is_as_near_as_it_is_long():
    joints = np.zeros((1, 12, 3))
    joints[0, TWELVE.index("left_wrist")] = [0.0, 0.0, -0.25]
    joints[0, TWELVE.index("right_wrist")] = [0.3, 0.0, 0.4]  # 3-4-5: .4 of .5 leads away
    depth = limb_depth(joints, np.array([[0.0, 0.0, 1.0]]))[0]
    assert depth[LIMBS.index(("left_elbow", "left_wrist"))] == pytest.approx(-1.0)
    assert depth[LIMBS.index(("right_elbow", "right_wrist"))] == pytest.approx(0.8)
