"""People who are reconstructed one by one may stand in each other: here they are moved apart along the line of sight.

How far away somebody is, is what a single camera sees worst, so that is where the error is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import mujoco
import numpy as np

from reconstruct.camera import Camera
from reconstruct.characters.character import Character
from reconstruct.characters.several import add_bodies, find_parts
from reconstruct.motion import ReferenceMotion
from reconstruct.together.shared_world import Place

TOUCH = 0.02
"""Depth to which bodies in contact may be in each other [m]: flesh gives way."""
STEP = 0.02
"""Step of the distances that are tried [m]."""
FURTHEST = 0.6
"""Greatest distance by which two people are moved apart at once, and anybody in all [m].

Beyond it, their places are no longer what the film shows.
"""
ROUNDS = 20
"""Most rounds over all pairs: who is moved away from one person may come into the next one."""


@dataclass(frozen=True)
class Cast:
    """People in a shared world."""

    bodies: Sequence[Character]
    motions: Sequence[ReferenceMotion]
    places: Sequence[Place]


def keep_apart(cast: Cast, camera: Camera) -> tuple[tuple[Place, ...], float]:
    """Moves people apart who are in each other, as little as that takes, each pair in equal parts.

    Pair after pair, until nobody is in another one, or moving them helps no more.

    Args:
      cast: the people.
      camera: of the shared world.

    Returns:
      The places, and the greatest depth that is left [m].
    """
    places, overlap = list(cast.places), _Overlap(cast)
    eye = -camera.R_camera_world.T @ camera.t_camera_world
    pairs = list(combinations(range(len(places)), 2))
    ways = {pair: _find_way(cast, *pair, eye) for pair in pairs}
    for _ in range(ROUNDS):
        before = list(places)
        for pair in pairs:
            if overlap.depth(places, *pair) > TOUCH:
                places = _part(overlap, places, pair, ways[pair])
        if places == before:
            break
    return tuple(places), max((overlap.depth(places, *pair) for pair in pairs), default=0.0)


def _part(overlap: "_Overlap", places: list[Place], pair: tuple[int, int], away: np.ndarray) -> list[Place]:
    """Places of everybody with two of them moved apart; as they are where `FURTHEST` does not suffice."""
    first, second = pair
    for distance in np.arange(STEP, FURTHEST + 0.5 * STEP, STEP):
        tried = list(places)
        tried[first] = _move(places[first], -0.5 * distance * away)
        tried[second] = _move(places[second], 0.5 * distance * away)
        if max(_distance(tried[n], overlap.cast.places[n]) for n in pair) > FURTHEST:
            break
        if overlap.depth(tried, first, second) <= TOUCH:
            return tried
    return places


def _find_way(cast: Cast, first: int, second: int, eye: np.ndarray) -> np.ndarray:
    """Direction along the ground in which the second is moved away from the first, (2,).

    It is along the line of sight, in the order in which the film shows them.
    """
    roots = [cast.places[n].put(cast.motions[n].qpos)[:, :2].mean(axis=0) for n in (first, second)]
    sight = np.mean(roots, axis=0) - eye[:2]
    sight /= max(float(np.linalg.norm(sight)), 1e-9)
    return sight if (roots[1] - roots[0]) @ sight >= 0 else -sight


def _distance(place: Place, other: Place) -> float:
    return float(np.hypot(place.x - other.x, place.y - other.y))


def _move(place: Place, shift: np.ndarray) -> Place:
    return replace(place, x=place.x + float(shift[0]), y=place.y + float(shift[1]))


class _Overlap:
    """How deep two people are in each other."""

    def __init__(self, cast: Cast) -> None:
        spec = mujoco.MjSpec()
        add_bodies(spec, cast.bodies)
        self.model, self.cast = spec.compile(), cast
        self.data = mujoco.MjData(self.model)
        self.parts = find_parts(self.model, cast.bodies)
        self.owner = np.full(self.model.ngeom, -1)
        for number, part in enumerate(self.parts):
            self.owner[part.geoms] = number

    def depth(self, places: Sequence[Place], first: int, second: int) -> float:
        """The greatest depth over the time that both are there [m]; 0 if they are apart."""
        rows = [self._poses(n, places[n]) for n in (first, second)]
        begin = max(start for start, _ in rows)
        end = min(start + len(qpos) for start, qpos in rows)
        deepest = 0.0
        for t in range(begin, end):
            for number, (start, qpos) in zip((first, second), rows, strict=True):
                self.data.qpos[self.parts[number].qpos] = qpos[t - start]
            mujoco.mj_kinematics(self.model, self.data)
            mujoco.mj_collision(self.model, self.data)
            contacts = self.data.contact
            if self.data.ncon:
                owners = np.sort(self.owner[contacts.geom], axis=1)
                ours = (owners == (first, second)).all(axis=1)
                deepest = max(deepest, -float(contacts.dist[ours].min(initial=0.0)))
        return deepest

    def _poses(self, number: int, place: Place) -> tuple[int, np.ndarray]:
        """First frame on the film's clock, and the poses in the shared world."""
        motion = self.cast.motions[number]
        return round(place.begin * motion.fps), place.put(motion.qpos)
