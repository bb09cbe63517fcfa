"""From surfaces that carry to things: as large as usual, as small as the space that the body passes through."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from reconstruct.characters.character import Character
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.rotations import rotate, yaw
from reconstruct.scene.surfaces import Surface, carried_points, foot_columns, seat_columns
from reconstruct.scene_objects import WALL_LEAST, SceneObject
from reconstruct.world_frame import find_start

MARGIN = 0.07
"""Flesh around the points that touch a box [m]."""
USUAL = 0.45
"""Least length and width of a box where there is room [m]."""
SEAT_THICKNESS = 0.08
"""Of a seat [m]: feet may go below it."""
LYING = 0.35
"""Length of what rests on a seat from which it is a bed [m]."""
BED = (1.7, 0.9)
"""Least length and width of a bed where there is room [m]."""
UPRIGHT = 0.5
"""Cosine of the trunk's inclination up to which it has a heading."""
STRAIGHT = 0.9
"""Cosine of the angle up to which somebody faces the way that stairs go."""
HAIR = 0.002
"""By how much a stair is narrower than the one below [m]: faces in one plane flicker where they are drawn."""
STAIRS_WIDTH = 0.9
"""Least width of stairs [m]."""
WALL_THICKNESS = 0.1
"""Of a wall [m]: nobody sees what is behind its face."""
WALL_OVER = 0.7
"""How far a wall goes on beyond the hands, and to the sides [m]."""
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
    stairs = _place_stairs(character, qpos, paths, touches, surfaces)
    objects = list(stairs.values())
    for k, surface in enumerate(surfaces):
        held = touches == k + 1
        if not held.any() or k in stairs:
            continue
        if surface.holds:
            objects.append(_place_bar(paths, held, surface.level))
        elif surface.kind == "wall":
            objects.append(_place_wall(paths[held], surface))
        else:
            seat = bool(held[:, seat_columns(character)].any())
            objects.append(_place_box(character, qpos, paths[held], held.any(axis=1), surface.level, seat))
    return tuple(objects)


def place_boxes(
    character: Character,
    qpos: np.ndarray,
    touches: np.ndarray,
    surfaces: tuple[Surface, ...],
    given: Sequence[SceneObject] | None,
) -> tuple[SceneObject, ...]:
    """The boxes that stand among the things that a motion touches, in its present world; not one that is pushed.

    Args:
      character, qpos, touches, surfaces: as of `place_objects`.
      given: things in the world that `centre_world` will give the motion, if they are known; they are not placed anew.
    """
    if given is None:
        things = place_objects(character, qpos, touches, surfaces)
    else:
        turn, (x, y) = find_start(qpos)
        things = tuple(one.move(float(np.degrees(turn)), (float(x), float(y))) for one in given)
    return tuple(one for one in things if one.kind == "box" and not one.mass)


def _place_stairs(
    character: Character, qpos: np.ndarray, paths: np.ndarray, touches: np.ndarray, surfaces: tuple[Surface, ...]
) -> dict[int, SceneObject]:
    """Boxes on which feet go up or down one after the other, as wide as all of them, each reaching below the next.

    Returns:
      The box of each surface that is a stair; none for a single step.
    """
    feet = foot_columns(character)
    stairs = [k for k, one in enumerate(surfaces) if one.kind == "box" and (touches[:, feet] == k + 1).any()]
    stairs.sort(key=lambda k: surfaces[k].level)
    if len(stairs) < 2:
        return {}
    radius = carried_points(character).radius
    low = (touches == 0) & feet & (paths[..., 2] - radius < SUNK)
    places = [paths[low][:, :2], *(paths[(touches == k + 1) & feet][:, :2] for k in stairs)]
    way = places[-1].mean(axis=0) - places[1].mean(axis=0)
    way /= np.linalg.norm(way)
    # Left and right feet in turn make it crooked; nearly everybody goes straight up or down.
    faces = _find_heading(qpos[np.isin(touches, np.array(stairs) + 1).any(axis=1)], paths[low])
    ahead = np.array([np.cos(faces), np.sin(faces)])
    if abs(ahead @ way) > STRAIGHT:
        way = ahead * np.sign(ahead @ way)
    along = [place @ way for place in places]
    if not all(a.mean() < b.mean() for a, b in pairwise(along[1:])):
        return {}
    side = np.concatenate(places[1:]) @ [-way[1], way[0]]
    width, end = max(float(np.ptp(side)) + 2.0 * MARGIN, STAIRS_WIDTH), along[-1].max() + MARGIN
    end = max(end, along[-1].min() + USUAL)
    found, angle = dict[int, SceneObject](), float(np.degrees(np.arctan2(way[1], way[0])))
    for number, (k, below, here) in enumerate(zip(stairs, along[:-1], along[1:], strict=True)):
        before = below[below < here.min()]  # whoever comes down walks on beside what they came from
        edge = 0.5 * (before.max() + here.min()) if len(before) else here.min() - MARGIN
        edge = max(edge, here.min() - 2.0 * MARGIN)
        middle = 0.5 * (edge + end) * way + 0.5 * (side.min() + side.max()) * np.array([-way[1], way[0]])
        x, y, level = float(middle[0]), float(middle[1]), surfaces[k].level
        found[k] = SceneObject("box", x, y, level, float(end - edge), width - HAIR * number, level, angle)
    return found


def _place_bar(paths: np.ndarray, held: np.ndarray, level: float) -> SceneObject:
    """A level bar through the middles of the hands; across the line between them if it is one hand."""
    middles = np.array([paths[held[:, n], n, :2].mean(axis=0) for n in np.flatnonzero(held.any(axis=0))])
    centre = middles.mean(axis=0)
    way = middles[-1] - middles[0] if len(middles) > 1 else np.array([0.0, 1.0])
    angle = np.degrees(np.arctan2(way[1], way[0]))
    return SceneObject(
        "bar", float(centre[0]), float(centre[1]), level, float(np.linalg.norm(way)) + 2 * BAR_OVER, yaw=float(angle)
    )


def _place_wall(touching_w: np.ndarray, surface: Surface) -> SceneObject:
    """A wall whose face is where it is pressed against, higher and wider than that by `WALL_OVER`."""
    normal = np.array(surface.normal)
    across = np.array([-normal[1], normal[0], 0.0])
    side, middle = touching_w @ across, surface.level - 0.5 * WALL_THICKNESS
    centre = middle * normal + 0.5 * (side.min() + side.max()) * across
    height = float(max(touching_w[:, 2].max() + WALL_OVER, WALL_LEAST[0] + WALL_OVER))
    width = float(np.ptp(side)) + 2.0 * WALL_OVER
    angle = float(np.degrees(np.arctan2(normal[1], normal[0])))
    return SceneObject("box", float(centre[0]), float(centre[1]), height, WALL_THICKNESS, width, height, angle)


def _find_heading(qpos: np.ndarray, touching_w: np.ndarray) -> float:
    """Where the body faces while its trunk is upright [rad]; along what it lies on if it never is."""
    up = np.array([rotate(pose[3:7], np.array([0.0, 0.0, 1.0]))[2] for pose in qpos])
    if (up > UPRIGHT).any():
        return float(np.median(np.unwrap(np.array([yaw(pose[3:7]) for pose in qpos[up > UPRIGHT]]))))
    spread = touching_w[:, :2] - touching_w[:, :2].mean(axis=0)
    along = np.linalg.svd(spread, full_matrices=False)[2][0]
    return float(np.arctan2(along[1], along[0]))


def _place_box(
    character: Character, qpos: np.ndarray, touching_w: np.ndarray, frames: np.ndarray, level: float, seat: bool
) -> SceneObject:
    """A box under what touches it, square to the body's heading there, grown to `USUAL` where nothing passes."""
    angle = _find_heading(qpos[frames], touching_w)
    along = np.array([np.cos(angle), np.sin(angle)])
    axes = np.stack([along, [-along[1], along[0]]])
    thickness, extent = SEAT_THICKNESS if seat else level, np.ptp(touching_w[:, :2] @ axes.T, axis=0)
    usual = np.full(2, USUAL)
    if seat and extent.max() > LYING:  # where somebody lies there is room for all of them
        usual = np.where(extent == extent.max(), BED[0], BED[1])
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
        wish = max(usual[axis] - (high[axis] - low[axis]), 0.0)
        room_ahead, room_behind = max(most - high[axis], 0.0), max(low[axis] - least, 0.0)
        grown_ahead = min(room_ahead, max(0.5 * wish, wish - room_behind))
        if seat and axis == 0:  # thighs reach over the edge
            grown_ahead = min(grown_ahead, 0.5 * room_ahead)
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
