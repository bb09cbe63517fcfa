"""Residuals of a hypothesis: what touches a surface above the ground lies on it and stays, and is carried by it."""

from dataclasses import replace

import numpy as np

from reconstruct.camera import View
from reconstruct.kinematics import PointPaths
from reconstruct.scene.surfaces import Surface, find_forces, lift_to_surfaces
from reconstruct.solver.blocks import Block
from reconstruct.terms import residuals
from reconstruct.terms.contact_wrench import contact_wrench
from reconstruct.terms.dynamics import CentroidalMotion

RISE, RISE_SIGMA = 0.17, 0.025
"""Usual rise of a stair and its standard deviation [m]: building codes have from 0.14 to 0.21 m (DIN 18065, and the
International Residential Code's 7 3/4 inches at most)."""
STILL = View(0.0, 0.0, 0.0, 0.0)
ARM = 0.6
"""Moment that is as wrong as a unit of force [m]."""


def surface_contacts(
    points: PointPaths,
    touches: np.ndarray,
    surfaces: tuple[Surface, ...],
    fps: float,
    height: np.ndarray,
    slip: np.ndarray,
) -> list[Block]:
    """What touches a surface has its height, which is unknown, and does not slip on it.

    Args:
      points: paths of `carried_points`, (T, N).
      touches: which surface each touches, (T, N).
      surfaces: at their present levels.
      fps: frames a second.
      height: standard deviation of the height, of each point [m], (N,).
      slip: standard deviation of the slip in one frame, of each point [m], (N,).
    """
    blocks, lifted = list[Block](), lift_to_surfaces(points, touches, surfaces)
    for k in range(len(surfaces)):
        held = (touches == k + 1).astype(np.float64)
        columns = np.flatnonzero(held.any(axis=0))
        if not len(columns):
            continue
        mine, held = lifted[columns], held[:, columns]
        by_level = np.zeros((*held.shape, residuals.GLOBALS + len(surfaces)))
        by_level[..., residuals.GLOBALS + k] = -held / height[columns]
        block = residuals.ground_height(mine, held / height[columns], 1.0, "surface")
        blocks.append(replace(block, global_jacobian=by_level))
        stays = residuals.no_slip(mine, held / slip[columns], STILL, fps, 1.0)
        blocks.append(replace(stays, name="surface_slip", global_jacobian=None))
    return blocks


def usual_rises(surfaces: tuple[Surface, ...], nv: int, width: int) -> Block | None:
    """Stairs rise by as much as is usual, (1, number of stairs); None where there are none.

    Seen along the way that they go, stairs of half the rise before a camera that looks down by more explain a film as
    well: what is known of stairs is then known of the camera.

    Args:
      surfaces: at their present levels.
      nv: width of the tangent space.
      width: number of the global unknowns; levels follow the view.
    """
    stairs = sorted((k for k, one in enumerate(surfaces) if one.stair), key=lambda k: surfaces[k].level)
    if not stairs:
        return None
    change = (np.eye(len(stairs)) - np.eye(len(stairs), k=-1)) / RISE_SIGMA
    residual = change @ [surfaces[k].level for k in stairs] - RISE / RISE_SIGMA
    by_global = np.zeros((len(stairs), width))
    by_global[:, [residuals.GLOBALS + k for k in stairs]] = change
    return Block("rise", residual[None], np.zeros((1, 1, len(stairs), nv)), by_global[None])


def surface_forces(
    body: CentroidalMotion,
    points: PointPaths,
    grounded: np.ndarray,
    touches: np.ndarray,
    surfaces: tuple[Surface, ...],
    sigma: float,
) -> Block:
    """Where a surface carries, the wrench that the motion needs is one that all contacts together can give.

    Args:
      body: motion of the whole body.
      points: paths of `carried_points`, (T, N).
      grounded: which of them are on the ground, bool (T, N).
      touches: which surface they touch instead, (T, N).
      surfaces: at their present levels.
      sigma: standard deviation of the force that is left [m/s2].
    """
    contacts = find_forces(points, grounded, touches, surfaces)
    counts = np.asarray((touches > 0).any(axis=1))
    block, _ = contact_wrench(body, contacts, counts, (sigma, ARM * sigma))
    return block


def leave_out(block: Block, frames: np.ndarray) -> Block:
    """A dynamic term without some frames, bool (T,)."""
    kept = ~frames[1:-1]
    jacobian = block.dense_jacobian() * kept[:, None, None, None]
    return replace(block, residual=block.residual * kept[:, None], jacobian=jacobian)


def widen(block: Block, more: int) -> Block:
    """A block whose Jacobian by the global unknowns has columns for the `more` of them that follow the view, too."""
    by_view = block.global_jacobian
    width = residuals.GLOBALS + more
    if by_view is None or by_view.shape[-1] == width:
        return block
    return replace(block, global_jacobian=np.pad(by_view, ((0, 0), (0, 0), (0, width - by_view.shape[-1]))))


def insert_levels(block: Block, levels: int) -> Block:
    """A block by the view and by what follows the surfaces' levels, with columns for these in between."""
    by_global = block.global_jacobian
    if by_global is None or not levels:
        return block
    return replace(block, global_jacobian=np.insert(by_global, [residuals.GLOBALS] * levels, 0.0, axis=2))
