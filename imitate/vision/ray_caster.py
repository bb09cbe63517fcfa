"""Rays that meet a height field, many at once: what a depth camera measures."""

import numpy as np

from imitate.locomotion.terrain import Terrain

LONGEST_STRIDE = 5
"""Rays stride over at most 2 to the power of this many cells at once."""
CHUNK = 32768
"""Rays that are cast together: what they need stays in the processor's cache."""


class RayCaster:
    """Casts rays on one terrain.

    A ray strides over stretches of 1, 2, 4 ... cells' length that lie wholly above the highest ground around them
    (maxima of the field over square windows, worked out beforehand); where one does not, it is halved. Within one
    cell's length the crossing of ray and triangles is found exactly, as MuJoCo defines them: `Terrain.height`.
    """

    def __init__(self, terrain: Terrain):
        self.terrain = terrain
        self.heights = terrain.heights.astype(np.float32)
        corners = self.heights
        cells = np.maximum.reduce([corners[:-1, :-1], corners[1:, :-1], corners[:-1, 1:], corners[1:, 1:]])
        self._highest = [_window_maximum(cells, 2**level + 1) for level in range(LONGEST_STRIDE + 1)]
        self._table = np.stack(self._highest).ravel()

    def cast(self, origin: np.ndarray, direction: np.ndarray, far: float) -> np.ndarray:
        """Distance to the ground along rays.

        Args:
          origin: of the rays, world [m], (M, 3).
          direction: unit vectors, (M, 3).
          far: longest distance [m].

        Returns:
          Distances [m], float32 (M,): infinite where no ground is within `far`, 0 where a ray begins below ground.
          Beyond the field's border the ground has the border's height.
        """
        place = (origin - [*self.terrain.half * -1.0, 0.0]) / [self.terrain.spacing, self.terrain.spacing, 1.0]
        speed = direction / [self.terrain.spacing, self.terrain.spacing, 1.0]
        rays = np.concatenate([place, speed], axis=1).astype(np.float32).T
        parts = np.array_split(np.arange(rays.shape[1]), max(1, -(-rays.shape[1] // CHUNK)))
        return np.concatenate([self._cast(np.ascontiguousarray(rays[:, part]), far) for part in parts])

    def _cast(self, rays: np.ndarray, far: float) -> np.ndarray:
        """The same for rays in units of cells: u, v, z and their changes a metre, (6, M) -> (M,)."""
        result = np.full(rays.shape[1], np.inf, np.float32)
        rows, columns = self._highest[0].shape
        spacing = np.float32(self.terrain.spacing)
        ids, begin = np.arange(rays.shape[1]), np.zeros(rays.shape[1], np.float32)
        level = np.full(len(ids), LONGEST_STRIDE)
        while len(ids):
            u, v, z, du, dv, dz = rays
            end = np.minimum(begin + spacing * np.exp2(level).astype(np.float32), np.float32(far))
            j = np.minimum(u + begin * du, u + end * du).astype(np.int32).clip(0, columns - 1)
            i = np.minimum(v + begin * dv, v + end * dv).astype(np.int32).clip(0, rows - 1)
            lowest = z + np.where(dz < 0.0, end, begin) * dz
            clear = lowest > self._table[(level * rows + i) * columns + j]
            near = np.flatnonzero(~clear & (level == 0))
            level = np.clip(level + np.where(clear, 1, -1), 0, LONGEST_STRIDE)
            on = None
            if len(near):
                found = self._cross(rays[:, near], begin[near], end[near])
                result[ids[near]] = found
                clear[near] = True
                on = np.ones(len(ids), dtype=bool)
                on[near] = np.isinf(found)
            begin = np.where(clear, end, begin)
            on = begin < far if on is None else on & (begin < far)
            if not on.all():
                ids, begin, level, rays = ids[on], begin[on], level[on], rays[:, on]
        return result

    def _cross(self, rays: np.ndarray, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
        """First distance in [begin, end], no longer than a cell, at which rays meet the ground; infinite for none.

        Between the lines of the grid and the diagonals of its cells, ray and ground are both straight.
        """
        u, v, z, du, dv, dz = rays
        places = [begin, end]
        for place, speed, lines in ((u, du, 1), (v, dv, 1), (u - v, du - dv, 2)):
            first = np.floor(place + np.where(speed > 0.0, begin, end) * speed) + 1.0
            safe = np.where(np.abs(speed) < 1e-9, np.float32(1e-9), speed)
            places += [np.clip((first + line - place) / safe, begin, end) for line in range(lines)]
        at = np.sort(np.stack(places), axis=0)
        above = z + at * dz - self._height(u + at * du, v + at * dv)
        below = above <= 0.0
        last = below.argmax(0)
        ray, before = np.arange(len(u)), np.maximum(below.argmax(0) - 1, 0)
        high, low = above[before, ray], above[last, ray]
        share = np.where(last > 0, high / np.maximum(high - low, 1e-9), 0.0)
        crossing = at[before, ray] + share * (at[last, ray] - at[before, ray])
        return np.where(below.any(0), crossing, np.float32(np.inf))

    def _height(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """`Terrain.height` at places in cells."""
        rows, columns = self.heights.shape
        u, v = np.clip(u, 0.0, columns - 1.001), np.clip(v, 0.0, rows - 1.001)
        j, i = u.astype(np.int32), v.astype(np.int32)
        s, t = u - j, v - i
        flat, index = self.heights.ravel(), i * columns + j
        here, far = flat[index], flat[index + columns + 1]
        corner = flat[index + np.where(s >= t, 1, columns)]
        most, least = np.maximum(s, t), np.minimum(s, t)
        return here + most * (corner - here) + least * (far - corner)


def _window_maximum(cells: np.ndarray, size: int) -> np.ndarray:
    """Maximum over the square window that begins at each cell, (R, C) -> (R, C); cut off at the border."""
    for axis in (0, 1):
        reached = 1
        while reached < size:
            step = min(reached, size - reached)
            moved = np.roll(cells, -step, axis)
            edge = [slice(None), slice(None)]
            edge[axis] = slice(cells.shape[axis] - step, None)
            moved[tuple(edge)] = np.take(cells, [-1], axis)
            cells, reached = np.maximum(cells, moved), reached + step
    return cells
