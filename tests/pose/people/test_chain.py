"""The best chain, against all chains of small problems."""

from itertools import pairwise, product

import numpy as np
import pytest

from pose.people.chain import find_best_chain


class Table:
    """Links from a table of gains."""

    def __init__(self, gains: np.ndarray) -> None:
        self.gains, self.extended = gains, list[tuple[int, int]]()

    def gain(self, past: np.ndarray, now: np.ndarray) -> np.ndarray:
        return self.gains[np.ix_(past, now)]

    def extend(self, past: np.ndarray, now: np.ndarray) -> None:
        self.extended += zip(past.tolist(), now.tolist(), strict=True)


def value_of(rows, counts, own, gains, memory, start, end) -> float:
    """Sum of a chain, 0 for the empty one, -inf for one that is not allowed."""
    first = np.concatenate([[0], np.cumsum(counts)])
    times = [t for t, row in enumerate(rows) if row >= 0]
    chain = [int(first[t] + rows[t]) for t in times]
    if not chain:
        return 0.0
    if not (start[chain[0]] and end[chain[-1]]) or any(b - a > memory for a, b in pairwise(times)):
        return -np.inf
    return float(own[chain].sum() + sum(gains[a, b] for a, b in pairwise(chain)))


@pytest.mark.parametrize("seed", range(40))
def test_no_other_chain_is_better(seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 3, 6)
    total = int(counts.sum())
    own, gains = rng.normal(0, 1, total), rng.normal(-0.5, 1, (total, total))
    own[rng.random(total) < 0.15] = -np.inf
    gains[rng.random((total, total)) < 0.15] = -np.inf
    start, end = rng.random(total) < 0.8, rng.random(total) < 0.8
    memory = int(rng.integers(1, 4))
    rows = find_best_chain(counts, own, Table(gains), memory, start, end)
    found = value_of(rows, counts, own, gains, memory, start, end)
    every = product(*[range(-1, count) for count in counts])
    best = max(value_of(chain, counts, own, gains, memory, start, end) for chain in every)
    assert found == pytest.approx(best, abs=1e-12)


def test_nothing_is_chosen_without_a_gain() -> None:
    none = np.zeros((0, 0))
    np.testing.assert_array_equal(find_best_chain(np.zeros(3, dtype=int), np.zeros(0), Table(none), 1), [-1] * 3)
    counts = np.ones(3, dtype=int)
    rows = find_best_chain(counts, np.full(3, -1.0), Table(np.zeros((3, 3))), 1)
    np.testing.assert_array_equal(rows, [-1, -1, -1])


def test_links_see_every_extension_in_order_of_time() -> None:
    links = Table(np.zeros((3, 3)))
    np.testing.assert_array_equal(find_best_chain(np.ones(3, dtype=int), np.ones(3), links, 1), [0, 0, 0])
    assert links.extended == [(0, 1), (1, 2)]
