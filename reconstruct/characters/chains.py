"""Which bodies of a model are its legs and arms: chains that mirror each other, distinguished by their names or by
where they end."""

import re
from functools import partial

import numpy as np

from pose.errors import InputError
from reconstruct.characters.source_model import SourceModel

Chain = tuple[int, ...]
"""Bodies with joints, from the trunk outwards."""

LEG = re.compile(r"leg|hip|thigh|femur|knee|kny|shin|shank|tibia|calf|ankle|foot|feet|toe|sole", re.IGNORECASE)
ARM = re.compile(
    r"arm|shoulder|clavic|humer|elbow|elx|radius|ulna|wrist|hand|palm|finger|thumb|grip|claw", re.IGNORECASE
)
SAME_PLACE = 0.06
"""Distance of a body from the mirror image of another within which they are a pair [m]."""


def list_bodies(source: SourceModel) -> str:
    """The bodies there are, for errors."""
    return "bodies are " + ", ".join(source.name(b) for b in source.bodies) + list_held(source)


def list_held(source: SourceModel) -> str:
    """The joints that are held and so part no bodies, for errors; nothing where there are none."""
    held = ", ".join(source.joint_name(joint) for joint in sorted(source.held))
    return f"; joints that are held, as they follow others or have no motor: {held}" * bool(held)


def list_names(source: SourceModel, chain: Chain) -> str:
    """The names of a limb's bodies, for errors."""
    return ", ".join(source.name(b) for b in chain)


def find_mirror_name(name: str, names: set[str]) -> str | None:
    """The right one of a left body's name, if there is one."""
    for left, right in (("left", "right"), ("Left", "Right"), ("LEFT", "RIGHT"), ("L", "R"), ("l", "r")):
        for match in re.finditer(left, name):
            other = name[: match.start()] + right + name[match.end() :]
            if other in names:
                return other
    return None


def pair_bodies(source: SourceModel) -> tuple[dict[int, int], bool]:
    """Left body -> right body, and whether names say which is which; else mirrored places do, the left at y > 0."""
    for ids in (label_bodies(source), label_joints(source)):
        found = {ids[n]: ids[m] for n in ids if (m := find_mirror_name(n, set(ids))) is not None}
        if len(find_tips(source, found)) > 1:
            return found, True
    return pair_places(source), False


def label_bodies(source: SourceModel) -> dict[str, int]:
    """Name -> body."""
    return {source.name(b): b for b in source.bodies}


def label_joints(source: SourceModel) -> dict[str, int]:
    """Name of its first joint -> body: what a file without names of bodies has."""
    return {source.joint_name(source.joints(b)[0]): b for b in source.bodies if source.joints(b)}


def pair_places(source: SourceModel) -> dict[int, int]:
    """Body at y > 0 -> the one at its mirror image."""
    place = {b: source.origin(b) - source.origin(source.root) for b in source.bodies}
    flip, found = np.array([1.0, -1.0, 1.0]), dict[int, int]()
    depth = {-1: -1}
    for b in source.bodies:  # several turn in one place: those are pairs that are as far from the root
        depth[b] = depth[source.parent(b)] + 1
    for b in source.bodies:
        alike = [o for o in source.bodies if depth[o] == depth[b] and o != b]
        if place[b][1] > 0.01 and alike:
            near = min(alike, key=lambda o: float(np.linalg.norm(place[o] * flip - place[b])))
            if np.linalg.norm(place[near] * flip - place[b]) < SAME_PLACE:
                found[b] = near
    return found


def find_tips(source: SourceModel, pairs: dict[int, int]) -> list[int]:
    """The left bodies that carry no other body."""
    return [b for b in pairs if not source.children(b)]


def find_chains(source: SourceModel, pairs: dict[int, int], where: str, named: dict[str, str]) -> tuple[Chain, Chain]:
    """The bodies of the left leg and of the left arm.

    Args:
      source: at its zero pose.
      pairs: left body -> right body.
      where: what it was read from, for errors.
      named: knee or elbow -> body, from the user.

    Raises:
      InputError: one of them is missing, or there are four legs.
    """
    tips = find_tips(source, pairs)
    if not tips:
        raise InputError(
            f"{where}: no left and right limbs found by name (left_x and right_x, l_x and r_x) or place; "
            f"{list_bodies(source)}"
        )
    chains = keep_longest(source, [trace_chain(source, tip, pairs) for tip in tips])
    kind = {chain: find_kind(source, chain, pairs, named) for chain in chains}
    legs, arms, unknown = ([c for c in chains if kind[c] == word] for word in ("leg", "arm", ""))
    longest = max((measure_length(source, chain) for chain in chains), default=0.0)
    refuse_many_legs(source, legs, arms, where)
    if not legs:
        legs = sorted((c for c in unknown if measure_length(source, c) > 0.4 * longest), key=partial(reach, source))[:1]
    if not legs:
        raise InputError(f"{where}: arms found, but no legs; {list_bodies(source)}")
    arms = arms or [c for c in unknown if c not in legs and measure_length(source, c) > 0.25 * longest]
    if not arms:
        raise InputError(f"{where}: legs found, but no arms; {list_bodies(source)}")
    return max(legs, key=partial(measure_length, source)), max(arms, key=partial(measure_length, source))


def refuse_many_legs(source: SourceModel, legs: list[Chain], arms: list[Chain], where: str) -> None:
    """Raises an InputError if several pairs of limbs are called legs, and are about as long."""
    longest = max((measure_length(source, chain) for chain in legs), default=0.0)
    real = [chain for chain in legs if measure_length(source, chain) > 0.5 * longest]
    if len(real) > 1:
        number = {2: "four", 3: "six"}.get(len(real), str(2 * len(real)))
        first = ", ".join(source.name(chain[0]) for chain in real)
        raise InputError(
            f"{where}: {number} legs, {'two' if arms else 'no'} arms (on the left: {first}); "
            "a character has two legs and two arms, as a person has"
        )


def find_kind(source: SourceModel, chain: Chain, pairs: dict[int, int], named: dict[str, str]) -> str:
    """What a chain's names call it: "leg", "arm", or "" where they say nothing; the user's word goes first."""
    names = {source.name(b) for left in chain for b in (left, pairs[left])}
    for landmark, body in named.items():
        if body in names and landmark.endswith(("hip", "knee", "ankle", "shoulder", "elbow", "wrist")):
            return "leg" if landmark.endswith(("hip", "knee", "ankle")) else "arm"
    words = [source.name(b) for b in chain] + [source.joint_name(j) for b in chain for j in source.joints(b)]
    leg, arm = (sum(bool(pattern.search(word)) for word in words) for pattern in (LEG, ARM))
    return "" if leg == arm else "leg" if leg > arm else "arm"


def keep_longest(source: SourceModel, chains: list[Chain]) -> list[Chain]:
    """Of chains that begin with one body, the longest."""
    found = dict[int, Chain]()
    for chain in chains:
        other = found.get(chain[0])
        if other is None or measure_length(source, chain) > measure_length(source, other):
            found[chain[0]] = chain
    return list(found.values())


def reach(source: SourceModel, chain: Chain) -> float:
    """Height of the lowest point of a chain's last body [m]."""
    surface = source.surface(chain[-1])
    return float(surface.bounds[0][2] if surface is not None else source.origin(chain[-1])[2])


def measure_length(source: SourceModel, chain: Chain) -> float:
    """Length of a chain of bodies from origin to origin [m]."""
    return float(sum(np.linalg.norm(np.diff([source.origin(b) for b in chain], axis=0), axis=1)))


def trace_chain(source: SourceModel, tip: int, paired: dict[int, int]) -> Chain:
    """The bodies from where left and right part to a tip."""
    chain = [tip]
    while (parent := source.parent(chain[-1])) in paired:
        chain.append(parent)
    return tuple(reversed(chain))
