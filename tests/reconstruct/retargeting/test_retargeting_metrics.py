"""Metrics of a retargeted motion by hand: jumps, limits, slide, depth and flight."""

from dataclasses import replace

import numpy as np
import pytest

from reconstruct.contacts import contact_points
from reconstruct.kinematics import GRAVITY
from reconstruct.motion import ReferenceMotion
from reconstruct.retargeting.grounding import GroundContacts
from reconstruct.retargeting.retargeting_metrics import compute_quality_metrics
from reconstruct.rotations import from_rotvec
from tests.samples import CHARACTER, standing

MODEL, COUNT = CHARACTER.model, len(contact_points(CHARACTER))


def measure(motion: ReferenceMotion, contact: bool = True, flight: bool = False) -> dict[str, float]:
    frames = len(motion)
    rests = np.zeros((frames, COUNT), dtype=bool)
    rests[:, :4] = contact
    return compute_quality_metrics(
        motion, CHARACTER, GroundContacts(rests, np.full(frames, flight), np.zeros(frames, bool))
    )


def column(joint: str) -> int:
    return int(MODEL.joint(joint).qposadr[0])


def test_somebody_who_stands_is_perfect():
    found = measure(standing(6))
    assert found["joint_jump_rad"] == found["limit_excess_rad"] == found["foot_slide_mm_per_frame"] == 0.0
    assert np.isnan(found["flight_gravity_ratio"])


@pytest.mark.parametrize("fps", [30.0, 90.0])
def test_jumps_and_slides_are_those_in_a_thirtieth_of_a_second(fps):
    motion = replace(standing(6), fps=fps)
    motion.qpos[3:, column("left_knee")] += 0.2
    motion.qpos[:, 0] += 0.3 * np.arange(6) / fps
    found = measure(motion)
    assert found["joint_jump_rad"] == pytest.approx(0.2 * fps / 30.0)
    assert found["foot_slide_mm_per_frame"] > 9.9 and measure(motion, contact=False)["joint_jump_rad"] > 0
    assert np.isnan(measure(motion, contact=False)["foot_slide_mm_per_frame"])


def test_a_ball_joint_jumps_by_its_greatest_component_and_the_root_does_not_count():
    motion = standing(6)
    first = column("left_hip")
    motion.qpos[3:, first : first + 4] = from_rotvec(np.array([0.3, -0.4, 0.0]))
    motion.qpos[4:, 3:7] = from_rotvec(np.array([0.0, 0.0, 1.0]))
    assert measure(motion)["joint_jump_rad"] == pytest.approx(0.4)


def test_the_furthest_hinge_beyond_its_range_counts():
    motion = standing(6)
    low, high = MODEL.joint("left_knee").range
    motion.qpos[2, column("left_knee")] = high + 0.07
    motion.qpos[4, column("right_knee")] = low - 0.12
    assert measure(motion)["limit_excess_rad"] == pytest.approx(0.12)


def test_depth_grows_as_the_body_sinks():
    motion = standing(6)
    level = measure(motion)["penetration_mm"]
    motion.qpos[:, 2] -= 0.03
    assert measure(motion)["penetration_mm"] == pytest.approx(level + 30.0, abs=1.0)


def test_a_body_in_free_fall_falls_with_g():
    motion = standing(8)
    t = np.arange(8) / motion.fps
    motion.qpos[:, 2] += 3.0 * t - 0.5 * 0.8 * GRAVITY * t**2
    assert measure(motion, contact=False, flight=True)["flight_gravity_ratio"] == pytest.approx(0.8)
