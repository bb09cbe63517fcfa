"""Courses for a person who walks: stairs up, gaps and stepping stones at places that a seed draws.

All courses lie one after another along x, on one ground; each begins level, has its obstacle, and ends level.
"""

from dataclasses import dataclass

import numpy as np

from imitate.locomotion.terrain import Terrain
from imitate.scene.ground import Ground

KINDS = ("stairs", "gaps", "stones")
RISE, TREAD, TREADS = (0.12, 0.17), (0.27, 0.33), (4, 7)
"""Of stairs: height of a step and depth of a tread [m], how many there are."""
GAP, GAP_EVERY = (0.2, 0.4), (1.3, 2.0)
"""Of gaps: width, and distance from the end of the first to the beginning of the second [m]."""
STONE, STONE_GAP, STONE_HEIGHT, STONES = (0.42, 0.6), (0.08, 0.25), 0.02, 5
"""Of stepping stones: length, gap before each, greatest height above or below level [m]; how many there are."""
DEPTH = 1.0
"""Depth of gaps [m]: to step into one is a fall."""
BEHIND, START = 1.0, 2.0
"""Ground behind who starts, and where the start is, from the beginning of a course [m]."""
APPROACH = (2.0, 3.6)
"""From the start to the obstacle [m]."""
AFTER = 1.2
"""Who is so far beyond the obstacle has arrived [m]."""
OUTRUN = 4.5
"""Level ground after the obstacle [m]: more than eyes see from where a walk is over."""
SPACING = 0.02
"""Of the height field that rays are cast on [m]."""


@dataclass(frozen=True, eq=False)
class WalkingCourse:
    """One course by itself: a profile along x, the same at all y."""

    kind: str
    """Of obstacle."""
    edges: np.ndarray
    """Where the level changes, from the course's beginning [m], (K,)."""
    levels: np.ndarray
    """Height before, between and after the edges [m], (K + 1,)."""
    bridged: np.ndarray
    """`levels` without gaps [m], (K + 1,)."""

    @property
    def length(self) -> float:
        """[m]."""
        return float(self.edges[-1]) + OUTRUN

    @property
    def goal(self) -> float:
        """Where who gets there has arrived, from the course's beginning [m]."""
        return float(self.edges[-1]) + AFTER

    @property
    def ground(self) -> Ground:
        """Its surface, level for ever before and after."""
        return Ground(edges=self.edges, levels=self.levels, bridged=self.bridged)


def make_walking_course(kind: str, rng: np.random.Generator) -> WalkingCourse:
    """Draws a course.

    Args:
      kind: stairs, gaps or stones.
      rng: of all that is random.

    Raises:
      ValueError: there is no such kind.
    """
    begin = START + rng.uniform(*APPROACH)
    if kind == "stairs":
        count, rise, tread = rng.integers(TREADS[0], TREADS[1] + 1), rng.uniform(*RISE), rng.uniform(*TREAD)
        levels = rise * np.arange(count + 1)
        return WalkingCourse(kind, begin + tread * np.arange(count), levels, levels)
    if kind == "gaps":
        first, second, every = rng.uniform(*GAP), rng.uniform(*GAP), rng.uniform(*GAP_EVERY)
        edges = begin + np.cumsum([0.0, first, every, second])
        levels = np.array([0.0, -DEPTH, 0.0, -DEPTH, 0.0])
        return WalkingCourse(kind, edges, levels, np.zeros(5))
    if kind == "stones":
        edges, levels, bridged = [begin], [0.0], [0.0]
        for _ in range(STONES):
            top = rng.uniform(-STONE_HEIGHT, STONE_HEIGHT)
            edges.append(edges[-1] + rng.uniform(*STONE_GAP))
            levels += [-DEPTH, top]
            bridged += [bridged[-1], top]
            edges.append(edges[-1] + rng.uniform(*STONE))
        edges.append(edges[-1] + rng.uniform(*STONE_GAP))
        return WalkingCourse(kind, np.array(edges), np.array([*levels, -DEPTH, 0.0]), np.array([*bridged, 0.0, 0.0]))
    raise ValueError(f"kind '{kind}': expected {', '.join(KINDS)}")


@dataclass(frozen=True, eq=False)
class CourseRow:
    """Courses one after another along x, their row's middle at the world's origin."""

    courses: tuple[WalkingCourse, ...]

    @property
    def begins(self) -> np.ndarray:
        """Where each begins, and the last ends, x [m], (C + 1,)."""
        ends = np.cumsum([0.0, *(course.length for course in self.courses)])
        return ends - ends[-1] / 2.0

    @property
    def goals(self) -> np.ndarray:
        """Where who gets there has arrived, x [m], (C,)."""
        return self.begins[:-1] + np.array([course.goal for course in self.courses])

    @property
    def kinds(self) -> np.ndarray:
        """Number of the kind of each course, (C,)."""
        return np.array([KINDS.index(course.kind) for course in self.courses])

    @property
    def ground(self) -> Ground:
        """The surface of all."""
        edges, levels, bridged = list[float](), [0.0], [0.0]
        for begin, course in zip(self.begins, self.courses, strict=False):
            if edges:  # down to the level at which the next begins
                edges.append(float(begin))
                levels.append(0.0)
                bridged.append(0.0)
            edges += [float(begin + edge) for edge in course.edges]
            levels += [float(level) for level in course.levels[1:]]
            bridged += [float(level) for level in course.bridged[1:]]
        return Ground(edges=np.array(edges), levels=np.array(levels), bridged=np.array(bridged))

    @property
    def terrain(self) -> Terrain:
        """The same as a height field that rays can be cast on; edges are as steep as its grid allows."""
        half = self.begins[-1] + 2.0
        x = np.linspace(-half, half, 2 * round(half / SPACING) + 1)
        profile = self.ground.height(np.stack([x, np.zeros_like(x)], axis=-1))
        return Terrain(np.tile(profile, (2, 1)), float(x[1] - x[0]))


def make_course_row(count: int, seed: int) -> CourseRow:
    """Draws courses; kinds take turns.

    Args:
      count: how many.
      seed: of all that is random; the first courses of a longer row are the same.
    """
    return CourseRow(
        tuple(
            make_walking_course(KINDS[number % len(KINDS)], np.random.default_rng((seed, number)))
            for number in range(count)
        )
    )
