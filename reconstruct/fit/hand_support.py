"""Hands that rest on something above the ground (a box that is pushed, a table, a wall): found by what they carry."""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from reconstruct.characters.character import Character
from reconstruct.contacts import clean_contacts, contact_points, find_runs
from reconstruct.kinematics import BodyPoints, PointSet, compute_kinematics
from reconstruct.terms.dynamics import FOOT_HALF_WIDTH, CentroidalMotion, nearest_in_hull

ABOVE = 0.25
"""Height of a supporting hand above the ground, as a share of the body's; lower, it may rest on the ground."""
LEAN = 0.06
"""Distance outside of the feet at which the force that the motion needs must pass [m]."""
STEADY = 0.6
"""Largest speed of a supporting hand relative to the centre of mass [m/s]."""
LEVEL = 0.35
"""Largest vertical speed of a supporting hand [m/s]."""
SMOOTH_S = 0.12
"""Width of the window over which moments and speeds are averaged [s]: those of single frames are noise."""
SHORTEST_S = 0.4
"""Duration below which a contact of a hand is taken for chance [s]."""
GAP_S = 0.3
"""Gaps in a hand's contact up to which they are closed [s]."""
MOST_OF_IT = 0.7
"""Share of a contact's frames in which all conditions must hold; a waving hand rests at either end."""


def find_hand_support(character: Character, qpos: np.ndarray, contact: np.ndarray, fps: float) -> np.ndarray:
    """Which points carry weight although they are above the ground.

    A body whose zero-moment point stays outside of its feet would fall over; if it does not, and a hand on that side is
    held still, the hand is what holds it.

    Args:
      character: whose motion it is.
      qpos: (T, nq).
      contact: points on the ground, bool (T, P), in the order of `contact_points`.
      fps: frames a second.

    Returns:
      bool (T, P), false for all points of the feet.
    """
    touching, found = contact_points(character), np.zeros_like(contact)
    feet = np.isin(touching.bodies, [character.model.body(name).id for name in character.foot_bodies])
    if feet.all() or len(qpos) < 5:
        return found
    points = PointSet.of(contacts=touching, masses=BodyPoints.of_masses(character.model))
    kin = compute_kinematics(character.model, qpos, points, derivatives=False)
    zmp, _ = CentroidalMotion.of(character.model, kin, fps).zero_moment_points()
    sigma, grounded = SMOOTH_S * fps, contact.any(axis=1)
    zmp = gaussian_filter1d(np.concatenate([zmp[:1], zmp, zmp[-1:]]), sigma, axis=0, mode="nearest")
    soles = kin["contacts"].pos_w
    nearest = nearest_in_hull(zmp, soles[..., :2], contact)
    away = zmp - nearest
    outside = np.linalg.norm(away, axis=1) - FOOT_HALF_WIDTH
    side = away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-9)
    com_speed = np.gradient(kin.com_w, 1.0 / fps, axis=0)
    for p in np.flatnonzero(~feet):
        hand = gaussian_filter1d(soles[:, p], 0.5 * sigma, axis=0, mode="nearest")
        velocity = np.gradient(hand, 1.0 / fps, axis=0)
        against = np.linalg.norm(velocity - gaussian_filter1d(com_speed, sigma, axis=0, mode="nearest"), axis=1)
        beyond = np.sum((hand[:, :2] - nearest) * side, axis=1) > outside
        found[:, p] = (
            grounded
            & (outside > LEAN)
            & beyond
            & (hand[:, 2] > ABOVE * character.height)
            & (against < STEADY)
            & (np.abs(velocity[:, 2]) < LEVEL)
        )
    kept = clean_contacts(found, round(SHORTEST_S * fps), round(GAP_S * fps))
    for p in range(kept.shape[1]):
        for start, end in find_runs(kept[:, p]):
            if end - start < SHORTEST_S * fps or found[start:end, p].mean() < MOST_OF_IT:
                kept[start:end, p] = False
    return kept
