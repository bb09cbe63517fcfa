"""Other parts than feet and hands on the ground: a trunk that rolls or sits, knees, elbows, the head.

They are round (`BodyPoints.of_geoms`): what touches is the lowest point of a ball about a point of the body, in every
frame another one. That point must be on the ground and must not slip, so the ball rolls.
"""

import numpy as np

from reconstruct.characters.character import Character
from reconstruct.contacts import clean_contacts, contact_points, grow_contacts
from reconstruct.dynamics import Masses
from reconstruct.kinematics import BodyPoints, Kinematics, point_positions
from reconstruct.solve import Block

HEIGHT = (0.03, 0.06)
"""A part is on the ground if its lowest point comes below the first height, while it is below the second [m]."""
SHORTEST_S = 0.05
"""Shorter contacts are taken for noise [s]."""
GAP_S = 0.1
"""Shorter gaps in them are closed [s]."""
NEXT_TO = 0.12
"""Parts of the same limb within this share of the body's height from a contact point belong to it."""


def find_other_parts(character: Character) -> np.ndarray:
    """Which of `BodyPoints.of_geoms` may rest on the ground beside feet and hands: trunk, head, knees and elbows.

    Whatever lies next to a contact point (the lower end of a shin) is left out: it is never far from the ground.

    Returns:
      Indices, (Q,).
    """
    model, rest = character.model, np.array(character.model.qpos0)[None]
    solid, touching = BodyPoints.of_geoms(model), contact_points(character)
    place, sites = (point_positions(model, rest, points)[0] for points in (solid, touching))
    near = np.linalg.norm(place[:, None] - sites[None], axis=-1) < NEXT_TO * character.height
    parent = np.asarray(model.body_parentid)
    above, below = solid.bodies[:, None], touching.bodies[None]
    return np.flatnonzero(~(near & ((above == below) | (above == parent[below]))).any(axis=1))


def other_heights(character: Character, qpos: np.ndarray) -> np.ndarray:
    """Height of the lowest points of `find_other_parts` above the ground [m], (T, nq) -> (T, Q)."""
    solid, parts = BodyPoints.of_geoms(character.model), find_other_parts(character)
    return point_positions(character.model, qpos, solid)[:, parts, 2] - solid.radius[parts]


def find_resting_parts(heights: np.ndarray, fps: float) -> np.ndarray:
    """Which parts are on the ground, with hysteresis and short gaps closed, (T, Q) [m] -> bool (T, Q)."""
    low, high = HEIGHT
    found = np.zeros(heights.shape, dtype=bool)
    for q, height in enumerate(heights.T):
        found[:, q] = grow_contacts(height < low, height < high)
    return clean_contacts(found, round(SHORTEST_S * fps), round(GAP_S * fps))


def part_height(kin: Kinematics, parts: np.ndarray, radius: np.ndarray, rolling: np.ndarray, spread: float) -> Block:
    """Parts in contact touch the ground with their lowest points, (T, Q).

    Args:
      parts: which of the kinematics' points they are, (Q,).
      radius: from each to the surface [m], (Q,).
      rolling: which are in contact, bool (T, Q).
      spread: standard deviation of the height [m].
    """
    scale = rolling / spread
    residual = scale * (kin.points_w[:, parts, 2] - radius)
    return Block("rolling", residual, (scale[..., None] * kin.points_jac[:, parts, 2])[:, None])


def no_slip(
    kin: Kinematics,
    parts: np.ndarray,
    points: BodyPoints,
    masses: Masses,
    corners: BodyPoints,
    rolling: np.ndarray,
    spread: float,
) -> Block:
    """What touches the ground in two frames that follow each other rolls: the lowest point stays there, (T - 1, 2 Q).

    With c the middle of the ball, r its radius and R the body's rotation, the point that is lowest in a frame has gone
    by c' - c + r (z - R' R^T z) in the next one.

    Args:
      parts: which of the kinematics' points the middles are, (Q,).
      points: the same points of the body, with their radius, (Q,).
      masses: which of the kinematics' points tell how bodies are turned.
      corners: the points that `masses` are made from, four a body.
      rolling: which parts are in contact, bool (T, Q).
      spread: standard deviation of the slip in one frame [m].
    """
    both = (rolling[:-1] & rolling[1:])[..., None] / spread
    frames, count, nv = len(kin.points_w), len(parts), kin.points_jac.shape[-1]
    # Down, as the bodies have it: a sum of the ways from a body's first corner to the others.
    corner = 4 * (points.bodies - 1)[:, None] + np.arange(4)
    local = corners.local[corner]
    inverse = np.linalg.pinv(np.swapaxes(local[:, 1:] - local[:, :1], 1, 2))
    at = masses.points.start + corner
    way = np.swapaxes(kin.points_w[:, at[:, 1:]] - kin.points_w[:, at[:, :1]], 2, 3)
    turn = way @ inverse  # of the bodies, (T, Q, 3, 3)
    down = np.swapaxes(turn, 2, 3) @ np.array([0.0, 0.0, -1.0])
    share = points.radius[:, None] * (inverse @ down[..., None])[..., 0]
    way_jac = kin.points_jac[:, at[:, 1:]] - kin.points_jac[:, at[:, :1]]

    def swept(first: slice, second: slice) -> np.ndarray:
        """How the point that is lowest in one frame moves about its ball's middle as the body turns in another."""
        return np.einsum("tqk,tqkid->tqid", share[first], way_jac[second])

    start, end = slice(None, -1), slice(1, None)
    middle, middle_jac = kin.points_w[:, parts], kin.points_jac[:, parts]
    arm = np.einsum("tqij,tqj->tqi", turn[end], points.radius[:, None] * down[start])
    moved = middle[end] + arm - middle[start]
    by_end = middle_jac[end] + swept(start, end)
    between = turn[end] @ np.swapaxes(turn[start], 2, 3)
    by_start = -middle_jac[start] - between @ swept(start, start)
    residual = both * moved[..., :2]
    jacobian = both[:, None, ..., None] * np.stack([by_start, by_end], axis=1)[..., :2, :]
    return Block("roll", residual.reshape(frames - 1, -1), jacobian.reshape(frames - 1, 2, 2 * count, nv))
