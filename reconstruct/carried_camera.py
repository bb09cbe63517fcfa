"""A camera that is carried along: the background shows its path up to a length, the person shows the length.

The feet that stay put, bones of known length and gravity in flight decide how long the path's unit is. Since the unit
drifts along a path that is put together from many pictures, it is a few unknowns over time, not one.
"""

from dataclasses import dataclass, replace

import numpy as np

from pose.camera.camera_motion import CameraMotion
from reconstruct.solver.blocks import Block

KNOT_S = 2.0
"""Time between two unknowns of the path's unit [s]."""
HEIGHT = 0.005
"""Standard deviation of the logarithm of the camera's height above the ground, over that which the background shows."""
DRIFT = 0.004
"""Standard deviation of the unit's logarithm from one unknown to the next."""


@dataclass(frozen=True)
class CarriedCamera:
    """Where the camera is in each of T frames, in the axes of the first frame's camera, with S unknowns of the unit."""

    turn: np.ndarray
    """Rotation from the first frame's camera axes to those of each frame, (T, 3, 3)."""
    steps: np.ndarray
    """How far it goes in each frame, in units, the first one zero, (T, 3)."""
    basis: np.ndarray
    """Share of each unknown in the unit of each step, (T, S)."""
    log_unit: np.ndarray
    """Logarithm of the path's unit [m], (S,)."""
    place: np.ndarray
    """Where it is [m], (T, 3)."""
    by_unit: np.ndarray
    """How the place changes with the unknowns [m], (T, 3, S)."""
    ground: np.ndarray | None = None
    """From the first camera straight down to the ground, in units, (3,), if it is seen."""

    @classmethod
    def of(cls, motion: CameraMotion, fps: float) -> "CarriedCamera":
        """Of a motion that has a path; until its unit is known the camera stays in its place."""
        assert motion.path is not None
        frames = len(motion)
        steps = np.diff(motion.path, axis=0, prepend=motion.path[:1])
        count = max(1, round(frames / fps / KNOT_S))
        knots = np.linspace(0, frames - 1, count)
        basis = np.ones((frames, 1))
        if count > 1:
            basis = np.stack([np.interp(np.arange(frames), knots, row) for row in np.eye(count)], axis=1)
        nowhere = np.zeros((frames, 3))
        by_unit = np.zeros((frames, 3, count))
        return cls(motion.R, steps, basis, np.zeros(count), nowhere, by_unit, motion.ground)

    def with_units(self, log_unit: np.ndarray) -> "CarriedCamera":
        """The same path with other units, (S,)."""
        moved = np.exp(self.basis @ log_unit)[:, None] * self.steps
        by_unit = np.cumsum(moved[:, :, None] * self.basis[:, None], axis=0)
        return replace(self, log_unit=log_unit, place=np.cumsum(moved, axis=0), by_unit=by_unit)

    def select(self, frames: slice) -> "CarriedCamera":
        """Some of the frames."""
        names = ("turn", "steps", "basis", "place", "by_unit")
        return replace(self, **{name: getattr(self, name)[frames] for name in names})

    @property
    def unknowns(self) -> int:
        """Number of unknowns of the unit."""
        return len(self.log_unit)

    @property
    def goes(self) -> bool:
        """Whether the unit is known and the camera leaves its place."""
        return bool(self.by_unit.any())

    def to_frame(self, points_c: np.ndarray) -> np.ndarray:
        """Points from the first camera's axes to those of their frame's camera [m], (T, P, 3)."""
        return (points_c - self.place[:, None]) @ np.swapaxes(self.turn, 1, 2)

    def prior(self, height: float, nv: int, width: int) -> Block:
        """The unit drifts little, and the camera is as high above the ground as the background shows, (1, S).

        Args:
          height: of the camera above the ground [m].
          nv: width of the tangent space.
          width: number of the global unknowns.
        """
        count = self.unknowns
        change = np.eye(count) - np.eye(count, k=-1)
        change[0] = 0.0
        residual, by_global = change @ self.log_unit / DRIFT, np.zeros((count, width))
        by_global[:, width - count :] = change / DRIFT
        if self.ground is not None and height > 0.05:
            seen = np.log(np.linalg.norm(self.ground))
            residual[0] = (np.log(height) - self.log_unit.mean() - seen) / HEIGHT
            by_global[0, width - count :] = -1.0 / (count * HEIGHT)
            by_global[0, 2] = 1.0 / (height * HEIGHT)
        return Block("drift", residual[None], np.zeros((1, 1, count, nv)), by_global[None])
