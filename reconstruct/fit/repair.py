"""Physics for a motion that exists already: contacts held, flight a parabola, moments carried, cycles that close."""

from dataclasses import replace

import numpy as np

from reconstruct.camera import View
from reconstruct.characters.character import Character
from reconstruct.cycle import Cycle, close_loop, lead_into, mirror_motion, repeat_cycle, straighten_cycle
from reconstruct.fit.hand_support import find_hand_support
from reconstruct.fit.problem import FitSigmas, Problem
from reconstruct.solver.solve import minimise
from reconstruct.solver.tangent import TangentSpace
from reconstruct.support import Support
from reconstruct.world_frame import move_to

SEAM = 0.25
"""A seam is blended over so long on either side [s]."""
MARGIN = 0.6
"""How much of the neighbouring cycles is repaired along with a cycle [s]."""


def repair_motion(
    character: Character, qpos: np.ndarray, support: Support, fps: float, sigmas: FitSigmas, iterations: int = 24
) -> np.ndarray:
    """The motion nearest to a given one that keeps its contacts and obeys physics, (T, nq)."""
    if support.hands is None:
        support = replace(support, hands=find_hand_support(character, qpos, support.contact, fps))
    view = View(0.0, 0.0, 0.0, 0.0)
    problem = Problem(character, fps, sigmas, target=qpos).with_support(support, physics=True)
    nothing = np.zeros(len(view.vector()), dtype=bool)
    return minimise(problem.residuals, TangentSpace.of(character.model), qpos, view.vector(), nothing, iterations).qpos


def cut_cycle(
    character: Character,
    qpos: np.ndarray,
    support: Support,
    cycle: Cycle,
    fps: float,
    sigmas: FitSigmas,
    straight: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Cuts a cycle out of a motion and makes it one that can go on for ever.

    The seam is blended, then the cycle is laid out with what comes before and after it and repaired as a whole, so
    that both sides of its seam are sound. The gap that is left is far below what can be seen, and closed. Where it is
    to be `straight`, a slight turn is taken out first: a camera does not tell it well, motion capture does.

    Returns:
      qpos (T, nq) whose last frame is the first one again, and its contacts, bool (T, P).
    """
    model, blend = character.model, max(2, round(SEAM * fps))
    part = slice(cycle.first, cycle.last + 1)
    qpos, contact = qpos[part], support.contact[part].copy()
    # Other parts on the ground are where they belong already; here they only say that the body does not fly.
    lying = support.lies[part] | support.rolls[part].any(axis=1)
    if cycle.mirrored:
        image = mirror_motion(model, qpos)
        qpos = lead_into(model, qpos, image[0], blend)
        qpos = np.concatenate([qpos, move_to(image, image[0], qpos[-1])[1:]])
        image_contact = mirror_contacts(character, contact)
        contact[-1] |= image_contact[0]
        contact, lying = np.concatenate([contact, image_contact[1:]]), np.concatenate([lying, lying[1:]])
    qpos = close_loop(model, qpos, min(len(qpos) // 4, blend))
    if straight:
        qpos = straighten_cycle(qpos)
    contact[0] = contact[-1] = contact[0] | contact[-1]

    steps = len(qpos) - 1
    margin = min(steps, round(MARGIN * fps))
    three = repeat_cycle(qpos, 3)[steps - margin : 2 * steps + margin + 1]
    laid_out = slice(steps - margin, 2 * steps + margin + 1)
    contacts, lies = (np.concatenate([x[:-1], x[:-1], x])[laid_out] for x in (contact, lying))
    support = Support(contacts, np.logical_not(contacts.any(axis=1) | lies), lying=lies)
    three = repair_motion(character, three, support, fps, sigmas)
    # The one in the middle has gone on by a cycle: back to where the camera saw it.
    closed = close_loop(model, three[margin : margin + steps + 1], blend)
    return move_to(closed, closed[0], qpos[0]), contact


def mirror_contacts(character: Character, contact: np.ndarray) -> np.ndarray:
    """Contacts of the mirror image of a motion, bool (T, P)."""
    names = [site for sites in character.contacts.values() for site in sites]
    swap = {"left": "right", "right": "left"}
    twins = ["_".join(swap.get(word, word) for word in name.split("_")) for name in names]
    return contact[:, [names.index(twin) if twin in names else i for i, twin in enumerate(twins)]]
