"""Levenberg-Marquardt over a whole trajectory: a banded system for the frames, bordered by a few global unknowns.

Every residual touches at most three frames that follow each other, so the normal equations are banded and a step
costs time linear in the number of frames. The camera and the ground are seen by all frames; they border the band
and are solved for by a Schur complement.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve, solveh_banded

from reconstruct.solver.blocks import Block
from reconstruct.solver.normal_equations import System, normal_equations, sum_costs
from reconstruct.solver.tangent import TangentSpace

LARGEST_DAMPING = 1e6
"""Damping beyond which no step lowers the cost any more: the iteration ends."""
POOR = 0.5
"""Share of the foreseen gain below which a shorter step is tried, where that is asked for."""
SHORTEST = 0.125
"""Least share of a step that is tried."""


Residuals = Callable[[np.ndarray, np.ndarray], Iterable[Block]]
"""(qpos (T, nq), global unknowns (G,)) -> blocks. Of a long motion they come window by window and are let go of as soon
as they are summed up: arrays of thousands of frames are slow to make, and fill the memory."""


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
    costs: Residuals | None = None,
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
      costs: the same terms without Jacobians, for terms with kinks: a step that gains little is shortened.
    """

    def at(qpos: np.ndarray, unknowns: np.ndarray, limit: float = np.inf) -> System:
        return normal_equations(residuals(qpos, unknowns), len(qpos), space.nv, count, limit=limit)

    count = len(unknowns) if free.any() else 0
    system = at(qpos, unknowns)
    cost, damping, tried, message = system.cost, 1e-3, 0, ""
    while tried < iterations and damping < LARGEST_DAMPING:
        tried += 1
        step, global_step = solve_bordered(system, free, damping)
        moved, moved_unknowns = space.integrate(qpos, step), unknowns + global_step
        foreseen, there = foresee_gain(system, step, global_step, damping), None
        if costs is not None:
            share, found = search_line(costs, space, (qpos, unknowns), (step, global_step), system.total, foreseen)
            moved, moved_unknowns = space.integrate(qpos, share * step), unknowns + share * global_step
        elif foreseen < tolerance * system.total:  # as it looks the last step, which needs no normal equations
            found = sum_costs(residuals(moved, moved_unknowns))
        else:
            there = at(moved, moved_unknowns, system.total)
            found = there.cost
        lowered = sum(found.values())
        if not lowered < system.total:  # not a number counts as worse
            damping, there = max(damping, 1e-4) * 8.0, None  # not kept through the next solution: it is as large
            continue
        gain = 1.0 - lowered / system.total
        qpos, unknowns, cost = moved, moved_unknowns, found
        if gain < tolerance:
            message = f"the last step lowered the cost by less than {tolerance:g} of it"
            break
        if tried < iterations:
            system = there or at(qpos, unknowns)
        damping = max(damping / 5.0, 1e-6)
    if damping >= LARGEST_DAMPING:
        message = "no step lowers the cost"
    return Solution(qpos, unknowns, cost, tried, message or f"{iterations} steps were not enough")


def search_line(
    costs: Residuals,
    space: TangentSpace,
    start: tuple[np.ndarray, np.ndarray],
    step: tuple[np.ndarray, np.ndarray],
    total: float,
    foreseen: float,
) -> tuple[float, dict[str, float]]:
    """How much of a step to take, and the cost of each kind there.

    All of it, unless that lowers the cost by less than `POOR` of what was foreseen and the lowest point of the parabola
    through both costs, and along the slope at the start, is lower (Nocedal and Wright 2006, "Numerical Optimization",
    3.5).

    Args:
      costs: all terms at a given point.
      space: tangent space of the poses.
      start: qpos (T, nq) and the global unknowns (G,).
      step: of the poses (T, nv) and of the unknowns (G,).
      total: the cost at the start.
      foreseen: by how much the whole step would lower it if the residuals were linear: half of the slope.
    """

    def at(share: float) -> dict[str, float]:
        return sum_costs(costs(space.integrate(start[0], share * step[0]), start[1] + share * step[1]))

    whole = at(1.0)
    missed = foreseen - (total - sum(whole.values()))
    if missed <= POOR * foreseen:
        return 1.0, whole
    share = max(foreseen / (foreseen + missed), SHORTEST) if np.isfinite(missed) else SHORTEST
    part = at(share)
    return (share, part) if not sum(part.values()) >= sum(whole.values()) else (1.0, whole)


def foresee_gain(system: System, step: np.ndarray, global_step: np.ndarray, damping: float) -> float:
    """By how much a damped step (T, nv), (G,) would lower the cost if the residuals were linear."""
    stiffness = np.einsum("tii->ti", system.band[:, 0])
    along = np.sum(system.gradient * step)
    if len(system.global_gradient):
        along += system.global_gradient @ global_step
    return float(0.5 * damping * np.sum(stiffness * step**2) - 0.5 * along)


def solve_bordered(system: System, free: np.ndarray, damping: float) -> tuple[np.ndarray, np.ndarray]:
    """Solves the damped normal equations, returns the steps (T, nv) and (G,)."""
    band, border, corner, gradient, global_gradient, _ = system
    frames, _, nv, _ = band.shape
    lower = to_banded(band)
    diagonal = lower[0]
    diagonal += damping * diagonal + 1e-6
    edge = border.reshape(frames * nv, -1)[:, free] if free.any() else np.zeros((frames * nv, 0))
    right = np.concatenate([gradient.reshape(-1, 1), edge], axis=1)
    solved = solveh_banded(lower, right, overwrite_ab=True, overwrite_b=True, lower=True, check_finite=False)
    global_step = np.zeros(len(free))
    if free.any():
        schur = corner[np.ix_(free, free)] - edge.T @ solved[:, 1:]
        schur[np.diag_indices_from(schur)] *= 1.0 + damping
        schur[np.diag_indices_from(schur)] += 1e-9
        global_step[free] = -solve(schur, global_gradient[free] - edge.T @ solved[:, 0], assume_a="sym")
    step = -solved[:, 0] - solved[:, 1:] @ global_step[free]
    return step.reshape(frames, nv), global_step


def to_banded(band: np.ndarray) -> np.ndarray:
    """Frame blocks (T, 3, nv, nv) as LAPACK's lower banded storage (3 nv, T nv): row i - j holds A[i, j].

    In its memory, column after column, A[i, j] lies at i + j (3 nv - 1), so that each block is copied as a whole.
    """
    frames, span, nv, _ = band.shape
    width = span * nv
    lower = np.zeros((width, frames * nv), order="F")
    size = lower.itemsize
    steps = (nv * width * size, (width - 1) * size, size)  # to the next frame, row and column of the upper blocks
    memory = lower.ravel(order="K")
    # What a block on the diagonal has on its other side falls into columns that later blocks overwrite, or is 0.
    np.ndarray((frames, nv, nv), float, memory, 0, steps)[:] = np.triu(band[:, 0])
    for k in range(1, span):
        np.ndarray((frames - k, nv, nv), float, memory, k * nv * size, steps)[:] = band[: frames - k, k]
    return lower


def solve_poses(
    terms: Callable[[np.ndarray, np.ndarray], list[Block]], space: TangentSpace, qpos: np.ndarray, iterations: int
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
        blocks = terms(qpos, frames)
        found = normal_equations(blocks, len(frames), space.nv, 0, span=1)
        cost = np.sum([0.5 * np.sum(block.residual**2, axis=1) for block in blocks], axis=0)
        return cost, found.band[:, 0], found.gradient

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
