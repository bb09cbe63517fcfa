"""Random sequences of skills: how many end without a fall."""

from collections.abc import Sequence

import numpy as np

from imitate.transitions.sequence import perform_sequence
from pose.progress import Progress, silent
from sfv.rows import Row
from sfv.skill import Skill
from sfv.transitions import Ways, load_transitions, to_chainable

LENGTH = 4
"""Skills in a sequence."""


def measure_sequences(skills: Sequence[Skill], count: int, seed: int = 0, progress: Progress = silent) -> list[Row]:
    """Performs random sequences of four skills that the table of transitions calls possible, from disturbed starts.

    Args:
      skills: of one body.
      count: how many sequences.
      seed: of the choice and the starts.
      progress: called while transitions are found and after each sequence.
    """
    ways = load_transitions(skills, progress)
    performers = {skill.name: to_chainable(skill) for skill in skills}
    possible = sum(way.possible for way in ways.values())
    rows = [
        Row("transitions_possible", possible / max(1, len(ways)), "", len(ways), note="of all pairs of these skills"),
        Row("transitions_bridged", float(sum(way.kind == "bridged" for way in ways.values())), "", len(ways)),
    ]
    rng, completed = np.random.default_rng(seed), list[float]()
    for k in range(count):
        names = draw_sequence(list(performers), ways, rng)
        found = perform_sequence([performers[name] for name in names], ways, rng=rng)
        completed.append(float(not found.rollout.terminated))
        progress(k + 1, count, f"sequences {np.mean(completed):.0%}")
    return [*rows, Row.mean_of("transitions_completed", completed, "", goal=0.9)]


def draw_sequence(names: Sequence[str], ways: Ways, rng: np.random.Generator) -> list[str]:
    """Skills in an order that the table calls possible; shorter than four where the last one leads nowhere."""
    drawn = [str(rng.choice(names))]
    while len(drawn) < LENGTH:
        following = [target for (source, target), way in ways.items() if source == drawn[-1] and way.possible]
        if not following:
            break
        drawn.append(str(rng.choice(following)))
    return drawn
