"""Infers what an import needs to know of a model of others from its names, geometry and inertia: where landmarks are,
which servos it needs, and what may touch the ground."""

import re
from dataclasses import dataclass, field

import mujoco
import numpy as np
import trimesh

from pose.errors import InputError
from reconstruct.characters.chains import list_bodies
from reconstruct.characters.facing import find_facing, find_turn, find_yaw
from reconstruct.characters.held_joints import (
    HeldJoints,
    describe_followers,
    describe_ranges,
    hold_fingers,
    hold_passive_joints,
    refuse_slides,
)
from reconstruct.characters.import_model import ImportPlan, Servo, Vec3
from reconstruct.characters.limbs import (
    SIDES,
    Limb,
    Limbs,
    cut_sole,
    find_end_point,
    find_foot_parts,
    find_limbs,
    is_below,
    locate_joints,
)
from reconstruct.characters.source_model import DOWN, MESH, NO_TURN, SourceModel, rotation_about_z
from reconstruct.characters.standing_check import StandingCheck
from reconstruct.characters.standing_pose import solve_standing_pose
from reconstruct.kinematics import GRAVITY

HEAD = re.compile(r"head|skull|face", re.IGNORECASE)

HEAD_SIZE = 0.13
"""Length of a person's head over its height."""
SATURATION = 0.25
"""Distance from its target at which a servo reaches its torque limit [rad], as in Atlas."""
DAMPING = 0.012
"""Damping of a servo over its stiffness [s], and of its joint, as in the humanoid (assets/humanoid_mjcf.py)."""
STEADY = 4.0
"""Least stiffness of a servo over that at which the body that stands on it topples. 1 just holds on hard ground."""
STRENGTH = {"leg": 0.2, "foot": 0.12, "trunk": 0.25, "arm": 0.08, "hand": 0.02}
"""Torque of a person's joints over weight times height: 260 N m for a hip or knee of 75 kg, after the humanoid."""
FACE = {"nose": (0.5, 0.0, -0.05), "eye": (0.4, 0.2, 0.05), "ear": (0.0, 0.5, 0.0)}
"""Places on a head: forward, left and up from its middle, in shares of its size."""

NAMEABLE = (*(f"{side}_{joint}" for side in SIDES for joint in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")),
            "head")  # fmt: skip
"""Landmarks of which a user may say on which body they are."""


@dataclass(frozen=True)
class InferredBody:
    """An import plan, and what `character.toml` says besides."""

    plan: ImportPlan
    landmarks: dict[str, str]
    """Pose landmark -> site."""
    end_effectors: tuple[str, ...]
    """Sites of hands and feet."""
    contacts: dict[str, tuple[str, ...]]
    """Part that may touch the ground -> its sites."""
    foot_bodies: tuple[str, ...]
    fall_bodies: tuple[str, ...]
    key_bodies: tuple[str, ...]
    height: float
    """Standing height [m]."""
    mass: float
    """Mass of the whole body [kg]."""
    notes: tuple[str, ...] = ()
    """What was decided or is doubtful, a line each."""


@dataclass(frozen=True)
class StandingBody:
    """A source model in its rest pose, its limbs known, and the sites that were found on it."""

    source: SourceModel
    limbs: Limbs
    R_ours_source: np.ndarray
    """Rotation that makes it face x, (3, 3)."""
    surfaces: dict[int, trimesh.Trimesh]
    """Body -> its surface, in the source's world."""
    floor: float
    """Height of the soles [m]."""
    height: float
    """[m]."""
    sites: dict[str, tuple[str, Vec3]] = field(default_factory=dict)
    """See `ImportPlan.sites`."""

    @classmethod
    def measure(cls, source: SourceModel, limbs: Limbs, yaw: float) -> "StandingBody":
        """Measures the model; `yaw` [rad] makes it face x."""
        surfaces = {b: s for b in source.bodies if (s := source.surface(b)) is not None}
        z = np.concatenate([s.vertices for s in surfaces.values()])[:, 2]
        return cls(source, limbs, rotation_about_z(yaw), surfaces, float(z.min()), float(np.ptp(z)))

    @property
    def legs(self) -> dict[str, Limb]:
        """By side."""
        return self.limbs.legs

    @property
    def arms(self) -> dict[str, Limb]:
        """By side."""
        return self.limbs.arms

    @property
    def mass(self) -> float:
        """Mass of all its bodies [kg]."""
        return float(self.source.model.body_mass[self.source.owner >= 0].sum())

    @property
    def trunk(self) -> int:
        """The body that carries both arms."""
        left, right = (self.arms[side].chain[0] for side in SIDES)
        body = self.source.parent(left)
        while body > self.source.root and not is_below(self.source, right, body):
            body = self.source.parent(body)
        return max(body, self.source.root)

    def add_site(self, name: str, body: int, point: np.ndarray) -> None:
        """Puts a site on a body, at a point of the source's world."""
        x, y, z = np.round(self.R_ours_source @ (point - self.source.origin(body)), 5) + 0.0
        self.sites[name] = (self.source.name(body), (float(x), float(y), float(z)))


def infer_landmarks(model: mujoco.MjModel, where: str, named: dict[str, str] | None = None) -> InferredBody:
    """Infers all that an import needs to know of a model.

    Args:
      model: the compiled body.
      where: what it was read from, for errors.
      named: landmark (left_knee, right_elbow, left_ankle, left_wrist, head, ...) -> body that it is on, from the user.

    Raises:
      InputError: a limb or a landmark cannot be found.
    """
    named = dict(named or {})
    source = SourceModel.in_pose(model)
    for landmark, name in named.items():
        if landmark not in NAMEABLE:
            raise InputError(f"{where}: no landmark '{landmark}' ({name}); known ones: {', '.join(NAMEABLE)}")
        if name not in [source.name(b) for b in source.bodies]:
            raise InputError(f"{where}: {landmark}={name}: there is no such body with joints; {list_bodies(source)}")
    source, limbs, held, turn = prepare_source(model, where, named)
    rest = solve_standing_pose(source, limbs)
    source = SourceModel.in_pose(model, rest, held.names, turn)
    facing = find_facing(source, limbs, where)
    if facing.swapped:
        limbs = limbs.exchange_sides()
    yaw = find_yaw(facing.front)
    body = StandingBody.measure(source, limbs, yaw)
    feet: list[int] = []
    for side in SIDES:
        mark_joints(body, side)
        feet += mark_sole(body, side)
        mark_hand(body, side)
    head, found_by = mark_head(body, named)
    plan = ImportPlan(yaw, rest, choose_servos(body), tuple(source.name(b) for b in feet), body.sites, turn)
    followers = [*describe_followers(source, limbs), *describe_ranges(source)]
    notes = [*held.notes, *followers, *describe_turn(turn), *facing.notes, *found_by, *describe_stumps(limbs)]
    return describe_body(body, plan, head, (*check_body(body, where), *notes))


def prepare_source(
    model: mujoco.MjModel, where: str, named: dict[str, str]
) -> tuple[SourceModel, Limbs, HeldJoints, tuple[float, float, float, float]]:
    """A model at its zero pose, z up and without joints that are held; its limbs; those joints; how it was turned.

    Raises:
      InputError: a limb cannot be found, a foot has no shape, a joint slides.
    """
    held = hold_passive_joints(SourceModel.in_pose(model))
    source = SourceModel.in_pose(model, held=held.names)
    limbs = find_limbs(source, where, named)
    held = hold_fingers(source, limbs, held)
    refuse_slides(source, held, where)
    source = SourceModel.in_pose(model, held=held.names)
    for leg in limbs.legs.values():
        if not find_foot_parts(source, leg):
            raise InputError(f"{where}: the foot {source.name(leg.end)} has no shape; give it a geom or a mesh")
    turn = find_turn(source, limbs)
    return SourceModel.in_pose(model, held=held.names, turn=turn), limbs, held, turn


def describe_turn(turn: tuple[float, float, float, float]) -> list[str]:
    """A line, if the body had to be stood up."""
    return [] if turn == NO_TURN else ["it lies at zero in its file and was stood up"]


def describe_stumps(limbs: Limbs) -> list[str]:
    """Lines on limbs without ankle or wrist."""
    found = []
    for word, sides in (("ankle", limbs.legs), ("wrist", limbs.arms)):
        count = sum(not limb.last for limb in sides.values())
        if count:
            found.append(f"{'no' if count == 2 else 'only one'} {word} has joints")
    return found


def check_body(body: StandingBody, where: str) -> list[str]:
    """What is doubtful of a standing body whose sites are found; an InputError if it is no person."""
    ids, places = {body.source.name(b): b for b in body.source.bodies}, dict[str, np.ndarray]()
    for site, (carrier, point) in body.sites.items():
        origin = body.R_ours_source @ (body.source.origin(ids[carrier]) - [0.0, 0.0, body.floor])
        places[site] = origin + point
    middle = 0.5 * (places["left_hip"] + places["right_hip"]) * [1.0, 1.0, 0.0]
    places = {site: place - middle for site, place in places.items()}
    carriers = {site: carrier for site, (carrier, _) in body.sites.items()}
    return StandingCheck(where, places, carriers, body.height, body.mass).run()


def mark_joints(body: StandingBody, side: str) -> None:
    """Puts sites on hip, knee, ankle, shoulder, elbow and wrist of one side."""
    for limb, words in (
        (body.legs[side], ("hip", "knee", "ankle")),
        (body.arms[side], ("shoulder", "elbow", "wrist")),
    ):
        carriers = (limb.chain[limb.bend - 1], limb.chain[limb.bend], limb.end)
        for word, carrier, point in zip(words, carriers, locate_joints(body.source, limb), strict=True):
            body.add_site(f"{side}_{word}", carrier, point)


def mark_sole(body: StandingBody, side: str) -> list[int]:
    """Puts sites on the heel and the tip of a foot, on the floor; the foot's bodies."""
    R, parts = body.R_ours_source, find_foot_parts(body.source, body.legs[side])
    low = {b: take_lower_half(cut_sole(body.source, b, DOWN).vertices @ R.T) for b in parts}
    back, front = min(parts, key=lambda b: low[b][:, 0].min()), max(parts, key=lambda b: low[b][:, 0].max())
    for name, part, x in (("heel", back, low[back][:, 0].min()), ("foot_index", front, low[front][:, 0].max())):
        middle = 0.5 * (low[part][:, 1].min() + low[part][:, 1].max())
        body.add_site(f"{side}_{name}", part, R.T @ np.array([x, middle, body.floor]))
    return parts


def mark_hand(body: StandingBody, side: str) -> None:
    """Puts sites on the palm, which touches the ground, and on the index finger."""
    arm = body.arms[side]
    _, elbow, wrist = locate_joints(body.source, arm)
    palm = find_end_point(body.source, arm.end, wrist - elbow)
    body.add_site(f"{side}_palm", arm.end, palm)
    body.add_site(f"{side}_index", arm.end, wrist + 0.9 * (palm - wrist))


def mark_head(body: StandingBody, named: dict[str, str]) -> tuple[int, list[str]]:
    """Puts sites on nose, eyes and ears; the body that the head is or is part of, and a line if there is none."""
    carrier, skull, notes = *find_head(body, named), list[str]()
    skull = skull @ body.R_ours_source.T
    low, high = skull.min(axis=0), skull.max(axis=0)
    arms = [locate_joints(body.source, limb)[0] for limb in body.arms.values()]
    shoulders = body.R_ours_source @ np.mean(arms, axis=0)
    if 0.5 * (low[2] + high[2]) < shoulders[2] and carrier == body.trunk:
        size = HEAD_SIZE * body.height
        low = shoulders + size * np.array([-0.5, -0.4, 0.5])
        high = low + size * np.array([1.0, 0.8, 1.3])
        notes.append(f"no head found: nose, eyes and ears are put above the shoulders, on {body.source.name(carrier)}")
    middle, size = 0.5 * (low + high), high - low
    for place, (x, y, z) in FACE.items():
        for side, sign in (("", 0.0),) if place == "nose" else (("left_", 1.0), ("right_", -1.0)):
            body.add_site(side + place, carrier, body.R_ours_source.T @ (middle + size * [x, sign * y, z]))
    return carrier, notes


def choose_servos(body: StandingBody) -> dict[str, Servo]:
    """Joint -> servo: the torque limit that the model states, else a person's; stiff enough to stand."""
    source = body.source
    servos, unit = dict[str, Servo](), body.mass * GRAVITY * body.height
    for carrier in source.bodies:
        for joint in source.joints(carrier):
            torque = find_torque_limit(source.model, joint) or STRENGTH[find_part(body, carrier)] * unit
            kp = max(torque / SATURATION, STEADY * compute_toppling_stiffness(body, carrier, joint))
            servos[source.joint_name(joint)] = Servo(*(float(f"{v:.3g}") for v in (kp, DAMPING * kp, torque)))
    return servos


def describe_body(body: StandingBody, plan: ImportPlan, head: int, notes: tuple[str, ...]) -> InferredBody:
    """What `character.toml` says of a body whose sites are found."""
    source, legs, arms = body.source, body.legs, body.arms
    trunk = [body.trunk]
    while trunk[-1] != source.root:
        trunk.append(source.parent(trunk[-1]))
    uppers = [limb.chain[limb.bend - 1] for limbs in (legs, arms) for limb in limbs.values()]
    falls = dict.fromkeys([source.root, *reversed(trunk), head, *uppers])
    keys = dict.fromkeys([head, *(arms[s].chain[arms[s].bend] for s in SIDES), *(legs[s].end for s in SIDES)])
    return InferredBody(
        plan=plan,
        landmarks={site: site for site in body.sites if "palm" not in site},
        end_effectors=("left_palm", "right_palm", "left_ankle", "right_ankle"),
        contacts={
            **{f"{side}_foot": (f"{side}_heel", f"{side}_foot_index") for side in SIDES},
            **{f"{side}_hand": (f"{side}_palm",) for side in SIDES},
        },
        foot_bodies=plan.feet,
        fall_bodies=tuple(source.name(b) for b in falls),
        key_bodies=tuple(source.name(b) for b in keys),
        height=round(body.height, 3),
        mass=round(body.mass, 2),
        notes=notes,
    )


def take_lower_half(points: np.ndarray) -> np.ndarray:
    """The lower half of a foot, (N, 3): without what it hangs on."""
    return points[points[:, 2] <= points[:, 2].min() + 0.5 * np.ptp(points[:, 2]) + 1e-9]


def find_head(body: StandingBody, named: dict[str, str]) -> tuple[int, np.ndarray]:
    """The body that the head is or is part of, and points of the head's surface, source's world (N, 3).

    It is the body that the user names; else a geom of the trunk that is called so; else a body above the trunk that is
    called so, or the highest one; else the top of the trunk.
    """
    source, surfaces, trunk = body.source, body.surfaces, body.trunk
    user_named = [b for b in surfaces if source.name(b) == named.get("head")]
    if user_named:
        return user_named[0], surfaces[user_named[0]].vertices
    model = source.model
    for geom in range(model.ngeom):
        mesh = model.mesh(model.geom_dataid[geom]).name if model.geom_type[geom] == MESH else ""
        if source.owner[model.geom_bodyid[geom]] == trunk and HEAD.search(f"{model.geom(geom).name} {mesh}"):
            return trunk, source.mesh(geom).vertices
    limbs = [limb.chain[0] for limb in body.limbs.all]
    shoulders = max(locate_joints(source, limb)[0][2] for limb in body.arms.values())
    parts = [b for b in surfaces if is_below(source, b, trunk) and not is_part_of(source, b, limbs)]
    called = [b for b in parts if HEAD.search(source.name(b))]
    above = [b for b in parts if surfaces[b].bounds[1][2] > shoulders + 0.02 * body.height]
    if called or above:
        head = max(called or above, key=lambda b: float(surfaces[b].bounds[1][2]))
        return head, surfaces[head].vertices
    points = surfaces[trunk].vertices if trunk in surfaces else source.origin(trunk)[None]
    return trunk, points[points[:, 2] > points[:, 2].max() - 0.12 * body.height]


def is_part_of(source: SourceModel, body: int, roots: list[int]) -> bool:
    """Whether a body is one of some others, or carried by one."""
    return any(body == root or is_below(source, body, root) for root in roots)


def find_part(body: StandingBody, carrier: int) -> str:
    """Which entry of `STRENGTH` the joints of a body have."""
    for limbs, upper, lower in ((body.legs, "leg", "foot"), (body.arms, "arm", "hand")):
        for limb in limbs.values():
            if carrier in limb.chain[: limb.bend + 1]:
                return upper
            if carrier in limb.chain or is_below(body.source, carrier, limb.chain[0]):
                return lower
    return "trunk" if is_below(body.source, body.arms["left"].chain[0], carrier) else "hand"


def find_torque_limit(model: mujoco.MjModel, joint: int) -> float | None:
    """The torque limit that a model states for a joint [N m]; None without one."""
    if model.jnt_actfrclimited[joint] and model.jnt_actfrcrange[joint][1] > 0:
        return float(model.jnt_actfrcrange[joint][1])
    for act in range(model.nu):
        if model.actuator_trnid[act, 0] == joint and model.actuator_trntype[act] == mujoco.mjtTrn.mjTRN_JOINT:
            gear = abs(float(model.actuator_gear[act, 0]))
            if model.actuator_forcelimited[act]:
                return gear * float(model.actuator_forcerange[act][1])
            if model.actuator_ctrllimited[act] and model.actuator_biastype[act] == mujoco.mjtBias.mjBIAS_NONE:
                return gear * float(model.actuator_gainprm[act, 0]) * float(model.actuator_ctrlrange[act][1])
    return None


def compute_toppling_stiffness(body: StandingBody, carrier: int, joint: int) -> float:
    """Growth of gravity's torque on a standing body's joint with its angle [N m/rad]: an upside-down pendulum.

    Legs share all of the body's weight above a joint, joints of the trunk carry what hangs on them.
    """
    source, trunk = body.source, body.trunk
    model, state = source.model, source.state
    carried = np.flatnonzero(source.owner >= 0)
    share = 1.0
    if any(carrier in limb.chain and not is_below(source, carrier, limb.end) for limb in body.legs.values()):
        share = 0.5
    elif carrier == trunk or is_below(source, trunk, carrier):
        carried = [p for p in carried if is_part_of(source, int(source.owner[p]), [carrier])]
    else:
        return 0.0
    mass = model.body_mass[carried]
    return max(float(share * GRAVITY * mass @ (state.xipos[carried, 2] - state.xanchor[joint][2])), 0.0)
