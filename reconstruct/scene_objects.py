"""Things that carry a body: boxes to step, sit and lean on, or to push, bars to hang from, and ground that is a slope.

Boxes and bars are level and plumb, and stand still but for what is pushed. A scene file (`scene.toml`) holds them in
metres and degrees, so that people can read and change it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Literal

import numpy as np

from pose.errors import InputError
from pose.files import replace_file
from pose.foreign_files import read_toml

BAR_RADIUS = 0.02
"""Of a bar's section [m]."""
COLOUR = (0.72, 0.53, 0.34, 1.0)
"""Of things where they are drawn, RGBA."""
LIMITS = {
    "x": (-100.0, 100.0),
    "y": (-100.0, 100.0),
    "yaw": (-360.0, 360.0),
    "height": (0.03, 10.0),
    "length": (0.05, 100.0),
    "width": (0.05, 100.0),
    "thickness": (0.02, 10.0),
    "mass": (0.0, 500.0),
}
"""Least and largest value of every number of an object, in the units of the scene file."""
PUSHED_FRICTION = 0.5
"""Sliding friction of what is pushed on the ground: wood or cardboard on a floor."""
WALL_LEAST = (1.5, 0.3)
"""Least height and greatest thickness of a wall [m]."""
STEEPEST = np.radians(35.0)
"""Greatest angle of a slope [rad]."""
_RING = tuple((i, (i + 1) % 4) for i in range(4))
BOX_EDGES = (*_RING, *((a + 4, b + 4) for a, b in _RING), *((i, i + 4) for i in range(4)))
"""Pairs of `SceneObject.corners` of a box that lines join."""
HEADER = """\
# What carries the person, in metres and degrees, in the world of the motion (z up, ground at 0).
# height: of a box's upper face, of a bar's axis. length: along yaw. A slope is all of the ground: at height 0 in x, y,
# from there it rises by height along its length, or falls. Change it and run the same command again: the skill
# is then made for your scene. mass [kg]: of a box that is pushed, which is
# put before the hands. Without this file the scene is found anew; --scene flat leaves it out.
"""


@dataclass(frozen=True)
class SceneObject:
    """One thing that carries."""

    kind: Literal["box", "bar", "slope"]
    """A box carries on its faces, a bar is held by hands; a slope is the ground itself."""
    x: float
    """Middle, or where a slope is at height 0 [m]."""
    y: float
    """The same [m]."""
    height: float
    """Of a box's upper face, or of a bar's axis; what a slope rises by along its length, negative for a fall [m]."""
    length: float
    """Along the direction `yaw` [m]."""
    width: float = 0.1
    """Across it [m]; means nothing for a bar."""
    thickness: float = 10.0
    """From a box's upper face down, at most to the ground [m]."""
    yaw: float = 0.0
    """Direction of the length about the vertical [degrees]."""
    mass: float = field(default=0.0, repr=False)
    """Of a box that the hands push along its length [kg]: where it is in the first frame; 0 for what stands fast."""

    def __post_init__(self) -> None:
        if self.kind not in ("box", "bar", "slope"):
            raise InputError(f"object kind is '{self.kind}'; known ones: box, bar, slope")
        limits = LIMITS if self.kind != "slope" else LIMITS | {"height": (-10.0, 10.0)}
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                raise InputError(f"{self.kind}: {name} is {value!r}; give a number from {low:g} to {high:g}")
        if self.mass and self.kind != "box":
            raise InputError(f"{self.kind}: mass is {self.mass:g}; only a box can be pushed, leave it out")
        if self.kind == "slope" and abs(self.incline) > STEEPEST:
            angle = np.degrees(abs(self.incline))
            raise InputError(
                f"slope: {angle:.0f} degrees; feet hold up to {np.degrees(STEEPEST):.0f}, lower its height"
            )

    @property
    def along(self) -> np.ndarray:
        """Unit vector of the length, (3,)."""
        angle = np.radians(self.yaw)
        return np.array([np.cos(angle), np.sin(angle), 0.0])

    @property
    def across(self) -> np.ndarray:
        """Unit vector of the width, (3,)."""
        angle = np.radians(self.yaw)
        return np.array([-np.sin(angle), np.cos(angle), 0.0])

    @property
    def incline(self) -> float:
        """Rise of a slope along `yaw` [rad]."""
        return float(np.arctan2(self.height, self.length))

    @property
    def centre(self) -> np.ndarray:
        """Middle of a box, of a bar's axis, or of a slope's face [m], (3,)."""
        if self.kind == "slope":
            return np.array([self.x, self.y, 0.0]) + 0.5 * self.length * self.along + [0.0, 0.0, 0.5 * self.height]
        low = self.height if self.kind == "bar" else max(self.height - self.thickness, 0.0)
        return np.array([self.x, self.y, 0.5 * (low + self.height)])

    @property
    def half(self) -> np.ndarray:
        """Half lengths of a box along its own axes [m], (3,)."""
        return 0.5 * np.array([self.length, self.width, min(self.thickness, self.height)])

    @property
    def rotation(self) -> np.ndarray:
        """Its axes as columns, world frame, (3, 3)."""
        return np.stack([self.along, self.across, [0.0, 0.0, 1.0]], axis=1)

    def to_local(self, points_w: np.ndarray) -> np.ndarray:
        """World points relative to the middle, along the object's axes [m], (..., 3)."""
        return (points_w - self.centre) @ self.rotation

    def corners(self) -> np.ndarray:
        """The eight corners of a box; both ends of a bar four times, the corners of a slope's face twice, world frame
        [m], (8, 3)."""
        signs = np.array([(a, b, c) for c in (-1, 1) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))])
        if self.kind == "slope":
            rise = 0.5 * self.length * self.along + [0.0, 0.0, 0.5 * self.height]
            return self.centre + signs[:, :1] * rise + 0.5 * self.width * signs[:, 1:2] * self.across
        half = np.array([0.5 * self.length, 0.0, 0.0]) if self.kind == "bar" else self.half
        return self.centre + (signs * half) @ self.rotation.T

    def edges(self) -> list[tuple[int, int]]:
        """Pairs of `corners` that lines join."""
        if self.kind == "bar":
            return [(0, 1)]
        return list(_RING if self.kind == "slope" else BOX_EDGES)

    def scale(self, factor: float) -> "SceneObject":
        """The same thing in a world whose lengths are `factor` times as large."""
        lengths = {name: factor * getattr(self, name) for name in ("x", "y", "height", "length", "width", "thickness")}
        mass = min(factor**3 * self.mass, LIMITS["mass"][1])
        return replace(self, **lengths | {"thickness": min(lengths["thickness"], LIMITS["thickness"][1]), "mass": mass})

    @property
    def is_wall(self) -> bool:
        """A box that is high and thin: what touches it does so from the side."""
        return (
            self.kind == "box"
            and not self.mass
            and self.height >= WALL_LEAST[0]
            and min(self.length, self.width) <= WALL_LEAST[1]
        )

    def facing(self, seen_w: np.ndarray) -> np.ndarray:
        """Outward normal of the face that somebody at `seen_w` (2,) or (3,) touches: up, but for walls and what is
        pushed, (3,)."""
        if not (self.is_wall or self.mass):
            return np.array([0.0, 0.0, 1.0])
        way = self.along if self.mass or self.length <= self.width else self.across
        return way * (np.sign((seen_w[:2] - self.centre[:2]) @ way[:2]) or 1.0)

    def level_along(self, normal: np.ndarray) -> float:
        """Where the face with this normal lies along it [m]: n . p of all its points."""
        if self.kind == "bar":
            return float(self.centre @ normal)
        return float(self.centre @ normal + self.half @ np.abs(normal @ self.rotation))

    def move(self, turn: float, shift: tuple[float, float]) -> "SceneObject":
        """The same thing in another world, whose vertical is the same.

        Args:
          turn: angle from this world's x axis to where it points in the other one [degrees], counted in that one.
          shift: this world's origin in the other one [m].
        """
        cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
        x, y = cos * self.x - sin * self.y + shift[0], sin * self.x + cos * self.y + shift[1]
        yaw = (self.yaw + turn + 180.0) % 360.0 - 180.0
        return replace(self, x=float(x), y=float(y), yaw=float(yaw))

    def move_back(self, turn: float, shift: tuple[float, float]) -> "SceneObject":
        """The thing that `move` with these arguments makes into this one."""
        cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
        x, y = shift
        return self.move(-turn, (-cos * x - sin * y, sin * x - cos * y))

    def describe(self) -> str:
        """A few words for people."""
        if self.is_wall:
            return f"a wall of {max(self.length, self.width):.1f} by {self.height:.1f} m"
        if self.kind == "bar":
            return f"a bar at {self.height:.2f} m"
        if self.kind == "slope":
            return f"a slope of {np.degrees(abs(self.incline)):.0f} degrees, {'up' if self.height > 0 else 'down'}"
        if self.mass:
            return f"a box of {self.height:.2f} m that is pushed, about {self.mass:.0f} kg"
        return f"a box of {self.height:.2f} m, {self.length:.2f} by {self.width:.2f} m"


def split_pushed(objects: Sequence[SceneObject]) -> tuple[tuple[SceneObject, ...], SceneObject | None]:
    """The things that stand fast, and the box that is pushed; None if there is none.

    Raises:
      InputError: several are pushed.
    """
    pushed = [one for one in objects if one.mass]
    if len(pushed) > 1:
        raise InputError(f"{len(pushed)} boxes have a mass; one can be pushed, leave the mass of the others out")
    return tuple(one for one in objects if not one.mass), pushed[0] if pushed else None


def find_slope(objects: Sequence[SceneObject]) -> SceneObject | None:
    """The slope that is the ground; None where it is level.

    Raises:
      InputError: a slope comes with other things.
    """
    slopes = [one for one in objects if one.kind == "slope"]
    if slopes and len(objects) > 1:
        raise InputError(
            "a slope is all of the ground, and nothing else stands on it; leave it or the other objects out"
        )
    return slopes[0] if slopes else None


def digest_objects(objects: Sequence[SceneObject]) -> str:
    """A short name for exactly these objects, to the millimetre and a tenth of a degree."""
    return hashlib.sha256(_format(objects).encode()).hexdigest()[:12]


def save_objects(objects: Sequence[SceneObject], path: Path) -> None:
    """Writes a scene file; `found` in it says that nobody has changed it since."""
    text = f'{HEADER}found = "{digest_objects(objects)}"\n{_format(objects)}'
    with replace_file(path) as temporary:
        Path(temporary).write_text(text, encoding="utf-8")


def load_objects(path: Path) -> tuple[tuple[SceneObject, ...], bool]:
    """Reads a scene file.

    Returns:
      The objects, and whether somebody has changed them since they were found.

    Raises:
      InputError: the file cannot be read, or says something impossible.
    """
    table = read_toml(path, "mend it, or remove it to have the scene found")
    unknown = set(table) - {"found", "object"}
    rows = table.get("object", [])
    if unknown or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError(f"{path}: holds {', '.join(sorted(unknown)) or 'no list of objects'}; give [[object]] tables")
    objects = []
    for number, row in enumerate(rows, 1):
        try:
            objects.append(SceneObject(**row))
        except TypeError as error:
            names = ", ".join(field.name for field in fields(SceneObject))
            raise InputError(f"{path}: object {number} has wrong or missing keys; its keys are {names}") from error
        except InputError as error:
            raise InputError(f"{path}: object {number}: {error}") from error
    try:
        find_slope(objects)
        split_pushed(objects)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return tuple(objects), table.get("found") != digest_objects(objects)


def _format(objects: Sequence[SceneObject]) -> str:
    lines = list[str]()
    for thing in objects:
        lines += ["", "[[object]]"]
        for name, value in asdict(thing).items():
            if name == "mass" and not value:
                continue  # what stands fast has none
            lines.append(f'{name} = "{value}"' if isinstance(value, str) else f"{name} = {round(value, 3)}")
    return "\n".join(lines) + "\n"
