import numpy as np
import pytest

from imitate.locomotion.reward import Moved, compute_reward

ONES = np.ones((1, 12))


def moved(**changes: np.ndarray) -> Moved:
    """A robot that stands still, but for the changes."""
    still = {
        "velocity": np.zeros((1, 3)), "yaw_rate": np.zeros(1), "tilt": np.zeros((1, 2)),
        "torque": 0 * ONES, "torque_before": 0 * ONES, "turned": 0 * ONES, "joint_speed": 0 * ONES,
        "force": np.full((1, 4), 0.25), "force_before": np.full((1, 4), 0.25),
        "foot_velocity": np.zeros((1, 4, 3)), "action": 0 * ONES,
    }  # fmt: skip
    return Moved(**(still | changes))


# Term, what moves, weighted value worked out by hand.
CASES = {
    "forward": ({"velocity": np.array([[0.2, 0.0, 0.0]])}, 20 * 0.2),
    "lateral": ({"velocity": np.array([[0.0, 0.3, 0.0]]), "yaw_rate": np.array([0.4])}, -21 * (0.09 + 0.16)),
    "work": ({"torque": 2 * ONES, "torque_before": 2 * ONES, "turned": -0.1 * ONES}, -0.002 * 2.4),
    "impact": ({"force": np.array([[0.75, 0.25, 0.0, 9.0]])}, -0.02 * (0.25 + 0.0625 + 4.0)),
    "smoothness": ({"torque": 3 * ONES, "torque_before": ONES}, -0.001 * 48),
    "effort": ({"action": 0.5 * ONES}, -0.07 * 3),
    "joint_speed": ({"joint_speed": 2 * ONES}, -0.002 * 48),
    "orientation": ({"tilt": np.array([[0.3, -0.1]])}, -1.5 * 0.1),
    "bounce": ({"velocity": np.array([[0.0, 0.0, -0.5]])}, -2 * 0.25),
    "slip": ({"foot_velocity": np.tile([0.3, 0.4, 9.0], (1, 4, 1)), "force": np.array([[1.0, 0, 0, 1]]),
              "force_before": np.array([[1.0, 0, 0, 1]])}, -0.8 * 0.5),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_terms_by_hand(name):
    changes, expected = CASES[name]
    reward, terms = compute_reward(moved(**changes))
    assert terms[name][0] == pytest.approx(expected)
    assert reward[0] == pytest.approx(sum(term[0] for term in terms.values()))
    assert all(terms[other][0] == 0.0 for other in CASES if other != name)


def test_speed_pays_up_to_a_limit():
    fast = moved(velocity=np.array([[2.0, 0.3, 0.0]]))
    reward, terms = compute_reward(fast)
    assert terms["forward"][0] == pytest.approx(7.0) and terms["lateral"][0] == pytest.approx(-1.89)
    assert reward[0] == pytest.approx(5.11)
