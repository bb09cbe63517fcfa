"""Hypotheses about what carries a person: each is solved, and the one that explains film and forces best is chosen."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from pose.progress import Progress, silent, take_part
from reconstruct.camera import View
from reconstruct.fit.fit_on_ground import Fit, OnGround, Put, fit_ground_and_physics, fit_on_ground, solve
from reconstruct.fit.misfit import measure_misfit
from reconstruct.fit.problem import Problem
from reconstruct.scene.clearance import find_clearance
from reconstruct.scene.find_surfaces import Hypothesis, propose_surfaces, surfaces_of
from reconstruct.scene.place_objects import place_boxes
from reconstruct.scene_objects import SceneObject

PRICE = 20.0
"""What each surface of a hypothesis costs, in units of the misfit: its height, place and size are free to choose. Were
errors independent, some 5 would do (Schwarz 1978); those of a detector last for several frames."""
LOWEST_OBJECT = 0.2
"""Height from which an object is distinguished from an error in the height of the body above the ground [m]."""
# 2026-11-28: of SFV's films, all on flat ground, the roll had a box of 0.11 m and the jump one of 0.02 m without it.
LOWEST_STAIR = 0.08
"""The same of the first of several stairs, which the others confirm [m]."""

TILT_OF_STAIRS = 0.015
"""Standard deviation of the camera's tilt about that of the first pass where there are several levels [rad]."""

OTHER_LENSES = (40.0, 60.0, 70.0)
"""Fields of view that are tried where the lens may be what makes somebody fall too slowly [degrees]."""
OTHER_LENS = "another lens explains the film better"


def propose(problem: Problem, qpos: np.ndarray, view: View, objects: Sequence[SceneObject] | None) -> list[Hypothesis]:
    """The given objects as the only hypothesis, or those that the motion of the body alone suggests."""
    if objects is None:
        return propose_surfaces(problem.character, qpos, view, problem.fps)
    given = surfaces_of(problem.character, qpos, objects)
    return [given] if given.surfaces else []


def choose(
    flat: Fit,
    hypotheses: list[Hypothesis],
    problem: Problem,
    qpos: np.ndarray,
    view: View,
    iterations: int,
    progress: Progress,
) -> Fit:
    """The hypothesis that explains keypoints and forces best, if it is clearly better than the ground alone."""
    if flat.solution.unknowns[4:6].any():  # the ground moves: what stays in the picture does not stay on it
        return flat
    best, least = flat, measure_misfit(flat.problem, flat.support, flat.solution)
    alone = least
    notes = list[str]()
    for number, hypothesis in enumerate(hypotheses, 1):
        tried, start, seen_from = _lower_ground(problem, qpos, view, hypothesis.base)
        tried = _hold_tilt(replace(tried, surfaces=hypothesis.surfaces), hypothesis)
        part = take_part(progress, number, 1 + len(hypotheses))
        fit = replace(fit_ground_and_physics(tried, start, seen_from, iterations, part), why=hypothesis.why)
        fit = replace(fit, in_air=hypothesis.in_air)
        misfit = measure_misfit(fit.problem, fit.support, fit.solution) + PRICE * len(hypothesis.surfaces)
        levels = [one.level for one in fit.problem.surfaces if one.kind != "wall"] or [np.inf]
        if not hypothesis.given and (max(levels) < LOWEST_OBJECT or min(levels) < LOWEST_STAIR):
            notes.append(f"{hypothesis.why}, but the fit puts them at {min(levels):.2f} m, too low to be sure")
            continue
        notes.append(f"{hypothesis.why}, but the film fits no better ({misfit:.0f} against {alone:.0f})")
        if hypothesis.given or (misfit < least and fit.support.touches is not None and fit.support.touches.any()):
            best, least = fit, misfit
    return best if best is not flat else replace(flat, why=f"not sure: {'; '.join(notes)}")


def keep_out(fit: Fit, given: Sequence[SceneObject] | None, iterations: int) -> Fit:
    """The same, with no part of the body inside of the boxes that carry it, and feet and hands clear of their edges: a
    foot that grazes a stair is caught there in simulation. `given` are things in the world that the motion is to have,
    if they are known.
    """
    if fit.support.touches is None or not fit.support.touches.any():
        return fit
    problem, view = fit.problem.with_unknowns(fit.solution.unknowns)
    boxes = place_boxes(problem.character, fit.solution.qpos, fit.support.touches, problem.surfaces, given)
    still = tuple(replace(one, known=True) for one in problem.surfaces)
    support, qpos = fit.support, fit.solution.qpos
    away = find_clearance(problem.character, qpos, support.contact, fit.support.touches, problem.fps)
    support = replace(support, things=boxes, clearance=away)
    problem = replace(problem, surfaces=still).with_support(support, physics=True)
    solution = solve(problem, qpos, view, iterations)
    return replace(fit, problem=problem.with_unknowns(solution.unknowns)[0], support=support, solution=solution)


def _lower_ground(problem: Problem, qpos: np.ndarray, view: View, base: float) -> tuple[Problem, np.ndarray, View]:
    """A first pass in a world whose ground is at the height `base` of its own [m]."""
    if not base:
        return problem, qpos, view
    lowered = qpos.copy()
    lowered[:, 2] -= base
    expected = replace(problem.expected or view, height=(problem.expected or view).height - base)
    return replace(problem, expected=expected), lowered, replace(view, height=view.height - base)


def _hold_tilt(problem: Problem, hypothesis: Hypothesis) -> Problem:
    """A problem in which the camera stays as the body's balance has it where several heights are unknown: a slope and
    stairs that are too low look alike."""
    if sum(one.kind == "box" and not one.known for one in hypothesis.surfaces) < 2:
        return problem
    return replace(problem, tilt_sigma=tuple(min(sigma, TILT_OF_STAIRS) for sigma in problem.tilt_sigma))


def try_lenses(first: OnGround, fit: Fit, others: Iterable[Problem], put: Put, iterations: int) -> tuple[OnGround, Fit]:
    """The ground alone before another lens, if it explains the film better than an object; else what is given.

    Somebody who jumps towards a camera seems to fall too slowly if its lens is not the assumed one.

    Args:
      first: the body alone, before the assumed lens.
      fit: with the object.
      others: the same film before other lenses.
      put: puts the body on the ground.
      iterations: steps of the optimiser at most, in each pass.
    """
    least = measure_misfit(fit.problem, fit.support, fit.solution) + PRICE * len(fit.problem.surfaces)
    why = f"{OTHER_LENS} than that {fit.why}"
    for problem in others:
        found = fit_on_ground(problem, put, None, iterations, silent)
        if found is None:
            continue
        misfit = measure_misfit(found.fit.problem, found.fit.support, found.fit.solution) + PRICE
        if misfit < least:
            first, fit, least = found, replace(found.fit, why=why), misfit
    return first, fit
