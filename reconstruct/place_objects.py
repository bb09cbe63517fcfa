"""From surfaces that carry to things: as large as usual, as small as the space that the body passes through."""

import numpy as np

from reconstruct.characters.character import Character
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.rotations import yaw
from reconstruct.scene_objects import SceneObject
from reconstruct.surfaces import Surface, carried_points, seat_columns

MARGIN = 0.07
"""Flesh around the points that touch a box [m]."""
USUAL = 0.45
"""Least length and width of a box where there is room [m]."""
SEAT_THICKNESS = 0.08
"""Of a seat [m]: feet may go below it."""
BAR_OVER = 0.3
"""How far a bar goes on beyond the hands [m]."""
CLEAR = 0.01
"""Between a box and the body that passes it [m]."""
SUNK = 0.06
"""Depth below a box's upper face from which the body passes beside the box rather than on it [m]."""


def place_objects(
    character: Character, qpos: np.ndarray, touches: np.ndarray, surfaces: tuple[Surface, ...]
) -> tuple[SceneObject, ...]:
    """Things that have the surfaces which a motion touches.

    Args:
      character: whose motion it is.
      qpos: (T, nq).
      touches: which surface each of `carried_points` touches, (T, N).
      surfaces: at their final levels.
    """
    points = carried_points(character)
    paths = point_positions(character.model, qpos, points)
    objects = list[SceneObject]()
    for k, surface in enumerate(surfaces):
        held = touches == k + 1
        if not held.any():
            continue
        if surface.holds:
            objects.append(_place_bar(paths, held, surface.level))
        else:
            seat = bool(held[:, seat_columns(character)].any())
            objects.append(_place_box(character, qpos, paths[held], held.any(axis=1), surface.level, seat))
    return tuple(objects)


def _place_bar(paths: np.ndarray, held: np.ndarray, level: float) -> SceneObject:
    """A level bar through the middles of the hands; across the line between them if it is one hand."""
    middles = np.array([paths[held[:, n], n, :2].mean(axis=0) for n in np.flatnonzero(held.any(axis=0))])
    centre = middles.mean(axis=0)
    way = middles[-1] - middles[0] if len(middles) > 1 else np.array([0.0, 1.0])
    angle = np.degrees(np.arctan2(way[1], way[0]))
    return SceneObject(
        "bar", float(centre[0]), float(centre[1]), level, float(np.linalg.norm(way)) + 2 * BAR_OVER, yaw=float(angle)
    )


def _place_box(
    character: Character, qpos: np.ndarray, touching_w: np.ndarray, frames: np.ndarray, level: float, seat: bool
) -> SceneObject:
    """A box under what touches it, square to the body's heading there, grown to `USUAL` where nothing passes."""
    angle = float(np.median(np.unwrap(np.array([yaw(pose[3:7]) for pose in qpos[frames]]))))
    along = np.array([np.cos(angle), np.sin(angle)])
    axes = np.stack([along, [-along[1], along[0]]])
    thickness = SEAT_THICKNESS if seat else level
    solid = BodyPoints.of_geoms(character.model)
    body_w = point_positions(character.model, qpos, solid)
    bottom, top = body_w[..., 2] - solid.radius, body_w[..., 2] + solid.radius
    passes = (bottom < level - SUNK) & (top > level - thickness)
    body = (body_w[..., :2] @ axes.T)[passes]
    radius = np.broadcast_to(solid.radius, passes.shape)[passes]
    touched = touching_w[:, :2] @ axes.T
    low, high = touched.min(axis=0) - MARGIN, touched.max(axis=0) + MARGIN
    for axis in (1, 0):
        other = 1 - axis
        beside = (body[:, other] + radius > low[other]) & (body[:, other] - radius < high[other])
        middle = 0.5 * (touched[:, axis].min() + touched[:, axis].max())
        ahead, behind = beside & (body[:, axis] > middle), beside & (body[:, axis] <= middle)
        most = float((body[:, axis] - radius)[ahead].min(initial=np.inf)) - CLEAR
        least = float((body[:, axis] + radius)[behind].max(initial=-np.inf)) + CLEAR
        wish = max(USUAL - (high[axis] - low[axis]), 0.0)
        room_ahead, room_behind = max(most - high[axis], 0.0), max(low[axis] - least, 0.0)
        grown_ahead = min(room_ahead, max(0.5 * wish, wish - room_behind))
        grown_behind = min(room_behind, wish - min(grown_ahead, wish))
        # What passes before or behind cuts the margin, never what is touched; to the sides feet need it.
        if axis == 0:
            high[axis] = max(min(high[axis], most), touched[:, axis].max() + CLEAR)
            low[axis] = min(max(low[axis], least), touched[:, axis].min() - CLEAR)
        high[axis] += grown_ahead
        low[axis] -= grown_behind
    centre = 0.5 * (low + high) @ axes
    length, width = (high - low).tolist()
    return SceneObject(
        "box",
        float(centre[0]),
        float(centre[1]),
        level,
        max(length, 0.06),
        max(width, 0.06),
        thickness,
        float(np.degrees(angle)),
    )
