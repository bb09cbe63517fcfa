"""Eyes that are carried: when cameras take pictures, which picture each has now, and who sees nothing."""

from typing import Any

import numpy as np

from imitate.locomotion.terrain import Terrain
from imitate.scene.ground import Ground
from imitate.vision.depth_camera import CameraConfig, DepthCamera, PictureSchedule


class Eyes:
    """The cameras of N bodies on one ground; without a camera there are no pictures, and `look` does nothing."""

    def __init__(self, ground: Terrain | Ground, config: CameraConfig | None, num_envs: int):
        self.camera = DepthCamera(ground, config) if config else None
        self.schedule = PictureSchedule(config or CameraConfig(), num_envs)
        shape = (config.rows, config.columns) if config else (0, 0)
        self.pictures = np.zeros((num_envs, *shape), np.float32)
        """The latest picture of each that has arrived [m], (N, rows, columns); 0 before the first."""
        self._under_way = np.zeros_like(self.pictures)
        self.covered = np.zeros(num_envs, dtype=bool)
        """Whose camera shows nothing: its pictures are 0, (N,)."""
        self.is_new = np.zeros(num_envs, dtype=bool)
        """A picture arrived in the last control step, (N,)."""

    def restart(self, ids: np.ndarray, time: float, rng: np.random.Generator) -> None:
        """Episodes begin: no picture yet."""
        self.schedule.restart(ids, time, rng)
        self.pictures[ids], self.is_new[ids] = 0.0, True

    def look(
        self,
        time: float,
        position: np.ndarray,
        rotation: np.ndarray,
        rng: np.random.Generator,
        running: np.ndarray | None = None,
    ) -> None:
        """Takes the pictures that are due and takes in those that have arrived.

        Args:
          time: now [s].
          position: of the bodies that carry the cameras, world [m], (N, 3).
          rotation: R_world_body, (N, 3, 3).
          rng: of faults and times.
          running: those that take pictures, (M,); None for all.
        """
        if self.camera is None:
            return
        due = self.schedule.find_due(time, rng)
        if running is not None:
            due = np.intersect1d(due, running)
        self._under_way[due[self.covered[due]]] = 0.0
        due = due[~self.covered[due]]
        if len(due):
            seen = self.camera.see(np.nan_to_num(position[due]), np.nan_to_num(rotation[due]))
            self._under_way[due] = self.camera.spoil(seen, rng)
        arrived = self.schedule.find_arrived(time)
        self.pictures[arrived], self.is_new[arrived] = self._under_way[arrived], True

    def state(self) -> dict[str, Any]:
        """What the pictures to come depend on."""
        own = {name: getattr(self, name).copy() for name in STATE}
        return own | {"schedule": self.schedule.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Continues from what `state` returned."""
        for name in STATE:
            getattr(self, name)[:] = np.asarray(state[name])
        self.schedule.restore(state["schedule"])


STATE = ("pictures", "_under_way", "covered", "is_new")
