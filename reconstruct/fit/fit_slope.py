"""Whether the ground that somebody walks on is a slope: the fit on level ground goes on with gravity tilted in it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from reconstruct.camera import View
from reconstruct.fit.fit_on_ground import Fit, join_notes, solve
from reconstruct.fit.misfit import measure_misfit
from reconstruct.scene.find_pushed import find_pushed
from reconstruct.scene_objects import STEEPEST, SceneObject, find_slope
from reconstruct.terms.slope import LEAST, Slope, find_way, slope_of

PRICE = 4.0
"""What a slope costs in units of the misfit: its angle is free to choose. 4 are 2.8 standard deviations."""
HINT = np.radians(2.0)
"""Angle between the plumb line that is expected and the ground's normal from which a slope is tried [rad]."""


def fit_slope(level: Fit, given: Sequence[SceneObject] | None, iterations: int) -> Fit:
    """The same motion on a slope, if that is sure or given; else on level ground as it is.

    The slope has one unknown more than level ground and begins there: all that changes is what the angle changes.

    Args:
      level: the motion on level ground, which is left alone if things stand on it.
      given: what carries the person, in the world that the motion is to have; None if it is to be found.
      iterations: steps of the optimiser at most.
    """
    if level.support.touches is not None:
        return level
    problem, view = level.problem.with_unknowns(level.solution.unknowns)
    qpos = level.solution.qpos
    if given is not None:
        thing = find_slope(given)
        return level if thing is None else _solve_on(level, slope_of(thing, qpos), "given", iterations)
    way = find_way(problem.character, qpos, problem.fps)
    if way is None or problem.carried is not None or problem.view_known or view.ground_velocity != (0.0, 0.0):
        return level
    slope = guess_slope(view, problem.expected or view, way)
    if abs(slope.angle) < HINT:
        return level
    if find_pushed(problem.character, qpos, level.support.contact, problem.fps) is not None:
        return level  # who leans on what they push stands upright to gravity on no ground
    fit = _solve_on(level, slope, "who walks there stands upright to gravity, and not to the ground", iterations)
    found = fit.problem.slope
    assert found is not None
    gain = measure_misfit(problem, level.support, level.solution)
    gain -= measure_misfit(fit.problem, fit.support, fit.solution)
    angle = abs(found.angle)
    if found.is_sure(problem.tilt_sigma) and gain > PRICE and angle < STEEPEST:
        return fit
    if angle < LEAST or gain <= 0.0:  # as for most walks on level ground
        return level
    note = (
        f"not sure: a slope of {np.degrees(angle):.0f} degrees, or a tilted camera; the film fits by {gain:.1f} better"
    )
    return replace(level, why=join_notes(level.why, note))


def guess_slope(view: View, expected: View, way: tuple[float, float]) -> Slope:
    """The slope along a way under which a camera sees the plumb line where it is expected.

    Args:
      view: before the ground.
      expected: before level ground.
      way: unit vector on the ground.
    """
    up = view.rotation().T @ expected.rotation()[:, 2]
    return Slope(float(np.arctan2(up[:2] @ way, up[2])), way)


def _solve_on(level: Fit, slope: Slope, why: str, iterations: int) -> Fit:
    """The motion of a fit on level ground, solved on a slope."""
    problem, view = level.problem.with_unknowns(level.solution.unknowns)
    problem = replace(problem, slope=slope)
    solution = solve(problem, level.solution.qpos, view, 2 * iterations)
    return replace(
        level, problem=problem.with_unknowns(solution.unknowns)[0], solution=solution, why=join_notes(level.why, why)
    )
