"""Levenberg-Marquardt over a whole trajectory: a banded system for the frames, bordered by a few global unknowns.

Every residual touches at most three frames that follow each other, so the normal equations are banded and a step
costs time linear in the number of frames. The camera and the ground are seen by all frames; they border the band
and are solved for by a Schur complement.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.linalg import solve, solveh_banded

from reconstruct.tangent import TangentSpace

LARGEST_DAMPING = 1e6
"""Beyond it no step lowers the cost any more."""


@dataclass(frozen=True)
class Block:
    """One kind of residual: M rows of frames with R residuals each, already divided by their standard deviation."""

    name: str
    """What it penalises; costs are reported under this name."""
    residual: np.ndarray
    """(M, R)."""
    jacobian: np.ndarray
    """Row m touches frames m, m + 1, ...: d residual / d tangent of those, (M, K, R, nv) with K <= 3."""
    global_jacobian: np.ndarray | None = None
    """d residual / d global unknowns, (M, R, G)."""
    group: int = 0
    """Robust (soft-L1) over groups of this many neighbouring residuals, as one vector; 0 is plain least squares."""
    first: int = 0
    """The frame of row 0."""

    def loss(self) -> float:
        """Its part of the cost: half the sum of squares, or of 2 (sqrt(1 + s) - 1) with s a group's square."""
        if not self.group:
            return 0.5 * float(np.sum(self.residual**2))
        squares = np.sum(self.residual.reshape(len(self.residual), -1, self.group) ** 2, axis=-1)
        return float(np.sum(np.sqrt(1.0 + squares) - 1.0))

    def weights(self) -> np.ndarray:
        """Weights of iteratively reweighted least squares, the derivative of the loss, (M, R)."""
        if not self.group:
            return np.ones_like(self.residual)
        squares = np.sum(self.residual.reshape(len(self.residual), -1, self.group) ** 2, axis=-1)
        return np.repeat(1.0 / np.sqrt(1.0 + squares), self.group, axis=1)


Residuals = Callable[[np.ndarray, np.ndarray], Iterable[Block]]
"""(qpos (T, nq), global unknowns (G,)) -> blocks. Of a long motion they come window by window and are let go of as soon
as they are summed up: arrays of thousands of frames are slow to make, and fill the memory."""


class System(NamedTuple):
    """Normal equations J^T W J x = -J^T W r at a point, of T frames and G global unknowns."""

    band: np.ndarray
    """Blocks of frames on and above the diagonal, (T, 3, nv, nv)."""
    border: np.ndarray
    """Between frames and global unknowns, (T, nv, G)."""
    corner: np.ndarray
    """Of the global unknowns, (G, G)."""
    gradient: np.ndarray
    """(T, nv)."""
    global_gradient: np.ndarray
    """(G,)."""
    cost: dict[str, float]
    """Of each kind of residual."""

    @property
    def total(self) -> float:
        """The whole cost."""
        return sum(self.cost.values())


@dataclass(frozen=True)
class Solution:
    """Where the optimisation ended, and why: as SciPy's `OptimizeResult`, but with the cost of each term."""

    qpos: np.ndarray
    """(T, nq)."""
    unknowns: np.ndarray
    """Global unknowns, (G,)."""
    cost: dict[str, float]
    """Cost of each kind of residual."""
    iterations: int
    """Steps tried."""
    optimality: float
    """Largest component of the gradient where it ended, each by the square root of its curvature."""
    success: bool
    """Whether it ended by itself; otherwise the steps ran out."""
    message: str
    """Why it ended."""


def minimise(
    residuals: Residuals,
    space: TangentSpace,
    qpos: np.ndarray,
    unknowns: np.ndarray,
    free: np.ndarray,
    iterations: int,
    tolerance: float = 1e-3,
) -> Solution:
    """Levenberg-Marquardt with iteratively reweighted least squares for the robust terms.

    Args:
      residuals: all terms at a given point.
      space: tangent space of the poses.
      qpos: start, (T, nq).
      unknowns: start of the global unknowns, (G,).
      free: which of them may move, bool (G,).
      iterations: largest number of steps to try.
      tolerance: stops when a step lowers the cost by less than this share.
    """

    def at(qpos: np.ndarray, unknowns: np.ndarray) -> System:
        return normal_equations(residuals(qpos, unknowns), len(qpos), space.nv, len(unknowns))

    system = at(qpos, unknowns)
    damping, tried, message = 1e-3, 0, ""
    while tried < iterations and damping < LARGEST_DAMPING:
        tried += 1
        step, global_step = solve_bordered(system, free, damping)
        moved, moved_unknowns = space.integrate(qpos, step), unknowns + global_step
        there = at(moved, moved_unknowns)
        if not there.total < system.total:  # not a number counts as worse
            damping = max(damping, 1e-4) * 8.0
            continue
        gain = 1.0 - there.total / system.total
        qpos, unknowns, system = moved, moved_unknowns, there
        if gain < tolerance:
            message = f"the last step lowered the cost by less than {tolerance:g} of it"
            break
        damping = max(damping / 5.0, 1e-6)
    if damping >= LARGEST_DAMPING:
        message = "no step lowers the cost"
    stiffness = np.sqrt(np.maximum(np.einsum("tii->ti", system.band[:, 0]), 1e-12))
    optimality = float(np.abs(system.gradient / stiffness).max())
    return Solution(
        qpos, unknowns, system.cost, tried, optimality, bool(message), message or f"{iterations} steps were not enough"
    )


def normal_equations(blocks: Iterable[Block], frames: int, nv: int, count: int) -> System:
    """Sums up blocks of a motion of so many frames, nv degrees of freedom and `count` global unknowns."""
    band = np.zeros((frames, 3, nv, nv))
    border, corner = np.zeros((frames, nv, count)), np.zeros((count, count))
    gradient, global_gradient = np.zeros((frames, nv)), np.zeros(count)
    cost: dict[str, float] = {}
    for block in blocks:
        cost[block.name] = cost.get(block.name, 0.0) + block.loss()
        weights = block.weights()
        residual, span = block.residual * weights, block.jacobian.shape[1]
        for k in range(span):
            transposed = np.swapaxes(block.jacobian[:, k], 1, 2)
            rows = slice(block.first + k, block.first + k + len(residual))
            gradient[rows] += (transposed @ residual[..., None])[..., 0]
            weighted = transposed * weights[:, None, :]
            for other in range(k, span):
                band[rows, other - k] += weighted @ block.jacobian[:, other]
            if block.global_jacobian is not None:
                border[rows] += weighted @ block.global_jacobian
        if block.global_jacobian is not None:
            flat = block.global_jacobian.reshape(-1, count)
            corner += flat.T @ (flat * weights.reshape(-1, 1))
            global_gradient += flat.T @ residual.reshape(-1)
    return System(band, border, corner, gradient, global_gradient, cost)


def solve_bordered(system: System, free: np.ndarray, damping: float) -> tuple[np.ndarray, np.ndarray]:
    """Solves the damped normal equations, returns the steps (T, nv) and (G,)."""
    band, border, corner, gradient, global_gradient, _ = system
    frames, _, nv, _ = band.shape
    upper = to_banded(band)
    diagonal = upper[-1]
    diagonal += damping * diagonal + 1e-6
    right = np.concatenate([gradient.reshape(-1, 1), border.reshape(frames * nv, -1)[:, free]], axis=1)
    solved = solveh_banded(upper, right, overwrite_ab=True, overwrite_b=True, check_finite=False)
    global_step = np.zeros(len(free))
    if free.any():
        edge = border.reshape(frames * nv, -1)[:, free]
        schur = corner[np.ix_(free, free)] - edge.T @ solved[:, 1:]
        schur[np.diag_indices_from(schur)] *= 1.0 + damping
        schur[np.diag_indices_from(schur)] += 1e-9
        global_step[free] = -solve(schur, global_gradient[free] - edge.T @ solved[:, 0], assume_a="sym")
    step = -solved[:, 0] - solved[:, 1:] @ global_step[free]
    return step.reshape(frames, nv), global_step


def to_banded(band: np.ndarray) -> np.ndarray:
    """Frame blocks (T, 3, nv, nv) as LAPACK's upper banded storage (3 nv, T nv): row u + i - j holds A[i, j]."""
    frames, span, nv, _ = band.shape
    width = span * nv
    upper = np.zeros((width, frames * nv))
    i, j = np.meshgrid(np.arange(nv), np.arange(nv), indexing="ij")
    for k in range(span):
        above = (i <= j) if k == 0 else np.ones_like(i, dtype=bool)
        rows = width - 1 + i[above] - (j[above] + k * nv)
        for_frames = band[: frames - k, k][:, i[above], j[above]]
        columns = (np.arange(frames - k)[:, None] + k) * nv + j[above]
        upper[rows[None, :], columns] = for_frames
    return upper


def solve_poses(
    terms: Callable[[np.ndarray, np.ndarray], Block], space: TangentSpace, qpos: np.ndarray, iterations: int
) -> np.ndarray:
    """Levenberg-Marquardt in all frames at once, each on its own, with its own damping, until its cost stops falling.

    Args:
      terms: qpos (F, nq) of some frames and which ones (F,) -> residuals that touch one frame each.
      space: tangent space of the poses.
      qpos: start, (T, nq).
      iterations: largest number of steps.

    Returns:
      qpos (T, nq).
    """

    def system(frames: np.ndarray, qpos: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        block = terms(qpos, frames)
        transposed = np.swapaxes(block.jacobian[:, 0], 1, 2)
        gradient = (transposed @ block.residual[..., None])[..., 0]
        return 0.5 * np.sum(block.residual**2, axis=1), transposed @ block.jacobian[:, 0], gradient

    qpos, frames = qpos.copy(), np.arange(len(qpos))
    cost, normal, gradient = system(frames, qpos)
    damping, diagonal = np.full(len(qpos), 1e-2), np.arange(space.nv)
    for _ in range(iterations):
        damped = normal[frames]
        damped[:, diagonal, diagonal] *= 1.0 + damping[frames, None]
        damped[:, diagonal, diagonal] += 1e-6
        step = -np.linalg.solve(damped, gradient[frames][..., None])[..., 0]
        moved = space.integrate(qpos[frames], step)
        moved_cost, moved_normal, moved_gradient = system(frames, moved)
        better = moved_cost < cost[frames]
        done = better & (cost[frames] - moved_cost < 3e-3 * cost[frames])
        won = frames[better]
        qpos[won], cost[won] = moved[better], moved_cost[better]
        normal[won], gradient[won] = moved_normal[better], moved_gradient[better]
        damping[frames] = np.clip(np.where(better, damping[frames] / 5.0, damping[frames] * 8.0), 1e-7, 1e4)
        frames = frames[~done & (damping[frames] < 1e4)]
        if not len(frames):
            break
    return qpos


def join_blocks(blocks: list[Block]) -> Block:
    """Blocks of single frames as one: a long matrix product costs less than many short ones."""
    residual = np.concatenate([block.residual for block in blocks], axis=1)
    return Block("pose", residual, np.concatenate([block.jacobian for block in blocks], axis=2))
