"""The imitation reward against numbers worked out by hand."""

import numpy as np
import pytest

from imitate.env.reward import RewardConfig, add_task_reward, imitation_reward

CONFIG = RewardConfig()


def reward_of(pose=0.0, velocity=0.0, end_effector=0.0, com=0.0, joints=2):
    """Reward of one environment with an error in one coordinate of each kind; 6 degrees of freedom, 2 end effectors."""
    errors = [np.zeros((1, 6)), np.zeros((1, 6)), np.zeros((1, 2, 3)), np.zeros((1, 3))]
    errors[0][0, 1], errors[1][0, 2], errors[2][0, 1, 0], errors[3][0, 2] = pose, velocity, end_effector, com
    total, terms = imitation_reward(*errors, joints=joints, config=CONFIG)
    return float(total[0]), {name: float(term[0]) for name, term in terms.items()}


def test_perfect_tracking_earns_the_sum_of_the_weights():
    total, terms = reward_of()
    weights = CONFIG.pose_weight + CONFIG.velocity_weight + CONFIG.end_effector_weight + CONFIG.com_weight
    assert total == pytest.approx(weights) == pytest.approx(1.0)
    assert set(terms) == {"pose", "velocity", "end_effectors", "com"}


@pytest.mark.parametrize(
    ("errors", "term", "expected"),
    [
        # .65 exp(-2 * .3^2 / 2 joints) = .65 exp(-.09)
        ({"pose": 0.3}, "pose", 0.65 * np.exp(-0.09)),
        # .10 exp(-.1 * 4^2 / 2 joints) = .10 exp(-.8)
        ({"velocity": 4.0}, "velocity", 0.10 * np.exp(-0.8)),
        # .15 exp(-40 * .1^2 / 2 end effectors) = .15 exp(-.2)
        ({"end_effector": 0.1}, "end_effectors", 0.15 * np.exp(-0.2)),
        # .10 exp(-10 * .2^2) = .10 exp(-.4)
        ({"com": 0.2}, "com", 0.10 * np.exp(-0.4)),
    ],
)
def test_each_term_by_hand(errors, term, expected):
    total, terms = reward_of(**errors)
    assert terms[term] == pytest.approx(expected)
    perfect = reward_of()[1]
    assert total == pytest.approx(1.0 - perfect[term] + expected)  # nothing else changed


def test_a_box_that_is_behind_costs_and_one_that_is_aside_or_further_does_not():
    """The goal faces along y: half a metre behind gives exp(-5 * .25) of the term, which weighs .3."""
    turn = np.array([0.5**0.5, 0.0, 0.0, 0.5**0.5])
    goal = np.tile([1.0, 2.0, 0.6, *turn], (3, 1))
    box = goal.copy()
    box[0, 1] -= 0.5
    box[1, 0] += 3.0
    box[2, 1] += 0.5
    reward, terms = add_task_reward(np.full(3, 0.8), {"pose": np.full(3, 0.8)}, box, goal, 0.3)
    np.testing.assert_allclose(terms["task"], [0.3 * np.exp(-1.25), 0.3, 0.3])
    np.testing.assert_allclose(terms["pose"], 0.7 * 0.8)
    np.testing.assert_allclose(reward, terms["pose"] + terms["task"])
