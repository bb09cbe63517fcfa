"""Reference motions: how long they last, what is refused, and what `import reconstruct` offers."""

from dataclasses import replace

import numpy as np
import pytest

import reconstruct
from pose.errors import InputError
from reconstruct.motion import ReferenceMotion
from reconstruct.rotations import from_rotvec
from tests.samples import standing


def spinning(frames=5, fps=10.0, speed=2.0, spin=3.0):
    """Goes along x at `speed` [m/s] and turns about z at `spin` [rad/s]."""
    motion, seconds = standing(frames), np.arange(frames) / fps
    qpos = motion.qpos.copy()
    qpos[:, 0] += speed * seconds
    qpos[:, 3:7] = from_rotvec(np.outer(seconds, [0.0, 0.0, spin]))
    return replace(motion, qpos=qpos, fps=fps)


def test_a_motion_lasts_from_its_first_to_its_last_frame_and_survives_a_round_trip(tmp_path):
    motion = spinning()
    assert motion.duration == pytest.approx(0.4)
    motion.save(tmp_path / "motion.npz")
    found = ReferenceMotion.load(tmp_path / "motion.npz")
    np.testing.assert_array_equal(found.qpos, motion.qpos)
    assert (found.fps, found.joint_names, found.loop) == (motion.fps, motion.joint_names, motion.loop)
    (tmp_path / "motion.npz").write_bytes(b"no archive")
    with pytest.raises(InputError):
        ReferenceMotion.load(tmp_path / "motion.npz")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("qpos", np.full((31, 40), np.nan)),
        ("qpos", np.ones((1, 40))),
        ("contacts", np.ones((3, 2), dtype=bool)),
        ("fps", 0.0),
        ("height", -1.0),
    ],
)
def test_what_is_no_motion_is_refused_by_name(field, value):
    with pytest.raises(ValueError, match=f"ReferenceMotion.{field}"):
        replace(standing(), **{field: value})


def test_the_package_offers_what_a_user_needs():
    for name in reconstruct.__all__:
        assert getattr(reconstruct, name).__name__ == name
    assert reconstruct.ReferenceMotion is ReferenceMotion
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        reconstruct.nothing  # noqa: B018
