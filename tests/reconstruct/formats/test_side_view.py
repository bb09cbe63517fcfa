"""TRC in a plane, as Sports2D writes it."""

import numpy as np
import pytest

from pose.errors import InputError
from reconstruct.formats.open_motion import open_motion
from reconstruct.formats.side_view import find_facing, usual_widths
from tests.small_skeleton import TRC_NAMES, body_of, bvh, open_skeleton, place, walking, write_trc_text


def write_flat(tmp_path, axes, name="a.trc"):
    """The small skeleton's walk along z, its axes put in another order, and none of its depth."""
    path, angles = walking()
    known = open_skeleton(place(tmp_path / "known.bvh", bvh(path, angles=angles)))
    places = known.positions[:, [known.names.index(name) for name in TRC_NAMES.values()]] @ axes.T / 100
    places[..., 2] = 0.0
    write_trc_text(tmp_path / name, list(TRC_NAMES), places)
    return tmp_path / name, known.positions / 100, known.names


@pytest.mark.parametrize(("towards", "facing"), [(1.0, "+x"), (-1.0, "-x")])
def test_side_view_gets_a_usual_bodys_widths(tmp_path, towards, facing):
    """Seen from either side: what is ahead and up is kept, left is on the left, hips are as wide as SMPL's."""
    path, true, names = write_flat(tmp_path, np.array([[0, 0, towards], [0, 1, 0], [1, 0, 0.0]]))
    at, said = body_of(path)
    assert (
        f"all places are in one plane, as from a video: a body of usual width, seen from the side, facing {facing}"
        in said
    )
    wide = (at["right_hip"] - at["left_hip"])[:, 0] * towards  # of y up, the file's x is our y
    np.testing.assert_allclose(wide, 2 * usual_widths()["hip"] * 0.82, rtol=0.05)
    for landmark, joint in (("left_knee", "LeftLeg"), ("right_ankle", "RightFoot"), ("left_wrist", "LeftHand")):
        way = (at[landmark] - at["left_hip"])[:, [1, 2]]
        known = (true[:, names.index(joint)] - true[:, names.index("LeftUpLeg")])[:, [2, 1]] * [towards, 1]
        np.testing.assert_allclose(way, known, atol=0.02)


def test_front_view_has_no_depth(tmp_path):
    path, _, _ = write_flat(tmp_path, np.eye(3))
    with pytest.raises(InputError, match=r"one plane \(z is constant\), seen from the front: .* --video"):
        open_motion(path)


def test_who_turns_round_shows_the_other_side():
    ahead = np.where(np.arange(60) < 30, 1.0, -1.0)[:, None] * [[0.2, 0.0, 0.0]]
    found = {f"{side}_{part}": ahead * (part == "toe") for side in ("left", "right") for part in ("ankle", "toe")}
    facing = find_facing(found, np.array([1.0, 0.0, 0.0]), 30.0)
    assert (facing[:20] == 1.0).all() and (facing[40:] == -1.0).all() and (np.diff(facing) <= 1e-12).all()
