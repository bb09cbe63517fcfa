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
class LinearQuadraticModel:
    """Linear dynamics and quadratic cost around a trajectory of H controls (m numbers) and H + 1 states (n numbers)."""

    A: np.ndarray
    """Next state by state, (H, n, n)."""
    B: np.ndarray
    """Next state by control, (H, n, m)."""
    lx: np.ndarray
    """Gradient of the cost of each state, (H + 1, n)."""
    lxx: np.ndarray
    """Second derivative of the cost of each state, symmetric, (H + 1, n, n)."""
    lu: np.ndarray
    """Gradient of the cost of each control, (H, m)."""
    luu: np.ndarray
    """Diagonal of the second derivative of the cost of each control, (H, m)."""


@dataclass(frozen=True)
class ControlLaw:
    """Controls for the next trajectory: u + alpha * feedforward + feedback (x - x_before), alpha the step size."""

    feedforward: np.ndarray
    """Change of the controls, (H, m)."""
    feedback: np.ndarray
    """Gains, (H, m, n)."""


def backward_pass(model: LinearQuadraticModel, regularisation: float) -> ControlLaw | None:
    """The best change of the controls within the model, by one sweep backwards in time.

    Args:
      model: dynamics and cost around the trajectory.
      regularisation: mu of Tassa (2012), equation 10: deviations from the old states cost mu / 2 |dx|^2 more when the
        control is chosen, so that the new trajectory stays where the model holds. The value function itself is kept
        free of it (equation 11).

    Returns:
      None where a control's second derivative is not positive definite, or numbers overflow: try again with more
      regularisation.
    """
    horizon, n, m = model.B.shape
    feedforward, feedback = np.zeros((horizon, m)), np.zeros((horizon, m, n))
    vx, vxx = model.lx[-1], model.lxx[-1]
    for t in range(horizon - 1, -1, -1):
        A, B = model.A[t], model.B[t]
        qx = model.lx[t] + A.T @ vx
        qu = model.lu[t] + B.T @ vx
        bv, control_cost = B.T @ vxx, np.diag(model.luu[t])
        quu, qux = control_cost + bv @ B, bv @ A
        qxx = model.lxx[t] + A.T @ (vxx @ A)
        try:
            factor = cho_factor(quu + regularisation * (B.T @ B), lower=True, check_finite=False)
        except np.linalg.LinAlgError:
            return None
        solved = cho_solve(factor, np.column_stack([qu, qux + regularisation * (B.T @ A)]), check_finite=False)
        k, K = -solved[:, 0], -solved[:, 1:]
        feedforward[t], feedback[t] = k, K
        vx = qx + K.T @ (quu @ k + qu) + qux.T @ k
        cross = K.T @ qux
        vxx = qxx + K.T @ quu @ K + cross + cross.T
        vxx = 0.5 * (vxx + vxx.T)
    if not (np.isfinite(feedforward).all() and np.isfinite(feedback).all()):
        return None
    return ControlLaw(feedforward, feedback)


@dataclass(frozen=True)
class Regulariser:
    """Size of the regularisation by Tassa's schedule, which changes ever faster and so finds it in a few iterations."""

    value: float = 1e-3
    """mu of `backward_pass`."""
    rate: float = 1.0
    """Factor of the next change."""

    def increase(self) -> "Regulariser":
        """The one to use after a step that failed."""
        rate = max(2.0, self.rate * 2.0)
        return Regulariser(min(max(REGULARISATION_MIN, self.value * rate), REGULARISATION_MAX), rate)

    def keep(self) -> "Regulariser":
        """The one to use after a step that succeeded where it was small.

        That the model does not reach far is no sign that it points the wrong way. More regularisation at every small
        step, and ever more, ended the plan of a leap with 10^6 in six iterations, at twice the cost.
        """
        return Regulariser(self.value)

    def decrease(self) -> "Regulariser":
        """The one to use after a step that succeeded."""
        rate = min(0.5, self.rate / 2.0)
        value = self.value * rate
        return Regulariser(value if value >= REGULARISATION_MIN else 0.0, rate)
