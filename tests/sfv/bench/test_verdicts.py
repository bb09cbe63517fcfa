"""Rows of outcomes worked out by hand."""

import pytest

from sfv.bench.verdicts import Outcome, list_verdict_rows


def test_shares_are_of_each_verdict_s_own_clips() -> None:
    outcomes = [Outcome("a", "good", True), Outcome("b", "good", True), Outcome("c", "good", False)]
    outcomes += [Outcome("d", "poor", False), Outcome("e", "refused", False)]
    rows = {row.name: row for row in list_verdict_rows(outcomes)}
    good, usable, poor = (rows[f"verdict_{level}_completed"] for level in ("good", "usable", "poor"))
    assert (good.value, good.n, good.goal) == (pytest.approx(2 / 3), 3, 0.95)
    assert usable.value is None and (poor.value, poor.n) == (0.0, 1)
    assert rows["verdict_refused"].value == pytest.approx(0.2)
