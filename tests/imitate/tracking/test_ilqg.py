"""The backward pass on linear dynamics and quadratic costs, where the answer is known."""

from dataclasses import replace

import numpy as np
import pytest

from imitate.tracking.ilqg import ControlLaw, LinearQuadraticModel, Regulariser, backward_pass

HORIZON, N, M = 12, 4, 2


def linear_problem(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A x + B u, costs x'Qx / 2 and u'Ru / 2, and a start."""
    A = np.eye(N) + 0.2 * rng.normal(size=(N, N))
    B = rng.normal(size=(N, M))
    Q = rng.normal(size=(N, N))
    return A, B, Q @ Q.T + 0.1 * np.eye(N), np.array([0.3, 1.2]), rng.normal(size=N)


def model_about(A, B, Q, R, x, u) -> LinearQuadraticModel:
    """The exact model about a trajectory x (H + 1, n), u (H, m)."""
    return LinearQuadraticModel(
        A=np.repeat(A[None], HORIZON, axis=0),
        B=np.repeat(B[None], HORIZON, axis=0),
        lx=x @ Q,
        lxx=np.repeat(Q[None], HORIZON + 1, axis=0),
        lu=u * R,
        luu=np.repeat(R[None], HORIZON, axis=0),
    )


def roll(A, B, start, u) -> np.ndarray:
    states = [start]
    for control in u:
        states.append(A @ states[-1] + B @ control)
    return np.array(states)


def cost(x, u, Q, R) -> float:
    return float(0.5 * np.einsum("ti,ij,tj->", x, Q, x) + 0.5 * (np.square(u) * R).sum())


def follow(law: ControlLaw, A, B, x, u) -> np.ndarray:
    """The controls of a law about a trajectory, from its start."""
    found, state = [], x[0]
    for t in range(HORIZON):
        found.append(u[t] + law.feedforward[t] + law.feedback[t] @ (state - x[t]))
        state = A @ state + B @ found[-1]
    return np.array(found)


def riccati_gains(A, B, Q, R) -> np.ndarray:
    """u = -K x from the textbook's recursion: P = Q + A'P(A - BK), K = (R + B'PB)^-1 B'PA."""
    P, gains = Q, []
    for _ in range(HORIZON):
        K = np.linalg.solve(np.diag(R) + B.T @ P @ B, B.T @ P @ A)
        P = Q + A.T @ P @ (A - B @ K)
        gains.append(-K)
    return np.array(gains[::-1])


def test_gains_are_those_of_riccatis_recursion():
    A, B, Q, R, start = linear_problem(np.random.default_rng(0))
    u = np.zeros((HORIZON, M))
    law = backward_pass(model_about(A, B, Q, R, roll(A, B, start, u), u), regularisation=0.0)
    assert law is not None
    np.testing.assert_allclose(law.feedback, riccati_gains(A, B, Q, R), rtol=1e-8, atol=1e-10)


def test_one_step_from_anywhere_reaches_the_optimum():
    rng = np.random.default_rng(1)
    A, B, Q, R, start = linear_problem(rng)
    u = rng.normal(size=(HORIZON, M))
    x = roll(A, B, start, u)
    law = backward_pass(model_about(A, B, Q, R, x, u), regularisation=0.0)
    assert law is not None

    # The optimum by another way: u = -K x of Riccati, from the same start.
    best_u, state = [], start
    for K in riccati_gains(A, B, Q, R):
        best_u.append(K @ state)
        state = A @ state + B @ best_u[-1]
    np.testing.assert_allclose(follow(law, A, B, x, u), np.array(best_u), rtol=1e-7, atol=1e-9)


def test_regularisation_shortens_the_step_and_keeps_it_downhill():
    rng = np.random.default_rng(2)
    A, B, Q, R, start = linear_problem(rng)
    u = rng.normal(size=(HORIZON, M))
    x = roll(A, B, start, u)
    expansion = model_about(A, B, Q, R, x, u)
    sizes = []
    for mu in (0.0, 1.0, 100.0, 1e4):
        law = backward_pass(expansion, mu)
        assert law is not None
        shorter = follow(law, A, B, x, u)
        assert cost(roll(A, B, start, shorter), shorter, Q, R) < cost(x, u, Q, R)
        sizes.append(np.abs(law.feedforward[-1]).sum())
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < 0.01 * sizes[0]


def test_a_cost_that_falls_for_ever_is_reported_and_cured_by_regularisation():
    A, B, Q, R, start = linear_problem(np.random.default_rng(3))
    u = np.zeros((HORIZON, M))
    expansion = model_about(A, B, Q, R, roll(A, B, start, u), u)
    bottomless = replace(expansion, lxx=-expansion.lxx)
    assert backward_pass(bottomless, 0.0) is None
    regulariser = Regulariser()
    for _ in range(30):
        if backward_pass(bottomless, regulariser.value) is not None:
            break
        regulariser = regulariser.increase()
    else:
        pytest.fail("no regularisation was enough")
    assert regulariser.decrease().value < regulariser.value


def test_small_steps_that_help_do_not_pile_up_regularisation():
    regulariser = Regulariser(0.5).increase().increase()
    for _ in range(20):
        regulariser = regulariser.keep()
    assert regulariser.value == Regulariser(0.5).increase().increase().value
    assert regulariser.increase().value == 2.0 * regulariser.value  # the change, too, begins anew
