"""A course of lanes side by side: four kinds of ground, each from easy to hard (Agarwal et al. 2022: 20 x 10)."""

from dataclasses import dataclass

import numpy as np

from imitate.locomotion.terrain import Terrain, make_course

KINDS = ("slopes", "stones", "stairs", "obstacles")
LENGTH, WIDTH = 16.0, 2.4
"""Of a lane [m]."""
BEGIN = 0.5
"""Robots start so far from the lane's beginning, on its level metre [m]."""
END = 0.8
"""Robots have arrived when they are so near to the lane's end [m]."""


@dataclass(frozen=True, eq=False)
class Course:
    """Lanes along x; lane k has kind k // L at level k % L."""

    terrain: Terrain
    levels: tuple[float, ...]
    """Difficulties, the easiest first, (L,)."""
    kinds: tuple[str, ...] = KINDS

    @property
    def lanes(self) -> int:
        """How many there are."""
        return len(self.kinds) * len(self.levels)

    def middle(self, lane: np.ndarray) -> np.ndarray:
        """Where the middles of lanes are [m], y of (N,) -> (N,)."""
        return (np.asarray(lane) + 0.5) * WIDTH - self.lanes * WIDTH / 2.0

    def start(self, lane: np.ndarray) -> np.ndarray:
        """Where robots start, (N,) -> (N, 2) [m]."""
        return np.stack([np.full(np.shape(lane), BEGIN - LENGTH / 2.0), self.middle(lane)], axis=-1)


def make_lanes(levels: tuple[float, ...], seed: int, kinds: tuple[str, ...] = KINDS) -> Course:
    """Makes a course.

    Args:
      levels: difficulties of each kind, 0 to 1.
      seed: of what is random.
      kinds: of ground.
    """
    parts, spacing = list[np.ndarray](), 0.0
    for kind in kinds:
        for number, level in enumerate(levels):
            lane = make_course(kind, level, 1000 * seed + number, LENGTH, WIDTH)
            spacing = lane.spacing
            parts.append(lane.heights[:-1])
    parts.append(parts[-1][-1:])
    return Course(Terrain(np.concatenate(parts), spacing), levels, kinds)
