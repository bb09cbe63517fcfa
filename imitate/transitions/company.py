"""Transitions in company: a skill that was entered from another one is left in other states than one that began alone.

A way that is found from a skill's own states may fail from those; it then counts as impossible, whoever came before.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from imitate.scene.scene import CONTROL_HZ
from imitate.transitions.leg import enter, perform_skill
from imitate.transitions.sequence import choose_end
from imitate.transitions.states import ChainableSkill, States, collect_states
from imitate.transitions.transition import TRIED_SECONDS, Transition
from pose.progress import Progress, silent


def check_in_company(
    ways: Mapping[tuple[str, str], Transition], performers: Mapping[str, ChainableSkill], progress: Progress = silent
) -> dict[tuple[str, str], Transition]:
    """The same ways; each `survived` is the least share that goes on, over the ways by which its source may be entered.

    Ways that fail are taken out one by one, the worst first: what comes by them does not count for the others any more.

    Args:
      ways: (source, target) -> transition.
      performers: the skills by name.
      progress: called after each way.
    """
    found = dict(ways)
    shares = _try_all(ways, performers, progress)
    while True:
        possible = {pair for pair, way in found.items() if way.possible}
        for pair, by in shares.items():
            least, after = min(((share, one) for one, share in by.items() if one in possible), default=(1.0, None))
            if after is not None and least < found[pair].survived:
                found[pair] = replace(ways[pair], survived=least, after=after[0])
        failing = {
            pair: way for pair, way in found.items() if not way.possible and ways[pair].possible and pair in shares
        }
        if not failing:
            return found
        worst = min(failing, key=lambda pair: failing[pair].survived)
        del shares[worst]
        found |= {pair: ways[pair] for pair in shares}


def _try_all(
    ways: Mapping[tuple[str, str], Transition], performers: Mapping[str, ChainableSkill], progress: Progress
) -> dict[tuple[str, str], dict[tuple[str, str], float]]:
    """For each possible way and each that leads to its source: the share that goes on."""
    states, possible = dict[str, States](), {pair: way for pair, way in ways.items() if way.possible}
    shares = {pair: dict[tuple[str, str], float]() for pair in possible}
    for k, (pair, way) in enumerate(possible.items()):
        for one, before in possible.items():
            if before.target != way.source:
                continue
            if before.source not in states:
                states[before.source] = collect_states(performers[before.source])
            shares[pair][one] = try_after(before, way, performers, states[before.source])
        progress(k + 1, len(possible), f"{way.source} -> {way.target}, whoever came before")
    return shares


def try_after(before: Transition, way: Transition, performers: Mapping[str, ChainableSkill], states: States) -> float:
    """The share that goes on in a way's target, of the bodies that came by another way and did not fall before.

    Args:
      before: leads to the source of `way`.
      way: that is tried.
      performers: the skills by name.
      states: of the skill that `before` leaves.
    """
    living = np.flatnonzero(states.alive[before.pair.exit])
    state = states.qpos[before.pair.exit][living], states.qvel[before.pair.exit][living]
    entry, state, upright = cross(before, *state)
    middle, target = performers[way.source], performers[way.target]
    leg = perform_skill(middle, len(living), choose_end(middle, entry, way, 0.0))
    enter(leg, entry, *state)
    upright &= leg.run()
    entry, state, over = cross(way, *leg.state)
    steps = round(TRIED_SECONDS * CONTROL_HZ) if target.task.motion.loop else 10**6
    leg = perform_skill(target, len(living), entry + steps)
    enter(leg, entry, *state)
    over &= leg.run()
    return float(over[upright].mean()) if upright.any() else 1.0


def cross(way: Transition, qpos: np.ndarray, qvel: np.ndarray) -> tuple[int, tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Bodies (N, nq), (N, nv) at the beginning of a way's target: its frame, their states, and which did not fall."""
    if way.bridge is None:
        return way.pair.entry, (qpos, qvel), np.ones(len(qpos), dtype=bool)
    across = way.bridge.leg(len(qpos))
    enter(across, 0, qpos, qvel)
    upright = across.run()
    return way.bridge.resume, across.state, upright
