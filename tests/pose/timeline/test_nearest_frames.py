"""The nearest frames that have something."""

import tracemalloc

import numpy as np

from pose.timeline.nearest_frames import find_nearest


def test_the_nearest_frame_is_taken_and_the_earlier_of_two():
    found = find_nearest(np.arange(8), np.array([2, 4, 7]))
    np.testing.assert_array_equal(found, [2, 2, 2, 2, 4, 4, 7, 7])
    np.testing.assert_array_equal(find_nearest(np.array([5, 0]), np.array([3])), [3, 3])


def test_memory_of_a_long_film_grows_with_its_frames_not_with_pairs_of_them():
    frames = np.arange(20_000)
    tracemalloc.start()
    try:
        found = find_nearest(frames, frames[::2])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert np.abs(found - frames).max() == 1
    assert peak < 10 * frames.nbytes  # all pairs would be 1.6 GB
