"""Arms and legs of a model of others: which bodies and joints they are.

Limbs are found as pairs of bodies whose names or places mirror each other. On a limb, the hip or shoulder is the point
nearest to the axes of the last three joints before knee or elbow; ankle and wrist likewise after it.
"""

import re
from dataclasses import dataclass

import numpy as np
import trimesh

from pose.errors import InputError
from reconstruct.characters.meshes import join
from reconstruct.characters.source_model import BALL, HINGE, SourceModel

SIDES = ("left", "right")
KNEE = re.compile(r"knee|kny|tibia|shank|shin|calf|lower_?leg|lleg", re.IGNORECASE)
ELBOW = re.compile(r"elbow|elx|radius|ulna|fore_?arm|lower_?arm|larm", re.IGNORECASE)


@dataclass(frozen=True)
class Limb:
    """A leg or an arm: its bodies from the trunk outwards."""

    chain: tuple[int, ...]
    """Bodies with joints."""
    bend: int
    """Which of them turns about knee or elbow (index into the chain)."""
    first: tuple[int, ...]
    """Joints of hip or shoulder."""
    last: tuple[int, ...]
    """Joints of ankle or wrist; none where the limb ends in a stump."""
    end: int
    """Body of foot or hand."""


def list_bodies(source: SourceModel) -> str:
    """The bodies there are, for errors."""
    return "bodies are " + ", ".join(source.name(b) for b in source.bodies)


def list_names(source: SourceModel, chain: tuple[int, ...]) -> str:
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


def pair_bodies(source: SourceModel) -> dict[int, int]:
    """Left body -> right body, by names; where names say nothing, by mirrored places."""
    ids = {source.name(b): b for b in source.bodies}
    found = {ids[n]: ids[m] for n in ids if (m := find_mirror_name(n, set(ids))) is not None}
    if found:
        return found
    place = {b: source.origin(b) - source.origin(source.root) for b in source.bodies}
    flip = np.array([1.0, -1.0, 1.0])
    for b in source.bodies:
        if place[b][1] > 0.01:
            near = min(source.bodies, key=lambda o: float(np.linalg.norm(place[o] * flip - place[b])))
            if np.linalg.norm(place[near] * flip - place[b]) < 0.03:
                found[b] = near
    return found


def find_limbs(source: SourceModel, where: str, named: dict[str, str]) -> tuple[dict[str, Limb], dict[str, Limb]]:
    """Finds legs and arms, by side.

    Args:
      source: at its zero pose.
      where: what it was read from, for errors.
      named: knee or elbow (left_knee, ...) -> body that turns about it, from the user.

    Raises:
      InputError: there are no legs or arms, or one has no knee or elbow.
    """
    pairs = pair_bodies(source)
    leg, arm = find_chains(source, pairs, where)
    legs, arms = dict[str, Limb](), dict[str, Limb]()
    for chain, limbs, pattern, word in ((leg, legs, KNEE, "knee"), (arm, arms, ELBOW, "elbow")):
        for side, bodies in (("left", chain), ("right", tuple(pairs[b] for b in chain))):
            bend = find_bend(source, bodies, pattern, f"{side}_{word}", named, where)
            limbs[side] = measure_limb(source, bodies, bend, f"{side}_{word}", where)
    return legs, arms


def find_chains(source: SourceModel, pairs: dict[int, int], where: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The bodies of the left leg and arm: of the limbs, one has the lowest tip, another is the longest.

    Raises:
      InputError: one of them is missing.
    """
    tips = [b for b in pairs if not any(source.parent(c) == b for c in source.bodies)]
    if not tips:
        raise InputError(
            f"{where}: no left and right limbs found by name (left_x and right_x, l_x and r_x) or place; "
            f"{list_bodies(source)}"
        )

    def lowest(body: int) -> float:
        surface = source.surface(body)
        return float(surface.bounds[0][2] if surface is not None else source.origin(body)[2])

    chains = {tip: trace_chain(source, tip, pairs) for tip in tips}
    leg = chains[min(tips, key=lowest)]
    others = [chain for chain in chains.values() if leg[0] not in chain]
    if not others:
        raise InputError(f"{where}: legs found, but no arms; {list_bodies(source)}")
    return leg, max(others, key=lambda chain: measure_length(source, chain))


def measure_length(source: SourceModel, chain: tuple[int, ...]) -> float:
    """Length of a chain of bodies from origin to origin [m]."""
    return float(sum(np.linalg.norm(np.diff([source.origin(b) for b in chain], axis=0), axis=1)))


def trace_chain(source: SourceModel, tip: int, paired: dict[int, int]) -> tuple[int, ...]:
    """The bodies from where left and right part to a tip."""
    chain = [tip]
    while (parent := source.parent(chain[-1])) in paired:
        chain.append(parent)
    return tuple(reversed(chain))


def find_bend(
    source: SourceModel, chain: tuple[int, ...], pattern: re.Pattern[str], word: str, named: dict[str, str], where: str
) -> int:
    """Which body of a chain turns about its knee or elbow: as named by the user, by its name, or halfway (an index).

    Raises:
      InputError: none does.
    """
    if word in named:
        middle = next((i for i, b in enumerate(chain) if source.name(b) == named[word]), None)
        if middle is None:
            raise InputError(f"{where}: {word}={named[word]} is not on that limb; it has {list_names(source, chain)}")
        return middle
    origins = [source.origin(b) for b in chain]
    tip = find_end_point(source, chain[-1], origins[-1] - origins[0])
    possible = [i for i in range(1, len(chain)) if is_bend(source, chain[i], tip)]
    if not possible:
        raise InputError(
            f"{where}: no hinge for {word} on {list_names(source, chain)}; name its body: --on {word} BODY"
        )
    for i in possible:
        if any(map(pattern.search, (source.name(chain[i]), *map(source.joint_name, source.joints(chain[i]))))):
            return i
    # What lies on either side of a knee or an elbow is long.
    return max(possible, key=lambda i: min(np.linalg.norm(origins[i] - origins[0]), np.linalg.norm(tip - origins[i])))


def measure_limb(source: SourceModel, chain: tuple[int, ...], bend: int, word: str, where: str) -> Limb:
    """The limb of a chain whose knee or elbow is known.

    Raises:
      InputError: nothing moves above the knee or elbow.
    """
    before = [j for b in chain[:bend] for j in source.joints(b)]
    after = [j for b in chain[bend + 1 :] for j in source.joints(b)]
    first, last = take_independent(source, before[::-1]), take_independent(source, after)
    if not first:
        raise InputError(f"{where}: no joints above {word} on {list_names(source, chain)}")
    end = int(source.model.jnt_bodyid[last[-1]]) if last else chain[bend]
    return Limb(chain, bend, first, last, end)


def is_bend(source: SourceModel, body: int, tip: np.ndarray) -> bool:
    """Whether a body's first joint swings what lies beyond it, instead of twisting it."""
    joint = source.joints(body)[0]
    if source.model.jnt_type[joint] != HINGE:
        return False
    way = tip - source.state.xanchor[joint]
    return bool(abs(source.state.xaxis[joint] @ way) < 0.7 * np.linalg.norm(way))


def take_independent(source: SourceModel, joints: list[int]) -> tuple[int, ...]:
    """The first joints of a list until an axis comes again, at most three."""
    found: list[int] = []
    for joint in joints:
        axis = source.state.xaxis[joint]
        if source.model.jnt_type[joint] == BALL:
            return tuple(found) or (joint,)
        if len(found) == 3 or any(abs(axis @ source.state.xaxis[o]) > 0.9 for o in found):
            break
        found.append(joint)
    return tuple(found)


def centre(source: SourceModel, joints: tuple[int, ...]) -> np.ndarray:
    """The point nearest to the axes of some joints; along what they leave open, near their anchors, (3,)."""
    anchors = source.state.xanchor[list(joints)]
    system, right = 1e-3 * np.eye(3), 1e-3 * anchors.mean(axis=0)
    for joint, anchor in zip(joints, anchors, strict=True):
        axis = source.state.xaxis[joint]
        across = np.eye(3) - np.outer(axis, axis)
        system, right = system + across, right + across @ anchor
    return np.linalg.solve(system, right)


def find_end_point(source: SourceModel, body: int, way: np.ndarray) -> np.ndarray:
    """The point of a limb's last part that is farthest along a direction, (3,)."""
    parts = [b for b in source.bodies if b == body or is_below(source, b, body)]
    points = [s.vertices for b in parts if (s := source.surface(b)) is not None]
    if not points:
        return source.origin(body)
    every, way = np.concatenate(points), way / max(np.linalg.norm(way), 1e-9)
    far = every @ way
    return every[far > far.max() - 0.01].mean(axis=0)


def is_below(source: SourceModel, body: int, above: int) -> bool:
    """Whether one body is carried by another."""
    while body >= 0:
        body = source.parent(body)
        if body == above:
            return True
    return False


def locate_joints(source: SourceModel, limb: Limb) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hip, knee, ankle or shoulder, elbow, wrist, world frame [m], (3,) each."""
    top = centre(source, limb.first)
    middle = source.origin(limb.chain[limb.bend])
    if limb.last:
        return top, middle, centre(source, limb.last)
    tip = find_end_point(source, limb.end, middle - top)
    way = find_end_point(source, limb.end, tip - middle) - middle
    return top, middle, middle + 0.75 * way  # a stump: the hand is its last quarter


def foot_surface(source: SourceModel, limb: Limb) -> trimesh.Trimesh:
    """Foot and toes as one surface, world frame."""
    parts = [b for b in source.bodies if b == limb.end or is_below(source, b, limb.end)]
    shapes = [s for b in parts if (s := source.surface(b)) is not None]
    return join(shapes)


def find_front(source: SourceModel, legs: dict[str, Limb]) -> np.ndarray:
    """Where the feet point: the middle of the soles seen from the ankles, level, (3,)."""
    ways = []
    for limb in legs.values():
        surface = foot_surface(source, limb)
        ways.append(surface.bounds.mean(axis=0) - locate_joints(source, limb)[2])
    way = np.mean(ways, axis=0) * [1.0, 1.0, 0.0]
    return way / max(np.linalg.norm(way), 1e-9)
