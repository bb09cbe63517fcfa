"""Random sequences: four skills by possible ways, with the ones that lead nowhere only at the end."""

import itertools

import numpy as np

from imitate.transitions.states import Pair
from imitate.transitions.transition import Transition
from sfv.bench.sequences import draw_sequence

PAIR = Pair(exit=1, entry=0, pose_gap=0.1, speed_gap=0.1)


def test_sequences_are_of_four_skills_by_possible_ways() -> None:
    shares = {("a", "b"): 1.0, ("b", "a"): 0.96, ("a", "end"): 1.0, ("end", "a"): 0.9, ("b", "b"): 0.5}
    ways = {name: Transition(*name, PAIR, share) for name, share in shares.items()}
    rng = np.random.default_rng(0)
    drawn = [draw_sequence(["a", "b"], ways, rng) for _ in range(40)]
    for names in drawn:
        assert len(names) == 4
        assert all(ways[pair].possible for pair in itertools.pairwise(names))
    assert any(names[-1] == "end" for names in drawn)
    assert len(draw_sequence(["end"], ways, rng)) == 1
