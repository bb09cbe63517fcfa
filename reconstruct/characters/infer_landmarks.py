"""Infers what an import needs to know of a model of others from its names, geometry and inertia: where landmarks are,
which servos it needs, and what may touch the ground."""

import json
import re
from dataclasses import dataclass

import mujoco
import numpy as np

from pose.errors import InputError
from reconstruct.characters.import_model import ImportPlan, Servo
from reconstruct.characters.limbs import (
    SIDES,
    Limb,
    find_end_point,
    forward,
    is_below,
    limbs,
    list_bodies,
    locate_joints,
    standing,
)
from reconstruct.characters.source_model import SourceModel
from reconstruct.kinematics import GRAVITY

HEAD = re.compile(r"head|skull|face", re.IGNORECASE)

SATURATION = 0.25
"""A servo reaches its torque limit when it is this far from its target [rad], as those of Atlas."""
DAMPING = 0.012
"""Damping of a servo over its stiffness [s], and of its joint, as the humanoid has it (assets/humanoid_mjcf.py)."""
STEADY = 4.0
"""Least stiffness of a servo over what topples the body that stands on it: 1 would just hold it if the ground were
hard."""
STRENGTH = {"leg": 0.2, "foot": 0.12, "trunk": 0.25, "arm": 0.08, "hand": 0.02}
"""Torque of a person's joints over weight times height: 260 N m for a hip or knee of 75 kg, after the humanoid."""


@dataclass(frozen=True)
class InferredBody:
    """A plan, and what `character.toml` says beside it."""

    plan: ImportPlan
    landmarks: dict[str, str]
    end_effectors: tuple[str, ...]
    contacts: dict[str, tuple[str, ...]]
    foot_bodies: tuple[str, ...]
    fall_bodies: tuple[str, ...]
    key_bodies: tuple[str, ...]
    height: float
    """[m]."""
    mass: float
    """[kg]."""


def infer_landmarks(model: mujoco.MjModel, where: str, named: dict[str, str] | None = None) -> InferredBody:
    """All that has to be known of a body of others.

    Args:
      model: the compiled body.
      where: what it was read from, for errors.
      named: landmark (left_knee, right_elbow, left_ankle, left_wrist, head, ...) -> body that it is on, from the user.

    Raises:
      InputError: a limb or a landmark cannot be found.
    """
    named = dict(named or {})
    source = SourceModel.in_pose(model)
    for landmark, body in named.items():
        if body not in [source.name(b) for b in source.bodies]:
            raise InputError(f"{where}: {landmark}={body}: there is no such body with joints; {list_bodies(source)}")
    legs, arms = limbs(source, where, named)
    rest = standing(model, legs, arms)
    source = SourceModel.in_pose(model, rest)
    front = forward(source, legs)
    yaw = -float(np.arctan2(front[1], front[0]))
    yaw = round(yaw / (np.pi / 2)) * np.pi / 2
    return mark_landmarks(source, legs, arms, yaw, rest, named, where)


def mark_landmarks(
    source: SourceModel,
    legs: dict[str, Limb],
    arms: dict[str, Limb],
    yaw: float,
    rest: dict[str, float],
    named: dict[str, str],
    where: str,
) -> InferredBody:
    """Landmarks on the body in its rest pose, and everything that follows from them."""
    turn = np.array([[np.cos(yaw), -np.sin(yaw), 0.0], [np.sin(yaw), np.cos(yaw), 0.0], [0.0, 0.0, 1.0]])
    surfaces = {b: s for b in source.bodies if (s := source.surface(b)) is not None}
    every = np.concatenate([s.vertices for s in surfaces.values()])
    floor, tall = float(every[:, 2].min()), float(np.ptp(every[:, 2]))
    sites: dict[str, tuple[str, tuple[float, float, float]]] = {}

    def mark(site: str, body: int, point: np.ndarray) -> None:
        x, y, z = np.round(turn @ (point - source.origin(body)), 5) + 0.0
        sites[site] = (source.name(body), (float(x), float(y), float(z)))

    feet: list[int] = []
    for side in SIDES:
        for limb, words in ((legs[side], ("hip", "knee", "ankle")), (arms[side], ("shoulder", "elbow", "wrist"))):
            bodies = (limb.chain[limb.bend - 1], limb.chain[limb.bend], limb.end)
            for word, body, point in zip(words, bodies, locate_joints(source, limb), strict=True):
                mark(f"{side}_{word}", body, point)
        foot = legs[side].end
        parts = [b for b in surfaces if b == foot or is_below(source, b, foot)]
        if not parts:
            raise InputError(f"{where}: the foot {source.name(foot)} has no shape; give it a geom or a mesh")
        feet += parts
        low = {b: take_lower_half(surfaces[b].vertices @ turn.T) for b in parts}
        back, front = min(parts, key=lambda b: low[b][:, 0].min()), max(parts, key=lambda b: low[b][:, 0].max())
        for name, body, x in (("heel", back, low[back][:, 0].min()), ("foot_index", front, low[front][:, 0].max())):
            middle = 0.5 * (low[body][:, 1].min() + low[body][:, 1].max())
            mark(f"{side}_{name}", body, turn.T @ np.array([x, middle, floor]))
        elbow, wrist = locate_joints(source, arms[side])[1:]
        palm = find_end_point(source, arms[side].end, wrist - elbow)
        mark(f"{side}_palm", arms[side].end, palm)
        mark(f"{side}_index", arms[side].end, wrist + 0.9 * (palm - wrist))
    trunk = find_trunk(source, arms["left"])
    head, skull = find_head(source, trunk, arms, tall, named)
    skull = skull @ turn.T
    low, high = skull.min(axis=0), skull.max(axis=0)
    middle, size = 0.5 * (low + high), high - low
    for site, x, y, z in (("nose", 0.5, 0.0, -0.05), ("eye", 0.4, 0.2, 0.05), ("ear", 0.0, 0.5, 0.0)):
        for side, sign in (("", 0.0),) if site == "nose" else (("left_", 1.0), ("right_", -1.0)):
            mark(side + site, head, turn.T @ (middle + size * [x, sign * y, z]))

    servos = {}
    strength = source.model.body_mass[source.owner >= 0].sum() * GRAVITY * tall
    for body in source.bodies:
        for joint in source.joints(body):
            torque = find_torque_limit(source.model, joint) or STRENGTH[find_part(body, legs, arms, source)] * strength
            kp = max(torque / SATURATION, STEADY * compute_toppling_stiffness(source, body, joint, legs, trunk))
            servos[source.joint_name(joint)] = Servo(*(float(f"{v:.3g}") for v in (kp, DAMPING * kp, torque)))
    name = source.name
    uppers = [limb.chain[limb.bend - 1] for limbs in (legs, arms) for limb in limbs.values()]
    falls = dict.fromkeys([source.root, *trunk_path(source, trunk), head, *uppers])
    keys = dict.fromkeys([head, *(arms[s].chain[arms[s].bend] for s in SIDES), *(legs[s].end for s in SIDES)])
    landmarks = {site: site for site in sites if "palm" not in site}
    return InferredBody(
        plan=ImportPlan(yaw, rest, servos, tuple(name(b) for b in feet), sites),
        landmarks=landmarks,
        end_effectors=("left_palm", "right_palm", "left_ankle", "right_ankle"),
        contacts={
            **{f"{side}_foot": (f"{side}_heel", f"{side}_foot_index") for side in SIDES},
            **{f"{side}_hand": (f"{side}_palm",) for side in SIDES},
        },
        foot_bodies=tuple(name(b) for b in feet),
        fall_bodies=tuple(name(b) for b in falls),
        key_bodies=tuple(name(b) for b in keys),
        height=round(tall, 3),
        mass=round(float(source.model.body_mass[source.owner >= 0].sum()), 2),
    )


def take_lower_half(points: np.ndarray) -> np.ndarray:
    """The lower half of a foot: without what it hangs on."""
    return points[points[:, 2] <= points[:, 2].min() + 0.5 * np.ptp(points[:, 2]) + 1e-9]


def find_trunk(source: SourceModel, arm: Limb) -> int:
    """The body that carries the arms."""
    return max(source.parent(arm.chain[0]), source.root)


def trunk_path(source: SourceModel, trunk: int) -> list[int]:
    """The bodies from the root to the trunk."""
    path = [trunk]
    while path[-1] != source.root:
        path.append(source.parent(path[-1]))
    return path[::-1]


def find_head(
    source: SourceModel, trunk: int, arms: dict[str, Limb], tall: float, named: dict[str, str]
) -> tuple[int, np.ndarray]:
    """The body that the head is or is part of, and points of the head's surface, world frame (N, 3)."""
    model = source.model
    held = [limb.chain[0] for limb in arms.values()]
    surfaces = {b: s for b in source.bodies if (s := source.surface(b)) is not None}
    if "head" in named:
        body = next(b for b in source.bodies if source.name(b) == named["head"])
        if body in surfaces:
            return body, surfaces[body].vertices
    for geom in range(model.ngeom):
        shape = model.mesh(model.geom_dataid[geom]).name if model.geom_dataid[geom] >= 0 else ""
        owner = int(source.owner[model.geom_bodyid[geom]])
        if owner == trunk and (HEAD.search(model.geom(geom).name) or HEAD.search(shape)):
            return owner, source.mesh(geom).vertices
    above = [
        b for b in surfaces if is_below(source, b, trunk) and not any(b == h or is_below(source, b, h) for h in held)
    ]
    called = [b for b in above if HEAD.search(source.name(b))]
    if called or above:
        body = max(called or above, key=lambda b: float(surfaces[b].bounds[1][2]))
        return body, surfaces[body].vertices
    points = surfaces[trunk].vertices if trunk in surfaces else source.origin(trunk)[None]
    return trunk, points[points[:, 2] > points[:, 2].max() - 0.12 * tall]


def find_part(body: int, legs: dict[str, Limb], arms: dict[str, Limb], source: SourceModel) -> str:
    """Which entry of `STRENGTH` a body's joints have."""
    for both, upper, lower in ((legs, "leg", "foot"), (arms, "arm", "hand")):
        for limb in both.values():
            if body in limb.chain[: limb.bend + 1]:
                return upper
            if body in limb.chain or is_below(source, body, limb.chain[0]):
                return lower
    return "trunk" if is_below(source, arms["left"].chain[0], body) else "hand"


def find_torque_limit(model: mujoco.MjModel, joint: int) -> float | None:
    """The torque limit that a model states for a joint [N m]; None if it states none."""
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


def compute_toppling_stiffness(source: SourceModel, body: int, joint: int, legs: dict[str, Limb], trunk: int) -> float:
    """How fast gravity's torque on a standing body's joint grows with its angle [N m/rad]: an upside-down pendulum.

    Legs share all of the body's weight above a joint, joints of the trunk carry what hangs on them.
    """
    model, state = source.model, source.state
    carried = np.flatnonzero(source.owner >= 0)
    share = 1.0
    if any(body in limb.chain and not is_below(source, body, limb.end) for limb in legs.values()):
        share = 0.5
    elif body == trunk or is_below(source, trunk, body):
        carried = [p for p in carried if source.owner[p] == body or is_below(source, int(source.owner[p]), body)]
    else:
        return 0.0
    mass = model.body_mass[carried]
    return max(float(share * GRAVITY * mass @ (state.xipos[carried, 2] - state.xanchor[joint][2])), 0.0)


def to_toml(guess: InferredBody, heading: dict[str, str], with_plan: bool = False) -> str:
    """`character.toml` of a guess.

    Args:
      guess: what was found.
      heading: name, licence, mjcf, and whatever else stands at the top.
      with_plan: also what `reconstruct.characters.import_model` needs, for a character whose model is fetched.
    """

    def listed_in(key: str, values: tuple[str, ...]) -> str:
        return f"{key} = {json.dumps(values)}"

    lines = [f'{key} = "{value}"' for key, value in heading.items()]
    lines += [f"height = {guess.height:g}    # m, standing, as its shapes reach", f"mass = {guess.mass:g}    # kg", ""]
    for key in ("end_effectors", "foot_bodies", "fall_bodies", "key_bodies"):
        lines.append(listed_in(key, getattr(guess, key)))
    lines += ["", "# Pose landmark (BlazePose) -> site of the model.", "[landmarks]"]
    lines += [f'{landmark} = "{site}"' for landmark, site in guess.landmarks.items()]
    lines += ["", "# Part that may touch the ground -> its sites on the surface.", "[contacts]"]
    lines += [listed_in(part, sites) for part, sites in guess.contacts.items()]
    if with_plan:
        plan = guess.plan
        lines += ["", "# How the package's model is imported, see reconstruct/characters/import_model.py.", "[plan]"]
        lines += [f"yaw = {plan.yaw:.6g}    # rad", listed_in("feet", plan.feet)]
        lines += ["", "# Hinge -> its angle where ours is zero [rad].", "[plan.rest]"]
        lines += [f"{joint} = {angle:g}" for joint, angle in plan.rest.items()]
        lines += [
            "",
            "# Joint -> servo's stiffness [N m/rad], damping [N m s/rad], torque limit [N m].",
            "[plan.servos]",
        ]
        lines += [f"{joint} = [{s.kp:g}, {s.kv:g}, {s.torque:g}]" for joint, s in plan.servos.items()]
        lines += ["", "# Site -> body, and place from its origin, axes of the standing body [m].", "[plan.sites]"]
        lines += [f'{site} = ["{body}", {x:g}, {y:g}, {z:g}]' for site, (body, (x, y, z)) in plan.sites.items()]
    return "\n".join([*lines, ""])
