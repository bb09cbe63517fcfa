"""The shape of the ground: how high it is under a point, how MuJoCo shall collide with it.

A ground is a profile along one direction u (stairs, gaps, a slope), or a height field, set into the world by an origin
and a heading. `height` is the surface itself; `support` is what a reference motion is placed on, where gaps are bridged
and steps are smoothed, so that the reference neither falls into gaps nor jumps at edges.
"""

from dataclasses import dataclass, field

import mujoco
import numpy as np

BEHIND, AHEAD, ASIDE = 8.0, 60.0, 10.0
"""Extent of stairs, gaps and fields behind, ahead of and beside the origin [m]; beyond it the ground is level."""
SPACING = 0.1
"""Distance of neighbouring points in an uneven field [m]."""
SMOOTHING = 0.3
"""Distance before and after an edge over which a reference rises or falls [m]."""
EDGE = 0.01
"""Least distance of footholds from edges [m]."""
AHEAD_M = (-0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
ASIDE_M = (-0.5, -0.25, 0.0, 0.25, 0.5)
MAP_POINTS = np.array([(x, y) for x in AHEAD_M for y in ASIDE_M])
"""Where the policy's height map is sampled, in the heading frame: ahead and to the left of the root [m], (P, 2)."""
MAP_DEPTH = 1.0
"""Heights of the map are cut to this, up and down [m]."""


@dataclass(frozen=True)
class Ground:
    """A surface z(x, y), placed in the world."""

    origin: tuple[float, float] = (0.0, 0.0)
    """Where u = v = 0 lies [m]."""
    yaw: float = 0.0
    """Direction of u about the vertical [rad]."""
    incline: float = 0.0
    """Rise along u [rad]; negative goes down."""
    edges: np.ndarray = field(default_factory=lambda: np.zeros(0))
    """Where the level changes along u [m], (K,)."""
    levels: np.ndarray = field(default_factory=lambda: np.zeros(1))
    """Height before, between and after the edges [m], (K + 1,)."""
    bridged: np.ndarray = field(default_factory=lambda: np.zeros(1))
    """`levels` without gaps [m], (K + 1,)."""
    own: bool = False
    """Motions are made for it already: none is set upon it."""
    grid: np.ndarray | None = None
    """Heights of a field [m], rows along v and columns along u, `SPACING` apart, from (-ASIDE, -BEHIND) on."""

    @property
    def flat(self) -> bool:
        """The plane z = 0."""
        return bool(self.incline == 0.0 and not len(self.edges) and self.grid is None)

    def local(self, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """World (..., 2) to u and v, (...) each [m]."""
        x, y = xy[..., 0] - self.origin[0], xy[..., 1] - self.origin[1]
        cos, sin = np.cos(self.yaw), np.sin(self.yaw)
        return cos * x + sin * y, cos * y - sin * x

    def world(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """The opposite of `local`, (..., 2)."""
        cos, sin = np.cos(self.yaw), np.sin(self.yaw)
        return np.stack([self.origin[0] + cos * u - sin * v, self.origin[1] + sin * u + cos * v], axis=-1)

    def height(self, xy: np.ndarray) -> np.ndarray:
        """Height of the surface under world points, (..., 2) -> (...) [m]."""
        u, v = self.local(xy)
        if self.grid is not None:
            return self._field(u, v)
        if len(self.edges):
            return self.levels[np.searchsorted(self.edges, u, side="right")]
        return np.tan(self.incline) * u

    def support(self, xy: np.ndarray) -> np.ndarray:
        """Height that a reference above these points is placed on, (..., 2) -> (...) [m]."""
        u, v = self.local(xy)
        if self.grid is not None:
            return self._field(u, v)
        if not len(self.edges):
            return np.tan(self.incline) * u
        rises = np.diff(self.bridged)
        share = np.clip((u[..., None] - self.edges + SMOOTHING) / (2.0 * SMOOTHING), 0.0, 1.0)
        return self.bridged[0] + share @ rises

    def foothold(self, low: float, high: float) -> float:
        """How far to move what rests on u from `low` to `high` so that it lies on one tread and on no gap [m]."""
        if not len(self.edges):
            return 0.0
        ends = np.concatenate([[-np.inf], self.edges, [np.inf]])
        treads = [
            (a + EDGE, b - EDGE)
            for a, b, level, whole in zip(ends[:-1], ends[1:], self.levels, self.bridged, strict=True)
            if level == whole
        ]
        # What is longer than a tread lies over its middle.
        moves = [
            (a + b - low - high) / 2 if b - a < high - low else max(a - low, 0.0) + min(b - high, 0.0)
            for a, b in treads
        ]
        return min(moves, key=abs)

    def map_around(self, root: np.ndarray, heading: np.ndarray) -> np.ndarray:
        """Heights around some bodies relative to the support below each, in their heading frames, (N, P) [m].

        Args:
          root: positions (N, 3) [m].
          heading: directions that count as ahead (N,) [rad].
        """
        cos, sin = np.cos(heading)[:, None], np.sin(heading)[:, None]
        x, y = MAP_POINTS[:, 0], MAP_POINTS[:, 1]
        points = root[:, None, :2] + np.stack([cos * x - sin * y, sin * x + cos * y], axis=-1)
        return np.clip(self.height(points) - self.support(root[:, :2])[:, None], -MAP_DEPTH, MAP_DEPTH)

    def _field(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        assert self.grid is not None
        rows, columns = self.grid.shape
        i = np.clip((np.nan_to_num(v) + ASIDE) / SPACING, 0.0, rows - 1.001)
        j = np.clip((np.nan_to_num(u) + BEHIND) / SPACING, 0.0, columns - 1.001)
        a, b = i.astype(int), j.astype(int)
        s, t = i - a, j - b
        lower = self.grid[a, b] * (1 - t) + self.grid[a, b + 1] * t
        return lower * (1 - s) + (self.grid[a + 1, b] * (1 - t) + self.grid[a + 1, b + 1] * t) * s

    def add_to(self, spec: mujoco.MjSpec, aside: float = ASIDE) -> None:
        """Adds the ground's geoms; all names begin with "ground". Levels reach so far to either side [m]."""
        rotation = [np.cos(self.yaw / 2), 0.0, 0.0, np.sin(self.yaw / 2)]
        bits: dict = {"contype": 1, "conaffinity": 0xFF, "condim": 3}
        plane, box = mujoco.mjtGeom.mjGEOM_PLANE, mujoco.mjtGeom.mjGEOM_BOX
        world = spec.worldbody
        if self.flat:
            world.add_geom(name="ground", type=plane, size=[0.0, 0.0, 1.0], **bits)
        elif self.grid is not None:
            low, span = float(self.grid.min()), float(np.ptp(self.grid))
            middle = self.world(np.array((AHEAD - BEHIND) / 2), np.array(0.0))
            rows, columns = self.grid.shape
            spec.add_hfield(
                name="ground",
                nrow=rows,
                ncol=columns,
                size=[(AHEAD + BEHIND) / 2, ASIDE, span, 0.5],
                userdata=((self.grid - low) / span).ravel(),
            )
            world.add_geom(
                name="ground",
                type=mujoco.mjtGeom.mjGEOM_HFIELD,
                hfieldname="ground",
                pos=[*middle, low],
                quat=rotation,
                **bits,
            )
            world.add_geom(name="ground_beyond", type=plane, size=[0.0, 0.0, 1.0], pos=[0.0, 0.0, low], **bits)
        elif len(self.edges):
            low = float(self.levels.min())
            world.add_geom(name="ground", type=plane, size=[0.0, 0.0, 1.0], pos=[0.0, 0.0, low], **bits)
            ends = np.concatenate(
                [[min(-BEHIND, self.edges[0] - BEHIND)], self.edges, [max(AHEAD, self.edges[-1] + BEHIND)]]
            )
            for k, level in enumerate(self.levels):
                if level - low < 1e-9:
                    continue
                middle = self.world(np.array((ends[k] + ends[k + 1]) / 2), np.array(0.0))
                world.add_geom(
                    name=f"ground_{k}",
                    type=box,
                    pos=[*middle, (level + low) / 2],
                    quat=rotation,
                    size=[(ends[k + 1] - ends[k]) / 2, aside, (level - low) / 2],
                    **bits,
                )
        else:
            normal = np.array([-np.sin(self.incline), np.cos(self.incline)])
            zaxis = [normal[0] * np.cos(self.yaw), normal[0] * np.sin(self.yaw), normal[1]]
            world.add_geom(
                name="ground", type=plane, size=[0.0, 0.0, 1.0], pos=[*self.origin, 0.0], zaxis=zaxis, **bits
            )
