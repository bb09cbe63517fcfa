"""Ways from one skill to another without a pause, tried in simulation.

As in motion graphs (Kovar et al. 2002) and in DeepMimic's skill selection (Peng et al. 2018): states that the first
policy visits are compared with the second reference, the nearest pairs are tried by letting the second policy take
over, and the pair that most bodies survive is kept. Where that fails, a bridge leads over.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from imitate.scene.scene import CONTROL_HZ
from imitate.transitions.bridge import Bridge, make_bridge
from imitate.transitions.leg import enter, perform_skill
from imitate.transitions.states import ChainableSkill, Pair, States, choose_pairs, collect_states
from pose.progress import Progress, silent

WANTED = 0.95
"""Share of the tried bodies that must not fall for a transition to count as possible."""
TRIED_SECONDS = 2.0
"""How long a cycle must go on after it was entered [s]."""
ROUNDS = 3
"""A skill that follows itself must do so this many times in a row: small errors add up."""
BRIDGED_PAIRS = 2
"""Pairs that a bridge is tried for."""


@dataclass(frozen=True, eq=False)
class Transition:
    """A way from one skill to another."""

    source: str
    """Skill that is left."""
    target: str
    """Skill that is entered."""
    pair: Pair
    """Where it is left and entered."""
    survived: float
    """Share of the tried bodies that did not fall."""
    bridge: Bridge | None = None
    """What leads over; None where the second policy takes over at once."""
    after: str | None = None
    """Skill after which so few went on; None for the source from its own beginning."""

    @property
    def possible(self) -> bool:
        """Nearly all bodies went on."""
        return self.survived >= WANTED

    @property
    def kind(self) -> str:
        """In a word: possible, bridged or impossible."""
        return "impossible" if not self.possible else "bridged" if self.bridge else "possible"

    @property
    def reason(self) -> str:
        """Why it is impossible, or how near the states are."""
        gaps = f"{100 * self.pair.pose_gap:.0f} cm and {self.pair.speed_gap:.1f} m/s apart"
        after = f" where {self.after} came before" if self.after else ""
        return gaps if self.possible else f"{1.0 - self.survived:.0%} fall{after}; nearest states {gaps}"


def list_pairs(performers: Sequence[ChainableSkill]) -> list[tuple[ChainableSkill, ChainableSkill]]:
    """Each skill and each that may follow it; a cycle follows itself without any transition."""
    pairs = product(performers, repeat=2)
    return [(one, other) for one, other in pairs if one.name != other.name or not one.task.motion.loop]


def find_transitions(performers: Sequence[ChainableSkill], progress: Progress = silent) -> Iterator[Transition]:
    """The best way from each skill to each that may follow it."""
    states = {performer.name: collect_states(performer) for performer in performers}
    pairs = list_pairs(performers)
    for k, (source, target) in enumerate(pairs):
        progress(k, len(pairs), f"{source.name} -> {target.name}")
        yield find_transition(source, target, states[source.name])
    progress(len(pairs), len(pairs), "transitions")


def find_transition(source: ChainableSkill, target: ChainableSkill, states: States | None = None) -> Transition:
    """The way from one skill to another that most bodies survive; by a bridge only where none is possible without.

    Args:
      source: skill that is left.
      target: skill that is entered, of the same body.
      states: of the source, if they are known.
    """
    states = states or collect_states(source)
    pairs = choose_pairs(source, target, states)
    best = Transition(source.name, target.name, pairs[0], 0.0)
    rounds = ROUNDS if source.name == target.name else 1
    for pair in pairs:
        survived = try_pair(target, states, pair, rounds=rounds)
        if survived > best.survived:
            best = Transition(source.name, target.name, pair, survived)
        if survived == 1.0:
            return best
    if best.possible:
        return best
    for pair in pairs[:BRIDGED_PAIRS]:
        bridge = make_bridge(source, target, states, pair)
        survived = try_pair(target, states, pair, bridge, rounds) if bridge.completed else 0.0
        if survived > best.survived:
            best = Transition(source.name, target.name, pair, survived, bridge)
        if best.possible:
            return best
    return best


def try_pair(
    target: ChainableSkill, states: States, pair: Pair, bridge: Bridge | None = None, rounds: int = 1
) -> float:
    """The share of the bodies living at the exit that go on in the target to its end, or for some time.

    Args:
      target: skill that is entered.
      states: of the skill that is left.
      pair: where.
      bridge: that is crossed before.
      rounds: of a skill into itself: how many times in a row.
    """
    living = np.flatnonzero(states.alive[pair.exit])
    if not len(living):
        return 0.0
    state, upright = (states.qpos[pair.exit][living], states.qvel[pair.exit][living]), np.ones(len(living), dtype=bool)
    for k in range(rounds):
        entry = pair.entry
        if bridge is not None:
            across = bridge.leg(len(living))
            enter(across, 0, *state)
            upright &= across.run()
            state, entry = across.state, bridge.resume
        steps = round(TRIED_SECONDS * CONTROL_HZ) if target.task.motion.loop else 10**6
        leg = perform_skill(target, len(living), pair.exit if k + 1 < rounds else entry + steps)
        enter(leg, entry, *state)
        upright &= leg.run()
        state = leg.state
    return float(upright.mean())
