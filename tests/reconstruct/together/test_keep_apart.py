"""People who stand in each other are moved apart along the line of sight, and no others."""

from dataclasses import replace

import numpy as np
import pytest

from reconstruct.camera import View
from reconstruct.characters.character import load_character
from reconstruct.motion import ReferenceMotion
from reconstruct.together.keep_apart import FURTHEST, TOUCH, Cast, keep_apart
from reconstruct.together.shared_world import Place

BODY = load_character("humanoid")
CAMERA = View(0.1, 0.0, 1.5, float(np.log(1000.0))).camera((960, 540))  # at the origin, looks along x


def stand() -> ReferenceMotion:
    qpos, none = np.repeat(np.array(BODY.model.qpos0)[None], 4, axis=0), np.zeros((4, len(BODY.contacts)), dtype=bool)
    return ReferenceMotion(qpos, 30.0, BODY.name, BODY.height, BODY.joint_names, none, tuple(BODY.contacts))


def lie_along_x() -> ReferenceMotion:
    motion = stand()
    qpos = motion.qpos.copy()
    qpos[:, 2], qpos[:, 3:7] = 0.2, (np.sqrt(0.5), 0.0, np.sqrt(0.5), 0.0)
    return replace(motion, qpos=qpos)


def apart(*places: Place, motion: ReferenceMotion | None = None) -> tuple[tuple[Place, ...], float]:
    count = len(places)
    return keep_apart(Cast((BODY,) * count, (motion or stand(),) * count, places), CAMERA)


def test_those_who_are_in_each_other_are_moved_towards_the_camera_and_away_from_it() -> None:
    places, depth = apart(Place(0.0, 0.0, 4.0, 0.1), Place(0.0, 0.0, 4.05, 0.0))
    assert depth <= TOUCH
    near, far = places
    assert near.x < 4.0 and far.x > 4.05
    assert 4.0 - near.x == pytest.approx(far.x - 4.05, abs=1e-9)
    assert abs(near.y - 0.1) < 0.02 and abs(far.y) < 0.02 and far.x - near.x < FURTHEST


def test_those_who_are_apart_or_not_there_at_the_same_time_stay() -> None:
    there = Place(0.0, 0.0, 4.0, 0.0)
    for other in (Place(0.0, 0.0, 4.0, 1.5), Place(2.0, 0.0, 4.0, 0.0)):
        places, depth = apart(there, other)
        assert places == (there, other) and depth == 0.0


@pytest.mark.parametrize("depths", [(4.0, 4.1, 4.35), (4.35, 4.0, 4.1), (4.0, 4.05, 4.1, 4.3)])
def test_of_several_in_a_row_nobody_is_moved_into_the_next_one(depths: tuple[float, ...]) -> None:
    before = [Place(0.0, 0.0, x, 0.0) for x in depths]
    places, depth = apart(*before)
    assert depth <= TOUCH
    assert np.argsort([place.x for place in places]).tolist() == np.argsort(depths).tolist()
    assert max(abs(after.x - there.x) for after, there in zip(places, before, strict=True)) <= FURTHEST


def test_those_who_would_have_to_go_too_far_stay_and_the_depth_says_so() -> None:
    before = Place(0.0, 0.0, 4.0, 0.0), Place(0.0, 0.0, 4.1, 0.05)
    places, depth = apart(*before, motion=lie_along_x())
    assert places == before and depth > TOUCH
