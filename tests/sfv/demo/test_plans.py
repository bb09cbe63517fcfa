"""Key poses are whole: gaits repeat and mirror themselves, passes begin and end at rest."""

from itertools import pairwise

import numpy as np
import pytest

from sfv.demo.plans import BACKFLIP, CARTWHEEL, JUMP, PLANS, PLANS_WITH_OBJECTS, PUSH, PUSH_PITCH, WALK, lean_forward

ALL_PLANS = PLANS | PLANS_WITH_OBJECTS
JOINTS = ("hip", "knee", "ankle", "shoulder", "elbow", "abduct_hip", "abduct_shoulder")
CHANNELS = {"pitch", "lean", "turn", "height", "forward", "left", "chest", "chest_lean", "chest_turn", "neck", *JOINTS}
POINTS = {f"{side}_{part}" for side in ("left", "right") for part in ("heel", "toe", "hand")} | {
    "heels",
    "toes",
    "hands",
}
PASSES = {"backflip": BACKFLIP, "jump": JUMP, "cartwheel": CARTWHEEL}


@pytest.mark.parametrize("name", ALL_PLANS)
def test_every_channel_has_a_value_at_every_time(name):
    plan = ALL_PLANS[name]
    assert (np.diff(plan.times) > 0).all() and plan.times[0] == 0.0
    for channel, values in plan.channels.items():
        assert len(values) == len(plan.times), channel
        assert channel.removeprefix("left_").removeprefix("right_") in CHANNELS, channel


@pytest.mark.parametrize("name", ALL_PLANS)
def test_contacts_are_known_points_at_times_in_order(name):
    plan = ALL_PLANS[name]
    assert set(plan.contacts) <= POINTS
    for point, spans in plan.contacts.items():
        assert all(start < end for start, end in spans), point
        assert plan.cycles > 1 or all(a[1] < b[0] for a, b in pairwise(spans)), point


@pytest.mark.parametrize("name", PASSES)
def test_passes_begin_and_end_standing(name):
    """Whole turns and ways aside, the last key pose is the first one, with both feet on the ground."""
    plan = PASSES[name]
    for channel, values in plan.channels.items():
        if channel not in ("forward", "left"):
            assert (values[-1] - values[0]) % 360 == 0, channel
    feet = [spans for point, spans in plan.contacts.items() if "toe" in point or "heel" in point]
    assert all(spans[0][0] == 0.0 and spans[-1][1] >= plan.times[-1] for spans in feet)


@pytest.mark.parametrize(
    "name, channel, turn", [("backflip", "pitch", -360), ("cartwheel", "lean", 360), ("jump", "pitch", 0)]
)
def test_turns_of_the_body(name, channel, turn):
    values = PASSES[name].channels[channel]
    assert values[-1] - values[0] == turn


@pytest.mark.parametrize("plan", [WALK, PUSH])
def test_gaits_repeat(plan):
    for channel, values in plan.channels.items():
        assert values[-1] == values[0], channel


@pytest.mark.parametrize("channel", ["hip", "knee", "ankle", "shoulder", "elbow"])
def test_left_is_right_half_a_cycle_later(channel):
    right, left = (WALK.channels[f"{side}_{channel}"][:-1] for side in ("right", "left"))
    assert left == right[6:] + right[:6]
    assert WALK.times[6] == pytest.approx(WALK.times[-1] / 2)


def test_walk_keeps_a_foot_on_the_ground():
    """Walking has no flight, and near heel strikes both feet touch (double support)."""
    phase = np.linspace(0.0, WALK.times[-1], 500, endpoint=False)

    def touches(side):
        spans = [span for point, spans in WALK.contacts.items() if point.startswith(side) for span in spans]
        return np.any([(phase >= start) & (phase < end) for start, end in spans], axis=0)

    left, right = touches("left"), touches("right")
    assert (left | right).all()
    assert 0.1 < (left & right).mean() < 0.3


def test_flight_of_the_backflip_is_long_enough_to_fall_from():
    """Between the last toe's leaving and the first one's landing g lifts the hips by about what the key poses say."""
    off, land = BACKFLIP.contacts["toes"][0][1], BACKFLIP.contacts["toes"][1][0]
    rise = 9.81 * (land - off) ** 2 / 8
    heights = np.array(BACKFLIP.channels["height"])
    ends = np.interp([off, land], BACKFLIP.times, heights).mean()
    assert heights.max() - ends == pytest.approx(rise, abs=0.1)


def test_pushing_is_walking_in_shorter_steps_leant_forward():
    assert lean_forward((20.0, -10.0)) == (0.75 * 20.0 + PUSH_PITCH, 0.75 * -10.0 + PUSH_PITCH)
    assert set(PUSH.channels["pitch"]) == {PUSH_PITCH} and PUSH.stride < WALK.stride
    assert PUSH.channels["left_knee"] == WALK.channels["left_knee"] and PUSH.contacts == WALK.contacts
