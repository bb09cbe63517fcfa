"""Frames of flight that the ground's push does not reach."""

import numpy as np

from reconstruct.scene.find_walls import cut_run_ends


def test_ends_of_runs_are_cut_off_and_short_runs_vanish_also_at_the_first_frame() -> None:
    flags = np.zeros(20, dtype=bool)
    flags[[0, 1, 2]] = flags[8:15] = True
    np.testing.assert_array_equal(np.flatnonzero(cut_run_ends(flags, 2)), [10, 11, 12])
    assert not cut_run_ends(flags, 4).any()
    np.testing.assert_array_equal(cut_run_ends(flags, 0), flags)
