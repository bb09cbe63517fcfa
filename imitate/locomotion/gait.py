"""A trot by inverse kinematics and static forces: what the policy imitates before it learns by reward.

The published code of RMA starts from an imitated gait as well: from nothing, a few million samples end in a dive
forward. This controller knows what a simulator knows (velocity, payload, strength); the policy that imitates it is
given no more than its own observation.
"""

from dataclasses import dataclass

import numpy as np

from imitate.locomotion.env import ACTION_SCALE, WalkEnv
from imitate.locomotion.robot import CONTROL_HZ, STAND

LINK = 0.213
"""Length of thigh and calf [m]."""
HIP = np.array([[0.188, -0.127], [0.188, 0.127], [-0.188, -0.127], [-0.188, 0.127]])
"""Places of FR, FL, RR, RL below which they stand, ahead and to the left of the trunk's middle [m], (4, 2)."""
SIDE = np.array([-0.08, 0.08, -0.08, 0.08])
"""How far the leg's plane is to the left of the hip's axis [m], (4,)."""
PHASE_OFFSET = np.array([0.0, 0.5, 0.5, 0.0])
"""Diagonal legs step together: FR with RL, FL with RR; (4,)."""
GRAVITY = 9.81


@dataclass(frozen=True)
class Trot:
    """Its timing, steps and gains."""

    period: float = 0.28
    """Of a cycle [s]."""
    speed: float = 0.5
    """At which feet on the ground go back under the hips [m/s]."""
    lift: float = 0.035
    """Height of a swinging foot above one on the ground [m]."""
    height: float = 0.3
    """Of the hips above the feet's centres [m]."""
    back: float = 0.015
    """How far the feet's mean place is behind the hips [m]."""
    level: float = 1.5
    """Share of the tilt that legs on the ground correct by their lengths."""
    look_ahead: float = 0.055
    """Seconds ahead that the tilt is corrected for [s]."""
    load: float = 0.9
    """Share of the static load that is added to the servos' targets."""

    @property
    def phase_step(self) -> float:
        """Advance of the phase in a control step [cycles]."""
        return 1.0 / (CONTROL_HZ * self.period)

    def act(self, env: WalkEnv, phase: np.ndarray) -> np.ndarray:
        """Actions of all robots, which they know everything about, at phases in cycles (N,) -> (N, 12)."""
        own = (phase[:, None] + PHASE_OFFSET) % 1.0
        stands, swing = own < 0.5, np.clip(2.0 * own - 1.0, 0.0, 1.0)
        # 1 where a foot lands, -1 where it lifts off.
        stroke = np.where(stands, 1.0 - 4.0 * own, -np.cos(np.pi * swing))
        x = stroke * self.speed * self.period / 4.0 - self.back
        roll, pitch = env.tilt.T
        roll = roll + self.look_ahead * env.qvel[:, 3]
        pitch = pitch + self.look_ahead * env.qvel[:, 4]
        z = self.lift * np.sin(np.pi * swing) ** 2 - self.height
        z = z + self.level * (roll[:, None] * HIP[:, 1] - pitch[:, None] * HIP[:, 0])
        thigh, calf = solve_leg(x, z)
        targets = np.stack([np.zeros_like(x), thigh, calf], axis=-1)
        targets += self.load * self._carry(env, x, targets) * stands[:, :, None]
        return (targets.reshape(len(phase), 12) - STAND) / ACTION_SCALE

    def _carry(self, env: WalkEnv, x: np.ndarray, angles: np.ndarray) -> np.ndarray:
        """Offsets of the servos' targets that hold the static load on two legs [rad], (N, 4, 3)."""
        dynamics = env.dynamics
        mass = env.robot_mass + dynamics.payload
        shift = dynamics.payload[:, None] * dynamics.place / mass[:, None]
        share = 0.5 + 0.5 * (shift[:, :1] / HIP[:, 0] + shift[:, 1:] / HIP[:, 1])
        force = GRAVITY * mass[:, None] * np.clip(share, 0.0, 1.0)
        knee = angles[:, :, 1] + angles[:, :, 2]
        torque = np.stack([-force * SIDE, force * x, -force * LINK * np.sin(knee)], axis=-1)
        stiffness = dynamics.strength.reshape(-1, 4, 3) * dynamics.kp[:, None, None]
        return torque / stiffness


def solve_leg(x: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Thigh and calf angles [rad] that put a foot at (x, z) from the hip, in the leg's plane [m]; knees point back."""
    reach = np.minimum(np.hypot(x, z) / (2.0 * LINK), 1.0)
    bend = np.arccos(reach)
    return np.arctan2(-x, -z) + bend, -2.0 * bend


def phase_of(env: WalkEnv, trot: Trot) -> np.ndarray:
    """Phase of a trot that began with each robot's episode [cycles], (N,)."""
    return env.age * trot.phase_step % 1.0
