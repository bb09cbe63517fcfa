"""How far hands and feet that touch nothing stay away from the boxes that they pass.

People lift their feet over an edge by 2 to 5 cm. A fit that lets them graze it is as near to the film, but simulated
feet lag behind by as much, and are caught.
"""

import mujoco
import numpy as np

from pose.timeline.nearest_frames import find_nearest
from reconstruct.characters.character import Character
from reconstruct.contacts import contact_points
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.scene.surfaces import carried_points

CLEARANCE = 0.05
"""Distance from a box of a hand or foot that is on its way [m]."""
REACHED_S, REACHED = 0.15, 0.15
"""Time from a touch, or way along the ground from where it is [s], [m], after which it is that far away."""
SPACING = 0.06
"""Largest distance of the points that stand for the body's shapes [m]: edges are sharp."""


def shape_points(model: mujoco.MjModel) -> BodyPoints:
    """Points of all shapes of a body, so near to each other that no edge of a box goes in between unseen."""
    return BodyPoints.of_geoms(model, SPACING)


def find_clearance(
    character: Character, qpos: np.ndarray, contact: np.ndarray, touches: np.ndarray, fps: float
) -> np.ndarray:
    """Distance from boxes that each of `shape_points` shall keep [m], (T, P): of hands and feet in between touches.

    Args:
      character: whose motion it is.
      qpos: the motion, (T, nq).
      contact: which of `contact_points` are on the ground, bool (T, C).
      touches: which surface each of `carried_points` touches, 0 for none, (T, N).
      fps: frames a second.
    """
    points, ends, carried = shape_points(character.model), contact_points(character), carried_points(character)
    paths = point_positions(character.model, qpos, ends)[..., :2]
    clearance = np.zeros((len(qpos), len(points)))
    for body in np.unique(ends.bodies):
        touching = contact[:, ends.bodies == body].any(axis=1) | (touches[:, carried.bodies == body] > 0).any(axis=1)
        share = np.ones(len(qpos))
        if touching.any():
            now = np.arange(len(qpos))
            nearest = find_nearest(now, np.flatnonzero(touching))
            place = paths[:, ends.bodies == body].mean(axis=1)
            since, way = np.abs(now - nearest), np.linalg.norm(place - place[nearest], axis=1)
            share = np.minimum(np.maximum(since / (REACHED_S * fps), way / REACHED), 1.0)
        clearance[:, points.bodies == body] = CLEARANCE * share[:, None]
    return clearance
