"""Random sequences of skills: how many end without a fall."""

import time
from collections.abc import Sequence

import numpy as np

from imitate.transitions.sequence import perform_sequence
from pose.cores import usable_cores
from pose.progress import Progress, silent
from sfv.rows import Row
from sfv.skill import Skill
from sfv.transitions import Ways, has_surroundings, load_transitions, to_chainable

LENGTH = 4
"""Skills in a sequence."""
TRIES = 50
"""Draws until one is long enough."""


def measure_sequences(skills: Sequence[Skill], count: int, seed: int = 0, progress: Progress = silent) -> list[Row]:
    """Performs random sequences of four skills that the table of transitions calls possible, from disturbed starts.

    Args:
      skills: of one body; those with surroundings of their own, and those that nothing can follow, are left out.
      count: how many sequences.
      seed: of the choice and the starts.
      progress: called while transitions are found and after each sequence.
    """
    began = time.perf_counter()
    free = [skill for skill in skills if not has_surroundings(skill)]
    ways = load_transitions(free, progress)
    performers = {skill.name: to_chainable(skill) for skill in free}
    possible = sum(way.possible for way in ways.values())
    chained = list(dict.fromkeys(source for (source, _), way in ways.items() if way.possible))
    left_out = [skill.name for skill in skills if skill.name not in chained]
    rows = [
        Row("transitions_skills", len(chained), "", len(skills), note=f"left out: {', '.join(left_out) or 'none'}"),
        Row("transitions_s", time.perf_counter() - began, "s", len(ways), note=f"{usable_cores()} cores, or the cache"),
        Row("transitions_possible", possible / max(1, len(ways)), "", len(ways), note="of all pairs of these skills"),
        Row("transitions_bridged", float(sum(way.kind == "bridged" for way in ways.values())), "", len(ways)),
    ]
    if not chained:
        return rows
    rng, completed = np.random.default_rng(seed), list[float]()
    for k in range(count):
        names = draw_sequence(chained, ways, rng)
        found = perform_sequence([performers[name] for name in names], ways, rng=rng)
        completed.append(float(not found.rollout.terminated))
        progress(k + 1, count, f"sequences {np.mean(completed):.0%}")
    return [*rows, Row.mean_of("transitions_completed", completed, "", goal=0.9)]


def draw_sequence(names: Sequence[str], ways: Ways, rng: np.random.Generator) -> list[str]:
    """Four skills in an order that the table calls possible; fewer where none leads that far."""
    longest = list[str]()
    for _ in range(TRIES):
        drawn = [str(rng.choice(names))]
        while len(drawn) < LENGTH:
            following = [target for (source, target), way in ways.items() if source == drawn[-1] and way.possible]
            if not following:
                break
            drawn.append(str(rng.choice(following)))
        longest = max(longest, drawn, key=len)
        if len(longest) == LENGTH:
            break
    return longest
