"""A motion of some other skeleton: which joints are a person's, which way is up, how long a unit is, how it stands.

Joints are known by their names (`reconstruct.formats.joint_names`). The rest is taken from the motion itself, for
files do not state it. The result is a body of its own, one ball joint for each joint of the file, standing upright at
rest: a source that `reconstruct.retargeting` retargets as it does between characters. No angle is copied.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import mujoco
import numpy as np

from pose.errors import InputError
from reconstruct.characters.character import Character
from reconstruct.formats.joint_names import SIDES, find_joint_roles
from reconstruct.motion import ReferenceMotion
from reconstruct.rotations import angle_between, conjugate, from_matrix, multiply, rotate, to_matrix

LEG = 0.92
"""Leg of an adult from hip to sole [m], by which the unit is inferred."""
UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001, "inches": 0.0254, "CMU's unit (5.64 cm)": 0.0254 / 0.45}
PLAUSIBLE = (0.55, 1.25)
"""Shortest and longest leg of a person [m]."""
STANDS = 0.85
"""Least share of the lengths of legs and trunk that is upright in a standing pose."""


@dataclass(frozen=True)
class SkeletonMotion:
    """J joints over T frames, in a file's own axes and unit."""

    names: tuple[str, ...]
    parents: tuple[int, ...]
    """Of each joint, before it in order; -1 for the root."""
    rest: np.ndarray
    """Where the joints are when no angle is turned, (J, 3)."""
    positions: np.ndarray
    """(T, J, 3)."""
    rotations: np.ndarray
    """From `rest`, about the file's axes, wxyz (T, J, 4)."""
    fps: float
    wraps: bool = False
    """The file says that its end leads into its beginning."""


def pose_skeleton(
    names: tuple[str, ...],
    parents: tuple[int, ...],
    offsets: np.ndarray,
    local: np.ndarray,
    root: np.ndarray,
    fps: float,
    wraps: bool = False,
) -> SkeletonMotion:
    """Forward kinematics.

    Args:
      names: of the joints.
      parents: of each joint, -1 for the first.
      offsets: from the parent, in its axes, (J, 3); the root's is its place at rest.
      local: rotation of each joint relative to its parent, wxyz (T, J, 4).
      root: where the root is, (T, 3).
      fps: frames a second.
      wraps: see `SkeletonMotion`.
    """
    rest, positions, rotations = offsets.copy(), np.empty((*local.shape[:2], 3)), local.copy()
    positions[:, 0] = root
    for joint, parent in enumerate(parents):
        if parent >= 0:
            rest[joint] += rest[parent]
            positions[:, joint] = positions[:, parent] + rotate(rotations[:, parent], offsets[joint][None])
            rotations[:, joint] = multiply(rotations[:, parent], local[:, joint])
    return SkeletonMotion(names, parents, rest, positions, rotations, fps, wraps)


@dataclass(frozen=True)
class SkeletonBody(Character):
    """A skeleton as a body without shapes: for kinematics."""

    xml: str
    """MJCF."""

    def spec(self) -> mujoco.MjSpec:
        """A fresh model."""
        return mujoco.MjSpec.from_string(self.xml)


def to_character(motion: SkeletonMotion, path: Path) -> tuple[SkeletonBody, ReferenceMotion, str]:
    """A skeleton as a character, its motion, and a note on what was inferred.

    Args:
      motion: of a person.
      path: its file, for messages.

    Returns:
      The body; its motion, z up, beginning above the world's origin, as high as it was, without contacts; a line for
      the user.

    Raises:
      InputError: the skeleton is no person's, or has no size.
    """
    roles = find_joint_roles(motion.names, motion.parents, path)
    motion, left_out = drop_rest_frame(motion)
    pelvis = common_ancestor(motion.parents, roles["left_hip"], roles["right_hip"])
    kept = select_joints(motion.parents, pelvis, tuple(roles.values()))
    for name, joint in roles.items():
        if joint not in kept:
            raise InputError(f"{path}: '{motion.names[joint]}' ({name}) does not hang on '{motion.names[pelvis]}'")
    up = find_up_axis(motion.positions, roles, find_up_axis(motion.rest, roles))
    axes = axes_with_up(up)
    placed = motion.positions @ axes.T
    turned = axes @ to_matrix(motion.rotations)
    neutral, neutral_turn, how = find_neutral_pose(motion, placed, turned, roles)

    unit, length = find_unit(leg(neutral, roles), path)
    neutral, placed = neutral * length, placed * length
    placed = placed - placed[:1, pelvis : pelvis + 1] * [1.0, 1.0, 0.0]
    body, order = _body(motion, neutral, roles, kept, path)
    turn = from_matrix(turned[:, order] @ np.swapaxes(neutral_turn[order], -1, -2))
    qpos = to_qpos(placed[:, pelvis], turn, [order.index(motion.parents[joint]) for joint in order[1:]])
    found = ReferenceMotion(
        qpos=qpos,
        fps=motion.fps,
        character=body.name,
        height=body.height,
        joint_names=body.joint_names,
        contacts=np.zeros((len(qpos), len(body.contacts)), dtype=bool),
        contact_names=tuple(body.contacts),
    )
    axis = ("+" if up.sum() > 0 else "-") + "xyz"[int(np.abs(up).argmax())]
    return body, found, f"{len(roles)} joints known by name, {axis} up, lengths in {unit}{how}{left_out}"


def to_qpos(root: np.ndarray, rotations: np.ndarray, parents: Sequence[int]) -> np.ndarray:
    """Coordinates of a body of ball joints, (T, 3 + 4 J).

    Args:
      root: place of the first joint [m], (T, 3).
      rotations: of the joints in the world, wxyz (T, J, 4), the root first.
      parents: of the joints after the root, as indices into those.
    """
    local = rotations.copy()
    for joint, parent in enumerate(parents, start=1):
        local[:, joint] = multiply(conjugate(rotations[:, parent]), rotations[:, joint])
    return np.concatenate([root, local.reshape(len(root), -1)], axis=1)


def drop_rest_frame(motion: SkeletonMotion) -> tuple[SkeletonMotion, str]:
    """The motion without a first frame in which no joint is turned, as converted CMU files have; and a note of that."""
    bend = angle_between(motion.rotations[:2], motion.rotations[:2, :1]).max(axis=1)
    if len(motion.positions) < 4 or bend[0] > np.radians(1.0) or bend[1] < np.radians(10.0):
        return motion, ""
    moving = replace(motion, positions=motion.positions[1:], rotations=motion.rotations[1:])
    return moving, "; the first frame, a rest pose, is left out"


def common_ancestor(parents: Sequence[int], a: int, b: int) -> int:
    """The lowest joint that both hang on."""
    above = set[int]()
    while a >= 0:
        above.add(a := parents[a])
    while b not in above:
        b = parents[b]
    return b


def select_joints(parents: Sequence[int], root: int, joints: Sequence[int]) -> list[int]:
    """The root, the joints below it and all between, in order."""
    kept = {root}
    for joint in joints:
        chain = list[int]()
        while joint >= 0 and joint not in kept:
            chain.append(joint)
            joint = parents[joint]
        if joint in kept:
            kept |= set(chain)
    return sorted(kept)


def find_up_axis(positions: np.ndarray, roles: dict[str, int], expected: np.ndarray | None = None) -> np.ndarray:
    """The signed axis along which shoulders are above ankles over the frames, (3,).

    Args:
      positions: (..., J, 3).
      roles: landmark -> joint.
      expected: is believed unless another axis explains far more: people bend down and somersault.
    """
    both = [positions[..., [roles[f"{side}_{joint}"] for side in SIDES], :] for joint in ("shoulder", "ankle")]
    way = (both[0] - both[1]).reshape(-1, 3).mean(axis=0)
    longest = int(np.abs(way).argmax())
    if expected is not None and way @ expected > 0.4 * abs(way[longest]):
        return expected
    up = np.zeros(3)
    up[longest] = np.sign(way[longest]) or 1.0
    return up


def axes_with_up(up: np.ndarray) -> np.ndarray:
    """Rotation that turns `up` to z; for y up, BVH's z, x, y become our x forward, y left, z up, (3, 3)."""
    forward = np.roll(np.abs(up), 1)
    return np.stack([forward, np.cross(up, forward), up])


def find_neutral_pose(
    motion: SkeletonMotion, placed: np.ndarray, turned: np.ndarray, roles: dict[str, int]
) -> tuple[np.ndarray, np.ndarray, str]:
    """The body standing upright, facing x: as it is without any angle, else in the frame that comes nearest to it.

    Args:
      motion: in its own axes.
      placed: its positions with z up, (T, J, 3).
      turned: its rotations, to z up, (T, J, 3, 3).
      roles: landmark -> joint.

    Returns:
      Positions (J, 3), rotations (J, 3, 3), and a note where a frame was taken.
    """
    axes = axes_with_up(find_up_axis(motion.rest, roles))
    rest = motion.rest @ axes.T
    turns, how = np.tile(axes, (len(rest), 1, 1)), ""
    if measure_uprightness(rest, roles) < STANDS:
        best = int(measure_uprightness(placed, roles).argmax())
        rest, turns = placed[best], turned[best]
        how = f"; the pose at {best / motion.fps:.2f} s is taken for standing"
    left = rest[roles["left_hip"]] - rest[roles["right_hip"]]
    cos, sin = np.array([left[1], left[0]]) / max(float(np.hypot(left[0], left[1])), 1e-9)
    facing = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
    return rest @ facing.T, facing @ turns, how


def measure_uprightness(points: np.ndarray, roles: dict[str, int]) -> np.ndarray:
    """The least of: legs' and trunk's upright share, feet's level share, toes' pointing ahead, (..., J, 3) -> (...)."""
    at = {name: points[..., joint, :] for name, joint in roles.items()}

    def share(a: np.ndarray, b: np.ndarray, length: np.ndarray) -> np.ndarray:
        return (a[..., 2] - b[..., 2]) / np.maximum(length, 1e-9)

    def distance(a: str, b: str) -> np.ndarray:
        return np.linalg.norm(at[a] - at[b], axis=-1)

    across = at["left_hip"] - at["right_hip"]
    ahead = np.stack([across[..., 1], -across[..., 0]], axis=-1)
    ahead = ahead / np.maximum(np.linalg.norm(ahead, axis=-1, keepdims=True), 1e-9)
    hips, shoulders = (at[f"left_{joint}"] + at[f"right_{joint}"] for joint in ("hip", "shoulder"))
    shares = [share(shoulders, hips, np.linalg.norm(shoulders - hips, axis=-1))]
    for side in SIDES:
        hip, knee, ankle, toe = (f"{side}_{joint}" for joint in ("hip", "knee", "ankle", "toe"))
        shares.append(share(at[hip], at[ankle], distance(hip, knee) + distance(knee, ankle)))
        foot = at[toe] - at[ankle]
        # A foot that stands is level to within what the ankle's height over the ball of the foot makes.
        length = np.maximum(np.linalg.norm(foot, axis=-1), 1e-9)
        shares.append(1.0 - np.maximum(np.abs(foot[..., 2]) / length - 0.7, 0.0))
        shares.append(1.0 - np.maximum(0.5 - np.sum(foot[..., :2] * ahead, axis=-1) / length, 0.0))
    return np.min(shares, axis=0)


def leg(neutral: np.ndarray, roles: dict[str, int]) -> float:
    """From hip to sole along the leg, standing."""
    hip, knee, ankle = (neutral[roles[f"left_{joint}"]] for joint in ("hip", "knee", "ankle"))
    sole = min(neutral[roles[f"{side}_toe"]][2] for side in SIDES)
    above = max(float(ankle[2]) - float(sole), 0.0)
    return float(np.linalg.norm(hip - knee) + np.linalg.norm(knee - ankle)) + above


def find_unit(leg_length: float, path: Path) -> tuple[str, float]:
    """The unit in which a leg of that length is nearest to an adult's: its name and length [m].

    Raises:
      InputError: there is no length.
    """
    if not leg_length > 0:
        raise InputError(f"{path}: legs of no length; the file's offsets are zero")
    name = min(UNITS, key=lambda name: abs(np.log(leg_length * UNITS[name] / LEG)))
    if PLAUSIBLE[0] <= leg_length * UNITS[name] <= PLAUSIBLE[1]:
        return f"{name} (a leg of {leg_length * UNITS[name]:.2f} m)", UNITS[name]
    return f"a unit of its own (legs are taken to be {LEG} m long)", LEG / leg_length


def _body(
    motion: SkeletonMotion, neutral: np.ndarray, roles: dict[str, int], kept: list[int], path: Path
) -> tuple[SkeletonBody, list[int]]:
    """The body in its neutral pose [m], and the joints in MuJoCo's order."""
    spec = mujoco.MjSpec()
    spec.compiler.degree = False
    bodies: dict[int, mujoco.MjsBody] = {}
    for joint in kept:
        parent = bodies.get(motion.parents[joint])
        place = neutral[joint] - neutral[motion.parents[joint]] if parent is not None else neutral[joint]
        body = (parent or spec.worldbody).add_body(name=f"joint_{joint}", pos=place)
        body.add_geom(type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[0.02, 0, 0], mass=1.0)  # MuJoCo moves no massless body
        if parent is None:
            body.add_freejoint(name="root")
        else:
            body.add_joint(name=f"joint_{joint}", type=mujoco.mjtJoint.mjJNT_BALL)
        bodies[joint] = body
    sites = _landmarks(motion, neutral, roles)
    for name, (joint, place) in sites.items():
        bodies[joint].add_site(name=name, pos=place - neutral[joint])
    model = spec.compile()
    order = [int(model.body(b).name.removeprefix("joint_")) for b in range(1, model.nbody)]
    sole = sites["left_heel"][1][2]
    head = max(neutral[joint][2] for joint in kept)
    contacts: dict[str, tuple[str, ...]] = {f"{side}_foot": (f"{side}_heel", f"{side}_foot_index") for side in SIDES}
    contacts |= {f"{side}_hand": (f"{side}_palm",) for side in SIDES}
    body = SkeletonBody(
        name=path.stem,
        path=path,
        height=float(head - sole),
        scale=1.0,
        girth=1.0,
        head=1.0,
        landmarks={name: name for name in sites if not name.endswith("palm")},
        end_effectors=(),
        contacts=contacts,
        foot_bodies=tuple(f"joint_{roles[f'{side}_ankle']}" for side in SIDES),
        fall_bodies=(),
        key_bodies=(),
        xml=spec.to_xml(),
    )
    return body, order


def _landmarks(motion: SkeletonMotion, neutral: np.ndarray, roles: dict[str, int]) -> dict[str, tuple[int, np.ndarray]]:
    """Site -> the joint that carries it and its place in the neutral pose: joints, soles, palms and a face."""
    at = {name: neutral[joint] for name, joint in roles.items()}
    sites = {name: (roles[name], at[name]) for name in roles if not name.endswith("toe") and name != "head"}
    size = float(np.linalg.norm(at["left_hip"] - at["left_knee"])) / 0.42
    sole = min(at[f"{side}_toe"][2] for side in SIDES)
    sole = min(sole, *(at[f"{side}_ankle"][2] - 0.06 * size for side in SIDES)) - 0.01 * size
    for side in SIDES:
        ankle, way = at[f"{side}_ankle"], (at[f"{side}_toe"] - at[f"{side}_ankle"]) * [1.0, 1.0, 0.0]
        # Joints end at the ball of the foot, tips of toes at an end site.
        is_tip = roles[f"{side}_toe"] not in motion.parents
        tip, heel = ankle + way * (1.0 if is_tip else 1.25), ankle - 0.35 * way
        carrier = roles[f"{side}_ankle"]
        sites[f"{side}_foot_index"] = carrier, np.array([*tip[:2], sole])
        sites[f"{side}_heel"] = carrier, np.array([*heel[:2], sole])
        forearm = at[f"{side}_wrist"] - at[f"{side}_elbow"]
        sites[f"{side}_palm"] = roles[f"{side}_wrist"], at[f"{side}_wrist"] + 0.35 * forearm
    if "head" in roles:
        middle = at["head"] + [0.0, 0.0, 0.1 * size]
        for name, offset in (("nose", [0.1, 0, 0]), ("left_ear", [0, 0.07, 0]), ("right_ear", [0, -0.07, 0])):
            sites[name] = roles["head"], middle + size * np.array(offset)
    return sites
