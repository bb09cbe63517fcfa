"""Residuals of one kind over a whole trajectory, with their Jacobians and their part of the cost."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from reconstruct.solver.tangent import JointJacobian

WINDOW = 200  # with all of 3,000 frames at once, each would take half as long again
"""Number of frames whose residuals are computed at a time."""


class Window(NamedTuple):
    """Some frames of a motion, and two that follow: residuals touch them, but those which begin there are the next
    window's."""

    frames: slice
    """With those that follow."""
    rows: slice
    """Of residuals computed for `frames`, those that begin here."""


def cut_windows(count: int) -> list[Window]:
    """Cuts a motion of so many frames into windows of about `WINDOW`."""
    edges = np.linspace(0, count, max(round(count / WINDOW), 1) + 1).astype(int).tolist()
    return [Window(slice(first, min(end + 2, count)), slice(end - first)) for first, end in pairwise(edges)]


@dataclass(frozen=True)
class Block:
    """One kind of residual: M rows of frames with R residuals each, already divided by their standard deviation."""

    name: str
    """What it penalises; costs are reported under this name."""
    residual: np.ndarray
    """(M, R)."""
    jacobian: np.ndarray | JointJacobian
    """Row m touches frames m, m + 1, ...: d residual / d tangent of those, (M, K, R, nv) with K <= 3."""
    global_jacobian: np.ndarray | None = None
    """d residual / d global unknowns, (M, R, G)."""
    group: int = 0
    """Robust (soft-L1) over groups of this many neighbouring residuals, as one vector; 0 is plain least squares."""
    first: int = 0
    """The frame of row 0."""
    moved: np.ndarray | None = None
    """Which degrees of freedom move which residual, bool (R, nv); None for all of them."""

    def dense_jacobian(self) -> np.ndarray:
        """The Jacobian as matrices, (M, K, R, nv)."""
        return self.jacobian.dense() if isinstance(self.jacobian, JointJacobian) else self.jacobian

    def select(self, rows: slice, first: int) -> "Block":
        """Some of its rows, the first of which is that of frame `first`."""
        by_global = None if self.global_jacobian is None else self.global_jacobian[rows]
        residual, jacobian = self.residual[rows], self.jacobian[rows]
        return replace(self, residual=residual, jacobian=jacobian, global_jacobian=by_global, first=first)

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
