"""Transitions in company: a skill that was entered from another one is left in other states than one that began alone.

A way that is found from a skill's own states may fail from those. Then others are tried from all these states together;
what still fails after some skill counts as impossible, whoever came before.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from imitate.scene.scene import CONTROL_HZ
from imitate.transitions.blend import enter_skill
from imitate.transitions.sequence import LEAST_SECONDS, choose_end
from imitate.transitions.states import LOOP_SECONDS, ChainableSkill, States, choose_pairs, collect_states
from imitate.transitions.transition import BLENDS, ROUNDS, WANTED, Transition, cross, go_on, try_pair
from pose.progress import Progress, silent

COMPANY = 8
"""Bodies that come by each way."""
WANTED_EACH = 0.85
"""Share that must go on after each single way; over all together it is `WANTED`."""

FEW, AGAIN = 2, 3
"""Bodies of each way that another way is first tried with, and ways that are then tried with all."""

Name = tuple[str, str]
"""(source, target)."""


def check_in_company(
    ways: Mapping[Name, Transition],
    performers: Mapping[str, ChainableSkill],
    wanted: Collection[Name] = (),
    progress: Progress = silent,
) -> dict[Name, Transition]:
    """The same ways; each `survived` is the share that goes on, from its source alone and by the ways that lead there.

    Ways that do not hold are searched for again, once. Then ways are taken in one by one, the surest first, as long as
    all that are in go on holding.

    Args:
      ways: (source, target) -> transition.
      performers: the skills by name.
      wanted: ways that are taken in before all others.
      progress: called after each skill.
    """
    ways = _mend(ways, performers, progress)
    shares, held, found = _try_all(ways, performers, progress), set[Name](), dict(ways)
    alone = {name: ways[name].survived for name in shares}
    surest = sorted(shares, key=lambda name: -float(np.mean([alone[name], *shares[name].values()])))
    for name in sorted(surest, key=lambda name: name not in wanted):
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
    """The first way by name that fails after some others: it, the skill before it, and the share that goes on."""
    for name in sorted(held):
        by = {before[0]: share for before, share in shares[name].items() if before in held}
        if by and (min(by.values()) < WANTED_EACH or _mean_share(name, held, alone, shares) < WANTED):
            after = min(by, key=lambda one: by[one])
            return name, after, by[after]
    return None


def _try_all(
    ways: Mapping[Name, Transition], performers: Mapping[str, ChainableSkill], progress: Progress
) -> dict[Name, dict[Name, float]]:
    """For each possible way and each that leads to its source: the share that goes on."""
    shares = dict[Name, dict[Name, float]]()
    for k, (name, performer) in enumerate(performers.items()):
        progress(k, len(performers), f"{name}, whoever came before")
        onward = [way for way in ways.values() if way.source == name and way.possible]
        visits = visit_all(ways, performer, performers) if onward else {}
        for way in onward:
            shares[way.source, way.target] = _try_after(way, visits, performer, performers[way.target])
    progress(len(performers), len(performers), "in company")
    return shares


def _mend(
    ways: Mapping[Name, Transition], performers: Mapping[str, ChainableSkill], progress: Progress
) -> dict[Name, Transition]:
    """The same ways; one that does not hold after those that lead to its source is replaced if another holds better."""
    found = dict(ways)
    for k, (name, performer) in enumerate(performers.items()):
        progress(k, len(performers), f"other ways from {name}")
        onward = [way for way in ways.values() if way.source == name and way.possible]
        visits = visit_all(ways, performer, performers) if onward else {}
        for way in onward:
            shares = _try_after(way, visits, performer, performers[way.target])
            if shares and (min(shares.values()) < WANTED_EACH or np.mean([way.survived, *shares.values()]) < WANTED):
                found[way.source, way.target] = _search_again(way, visits, performer, performers[way.target], shares)
    return found


def _search_again(
    way: Transition,
    visits: Mapping[Name, "Visit"],
    source: ChainableSkill,
    target: ChainableSkill,
    shares: Mapping[Name, float],
) -> Transition:
    """The way that most bodies survive, whether they began in its source or came there: a few try all, all the best."""
    rounds = ROUNDS if source.name == target.name else 1
    states, few = collect_states(source), {name: one.first(FEW) for name, one in visits.items()}
    tried = list[tuple[float, Transition]]()
    for pair, blend in product(choose_pairs(source, target, states), BLENDS[:2]):
        other = replace(way, pair=pair, blend=blend, bridge=None)
        by = _try_after(other, few, source, target)
        tried.append((float(np.mean(list(by.values()))) if by else 0.0, other))
    best, most = way, float(np.mean([way.survived, *shares.values()]))
    for _, other in sorted(tried, key=lambda one: -one[0])[:AGAIN]:
        alone = try_pair(target, states, other.pair, other.blend, rounds=rounds)
        mean = float(np.mean([alone, *_try_after(other, visits, source, target).values()]))
        if mean > most and alone >= WANTED:
            best, most = replace(other, survived=alone), mean
    return best


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

    def first(self, count: int) -> "Visit":
        """The same of the first bodies alone."""
        return Visit(self.entry, self.qpos[:, :count], self.qvel[:, :count], self.alive[:, :count])


def visit_all(
    ways: Mapping[Name, Transition], middle: ChainableSkill, performers: Mapping[str, ChainableSkill]
) -> dict[Name, Visit]:
    """What bodies do in a skill after each possible way into it."""
    coming = {name: way for name, way in ways.items() if way.target == middle.name and way.possible}
    return {name: visit(way, middle, collect_states(performers[way.source])) for name, way in coming.items()}


def visit(before: Transition, middle: ChainableSkill, states: States) -> Visit:
    """Performs a skill after a way into it, until the last frame at which it may be left.

    Args:
      before: the way.
      middle: the skill.
      states: of the skill that `before` leaves.
    """
    living = np.flatnonzero(states.alive[before.pair.exit])[:COMPANY]
    state = states.qpos[before.pair.exit][living], states.qvel[before.pair.exit][living]
    entry, state, upright = cross(before, *state)
    rounds = 2 * middle.task.reference(LOOP_SECONDS).starts + round(LEAST_SECONDS * CONTROL_HZ)
    end = entry + rounds if middle.task.motion.loop else 10**6
    leg = enter_skill(middle, entry, *state, end, before.blend)
    qpos, qvel, alive = [leg.env.qpos.copy()], [leg.env.qvel.copy()], [upright]
    for _ in range(leg.end - entry):
        alive.append(alive[-1] & ~leg.step().terminated)
        qpos.append(leg.env.qpos.copy())
        qvel.append(leg.env.qvel.copy())
    return Visit(entry, np.array(qpos), np.array(qvel), np.array(alive))


def _try_after(
    way: Transition, visits: Mapping[Name, Visit], source: ChainableSkill, target: ChainableSkill
) -> dict[Name, float]:
    """The share that goes on by a way, of the bodies that came by each other and did not fall before."""
    qpos, qvel, owner = [], [], list[Name]()
    for name, one in visits.items():
        row = min(choose_end(source, one.entry, way, 0.0) - one.entry, len(one.qpos) - 1)
        living = one.alive[row]
        qpos.append(one.qpos[row][living])
        qvel.append(one.qvel[row][living])
        owner += [name] * int(living.sum())
    if not owner:
        return {}
    over = go_on(way, target, np.concatenate(qpos), np.concatenate(qvel))
    counted = dict.fromkeys(owner)
    return {
        name: float(np.mean([held for held, one in zip(over, owner, strict=True) if one == name])) for name in counted
    }
