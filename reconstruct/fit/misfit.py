"""How badly a motion explains its film and its forces: one measure for hypotheses solved in different ways."""

from dataclasses import replace

import numpy as np

from reconstruct.contacts import contact_points
from reconstruct.fit.problem import Problem
from reconstruct.kinematics import BodyPoints, PointSet, compute_kinematics
from reconstruct.scene.surface_terms import ARM
from reconstruct.scene.surfaces import carried_points, find_forces
from reconstruct.solver.solve import Solution
from reconstruct.support import Support
from reconstruct.terms.contact_wrench import Contacts, contact_wrench, unsupported_share
from reconstruct.terms.dynamics import CentroidalMotion
from reconstruct.terms.slope import tilt_gravity

TERMS = (
    "reprojection", "bones_3d", "acceleration", "velocity", "limits", "prior", "view", "camera_height", "slip",
    "surface_slip", "penetration", "rise",
)  # fmt: skip
"""What every hypothesis has to explain."""

FORCE = 0.6
"""Force by mass without a contact that counts as one standard deviation between hypotheses [m/s2]. The right one leaves
next to nothing, so this is smaller than what the fit itself allows (`FitSigmas.unsupported`)."""
FREEDOM = 10.0
"""Parameters of a part that moves freely [1/s]: what the fit of a hand gains by them was 6 units a second."""


def measure_misfit(problem: Problem, support: Support, solution: Solution) -> float:
    """Cost of the film, of smoothness, of feet that slide, and of the force that no contact gives, in all frames.

    Args:
      problem: at the solution's surfaces.
      support: what carries.
      solution: the motion.
    """
    film = sum(cost for name, cost in solution.cost.items() if name in TERMS)
    return film + unsupported_cost(problem, support, solution.qpos) - count_freedom(problem, support)


def count_freedom(problem: Problem, support: Support) -> float:
    """What a hypothesis would save by letting hands, feet and trunk go that it holds in place above the ground.

    A part that moves freely follows the detector's noise as well, and each parameter of a fit saves half a unit by that
    (Akaike 1974: a model with k parameters more has to be better by k).
    """
    if support.touches is None:
        return 0.0
    bodies = carried_points(problem.character).bodies
    held = sum(float((support.touches[:, bodies == body] > 0).any(axis=1).sum()) for body in np.unique(bodies))
    return FREEDOM * held / problem.fps


def unsupported_cost(problem: Problem, support: Support, qpos: np.ndarray) -> float:
    """Robust cost of the wrench that no contact gives, in all frames but those on something unknown."""
    body, contacts = gather_contacts(problem, support, qpos)
    block, _ = contact_wrench(body, contacts, ~support.lies, (FORCE, ARM * FORCE))
    return block.loss()


def measure_unsupported(problem: Problem, support: Support, qpos: np.ndarray) -> np.ndarray:
    """Force that no contact gives, in all frames but the first and last [share of the body's weight], (T - 2,).

    An acceleration by second differences lasts from the frame before to the one after: what touches in either counts.
    """
    body, contacts = gather_contacts(problem, _widen_by_a_frame(support), qpos)
    return unsupported_share(body, contacts, np.ones(len(qpos), dtype=bool))


def _widen_by_a_frame(support: Support) -> Support:
    """The same with every contact a frame longer at both ends."""
    contact, rolling, touches = support.contact.copy(), support.rolling, support.touches
    contact[1:] |= support.contact[:-1]
    contact[:-1] |= support.contact[1:]
    if rolling is not None:
        rolling = rolling.copy()
        rolling[1:] |= support.rolls[:-1]
        rolling[:-1] |= support.rolls[1:]
    if touches is not None:
        before, after = np.zeros_like(touches), np.zeros_like(touches)
        before[1:], after[:-1] = touches[:-1], touches[1:]
        touches = np.where(touches > 0, touches, np.maximum(before, after))
    return replace(support, contact=contact, rolling=rolling, touches=touches)


def gather_contacts(problem: Problem, support: Support, qpos: np.ndarray) -> tuple[CentroidalMotion, Contacts]:
    """The motion of the whole body, and where forces may act on it."""
    points = PointSet.of(carried=carried_points(problem.character), masses=BodyPoints.of_masses(problem.model))
    kin = compute_kinematics(problem.model, qpos, points, derivatives=False)
    body = tilt_gravity(CentroidalMotion.of(problem.model, kin, problem.fps), problem.slope)
    count = len(carried_points(problem.character)) - len(contact_points(problem.character))
    rolls = support.rolls if support.rolls.shape[1] else np.zeros((len(qpos), count), dtype=bool)
    grounded = np.concatenate([support.contact, rolls], axis=1)
    touches = np.zeros(grounded.shape, dtype=int) if support.touches is None else support.touches
    return body, replace(find_forces(kin["carried"], grounded, touches, problem.surfaces), jac=None)
