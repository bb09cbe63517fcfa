"""Hypotheses about what carries the body above the ground, from the motion of the body alone.

Once flight and ground are imposed, an object is explained away: hands on a vaulting box become a leap, and under a bar
the feet are drawn to the floor. So this looks at the first pass, which knows neither. A hypothesis needs two things at
the same time: a force that the ground cannot give, and points above the ground that stay where they are.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from reconstruct.camera import View
from reconstruct.characters.character import Character
from reconstruct.contacts import clean_contacts, contact_points, find_runs
from reconstruct.kinematics import point_positions
from reconstruct.scene.find_walls import find_kick, find_leaning
from reconstruct.scene.scene_evidence import (
    ABOVE,
    BEHIND,
    SHORTEST_S,
    STILL_SPEED,
    Evidence,
    Hypothesis,
    find_base,
    find_off_feet,
    gather_evidence,
)
from reconstruct.scene.surfaces import (
    NEAR_SURFACE,
    Surface,
    carried_points,
    find_swinging,
    foot_columns,
    hand_columns,
    seat_columns,
    trunk_columns,
)
from reconstruct.scene_objects import SceneObject
from reconstruct.support import median_over_time
from reconstruct.world_frame import find_start

SEAT_HEIGHT = (0.2, 0.8)
"""Height of a seat [m]."""
OVERHEAD = 0.3
"""Height of hands above the centre of mass from which they hang rather than press [m]."""
HANG_GAP_S = 0.5
"""Gaps between times without support by the ground through which hands hold on [s]."""
SEATED = 0.87
"""Height of a pelvis that sits, at most, as a share of that of one that stands."""
SEAT_SPEED = 0.25
"""Speed of a pelvis that sits [m/s]."""
LYING_SLOPE = 0.6
"""Sine of the inclination of a trunk up to which somebody may lie."""
SEAT_S = 0.4
"""Least time for which somebody sits [s]."""
PASSES, PASSES_S = 0.2, 0.3
"""Way of the centre of mass [m], and least time [s], past hands that stay."""
ALONE_S = 0.1
"""Least part of that time in which nothing else carries [s]."""
PRESS_SPEED, PRESS_S = 1.5, 0.15
"""Speed that hands which press for a moment may seem to have [m/s], and least time for which the air carries [s]."""
PRESSED, PRESSED_S = 0.4, 0.3
"""Upward force [share of the body's weight] that somebody who is in the air for so long [s] seems to have all the time
if hands carry them: a first pass smooths what they give, and what free fall takes."""
LEVELS_APART = 0.08
"""Least difference of two levels where stairs are low, or a tilt draws them together [m]."""
LEVEL_WIDTH = 0.05
"""Range of heights of points that stand on one level [m]."""
RISES = (0.08, 0.28)
"""Rise of a stair from one level to the next in a first pass, at least and at most [m]."""
STEEPEST = 0.2
"""Slope between standing places up to which a tilted camera explains them [m/m]."""


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
    seen = gather_evidence(character, qpos, view, fps)
    base = find_base(character, seen)
    if base < -ABOVE:
        lowered = qpos.copy()
        lowered[:, 2] -= base
        seen = gather_evidence(character, lowered, view, fps)
    else:
        base = 0.0
    above = (_hang(character, seen), *_stand_above(character, seen), *_sit(character, seen))
    found = [hypothesis for hypothesis in above if hypothesis is not None]
    if not found:
        others = (_press, find_leaning, find_kick)
        found = [hypothesis for find in others if (hypothesis := find(character, seen)) is not None]
    return [replace(hypothesis, base=base) for hypothesis in found]


def surfaces_of(character: Character, qpos: np.ndarray, objects: Sequence[SceneObject]) -> Hypothesis:
    """Objects that are known, as surfaces in the world of a first pass.

    Args:
      character: whose motion it is.
      qpos: of the first pass, (T, nq).
      objects: in the world whose origin lies under the first root position and whose x is its heading.
    """
    (angle, origin), surfaces = find_start(qpos), list[Surface]()
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    for one in objects:
        if one.mass or one.kind == "slope":
            continue  # what gives way carries nobody, and a slope is the ground
        hands = hand_columns(character)
        columns = (
            hands
            if one.kind == "bar"
            else hands | foot_columns(character) | (False if one.is_wall else trunk_columns(character))
        )
        corners = one.corners()
        corners[:, :2] = corners[:, :2] @ turn.T + origin
        normal = one.facing(np.zeros(2))
        normal[:2] = turn @ normal[:2]
        kind, level = ("wall", float((corners @ normal).max())) if one.is_wall else (one.kind, one.height)
        facing = (float(normal[0]), float(normal[1]), float(normal[2]))
        surfaces.append(Surface(kind, level, columns, corners[:, :2], known=True, normal=facing))
    return Hypothesis(tuple(surfaces), "given", given=True)


def _hang(character: Character, seen: Evidence) -> Hypothesis | None:
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


def _stand_above(character: Character, seen: Evidence) -> list[Hypothesis]:
    """Feet or pressing hands stay above the ground while it carries nothing: boxes, one for each level.

    Where it is open what is a level, and whether hands that swing back as fast as the body goes on rest on something,
    several hypotheses, the likeliest first.
    """
    hands, feet = hand_columns(character), foot_columns(character)
    carries = _find_carrying(character, seen)
    if carries.any(axis=1).sum() < SHORTEST_S * seen.fps:
        return []
    proposed = list[list[Surface]]()
    for apart in (NEAR_SURFACE, LEVELS_APART):
        surfaces = _find_boxes(seen, carries, hands | feet, feet, apart)
        proposed.append(surfaces)
        if any(one.shown is not None and not one.shown[:, feet].any() for one in surfaces):
            proposed.append(_find_boxes(seen, carries & feet, hands | feet, feet, apart))
    found = dict[str, Hypothesis]()
    for surfaces in filter(None, proposed):
        heights = ", ".join(f"{surface.level:.2f} m" for surface in surfaces)
        why = f"hands or feet carry the body {heights} above the ground"
        found.setdefault(why, Hypothesis(tuple(surfaces), why))
    return list(found.values())


def _find_carrying(character: Character, seen: Evidence) -> np.ndarray:
    """Feet and hands that stay above the ground while it carries nothing, bool (T, N)."""
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
    still[:, feet] &= ~find_swinging(seen.points_w[:, feet], seen.fps)
    # Hands that keep still carry only while no foot stands.
    stands = (still & feet).any(axis=1, keepdims=True)
    carries = still & seen.unsupported[:, None] & (feet | ~stands)
    return carries | _find_passed_hands(seen, still & hands, carries)


def _find_boxes(
    seen: Evidence, carries: np.ndarray, columns: np.ndarray, feet: np.ndarray, apart: float
) -> list[Surface]:
    """A box for each level on which points carry.

    Args:
      seen: the first pass.
      carries: points that something carries, bool (T, N).
      columns: points that may touch the boxes, bool (N,).
      feet: which of them belong to feet, bool (N,).
      apart: least difference of two levels [m]; nearer ones are one level, drawn out by a tilt.
    """
    levels = _find_levels(seen.bottom, carries, SHORTEST_S * seen.fps, apart)
    away, groups = np.abs(seen.bottom[..., None] - levels), list[np.ndarray]()
    for k in range(len(levels)):
        near = carries & (away[..., k] < NEAR_SURFACE) & (away.argmin(axis=-1) == k)
        if groups and np.median(seen.bottom[near]) - np.median(seen.bottom[groups[-1]]) < apart:
            groups[-1] = groups[-1] | near
        else:
            groups.append(near)
    surfaces = list[Surface]()
    for near in groups:
        level, places = float(np.median(seen.bottom[near])), seen.points_w[..., :2][near]
        if not _is_tilt(seen, feet, level, places):
            surfaces.append(Surface("box", level, columns, places, near))
    return mark_stairs(surfaces, feet)


def mark_stairs(surfaces: list[Surface], feet: np.ndarray) -> list[Surface]:
    """The same boxes, those marked on which feet (N,) go up or down one after the other as on stairs."""
    stood = [k for k, one in enumerate(surfaces) if one.shown is not None and one.shown[:, feet].any()]
    rises = np.diff([0.0, *sorted(surfaces[k].level for k in stood)])
    if len(stood) < 2 or rises.min() < RISES[0] or rises.max() > RISES[1]:
        return surfaces
    return [replace(one, stair=k in stood) for k, one in enumerate(surfaces)]


def _find_passed_hands(seen: Evidence, still: np.ndarray, carries: np.ndarray) -> np.ndarray:
    """All of the time that hands stay while the body goes past them, if they carry it for a moment, bool (T, N).

    Whoever vaults presses long before the feet leave the ground, and hangs in the air on the hands for but a moment.

    Args:
      seen: the first pass.
      still: hands that stay, bool (T, N).
      carries: points that stay while the ground carries nothing, bool (T, N).
    """
    found = np.zeros_like(still)
    for n in np.flatnonzero((still & carries).any(axis=0)):
        for start, end in find_runs(still[:, n]):
            way = np.linalg.norm(seen.com_w[end - 1] - seen.com_w[start])
            alone = int(carries[start:end, n].sum())
            found[start:end, n] = end - start >= PASSES_S * seen.fps and way > PASSES and alone >= ALONE_S * seen.fps
    return found


def _press(character: Character, seen: Evidence) -> Hypothesis | None:
    """The air carries a body whose hands are low and at one height, and seem to slide: a box that is vaulted.

    A vault is over within half a second, and that long errors of a detector last: in one of three first passes hands
    that press go at .7 m/s or more. So their height has to do, and the comparison with the ground alone decides.
    """
    hands = hand_columns(character)
    low = hands & (seen.points_w[..., 2] < seen.com_w[:, None, 2] + 0.5 * OVERHEAD) & (seen.bottom > SEAT_HEIGHT[0])
    low &= seen.speed < PRESS_SPEED
    shown = np.zeros_like(low)
    held = seen.unsupported.copy()
    for start, end in find_runs(seen.lowest > ABOVE):
        held[start:end] |= end - start >= PRESSED_S * seen.fps and seen.force[start:end, 2].min() > PRESSED
    for start, end in find_runs(held):
        pressing = low[start:end]
        if not pressing.any():
            continue
        level = float(np.median(seen.bottom[start:end][pressing]))
        near = low & (np.abs(seen.bottom - level) < NEAR_SURFACE)
        for n in np.flatnonzero(near[start:end].any(axis=0)):
            runs = [run for run in find_runs(near[:, n]) if run[0] < end and run[1] > start]
            first, last = max(runs, key=lambda run: min(run[1], end) - max(run[0], start))
            shown[first:last, n] = True
    frames = (shown & held[:, None]).any(axis=1)
    if frames.sum() < PRESS_S * seen.fps:
        return None
    level = float(np.median(seen.bottom[shown]))
    surface = Surface("box", level, hands | foot_columns(character), seen.points_w[shown][:, :2], shown)
    return Hypothesis(
        (surface,),
        f"hands {level:.2f} m high carry a body in the air for {frames.sum() / seen.fps:.1f} s",
        in_air=True,
    )


def _find_levels(bottom: np.ndarray, carries: np.ndarray, least: float, apart: float) -> np.ndarray:
    """Heights at which points carry for at least so many frames, from the lowest on [m], (K,).

    The most frequent one first: a foot that is put down slowly passes all heights, but stays at one.

    Args:
      bottom: height of the points [m], (T, N).
      carries: which of them carry, bool (T, N).
      least: number of frames.
      apart: least difference of two heights [m].
    """
    left, levels = carries.copy(), list[float]()
    while left.any():
        heights = np.sort(bottom[left])
        counts = np.searchsorted(heights, heights + LEVEL_WIDTH) - np.arange(len(heights))
        first = int(counts.argmax())
        level = float(np.median(heights[first : first + counts[first]]))
        near = np.abs(bottom - level) < apart
        if (left & near).any(axis=1).sum() >= least:
            levels.append(level)
        left &= ~near
    return np.sort(levels)


def _is_tilt(seen: Evidence, feet: np.ndarray, level: float, places: np.ndarray) -> bool:
    """Whether standing places that high and that far from those on the ground come of a tilted camera."""
    low = seen.find_still(feet) & (seen.bottom < 0.5 * ABOVE)
    if not low.any():
        return False
    away = np.linalg.norm(np.median(places, axis=0) - seen.points_w[..., :2][low], axis=1).min()
    return bool(level < STEEPEST * away)


def _sit(character: Character, seen: Evidence) -> list[Hypothesis]:
    """The pelvis stays low, and the centre of mass is where the feet do not carry it: a seat, or a bed."""
    seat = seat_columns(character)
    if not seat.any():
        return []
    low, high = SEAT_HEIGHT
    height = seen.bottom[:, seat].mean(axis=1)
    standing = point_positions(character.model, np.array(character.model.qpos0)[None], carried_points(character))[0]
    stands = float((standing[:, 2] - carried_points(character).radius)[seat].mean())
    near = (height > low) & (height < min(high, SEATED * stands))
    still = seen.find_still(seat, SEAT_SPEED, SEAT_S)[:, seat].all(axis=1) & near
    away = np.linalg.norm(find_off_feet(character, seen)[1], axis=1)
    sits = still & ((away > BEHIND) | seen.unsupported)
    if not any(end - start >= SEAT_S * seen.fps for start, end in find_runs(sits)):
        return []
    level, found = float(np.median(height[sits])), list[Hypothesis]()
    off_feet, trunk = away[sits].mean(), trunk_columns(character) & ~seat
    for above in (seen.bottom - level, _height_on_back(seen, seat, trunk)):
        rests = _find_resting(seen, trunk, above)
        shown = (sits[:, None] & seat) | rests
        surface = Surface("box", level, seat | rests.any(axis=0), seen.points_w[shown][:, :2], shown)
        lies = "the body lies" if (rests.sum(axis=1) > 1).sum() > SEAT_S * seen.fps else "the pelvis rests"
        why = f"{lies} {level:.2f} m high, {off_feet:.2f} m off the feet"
        if not found or found[0].why != why:
            found.append(Hypothesis((surface,), why))
    return found


def _find_resting(seen: Evidence, trunk: np.ndarray, above: np.ndarray) -> np.ndarray:
    """Which points of trunk and head rest on what the pelvis rests on, as high as it, bool (T, N).

    Args:
      seen: the first pass.
      trunk: points of trunk and head without the seat, bool (N,).
      above: their height above it [m], (T, N).
    """
    rests = seen.find_still(trunk, STILL_SPEED, SEAT_S) & (np.abs(above) < NEAR_SURFACE)
    rests &= median_over_time(np.where(rests, above, np.nan)) < LEVEL_WIDTH  # a neck is as still, and touches nothing
    return rests


def _height_on_back(seen: Evidence, seat: np.ndarray, trunk: np.ndarray) -> np.ndarray:
    """Height of trunk and head above the line of the back while somebody may lie, NaN while not [m], (T, N).

    How far a body that lies seems to rise towards its head is the error of a first pass, largest where the camera looks
    along it.

    Args:
      seen: the first pass.
      seat: points of the pelvis, bool (N,).
      trunk: the others of trunk and head, bool (N,).
    """
    middle = seen.points_w[:, seat].mean(axis=1, keepdims=True)
    along = np.linalg.norm(seen.points_w - middle, axis=-1)
    above = seen.bottom - seen.bottom[:, seat].mean(axis=1, keepdims=True)
    slope = np.sum((along * above)[:, trunk], axis=1) / np.sum(along[:, trunk] ** 2, axis=1)
    return np.where(np.abs(slope)[:, None] < LYING_SLOPE, above - slope[:, None] * along, np.nan)
