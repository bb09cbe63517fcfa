"""Arms and legs of a body of others: which bodies and joints they are, and how they hang when it stands.

Limbs are found as pairs of bodies whose names or places mirror each other. On a limb, the hip or shoulder is the point
nearest to the axes of the last three joints before knee or elbow; ankle and wrist likewise after it.
"""

import re
from dataclasses import dataclass

import mujoco
import numpy as np
import trimesh
from scipy.optimize import least_squares

from pose.errors import InputError
from reconstruct.characters.meshes import join
from reconstruct.characters.source_model import BALL, HINGE, SourceModel

SIDES = ("left", "right")
KNEE = re.compile(r"knee|kny|tibia|shank|shin|calf|lower_?leg|lleg", re.IGNORECASE)
BALANCE = 20.0
"""How much a lean of the centre of mass counts beside as large an angle between a limb and the vertical."""
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
    """Left body -> right body, by names; where those tell nothing, by mirrored places."""
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
    """Legs and arms, by side."""
    paired = pair_bodies(source)
    tips = [b for b in paired if not any(source.parent(c) == b for c in source.bodies)]
    if not tips:
        raise InputError(
            f"{where}: no left and right limbs found by name (left_x and right_x, l_x and r_x) or place; "
            f"{list_bodies(source)}"
        )

    def lowest(body: int) -> float:
        surface = source.surface(body)
        return float(surface.bounds[0][2] if surface is not None else source.origin(body)[2])

    foot = min(tips, key=lowest)
    leg = trace_chain(source, foot, paired)
    others = [b for b in tips if leg[0] not in trace_chain(source, b, paired)]
    if not others:
        raise InputError(f"{where}: legs found, but no arms; {list_bodies(source)}")
    reach = {
        b: sum(np.linalg.norm(np.diff([source.origin(c) for c in trace_chain(source, b, paired)], axis=0), axis=1))
        for b in others
    }
    hand = max(others, key=lambda b: float(reach[b]))
    arm = trace_chain(source, hand, paired)
    result = []
    for chain, bend, word in ((leg, KNEE, "knee"), (arm, ELBOW, "elbow")):
        sides = {}
        for side in SIDES:
            bodies = chain if side == "left" else tuple(paired[b] for b in chain)
            sides[side] = find_limb(source, bodies, bend, f"{side}_{word}", named, where)
        result.append(sides)
    return result[0], result[1]


def trace_chain(source: SourceModel, tip: int, paired: dict[int, int]) -> tuple[int, ...]:
    """The bodies from where left and right part to a tip."""
    chain = [tip]
    while (parent := source.parent(chain[-1])) in paired:
        chain.append(parent)
    return tuple(reversed(chain))


def find_limb(
    source: SourceModel, chain: tuple[int, ...], bend: re.Pattern[str], word: str, named: dict[str, str], where: str
) -> Limb:
    """Which joints of a chain are which."""
    origins = [source.origin(b) for b in chain]
    if word in named:
        middle = next((i for i, b in enumerate(chain) if source.name(b) == named[word]), None)
        if middle is None:
            raise InputError(f"{where}: {word}={named[word]} is not on that limb; it has {list_names(source, chain)}")
    else:
        tip = find_end_point(source, chain[-1], origins[-1] - origins[0])
        reach = np.array([min(np.linalg.norm(o - origins[0]), np.linalg.norm(tip - o)) for o in origins])
        possible = [i for i in range(1, len(chain)) if is_bend(source, chain[i], tip)]
        called = [
            i
            for i in possible
            if bend.search(source.name(chain[i]))
            or any(bend.search(source.joint_name(j)) for j in source.joints(chain[i]))
        ]
        if not possible:
            raise InputError(
                f"{where}: no hinge for {word} on {list_names(source, chain)}; name its body: --on {word} BODY"
            )
        middle = called[0] if called else max(possible, key=lambda i: float(reach[i]))
    before = [j for b in chain[:middle] for j in source.joints(b)]
    after = [j for b in chain[middle + 1 :] for j in source.joints(b)]
    first, last = take_independent(source, before[::-1]), take_independent(source, after)
    if not first:
        raise InputError(f"{where}: no joints above {word} on {list_names(source, chain)}")
    end = int(source.model.jnt_bodyid[last[-1]]) if last else chain[middle]
    return Limb(chain, middle, first, last, end)


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


def solve_standing_pose(model: mujoco.MjModel, legs: dict[str, Limb], arms: dict[str, Limb]) -> dict[str, float]:
    """Angles of the limbs' hinges with straight legs, level soles, hanging arms and the body's centre over the feet."""
    start = SourceModel.in_pose(model)
    limbs = [*legs.values(), *arms.values()]
    moved = [j for limb in limbs for b in limb.chain for j in start.joints(b) if model.jnt_type[j] == HINGE]
    moved = [
        j
        for j in moved
        if not any(j in start.joints(b) for limb in limbs for b in limb.chain if is_below(start, b, limb.end))
    ]
    low = np.where(model.jnt_limited[moved] == 1, model.jnt_range[moved, 0], -np.pi)
    high = np.where(model.jnt_limited[moved] == 1, model.jnt_range[moved, 1], np.pi)
    soles = {side: find_sole(start, limb) for side, limb in legs.items()}
    level = {side: level_sole(soles[side], start, limb) for side, limb in legs.items()}
    marks = []  # hip, knee, ankle or shoulder, elbow, wrist of each limb, in their bodies' frames
    for limb in limbs:
        bodies = (limb.chain[limb.bend - 1], limb.chain[limb.bend], limb.end)
        frames = [(start.state.xpos[b], start.state.xmat[b].reshape(3, 3)) for b in bodies]
        local = [axes.T @ (p - at) for p, (at, axes) in zip(locate_joints(start, limb), frames, strict=True)]
        marks.append((bodies, local))
    middles = []  # halfway from the ankles to the middle of the soles, in the feet's frames
    for limb, (_, (_, _, ankle)) in zip(legs.values(), marks, strict=False):
        at, axes = start.state.xpos[limb.end], start.state.xmat[limb.end].reshape(3, 3)
        middles.append((limb.end, 0.5 * (ankle + axes.T @ (foot_surface(start, limb).bounds.mean(axis=0) - at))))

    state, columns = mujoco.MjData(model), model.jnt_qposadr[moved]

    def placed(body: int, point: np.ndarray) -> np.ndarray:
        return state.xpos[body] + state.xmat[body].reshape(3, 3) @ point

    def residual(angles: np.ndarray, free: np.ndarray, balance: float) -> np.ndarray:
        state.qpos[columns[free]] = angles
        mujoco.mj_kinematics(model, state)
        mujoco.mj_comPos(model, state)
        rows = [0.03 * angles]
        for index, (bodies, local) in enumerate(marks):
            places = [placed(b, p) for b, p in zip(bodies, local, strict=True)]
            for way in np.diff(places, axis=0):
                weight = 2.0 if index < len(legs) else 1.0
                rows.append(weight * (way / max(np.linalg.norm(way), 1e-9) - [0.0, 0.0, -1.0]))
        between = np.mean([placed(b, p) for b, p in middles], axis=0)
        com = state.subtree_com[start.root]
        rows.append(balance * (com - between)[:2] / max(com[2] - between[2], 0.1))
        for side, limb in legs.items():
            turned = state.xmat[limb.end].reshape(3, 3) @ soles[side]
            rows.append(2.0 * (turned - level[side]).ravel())
        return np.concatenate(rows)

    # First all limbs; then the legs alone bring the body into balance, which arms would do by sticking out.
    angles = np.clip(np.zeros(len(moved)), low + 1e-6, high - 1e-6)
    of_legs = np.array([any(j in start.joints(b) for limb in legs.values() for b in limb.chain) for j in moved])
    for free, balance in ((np.ones(len(moved), dtype=bool), 0.0), (of_legs, BALANCE)):
        state.qpos[columns] = angles
        bounds = (low[free], high[free])
        best = least_squares(residual, angles[free], bounds=bounds, max_nfev=60, args=(free, balance))
        angles[free] = np.clip(best.x, low[free] + 1e-6, high[free] - 1e-6)
    return {start.joint_name(j): round(float(a), 4) for j, a in zip(moved, angles, strict=True) if abs(a) > 1e-3}


def find_sole(source: SourceModel, limb: Limb) -> np.ndarray:
    """Two directions of a foot in its own frame that are level when it stands on its sole, (3, 2)."""
    surface = foot_surface(source, limb)
    corners = surface.vertices
    low = corners[corners[:, 2] < corners[:, 2].min() + 0.25 * np.ptp(corners[:, 2])]
    spread = low - low.mean(axis=0)
    axes = np.linalg.svd(spread, full_matrices=False)[2]
    normal = axes[2] * np.sign(axes[2][2] or 1.0)
    level = np.stack([axes[0], np.cross(normal, axes[0])], axis=1)
    return source.state.xmat[limb.end].reshape(3, 3).T @ level


def level_sole(sole: np.ndarray, source: SourceModel, limb: Limb) -> np.ndarray:
    """Those two directions as they are when the foot is level and points where it did, world frame (3, 2)."""
    now = source.state.xmat[limb.end].reshape(3, 3) @ sole
    ahead = now[:, 0] * [1.0, 1.0, 0.0]
    ahead /= max(np.linalg.norm(ahead), 1e-9)
    return np.stack([ahead, np.cross([0.0, 0.0, 1.0], ahead)], axis=1)


def foot_surface(source: SourceModel, limb: Limb) -> trimesh.Trimesh:
    """Foot and toes as one surface, world frame."""
    parts = [b for b in source.bodies if b == limb.end or is_below(source, b, limb.end)]
    shapes = [s for b in parts if (s := source.surface(b)) is not None]
    return join(shapes)


def forward(source: SourceModel, legs: dict[str, Limb]) -> np.ndarray:
    """Where the feet point: the middle of the soles seen from the ankles, level, (3,)."""
    ways = []
    for limb in legs.values():
        surface = foot_surface(source, limb)
        ways.append(surface.bounds.mean(axis=0) - locate_joints(source, limb)[2])
    way = np.mean(ways, axis=0) * [1.0, 1.0, 0.0]
    return way / max(np.linalg.norm(way), 1e-9)
