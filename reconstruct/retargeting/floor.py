"""Floor work from a file: who lay, sat, knelt or rolled on the ground in it, does so on the body that performs it.

A file has joints and no flesh. A trunk of other depth floats or sinks where the old one lay, and nothing carries it. So
what is near the ground is laid upon it and held there, found again, and held again, as in the reconstruction from a
video (`reconstruct.reconstruct`); then the forces behind the motion are made such as these contacts can give.
"""

from dataclasses import replace
from functools import partial

import numpy as np

from reconstruct.camera import View
from reconstruct.characters.character import Character
from reconstruct.contacts import part_contacts
from reconstruct.cycle import close_loop
from reconstruct.fit.hand_support import find_hand_support
from reconstruct.fit.problem import FitSigmas, Problem
from reconstruct.motion import ReferenceMotion
from reconstruct.retargeting.grounding import measure_time_on_ground
from reconstruct.retargeting.retargeting import clip_to_limits
from reconstruct.solver.solve import minimise
from reconstruct.support import Support

SIGMAS = FitSigmas(root_tracking=0.15)
"""A trunk may be shifted by as much as its depth differs."""
TOLERANCE_SCALES = (2.0, 1.0)
"""Of the limits within which a part counts as on the ground, pass by pass."""
COARSE, FINE = 3e-2, 1e-2
"""Relative decrease of the cost in one step below which a pass ends that another one follows, and the last one."""
ITERATIONS, PHYSICS_ITERATIONS = 12, 6
"""Largest number of steps of each pass, and of the last one, with physics: more gain a hundredth of its cost each."""


def lay_on_ground(motion: ReferenceMotion, character: Character, lies: np.ndarray) -> ReferenceMotion:
    """The motion nearest to a given one whose trunk, knees and elbows rest and roll on the ground.

    Args:
      motion: of `character`.
      character: the body.
      lies: frames in which other parts than feet and hands should be on the ground, bool (T,).

    Returns:
      The same motion where it is on the ground for too short (`measure_time_on_ground`).
    """
    if measure_time_on_ground(lies, motion.fps) == 0:
        return motion
    view = View(0.0, 0.0, 0.0, 0.0)
    none = np.zeros(len(view.vector()), dtype=bool)
    problem, qpos = Problem(character, motion.fps, SIGMAS, target=motion.qpos, view_known=True), motion.qpos
    held: Support | None = None
    for tolerance_scale in TOLERANCE_SCALES:
        support = hold_down(problem.find_support(qpos, view, tolerance_scale), lies)
        if held is not None and same_support(support, held):
            continue
        held, terms = support, problem.with_support(support).residuals
        qpos = minimise(terms, problem.space, qpos, view.vector(), none, ITERATIONS, COARSE).qpos
    support = hold_down(problem.find_support(qpos, view), lies)
    support = replace(support, hands=find_hand_support(character, qpos, support.contact, motion.fps))
    terms = problem.with_support(support, physics=True).residuals
    costs = partial(terms, derivatives=False)
    qpos = minimise(terms, problem.space, qpos, view.vector(), none, PHYSICS_ITERATIONS, FINE, costs).qpos
    if motion.loop:
        qpos = close_loop(character.model, qpos, blend=max(2, len(qpos) // 6))
    qpos, contacts = clip_to_limits(character, qpos), part_contacts(support.contact, character.contacts)
    return replace(motion, qpos=qpos, contacts=contacts, contact_names=tuple(character.contacts))


def same_support(one: Support, other: Support) -> bool:
    """Whether the same parts are on the ground in the same frames: then a fit is one already."""
    return all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ("contact", "flight", "rolls", "lies")
    )


def hold_down(support: Support, lies: np.ndarray) -> Support:
    """The same without flight where the body `lies`, bool (T,): if nothing is near the ground, its lowest part is."""
    alone = lies & ~support.contact.any(axis=1) & ~support.rolls.any(axis=1)
    return replace(support, flight=support.flight & ~lies, lying=support.lies | alone)
