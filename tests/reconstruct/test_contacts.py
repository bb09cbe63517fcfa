"""Contacts, flight and moving ground on made-up trajectories with known answers."""

import numpy as np

from reconstruct.camera import View
from reconstruct.contacts import HAND_DOUBT, clean_contacts, find_contacts, find_ground_velocity, find_runs, foot_slide
from reconstruct.kinematics import GRAVITY
from reconstruct.support import Sight, extend_contacts, find_support, trim_contacts

FPS = 30.0
LEVEL = View(0.0, 0.0, 1.2, 7.0)


def hop(frames=60, take_off=20, landing=38):
    """Two points that rest, leave the ground on a parabola, and rest again a metre further."""
    points = np.zeros((frames, 2, 3))
    points[:, 1, 0] = 0.2
    phase = np.clip((np.arange(frames) - take_off) / (landing - take_off), 0.0, 1.0)
    points[..., 2] = (4 * 0.4 * phase * (1 - phase))[:, None]
    points[..., 1] += phase[:, None]
    return points


def test_a_hop_has_one_flight():
    support = find_support(hop(), LEVEL, FPS)
    flights = find_runs(support.flight)
    assert len(flights) == 1
    start, end = flights[0]
    assert abs(start - 20) <= 1 and abs(end - 38) <= 1
    assert support.contact[:19].all() and support.contact[40:].all()


def test_what_slides_without_falling_does_not_fly():
    sliding = np.zeros((40, 2, 3))
    sliding[..., 0] = 1.5 * np.arange(40)[:, None] / FPS
    sliding[..., 2] = 0.05
    level, thrown = np.full(40, 0.9), 0.9 + 3.0 * np.arange(40) / FPS - 0.5 * GRAVITY * (np.arange(40) / FPS) ** 2
    assert find_support(sliding[:20], LEVEL, FPS, com_z=thrown[:20]).flight.all()
    support = find_support(sliding[:20], LEVEL, FPS, com_z=level[:20])
    assert not support.flight.any() and support.lies.all()
    assert not find_support(sliding, LEVEL, FPS, com_z=thrown).flight.any()  # nobody flies for 1.3 s


def test_a_body_that_lies_does_not_fly():
    raised = np.full((30, 2, 3), 0.4)
    others = np.full(30, 0.5)
    others[10:20] = 0.01
    support = find_support(raised, LEVEL, FPS, others=others)
    assert support.flight[:10].all() and not support.flight[10:20].any()


def test_who_does_not_fall_is_carried():
    # The toes push off until frame 20 but are seen 10 cm too high from frame 12 on; then the body flies for 0.5 s.
    points = hop(take_off=20, landing=35)
    points[12:20, :, 2] = 0.1
    since = (np.arange(60) - 20) / FPS
    rise = 0.25 * GRAVITY  # for 0.5 s in the air
    push = 0.9 - rise * 0.25 + 0.5 * rise / 0.5 * np.clip(since + 0.5, 0, None) ** 2
    fall = rise - GRAVITY * 0.5
    com_z = np.where(since < 0, push, 0.9 + rise * since - 0.5 * GRAVITY * since**2)
    com_z = np.where(since > 0.5, 0.9 + fall * (since - 0.5) - 0.5 * fall / 0.5 * (since - 0.5) ** 2, com_z)
    com_z[50:] = com_z[50]
    support = find_support(points, LEVEL, FPS, com_z=com_z)
    ((start, end),) = find_runs(support.flight)
    assert abs(start - 20) <= 2 and abs(end - 35) <= 2
    assert support.contact[12:18].all()


def test_a_resting_point_above_the_ground_is_no_contact():
    points = np.zeros((30, 1, 3))
    points[..., 2] = 0.5
    assert not find_contacts(points, FPS).any()


def test_a_low_point_that_moves_is_no_contact():
    points = np.zeros((30, 1, 3))
    points[:, 0, 0] = 2.0 * np.arange(30) / FPS
    assert not find_contacts(points, FPS).any()
    assert find_contacts(points, FPS, ground_velocity=np.array([2.0, 0.0])).all()


def test_a_foot_that_comes_back_to_its_place_never_left():
    points = np.zeros((40, 1, 3))
    points[17:22, 0, 2] = 0.05  # noise lifts it for five frames, below the outer limit
    points[17:22, 0, 0] = [0.05, -0.05, 0.05, -0.05, 0.05]
    assert find_contacts(points, FPS).all()


def test_short_gaps_close_and_short_contacts_go():
    contact = np.zeros((20, 1), dtype=bool)
    contact[2:8] = contact[10:15] = contact[18] = True
    np.testing.assert_array_equal(np.flatnonzero(clean_contacts(contact, shortest=2, gap=2)[:, 0]), np.arange(2, 15))


def test_runs():
    assert find_runs(np.array([True, False, True, True])) == [(0, 1), (2, 4)]
    assert find_runs(np.zeros(3, dtype=bool)) == []


def treadmill(speed, frames=60):
    """Two feet, half a period apart: on the treadmill for 60 % of the time, carried back, then lifted forward."""
    points = np.zeros((frames, 2, 3))
    for foot in (0, 1):
        phase = (np.arange(frames) / 30.0 + 0.5 * foot) % 1.0
        stance = phase < 0.6
        swing = (phase - 0.6) / 0.4
        # The camera looks along x, so the treadmill runs along y.
        reach = 0.6 * speed
        points[:, foot, 1] = np.where(stance, -speed * phase, -reach + reach * swing)
        points[:, foot, 2] = np.where(stance, 0.0, 0.15 * np.sin(np.pi * np.clip(swing, 0, 1)))
    return points


def test_a_treadmill_is_found_and_firm_ground_is_not():
    velocity = find_ground_velocity(treadmill(1.4), LEVEL, FPS)
    np.testing.assert_allclose(velocity, [0.0, -1.4], atol=0.1)
    walked = treadmill(1.4)
    walked[..., 1] += 1.4 * np.arange(len(walked))[:, None] / FPS
    assert find_ground_velocity(walked, LEVEL, FPS) == (0.0, 0.0)


def test_a_still_hand_is_believed_from_higher_up_than_a_foot():
    points = np.zeros((30, 2, 3))
    points[..., 2] = 0.06
    contact = find_contacts(points, FPS, doubt=np.array([1.0, HAND_DOUBT]))
    assert not contact[:, 0].any() and contact[:, 1].all()


def test_who_jumps_from_a_wall_stands_on_it_first():
    frames, leaves = 60, 36
    points = np.zeros((frames, 2, 3))
    fall = np.maximum(np.arange(frames) - leaves, 0) / FPS
    points[..., 0] = 2.0 * fall[:, None]
    points[..., 2] = np.maximum(2.0 - 0.5 * GRAVITY * fall**2, 0.0)[:, None]
    points[55:, :, 0] = points[55, 0, 0]
    support = find_support(points, LEVEL, FPS, com_z=points[:, 0, 2] + 0.9)
    assert not support.flight[: leaves - 3].any()
    assert support.flight[leaves + 3 : 54].all()
    assert not support.lies[:leaves].any()  # and nothing pulls it down to the ground


def test_a_heel_that_is_seen_to_lift_has_left_though_it_is_held_down():
    frames, lifts = 40, 32
    place_px = np.zeros((frames, 2, 2))
    place_px[:, 0, 1] = -12.0 * np.maximum(np.arange(frames) - lifts, 0)  # 12 cm a frame
    place_px += np.random.default_rng(0).normal(size=place_px.shape)
    contact = np.ones((frames, 2), dtype=bool)
    contact[-1] = False
    kept = trim_contacts(contact, Sight(place_px, np.full(frames, 100.0)).height, FPS)
    np.testing.assert_array_equal(np.flatnonzero(contact[:, 0] & ~kept[:, 0]), np.arange(lifts + 1, frames - 1))
    np.testing.assert_array_equal(kept[:, 1], contact[:, 1])


def test_who_is_seen_to_stand_does_not_fly():
    # Feet are placed 12 cm too high at first; the body sinks into a crouch, which looks like falling.
    frames = 30
    points = np.zeros((frames, 2, 3))
    points[:9, :, 2] = 0.12
    points[:9, :, 0] = -0.1 * np.arange(9, 0, -1)[:, None]
    time = np.arange(frames) / FPS
    com_z = 0.9 - np.where(time < 0.3, 2.5 * time**2, 0.225)
    still = Sight(np.zeros((frames, 2, 2)), np.full(frames, 100.0))
    assert find_support(points, LEVEL, FPS, com_z=com_z).flight[:8].any()
    support = find_support(points, LEVEL, FPS, com_z=com_z, sight=still)
    assert not support.flight.any() and support.contact[:8].all()


def test_a_contact_lasts_as_long_as_the_point_is_seen_in_its_place():
    """A foot rests in frames 10 to 29; the motion held it only in 12 to 19, and in 26 to 29 it was too high."""
    place = np.zeros((40, 1, 2))
    place[:10, 0, 0], place[30:, 0, 1] = np.linspace(90.0, 9.0, 10), np.linspace(-9.0, -90.0, 10)
    contact, low = np.zeros((40, 1), dtype=bool), np.ones((40, 1), dtype=bool)
    contact[12:20], low[26:] = True, False
    sight = Sight(place, np.full(40, 100.0))
    assert find_runs(extend_contacts(contact, sight, low)[:, 0]) == [(10, 26)]
    unseen = Sight(np.full_like(place, np.nan), np.full(40, 100.0))
    assert find_runs(extend_contacts(contact, unseen, low)[:, 0]) == [(12, 20)]


def test_a_foot_that_pivots_does_not_slide():
    """Heel and toe of four feet: one turns about its toe, one shifts, one swings free, one drags its toe alone."""
    before = np.tile([[-0.1, 0.0, 0.0], [0.1, 0.0, 0.0]], (4, 1, 1))
    now = before.copy()
    now[0, 0, 1], now[1, :, 0], now[2, :, 0], now[3, :, 1] = 0.05, now[1, :, 0] + 0.02, now[2, :, 0] + 0.5, 0.03
    bears = np.array([[True, True], [True, True], [False, False], [False, True]])
    np.testing.assert_allclose(foot_slide(now, before, bears), [0.0, 0.02, np.inf, 0.03])
