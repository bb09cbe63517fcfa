"""Infers what an import needs to know of a model of others from its names, geometry and inertia: where landmarks are,
which servos it needs, and what may touch the ground."""

import json
import re
from dataclasses import dataclass, field

import mujoco
import numpy as np
import trimesh

from pose.errors import InputError
from reconstruct.characters.import_model import ImportPlan, Servo, Vec3
from reconstruct.characters.limbs import (
    SIDES,
    Limb,
    find_end_point,
    find_front,
    find_limbs,
    is_below,
    list_bodies,
    locate_joints,
)
from reconstruct.characters.source_model import SourceModel, rotation_about_z
from reconstruct.characters.standing_pose import solve_standing_pose
from reconstruct.kinematics import GRAVITY

HEAD = re.compile(r"head|skull|face", re.IGNORECASE)

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


@dataclass(frozen=True)
class StandingBody:
    """A source model in its rest pose, its limbs known, and the sites that were found on it."""

    source: SourceModel
    legs: dict[str, Limb]
    arms: dict[str, Limb]
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
    def measure(cls, source: SourceModel, legs: dict[str, Limb], arms: dict[str, Limb], yaw: float) -> "StandingBody":
        """Measures the model; `yaw` [rad] makes it face x."""
        surfaces = {b: s for b in source.bodies if (s := source.surface(b)) is not None}
        z = np.concatenate([s.vertices for s in surfaces.values()])[:, 2]
        return cls(source, legs, arms, rotation_about_z(yaw), surfaces, float(z.min()), float(np.ptp(z)))

    @property
    def mass(self) -> float:
        """Mass of all its bodies [kg]."""
        return float(self.source.model.body_mass[self.source.owner >= 0].sum())

    @property
    def trunk(self) -> int:
        """The body that carries the arms."""
        return max(self.source.parent(self.arms["left"].chain[0]), self.source.root)

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
        if name not in [source.name(b) for b in source.bodies]:
            raise InputError(f"{where}: {landmark}={name}: there is no such body with joints; {list_bodies(source)}")
    legs, arms = find_limbs(source, where, named)
    rest = solve_standing_pose(model, legs, arms)
    source = SourceModel.in_pose(model, rest)
    front = find_front(source, legs)
    yaw = round(-float(np.arctan2(front[1], front[0])) / (np.pi / 2)) * np.pi / 2
    body = StandingBody.measure(source, legs, arms, yaw)
    feet: list[int] = []
    for side in SIDES:
        mark_joints(body, side)
        feet += mark_sole(body, side, where)
        mark_hand(body, side)
    head = mark_head(body, named)
    plan = ImportPlan(yaw, rest, choose_servos(body), tuple(source.name(b) for b in feet), body.sites)
    return describe_body(body, plan, head)


def mark_joints(body: StandingBody, side: str) -> None:
    """Puts sites on hip, knee, ankle, shoulder, elbow and wrist of one side."""
    for limb, words in (
        (body.legs[side], ("hip", "knee", "ankle")),
        (body.arms[side], ("shoulder", "elbow", "wrist")),
    ):
        carriers = (limb.chain[limb.bend - 1], limb.chain[limb.bend], limb.end)
        for word, carrier, point in zip(words, carriers, locate_joints(body.source, limb), strict=True):
            body.add_site(f"{side}_{word}", carrier, point)


def mark_sole(body: StandingBody, side: str, where: str) -> list[int]:
    """Puts sites on the heel and the tip of a foot, on the floor; the foot's bodies.

    Raises:
      InputError: the foot has no shape.
    """
    source, foot, R = body.source, body.legs[side].end, body.R_ours_source
    parts = [b for b in body.surfaces if b == foot or is_below(source, b, foot)]
    if not parts:
        raise InputError(f"{where}: the foot {source.name(foot)} has no shape; give it a geom or a mesh")
    low = {b: take_lower_half(body.surfaces[b].vertices @ R.T) for b in parts}
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


def mark_head(body: StandingBody, named: dict[str, str]) -> int:
    """Puts sites on nose, eyes and ears; the body that the head is or is part of."""
    head, skull = find_head(body, named)
    skull = skull @ body.R_ours_source.T
    low, high = skull.min(axis=0), skull.max(axis=0)
    middle, size = 0.5 * (low + high), high - low
    for place, (x, y, z) in FACE.items():
        for side, sign in (("", 0.0),) if place == "nose" else (("left_", 1.0), ("right_", -1.0)):
            body.add_site(side + place, head, body.R_ours_source.T @ (middle + size * [x, sign * y, z]))
    return head


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


def describe_body(body: StandingBody, plan: ImportPlan, head: int) -> InferredBody:
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
        mesh = model.mesh(model.geom_dataid[geom]).name if model.geom_dataid[geom] >= 0 else ""
        if source.owner[model.geom_bodyid[geom]] == trunk and HEAD.search(f"{model.geom(geom).name} {mesh}"):
            return trunk, source.mesh(geom).vertices
    arms = [limb.chain[0] for limb in body.arms.values()]
    above = [b for b in surfaces if is_below(source, b, trunk) and not is_part_of(source, b, arms)]
    if above:
        called = [b for b in above if HEAD.search(source.name(b))]
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


def to_toml(body: InferredBody, heading: dict[str, str], with_plan: bool = False) -> str:
    """`character.toml` of a body.

    Args:
      body: what was inferred.
      heading: name, licence, mjcf, and whatever else stands at the top.
      with_plan: also what `reconstruct.characters.import_model` needs, for a character whose model is fetched.
    """
    lines = [f"{key} = {to_value(value)}" for key, value in heading.items()]
    lines += [f"height = {body.height:g}    # m, standing, as its shapes reach", f"mass = {body.mass:g}    # kg", ""]
    for key in ("end_effectors", "foot_bodies", "fall_bodies", "key_bodies"):
        lines.append(f"{key} = {to_value(getattr(body, key))}")
    lines += ["", "# Pose landmark (BlazePose) -> site of the model.", "[landmarks]"]
    lines += [f"{landmark} = {to_value(site)}" for landmark, site in body.landmarks.items()]
    lines += ["", "# Part that may touch the ground -> its sites on the surface.", "[contacts]"]
    lines += [f"{part} = {to_value(sites)}" for part, sites in body.contacts.items()]
    return "\n".join([*lines, *(plan_to_toml(body.plan) if with_plan else []), ""])


def plan_to_toml(plan: ImportPlan) -> list[str]:
    """The lines of `[plan]`."""
    lines = ["", "# How the package's model is imported, see reconstruct/characters/import_model.py.", "[plan]"]
    lines += [f"yaw = {plan.yaw:.6g}    # rad", f"feet = {to_value(plan.feet)}"]
    lines += ["", "# Hinge -> its angle where ours is zero [rad].", "[plan.rest]"]
    lines += [f"{to_key(joint)} = {angle:g}" for joint, angle in plan.rest.items()]
    lines += ["", "# Joint -> servo's stiffness [N m/rad], damping [N m s/rad], torque limit [N m].", "[plan.servos]"]
    lines += [f"{to_key(joint)} = [{s.kp:g}, {s.kv:g}, {s.torque:g}]" for joint, s in plan.servos.items()]
    lines += ["", "# Site -> body, and place from its origin, axes of the standing body [m].", "[plan.sites]"]
    for site, (carrier, (x, y, z)) in plan.sites.items():
        lines.append(f"{site} = [{to_value(carrier)}, {x:g}, {y:g}, {z:g}]")
    return lines


def to_value(value: str | tuple[str, ...]) -> str:
    """A string or a list of strings in TOML, whose basic strings are JSON's."""
    return json.dumps(value, ensure_ascii=False)


def to_key(name: str) -> str:
    """A key in TOML: bare where it may be."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else to_value(name)
