"""Normal equations of a trajectory: J^T W J summed up over all residuals, in blocks of a frame by those that follow.

A point of the body moves with the joints between it and the root, which are a third of all. So residuals are summed
limb by limb over the joints that move them: an eighth of the products of whole matrices.
"""

from collections.abc import Iterable
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

import numpy as np

from reconstruct.solver.blocks import Block
from reconstruct.solver.tangent import JointJacobian, TangentSpace

MOSTLY = 0.7
"""Share of frames, or of rows, that are not 0 from which leaving out the others takes longer than their sums."""


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


def normal_equations(
    blocks: Iterable[Block], frames: int, nv: int, count: int, span: int = 3, limit: float = np.inf
) -> System:
    """Sums up blocks of a motion.

    Args:
      blocks: those that begin at the same frame one after another.
      frames: of the motion.
      nv: degrees of freedom.
      count: number of the global unknowns; 0 leaves them out.
      span: how many frames a row touches at most.
      limit: cost from which the sums are of no use: they end there, with what there is of the cost.
    """
    system = System(
        np.zeros((frames, span, nv, nv)),
        np.zeros((frames, nv, count)),
        np.zeros((count, count)),
        np.zeros((frames, nv)),
        np.zeros(count),
        {},
    )
    joints: _JointSums | None = None
    for _, window in groupby(blocks, key=lambda block: block.first):
        alike, here = dict[tuple[int, int], list[Block]](), list(window)
        sum_costs(here, system.cost)
        if not system.total < limit:
            return system
        for block in here:
            if isinstance(block.jacobian, JointJacobian):
                joints = joints or _JointSums(block.jacobian.space, frames, span)
                joints.add(block, block.jacobian, system.gradient)
            else:
                alike.setdefault((len(block.residual), block.jacobian.shape[1]), []).append(block)
        for some in alike.values():
            _add_points(system, [_weigh(block, count > 0) for block in some])
    if joints is not None:
        joints.spread(system.band)
    return system


def sum_costs(blocks: Iterable[Block], cost: dict[str, float] | None = None) -> dict[str, float]:
    """The cost of each kind of residual, added to what there is of it."""
    cost = {} if cost is None else cost
    for block in blocks:
        cost[block.name] = cost.get(block.name, 0.0) + block.loss()
    return cost


def find_limbs(moved: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The largest sets of joints among those that move some residuals, and the one that each residual belongs to.

    Args:
      moved: which degrees of freedom move which residual, bool (R, nv).

    Returns:
      Limbs, bool (L, nv), and the smallest one with all joints of a residual, (R,).
    """
    return _find_limbs(moved.tobytes(), moved.shape[1])


@lru_cache(maxsize=256)  # the same few come again at every step
def _find_limbs(packed: bytes, nv: int) -> tuple[np.ndarray, np.ndarray]:
    moved = np.frombuffer(packed, dtype=bool).reshape(-1, nv)
    kinds, kind = np.unique(moved, axis=0, return_inverse=True)
    limbs = kinds[_within(kinds, kinds).sum(axis=1) == 1]
    size = np.where(_within(kinds, limbs), limbs.sum(axis=1), nv + 1)
    return limbs, size.argmin(axis=1)[kind.reshape(-1)]


def _within(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Which sets are part of which others, bool (S, nv) and (O, nv) -> (S, O)."""
    return some.astype(np.float64) @ (~others).astype(np.float64).T == 0.0


class _Rows(NamedTuple):
    """A block with the root of its weights multiplied in."""

    first: int
    moved: np.ndarray
    residual: np.ndarray
    jacobian: np.ndarray
    root: np.ndarray
    by_global: np.ndarray | None


def _weigh(block: Block, with_globals: bool) -> _Rows:
    """What of a block goes into the sums; its Jacobian is weighted later, limb by limb."""
    assert isinstance(block.jacobian, np.ndarray)
    root, by_global = np.sqrt(block.weights()), block.global_jacobian
    nv = block.jacobian.shape[-1]
    moved = np.ones((root.shape[1], nv), dtype=bool) if block.moved is None else block.moved
    by_global = root[..., None] * by_global if with_globals and by_global is not None else None
    return _Rows(block.first, moved, root * block.residual, block.jacobian, root, by_global)


def _add_points(system: System, blocks: list[_Rows]) -> None:
    """Adds blocks of as many rows and frames each to the sums, limb by limb."""
    limbs, limb = find_limbs(np.concatenate([block.moved for block in blocks]))
    own = np.split(limb, np.cumsum([len(block.moved) for block in blocks])[:-1])
    for block in blocks:
        if block.by_global is not None:
            flat = block.by_global.reshape(-1, block.by_global.shape[-1])
            system.corner[:] += flat.T @ flat
            system.global_gradient[:] += flat.T @ block.residual.reshape(-1)
    for index, of_limb in enumerate(limbs):
        dofs, residuals, jacobians = np.flatnonzero(of_limb), list[np.ndarray](), list[np.ndarray]()
        for block, limb_of_row in zip(blocks, own, strict=True):
            rows = np.flatnonzero(limb_of_row == index)
            if len(rows) and len(dofs):
                residuals.append(block.residual[:, rows])
                jacobians.append(_take(block, rows, dofs))
                if block.by_global is not None:
                    _add_border(system, block.first, dofs, jacobians[-1], block.by_global[:, rows])
        if residuals:
            _add_limb(system, blocks[0].first, dofs, np.concatenate(residuals, 1), np.concatenate(jacobians, 2))


def _take(block: _Rows, rows: np.ndarray, dofs: np.ndarray) -> np.ndarray:
    """The weighted Jacobian of some residuals by some degrees of freedom, (M, K, R, D)."""
    frames, span, count, nv = block.jacobian.shape
    if len(rows) == count and len(dofs) == nv:
        part = block.jacobian
    else:
        places = (rows[:, None] * nv + dofs).reshape(-1)
        part = np.take(block.jacobian.reshape(frames * span, count * nv), places, axis=1)
    return part.reshape(frames, span, len(rows), len(dofs)) * block.root[:, None, rows, None]


def _add_border(system: System, first: int, dofs: np.ndarray, jacobian: np.ndarray, by_global: np.ndarray) -> None:
    """Adds the products of residuals' Jacobians by frames (M, K, R, D) and by the global unknowns (M, R, G)."""
    for k in range(jacobian.shape[1]):
        frames = slice(first + k, first + k + len(jacobian))
        system.border[frames, dofs] += np.swapaxes(jacobian[:, k], 1, 2) @ by_global


def _add_limb(system: System, first: int, dofs: np.ndarray, residual: np.ndarray, jacobian: np.ndarray) -> None:
    """Adds residuals (M, R) that some degrees of freedom (D,) move, with their Jacobian (M, K, R, D)."""
    moves = jacobian != 0.0  # what pushes only beyond a limit, or only in flight, is 0 in most frames and rows
    in_force, rows = np.flatnonzero(moves.any(axis=(1, 2, 3))), moves.any(axis=(0, 1, 3))
    if not len(in_force):
        return
    if len(in_force) < MOSTLY * len(residual) or rows.sum() < MOSTLY * len(rows):
        residual, jacobian = residual[in_force][:, rows], jacobian[in_force][:, :, rows]
        starts: slice | np.ndarray = first + in_force
    else:
        starts = slice(first, first + len(residual))
    for k in range(jacobian.shape[1]):
        frames = slice(starts.start + k, starts.stop + k) if isinstance(starts, slice) else starts + k
        transposed = np.swapaxes(jacobian[:, k], 1, 2)
        system.gradient[_at(frames, dofs)] += (transposed @ residual[..., None])[..., 0]
        for other in range(k, jacobian.shape[1]):
            product, square = transposed @ jacobian[:, other], system.band[:, other - k]
            if len(dofs) == square.shape[-1]:
                square[frames] += product  # without the copies that an index takes
            elif isinstance(frames, slice):
                square[frames][:, dofs[:, None], dofs] += product
            else:
                square[frames[:, None, None], dofs[:, None], dofs] += product


def _at(frames: slice | np.ndarray, dofs: np.ndarray) -> tuple[slice | np.ndarray, np.ndarray]:
    """Index of some degrees of freedom in some frames."""
    return (frames, dofs) if isinstance(frames, slice) else (frames[:, None], dofs)


class _JointSums:
    """Sums of residuals each of which moves with its own joint, which are spread over the matrices at the end."""

    def __init__(self, space: TangentSpace, frames: int, span: int) -> None:
        self.space = space
        self.scalars = np.zeros((frames, span, len(space.scalar_dof)))
        self.turns = np.zeros((frames, span, len(space.quat_dof), 3, 3))

    def add(self, block: Block, jacobian: JointJacobian, gradient: np.ndarray) -> None:
        """Adds a block, and to the gradient (T, nv)."""
        if not (jacobian.scalars.any() or jacobian.turns.any()):
            return  # no joint is beyond its limits
        root, space = np.sqrt(block.weights()), self.space
        residual, weighted = root * block.residual, jacobian * root[:, None]
        scalars, turns = weighted.scalars, weighted.turns
        for k in range(scalars.shape[1]):
            frames = slice(block.first + k, block.first + k + len(residual))
            transposed = np.swapaxes(turns[:, k], 2, 3)
            gradient[frames, space.scalar_dof] += scalars[:, k] * residual[:, space.scalar_dof]
            gradient[frames, space.quat_dof] += (transposed @ residual[:, space.quat_dof, None])[..., 0]
            for other in range(k, scalars.shape[1]):
                self.scalars[frames, other - k] += scalars[:, k] * scalars[:, other]
                self.turns[frames, other - k] += transposed @ turns[:, other]

    def spread(self, band: np.ndarray) -> None:
        """Adds the sums to those of all residuals, (T, K, nv, nv)."""
        dofs, balls = self.space.scalar_dof, self.space.quat_dof
        for k in range(band.shape[1]):
            square = band[:, k]
            square[:, dofs, dofs] += self.scalars[:, k]
            square[:, balls[:, :, None], balls[:, None]] += self.turns[:, k]
