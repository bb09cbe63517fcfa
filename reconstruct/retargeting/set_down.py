"""Sets a skeleton's motion down on the ground where it must be the ground that carries it.

Skeletons have no flesh. Hands that bear a cartwheel end in a wrist or on a mat, a back that rolls in joints of the
spine, both a hand's breadth above the ground: by their heights alone they fly. But what flies falls with gravity.
Whoever climbs stairs or hangs from a bar does not fall, either: there legs are low, and higher at other times.
"""

from dataclasses import replace

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import savgol_filter

from reconstruct.characters.character import Character
from reconstruct.contacts import contact_points, find_contacts, find_runs, part_contacts
from reconstruct.kinematics import GRAVITY, BodyPoints, com_positions, point_positions
from reconstruct.motion import ReferenceMotion
from reconstruct.retargeting.grounding import are_ends, estimate_floor_height, find_ground_contacts
from reconstruct.terms.rolling import find_other_parts, other_heights

SHORTEST_TESTED = 0.25
"""Time aloft from which on the fall of the centre of mass is measured [s]."""
FALLS = 0.6 * GRAVITY
"""Downward acceleration of the centre of mass below which something carries the body [m/s2]."""
# November 2026, motion capture of 28 people: 8.9 to 13 in leaps, hops and flips; 2 to 5 while a cartwheel is on its
# hands, and less than 0 in rolls.
WINDOW = 0.2
"""Time over which that acceleration is measured frame by frame [s]."""
HIGHEST = 0.3
"""Height of the lowest point up to which it is the ground that carries [m]; beyond it is a thing that is not there."""
UPRIGHT = 0.4
"""Height of trunk and hands above the lowest leg from which it is the legs alone that bear the body [m]."""
FASTEST = 1.0
"""Speed of a foot or hand beyond which it carries nothing [m/s]."""
SMOOTH = 0.06
"""Standard deviation of the kernel that smooths the shift [s]."""


def set_down(motion: ReferenceMotion, body: Character) -> tuple[ReferenceMotion, bool]:
    """The same motion, lowered where it neither stands nor flies, with contacts found anew; often the very same.

    Who is on the legs alone is lowered only if they are not carried higher than `HIGHEST` at another time: these are
    stairs or a bar.

    Args:
      motion: of a skeleton, its feet on the ground at z = 0.
      body: the skeleton.

    Returns:
      The motion, and whether it is sure that the ground carries it: hands or trunk were low.
    """
    ground, fps = find_ground_contacts(motion, body, body), motion.fps
    carried = find_carried(com_positions(body.model, motion.qpos)[:, 2], ground.flight, fps)
    points_w = point_positions(body.model, motion.qpos, contact_points(body))
    heights = find_heights_of_bearers(points_w, other_heights(body, motion.qpos)[:, ~are_ends(body)], fps)
    height, legs = heights.min(axis=1), are_legs(body)
    on_legs = carried & (heights[:, ~legs].min(axis=1) - heights[:, legs].min(axis=1) > UPRIGHT)
    high = on_legs & (height >= HIGHEST)
    # Between steps feet are fast, and knees are the lowest part for a moment.
    is_high = any((end - start) / fps >= SHORTEST_TESTED for start, end in find_runs(high))
    left = on_legs & is_high
    carried &= (height < HIGHEST) & ~left
    if not carried.any():
        return motion, True
    known = carried | left | ~ground.flight
    frames = np.arange(len(height))
    drop = np.interp(frames, frames[known], np.where(carried, height, 0.0)[known])
    qpos = motion.qpos.copy()
    qpos[:, 2] -= gaussian_filter1d(drop, SMOOTH * fps, mode="nearest")
    contacts = find_contacts(point_positions(body.model, qpos, contact_points(body)), fps)
    is_sure = (carried & on_legs).sum() < SHORTEST_TESTED * fps
    return replace(motion, qpos=qpos, contacts=part_contacts(contacts, body.contacts)), bool(is_sure)


def find_carried(com_z: np.ndarray, flight: np.ndarray, fps: float) -> np.ndarray:
    """Frames of supposed flights in which the body falls too slowly: something carries it.

    In a flight the centre of mass falls with gravity, whatever masses a skeleton is given.

    Args:
      com_z: height of the centre of mass [m], (T,).
      flight: frames in which nothing is near the ground, bool (T,).
      fps: frames a second.

    Returns:
      bool (T,).
    """
    carried, window = np.zeros(len(flight), dtype=bool), max(5, round(WINDOW * fps) | 1)
    if len(com_z) < window:
        return carried
    acceleration = savgol_filter(com_z, window, 2, deriv=2, delta=1.0 / fps)
    for start, end in find_runs(flight):
        if (end - start) / fps < SHORTEST_TESTED or end - start < 4:
            continue
        fall = -2.0 * np.polyfit(np.arange(end - start) / fps, com_z[start:end], 2)[0]
        carried[start:end] = (fall < FALLS) & (-acceleration[start:end] < FALLS)
    return carried


def are_legs(body: Character) -> np.ndarray:
    """Which of the parts that can bear the body are feet or knees, bool (P + Q,); see `find_heights_of_bearers`."""
    touching, parts = contact_points(body).bodies, find_other_parts(body)[~are_ends(body)]
    feet = set(contact_points(body, feet_only=True).bodies.tolist())
    below = {own: find_ancestors(body.model.body_parentid, own) for own in set(touching.tolist())}
    legs = set().union(*(below[foot] for foot in feet)) - set().union(*(below[own] for own in below if own not in feet))
    return np.isin([*touching, *BodyPoints.of_geoms(body.model).bodies[parts]], list(legs))


def find_ancestors(parents: np.ndarray, body: int) -> set[int]:
    """A body and all that it hangs on but the world, by the number of each body's parent (B,)."""
    found = set[int]()
    while body > 0:
        found.add(body)
        body = int(parents[body])
    return found


def find_heights_of_bearers(points_w: np.ndarray, others: np.ndarray, fps: float) -> np.ndarray:
    """Heights of parts that can bear the body above where feet stand [m], (T, P + Q); infinite for fast feet and hands.

    Args:
      points_w: points of feet and hands, world [m], (T, P, 3).
      others: heights of trunk, head, knees and elbows [m], (T, Q).
      fps: frames a second.
    """
    speed = np.linalg.norm(np.gradient(points_w, 1.0 / fps, axis=0), axis=-1)
    slow = np.where(speed < FASTEST, points_w[..., 2], np.inf)
    return np.concatenate([slow, others], axis=1) - estimate_floor_height(points_w, fps)[:, None]
