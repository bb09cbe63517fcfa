"""Stairs: which levels are some, and what is known of their rises, worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from reconstruct.scene.find_surfaces import mark_stairs
from reconstruct.scene.surface_terms import RISE, RISE_SIGMA, usual_rises
from reconstruct.scene.surfaces import Surface
from reconstruct.terms.residuals import GLOBALS

FEET = np.array([True, True, False])


def make_levels(*levels: float, by: int = 0) -> list[Surface]:
    """Boxes at these levels, each shown by one point of three, of which the last is a hand."""
    shown = np.zeros((4, 3), dtype=bool)
    shown[1, by] = True
    return [Surface("box", level, np.ones(3, dtype=bool), np.zeros((1, 2)), shown) for level in levels]


def test_feet_on_levels_that_rise_evenly_are_on_stairs_and_others_are_not():
    def stairs(*boxes: Surface) -> list[bool]:
        return [one.stair for one in mark_stairs(list(boxes), FEET)]

    assert stairs(*make_levels(0.15, 0.34, 0.5)) == [True] * 3
    assert stairs(*make_levels(0.3)) == [False]  # a step by itself may have any height
    assert stairs(*make_levels(0.45, 0.9)) == [False] * 2  # a chair, then a table
    assert stairs(*make_levels(0.2, 0.25)) == [False] * 2
    rail = make_levels(0.95, by=2)
    assert stairs(*make_levels(0.2, 0.35), *rail) == [True, True, False]  # a hand on a rail is no stair


def test_usual_rises_cost_nothing_and_others_what_their_distance_says():
    marked = mark_stairs(make_levels(0.12, 0.34, 0.48), FEET)
    block = usual_rises(tuple(marked[::-1]), 10, GLOBALS + 4)
    assert block is not None and block.jacobian.shape == (1, 1, 3, 10)
    np.testing.assert_allclose(block.residual[0] * RISE_SIGMA, [0.12 - RISE, 0.22 - RISE, 0.14 - RISE], atol=1e-12)
    usual = mark_stairs(make_levels(*(RISE * np.arange(1, 4))), FEET)
    even = usual_rises(tuple(usual), 10, GLOBALS + 3)
    assert even is not None and even.loss() == pytest.approx(0.0, abs=1e-20)
    assert usual_rises(tuple(make_levels(0.12, 0.34)), 10, GLOBALS + 2) is None


def test_derivatives_by_the_levels_are_those_of_finite_differences():
    marked = mark_stairs(make_levels(0.12, 0.3, 0.48), FEET)
    block = usual_rises(tuple(marked), 10, GLOBALS + 3)
    assert block is not None and block.global_jacobian is not None
    for k in range(3):
        moved = [replace(one, level=one.level + 1e-6 * (i == k)) for i, one in enumerate(marked)]
        there = usual_rises(tuple(moved), 10, GLOBALS + 3)
        assert there is not None
        numeric = (there.residual - block.residual) / 1e-6
        np.testing.assert_allclose(block.global_jacobian[..., GLOBALS + k], numeric, atol=1e-5)
    assert not block.global_jacobian[..., :GLOBALS].any()
