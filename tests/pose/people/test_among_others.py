"""One of several people: where the others are between the frames that were searched, and pictures without them."""

import numpy as np
import pytest

from pose.estimator import no_poses
from pose.people.among_others import AmongOthers, fill_gaps
from pose.people.silhouettes import GREY
from tests.people import stick

T = 14


def walk(known: tuple[int, ...]) -> np.ndarray:
    """Landmarks of a body that goes to the right by 10 pixels a frame, known in some frames, (T, J, 2)."""
    bodies = np.full((T, 33, 2), np.nan)
    for t in known:
        bodies[t] = stick(100 + 10 * t, 120, 80)
    return bodies


def test_gaps_are_filled_but_no_long_ones() -> None:
    filled = fill_gaps(walk((3, 6, 9)), 3)
    assert np.isfinite(filled).all(axis=(1, 2)).tolist() == [False] + [True] * 11 + [False] * 2
    np.testing.assert_allclose(filled[4], stick(140, 120, 80), atol=1e-9)
    np.testing.assert_allclose(filled[11], stick(190, 120, 80), atol=1e-9)  # stays where it was last
    long = fill_gaps(walk((0, 7)), 3)
    assert np.isnan(long[3:5]).all()
    assert np.isnan(fill_gaps(walk(()), 3)).all()


@pytest.fixture
def among() -> AmongOthers:
    """A body that is known until frame 5 and then hidden by another one that stands at 160 pixels."""
    other = np.repeat(stick(160, 120, 80)[None], T, axis=0)
    rows = np.where(np.arange(T) < 6, 0, -1)
    return AmongOthers(rows, (), own=walk(tuple(range(6))), others=(other, walk(())))


def test_others_are_painted_over_where_the_person_is_not_known(among: AmongOthers) -> None:
    image = np.full((240, 320, 3), 20, np.uint8)
    assert among.show_only(5, image) is image
    shown = among.show_only(6, image)
    x, y = np.rint(among.others[0][6].mean(axis=0)).astype(int)
    assert (shown[y, x] == GREY).all()
    assert (shown[:, :60] == 20).all() and (shown[:, 260:] == 20).all()
    assert (image == 20).all()


def test_all_who_are_known_in_a_frame_are_others(among: AmongOthers) -> None:
    several = AmongOthers(among.rows, (), own=among.own, others=(walk((2,)), walk((2, 3))))
    assert [len(bodies) for bodies in several.find_others([no_poses(33)] * 5)] == [0, 0, 2, 1, 0]
