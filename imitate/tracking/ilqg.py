"""Iterative linear-quadratic control: the part that knows no physics, only matrices.

Tassa, Erez and Todorov (2012), "Synthesis and stabilization of complex behaviors through online trajectory
optimization". Around a trajectory the dynamics are linear, x' = A x + B u, and the cost is quadratic; the best change
of the controls and the feedback around it follow from one sweep backwards in time. The cost's second derivatives are
those of squared residuals (Gauss-Newton), those of the dynamics are left out, hence iLQG and not differential dynamic
programming.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

REGULARISATION_MIN = 1e-6
REGULARISATION_MAX = 1e6


@dataclass(frozen=True)
class Expansion:
    """Dynamics and cost around a trajectory of H controls and H + 1 states."""

    A: np.ndarray
    """Next state by state, (H, n, n)."""
    B: np.ndarray
    """Next state by control, (H, n, m)."""
    lx: np.ndarray
    """Gradient of the cost of each state, (H + 1, n)."""
    lxx: np.ndarray
    """Its second derivative, symmetric, (H + 1, n, n)."""
    lu: np.ndarray
    """Gradient of the cost of each control, (H, m)."""
    luu: np.ndarray
    """Its second derivative, a diagonal, (H, m)."""


@dataclass(frozen=True)
class Improvement:
    """A better control law: u + alpha * feedforward + feedback (x - x_before)."""

    feedforward: np.ndarray
    """Change of the controls, (H, m)."""
    feedback: np.ndarray
    """Gains, (H, m, n)."""
    linear: float
    """Expected change of the cost is alpha * linear + alpha^2 * quadratic / 2; negative unless at the optimum."""
    quadratic: float
    """See `linear`."""

    def expected(self, alpha: float) -> float:
        """Change of the cost that the quadratic model predicts for a step of this size."""
        return alpha * self.linear + 0.5 * alpha * alpha * self.quadratic


def backward_pass(expansion: Expansion, regularisation: float) -> Improvement | None:
    """The best change of the controls within the quadratic model.

    Args:
      expansion: the model.
      regularisation: mu of Tassa (2012), equation 10: deviations from the old states cost mu / 2 |dx|^2 more when the
        control is chosen, so that the new trajectory stays where the model holds. The value function itself is kept
        free of it (equation 11).

    Returns:
      None where a control's second derivative is not positive definite: try again with more regularisation.
    """
    horizon, n, m = expansion.B.shape
    feedforward, feedback = np.zeros((horizon, m)), np.zeros((horizon, m, n))
    linear = quadratic = 0.0
    vx, vxx = expansion.lx[-1], expansion.lxx[-1]
    for t in range(horizon - 1, -1, -1):
        A, B = expansion.A[t], expansion.B[t]
        qx = expansion.lx[t] + A.T @ vx
        qu = expansion.lu[t] + B.T @ vx
        bv, control_cost = B.T @ vxx, np.diag(expansion.luu[t])
        quu, qux = control_cost + bv @ B, bv @ A
        qxx = expansion.lxx[t] + A.T @ (vxx @ A)
        try:
            factor = cho_factor(quu + regularisation * (B.T @ B), lower=True, check_finite=False)
        except np.linalg.LinAlgError:
            return None
        solved = cho_solve(factor, np.column_stack([qu, qux + regularisation * (B.T @ A)]), check_finite=False)
        k, K = -solved[:, 0], -solved[:, 1:]
        feedforward[t], feedback[t] = k, K
        linear += float(k @ qu)
        quadratic += float(k @ quu @ k)
        vx = qx + K.T @ (quu @ k + qu) + qux.T @ k
        cross = K.T @ qux
        vxx = qxx + K.T @ quu @ K + cross + cross.T
        vxx = 0.5 * (vxx + vxx.T)
    if not np.isfinite(linear + quadratic):
        return None
    return Improvement(feedforward, feedback, linear, quadratic)


@dataclass(frozen=True)
class Regulariser:
    """Tassa's schedule: grows and shrinks ever faster, so that it finds its size in a few iterations."""

    value: float = 1e-3
    """mu."""
    rate: float = 1.0
    """Factor of the next change."""

    def grown(self) -> "Regulariser":
        """After a step that failed."""
        rate = max(2.0, self.rate * 2.0)
        return Regulariser(min(max(REGULARISATION_MIN, self.value * rate), REGULARISATION_MAX), rate)

    def shrunk(self) -> "Regulariser":
        """After a step that succeeded."""
        rate = min(0.5, self.rate / 2.0)
        value = self.value * rate
        return Regulariser(value if value >= REGULARISATION_MIN else 0.0, rate)
