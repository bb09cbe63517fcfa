"""Arms and legs of a model of others: which bodies and joints they are.

Limbs are found as pairs of bodies whose names or places mirror each other. On a limb, the hip or shoulder is the point
nearest to the axes of the last three joints before knee or elbow; ankle and wrist likewise after it.
"""

import re
from dataclasses import dataclass, replace

import numpy as np
import trimesh

from pose.errors import InputError
from reconstruct.characters.chains import Chain, find_chains, list_held, list_names, pair_bodies
from reconstruct.characters.meshes import join
from reconstruct.characters.source_model import BALL, HINGE, SLIDE, SourceModel, find_owners

SIDES = ("left", "right")
KNEE = re.compile(r"knee|kny|tibia|shank|shin|calf|lower_?leg|(?<=_)lleg", re.IGNORECASE)
ELBOW = re.compile(r"elbow|elx|radius|ulna|fore_?arm|lower_?arm|(?<=_)larm", re.IGNORECASE)
FINGER = re.compile(r"finger|thumb|index|middle|pinky|little|knuckle|distal|proximal|gripper|claw", re.IGNORECASE)


@dataclass(frozen=True)
class Limb:
    """A leg or an arm: its bodies from the trunk outwards."""

    chain: Chain
    """Bodies with joints."""
    bend: int
    """Which of them turns about knee or elbow (index into the chain)."""
    first: tuple[int, ...]
    """Joints of hip or shoulder."""
    last: tuple[int, ...]
    """Joints of ankle or wrist; none where the limb ends in a stump."""
    end: int
    """Body of foot or hand."""


@dataclass(frozen=True)
class Limbs:
    """Legs and arms of a model, by side."""

    legs: dict[str, Limb]
    arms: dict[str, Limb]
    sides_known: bool
    """Whether names say which side is left; else it is the one at y > 0."""

    @property
    def all(self) -> list[Limb]:
        """Left leg, right leg, left arm, right arm."""
        return [*self.legs.values(), *self.arms.values()]

    def exchange_sides(self) -> "Limbs":
        """What was left, as right."""
        left, right = SIDES
        legs, arms = ({left: limbs[right], right: limbs[left]} for limbs in (self.legs, self.arms))
        return Limbs(legs, arms, self.sides_known)


def find_limbs(source: SourceModel, where: str, named: dict[str, str]) -> Limbs:
    """Finds legs and arms.

    Args:
      source: at its zero pose.
      where: what it was read from, for errors.
      named: knee or elbow (left_knee, ...) -> body that turns about it, from the user.

    Raises:
      InputError: there are no legs or arms, or one has no knee or elbow.
    """
    pairs, sides_known = pair_bodies(source)
    leg, arm = find_chains(source, pairs, where, named)
    legs, arms = dict[str, Limb](), dict[str, Limb]()
    for chain, limbs, pattern, word in ((leg, legs, KNEE, "knee"), (arm, arms, ELBOW, "elbow")):
        for side, bodies in (("left", chain), ("right", tuple(pairs[b] for b in chain))):
            bend = find_bend(source, bodies, pattern, f"{side}_{word}", named, where)
            kept = cut_fingers(source, extend_chain(source, bodies), bend) if word == "elbow" else bodies
            limbs[side] = measure_limb(source, kept, bend, f"{side}_{word}", where)
    return Limbs(legs, arms, sides_known)


def cut_fingers(source: SourceModel, chain: Chain, bend: int) -> Chain:
    """An arm up to the hand: the first body beyond the elbow that carries several, or is followed by a finger."""
    for i in range(bend, len(chain) - 1):
        if count_branches(source, chain[i]) > 1 or is_finger(source, chain[i + 1]):
            return chain[: i + 1]
    return chain


def count_branches(source: SourceModel, body: int) -> int:
    """How many bodies with joints one carries, those included whose joints are held."""
    moving = replace(source, held=frozenset(), owner=find_owners(source.model, source.root, ()))
    return len(moving.children(body))


def extend_chain(source: SourceModel, chain: Chain) -> Chain:
    """A limb with what only one side has at its end, such as the wrist of the hand that holds a sword."""
    while len(below := source.children(chain[-1])) == 1:
        chain = (*chain, below[0])
    return chain


def is_finger(source: SourceModel, body: int) -> bool:
    """Whether a body or its joints are called so, or it slides, as a gripper's do."""
    joints = source.joints(body)
    slides = all(source.model.jnt_type[joint] == SLIDE for joint in joints)
    return slides or any(map(FINGER.search, [source.name(body), *map(source.joint_name, joints)]))


def find_bend(
    source: SourceModel, chain: Chain, pattern: re.Pattern[str], word: str, named: dict[str, str], where: str
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
            f"{where}: no hinge for {word} on {list_names(source, chain)}{list_held(source)}; name its body: "
            f"--on {word} BODY"
        )
    for i in possible:
        if any(map(pattern.search, (source.name(chain[i]), *map(source.joint_name, source.joints(chain[i]))))):
            return i
    # What lies on either side of a knee or an elbow is long; a ball joint is rather a hip or shoulder.
    hinged = [i for i in possible if all(source.model.jnt_type[j] == HINGE for j in source.joints(chain[i]))]
    above, below = (np.linalg.norm(np.array(origins) - end, axis=1) for end in (origins[0], tip))
    return max(hinged or possible, key=lambda i: min(above[i], below[i]))


def measure_limb(source: SourceModel, chain: Chain, bend: int, word: str, where: str) -> Limb:
    """The limb of a chain whose knee or elbow is known.

    Raises:
      InputError: nothing moves above the knee or elbow.
    """
    before, after = (
        [j for b in bodies for j in source.joints(b) if source.model.jnt_type[j] != SLIDE]
        for bodies in (chain[:bend], chain[bend + 1 :])
    )
    first, last = take_independent(source, before[::-1]), take_independent(source, after)
    if not first:
        raise InputError(f"{where}: no joints above {word} on {list_names(source, chain)}")
    end = int(source.model.jnt_bodyid[last[-1]]) if last else chain[bend]
    return Limb(chain, bend, first, last, end)


def is_bend(source: SourceModel, body: int, tip: np.ndarray) -> bool:
    """Whether one of a body's joints swings what lies beyond it, instead of twisting it."""
    kinds = source.model.jnt_type
    return any(kinds[j] == BALL or (kinds[j] == HINGE and is_swing(source, j, tip)) for j in source.joints(body))


def is_swing(source: SourceModel, joint: int, tip: np.ndarray) -> bool:
    """Whether a hinge swings a point (3,) instead of twisting it."""
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


def find_foot_parts(source: SourceModel, limb: Limb) -> list[int]:
    """The foot and its toes, as far as they have a shape."""
    parts = [b for b in source.bodies if b == limb.end or is_below(source, b, limb.end)]
    return [b for b in parts if source.geoms(b)]


def find_sole_surface(source: SourceModel, limb: Limb, down: np.ndarray) -> trimesh.Trimesh:
    """What a foot and its toes stand on, as one surface, world frame.

    Args:
      source: in any pose.
      limb: a leg whose foot has a shape.
      down: where the ground is, world frame, (3,).
    """
    return join([cut_sole(source, part, down) for part in find_foot_parts(source, limb)])


def cut_sole(source: SourceModel, body: int, down: np.ndarray) -> trimesh.Trimesh:
    """The part of a body that a foot is: all of it, or of a shin without ankle its lowest shapes alone.

    A foot is longer than high; what is not, is a leg that ends in a foot.
    """
    shapes = [source.mesh(geom) for geom in source.solid(body)]
    whole = join(shapes)
    heights = whole.vertices @ -down
    across = whole.vertices - np.outer(whole.vertices @ down, down)
    if np.ptp(heights) < 1.2 * float(np.ptp(across, axis=0).max()):
        return whole
    low = [shape for shape in shapes if (shape.vertices @ -down).min() < heights.min() + 0.1 * np.ptp(heights)]
    lowest = join(low)
    if np.ptp(lowest.vertices @ -down) < 0.5 * np.ptp(heights):
        return lowest
    keep = lowest.vertices @ -down < heights.min() + 0.15 * np.ptp(heights)
    return trimesh.Trimesh(lowest.vertices[keep]).convex_hull if keep.sum() > 3 else lowest
