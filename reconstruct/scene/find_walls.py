"""Hypotheses about what the body leans on or kicks off from the side: walls, and the edges of tables."""

import numpy as np

from reconstruct.characters.character import Character
from reconstruct.contacts import find_runs, grow_contacts
from reconstruct.scene.scene_evidence import ABOVE, SMOOTH_S, Evidence, Hypothesis, find_off_feet
from reconstruct.scene.surfaces import NEAR_SURFACE, Surface, carried_points, foot_columns, hand_columns

HELD = 0.2
"""Least height of hands that lean on something [m]."""
LEANS_S = 0.3
"""Least time for which somebody leans on hands [s]."""
LEANS_OFF = 0.06
"""Distance of the centre of mass from the feet's support from which still hands may hold it [m]: the balance of a first
pass takes part of a lean for a tilt of the camera, and the comparison with the ground alone decides."""
SIDEWAYS = 0.62
"""Height of hands above the ground, as a share of the body's, from which they lean on a wall rather than a table."""
FACING = 0.35
"""Least share of the distance from the hands to the centre of mass that is horizontal, for a wall."""
KICK, KICK_S = 0.4, 0.1
"""Push to the side in the air [share of the body's weight], and for how long at least [s]: a wall that is kicked."""
ALONG_SIGHT = 0.7
"""Share of a push along the line of sight that is not believed: depth is badly known, and where the lens is taken for
another one, somebody who leaps towards the camera seems to brake in the air."""
KICK_SPEED = 2.0
"""Speed of a foot on a wall, smeared as it is by the moments before and after [m/s]."""


def find_leaning(character: Character, seen: Evidence) -> Hypothesis | None:
    """Hands stay, and the centre of mass is beside the feet on their side: a wall, or the edge of a table."""
    hands = hand_columns(character)
    held = seen.find_still(hands, shortest=LEANS_S) & (seen.bottom > HELD)
    nearest, away = find_off_feet(character, seen)
    falls = np.linalg.norm(away, axis=1) > LEANS_OFF
    towards = np.einsum("tni,ti->tn", seen.points_w[..., :2] - nearest[:, None], away) > 0.0
    leans = held & falls[:, None] & towards
    frames = leans.any(axis=1)
    if not any(end - start >= LEANS_S * seen.fps for start, end in find_runs(frames)):
        return None
    # A hand that leans has held on since it came to rest there.
    for n in np.flatnonzero(leans.any(axis=0)):
        leans[:, n] = grow_contacts(leans[:, n], held[:, n])
    places, height = seen.points_w[leans], float(np.median(seen.points_w[..., 2][leans]))
    off = float(np.linalg.norm(away[frames], axis=1).mean())
    why = f"hands {height:.2f} m high carry a body that is {off:.2f} m off its feet"
    back = seen.com_w[frames].mean(axis=0) - seen.points_w[leans].mean(axis=0)
    flat = float(np.hypot(back[0], back[1]))
    if height > SIDEWAYS * character.height and flat > FACING * np.linalg.norm(back):
        normal = (float(back[0] / flat), float(back[1] / flat), 0.0)
        radius = float(carried_points(character).radius[hands].mean())
        level = float(np.median(places @ np.array(normal))) - radius
        return Hypothesis((Surface("wall", level, hands, places[:, :2], leans, normal=normal),), why)
    level = float(np.median(seen.bottom[leans]))
    return Hypothesis((Surface("box", level, hands, places[:, :2], leans),), why)


def find_kick(character: Character, seen: Evidence) -> Hypothesis | None:
    """In the air the body is pushed to one side, and a foot or hand on the other side is slow: a wall."""
    columns = hand_columns(character) | foot_columns(character)
    edge = round(SMOOTH_S * seen.fps)  # what the ground gives at take-off and landing is smeared this far
    flies = cut_run_ends(seen.lowest > ABOVE, edge)
    level = np.linalg.norm(believe_push(seen), axis=1)
    runs = [run for run in find_runs(flies & (level > KICK)) if run[1] - run[0] >= KICK_S * seen.fps]
    if not runs:
        return None
    start, end = max(runs, key=lambda run: float(level[slice(*run)].sum()))
    normal = seen.force[start:end, :2].sum(axis=0)
    normal /= np.linalg.norm(normal)
    # The part that is furthest behind is the one on the wall, where it is slowest.
    behind = np.where(columns, seen.points_w[start:end, :, :2] @ normal - seen.radius, np.inf)
    frame, column = np.unravel_index(int(behind.argmin()), behind.shape)
    near = np.abs(seen.points_w[..., :2] @ normal - seen.radius - behind.min()) < 0.5 * NEAR_SURFACE
    same = carried_points(character).bodies == carried_points(character).bodies[column]
    shown = near & columns & same & (seen.speed < KICK_SPEED)
    shown[: max(start - edge, 0)] = shown[end + edge :] = False
    if shown.any(axis=1).sum() < KICK_S * seen.fps:
        return None
    height = float(seen.points_w[start + frame, column, 2])
    facing = (float(normal[0]), float(normal[1]), 0.0)
    wall = Surface("wall", float(behind.min()), same & columns, seen.points_w[shown][:, :2], shown, normal=facing)
    return Hypothesis((wall,), f"in the air a push of {level[start:end].max():.1f} body weights, {height:.2f} m high")


def believe_push(seen: Evidence) -> np.ndarray:
    """The horizontal force that something must give, as far as it is believed [share of the body's weight], (T, 2).

    The camera stands above the world's origin.
    """
    push, away = seen.force[:, :2], seen.com_w[:, :2]
    sight = away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-6)
    return push - ALONG_SIGHT * np.sum(push * sight, axis=1, keepdims=True) * sight


def cut_run_ends(flags: np.ndarray, edge: int) -> np.ndarray:
    """Runs of true frames without their first and last `edge` frames, bool (T,)."""
    inside = np.zeros(len(flags), dtype=bool)
    for start, end in find_runs(flags):
        inside[start + edge : max(start + edge, end - edge)] = True
    return inside
