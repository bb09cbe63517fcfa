"""Signs of limbs against depths worked out by hand."""

import numpy as np
import pytest

from pose.landmarks import TWELVE
from sfv.bench.limb_signs import LIMBS, calibration_error, limb_depth


def test_a_forearm_that_points_at_the_camera_is_as_near_as_it_is_long():
    joints = np.zeros((1, 12, 3))
    joints[0, TWELVE.index("left_wrist")] = [0.0, 0.0, -0.25]
    joints[0, TWELVE.index("right_wrist")] = [0.3, 0.0, 0.4]  # 3-4-5: .4 of .5 leads away
    depth = limb_depth(joints, np.array([[0.0, 0.0, 1.0]]))[0]
    assert depth[LIMBS.index(("left_elbow", "left_wrist"))] == pytest.approx(-1.0)
    assert depth[LIMBS.index(("right_elbow", "right_wrist"))] == pytest.approx(0.8)


def test_who_is_right_as_often_as_said_is_calibrated():
    said = np.array([[0.75, 1.0]] * 3 + [[0.75, 0.0]])
    assert calibration_error(said) == pytest.approx(0.0)
    # Half of them at .95, all wrong: half of .95.
    worse = np.concatenate([said, [[0.95, 0.0]] * 4])
    assert calibration_error(worse) == pytest.approx(0.475)
