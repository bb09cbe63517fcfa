"""A trot by inverse kinematics and static forces: what the policy imitates before it learns by reward.

The published code of RMA starts from an imitated gait as well: from nothing, a few million samples end in a dive
forward. This controller knows what a simulator knows (velocity, payload, strength); the policy that imitates it is
given no more than its own observation.
"""

from dataclasses import dataclass

import numpy as np

from imitate.locomotion.env import ACTION_SCALE, WalkEnv
from imitate.locomotion.robot import CONTROL_HZ, STAND
from reconstruct import rotations
from reconstruct.kinematics import GRAVITY

LINK = 0.213
"""Length of thigh and calf [m]."""
HIP = np.array([[0.188, -0.127], [0.188, 0.127], [-0.188, -0.127], [-0.188, 0.127]])
"""Places of FR, FL, RR, RL below which they stand, ahead and to the left of the trunk's middle [m], (4, 2)."""
SIDE = np.array([-0.08, 0.08, -0.08, 0.08])
"""How far the leg's plane is to the left of the hip's axis [m], (4,)."""
PHASE_OFFSET = np.array([0.0, 0.5, 0.5, 0.0])
"""Diagonal legs step together: FR with RL, FL with RR; (4,)."""
CLOCK_PHASES = 56
"""Phases of the trot's cycle that a clock distinguishes."""
CLOCK_GAIN = 0.3
"""Share of the difference from the phase seen that a clock makes up for in a control step."""


@dataclass(frozen=True)
class Trot:
    """Its timing, steps and gains; found by an evolution strategy for survival in the physics of training."""

    period: float = 0.283
    """Of a cycle [s]."""
    duty: float = 0.523
    """Share of the cycle that a foot is on the ground."""
    speed: float = 0.468
    """At which feet on the ground go back under the hips [m/s]."""
    reached: float = 0.696
    """Share of that speed that the trunk is expected to have."""
    step_ahead: float = 0.0231
    """By how much a foot lands further ahead for each m/s that the trunk is too fast (Raibert 1986) [s]."""
    step_aside: float = 0.0234
    """The same to the side [s]."""
    lift: float = 0.044
    """Height of a swinging foot above one on the ground [m]."""
    height: float = 0.304
    """Of the hips above the feet's centres [m]."""
    back: float = 0.0206
    """How far the feet's mean place is behind the hips [m]."""
    wide: float = 0.0035
    """How far the feet are outside of the hips' planes [m]."""
    under: float = 0.0666
    """Share of the way to the common centre of mass that the feet go."""
    level: float = 1.0
    """Share of the tilt that legs on the ground correct by their lengths."""
    follow: float = 1.0
    """Share of the ground's height below the hips, from its mean, that legs follow by their lengths."""
    look_ahead: float = 0.0437
    """Seconds ahead that the tilt is corrected for [s]."""
    load: float = 0.848
    """Share of the static load that is added to the servos' targets."""

    @property
    def phase_step(self) -> float:
        """Advance of the phase in a control step [cycles]."""
        return 1.0 / (CONTROL_HZ * self.period)

    def act(self, env: WalkEnv, phase: np.ndarray) -> np.ndarray:
        """Actions of all robots, which they know everything about, at phases in cycles (N,) -> (N, 12)."""
        stands, stroke, lift = self._cycle(phase)
        ahead, aside = env.heading_velocity.T[:, :, None]
        shift = env.dynamics.shift(env.robot_mass)
        too_fast = ahead - self.reached * self.speed
        x = stroke * (0.5 * self.speed * self.period * self.duty + self.step_ahead * too_fast) - self.back
        x = x + self.under * shift[:, :1]
        y = stroke * self.step_aside * aside + self.wide * np.sign(SIDE) + self.under * shift[:, 1:]
        roll, pitch = (env.tilt + self.look_ahead * env.qvel[:, 3:5]).T[:, :, None]
        z = lift - self.height + self.follow * self._ground(env) + self.level * (roll * HIP[:, 1] - pitch * HIP[:, 0])
        thigh, calf = solve_leg(x, z)
        targets = np.stack([np.arctan2(y, -z), thigh, calf], axis=-1)
        targets += self.load * self._carry(env, x, y, targets, shift) * stands[:, :, None]
        return (targets.reshape(len(phase), 12) - STAND) / ACTION_SCALE

    def _ground(self, env: WalkEnv) -> np.ndarray:
        """Height of the ground below each hip above their mean [m], (N, 4)."""
        yaw = rotations.yaw(env.qpos[:, 3:7])[:, None]
        ahead, left = HIP.T
        offset = np.stack([np.cos(yaw) * ahead - np.sin(yaw) * left, np.sin(yaw) * ahead + np.cos(yaw) * left], axis=-1)
        height = env.terrain.height(env.qpos[:, None, :2] + offset)
        return height - height.mean(1, keepdims=True)

    def swing_legs(self, phase: np.ndarray) -> np.ndarray:
        """Angles of hips, thighs and calves of an undisturbed trot at phases in cycles (K,) -> [rad], (K, 4, 3)."""
        _, stroke, lift = self._cycle(phase)
        thigh, calf = solve_leg(0.5 * stroke * self.speed * self.period * self.duty - self.back, lift - self.height)
        return np.stack([np.zeros_like(thigh), thigh, calf], axis=-1)

    def _cycle(self, phase: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Which feet stand, how far they are ahead (1 where one lands, -1 where it lifts off), how high [m]; (N, 4)."""
        own = (phase[:, None] + PHASE_OFFSET) % 1.0
        stands = own < self.duty
        swing = np.clip((own - self.duty) / (1.0 - self.duty), 0.0, 1.0)
        stroke = np.where(stands, 1.0 - 2.0 * own / self.duty, -np.cos(np.pi * swing))
        return stands, stroke, self.lift * np.sin(np.pi * swing) ** 2

    def _carry(self, env: WalkEnv, x: np.ndarray, y: np.ndarray, angles: np.ndarray, shift: np.ndarray) -> np.ndarray:
        """Offsets of the servos' targets that hold the static load on two legs [rad], (N, 4, 3)."""
        dynamics = env.dynamics
        mass = (env.robot_mass + dynamics.payload)[:, None]
        share = 0.5 + 0.5 * (shift[:, :1] / HIP[:, 0] + shift[:, 1:] / HIP[:, 1])
        force = GRAVITY * mass * np.clip(share, 0.0, 1.0)
        knee = angles[:, :, 1] + angles[:, :, 2]
        torque = np.stack([-force * (SIDE + y), force * x, -force * LINK * np.sin(knee)], axis=-1)
        stiffness = dynamics.strength.reshape(-1, 4, 3) * dynamics.kp[:, None, None]
        return torque / stiffness


def solve_leg(x: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Thigh and calf angles [rad] that put a foot at (x, z) from the hip, in the leg's plane [m]; knees point back."""
    reach = np.minimum(np.hypot(x, z) / (2.0 * LINK), 1.0)
    bend = np.arccos(reach)
    return np.arctan2(-x, -z) + bend, -2.0 * bend


class TrotClock:
    """Where in the trot's cycle robots are, whoever drives them.

    A policy that imitates the trot sees no clock, but its own last action. So the clock runs on by itself and is drawn
    to the phase at which the trot's action is most like the one that was taken: then what the trot would do next
    follows from what the policy sees, and can be learnt.
    """

    def __init__(self, trot: Trot, num_envs: int):
        """All at the beginning of the cycle.

        Args:
          trot: whose cycle.
          num_envs: N.
        """
        self.trot = trot
        self.phase = np.zeros(num_envs)
        """[cycles], (N,)."""
        phases = np.arange(CLOCK_PHASES) / CLOCK_PHASES
        angles = trot.swing_legs(phases)[:, :, 1:].reshape(CLOCK_PHASES, -1)
        self._mean = angles.mean(0)
        self._pattern = (angles - self._mean) / ACTION_SCALE

    def advance(self, action: np.ndarray) -> None:
        """Goes on by a control step after actions (N, 12) were taken at `phase`."""
        angles = STAND + ACTION_SCALE * action
        moved = (angles.reshape(-1, 4, 3)[:, :, 1:].reshape(len(action), -1) - self._mean) / ACTION_SCALE
        distance = (self._pattern**2).sum(1) - 2.0 * moved @ self._pattern.T
        late = (distance.argmin(1) / CLOCK_PHASES - self.phase + 0.5) % 1.0 - 0.5
        self.phase = (self.phase + CLOCK_GAIN * late + self.trot.phase_step) % 1.0
