"""Residuals of what touches boxes and bars: it lies on their surface, stays there, and does not sink into them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from reconstruct.kinematics import PointPaths
from reconstruct.scene_objects import SceneObject
from reconstruct.solver.blocks import Block

PASSED = (0.0, 1.0 / 3.0, 2.0 / 3.0)
"""Shares of the way from a frame to the next at which a body keeps out of boxes."""
STRICT = 0.5
"""Factor on the standard deviation where it keeps a distance: what is on its way does not give way as a seat does."""


def lift_origin(points: PointPaths, level: np.ndarray, holds: np.ndarray | None = None) -> PointPaths:
    """The points as seen from surfaces at some heights, so that terms of the ground hold for those.

    Args:
      points: of the body, (T, P).
      level: height of the surface that each point belongs to [m], what broadcasts to (T, P).
      holds: points that hold a bar with their middle instead of resting on a surface, bool (T, P).
    """
    pos_w = points.pos_w.copy()
    pos_w[..., 2] -= level
    if holds is not None:
        pos_w[..., 2] += holds * points.on_body.radius
    return replace(points, pos_w=pos_w)


def face_axes(normal: np.ndarray) -> np.ndarray:
    """Axes of frames whose z is the normal of a face, as rows, (..., 3) -> (..., 3, 3); the world's for a level one."""
    normal = np.asarray(normal, dtype=np.float64)
    level = np.abs(normal[..., 2:]) > 1.0 - 1e-9
    first = np.where(level, [1.0, 0.0, 0.0], np.cross([0.0, 0.0, 1.0], normal))
    first = first / np.linalg.norm(first, axis=-1, keepdims=True)
    return np.stack([first, np.cross(normal, first), normal], axis=-2)


def turn_to_faces(points: PointPaths, normal: np.ndarray) -> PointPaths:
    """The points in frames whose z is the normal of the face that each belongs to, where terms of the ground hold.

    Args:
      points: of the body, (T, P); in frames of an earlier turn, they are turned once more.
      normal: unit vectors in the frame that the points are in, (3,) or what broadcasts to (T, P, 3).
    """
    if (np.abs(normal[..., 2]) > 1.0 - 1e-9).all():
        return points
    axes = face_axes(normal)
    pos = (axes @ points.pos_w[..., None])[..., 0]
    axes = axes if points.axes is None else axes @ points.axes
    return replace(points, pos_w=pos, axes=np.broadcast_to(axes, (*pos.shape, 3)))


def keep_out(
    points: PointPaths, boxes: Sequence[SceneObject], sigma: float, clearance: np.ndarray | None = None
) -> list[Block]:
    """No part of the body is inside of a box, or too near to it, in the frames and on the way from each to the next.

    A foot that goes over an edge moves by more than a hand's breadth in a frame.

    Args:
      points: of the body's shapes.
      boxes: that stand there.
      sigma: standard deviation of the depth [m]; where a clearance is asked for it is `STRICT` times that.
      clearance: distance from the boxes to be kept, of each point [m], (T, P); None for 0.
    """
    away = np.zeros(points.pos_w.shape[:2]) if clearance is None else clearance
    sigmas = np.where(away > 0.0, STRICT * sigma, sigma)
    return [no_entry(points, boxes, sigmas, away, between) for between in PASSED]


def no_entry(
    points: PointPaths,
    boxes: Sequence[SceneObject],
    sigma: float | np.ndarray,
    clearance: np.ndarray | None = None,
    between: float = 0.0,
) -> Block:
    """No part of the body is inside of a box, or too near to it: depth below its nearest face, (T, P).

    Args:
      points: of the body's shapes.
      boxes: that stand there.
      sigma: standard deviation of the depth [m], of all or of each point (T, P).
      clearance: distance from the boxes to be kept, of each point [m], (T, P); None for 0.
      between: share of the way from each frame to the next at which it holds; above 0 there are T - 1 rows.
    """
    pos_w = points.pos_w
    radius = points.on_body.radius + (np.zeros(pos_w.shape[:2]) if clearance is None else clearance)
    sigma = np.broadcast_to(sigma, radius.shape)
    if between > 0.0:
        pos_w, radius, sigma = ((1.0 - between) * of[:-1] + between * of[1:] for of in (pos_w, radius, sigma))
    depth, way = _find_depth(pos_w, radius, boxes)
    way = way / sigma[..., None]
    jacobian = np.einsum("tpi,tpid->tpd", way, points.jac[: len(way)])[:, None]
    if between > 0.0:
        after = np.einsum("tpi,tpid->tpd", way, points.jac[1:])[:, None]
        jacobian = np.concatenate([(1.0 - between) * jacobian, between * after], axis=1)
    return Block("entry", depth / sigma, jacobian, moved=points.moved)


def _find_depth(pos_w: np.ndarray, radius: np.ndarray, boxes: Sequence[SceneObject]) -> tuple[np.ndarray, np.ndarray]:
    """How deep points are in the box that they are deepest in, and the way out of it.

    Args:
      pos_w: world frame [m], (T, P, 3).
      radius: of what is around each [m], (T, P).
      boxes: that stand there.

    Returns:
      Distance to the nearest face, negative, 0 outside [m], (T, P), and that face's normal, (T, P, 3).
    """
    depth, way = np.zeros(pos_w.shape[:2]), np.zeros_like(pos_w)
    for box in boxes:
        local = box.to_local(pos_w)
        faces = np.abs(local) - box.half - radius[..., None]
        if box.height - box.thickness < 1e-6:  # stands on the ground: nothing leaves it downwards
            faces[..., 2] = local[..., 2] - box.half[2] - radius
        nearest = faces.argmax(axis=-1)
        inside = np.take_along_axis(faces, nearest[..., None], axis=-1)[..., 0]
        deeper = inside < depth
        sign = np.sign(np.take_along_axis(local, nearest[..., None], axis=-1)[..., 0])
        sign = np.where((nearest == 2) & (box.height - box.thickness < 1e-6), 1.0, sign)
        depth = np.where(deeper, inside, depth)
        way = np.where(deeper[..., None], sign[..., None] * box.rotation.T[nearest], way)
    return depth, way
