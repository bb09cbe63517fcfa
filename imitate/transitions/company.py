"""Transitions in company: a skill that was entered from another one is left in other states than one that began alone.

A way that is found from a skill's own states may fail from those; it then counts as impossible, whoever came before.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from imitate.transitions.blend import enter_skill
from imitate.transitions.sequence import choose_end
from imitate.transitions.states import ChainableSkill, States, collect_states
from imitate.transitions.transition import WANTED, Transition, cross, go_on
from pose.progress import Progress, silent

COMPANY = 8
"""Bodies that come by each way."""
WANTED_EACH = 0.85
"""Share that must go on after each single way; over all together it is `WANTED`."""

Name = tuple[str, str]
"""(source, target)."""


def check_in_company(
    ways: Mapping[Name, Transition], performers: Mapping[str, ChainableSkill], progress: Progress = silent
) -> dict[Name, Transition]:
    """The same ways; each `survived` is the share that goes on, from its source alone and by the ways that lead there.

    Ways are taken in one by one, the surest first, as long as all that are in go on holding.

    Args:
      ways: (source, target) -> transition.
      performers: the skills by name.
      progress: called after each skill.
    """
    shares, held, found = _try_all(ways, performers, progress), set[Name](), dict(ways)
    alone = {name: ways[name].survived for name in shares}
    for name in sorted(shares, key=lambda name: -float(np.mean([alone[name], *shares[name].values()]))):
        failing = _find_failing(held | {name}, alone, shares)
        if failing is None:
            held.add(name)
            continue
        way, after, share = failing
        when = f"where {after} came before" if way == name else f"on the way from {way[0]} to {way[1]} after it"
        found[name] = replace(ways[name], survived=share, when=when)
    for name in held:
        found[name] = replace(ways[name], survived=_mean_share(name, held, alone, shares))
    return found


def _mean_share(
    name: Name, held: set[Name], alone: Mapping[Name, float], shares: Mapping[Name, Mapping[Name, float]]
) -> float:
    return float(np.mean([alone[name], *(share for before, share in shares[name].items() if before in held)]))


def _find_failing(
    held: set[Name], alone: Mapping[Name, float], shares: Mapping[Name, Mapping[Name, float]]
) -> tuple[Name, str, float] | None:
    """A way that does not hold after some others: it, the skill before it, and the share that goes on."""
    for name in held:
        by = {before[0]: share for before, share in shares[name].items() if before in held}
        if by and (min(by.values()) < WANTED_EACH or _mean_share(name, held, alone, shares) < WANTED):
            after = min(by, key=lambda one: by[one])
            return name, after, by[after]
    return None


def _try_all(
    ways: Mapping[Name, Transition], performers: Mapping[str, ChainableSkill], progress: Progress
) -> dict[Name, dict[Name, float]]:
    """For each possible way and each that leads to its source: the share that goes on."""
    possible = {name: way for name, way in ways.items() if way.possible}
    states = dict[str, States]()
    shares = {name: dict[Name, float]() for name in possible}
    for k, (middle, performer) in enumerate(performers.items()):
        progress(k, len(performers), f"{middle}, whoever came before")
        onward = [way for way in possible.values() if way.source == middle]
        visits = dict[Name, Visit]()
        for name, before in possible.items():
            if before.target == middle and onward:
                if before.source not in states:
                    states[before.source] = collect_states(performers[before.source])
                visits[name] = visit(before, performer, onward, states[before.source])
        for way in onward:
            for name, share in _try_after(way, visits, performers).items():
                shares[way.source, way.target][name] = share
    progress(len(performers), len(performers), "in company")
    return shares


@dataclass(frozen=True, eq=False)
class Visit:
    """What bodies do in a skill that they came to by a way."""

    entry: int
    """Frame of the skill's reference at which they came."""
    qpos: np.ndarray
    """Poses at the entry and after each control step, (K, N, nq)."""
    qvel: np.ndarray
    """Velocities, (K, N, nv)."""
    alive: np.ndarray
    """Not fallen so far, bool (K, N)."""


def visit(before: Transition, middle: ChainableSkill, onward: list[Transition], states: States) -> Visit:
    """Performs a skill after a way into it, until the last frame at which it is left.

    Args:
      before: the way.
      middle: the skill.
      onward: ways out of it.
      states: of the skill that `before` leaves.
    """
    living = np.flatnonzero(states.alive[before.pair.exit])[:COMPANY]
    state = states.qpos[before.pair.exit][living], states.qvel[before.pair.exit][living]
    entry, state, upright = cross(before, *state)
    end = max(choose_end(middle, entry, way, 0.0) for way in onward)
    leg = enter_skill(middle, entry, *state, end, before.blend)
    qpos, qvel, alive = [leg.env.qpos.copy()], [leg.env.qvel.copy()], [upright]
    for _ in range(leg.end - entry):
        alive.append(alive[-1] & ~leg.step().terminated)
        qpos.append(leg.env.qpos.copy())
        qvel.append(leg.env.qvel.copy())
    return Visit(entry, np.array(qpos), np.array(qvel), np.array(alive))


def _try_after(
    way: Transition, visits: Mapping[Name, Visit], performers: Mapping[str, ChainableSkill]
) -> dict[Name, float]:
    """The share that goes on by a way, of the bodies that came by each other and did not fall before."""
    source, target = performers[way.source], performers[way.target]
    qpos, qvel, owner = [], [], []
    for name, one in visits.items():
        row = min(choose_end(source, one.entry, way, 0.0) - one.entry, len(one.qpos) - 1)
        living = one.alive[row]
        qpos.append(one.qpos[row][living])
        qvel.append(one.qvel[row][living])
        owner += [name] * int(living.sum())
    if not owner:
        return {}
    over = go_on(way, target, np.concatenate(qpos), np.concatenate(qvel))
    return {
        name: float(np.mean([o for o, mine in zip(over, owner, strict=True) if mine == name]))
        for name in visits
        if name in owner
    }
