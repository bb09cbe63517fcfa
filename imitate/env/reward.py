"""How well a simulated body follows the reference: SFV's imitation reward.

SFV (Peng et al. 2018), section 6: r = .65 r_pose + .10 r_velocity + .15 r_end_effector + .10 r_com, each
exp(-k squared error), so perfect tracking earns the sum of the weights, 1. The paper prints sums over joints and end
effectors; the published code of DeepMimic, which its figures and SFV's come from, divides them by the number of joints
and of end effectors. We do as the code does: only so do returns compare with the published ones. (The code further
weights joints by a table for its own character; here every joint counts alike, so that any character will do.)

Two readings are ours. The root's rotation and rotation speed count as one more joint in pose and velocity, as in that
code, where the paper has no term for them. End effectors are compared relative to the root's position, so that a body
that is a little ahead of its reference is charged for it once, in the centre of mass.
"""

from dataclasses import dataclass

import numpy as np

from pose.ranges import check_ranges, name_numbers
from reconstruct import rotations

TASK_SCALE = 5.0
"""Steepness of the task's term [1/m^2]: with its box 0.4 m behind it is less than half."""


@dataclass(frozen=True)
class RewardConfig:
    """Weights (they should add up to 1) and steepness of the terms."""

    pose_weight: float = 0.65
    """Weight of the joints' rotations."""
    velocity_weight: float = 0.10
    """Weight of the joints' speeds."""
    end_effector_weight: float = 0.15
    """Weight of the positions of hands and feet."""
    com_weight: float = 0.10
    """Weight of the position of the centre of mass."""
    pose_scale: float = 2.0
    """Steepness [1/rad^2]."""
    velocity_scale: float = 0.1
    """Steepness [s^2/rad^2]."""
    end_effector_scale: float = 40.0
    """Steepness [1/m^2]."""
    com_scale: float = 10.0
    """Steepness [1/m^2]."""

    def check(self, group: str) -> None:
        """Raises `InputError` if an option, whose name begins with `group`, is out of its range."""
        check_ranges(self, name_numbers(self, (0.0, 1e6)), group)


def imitation_reward(
    pose_error: np.ndarray,
    velocity_error: np.ndarray,
    end_effector_error: np.ndarray,
    com_error: np.ndarray,
    joints: int,
    config: RewardConfig,
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """SFV's reward for N environments.

    Args:
      pose_error: rotation vectors from the body's joints (and root) to the reference's [rad], (N, D). Their squares sum
        to the squares of the geodesic distances of the joints' quaternions.
      velocity_error: differences of joint (and root rotation) speeds [rad/s], (N, D).
      end_effector_error: differences of positions relative to the root [m], (N, E, 3).
      com_error: difference of the centres of mass [m], (N, 3).
      joints: number of joints that the D degrees of freedom belong to, the root counted.
      config: weights and steepness.

    Returns:
      The reward (N,) and its weighted terms {name: (N,)}, which add up to it.
    """
    terms = {
        "pose": config.pose_weight * np.exp(-config.pose_scale * _squares(pose_error) / joints),
        "velocity": config.velocity_weight * np.exp(-config.velocity_scale * _squares(velocity_error) / joints),
        "end_effectors": config.end_effector_weight
        * np.exp(-config.end_effector_scale * (end_effector_error**2).sum(-1).mean(-1)),
        "com": config.com_weight * np.exp(-config.com_scale * _squares(com_error)),
    }
    return sum(terms.values(), np.zeros(len(com_error))), terms


def add_task_reward(
    reward: np.ndarray, terms: dict[str, np.ndarray], box_qpos: np.ndarray, goal_qpos: np.ndarray, weight: float
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Adds the term `task`: the box is as far as the reference would have pushed it, or further.

    Args:
      reward: of imitation, (N,).
      terms: its terms, (N,) each.
      box_qpos: poses of the boxes, position and quaternion, (N, 7).
      goal_qpos: where the reference would have pushed them, (N, 7).
      weight: of the new term, 0 to 1; the others are reduced to the rest.
    """
    # How far it is aside does not count: with that as well, a policy of a million samples lost the box a metre sooner.
    away, forward = box_qpos[:, :2] - goal_qpos[:, :2], rotations.rotate(goal_qpos[:, 3:], np.array([1.0, 0.0, 0.0]))
    forward = forward[:, :2] / np.linalg.norm(forward[:, :2], axis=1, keepdims=True)
    behind = np.minimum(np.einsum("ni,ni->n", away, forward), 0.0)
    terms = {name: (1.0 - weight) * term for name, term in terms.items()}
    terms["task"] = weight * np.exp(-TASK_SCALE * behind**2)
    return (1.0 - weight) * reward + terms["task"], terms


def _squares(error: np.ndarray) -> np.ndarray:
    return np.einsum("nd,nd->n", error, error)
