"""A motion of some other skeleton: which joints are a person's, which way is up, how long a unit is, how it stands.

Joints are known by their names (`reconstruct.formats.joint_names`). The rest is taken from the motion itself, for
files do not state it. The result is a body of its own, one ball joint for each joint of the file, standing upright at
rest: a source that `reconstruct.retargeting.retargeting` retargets as it does between characters. No angle is copied.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import mujoco
import numpy as np

from pose.errors import InputError
from reconstruct.characters.character import Character
from reconstruct.formats.checks import check_knees, check_order, mend_leaps
from reconstruct.formats.joint_names import ROLES, SIDES, find_joint_roles, split_side
from reconstruct.formats.joint_tree import find_roles_by_tree
from reconstruct.formats.options import Finding, MotionFileConfig, name_axis, to_axis
from reconstruct.formats.rate import check_rate
from reconstruct.formats.skeleton_motion import SkeletonMotion, measure_stretch, to_qpos
from reconstruct.formats.units import LEG, find_unit
from reconstruct.formats.upright import STANDS, axes_with_up, choose_up_axis, find_tilt, mean_trunk
from reconstruct.motion import ReferenceMotion
from reconstruct.rotations import angle_between, from_matrix, rotate, to_matrix

FLESH = {"shoulder": 0.07, "elbow": 0.04, "knee": 0.05, "wrist": 0.02, "ankle": 0.02, "toe": 0.02}
"""From the joints of limbs to the skin, of a body whose thigh is 0.42 m long [m]."""
FLESH_OF_TRUNK = 0.09
"""From all other joints (hips, spine, neck, head) to the skin, of the same body [m]."""


@dataclass(frozen=True)
class SkeletonBody(Character):
    """A skeleton as a body with a ball about every joint: for kinematics, and for what rests on the ground."""

    xml: str
    """MJCF."""

    def spec(self) -> mujoco.MjSpec:
        """A fresh model."""
        return mujoco.MjSpec.from_string(self.xml)


def to_character(
    motion: SkeletonMotion, path: Path, config: MotionFileConfig | None = None
) -> tuple[SkeletonBody, ReferenceMotion, tuple[Finding, ...]]:
    """A skeleton as a character, its motion, and what was inferred.

    Args:
      motion: of a person.
      path: its file, for messages.
      config: what the user says about the file.

    Returns:
      The body; its motion, z up, beginning above the world's origin, as high as it was, without contacts; findings.

    Raises:
      InputError: the skeleton is no person's, has no size, or moves as nobody can.
    """
    config = config or MotionFileConfig()
    if config.fps is not None:
        motion = replace(motion, fps=config.fps)
    if motion.has_landmarks:
        config = replace(config, joint=())
    motion = add_toes(motion, path, config)
    roles, known = find_roles(motion, path, config)
    rate = check_rate(len(motion.positions), motion.fps, path)
    motion = mend_leaps(drop_rest_frame(motion), roles, path)
    pelvis = common_ancestor(motion.parents, roles["left_hip"], roles["right_hip"])
    kept = select_joints(motion.parents, pelvis, tuple(roles.values()))
    for name, joint in roles.items():
        if joint not in kept:
            raise InputError(f"{path}: '{motion.names[joint]}' ({name}) does not hang on '{motion.names[pelvis]}'")
    upright = stand_up(motion, roles, config)
    neutral, placed = upright.neutral, upright.placed
    size, length = find_unit(leg(neutral, roles), path, motion.metres, config.unit)
    neutral, placed = neutral * length, placed * length
    placed = placed - placed[:1, pelvis : pelvis + 1] * [1.0, 1.0, 0.0]
    body, order = _body(motion, neutral, roles, kept, path)
    turn = from_matrix(upright.turned[:, order] @ np.swapaxes(upright.neutral_turned[order], -1, -2))
    parents = [order.index(motion.parents[joint]) for joint in order[1:]]
    longer = {order.index(joint): measure_stretch(placed, neutral, joint, motion.parents[joint])
              for joint in motion.stretching if joint in order[1:]}  # fmt: skip
    qpos = to_qpos(placed[:, pelvis], turn, parents, longer)
    found = ReferenceMotion(
        qpos=qpos,
        fps=motion.fps,
        character=body.name,
        height=body.height,
        joint_names=body.joint_names,
        contacts=np.zeros((len(qpos), len(body.contacts)), dtype=bool),
        contact_names=tuple(body.contacts),
    )
    checks = (*check_order(neutral, placed, roles), *check_knees(placed, roles))
    return body, found, (known, size, *upright.findings, *rate, *motion.findings, *checks)


def find_roles(motion: SkeletonMotion, path: Path, config: MotionFileConfig) -> tuple[dict[str, int], Finding]:
    """Landmark -> joint by names, and where these do not suffice by the tree, if it does not contradict them.

    Raises:
      InputError: neither names nor the tree are a person's.
    """
    try:
        roles = find_joint_roles(motion.names, motion.parents, path, motion.rest, config.joints)
        return roles, Finding("joints", f"{len(roles)} joints known by name")
    except InputError:
        roles = find_roles_by_tree(motion.parents, motion.rest) if not config.joint else None
        if roles is None or not agrees_with_names(roles, motion.names):
            raise
    text = f"{len(roles)} joints found by the tree's shape, for names do not say enough: --joint overrules"
    return roles, Finding("joints", text, doubtful=True)


def agrees_with_names(roles: dict[str, int], names: Sequence[str]) -> bool:
    """Whether joints that a tree's shape gives are on the sides, and have the parts, that their names say, if any."""
    named = [split_side(name) for name in names]
    for landmark, joint in roles.items():
        side, role = landmark.split("_")
        said, part = named[joint]
        if said is not None and said != side:
            return False
        known = {name for name, parts in ROLES.items() if part in parts}
        if said is not None and named.count((said, part)) == 1 and known and role not in known:
            return False
    return True


def add_toes(motion: SkeletonMotion, path: Path, config: MotionFileConfig) -> SkeletonMotion:
    """The motion with a toe on every foot that ends at the ankle, as far before it as a third of the shin."""
    try:
        find_joint_roles(motion.names, motion.parents, path, motion.rest, config.joints)
        return motion
    except InputError:
        pass
    longer = motion
    named = [split_side(name) for name in motion.names]
    for side in SIDES:
        ankles = [named.index((side, part)) for part in ROLES["ankle"] if (side, part) in named]
        knees = [named.index((side, part)) for part in ROLES["knee"] if (side, part) in named]
        hips = [named.index((each, part)) for each in SIDES for part in ROLES["hip"] if (each, part) in named]
        if not (ankles and knees and len(hips) >= 2) or ankles[0] in motion.parents:
            return motion
        shin = motion.rest[knees[0]] - motion.rest[ankles[0]]
        ahead = np.cross(motion.rest[hips[0]] - motion.rest[hips[-1]], shin)
        ahead = ahead / max(float(np.linalg.norm(ahead)), 1e-9) * float(np.linalg.norm(shin))
        offset = 0.35 * ahead - 0.15 * shin
        place = motion.positions[:, ankles[0]] + rotate(motion.rotations[:, ankles[0]], offset[None])
        longer = replace(
            longer,
            names=(*longer.names, f"{side}_toe"),
            parents=(*longer.parents, ankles[0]),
            rest=np.concatenate([longer.rest, motion.rest[ankles[0]][None] + offset]),
            positions=np.concatenate([longer.positions, place[:, None]], axis=1),
            rotations=np.concatenate([longer.rotations, motion.rotations[:, ankles[0]][:, None]], axis=1),
        )
    said = Finding("joints", "no toes in the file: feet point where the hips face")
    return replace(longer, findings=(*longer.findings, said))


@dataclass(frozen=True)
class Upright:
    """A motion with z up and a level floor, in the file's unit."""

    placed: np.ndarray
    """(T, J, 3)."""
    turned: np.ndarray
    """Rotations of the joints from the file's rest pose, (T, J, 3, 3)."""
    neutral: np.ndarray
    """The body standing upright, facing x, (J, 3)."""
    neutral_turned: np.ndarray
    """Rotations of the joints there, (J, 3, 3)."""
    findings: tuple[Finding, ...]


def stand_up(motion: SkeletonMotion, roles: dict[str, int], config: MotionFileConfig) -> Upright:
    """Turns a motion so that z is up and the floor level, and finds the pose in which the body stands."""
    up, said = config.up_axis, Finding("up", f"{config.up} up, as asked")
    if up is None:
        rest = motion.rest if motion.rest_is_upright else None
        up, said = choose_up_axis(motion.positions, roles, rest, motion.up, motion.usual_up)
    axes = axes_with_up(up)
    placed, turned = motion.positions @ axes.T, axes @ to_matrix(motion.rotations)
    neutral, neutral_turned, how = find_neutral_pose(motion, placed, turned, roles)
    findings = [said]
    if config.up == "auto":
        scale = LEG / max(leg(neutral, roles), 1e-9)
        ankles = [roles[f"{side}_ankle"] for side in SIDES]
        # A pose taken from a frame is tilted with the floor: then soles say nothing.
        soles = None if how else (turned[:, ankles] @ np.swapaxes(neutral_turned[ankles], -1, -2))[..., 2]
        level, tilt = find_tilt(placed * scale, roles, soles, motion.fps)
        if tilt:
            placed, turned = placed @ level.T, level @ turned
            neutral, neutral_turned, how = find_neutral_pose(motion, placed, turned, roles)
            text = f"the floor is tilted by {np.degrees(tilt):.0f} degrees through all frames: levelled"
            findings.append(Finding("tilt", text, doubtful=True))
    return Upright(placed, turned, neutral, neutral_turned, (*findings, *how))


def drop_rest_frame(motion: SkeletonMotion) -> SkeletonMotion:
    """The motion without a first frame in which no joint is turned, as converted CMU files have."""
    bend = angle_between(motion.rotations[:2], motion.rotations[:2, :1]).max(axis=1)
    if len(motion.positions) < 4 or bend[0] > np.radians(1.0) or bend[1] < np.radians(10.0):
        return motion
    said = Finding("frames", "the first frame, a rest pose, is left out")
    return replace(
        motion, positions=motion.positions[1:], rotations=motion.rotations[1:], findings=(*motion.findings, said)
    )


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


def find_neutral_pose(
    motion: SkeletonMotion, placed: np.ndarray, turned: np.ndarray, roles: dict[str, int]
) -> tuple[np.ndarray, np.ndarray, tuple[Finding, ...]]:
    """The body standing upright, facing x: as it is without any angle, else in the frame that comes nearest to it.

    Args:
      motion: in its own axes.
      placed: its positions with z up, (T, J, 3).
      turned: its rotations, to z up, (T, J, 3, 3).
      roles: landmark -> joint.

    Returns:
      Positions (J, 3), rotations (J, 3, 3), and a finding where a frame was taken.
    """
    axes = axes_with_up(to_axis(name_axis(mean_trunk(motion.rest, roles))))
    rest = motion.rest @ axes.T
    turns, how = np.tile(axes, (len(rest), 1, 1)), ()
    if measure_uprightness(rest, roles) < STANDS:
        shares = measure_uprightness(placed, roles)
        best = int(shares.argmax())
        rest, turns = placed[best], turned[best]
        text = f"the pose at {best / motion.fps:.2f} s is taken for standing"
        if shares[best] < 0.5:
            text += ", though it is far from it: limbs may be off"
        how = (Finding("rest", text, doubtful=bool(shares[best] < 0.5)),)
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


def find_flesh(neutral: np.ndarray, roles: dict[str, int]) -> np.ndarray:
    """Distance from each joint of a body standing upright (J, 3) to its skin [m], (J,)."""
    radius = np.full(len(neutral), FLESH_OF_TRUNK)
    for landmark, joint in roles.items():
        radius[joint] = FLESH.get(landmark.split("_")[-1], FLESH_OF_TRUNK)
    return radius * float(np.linalg.norm(neutral[roles["left_hip"]] - neutral[roles["left_knee"]])) / 0.42


def _body(
    motion: SkeletonMotion, neutral: np.ndarray, roles: dict[str, int], kept: list[int], path: Path
) -> tuple[SkeletonBody, list[int]]:
    """The body in its neutral pose [m], and the joints in MuJoCo's order."""
    spec = mujoco.MjSpec()
    spec.compiler.degree = False
    bodies: dict[int, mujoco.MjsBody] = {}
    radius = find_flesh(neutral, roles)
    for joint in kept:
        parent = bodies.get(motion.parents[joint])
        place = neutral[joint] - neutral[motion.parents[joint]] if parent is not None else neutral[joint]
        body = (parent or spec.worldbody).add_body(name=f"joint_{joint}", pos=place)
        # MuJoCo moves no massless body.
        body.add_geom(type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[radius[joint], 0, 0], mass=1.0)
        if parent is None:
            body.add_freejoint(name="root")
        else:
            if joint in motion.stretching:
                body.add_joint(name=f"length_{joint}", type=mujoco.mjtJoint.mjJNT_SLIDE, axis=place)
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
        self_collision=False,
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
        is_tip = roles[f"{side}_toe"] not in motion.parents and not motion.ends_at_ball
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
