"""Frames of flight that the ground's push does not reach."""

import numpy as np

from reconstruct.scene.find_walls import believe_push, cut_run_ends
from reconstruct.scene.scene_evidence import Evidence


def test_ends_of_runs_are_cut_off_and_short_runs_vanish_also_at_the_first_frame() -> None:
    flags = np.zeros(20, dtype=bool)
    flags[[0, 1, 2]] = flags[8:15] = True
    np.testing.assert_array_equal(np.flatnonzero(cut_run_ends(flags, 2)), [10, 11, 12])
    assert not cut_run_ends(flags, 4).any()
    np.testing.assert_array_equal(cut_run_ends(flags, 0), flags)


def test_a_push_along_the_line_of_sight_is_hardly_believed() -> None:
    """The person is 5 m to the left ahead, at 3 and 4; along that .3 of a push is left, across it all."""
    count = 4
    com_w = np.tile([3.0, 4.0, 1.0], (count, 1))
    force = np.array([[3.0, 4.0, 1.0], [-4.0, 3.0, 0.0], [3.0 - 4.0, 4.0 + 3.0, 0.5], [0.0, 0.0, 1.0]])
    none = np.zeros(count)
    seen = Evidence(
        30.0, np.zeros((count, 1, 3)), np.zeros(1), np.zeros((count, 1)), com_w, force, none, none.astype(bool)
    )
    expected = [[0.9, 1.2], [-4.0, 3.0], [0.9 - 4.0, 1.2 + 3.0], [0.0, 0.0]]
    np.testing.assert_allclose(believe_push(seen), expected, atol=1e-9)
