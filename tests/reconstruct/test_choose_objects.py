"""Which hypothesis about objects, and whose word on depth, is believed, with fits whose outcome is given."""

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from reconstruct import fit_on_ground, reconstruct
from reconstruct.find_surfaces import Hypothesis
from reconstruct.fit_on_ground import Fit, OnGround
from reconstruct.problem import FitSigmas, Problem
from reconstruct.surfaces import Surface


def make_fit(misfit: float, surfaces: tuple[Surface, ...] = ()) -> Any:
    support = SimpleNamespace(touches=np.ones((3, 1), dtype=int) if surfaces else None)
    solution = SimpleNamespace(unknowns=np.zeros(6), misfit=misfit)
    return Fit(cast(Any, SimpleNamespace(surfaces=surfaces)), cast(Any, support), cast(Any, solution))


@dataclass(frozen=True)
class Heard:
    """What the fit hears of the depth, and how much each frame counts."""

    lifted: bool
    open_limbs: tuple[str, ...] = ()
    carried: None = None
    weight: Any = None
    px_per_metre: Any = None


@dataclass(frozen=True)
class Ended:
    """Where a fit ended: by how much it is off in each frame, and what its depth costs."""

    off: np.ndarray
    cost: dict[str, float]
    qpos: None = None
    unknowns: None = None


@pytest.fixture
def end(monkeypatch):
    """A fit of a motion that is off in its frames by so much, for a problem with observations."""
    monkeypatch.setattr(fit_on_ground, "sum_costs", lambda _: {"bones_3d": 1000.0})
    monkeypatch.setattr(
        fit_on_ground,
        "measure_misfit",
        lambda problem, _support, solution: (
            float(np.sum(problem.observations.weight * solution.off)) + solution.cost["bones_3d"]
        ),
    )

    def run(problem: Any, *off: float) -> OnGround:
        ended = cast(Any, Ended(np.array(off), {}))
        return OnGround(problem, cast(Any, None), cast(Any, None), Fit(problem, cast(Any, None), ended))

    return run


@pytest.fixture
def choose(monkeypatch):
    """Chooses between the ground alone, with a misfit of 100, and a box at a level, with another."""

    def run(level: float, misfit: float, given: bool = False) -> Any:
        box = Surface("box", 0.5, np.ones(1, dtype=bool), np.zeros((1, 2)))
        monkeypatch.setattr(
            reconstruct, "replace", lambda thing, **more: thing if "surfaces" in more else replace(thing, **more)
        )
        fit = make_fit(misfit, (replace(box, level=level),))
        monkeypatch.setattr(reconstruct, "fit_ground_and_physics", lambda *_: fit)
        monkeypatch.setattr(reconstruct, "measure_misfit", lambda _problem, _support, solution: solution.misfit)
        nothing = cast(Any, None)
        hypotheses = [Hypothesis((box,), "hands carry the body", given)]
        config = reconstruct.ReconstructConfig()
        return reconstruct._choose(make_fit(100.0), hypotheses, nothing, nothing, nothing, config, nothing)

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


@pytest.mark.parametrize(("off", "believed"), [((0.9, 1.0), True), ((1.0, 0.9), False)])
def test_of_two_words_on_depth_that_is_kept_with_which_the_rest_agrees(monkeypatch, end, off, believed):
    def observe(_keypoints, _character, _focal, lifter=None):
        return Heard(lifter is not None, ("left forearm",) if lifter else (), None, np.ones(1), np.ones(1))

    monkeypatch.setattr(reconstruct, "observe", observe)
    monkeypatch.setattr(reconstruct, "fit_on_ground", lambda p, *_: end(p, off[0 if p.observations.lifted else 1]))
    monkeypatch.setattr(reconstruct, "_propose", lambda *_: [])
    monkeypatch.setattr(reconstruct, "choose_lifter", lambda _: (object(), ""))
    monkeypatch.setattr(reconstruct, "estimate_focal", lambda *_: 1000.0)
    keypoints = SimpleNamespace(camera_motion=SimpleNamespace(path=None), fps=30.0)
    found = reconstruct.fit_motion(cast(Any, keypoints), cast(Any, None), reconstruct.ReconstructConfig())
    seen = cast(Any, found.fit.problem.observations)
    assert seen.lifted == believed and seen.open_limbs == ("left forearm",)


def test_a_fit_that_hides_frames_is_not_better_for_it(end):
    hidden = Problem(
        cast(Any, None), 30.0, FitSigmas(), cast(Any, Heard(True, weight=np.array([1.0, 0.05]), px_per_metre=1.0))
    )
    shown = Problem(cast(Any, None), 30.0, FitSigmas(), cast(Any, Heard(False, weight=np.ones(2), px_per_metre=1.0)))
    worse, better = end(hidden, 0.6, 9.0), end(shown, 0.5, 0.5)
    assert fit_on_ground.explain_better(worse, better) is better
    assert fit_on_ground.explain_better(better, better) is better
