"""What is on the ground when another body performs a motion, and the least shift that lets feet rest."""

from dataclasses import replace

import numpy as np
import pytest

from reconstruct.characters.character import load_character
from reconstruct.contacts import contact_points
from reconstruct.motion import ReferenceMotion
from reconstruct.retargeting.grounding import (
    NEAR_GROUND,
    contact_columns,
    estimate_floor_height,
    find_ground_contacts,
    rest_contacts,
    solve_resting_shift,
)
from tests.samples import CHARACTER, standing

ATLAS, PARTS, FPS = load_character("atlas"), tuple(CHARACTER.contacts), 30.0
COUNT = len(contact_points(CHARACTER))


def on_feet(frames: int = 12) -> ReferenceMotion:
    contacts = np.tile([name.endswith("foot") for name in PARTS], (frames, 1))
    return replace(standing(frames), contacts=contacts, contact_names=PARTS)


def test_columns_of_all_parts_are_all_points_in_order():
    columns = [contact_columns(CHARACTER, part) for part in PARTS]
    np.testing.assert_array_equal(np.concatenate([np.arange(COUNT)[s] for s in columns]), np.arange(COUNT))
    assert contact_columns(CHARACTER, "tail") == slice(0, 0)


@pytest.mark.parametrize("character", [CHARACTER, ATLAS], ids=["the same body", "another one"])
def test_feet_of_somebody_who_stands_rest_and_nothing_flies(character):
    found = find_ground_contacts(on_feet(), CHARACTER, character)
    for part in ("left_foot", "right_foot"):
        assert found.contact[:, contact_columns(character, part)].any(axis=1).all()
    assert not found.flight.any()
    assert found.contact.shape == (12, len(contact_points(character)))


def test_a_jump_flies_and_hands_that_are_in_the_air_touch_nothing():
    motion = on_feet(21)
    t = np.arange(21) / FPS
    motion.qpos[3:18, 2] += (4.9 * (t - t[2]) * (t[18] - t))[3:18] * 4.0
    contacts = motion.contacts.copy()
    contacts[3:18] = False
    found = find_ground_contacts(replace(motion, contacts=contacts), CHARACTER, CHARACTER)
    assert found.flight[5:16].all() and not found.flight[[0, 1, 19, 20]].any()
    for part in PARTS:
        if part.endswith("hand"):
            assert not found.contact[:, contact_columns(CHARACTER, part)].any()


def test_both_ends_of_a_cycle_have_the_same_contacts():
    motion = on_feet(8)
    contacts = motion.contacts.copy()
    contacts[0] = False
    found = find_ground_contacts(replace(motion, contacts=contacts, loop=True), CHARACTER, CHARACTER)
    np.testing.assert_array_equal(found.contact[0], found.contact[-1])


def test_the_floor_is_where_the_lowest_point_rests():
    points = np.zeros((30, 2, 3))
    points[..., 2] = [0.05, 0.3]  # captured on a body of thicker soles
    np.testing.assert_allclose(estimate_floor_height(points, FPS), 0.05)
    points[10:20, :, 2] += 0.4 * np.sin(np.linspace(0.0, np.pi, 10))[:, None]  # a jump says nothing of the floor
    np.testing.assert_allclose(estimate_floor_height(points, FPS), 0.05, atol=1e-9)


def test_a_floor_that_rises_is_followed_between_rests_and_none_is_zero():
    points = np.zeros((30, 1, 3))
    points[20:, 0, 2] = 0.06
    points[10:20, 0, 2] = 1.0
    floor = estimate_floor_height(points, FPS)
    assert floor[0] == 0.0 and floor[-1] == pytest.approx(0.06)
    assert (np.diff(floor) >= -1e-12).all()
    falling = np.zeros((10, 1, 3))
    falling[:, 0, 2] = np.linspace(2.0, 1.0, 10)
    np.testing.assert_array_equal(estimate_floor_height(falling, FPS), 0.0)


def test_nothing_rests_nothing_is_shifted():
    assert not solve_resting_shift(np.ones((5, 2, 3)), np.zeros((5, 2), dtype=bool)).any()


def test_a_foot_that_floats_is_laid_down_and_one_that_slides_is_held():
    """5 cm above the ground, and 4 mm a frame along x, for the whole time."""
    points = np.zeros((20, 2, 3))
    points[..., 0] = 0.004 * np.arange(20)[:, None]
    points[..., 2] = 0.05
    rested = points + solve_resting_shift(points, np.ones((20, 2), dtype=bool))[:, None]
    np.testing.assert_allclose(rested[..., 2], 0.0, atol=1e-4)
    assert np.abs(np.diff(rested[..., 0], axis=0)).max() < 1e-4
    # The least shift: it is held where it was on average.
    assert rested[:, 0, 0].mean() == pytest.approx(points[:, 0, 0].mean(), abs=1e-6)


def test_between_two_rests_the_shift_goes_over_smoothly():
    points = np.zeros((40, 1, 3))
    points[:, 0, 2] = 0.05
    contact = np.zeros((40, 1), dtype=bool)
    contact[:10] = contact[30:] = True
    points[30:, 0, 2] = -0.02
    shift = solve_resting_shift(points, contact)[:, 2]
    np.testing.assert_allclose(shift[:10], -0.05, atol=2e-3)
    np.testing.assert_allclose(shift[30:], 0.02, atol=2e-3)
    assert np.abs(np.diff(shift, 2)).max() < 0.004
    assert shift.min() > -0.06 and shift.max() < 0.03


def test_a_standing_body_rests_on_its_soles():
    points = rest_contacts(CHARACTER)
    for part in ("left_foot", "right_foot"):
        assert np.abs(points[contact_columns(CHARACTER, part), 2]).max() < NEAR_GROUND
    assert points[contact_columns(CHARACTER, "left_hand"), 2].min() > 0.5
