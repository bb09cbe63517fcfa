"""A stretch of a simulated motion: its states, and the controls between them."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Trajectory:
    """States and H controls, from a frame of the reference on."""

    frame: int
    """Frame of the reference at the first state."""
    states: np.ndarray
    """MuJoCo's integration states, (H + 1, nstate)."""
    qpos: np.ndarray
    """Poses of the body and, after it, of the box, (H + 1, nq)."""
    qvel: np.ndarray
    """Their velocities, (H + 1, nv)."""
    controls: np.ndarray
    """Offsets of servo targets [rad], (H, nu)."""
    ctrl: np.ndarray
    """Servo targets [rad], (H, nu)."""
    costs: np.ndarray
    """Cost of each state, without the factor on the last, (H + 1,)."""
    failed: np.ndarray
    """States that would end a policy's episode: fallen, or too far from the reference, bool (H + 1,)."""

    def __len__(self) -> int:
        return len(self.controls)

    def take(self, first: int, last: int) -> "Trajectory":
        """Controls `first` to `last` - 1, and the states around them."""
        states, controls = slice(first, last + 1), slice(first, last)
        return Trajectory(
            self.frame + first,
            self.states[states],
            self.qpos[states],
            self.qvel[states],
            self.controls[controls],
            self.ctrl[controls],
            self.costs[states],
            self.failed[states],
        )

    def join(self, other: "Trajectory") -> "Trajectory":
        """This trajectory and another one that starts where it ends."""
        return Trajectory(
            self.frame,
            np.concatenate([self.states, other.states[1:]]),
            np.concatenate([self.qpos, other.qpos[1:]]),
            np.concatenate([self.qvel, other.qvel[1:]]),
            np.concatenate([self.controls, other.controls]),
            np.concatenate([self.ctrl, other.ctrl]),
            np.concatenate([self.costs, other.costs[1:]]),
            np.concatenate([self.failed, other.failed[1:]]),
        )
