"""Skills one after another, in one simulation without a pause or a jump."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from imitate.rollout import Rollout
from imitate.scene.scene import CONTROL_HZ
from imitate.transitions.blend import enter_skill
from imitate.transitions.leg import Leg, enter, find_placement, perform_skill, place_states
from imitate.transitions.states import ChainableSkill
from imitate.transitions.transition import Transition
from pose.errors import InputError
from reconstruct import rotations

LEAST_SECONDS = 1.5
"""A cycle goes on for at least this long, and for one round, before it is left [s]."""

Ways = Mapping[tuple[str, str], Transition]
"""(source, target) -> transition."""


@dataclass(frozen=True)
class SequenceRollout:
    """A performance of several skills."""

    rollout: Rollout
    """All of it, in the frame of the first skill."""
    switches: tuple[int, ...]
    """Frames of the performance at which the next skill, or the bridge to it, was entered."""


def perform_sequence(
    performers: Sequence[ChainableSkill], ways: Ways, last_seconds: float = 4.0, rng: np.random.Generator | None = None
) -> SequenceRollout:
    """Performs skills in turn, from the first one's first frame to the last one's end or a fall.

    Args:
      performers: the skills, of one body.
      ways: a possible transition from each to the next; a cycle needs none to itself.
      last_seconds: how long the last skill goes on if it is a cycle [s].
      rng: disturbs the start as in training; None starts exactly on the reference.

    Raises:
      InputError: there is no possible transition from one to the next.
    """
    performers = [one for k, one in enumerate(performers) if not (k and _goes_on(performers[k - 1], one))]
    check_ways(performers, ways)
    record, entry, blend, upright = _Record(), 0, 0, True
    for k, performer in enumerate(performers):
        way = ways[performer.name, performers[k + 1].name] if k + 1 < len(performers) else None
        end = choose_end(performer, entry, way, last_seconds)
        if k == 0:
            leg = perform_skill(performer, 1, end)
            first = np.zeros(1, dtype=np.int64)
            leg.env.start(first, rng=rng, offset=leg.env.rest(first))
        else:
            leg = enter_skill(performer, entry, *record.states, end, blend)
            record.join(leg)
        upright = record.run(leg)
        if upright and way is not None:
            entry, blend = way.pair.entry, way.blend
            if way.bridge is not None:
                across, entry = way.bridge.leg(1), way.bridge.resume
                enter(across, 0, *record.states)
                record.join(across)
                upright = record.run(across)
        if not upright or way is None:
            break
    return SequenceRollout(record.rollout(terminated=not upright), tuple(record.switches))


def _goes_on(one: ChainableSkill, other: ChainableSkill) -> bool:
    return one.name == other.name and one.task.motion.loop


def check_ways(performers: Sequence[ChainableSkill], ways: Ways) -> None:
    """Raises `InputError` unless each skill can be followed by the next."""
    for source, target in pairwise(performers):
        way = ways[source.name, target.name]
        if not way.possible:
            raise InputError(f"no way from '{source.name}' to '{target.name}': {way.reason}; put another skill between")


def choose_end(performer: ChainableSkill, entry: int, way: Transition | None, last_seconds: float) -> int:
    """The frame of the reference at which a skill is left that was entered at `entry`; beyond the end if never."""
    motion = performer.task.motion
    if not motion.loop:
        return way.pair.exit if way else 10**6
    if way is None:
        return entry + round(last_seconds * CONTROL_HZ)
    starts = max(1, round(motion.duration * CONTROL_HZ))
    least = entry + max(starts, round(LEAST_SECONDS * CONTROL_HZ))
    return way.pair.exit + max(0, -(-(least - way.pair.exit) // starts)) * starts


class _Record:
    """The frames of a performance, moved into the frame of its first skill."""

    def __init__(self) -> None:
        self.qpos, self.reference = list[np.ndarray](), list[np.ndarray]()
        self.terms: dict[str, list[float]] = {}
        self.switches = list[int]()
        self.state: tuple[np.ndarray, np.ndarray] | None = None
        self.turn, self.shift = np.array([[1.0, 0.0, 0.0, 0.0]]), np.zeros((1, 2))
        """From the present leg's frame to that of the performance."""

    @property
    def states(self) -> tuple[np.ndarray, np.ndarray]:
        """Of the body where the last leg ended, in that leg's frame, (1, nq) and (1, nv)."""
        assert self.state is not None
        return self.state

    def join(self, leg: Leg) -> None:
        """The body goes on in another leg, which it has entered."""
        self.switches.append(len(self.qpos) - 1)
        turn, shift = find_placement(leg.env.qpos.copy(), self.states[0][0])
        self.shift = rotations.rotate(self.turn, np.column_stack([shift, [0.0]]))[:, :2] + self.shift
        self.turn = rotations.multiply(self.turn, turn)

    def run(self, leg: Leg) -> bool:
        """Performs a leg to its end; False after a fall."""
        if not self.qpos:
            self._add(leg)
        while leg.env.frame[0] < leg.end:
            result = leg.step()
            if result.terminated[0]:
                return False
            self._add(leg)
            for name, term in result.terms.items():
                self.terms.setdefault(name, [0.0]).append(float(term[0]))
        self.state = leg.state
        return True

    def _add(self, leg: Leg) -> None:
        env = leg.env
        for rows, row in ((self.qpos, env.qpos), (self.reference, env.reference.qpos[env.frame])):
            rows.append(place_states(row, np.zeros((1, row.shape[1] - 1)), self.turn, self.shift)[0][0])

    def rollout(self, terminated: bool) -> Rollout:
        """All of it."""
        terms = {name: np.array(values) for name, values in self.terms.items()}
        return Rollout(
            qpos=np.array(self.qpos),
            reference_qpos=np.array(self.reference),
            reward_terms=terms or {"pose": np.zeros(len(self.qpos))},
            terminated=terminated,
            fps=float(CONTROL_HZ),
        )
