"""Truth: a head that is turned by an angle is off by that angle, whatever its size and place."""

import numpy as np
import pytest

from sfv.bench.aim import FEET, HEAD, angle_between, compare_aims

POINTS = {
    "left_ear": (0.0, 0.07, 0.0), "right_ear": (0.0, -0.07, 0.0), "nose": (0.11, 0.0, 0.0),
    "left_heel": (-0.05, 0.1, 0.0), "left_foot_index": (0.2, 0.1, 0.0),
    "right_heel": (-0.05, -0.1, 0.0), "right_foot_index": (0.2, -0.1, 0.0),
}  # fmt: skip


def test_turned_head_and_foot_are_off_by_their_angles() -> None:
    def turn(name: str, degrees: float) -> np.ndarray:
        cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        turned = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]]) @ np.array(POINTS[name])
        return np.tile(1.3 * turned + [0.5, 1.0, 2.0], (4, 1))

    def ours(name: str) -> np.ndarray:
        return turn(name, 20.0 if name in HEAD else 12.0 if name in FEET[0] else 0.0)

    found = compare_aims(ours, lambda name: turn(name, 0.0), np.array([True, True, False, True]))
    assert found["head_direction_error_deg"] == pytest.approx(20.0)
    assert found["foot_direction_error_deg"] == pytest.approx(6.0)


def test_angles_are_exact_from_nothing_to_a_half_turn() -> None:
    x, y = np.array([[1.0, 0.0, 0.0]]), np.array([[0.0, 3.0, 0.0]])
    assert [float(angle_between(x, other)[0]) for other in (x, y, -x)] == pytest.approx([0.0, 90.0, 180.0])
