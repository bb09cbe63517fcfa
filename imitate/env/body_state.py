"""Where the bodies of many simulations are and how they move: as they are, or as they are measured."""

from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np

from imitate.env.observation import observe


@dataclass(frozen=True)
class BodyState:
    """States of one body in N environments, all views of a batch."""

    qpos: np.ndarray
    """Positions of its joints, (N, nq)."""
    qvel: np.ndarray
    """Their velocities, (N, nv)."""
    xpos: np.ndarray
    """Origins of its parts, the world first, world [m], (N, 1 + B, 3)."""
    xmat: np.ndarray
    """Their rotations R_world_body, (N, 1 + B, 3, 3)."""
    cvel: np.ndarray
    """Their spatial velocities as MuJoCo gives them, (N, 1 + B, 6)."""
    com: np.ndarray
    """Centre of mass, world [m], (N, 3)."""

    @classmethod
    def of(cls, batch: Any, body: mujoco.MjModel) -> "BodyState":
        """Views of what a batch of N simulations holds of a body; what else moves, comes after it."""
        bodies = slice(None), slice(body.nbody)
        return cls(
            batch.bind("qpos")[:, : body.nq],
            batch.bind("qvel")[:, : body.nv],
            batch.bind("xpos")[bodies],
            batch.bind("xmat").reshape(batch.nsim, -1, 3, 3)[bodies],
            batch.bind("cvel")[bodies],
            batch.bind("subtree_com")[:, 1],
        )

    def describe(
        self, these: np.ndarray | slice, phase: np.ndarray, heading: np.ndarray, offset: np.ndarray
    ) -> np.ndarray:
        """What some bodies sense of themselves, float32 (M, O), as `observe` of `observation.py`.

        Args:
          these: the M environments.
          phase: of the motion, (M,).
          heading: of the frame in which vectors are [rad], (M,).
          offset: tangent step from the body's pose to the one that it is to take next, (M, nv).
        """
        where, turned, speed = self.xpos[these, 1:], self.xmat[these, 1:], self.cvel[these, 1:]
        return observe(phase, heading, where, turned, speed, self.com[these], offset)
