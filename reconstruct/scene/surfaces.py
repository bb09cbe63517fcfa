"""Surfaces above the ground that a hypothesis says are there, and which points of the body touch them when."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.ndimage import gaussian_filter1d

from reconstruct.characters.character import Character
from reconstruct.contacts import ContactThresholds, contact_points, find_contacts, find_runs, grow_contacts
from reconstruct.kinematics import BodyPoints, PointPaths, point_positions
from reconstruct.rotations import conjugate, heading, to_matrix
from reconstruct.scene.object_terms import face_axes, lift_origin, turn_to_faces
from reconstruct.terms.contact_wrench import GRIPS, NONE, PUSHES, Contacts
from reconstruct.terms.rolling import find_other_parts

FIST = 0.12
"""Largest distance of a hand's contact site from the middle of its shape [m]."""
AROUND = np.array([1.0, 0.15])
"""How far beyond the places of a first motion a surface may extend, away from the camera and across [m]: the world of a
fit is one whose x is the camera's heading, and depth is known badly."""
DEPTH_TRUST = (0.3, 0.6)
"""Share of a motion away from the camera that is believed, while the motion is not known well and once it is."""
LEVEL_DOUBT = 1.75
"""Factor on the limits of height of hands and feet: the surface's own height is found along with the motion."""
BACK_DOUBT = 0.5
"""Factor on the back's limit of height: of somebody who sits, its lowest part is not far above the seat."""
SEAT_SPEED = 0.6
"""Factor on the limits of speed of a pelvis: somebody who sits down is slow before the seat carries."""
STAYS = 0.05
"""Distance of a hand from where it stays up to which it has come there [m]."""
SWING_SPEED = 0.25
"""Speed above which a foot swings if another one stands at less than half of it [m/s]."""
SWING_SMOOTH_S = 0.05
"""Standard deviation of the window over which it is averaged [s]."""
NEAR_SURFACE = 0.12
"""Distance from a surface's height beyond which a point does not touch it, however long it stays [m]."""


@dataclass(frozen=True)
class Surface:
    """One surface of a hypothesis."""

    kind: Literal["box", "bar", "wall"]
    """Pressed upon from above, held, or pressed against from the side."""
    level: float
    """Height of a box's upper face or of a bar's axis, place of a wall along `normal` [m]; found with the motion."""
    columns: np.ndarray
    """Which of `carried_points` may touch it, bool (N,)."""
    places: np.ndarray
    """Where they do in a first motion, horizontally [m], (K, 2)."""
    shown: np.ndarray | None = None
    """Points that show it, bool (T, N): they touch it, and others of their kind at the same time; None for any time."""
    known: bool = False
    """Its level is given and no unknown."""
    normal: tuple[float, float, float] = (0.0, 0.0, 1.0)
    """Unit vector out of the face that is touched."""
    stair: bool = False
    """It is one of several that rise one after the other as stairs do."""

    @property
    def holds(self) -> bool:
        """Hands grip it."""
        return self.kind == "bar"

    def is_near(self, xy: np.ndarray) -> np.ndarray:
        """Whether points are above the surface or beside it within `AROUND`, (..., 2) -> bool (...)."""
        low, high = self.places.min(axis=0) - AROUND, self.places.max(axis=0) + AROUND
        return np.asarray(((xy > low) & (xy < high)).all(axis=-1))


def centre_surfaces(surfaces: tuple[Surface, ...], qpos: np.ndarray) -> tuple[Surface, ...]:
    """Surfaces in the world that `centre_world` gives a motion, from those in its own.

    Args:
      surfaces: that are touched.
      qpos: the motion before it is centred, (T, nq).
    """
    turn, moved = to_matrix(conjugate(heading(qpos[0, 3:7]))), list[Surface]()
    origin = np.array([qpos[0, 0], qpos[0, 1], 0.0])
    for one in surfaces:
        x, y, z = (turn @ np.array(one.normal)).tolist()
        places = (one.places - origin[:2]) @ turn[:2, :2].T
        moved.append(replace(one, normal=(x, y, z), level=one.level - float(one.normal @ origin), places=places))
    return tuple(moved)


def carried_points(character: Character) -> BodyPoints:
    """Points that something above the ground may carry: those of `contact_points`, then `find_other_parts`.

    Hands are taken at the middle of their shape, where a bar passes; its radius is where they rest on a surface.
    """
    points, solid = contact_points(character), BodyPoints.of_geoms(character.model)
    bodies, local, radius = points.bodies.copy(), points.local.copy(), points.radius.copy()
    for p in np.flatnonzero(hand_columns(character)[: len(points)]):
        away = np.linalg.norm(solid.local - local[p], axis=1) + 1e3 * (solid.bodies != bodies[p])
        nearest = int(away.argmin())
        if away[nearest] < FIST:
            local[p], radius[p] = solid.local[nearest], solid.radius[nearest]
    other = solid[find_other_parts(character)]
    return BodyPoints(
        np.concatenate([bodies, other.bodies]),
        np.concatenate([local, other.local]),
        np.concatenate([radius, other.radius]),
    )


def hand_columns(character: Character) -> np.ndarray:
    """Which of `carried_points` belong to hands, bool (N,)."""
    points, others = contact_points(character), len(find_other_parts(character))
    feet = np.isin(points.bodies, [character.model.body(name).id for name in character.foot_bodies])
    return np.concatenate([~feet, np.zeros(others, dtype=bool)])


def foot_columns(character: Character) -> np.ndarray:
    """Which of `carried_points` belong to feet, bool (N,)."""
    hands, count = hand_columns(character), len(contact_points(character))
    return np.asarray(~hands & (np.arange(len(hands)) < count))


def seat_columns(character: Character) -> np.ndarray:
    """Which of `carried_points` a body sits on: the lowest ones of the root's body, bool (N,)."""
    points, count = carried_points(character), len(contact_points(character))
    rest = point_positions(character.model, np.array(character.model.qpos0)[None], points)[0]
    mine = (points.bodies == points.bodies[count:].min()) & (np.arange(len(points)) >= count)
    low = rest[:, 2] - points.radius
    return np.asarray(mine & (low < low[mine].min() + 0.05)) if mine.any() else mine


def trunk_columns(character: Character) -> np.ndarray:
    """Which of `carried_points` belong to trunk and head: bodies that bear no hand or foot, or several, bool (N,)."""
    model, points = character.model, carried_points(character)
    ends = np.unique(contact_points(character).bodies)
    borne = np.zeros(model.nbody, dtype=int)
    for body in ends:
        while body:
            borne[body] += 1
            body = model.body_parentid[body]
    return np.asarray((borne != 1)[points.bodies] & (np.arange(len(points)) >= len(contact_points(character))))


def back_columns(character: Character) -> np.ndarray:
    """Which of `carried_points` lie on a bed and not on a seat, bool (N,)."""
    return trunk_columns(character) & ~seat_columns(character)


def find_touches(
    character: Character, points_w: np.ndarray, surfaces: tuple[Surface, ...], fps: float, tolerance_scale: float
) -> np.ndarray:
    """Which surface each point touches, (T, N): its index plus one, 0 for none.

    Args:
      character: whose motion it is.
      points_w: paths of `carried_points`, world frame [m], (T, N, 3).
      surfaces: of the hypothesis.
      fps: frames a second.
      tolerance_scale: factor on the limits, above 1 while the motion is not known well.
    """
    radius, touches = carried_points(character).radius, np.zeros(points_w.shape[:2], dtype=np.int8)
    hands, feet = hand_columns(character), foot_columns(character)
    back = back_columns(character)
    kinds = (
        (hands, LEVEL_DOUBT, 1.0), (feet, LEVEL_DOUBT, 1.0), (~(hands | feet | back), 1.0, SEAT_SPEED),
        (back, BACK_DOUBT, SEAT_SPEED),
    )  # fmt: skip
    aways = [np.abs(points_w @ np.array(one.normal) - one.level - (0.0 if one.holds else radius)) for one in surfaces]
    # On stairs, of which the ground is the first, a foot stands on the one at its height.
    stairs = [*aways, np.abs(points_w[..., 2] - radius)] if len(surfaces) > 1 else aways
    nearest = np.stack(stairs).argmin(axis=0)
    squeezed = points_w * [DEPTH_TRUST[0] if tolerance_scale > 1.0 else DEPTH_TRUST[1], 1.0, 1.0]
    for k, surface in enumerate(surfaces):
        near = surface.is_near(points_w[..., :2]) & (aways[k] < 2.0 * NEAR_SURFACE) & (nearest == k)
        lifted = squeezed @ face_axes(np.array(surface.normal)).T
        lifted[..., 2] = np.where(near, aways[k], 1.0)
        for kind, doubt, slow in kinds:
            columns = np.flatnonzero(kind & surface.columns)
            if not len(columns):
                continue
            limits = ContactThresholds()
            speed = (slow * np.sqrt(tolerance_scale) * limits.speed[0], slow * limits.speed[1])
            limits = replace(limits, speed=(min(speed), max(speed)))
            found = find_contacts(lifted[:, columns], fps, limits, None, doubt * tolerance_scale)
            if surface.shown is not None:
                shown = np.asarray(surface.shown[:, kind].any(axis=1)) & (kind is not back)
                found = np.stack([grow_contacts(shown, column) for column in found.T], axis=1) & near[:, columns]
                found |= surface.shown[:, columns]
            else:
                found &= near[:, columns]
            if kind is feet:
                found &= ~find_swinging(squeezed[:, columns], fps)
            if kind is hands:
                found = trim_moving(found, squeezed[:, columns])
            touches[:, columns] = np.where(found, k + 1, touches[:, columns])
    return touches


def find_swinging(points_w: np.ndarray, fps: float) -> np.ndarray:
    """Points of feet that move while another one stands: put down slowly or passing low over a stair, bool (T, P).

    Args:
      points_w: paths [m], (T, P, 3).
      fps: frames a second.
    """
    if len(points_w) < 2:
        return np.zeros(points_w.shape[:2], dtype=bool)
    speed = np.linalg.norm(np.gradient(points_w, 1.0 / fps, axis=0), axis=-1)
    speed = gaussian_filter1d(speed, SWING_SMOOTH_S * fps, axis=0, mode="nearest")
    return np.asarray(speed > np.maximum(SWING_SPEED, 2.0 * speed.min(axis=1, keepdims=True)))


def trim_moving(touches: np.ndarray, points_w: np.ndarray) -> np.ndarray:
    """Contacts without their first and last moments in which the point is not yet, or no longer, where it stays.

    Args:
      touches: bool (T, P).
      points_w: paths [m], (T, P, 3).
    """
    stays = touches.copy()
    for p in range(touches.shape[1]):
        for start, end in find_runs(touches[:, p]):
            path = points_w[start:end, p]
            there = np.flatnonzero(np.linalg.norm(path - np.median(path, axis=0), axis=1) < STAYS)
            stays[start:end, p] = False
            if len(there):
                stays[start + there[0] : start + there[-1] + 1, p] = True
    return stays


def lift_to_surfaces(points: PointPaths, touches: np.ndarray, surfaces: tuple[Surface, ...]) -> PointPaths:
    """Points relative to the surfaces that they touch, (T, N) `touches` as of `find_touches`."""
    levels = np.array([0.0, *(surface.level for surface in surfaces)])[touches]
    holds = np.array([False, *(surface.holds for surface in surfaces)])[touches]
    return lift_origin(turn_to_faces(points, find_normals(touches, surfaces)), levels, holds)


def find_normals(touches: np.ndarray, surfaces: tuple[Surface, ...]) -> np.ndarray:
    """Unit vectors out of what each point touches, up where that is the ground or nothing, (T, N) -> (T, N, 3)."""
    return np.array([(0.0, 0.0, 1.0), *(surface.normal for surface in surfaces)])[touches]


def find_forces(
    points: PointPaths, grounded: np.ndarray, touches: np.ndarray, surfaces: tuple[Surface, ...]
) -> Contacts:
    """Where forces may act.

    Args:
      points: paths of `carried_points`, (T, N).
      grounded: which of them are on the ground, bool (T, N).
      touches: which surface they touch instead, as of `find_touches`, (T, N).
      surfaces: of the hypothesis.
    """
    holds = np.array([False, *(surface.holds for surface in surfaces)])[touches]
    normal = find_normals(touches, surfaces)
    pos_w = points.pos_w - np.where(holds, 0.0, points.on_body.radius)[..., None] * normal
    mode = np.where(holds, GRIPS, np.where(grounded | (touches > 0), PUSHES, NONE))
    return Contacts(pos_w, points.jac, mode, normal)
