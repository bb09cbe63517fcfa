"""What of a motion is on the ground, and how far feet must be shifted to rest there when another body performs it."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solveh_banded

from reconstruct.characters.character import Character
from reconstruct.contacts import contact_points, find_contacts, find_runs
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.motion import ReferenceMotion
from reconstruct.terms.rolling import find_other_parts, find_resting_parts, other_heights

RESTING = (0.3, 0.12, 0.1)
"""Speed [m/s] and height [m] below which, and time [s] for which, the lowest point must be to rest."""
NEAR_GROUND = 0.03
"""Height of the lowest contact point below which a body does not fly [m], though it may slide or just touch down."""
SHORTEST_S = 0.1
"""Times on the ground that are shorter, all together, are no floor work [s]."""


@dataclass(frozen=True)
class GroundContacts:
    """What of a motion is on the ground."""

    contact: np.ndarray
    """Contact points of the new body that rest, bool (T, P)."""
    flight: np.ndarray
    """Frames in which the body flies: nothing rests or rolls and nothing is near the ground, bool (T,)."""
    lies: np.ndarray
    """Frames in which other parts than feet and hands are on the ground: it lies, sits, kneels or rolls, bool (T,)."""
    up: tuple[float, float, float] = (0.0, 0.0, 1.0)
    """Unit vector against gravity, in the world whose ground is z = 0."""


def find_ground_contacts(motion: ReferenceMotion, source: Character, character: Character) -> GroundContacts:
    """What of a motion will be on the ground when another body performs it.

    Parts go by name. Points of a part go one by one where both bodies have as many, else with their part. A cycle's
    first and last frame are the same.
    """
    points_w = point_positions(source.model, motion.qpos, contact_points(source))
    floor = estimate_floor_height(points_w, motion.fps)[:, None]
    points_w[..., 2] -= floor
    found = find_contacts(points_w, motion.fps)
    columns: list[np.ndarray] = []
    for part, sites in character.contacts.items():
        if part not in motion.contact_names or part not in source.contacts:
            columns += [np.zeros(len(motion), dtype=bool)] * len(sites)
            continue
        touches = motion.contacts[:, motion.contact_names.index(part)]
        own = found[:, contact_columns(source, part)]
        if own.shape[1] == len(sites):
            # The points show which of them rest; where only the motion has a contact, all points of the part do.
            columns += list((own | (touches & ~own.any(axis=1))[:, None]).T)
        else:
            columns += [touches | own.any(axis=1)] * len(sites)
    contact = np.stack(columns, axis=1)
    if motion.loop:
        contact[[0, -1]] = contact[0] | contact[-1]
    rolling = find_resting_parts(other_heights(source, motion.qpos) - floor, motion.fps)
    low = points_w[..., 2].min(axis=1) <= NEAR_GROUND
    flight = np.logical_not(contact.any(axis=1) | rolling.any(axis=1) | low)
    return GroundContacts(contact, flight, np.asarray(rolling[:, ~are_ends(source)].any(axis=1)))


def measure_time_on_ground(lies: np.ndarray, fps: float) -> float:
    """Time in frames that are on the ground, bool (T,) [s]; 0 where it is less than `SHORTEST_S`."""
    frames = int(lies.sum())
    return frames / fps if frames >= SHORTEST_S * fps else 0.0


def are_ends(character: Character) -> np.ndarray:
    """Which of `find_other_parts` hang on a foot or a hand: toes and fingers, bool (Q,)."""
    model, ends = character.model, set(contact_points(character).bodies.tolist())
    for body in range(1, model.nbody):  # parents come first
        if int(model.body_parentid[body]) in ends:
            ends.add(body)
    return np.isin(BodyPoints.of_geoms(model).bodies[find_other_parts(character)], list(ends))


def estimate_floor_height(points_w: np.ndarray, fps: float) -> np.ndarray:
    """Where a motion seems to have its ground: the height of the lowest point while it rests, else between such times.

    Motion capture on a body of other feet stands some centimetres above the ground here and below it there.

    Args:
      points_w: points that may touch the ground, world frame [m], (T, P, 3).
      fps: frames a second.

    Returns:
      Height [m], (T,).
    """
    frames = np.arange(len(points_w))
    speed = np.linalg.norm(np.gradient(points_w, 1.0 / fps, axis=0), axis=-1)
    lowest = points_w[..., 2].argmin(axis=1)
    height = points_w[frames, lowest, 2]
    rests = (speed[frames, lowest] < RESTING[0]) & (np.abs(height) < RESTING[1])
    for start, end in find_runs(rests):
        rests[start:end] &= end - start >= RESTING[2] * fps
    return np.interp(frames, frames[rests], height[rests]) if rests.any() else np.zeros(len(frames))


def solve_resting_shift(points_w: np.ndarray, contact: np.ndarray) -> np.ndarray:
    """The least and smoothest shift of a foot after which what is in contact lies on the ground and does not slide.

    Args:
      points_w: the foot's points on the way that it would go, world frame [m], (T, P, 3).
      contact: which of them rest, bool (T, P).

    Returns:
      To be added to the foot's position [m], (T, 3).
    """
    frames = len(points_w)
    if not contact.any():
        return np.zeros((frames, 3))
    # Weights: of a slide between two frames, of a shift, of a shift's second difference, by what is usual of each [m].
    slide, free, bend = 1.0 / 0.001**2, 1.0 / 0.5**2, 1.0 / 0.02**2
    both = contact[1:] & contact[:-1]
    held, count = both.sum(axis=1), contact.sum(axis=1)
    way = np.sum(np.diff(points_w, axis=0) * both[..., None], axis=1)
    height = np.sum(points_w[..., 2] * contact, axis=1)
    band = np.zeros((3, frames))
    diagonal, next_to, two_apart = band[2], band[1, 1:], band[0, 2:]
    diagonal += free
    for offset, factor in ((0, 1.0), (1, 4.0), (2, 1.0)):  # of the second differences
        diagonal[offset : frames - 2 + offset] += factor * bend
    next_to[:-1] -= 2.0 * bend
    next_to[1:] -= 2.0 * bend
    two_apart += bend
    level = band.copy()
    diagonal[:-1] += slide * held
    diagonal[1:] += slide * held
    next_to -= slide * held
    right = np.zeros((frames, 2))
    right[:-1] += slide * way[:, :2]
    right[1:] -= slide * way[:, :2]
    level[2] += slide * count
    along = solveh_banded(band, right)
    return np.concatenate([along, solveh_banded(level, -slide * height[:, None])], axis=1)


def contact_columns(character: Character, part: str) -> slice:
    """Where a part's points are among `contact_points`; empty if it has none."""
    counts = [len(sites) for sites in character.contacts.values()]
    if part not in character.contacts:
        return slice(0, 0)
    index = list(character.contacts).index(part)
    return slice(sum(counts[:index]), sum(counts[: index + 1]))


def rest_contacts(character: Character) -> np.ndarray:
    """Contact points of the body standing upright, (P, 3)."""
    return point_positions(character.model, np.array(character.model.qpos0)[None], contact_points(character))[0]
