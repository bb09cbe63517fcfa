"""Footprints: where a motion rests, and what lies free between."""

from dataclasses import replace

import numpy as np

from imitate.scene.footprints import (
    SOLE,
    find_footprints,
    find_free_stretches,
    find_palms,
    hands_stay_ahead,
    part_sites,
)
from imitate.scene.ground import Ground
from reconstruct.contacts import contact_points
from reconstruct.kinematics import point_positions
from reconstruct.rotations import from_rotvec, multiply, rotate
from sfv.demo.motions import load_demo_motion
from tests.samples import CHARACTER, standing

PLANE = Ground()
PARTS = tuple(CHARACTER.contacts)


def with_contacts(motion, frames: list[int]):
    """Only these frames of a motion touch the ground, with both feet."""
    contacts = np.zeros((len(motion), len(PARTS)), dtype=bool)
    for part in ("left_foot", "right_foot"):
        contacts[frames, PARTS.index(part)] = True
    return replace(motion, contacts=contacts, contact_names=PARTS)


def stepping():
    """Someone who is at 0 m, then at 2 m."""
    motion = standing(2)
    motion.qpos[1, 0] = 2.0
    return with_contacts(motion, [0, 1])


def test_parts_divide_the_contact_points_in_order():
    slices = part_sites(CHARACTER)
    assert [s.stop - s.start for s in slices] == [len(sites) for sites in CHARACTER.contacts.values()]
    assert slices[0].start == 0 and slices[-1].stop == len(contact_points(CHARACTER))


def test_a_print_is_the_foot_and_the_flesh_around_it():
    motion = stepping()
    prints = find_footprints(CHARACTER, motion, PLANE)
    foot = part_sites(CHARACTER)[PARTS.index("left_foot")]
    x = point_positions(CHARACTER.model, motion.qpos, contact_points(CHARACTER))[:, foot, 0]
    np.testing.assert_allclose(prints[:2, 0], x.min(axis=1) - SOLE)
    np.testing.assert_allclose(prints[:2, 1], x.max(axis=1) + SOLE)
    assert len(prints) == 4  # two feet, two frames


def test_no_contact_no_print_and_all_is_free():
    flying = with_contacts(standing(3), [])
    assert find_footprints(CHARACTER, flying, PLANE).shape == (0, 2)
    np.testing.assert_array_equal(find_free_stretches(CHARACTER, flying, PLANE, -1.0, 4.0), [[-1.0, 4.0]])


def test_free_stretches_and_prints_fill_the_whole_way():
    motion = stepping()
    free = find_free_stretches(CHARACTER, motion, PLANE, -1.0, 4.0)
    assert len(free) == 3 and free[0, 0] == -1.0 and free[-1, 1] == 4.0
    prints = find_footprints(CHARACTER, motion, PLANE)
    for low, high in free:
        assert not ((prints[:, 1] > low + 1e-9) & (prints[:, 0] < high - 1e-9)).any()
    np.testing.assert_allclose(free[1], [prints[:2, 1].min(), prints[-1, 0]], atol=0.05)  # feet are not quite alike


def test_a_cycle_leaves_its_prints_again_and_again():
    """Two metres a cycle: the same free stretch every two metres."""
    motion = replace(stepping(), loop=True)
    free = find_free_stretches(CHARACTER, motion, PLANE, -0.5, 9.5)
    between = free[1:-1]
    np.testing.assert_allclose(np.diff(between[:, 0]), 2.0, atol=1e-9)
    np.testing.assert_allclose(np.ptp(between, axis=1), np.ptp(between[0]), atol=1e-9)
    assert len(between) == 4


def test_palms_are_on_their_sides_of_a_standing_body():
    palms = find_palms(CHARACTER, standing(2))
    assert palms.shape == (2, 2, 3)
    assert (palms[:, 0, 1] > 0.1).all() and (palms[:, 1, 1] < -0.1).all()
    np.testing.assert_allclose(palms[:, 0] * [1, -1, 1], palms[:, 1], atol=1e-6)


def test_hands_of_a_walk_swing_and_those_of_a_push_stay_ahead_in_any_direction():
    assert not hands_stay_ahead(CHARACTER, load_demo_motion("walk", CHARACTER), PLANE)
    push = load_demo_motion("push", CHARACTER)
    assert hands_stay_ahead(CHARACTER, push, PLANE)
    about = from_rotvec(np.array([0.0, 0.0, 2.0]))
    qpos = push.qpos.copy()
    qpos[:, :3], qpos[:, 3:7] = rotate(about, qpos[:, :3]), multiply(about, qpos[:, 3:7])
    assert hands_stay_ahead(CHARACTER, replace(push, qpos=qpos), replace(PLANE, yaw=2.0))
    assert not hands_stay_ahead(CHARACTER, replace(push, qpos=qpos), PLANE)  # not in this direction
    halted = replace(push, qpos=np.tile(push.qpos[:1], (len(push), 1)))
    assert not hands_stay_ahead(CHARACTER, halted, PLANE)  # held ahead, but nobody goes anywhere
