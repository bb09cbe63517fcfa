"""Hypotheses about what carries the body above the ground, from the motion of the body alone.

Once flight and ground are imposed, an object is explained away: hands on a vaulting box become a leap, and under a bar
the feet are drawn to the floor. So this looks at the first pass, which knows neither. A hypothesis needs two things at
the same time: a force that the ground cannot give, and points above the ground that stay where they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from reconstruct.camera import View
from reconstruct.characters.character import Character
from reconstruct.contacts import clean_contacts, contact_points, find_runs
from reconstruct.dynamics import com_acceleration, nearest_in_hull
from reconstruct.kinematics import GRAVITY, BodyPoints, com_positions, point_positions
from reconstruct.rotations import yaw
from reconstruct.scene_objects import SceneObject
from reconstruct.surfaces import (
    NEAR_SURFACE,
    Surface,
    carried_points,
    foot_columns,
    hand_columns,
    seat_columns,
)

SMOOTH_S = 0.08
"""Standard deviation of the window over which accelerations are averaged [s]."""
SMOOTH_PLACE_S = 0.04
"""The same of positions, before they are differentiated [s]."""
ABOVE = 0.1
"""Height of the lowest part of the body above the ground from which the ground does not carry it [m]."""
LOADED = 0.5
"""Upward force that something must give [shares of the body's weight]."""
SHORTEST_S = 0.2
"""Least time without support by the ground [s]."""
GAP_S = 0.15
"""Gaps in it up to which it is one [s]."""
STILL_SPEED = 0.45
"""Speed below which a point stays [m/s]."""
STILL_S = 0.15
"""Least time for which it stays [s]."""
OVERHEAD = 0.3
"""Height of hands above the centre of mass from which they hang rather than press [m]."""
HANG_GAP_S = 0.5
"""Gaps between times without support by the ground through which hands hold on [s]."""
SEAT_HEIGHT = (0.2, 0.8)
"""Height of a seat [m]."""
SEAT_SPEED = 0.25
"""Speed of a pelvis that sits [m/s]."""
SEAT_S = 0.4
"""Least time for which somebody sits [s]."""
BEHIND = 0.12
"""Distance of the centre of mass from the feet's support from which it would fall [m]."""
STEEPEST = 0.2
"""Slope between standing places up to which a tilted camera explains them [m/m]."""


@dataclass(frozen=True)
class Hypothesis:
    """Surfaces that would explain a motion."""

    surfaces: tuple[Surface, ...]
    why: str
    """What speaks for it, in words."""
    given: bool = False
    """It is not to be doubted."""


@dataclass(frozen=True)
class _Evidence:
    """The first pass, as points and forces."""

    fps: float
    points_w: np.ndarray
    """Smoothed paths of `carried_points` [m], (T, N, 3)."""
    radius: np.ndarray
    """(N,)."""
    speed: np.ndarray
    """(T, N) [m/s]; motion along the optical axis is only half believed."""
    com_w: np.ndarray
    """(T, 3)."""
    unsupported: np.ndarray
    """Frames in which something must carry and the ground does not, bool (T,)."""

    @property
    def bottom(self) -> np.ndarray:
        """Height below each point [m], (T, N)."""
        return self.points_w[..., 2] - self.radius

    def find_still(self, columns: np.ndarray, limit: float = STILL_SPEED, shortest: float = STILL_S) -> np.ndarray:
        """Which of some points stay, for long enough, bool (T, N)."""
        still = (self.speed < limit) & columns
        for column in still.T:
            for start, end in find_runs(column):
                column[start:end] = end - start >= shortest * self.fps
        return still


def propose_surfaces(character: Character, qpos: np.ndarray, view: View, fps: float) -> list[Hypothesis]:
    """Hypotheses that a first pass suggests, none for a motion that the ground explains.

    Args:
      character: whose motion it is.
      qpos: of the pass that knows no contacts, set on the ground, (T, nq).
      view: its camera.
      fps: frames a second.
    """
    if len(qpos) < 0.5 * fps or not hand_columns(character).any():
        return []
    seen = _gather(character, qpos, view, fps)
    found = [_hang(character, seen), _stand_above(character, seen), _sit(character, seen)]
    return [hypothesis for hypothesis in found if hypothesis is not None]


def surfaces_of(character: Character, qpos: np.ndarray, objects: Sequence[SceneObject]) -> Hypothesis:
    """Objects that are known, as surfaces in the world of a first pass.

    Args:
      character: whose motion it is.
      qpos: of the first pass, (T, nq).
      objects: in the world whose origin lies under the first root position and whose x is its heading.
    """
    angle, origin, surfaces = yaw(qpos[0, 3:7]), qpos[0, :2], list[Surface]()
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    for one in objects:
        hands = hand_columns(character)
        columns = hands if one.kind == "bar" else hands | foot_columns(character) | seat_columns(character)
        places = one.corners()[:, :2] @ turn.T + origin
        surfaces.append(Surface(one.kind, one.height, columns, places, known=True))
    return Hypothesis(tuple(surfaces), "given", given=True)


def _gather(character: Character, qpos: np.ndarray, view: View, fps: float) -> _Evidence:
    points = carried_points(character)
    paths = gaussian_filter1d(
        point_positions(character.model, qpos, points), SMOOTH_PLACE_S * fps, axis=0, mode="nearest"
    )
    velocity, axis = np.gradient(paths, 1.0 / fps, axis=0), view.rotation()[2]
    velocity -= 0.5 * np.multiply.outer(velocity @ axis, axis)
    com_w = com_positions(character.model, qpos)
    acceleration = com_acceleration(com_w, fps)
    acceleration = np.concatenate([acceleration[:1], acceleration, acceleration[-1:]])
    up = gaussian_filter1d(acceleration[:, 2], SMOOTH_S * fps, mode="nearest") / GRAVITY + 1.0
    solid = BodyPoints.of_geoms(character.model)
    lowest = (point_positions(character.model, qpos, solid)[..., 2] - solid.radius).min(axis=1)
    unsupported = ((up > LOADED) & (lowest > ABOVE))[:, None]
    unsupported = clean_contacts(unsupported, 0, round(GAP_S * fps))[:, 0]
    for start, end in find_runs(unsupported):
        unsupported[start:end] = end - start >= SHORTEST_S * fps
    return _Evidence(fps, paths, points.radius, np.linalg.norm(velocity, axis=-1), com_w, unsupported)


def _hang(character: Character, seen: _Evidence) -> Hypothesis | None:
    """Hands above the body stay while nothing below carries it: a bar."""
    hands = hand_columns(character)
    still = seen.find_still(hands)
    high = seen.points_w[..., 2] > seen.com_w[:, None, 2] + OVERHEAD
    holds = still & seen.unsupported[:, None] & high
    frames = holds.any(axis=1)
    if frames.sum() < SHORTEST_S * seen.fps or frames.sum() < 0.5 * seen.unsupported.sum():
        return None
    level = float(np.median(seen.points_w[..., 2][holds]))
    # While nothing else carries the body, hands that are high enough hold, whatever their noise.
    carried = clean_contacts(seen.unsupported[:, None], 0, round(HANG_GAP_S * seen.fps))
    holds |= carried & hands & high & (np.abs(seen.points_w[..., 2] - level) < 2.0 * NEAR_SURFACE)
    surface = Surface("bar", level, hands, seen.points_w[..., :2][holds], holds)
    return Hypothesis((surface,), f"hands overhead carry the body for {frames.sum() / seen.fps:.1f} s")


def _stand_above(character: Character, seen: _Evidence) -> Hypothesis | None:
    """Feet or pressing hands stay above the ground while it carries nothing: boxes, one for each level."""
    hands, feet = hand_columns(character), foot_columns(character)
    still = seen.find_still(hands | feet) & (seen.bottom > ABOVE)
    still &= ~(hands & (seen.points_w[..., 2] > seen.com_w[:, None, 2] + 0.5 * OVERHEAD))
    # A foot stands on all of its points, at one height.
    count = len(contact_points(character))
    for body in np.unique(contact_points(character).bodies):
        mine = np.flatnonzero((contact_points(character).bodies == body) & feet[:count])
        if len(mine) > 1:
            level = np.ptp(seen.bottom[:, mine], axis=1) < 1.5 * NEAR_SURFACE
            still[:, mine] &= (still[:, mine].all(axis=1) & level)[:, None]
    # Hands that keep still carry only while no foot stands.
    stands = (still & feet).any(axis=1, keepdims=True)
    carries = still & seen.unsupported[:, None] & (feet | ~stands)
    if carries.any(axis=1).sum() < SHORTEST_S * seen.fps:
        return None
    levels = np.sort(seen.bottom[carries])
    groups = np.split(levels, np.flatnonzero(np.diff(levels) > 0.5 * NEAR_SURFACE) + 1)
    surfaces = list[Surface]()
    for group in groups:
        near = carries & (np.abs(seen.bottom - np.median(group)) < NEAR_SURFACE)
        if near.any(axis=1).sum() < SHORTEST_S * seen.fps:
            continue
        level, places = float(np.median(seen.bottom[near])), seen.points_w[..., :2][near]
        if surfaces and level - surfaces[-1].level < NEAR_SURFACE:
            continue
        if not _is_tilt(seen, feet, level, places):
            surfaces.append(Surface("box", level, hands | feet, places, near))
    if not surfaces:
        return None
    heights = ", ".join(f"{surface.level:.2f} m" for surface in surfaces)
    return Hypothesis(tuple(surfaces), f"hands or feet carry the body {heights} above the ground")


def _is_tilt(seen: _Evidence, feet: np.ndarray, level: float, places: np.ndarray) -> bool:
    """Whether standing places that high and that far from those on the ground come of a tilted camera."""
    low = seen.find_still(feet) & (seen.bottom < 0.5 * ABOVE)
    if not low.any():
        return False
    away = np.linalg.norm(np.median(places, axis=0) - seen.points_w[..., :2][low], axis=1).min()
    return bool(level < STEEPEST * away)


def _sit(character: Character, seen: _Evidence) -> Hypothesis | None:
    """The pelvis stays low, and the centre of mass is where the feet do not carry it: a seat."""
    seat, feet = seat_columns(character), foot_columns(character)
    if not seat.any():
        return None
    low, high = SEAT_HEIGHT
    height = seen.bottom[:, seat].mean(axis=1)
    near = (height > low) & (height < high)
    still = seen.find_still(seat, SEAT_SPEED, SEAT_S)[:, seat].all(axis=1) & near
    count = len(contact_points(character))
    soles = seen.points_w[:, : feet[:count].shape[0]][:, feet[:count]]
    standing = seen.bottom[:, :count][:, feet[:count]] < ABOVE
    nearest = nearest_in_hull(seen.com_w[:, :2], soles[..., :2], standing)
    away = np.linalg.norm(seen.com_w[:, :2] - nearest, axis=1)
    sits = still & ((away > BEHIND) | seen.unsupported)
    if not any(end - start >= SEAT_S * seen.fps for start, end in find_runs(sits)):
        return None
    places = seen.points_w[sits][:, seat, :2].reshape(-1, 2)
    surface = Surface("box", float(np.median(height[sits])), seat, places, sits[:, None] & seat)
    return Hypothesis(
        (surface,), f"the pelvis rests {surface.level:.2f} m high, {away[sits].mean():.2f} m off the feet"
    )
