"""Fits a motion that the ground alone carries: the body, the ground, then physics."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from pose.progress import Progress
from reconstruct.camera import View
from reconstruct.contacts import find_ground_velocity
from reconstruct.fit.hand_support import find_hand_support
from reconstruct.fit.initial_motion import guess_initial_motion
from reconstruct.fit.path_unit import find_unit, go_along, level_with_ground
from reconstruct.fit.problem import Problem
from reconstruct.solver.solve import Solution, minimise
from reconstruct.solver.tangent import TangentSpace
from reconstruct.support import Support
from reconstruct.world_frame import to_view

Put = Callable[[Problem, np.ndarray, View], tuple[Problem, np.ndarray, View]]
"""Puts a body that is fitted alone on the ground."""


@dataclass(frozen=True)
class Fit:
    """A motion and the problem that it solves."""

    problem: Problem
    support: Support
    solution: Solution
    why: str = ""
    """What spoke for the hypothesis."""
    in_air: bool = False
    """It is one of those that another lens may take the place of, see `Hypothesis.in_air`."""


def join_notes(*notes: str) -> str:
    """One line of those that are not empty."""
    return "; ".join(filter(None, notes))


class OnGround(NamedTuple):
    """A motion on the ground alone."""

    problem: Problem
    """What the body alone was fitted to."""
    qpos: np.ndarray
    """The body alone, (T, nq). Ground and flight, once imposed, explain away what carries besides the ground."""
    view: View
    """In which that was."""
    fit: Fit
    """With ground and physics."""


def fit_on_ground(
    problem: Problem, put: Put, known: View | None, iterations: int, progress: Progress
) -> OnGround | None:
    """Fits the body, then ground and physics.

    Args:
      problem: with observations.
      put: puts the body on the ground.
      known: the camera's view, if it is known, and with it the ground.
      iterations: steps of the optimiser at most, in each pass.
      progress: called after each pass.

    Returns:
      The motion; None where the length of the camera's path cannot be found.
    """
    assert problem.observations is not None
    qpos, steady = guess_initial_motion(problem.observations, problem.character, problem.focal_px, problem.fps)
    problem = problem.with_scale(qpos).downweight_unsteady(steady)
    progress(1, 6, "first guess")

    # 1. The body alone: landmarks, smoothness, joint limits. Its balance shows where the vertical is.
    solution = solve(problem, qpos, problem.first_view(), iterations)
    qpos, view = solution.qpos, problem.first_view()
    if problem.carried is not None:
        unit, problem = find_unit(problem, qpos, view)
        if unit is None:
            return None
        problem, qpos = go_along(problem, qpos, view, unit)
    if known is None:
        problem, qpos, view = level_with_ground(*put(problem, qpos, view))
    else:
        problem, qpos, view = replace(problem, view_known=True), to_view(qpos, view, known), known
    progress(2, 6, "body")
    return OnGround(problem, qpos, view, fit_ground_and_physics(problem, qpos, view, iterations, progress))


def fit_ground_and_physics(problem: Problem, qpos: np.ndarray, view: View, iterations: int, progress: Progress) -> Fit:
    """Fits the ground, then physics, from the body alone; arguments as of `fit_on_ground`."""
    character, fps = problem.character, problem.fps
    # 2. The ground: contacts found from the motion, held still, found again; the camera's tilt and height follow.
    for index, tolerance_scale in enumerate((2.0, 1.4, 1.0)):
        if index == 0 and not problem.surfaces and problem.carried is None and not problem.view_known:
            view = replace(view, ground_velocity=find_ground_velocity(problem.contact_positions(qpos), view, fps))
        support = problem.find_support(qpos, view, tolerance_scale)
        problem = problem.with_support(support)
        solution = solve(problem, qpos, view, iterations)
        qpos = solution.qpos
        problem, view = problem.with_unknowns(solution.unknowns)
        progress(3 + index, 6, "ground")

    # 3. Physics: parabolas and steady spin in flight, the zero-moment point within the support.
    support = problem.find_support(qpos, view)
    if not problem.surfaces:
        support = replace(support, hands=find_hand_support(character, qpos, support.contact, fps))
    problem = problem.with_support(support, physics=True)
    solution = solve(problem, qpos, view, 2 * iterations)
    progress(6, 6, "physics")
    return Fit(problem.with_unknowns(solution.unknowns)[0], support, solution)


def solve(problem: Problem, qpos: np.ndarray, view: View, iterations: int) -> Solution:
    """Minimises a problem from a pose and view."""
    return minimise(
        problem.residuals,
        TangentSpace.of(problem.model),
        qpos,
        problem.unknowns(view),
        problem.free_globals(view),
        iterations,
    )
