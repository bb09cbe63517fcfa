"""Other parts than feet and hands on the ground: a trunk that rolls or sits, knees, elbows, the head.

They are taken for balls about points of the body (`BodyPoints.of_geoms`). The lowest point of a ball, another one in
every frame, must be on the ground and must not slip, so the ball rolls.
"""

import numpy as np

from reconstruct.characters.character import Character
from reconstruct.contacts import clean_contacts, contact_points, grow_contacts
from reconstruct.kinematics import BodyPoints, PointPaths, point_positions
from reconstruct.solver.blocks import Block

HEIGHT = (0.03, 0.06)
"""Heights of a part's lowest point below which it comes to be, and remains, on the ground [m]."""
SHORTEST_S = 0.05
"""Contacts of a part that are shorter than this are taken for noise [s]."""
GAP_S = 0.1
"""Gaps in a part's contact that are shorter than this are closed [s]."""
NEXT_TO = 0.12
"""Distance from a contact point within which parts of the same limb belong to it, as a share of the body's height."""


def find_other_parts(character: Character) -> np.ndarray:
    """Which of `BodyPoints.of_geoms` may rest on the ground besides feet and hands: trunk, head, knees and elbows.

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


def no_slip(balls: PointPaths, masses: PointPaths, rolling: np.ndarray, sigma: float) -> Block:
    """What touches the ground in two frames that follow each other rolls: the lowest point stays there, (T - 1, 2 Q).

    With c the middle of a ball, r its radius and R the body's rotation, the point that is lowest in a frame has moved
    by c' - c + r (z - R' R^T z) in the next one.

    Args:
      balls: middles of the balls, with their radii, (T, Q).
      masses: points of `BodyPoints.of_masses` of these balls' bodies, four a body: they show how it is rotated.
      rolling: which balls are in contact, bool (T, Q).
      sigma: standard deviation of the slip in one frame [m].
    """
    both = (rolling[:-1] & rolling[1:])[..., None] / sigma
    frames, count, radius = len(balls.pos_w), len(balls), balls.on_body.radius[:, None]
    # Down, in the body's axes: a sum of the vectors from a body's first corner to the others.
    corner = np.searchsorted(masses.on_body.bodies, balls.on_body.bodies)[:, None] + np.arange(4)
    local = masses.on_body.local[corner]
    inverse = np.linalg.pinv(np.swapaxes(local[:, 1:] - local[:, :1], 1, 2))
    edges = np.swapaxes(masses.pos_w[:, corner[:, 1:]] - masses.pos_w[:, corner[:, :1]], 2, 3)
    rotation = edges @ inverse  # of the bodies, (T, Q, 3, 3)
    down = np.swapaxes(rotation, 2, 3) @ np.array([0.0, 0.0, -1.0])
    share = radius * (inverse @ down[..., None])[..., 0]
    corners_jac = masses[corner.reshape(-1)].jac.reshape(frames, count, 4, 3, -1)
    edges_jac = corners_jac[:, :, 1:] - corners_jac[:, :, :1]

    def lowest_point_jac(first: slice, second: slice) -> np.ndarray:
        """How the point that is lowest in one frame moves about its ball's middle as the body rotates in another."""
        return np.einsum("tqk,tqkid->tqid", share[first], edges_jac[second])

    start, end = slice(None, -1), slice(1, None)
    arm = np.einsum("tqij,tqj->tqi", rotation[end], radius * down[start])
    moved = balls.pos_w[end] + arm - balls.pos_w[start]
    by_end = balls.jac[end] + lowest_point_jac(start, end)
    between = rotation[end] @ np.swapaxes(rotation[start], 2, 3)
    by_start = -balls.jac[start] - between @ lowest_point_jac(start, start)
    residual = both * moved[..., :2]
    jacobian = both[:, None, ..., None] * np.stack([by_start, by_end], axis=1)[..., :2, :]
    return Block(
        "roll",
        residual.reshape(frames - 1, -1),
        jacobian.reshape(frames - 1, 2, 2 * count, -1),
        moved=np.repeat(balls.moved, 2, axis=0),
    )
