"""What the motion of the body alone says about forces: which points stay, and when the ground does not carry.

The first pass of the reconstruction knows neither ground nor flight; once they are imposed, objects are explained away.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from reconstruct.camera import View
from reconstruct.characters.character import Character
from reconstruct.contacts import clean_contacts, contact_points, find_runs
from reconstruct.kinematics import GRAVITY, BodyPoints, com_positions, point_positions
from reconstruct.scene.surfaces import NEAR_SURFACE, Surface, carried_points, foot_columns
from reconstruct.terms.dynamics import com_acceleration, nearest_in_hull

SMOOTH_S = 0.08
"""Standard deviation of the window over which accelerations are averaged [s]."""
SMOOTH_PLACE_S = 0.04
"""Standard deviation of the window over which positions are averaged before they are differentiated [s]."""
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
BEHIND = 0.12
"""Distance of the centre of mass from the feet's support from which it would fall [m]."""
STANDS_S = 0.25
"""Least time for which feet rest on the lowest level [s]."""


@dataclass(frozen=True)
class Hypothesis:
    """Surfaces that would explain a motion."""

    surfaces: tuple[Surface, ...]
    why: str
    """What speaks for it, in words."""
    given: bool = False
    """It is not to be doubted."""
    base: float = 0.0
    """Height of the ground in the first pass's world [m]: below zero where the body comes down from something."""
    in_air: bool = False
    """Only a body that falls too slowly speaks for it: the lens may be another one instead."""


@dataclass(frozen=True)
class Evidence:
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
    force: np.ndarray
    """That something must give, averaged over `SMOOTH_S` [share of the body's weight], (T, 3)."""
    lowest: np.ndarray
    """Height of the lowest part of the body [m], (T,)."""
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


def gather_evidence(character: Character, qpos: np.ndarray, view: View, fps: float) -> Evidence:
    """The evidence of a first pass, qpos (T, nq), set on the ground."""
    points = carried_points(character)
    paths = gaussian_filter1d(
        point_positions(character.model, qpos, points), SMOOTH_PLACE_S * fps, axis=0, mode="nearest"
    )
    velocity, axis = np.gradient(paths, 1.0 / fps, axis=0), view.rotation()[2]
    velocity -= 0.5 * np.multiply.outer(velocity @ axis, axis)
    com_w = com_positions(character.model, qpos)
    acceleration = com_acceleration(com_w, fps)
    acceleration = np.concatenate([acceleration[:1], acceleration, acceleration[-1:]])
    force = gaussian_filter1d(acceleration, SMOOTH_S * fps, axis=0, mode="nearest") / GRAVITY + [0.0, 0.0, 1.0]
    solid = BodyPoints.of_geoms(character.model)
    lowest = (point_positions(character.model, qpos, solid)[..., 2] - solid.radius).min(axis=1)
    unsupported = ((force[:, 2] > LOADED) & (lowest > ABOVE))[:, None]
    unsupported = clean_contacts(unsupported, 0, round(GAP_S * fps))[:, 0]
    for start, end in find_runs(unsupported):
        unsupported[start:end] = end - start >= SHORTEST_S * fps
    speed = np.linalg.norm(velocity, axis=-1)
    return Evidence(fps, paths, points.radius, speed, com_w, force, lowest, unsupported)


def find_base(character: Character, seen: Evidence) -> float:
    """Height of the lowest level on which feet rest for a while [m]: a first pass puts the ground where they mostly
    are."""
    feet = foot_columns(character)
    rests = seen.find_still(feet, shortest=STANDS_S)
    rests &= seen.bottom < seen.bottom[:, feet].min(axis=1, keepdims=True) + 0.5 * NEAR_SURFACE
    level = np.where(rests, seen.bottom, np.inf).min(axis=1)
    known = np.sort(level[np.isfinite(level)])
    count = round(STANDS_S * seen.fps)
    return float(np.median(known[:count])) if len(known) >= count else 0.0


def find_off_feet(character: Character, seen: Evidence) -> tuple[np.ndarray, np.ndarray]:
    """How far the centre of mass is from what the feet on the ground hold it over.

    Returns:
      The nearest point of their support, (T, 2), and the way from there to the centre of mass, (T, 2) [m]; no way where
      no foot is on the ground.
    """
    count = len(contact_points(character))
    feet = foot_columns(character)[:count]
    soles, standing = seen.points_w[:, :count][:, feet], seen.bottom[:, :count][:, feet] < ABOVE
    nearest = nearest_in_hull(seen.com_w[:, :2], soles[..., :2], standing)
    return nearest, seen.com_w[:, :2] - nearest
