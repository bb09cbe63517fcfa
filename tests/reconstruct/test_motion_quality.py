"""Truth: metrics put together by hand, each with one fault."""

import pytest

from reconstruct.motion_quality import assess_motion

FINE = {
    "foot_slide_mm_per_frame": 1.2,
    "penetration_mm": 0.7,
    "zmp_outside_support_mm": 11.0,
    "flight_gravity_ratio": 1.02,
}


def test_motion_that_obeys_physics_is_good() -> None:
    found = assess_motion(FINE)
    assert (found.level, found.verdict) == ("good", "Good motion: feet slide 1.2 mm a frame.")


@pytest.mark.parametrize(
    ("change", "level", "says"),
    [
        ({"zmp_outside_support_mm": 80.0}, "usable", "80 mm outside"),
        ({"zmp_outside_support_mm": 210.0}, "poor", "210 mm outside of what carries the body; something carries"),
        ({"flight_gravity_ratio": -0.35}, "poor", "135% off g; is the picture turned? --rotate 90"),
        ({"penetration_mm": 20.0}, "usable", "20 mm below the floor"),
        ({"foot_slide_mm_per_frame": 31.0}, "poor", "31.0 mm a frame"),
        ({"rest_com_outside_support_mm": 100.0}, "usable", "100 mm out of balance"),
    ],
)
def test_each_fault_is_named_with_its_number(change: dict[str, float], level: str, says: str) -> None:
    found = assess_motion({**FINE, **change})
    assert found.level == level and says in found.verdict and "\n" not in found.verdict


def test_what_could_not_be_measured_counts_for_nothing() -> None:
    found = assess_motion({"foot_slide_mm_per_frame": float("nan"), "flight_gravity_ratio": None})
    assert (found.level, found.verdict) == ("good", "Good motion.")
