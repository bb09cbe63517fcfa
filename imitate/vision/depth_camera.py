"""The robot's eyes: a depth camera at its head, when it takes pictures, when they arrive, and what is wrong with them.

The size of the pictures, their rate and their latency are the paper's (Agarwal et al. 2022); place, pitch, range and
noise are ours, about those of an Intel RealSense D435, whose field of view of 87 x 58 degrees has a pixel a degree.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from imitate.locomotion.terrain import Terrain
from imitate.scene.ground import Ground
from imitate.vision.profile_caster import ProfileCaster
from imitate.vision.ray_caster import RayCaster


@dataclass(frozen=True)
class CameraConfig:
    """The camera and its faults."""

    rows: int = 58
    """Height of a picture [px]."""
    columns: int = 87
    """Width of a picture [px]."""
    view_degrees: tuple[float, float] = (58.0, 87.0)
    """Field of view, vertical and horizontal [deg]."""
    place: tuple[float, float, float] = (0.27, 0.0, 0.03)
    """In the trunk's frame [m]."""
    pitch_degrees: float = 40.0
    """How far it looks down [deg]."""
    far: float = 2.0
    """Depths are cut to this [m]."""
    noise: float = 0.01
    """Standard deviation of a depth, as a share of it."""
    drop_out: float = 0.02
    """Chance of a pixel to see nothing, which reads as 0."""
    interval: tuple[float, float] = (0.08, 0.12)
    """Time between pictures, drawn uniformly [s]."""
    latency: tuple[float, float] = (0.0, 0.02)
    """Time from a picture's moment to its arrival, drawn uniformly [s]."""

    def __post_init__(self) -> None:
        if min(self.rows, self.columns) < 2 or not self.far > 0.0 or not 0.0 <= self.drop_out <= 1.0:
            raise ValueError(f"a picture of {self.rows} x {self.columns} to {self.far} m: out of range")
        for name in ("interval", "latency"):
            low, high = getattr(self, name)
            if not 0.0 <= low <= high:
                raise ValueError(f"{name} {low} to {high} s: expected 0 or more, the lower end first")

    def rays(self) -> np.ndarray:
        """Directions through the pixels' middles in the trunk's frame, 1 along the optical axis, (rows, columns, 3).

        A pinhole: rows run from up to down, columns from the robot's left to its right.
        """
        down, right = (
            (2.0 * np.arange(count) + 1.0 - count) / count * np.tan(np.radians(view / 2.0))
            for count, view in zip((self.rows, self.columns), self.view_degrees, strict=True)
        )
        pitch = np.radians(self.pitch_degrees)
        forward, below = np.array([np.cos(pitch), 0.0, -np.sin(pitch)]), np.array([-np.sin(pitch), 0.0, -np.cos(pitch)])
        return forward + down[:, None, None] * below + right[None, :, None] * np.array([0.0, -1.0, 0.0])


class DepthCamera:
    """Sees a ground from the heads of robots; the robots themselves are not in its pictures."""

    def __init__(self, ground: Terrain | Ground, config: CameraConfig | None = None):
        self.config = config or CameraConfig()
        self.caster = RayCaster(ground) if isinstance(ground, Terrain) else ProfileCaster(ground)
        self._rays = self.config.rays().reshape(-1, 3)

    def see(self, position: np.ndarray, rotation: np.ndarray) -> np.ndarray:
        """Pictures without noise: depths along the optical axis, cut to `far`, where also what is further is.

        Args:
          position: of the trunks [m], (M, 3).
          rotation: R_world_trunk, (M, 3, 3).

        Returns:
          Depths [m], float32 (M, rows, columns).
        """
        config, count = self.config, len(position)
        eye = position + rotation @ np.array(config.place)
        rays = np.einsum("mij,pj->mpi", rotation, self._rays)
        length = np.linalg.norm(self._rays, axis=1)
        distance = self.caster.cast(
            np.repeat(eye, len(self._rays), axis=0),
            (rays / length[:, None]).reshape(-1, 3),
            config.far * float(length.max()),
        )
        depth = distance.reshape(count, -1) / length.astype(np.float32)
        return np.minimum(depth, np.float32(config.far)).reshape(count, config.rows, config.columns)

    def spoil(self, depth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Adds noise and drop-outs to depths [m], (M, rows, columns) -> the same, 0 to `far`."""
        noisy = depth * (1.0 + self.config.noise * rng.standard_normal(depth.shape, dtype=np.float32))
        noisy = np.clip(noisy, 0.0, self.config.far)
        return np.where(rng.random(depth.shape, dtype=np.float32) < self.config.drop_out, np.float32(0.0), noisy)


class PictureSchedule:
    """When each of N cameras takes a picture, and when that has arrived."""

    def __init__(self, config: CameraConfig, num_cameras: int):
        self.config = config
        self.next = np.zeros(num_cameras)
        """When the next picture is due [s], (N,)."""
        self.arrival = np.full(num_cameras, np.inf)
        """When the picture that is under way arrives [s]; infinite where none is, (N,)."""

    def restart(self, ids: np.ndarray, time: float, rng: np.random.Generator) -> None:
        """Cameras begin anew: nothing is under way, the first picture is due within one interval."""
        self.next[ids] = time + rng.uniform(0.0, self.config.interval[1], len(ids))
        self.arrival[ids] = np.inf

    def find_due(self, time: float, rng: np.random.Generator) -> np.ndarray:
        """Cameras whose picture is due by now and taken, (M,); the one after it and this one's latency are drawn."""
        ids = np.flatnonzero(self.next <= time + 1e-9)
        self.arrival[ids] = time + rng.uniform(*self.config.latency, len(ids))
        self.next[ids] += rng.uniform(*self.config.interval, len(ids))
        return ids

    def find_arrived(self, time: float) -> np.ndarray:
        """Cameras whose picture has come in by now, (M,); each is returned once."""
        ids = np.flatnonzero(self.arrival <= time + 1e-9)
        self.arrival[ids] = np.inf
        return ids

    def state(self) -> dict[str, Any]:
        """What the future depends on."""
        return {"next": self.next.copy(), "arrival": self.arrival.copy()}

    def restore(self, state: dict[str, Any]) -> None:
        """Continues from what `state` returned."""
        self.next[:], self.arrival[:] = np.asarray(state["next"]), np.asarray(state["arrival"])
