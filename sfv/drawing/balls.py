"""Balls that are drawn at points of interest."""

from dataclasses import dataclass

import mujoco
import numpy as np


@dataclass(frozen=True)
class Ball:
    """A point that is drawn as a ball."""

    place: np.ndarray
    """World [m], (3,)."""
    radius: float
    """[m]."""
    colour: tuple[float, float, float]
    """RGB, 0 to 1."""

    def add_to(self, scene: mujoco.MjvScene) -> None:
        """Draws it, unless the scene is full."""
        if scene.ngeom >= scene.maxgeom:
            return
        mujoco.mjv_initGeom(
            scene.geoms[scene.ngeom],
            mujoco.mjtGeom.mjGEOM_SPHERE,
            np.array([self.radius, 0.0, 0.0]),
            np.asarray(self.place, dtype=float),
            np.eye(3).ravel(),
            np.array([*self.colour, 1.0], dtype=np.float32),
        )
        scene.ngeom += 1
