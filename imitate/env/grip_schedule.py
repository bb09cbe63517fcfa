"""Which hands hold bars at which control step: those that do in the reference, and are near enough."""

from dataclasses import dataclass

import numpy as np

from imitate.env.reference import Reference
from imitate.env.task import Task
from imitate.scene.objects import GRIP_REACH


@dataclass(frozen=True)
class GripSchedule:
    """G grips over the K rows of a reference."""

    wanted: np.ndarray
    """Grips of the reference, bool (K, G)."""
    hands: np.ndarray
    """Site of each hand, (G,)."""
    places: np.ndarray
    """Site of each place on a bar, (G,)."""

    @classmethod
    def of(cls, task: Task, reference: Reference) -> "GripSchedule":
        """The grips of a task whose motion is passed once."""
        seconds = reference.phase * task.motion.duration
        wanted = np.array([(seconds >= grip.first) & (seconds <= grip.last) for grip in task.grips], dtype=bool)
        names = range(len(task.grips))
        return cls(
            wanted.reshape(len(task.grips), len(reference)).T,
            np.array([task.model.site(f"grip_hand_{k}").id for k in names], dtype=int),
            np.array([task.model.site(f"grip_place_{k}").id for k in names], dtype=int),
        )

    def choose(self, row: np.ndarray, site_xpos: np.ndarray) -> np.ndarray:
        """Which grips hold in N simulations, bool (N, G).

        Args:
          row: of the reference, (N,).
          site_xpos: of all sites, world frame [m], (N, sites, 3).
        """
        away = np.linalg.norm(site_xpos[:, self.hands] - site_xpos[:, self.places], axis=-1)
        return np.asarray(self.wanted[row] & (away < GRIP_REACH))
