"""Rays that meet a ground that is the same at all y and level between edges, such as stairs and gaps."""

from itertools import pairwise

import numpy as np

from imitate.scene.ground import Ground


class ProfileCaster:
    """Casts rays on one profile along x.

    Every level stretch and every riser is a plane of its own, and of the planes that a ray meets within their bounds
    the nearest is what it sees: exact, and ten times as fast as striding over a height field of the same ground.
    """

    def __init__(self, ground: Ground):
        """Takes a profile; raises `ValueError` for a slope, a field, or one that is turned or moved."""
        if ground.grid is not None or ground.incline or ground.yaw or ground.origin != (0.0, 0.0):
            raise ValueError("expected edges along x and levels between them")
        self.edges, self.levels = ground.edges, ground.levels

    def cast(self, origin: np.ndarray, direction: np.ndarray, far: float) -> np.ndarray:
        """Distance to the ground along rays, as `RayCaster.cast`; rays that begin at one place follow each other."""
        result = np.full(len(origin), np.inf, np.float32)
        apart = np.flatnonzero((np.diff(origin, axis=0) != 0.0).any(1)) + 1
        bounds = [0, *apart.tolist(), len(origin)]
        for begin, end in pairwise(bounds):
            along, up = np.ascontiguousarray(direction[begin:end, [0, 2]].T, dtype=np.float32)
            x, z = (float(value) for value in origin[begin, [0, 2]])
            result[begin:end] = self._cast(x, z, along, up, far)
        return result

    def _cast(self, x: float, z: float, along: np.ndarray, up: np.ndarray, far: float) -> np.ndarray:
        """The same for rays from one place, by their changes of x and z a metre, (P,) each -> (P,)."""
        own = int(np.searchsorted(self.edges, x, side="right"))
        if z <= self.levels[own]:
            return np.zeros(len(along), np.float32)
        first = int(np.searchsorted(self.edges, x - far))
        last = int(np.searchsorted(self.edges, x + far))
        found, none = np.full(len(along), np.inf, np.float32), np.float32(np.inf)
        with np.errstate(divide="ignore", invalid="ignore"):
            by_up, by_along = np.float32(1.0) / up, np.float32(1.0) / along
            for k in range(first, last + 1):  # level stretches, seen from above
                height = np.float32(self.levels[k] - z)
                if height < 0.0:
                    at = height * by_up
                    place = along * at
                    low = self.edges[k - 1] - x if k > 0 else -np.inf
                    high = self.edges[k] - x if k < len(self.edges) else np.inf
                    meets = (at > 0.0) & (place >= np.float32(low)) & (place <= np.float32(high))
                    np.minimum(found, np.where(meets, at, none), out=found)
            for k in range(first, last):  # risers, seen from the lower side
                at = np.float32(self.edges[k] - x) * by_along
                place = up * at
                low, high = np.sort(self.levels[k : k + 2] - z).astype(np.float32)
                ahead = along > 0.0 if self.levels[k + 1] > self.levels[k] else along < 0.0
                meets = (at > 0.0) & ahead & (place >= low) & (place <= high)
                np.minimum(found, np.where(meets, at, none), out=found)
        return np.where(found <= far, found, none)
