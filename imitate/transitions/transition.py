"""Ways from one skill to another without a pause, tried in simulation.

As in motion graphs (Kovar et al. 2002) and in DeepMimic's skill selection (Peng et al. 2018): states that the first
policy visits are compared with the second reference, and the nearest pairs are tried by letting the second policy take
over, its reference blended from the body's state. The pair that most bodies survive is kept. Where all fail, a bridge
by tracking control leads over.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from imitate.scene.scene import CONTROL_HZ
from imitate.transitions.blend import enter_skill
from imitate.transitions.bridge import STEPS, Bridge, make_bridge
from imitate.transitions.leg import enter
from imitate.transitions.states import ChainableSkill, Pair, States, choose_pairs, collect_states

WANTED = 0.95
"""Share of the tried bodies that must not fall for a transition to count as possible."""
TRIED_SECONDS = 2.0
"""How long a cycle must go on after it was entered [s]."""
ROUNDS = 3
"""A skill that follows itself must do so this many times in a row: small errors add up."""
BLENDS = (16, 8, 30, 0)
"""Lengths of blends that are tried for each pair [control steps]."""
BRIDGED_PAIRS = 2
"""Pairs that a bridge is tried for."""
FIRST = 8
"""Bodies that are tried first; if half of them fall, the others are spared."""


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
    blend: int = 0
    """Length of the blend into the second reference [control steps]; 0 for none."""
    bridge: Bridge | None = None
    """What leads over by tracking control; None where the second policy takes over."""
    when: str | None = None
    """In which sequence so few went on, in words; None for the source from its own beginning."""

    @property
    def possible(self) -> bool:
        """Nearly all bodies went on."""
        return self.survived >= WANTED

    @property
    def kind(self) -> str:
        """In a word: possible, bridged or impossible."""
        return "impossible" if not self.possible else "bridged" if self.bridge or self.blend else "possible"

    @property
    def reason(self) -> str:
        """How it is done, or why it is impossible, and how near the states are."""
        gaps = f"{100 * self.pair.pose_gap:.0f} cm and {self.pair.speed_gap:.1f} m/s apart"
        when = f" {self.when}" if self.when else ""
        if not self.possible:
            return f"{1.0 - self.survived:.0%} fall{when}; nearest states {gaps}"
        if self.bridge:
            return f"{gaps}; tracking control for {STEPS / CONTROL_HZ:.1f} s"
        return f"{gaps}; blended over {self.blend / CONTROL_HZ:.1f} s" if self.blend else gaps


def list_pairs(performers: Sequence[ChainableSkill]) -> list[tuple[ChainableSkill, ChainableSkill]]:
    """Each skill and each that may follow it; a cycle follows itself without any transition."""
    pairs = product(performers, repeat=2)
    return [(one, other) for one, other in pairs if one.name != other.name or not one.task.motion.loop]


def find_transition(source: ChainableSkill, target: ChainableSkill) -> Transition:
    """The way from one skill to another of the same body that most bodies survive, without tracking control."""
    states = collect_states(source)
    pairs = choose_pairs(source, target, states)
    best = Transition(source.name, target.name, pairs[0], 0.0)
    rounds = ROUNDS if source.name == target.name else 1
    for pair, steps in product(pairs, BLENDS):
        survived = try_pair(target, states, pair, steps, rounds=rounds)
        if survived > best.survived:
            best = Transition(source.name, target.name, pair, survived, steps)
        if survived == 1.0:
            return best
    return best


def find_bridge(source: ChainableSkill, target: ChainableSkill) -> Transition:
    """A way over a bridge by tracking control, from one skill to another of the same body; some twenty seconds."""
    states = collect_states(source)
    pairs, rounds = choose_pairs(source, target, states), ROUNDS if source.name == target.name else 1
    best = Transition(source.name, target.name, pairs[0], 0.0)
    for pair in pairs[:BRIDGED_PAIRS]:
        bridge = make_bridge(source, target, states, pair)
        survived = try_pair(target, states, pair, 0, bridge, rounds) if bridge.completed else 0.0
        if survived > best.survived:
            best = Transition(source.name, target.name, pair, survived, bridge=bridge)
        if best.possible:
            break
    return best


def try_pair(
    target: ChainableSkill, states: States, pair: Pair, blend: int, bridge: Bridge | None = None, rounds: int = 1
) -> float:
    """The share of the bodies that go on in the target to its end, or for some time; who fell before does not.

    Args:
      target: skill that is entered.
      states: of the skill that is left.
      pair: where.
      blend: length of the blend [control steps].
      bridge: that is crossed before.
      rounds: of a skill into itself: how many times in a row.
    """
    alive = states.alive[pair.exit]
    living = np.flatnonzero(alive)
    way = Transition(target.name, target.name, pair, 0.0, blend, bridge)

    def share(bodies: np.ndarray) -> float:
        state = states.qpos[pair.exit][bodies], states.qvel[pair.exit][bodies]
        return float(go_on(way, target, *state, rounds).mean()) if len(bodies) else 0.0

    first = share(living[:FIRST])
    if first <= 0.5 or len(living) <= FIRST:
        return first * float(alive.mean())
    return (first * FIRST + share(living[FIRST:]) * (len(living) - FIRST)) / len(alive)


def go_on(way: Transition, target: ChainableSkill, qpos: np.ndarray, qvel: np.ndarray, rounds: int = 1) -> np.ndarray:
    """Which of the bodies (N, nq), (N, nv) at a way's exit go on in its target to the end, or for some time: bool (N,).

    Args:
      way: from the skill that is left.
      target: skill that is entered.
      qpos: poses at the exit.
      qvel: velocities.
      rounds: of a skill into itself: how many times in a row.
    """
    upright, state = np.ones(len(qpos), dtype=bool), (qpos, qvel)
    for k in range(rounds):
        entry, state, over = cross(way, *state)
        upright &= over
        steps = round(TRIED_SECONDS * CONTROL_HZ) + way.blend if target.task.motion.loop else 10**6
        end = way.pair.exit if k + 1 < rounds else entry + steps
        leg = enter_skill(target, entry, *state, end, way.blend)
        upright &= leg.run()
        state = leg.state
    return upright


def cross(way: Transition, qpos: np.ndarray, qvel: np.ndarray) -> tuple[int, tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Bodies (N, nq), (N, nv) at the beginning of a way's target: its frame, their states, and which did not fall."""
    if way.bridge is None:
        return way.pair.entry, (qpos, qvel), np.ones(len(qpos), dtype=bool)
    across = way.bridge.leg(len(qpos))
    enter(across, 0, qpos, qvel)
    upright = across.run()
    return way.bridge.resume, across.state, upright
