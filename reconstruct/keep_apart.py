"""People who are reconstructed one by one may stand in each other: here they are moved apart along the line of sight.

How far away somebody is, is what a single camera sees worst, so that is where the error is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import mujoco
import numpy as np

from reconstruct.camera import Camera
from reconstruct.characters.character import Character
from reconstruct.characters.several import add_bodies, find_parts
from reconstruct.motion import ReferenceMotion
from reconstruct.shared_world import Place

TOUCH = 0.02
"""Depth to which bodies in contact may be in each other [m]: flesh gives way."""
STEP = 0.02
"""Step of the distances that are tried [m]."""
FURTHEST = 0.6
"""Greatest distance by which two people are moved apart [m]: beyond, their places are no longer what the film shows."""


@dataclass(frozen=True)
class Cast:
    """People in a shared world."""

    bodies: Sequence[Character]
    motions: Sequence[ReferenceMotion]
    places: Sequence[Place]


def keep_apart(cast: Cast, camera: Camera) -> tuple[tuple[Place, ...], float]:
    """Moves people apart who are in each other, as little as that takes, each pair in equal parts.

    Args:
      cast: the people.
      camera: of the shared world.

    Returns:
      The places, and the greatest depth that is left [m].
    """
    places, overlap = list(cast.places), _Overlap(cast)
    eye = -camera.R_camera_world.T @ camera.t_camera_world
    for first in range(len(places)):
        for second in range(first + 1, len(places)):
            if overlap.depth(places, first, second) <= TOUCH:
                continue
            away = _find_way(cast, places, first, second, eye)
            for distance in np.arange(STEP, FURTHEST + STEP, STEP):
                tried = list(places)
                tried[first] = _move(places[first], -0.5 * distance * away)
                tried[second] = _move(places[second], 0.5 * distance * away)
                if overlap.depth(tried, first, second) <= TOUCH:
                    places = tried
                    break
    pairs = [(a, b) for a in range(len(places)) for b in range(a + 1, len(places))]
    return tuple(places), max((overlap.depth(places, *pair) for pair in pairs), default=0.0)


def _find_way(cast: Cast, places: Sequence[Place], first: int, second: int, eye: np.ndarray) -> np.ndarray:
    """Direction along the ground in which the second is moved away from the first: along the line of sight, (2,)."""
    roots = [places[n].put(cast.motions[n].qpos)[:, :2].mean(axis=0) for n in (first, second)]
    sight = np.mean(roots, axis=0) - eye[:2]
    sight /= max(float(np.linalg.norm(sight)), 1e-9)
    return sight if (roots[1] - roots[0]) @ sight >= 0 else -sight


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
