"""Which hypothesis about objects is believed, with fits whose outcome is given."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from pose.progress import silent
from reconstruct.fit import choose_objects
from reconstruct.fit.fit_on_ground import Fit, OnGround
from reconstruct.scene.find_surfaces import Hypothesis
from reconstruct.scene.surfaces import Surface


def make_fit(misfit: float, surfaces: tuple[Surface, ...] = ()) -> Any:
    support = SimpleNamespace(touches=np.ones((3, 1), dtype=int) if surfaces else None)
    solution = SimpleNamespace(unknowns=np.zeros(6), misfit=misfit)
    return Fit(cast(Any, SimpleNamespace(surfaces=surfaces)), cast(Any, support), cast(Any, solution))


@pytest.fixture
def choose(monkeypatch):
    """Chooses between the ground alone, with a misfit of 100, and a box at a level, with another."""

    def run(level: float, misfit: float, given: bool = False) -> Any:
        box = Surface("box", 0.5, np.ones(1, dtype=bool), np.zeros((1, 2)))
        monkeypatch.setattr(
            choose_objects, "replace", lambda thing, **more: thing if "surfaces" in more else replace(thing, **more)
        )
        fit = make_fit(misfit, (replace(box, level=level),))
        monkeypatch.setattr(choose_objects, "fit_ground_and_physics", lambda *_: fit)
        monkeypatch.setattr(choose_objects, "measure_misfit", lambda _problem, _support, solution: solution.misfit)
        nothing = cast(Any, None)
        hypotheses = [Hypothesis((box,), "hands carry the body", given)]
        return choose_objects.choose(make_fit(100.0), hypotheses, nothing, nothing, nothing, 1, silent)

    return run


def test_an_object_must_pay_for_its_freedom(choose):
    assert choose(0.5, 79.0).problem.surfaces  # 79 and the price of 20 are less than 100
    flat = choose(0.5, 81.0)
    assert not flat.problem.surfaces and "fits no better (101 against 100)" in flat.why


def test_a_low_one_may_be_an_error_of_the_bodys_height(choose):
    flat = choose(0.11, 10.0)
    assert not flat.problem.surfaces and "puts them at 0.11 m, too low to be sure" in flat.why


def test_what_the_user_gives_is_believed(choose):
    assert choose(0.11, 500.0, given=True).problem.surfaces


def test_another_lens_takes_the_place_of_an_object_in_the_air_if_it_explains_more(monkeypatch):
    """The box's misfit is 60 and its price 20; a lens costs as much as a surface."""
    monkeypatch.setattr(choose_objects, "measure_misfit", lambda _problem, _support, solution: solution.misfit)
    box = Surface("box", 0.9, np.ones(1, dtype=bool), np.zeros((1, 2)))
    vault = replace(make_fit(60.0, (box,)), why="hands carry a body in the air")

    def try_lenses(*misfits: float | None) -> Fit:
        nothing = cast(Any, None)
        found = iter([misfit and OnGround(nothing, nothing, nothing, make_fit(misfit)) for misfit in misfits])
        monkeypatch.setattr(choose_objects, "fit_on_ground", lambda *_: next(found))
        return choose_objects.try_lenses(nothing, vault, [nothing] * len(misfits), nothing, 1)[1]

    assert try_lenses(61.0, None, 90.0) is vault
    flat = try_lenses(70.0, 55.0, 58.0)
    assert not flat.problem.surfaces and cast(Any, flat.solution).misfit == 55.0
    assert flat.why == "another lens explains the film better than that hands carry a body in the air"
