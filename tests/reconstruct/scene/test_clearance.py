"""Feet and hands on their way keep away from boxes, and come to them where they touch."""

import numpy as np
import pytest

from reconstruct.characters.character import load_character
from reconstruct.contacts import contact_points
from reconstruct.scene.clearance import CLEARANCE, find_clearance, shape_points
from reconstruct.scene.surfaces import carried_points


def test_a_foot_keeps_away_sooner_the_faster_it_goes_and_not_at_all_where_it_stands():
    body = load_character("humanoid")
    qpos = np.tile(np.array(body.model.qpos0), (20, 1))
    contact = np.zeros((20, len(contact_points(body))), dtype=bool)
    touches = np.zeros((20, len(carried_points(body))), dtype=int)
    left, right = (body.model.body(f"{side}_foot").id for side in ("left", "right"))
    contact[:5, contact_points(body).bodies == left] = True  # then goes on for 15 frames, at first in its place
    touches[10:, carried_points(body).bodies == right] = 1
    qpos[5:10, 0] -= 0.05  # 5 cm away from where it will touch

    clearance, points = find_clearance(body, qpos, contact, touches, 20.0), shape_points(body.model)
    foot = clearance[:, points.bodies == left]
    assert (foot == foot[:, :1]).all() and not foot[:5].any()
    assert foot[5:8, 0] == pytest.approx(CLEARANCE * np.array([1.0 / 3.0, 2.0 / 3.0, 1.0]))  # 1 to 3 of 3 frames
    foot = clearance[:, points.bodies == right][:, 0]
    assert not foot[10:].any() and foot[9] == pytest.approx(CLEARANCE / 3.0)
    qpos[5:10, 0] -= 0.05
    assert find_clearance(body, qpos, contact, touches, 20.0)[9, points.bodies == right][0] == pytest.approx(
        CLEARANCE * 0.1 / 0.15
    )
    assert not clearance[:, points.bodies == body.model.body("left_shin").id].any()
