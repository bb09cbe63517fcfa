"""What no person's and no robot's motion is, is refused before anything is computed from it."""

from dataclasses import replace

import numpy as np
import pytest

from pose.errors import InputError
from reconstruct.formats.open_motion import check_coordinates, check_skeleton
from reconstruct.formats.robot import RobotMotion
from reconstruct.formats.skeleton_motion import SkeletonMotion
from tests.samples import standing

STILL = np.tile([1.0, 0.0, 0.0, 0.0], (3, 2, 1))
SKELETON = SkeletonMotion(("a", "b"), (-1, 0), np.eye(2, 3), np.zeros((3, 2, 3)), STILL, 30.0)


def of_chain(length: int) -> SkeletonMotion:
    names, parents = tuple(map(str, range(length))), tuple(range(-1, length - 1))
    return replace(SKELETON, names=names, parents=parents)


@pytest.mark.parametrize(
    ("motion", "message"),
    [
        (replace(SKELETON, fps=0.0), "0 frames a second"),
        (replace(SKELETON, fps=np.nan), "nan frames a second"),
        (replace(SKELETON, positions=np.full((3, 2, 3), np.inf)), "not finite"),
        (replace(SKELETON, positions=np.full((3, 2, 3), 1e8)), "1e.08 from the origin"),
        (replace(SKELETON, rest=np.zeros((2, 3))), "a body of 0 units"),
        (of_chain(1), "1 joints"),
        (of_chain(400), "399 joints one below the other"),
        (of_chain(3000), "3000 joints"),
    ],
)
def test_skeletons_that_are_none(tmp_path, motion, message):
    check_skeleton(SKELETON, tmp_path / "a.bvh")
    with pytest.raises(InputError, match=rf"a\.bvh: .*{message}"):
        check_skeleton(motion, tmp_path / "a.bvh")


def test_coordinates_that_are_none(tmp_path):
    motion = standing()
    check_coordinates(RobotMotion(motion), tmp_path / "a.csv")
    far = motion.qpos.copy()
    far[2, 0] = 1e39
    with pytest.raises(InputError, match=r"a\.csv: frame 2, coordinate 0 is 1e\+39"):
        check_coordinates(RobotMotion(replace(motion, qpos=far)), tmp_path / "a.csv")
    with pytest.raises(InputError, match="1e-09 frames a second"):
        check_coordinates(RobotMotion(replace(motion, fps=1e-9)), tmp_path / "a.csv")
