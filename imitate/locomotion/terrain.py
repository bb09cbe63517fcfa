"""Ground for legged robots: fractal (RMA), and slopes, stepping stones, stairs and obstacles (Agarwal et al. 2022).

All are height fields made from a seed. MuJoCo splits each cell of a field into two triangles; `Terrain.height` does the
same, so what it says of a point is what a foot meets there.
"""

from dataclasses import dataclass

import mujoco
import numpy as np

BASE = 0.5
"""Thickness of the ground below its lowest point [m]."""
FRACTAL_SPACING = 0.1
"""Of the grid of fractal ground [m]."""
FRACTAL_SCALE, FRACTAL_WAVELENGTH = 0.27, 5.0
"""Height of its noise of amplitude 1, and wavelength of the first octave [m]."""


@dataclass(frozen=True, eq=False)
class Terrain:
    """Heights on a square grid, its middle at the world's origin."""

    heights: np.ndarray
    """[m], rows along y and columns along x, (R, C)."""
    spacing: float
    """Distance of neighbouring points [m]."""

    def __post_init__(self) -> None:
        if self.heights.ndim != 2 or min(self.heights.shape) < 2 or not np.isfinite(self.heights).all():
            raise ValueError(f"heights {self.heights.shape}: expected finite numbers in rows and columns")

    @property
    def half(self) -> np.ndarray:
        """Half lengths along x and y [m], (2,)."""
        return (np.array(self.heights.shape[::-1]) - 1) * self.spacing / 2

    def height(self, xy: np.ndarray) -> np.ndarray:
        """Height of the surface under world points, (..., 2) -> (...) [m]; the border's beyond the border."""
        rows, columns = self.heights.shape
        place = (np.nan_to_num(xy) + self.half) / self.spacing
        u = np.clip(place[..., 0], 0.0, columns - 1 - 1e-9)
        v = np.clip(place[..., 1], 0.0, rows - 1 - 1e-9)
        j, i = u.astype(int), v.astype(int)
        s, t = u - j, v - i
        here, right = self.heights[i, j], self.heights[i, j + 1]
        up, far = self.heights[i + 1, j], self.heights[i + 1, j + 1]
        lower = here + s * (right - here) + t * (far - right)
        upper = here + t * (up - here) + s * (far - up)
        return np.where(s >= t, lower, upper)

    def add_to(self, spec: mujoco.MjSpec) -> None:
        """Adds the field as a geom of the world."""
        low, span = float(self.heights.min()), max(float(np.ptp(self.heights)), 1e-6)
        rows, columns = self.heights.shape
        spec.add_hfield(
            name="ground",
            nrow=rows,
            ncol=columns,
            size=[*self.half, span, BASE],
            userdata=((self.heights - low) / span).ravel(),
        )
        spec.worldbody.add_geom(
            name="ground",
            type=mujoco.mjtGeom.mjGEOM_HFIELD,
            hfieldname="ground",
            pos=[0.0, 0.0, low],
            contype=1,
            conaffinity=1,
            rgba=[0.45, 0.42, 0.36, 1.0],
        )


def make_fractal(seed: int, size: float = 40.0) -> Terrain:
    """RMA's training ground: Perlin noise in two octaves, the second twice as fine and a quarter as high.

    Octaves, lacunarity 2, gain .25 and scale are the paper's (section IV); it prints no wavelength, and 5 m is the
    default of the simulator that it used.

    Args:
      seed: of the noise.
      size: length and width [m].
    """
    rng = np.random.default_rng(seed)
    points = np.arange(round(size / FRACTAL_SPACING) + 1) * FRACTAL_SPACING
    heights = np.zeros((len(points), len(points)))
    for octave in range(2):
        heights += 0.25**octave * perlin(points * 2.0**octave / FRACTAL_WAVELENGTH, rng)
    return Terrain(FRACTAL_SCALE * heights, FRACTAL_SPACING)


def perlin(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Gradient noise of unit lattice (Perlin 1985, 2002's fade), at all pairs of coordinates, (K,) -> (K, K).

    It is zero on the lattice and within +-0.71.
    """
    cells = int(np.ceil(points[-1])) + 2
    angle = rng.uniform(0.0, 2.0 * np.pi, (cells, cells))
    gx, gy = np.cos(angle), np.sin(angle)
    cell = points.astype(int)
    s = points - cell
    fade = s * s * s * (s * (6.0 * s - 15.0) + 10.0)
    i, j = np.meshgrid(cell, cell, indexing="ij")
    y, x = np.meshgrid(s, s, indexing="ij")
    fy, fx = np.meshgrid(fade, fade, indexing="ij")

    def corner(di: int, dj: int) -> np.ndarray:
        return gx[i + di, j + dj] * (x - dj) + gy[i + di, j + dj] * (y - di)

    low = corner(0, 0) * (1 - fx) + corner(0, 1) * fx
    high = corner(1, 0) * (1 - fx) + corner(1, 1) * fx
    return low * (1 - fy) + high * fy


def make_slopes(difficulty: float, columns: int, rows: int, spacing: float) -> np.ndarray:
    """Up and down again, each slope 2 m long, 1 m level between: 25 degrees at difficulty 1, (rows, columns)."""
    x = np.arange(columns) * spacing
    rise = np.tan(np.radians(25.0) * difficulty)
    profile = np.interp(x % 6.0, [0.0, 1.0, 3.0, 4.0, 6.0], [0.0, 0.0, 2.0 * rise, 2.0 * rise, 0.0])
    return np.tile(profile, (rows, 1))


def make_stairs(difficulty: float, columns: int, rows: int, spacing: float, treads: int = 6) -> np.ndarray:
    """Flights of 0.3 m treads up and down again, a level metre before each: steps of 2 to 17 cm, (rows, columns)."""
    x = np.arange(columns) * spacing
    rise, length = 0.02 + 0.15 * difficulty, 0.3 * treads
    u = x % (2.0 * length + 2.0)
    up = np.clip(np.ceil((u - 1.0) / 0.3 + 1e-9), 0, treads)
    down = np.clip(np.ceil((u - 2.0 - length) / 0.3 + 1e-9), 0, treads)
    return np.tile(rise * (up - down), (rows, 1))


def make_obstacles(difficulty: float, columns: int, rows: int, spacing: float, rng: np.random.Generator) -> np.ndarray:
    """Boxes of 0.4 to 1 m, up or down by as much as 3 to 20 cm, strewn over level ground, (rows, columns)."""
    heights = np.zeros((rows, columns))
    highest = 0.03 + 0.17 * difficulty
    for _ in range(round(rows * columns * spacing**2 * 0.6)):
        length, width = rng.integers(round(0.4 / spacing), round(1.0 / spacing) + 1, 2)
        i, j = rng.integers(0, rows), rng.integers(round(1.0 / spacing), columns)
        heights[i : i + width, j : j + length] = rng.uniform(-highest, highest)
    return heights


def make_stones(
    difficulty: float, columns: int, rows: int, spacing: float, rng: np.random.Generator, depth: float = 0.6
) -> np.ndarray:
    """Square stones over a pit: 0.8 m wide and 0.05 m apart, at difficulty 1 0.35 m wide and 0.25 m apart.

    Their tops differ by up to 3 cm. The first metre is level. Returns heights (rows, columns) [m].
    """
    heights = np.full((rows, columns), -depth)
    width, gap = 0.8 - 0.45 * difficulty, 0.05 + 0.2 * difficulty
    step, stone = round((width + gap) / spacing), round(width / spacing)
    for i in range(-rng.integers(0, step), rows, step):
        for j in range(0, columns, step):
            heights[max(i, 0) : max(i + stone, 0), j : j + stone] = rng.uniform(-0.03, 0.03)
    heights[:, : round(1.0 / spacing)] = 0.0
    return heights


def make_course(kind: str, difficulty: float, seed: int, length: float = 16.0, width: float = 4.0) -> Terrain:
    """One kind of ground, of 4 cm grid; it begins with a level metre at x = -length / 2.

    Args:
      kind: slopes, stones, stairs or obstacles.
      difficulty: 0 to 1.
      seed: of what is random.
      length: along x [m].
      width: along y [m].

    Raises:
      ValueError: no such kind, or the difficulty is out of its range.
    """
    if not 0.0 <= difficulty <= 1.0:
        raise ValueError(f"difficulty {difficulty}: expected 0 to 1")
    spacing, rng = 0.04, np.random.default_rng(seed)
    size = round(length / spacing) + 1, round(width / spacing) + 1, spacing
    if kind == "slopes":
        return Terrain(make_slopes(difficulty, *size), spacing)
    if kind == "stairs":
        return Terrain(make_stairs(difficulty, *size), spacing)
    if kind == "obstacles":
        return Terrain(make_obstacles(difficulty, *size, rng), spacing)
    if kind == "stones":
        return Terrain(make_stones(difficulty, *size, rng), spacing)
    raise ValueError(f"kind '{kind}': expected slopes, stones, stairs or obstacles")
