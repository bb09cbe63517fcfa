"""Distributions of initial states; the adaptive one's gradient against cases with known answers."""

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from imitate.env.reference import Reference
from imitate.training.initial_state import AdaptiveStart, FailureStart, FixedStart, ReferenceStart, Starts
from imitate.training.process_group import ProcessGroup

NV = 9
REFERENCE = cast(Reference, SimpleNamespace(starts=40, qvel=np.zeros((60, NV)), loop=False))


def test_fixed_and_reference_starts():
    rng = np.random.default_rng(0)
    assert (FixedStart(REFERENCE).choose(50, rng).frames == 0).all()
    rows = ReferenceStart(REFERENCE).choose(4000, rng).frames
    counts = np.bincount(rows, minlength=40)
    assert len(counts) == 40
    assert counts.min() > 50  # 100 each on average


def log_rho(adaptive: AdaptiveStart, component: int, offset: np.ndarray) -> float:
    residual = (offset - adaptive.shift[component])[6:] / adaptive.STD
    return float(np.log(adaptive.probability[component]) - 0.5 * residual @ residual)


def test_score_is_the_gradient_of_the_log_density():
    rng = np.random.default_rng(1)
    adaptive = AdaptiveStart(REFERENCE)
    adaptive.logits[:] = rng.normal(size=10)
    adaptive.shift[:, 6:] = rng.normal(0.0, 0.1, (10, NV - 6))
    start = adaptive.choose(1, rng)
    k, offset = int(start.component[0]), start.offset[0]
    by_logits, by_shift = adaptive.score(start)
    for parameter, gradient in ((adaptive.logits, by_logits[0]), (adaptive.shift[k], by_shift[0])):
        for i in range(len(parameter)):
            kept, step = parameter[i], 1e-5
            parameter[i] = kept + step
            above = log_rho(adaptive, k, offset)
            parameter[i] = kept - step
            below = log_rho(adaptive, k, offset)
            parameter[i] = kept
            assert gradient[i] == pytest.approx((above - below) / (2 * step), abs=1e-4)


def test_starts_drift_to_where_returns_are_highest_but_keep_a_floor():
    """Return 1 in the fourth stretch and 0 elsewhere, more with the seventh coordinate: both must be found."""
    rng = np.random.default_rng(2)
    adaptive = AdaptiveStart(REFERENCE)
    for _ in range(300):
        starts = adaptive.choose(200, rng)
        adaptive.record(starts, (starts.component == 3) * (1.0 + 5.0 * starts.offset[:, 7]), np.zeros(200, dtype=bool))
        adaptive.improve(ProcessGroup())
    assert adaptive.probability.argmax() == 3
    assert adaptive.probability[3] > 0.4
    assert adaptive.probability.min() >= adaptive.FLOOR / 10 - 1e-12
    assert adaptive.shift[3, 7] > 0.4 * adaptive.STD
    assert np.abs(adaptive.shift[:, :6]).max() == 0.0


def test_one_step_by_hand():
    # Two episodes from components 0 and 1 return 1 and 0: advantages +1 and -1. With even weights of 10 components and
    # floor f, the score by its own logit is (1 - f) * (1 - .1) and by another's (1 - f) * (0 - .1).
    # Gradient of logit 0: ((1 - f) * .9 + (1 - f) * .1) / 2 = (1 - f) / 2, of logit 1 the opposite, of others 0.
    adaptive = AdaptiveStart(REFERENCE)
    starts = Starts(np.array([0, 4]), np.zeros((2, NV)), np.array([0, 1]))
    adaptive.record(starts, np.array([1.0, 0.0]), np.zeros(2, dtype=bool))
    adaptive.improve(ProcessGroup())
    step = adaptive.LOGIT_STEP * (1 - adaptive.FLOOR) / 2
    np.testing.assert_allclose(adaptive.logits, [step, -step, 0, 0, 0, 0, 0, 0, 0, 0], atol=1e-5)


def test_starts_go_where_they_are_lost():
    """Even at first; then frame 7, where every episode fails soon, is chosen far more often than the others."""
    failing = FailureStart(REFERENCE)
    np.testing.assert_allclose(failing.probability, 1 / 40)
    rows = np.repeat(np.arange(40), 10)
    starts = Starts(rows, np.zeros((400, NV)), np.zeros(400, dtype=np.int64))
    failing.record(starts, np.zeros(400), rows == 7)
    failing.improve(ProcessGroup())
    # Failure rates by hand: (10 + .05) / 11 for row 7, .05 / 11 for the 39 others.
    rate = np.full(40, 0.05)
    rate[7] = 10.05
    np.testing.assert_allclose(failing.probability, 0.3 / 40 + 0.7 * rate / rate.sum())
    drawn = failing.choose(2000, np.random.default_rng(0)).frames
    assert np.mean(drawn == 7) == pytest.approx(failing.probability[7], abs=0.05)
