"""RMA's reward: ten terms, each a function of one control step of N robots (Kumar et al. 2021, section IV-A).

The first pays for speed, the others are penalties. Two departures: their weights do not grow during training, because
what it begins with walks already; and contact forces are in units of the robot's weight, and a step's change counts no
more than 2 a foot, because a stiff simulated impact squared would otherwise be a hundred times what walking pays.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

SPEED = 0.35
"""Speed above which nothing more is paid [m/s]."""
MOST_IMPACT = 2.0
"""Largest change of a foot's force that counts [robot's weights]."""


@dataclass(frozen=True)
class Moved:
    """One control step of N robots."""

    velocity: np.ndarray
    """Of the trunk, ahead, to the left, up, in the heading's frame [m/s], (N, 3)."""
    yaw_rate: np.ndarray
    """[rad/s], (N,)."""
    tilt: np.ndarray
    """Roll and pitch [rad], (N, 2)."""
    torque: np.ndarray
    """Of the motors at the end of the step [N m], (N, 12)."""
    torque_before: np.ndarray
    """At the end of the step before, (N, 12)."""
    turned: np.ndarray
    """Change of the joint angles during the step [rad], (N, 12)."""
    joint_speed: np.ndarray
    """[rad/s], (N, 12)."""
    force: np.ndarray
    """Of the ground on each foot [robot's weights], (N, 4)."""
    force_before: np.ndarray
    """At the end of the step before, (N, 4)."""
    foot_velocity: np.ndarray
    """Mean over the step [m/s], (N, 4, 3)."""
    action: np.ndarray
    """(N, 12)."""


def forward(moved: Moved) -> np.ndarray:
    """min(v_x, .35), (N,)."""
    return np.minimum(moved.velocity[:, 0], SPEED)


def lateral(moved: Moved) -> np.ndarray:
    """v_y^2 + yaw rate^2, (N,)."""
    return moved.velocity[:, 1] ** 2 + moved.yaw_rate**2


def work(moved: Moved) -> np.ndarray:
    """|torque . change of the joint angles| [J], (N,)."""
    return np.abs((moved.torque * moved.turned).sum(1))


def impact(moved: Moved) -> np.ndarray:
    """Squared changes of the feet's forces [robot's weights^2], (N,)."""
    return (np.minimum(np.abs(moved.force - moved.force_before), MOST_IMPACT) ** 2).sum(1)


def smoothness(moved: Moved) -> np.ndarray:
    """Squared changes of the torques [N^2 m^2], (N,)."""
    return ((moved.torque - moved.torque_before) ** 2).sum(1)


def effort(moved: Moved) -> np.ndarray:
    """Squared actions, (N,)."""
    return (moved.action**2).sum(1)


def joint_speed(moved: Moved) -> np.ndarray:
    """Squared joint speeds [rad^2/s^2], (N,)."""
    return (moved.joint_speed**2).sum(1)


def orientation(moved: Moved) -> np.ndarray:
    """Roll^2 + pitch^2 [rad^2], (N,)."""
    return (moved.tilt**2).sum(1)


def bounce(moved: Moved) -> np.ndarray:
    """Squared vertical speed [m^2/s^2], (N,)."""
    return moved.velocity[:, 2] ** 2


def slip(moved: Moved) -> np.ndarray:
    """Squared horizontal speeds of the feet that are on the ground [m^2/s^2], (N,)."""
    return ((moved.force > 0.0) * (moved.foot_velocity[:, :, :2] ** 2).sum(2)).sum(1)


Term = Callable[[Moved], np.ndarray]
PENALTIES: dict[str, tuple[Term, float]] = {
    "lateral": (lateral, 21.0),
    "work": (work, 0.002),
    "impact": (impact, 0.02),
    "smoothness": (smoothness, 0.001),
    "effort": (effort, 0.07),
    "joint_speed": (joint_speed, 0.002),
    "orientation": (orientation, 1.5),
    "bounce": (bounce, 2.0),
    "slip": (slip, 0.8),
}
"""Terms that are subtracted, and their weights, which are the paper's."""
FORWARD_WEIGHT = 20.0


def compute_reward(moved: Moved) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """RMA's reward of a control step, (N,), and its weighted terms, which add up to it."""
    terms = {"forward": FORWARD_WEIGHT * forward(moved)}
    terms |= {name: -weight * term(moved) for name, (term, weight) in PENALTIES.items()}
    return sum(terms.values(), np.zeros(len(moved.action))), terms
