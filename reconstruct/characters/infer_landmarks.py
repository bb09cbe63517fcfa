"""What has to be known of a body of others, guessed from names, geometry and inertia: landmarks, servos, what may touch
the ground."""

import json
import re
from dataclasses import dataclass

import mujoco
import numpy as np

from pose.errors import InputError
from reconstruct.characters.import_model import Plan, Servo
from reconstruct.characters.limbs import SIDES, Limb, end_point, forward, is_below, joints_of, limbs, listed, standing
from reconstruct.characters.source_model import Original
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
class Guess:
    """A plan, and what `character.toml` says beside it."""

    plan: Plan
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


def guessed(model: mujoco.MjModel, where: str, named: dict[str, str] | None = None) -> Guess:
    """All that has to be known of a body of others.

    Args:
      model: the compiled body.
      where: what it was read from, for errors.
      named: landmark (left_knee, right_elbow, left_ankle, left_wrist, head, ...) -> body that it is on, from the user.

    Raises:
      InputError: a limb or a landmark cannot be found.
    """
    named = dict(named or {})
    original = Original.of(model)
    for landmark, body in named.items():
        if body not in [original.name(b) for b in original.bodies]:
            raise InputError(f"{where}: {landmark}={body}: there is no such body with joints; {listed(original)}")
    legs, arms = limbs(original, where, named)
    rest = standing(model, legs, arms)
    original = Original.of(model, rest)
    front = forward(original, legs)
    yaw = -float(np.arctan2(front[1], front[0]))
    yaw = round(yaw / (np.pi / 2)) * np.pi / 2
    return marked(original, legs, arms, yaw, rest, named, where)


def marked(
    original: Original,
    legs: dict[str, Limb],
    arms: dict[str, Limb],
    yaw: float,
    rest: dict[str, float],
    named: dict[str, str],
    where: str,
) -> Guess:
    """Landmarks on the body in its rest pose, and everything that follows from them."""
    turn = np.array([[np.cos(yaw), -np.sin(yaw), 0.0], [np.sin(yaw), np.cos(yaw), 0.0], [0.0, 0.0, 1.0]])
    surfaces = {b: s for b in original.bodies if (s := original.surface(b)) is not None}
    every = np.concatenate([s.vertices for s in surfaces.values()])
    floor, tall = float(every[:, 2].min()), float(np.ptp(every[:, 2]))
    sites: dict[str, tuple[str, tuple[float, float, float]]] = {}

    def mark(site: str, body: int, point: np.ndarray) -> None:
        x, y, z = np.round(turn @ (point - original.origin(body)), 5) + 0.0
        sites[site] = (original.name(body), (float(x), float(y), float(z)))

    feet: list[int] = []
    for side in SIDES:
        for limb, words in ((legs[side], ("hip", "knee", "ankle")), (arms[side], ("shoulder", "elbow", "wrist"))):
            bodies = (limb.chain[limb.bend - 1], limb.chain[limb.bend], limb.end)
            for word, body, point in zip(words, bodies, joints_of(original, limb), strict=True):
                mark(f"{side}_{word}", body, point)
        foot = legs[side].end
        parts = [b for b in surfaces if b == foot or is_below(original, b, foot)]
        if not parts:
            raise InputError(f"{where}: the foot {original.name(foot)} has no shape; give it a geom or a mesh")
        feet += parts
        low = {b: low_part(surfaces[b].vertices @ turn.T) for b in parts}
        back, front = min(parts, key=lambda b: low[b][:, 0].min()), max(parts, key=lambda b: low[b][:, 0].max())
        for name, body, x in (("heel", back, low[back][:, 0].min()), ("foot_index", front, low[front][:, 0].max())):
            middle = 0.5 * (low[body][:, 1].min() + low[body][:, 1].max())
            mark(f"{side}_{name}", body, turn.T @ np.array([x, middle, floor]))
        elbow, wrist = joints_of(original, arms[side])[1:]
        palm = end_point(original, arms[side].end, wrist - elbow)
        mark(f"{side}_palm", arms[side].end, palm)
        mark(f"{side}_index", arms[side].end, wrist + 0.9 * (palm - wrist))
    trunk = trunk_of(original, arms["left"])
    head, skull = head_of(original, trunk, arms, tall, named)
    skull = skull @ turn.T
    low, high = skull.min(axis=0), skull.max(axis=0)
    middle, size = 0.5 * (low + high), high - low
    for site, x, y, z in (("nose", 0.5, 0.0, -0.05), ("eye", 0.4, 0.2, 0.05), ("ear", 0.0, 0.5, 0.0)):
        for side, sign in (("", 0.0),) if site == "nose" else (("left_", 1.0), ("right_", -1.0)):
            mark(side + site, head, turn.T @ (middle + size * [x, sign * y, z]))

    servos = {}
    strength = original.model.body_mass[original.owner >= 0].sum() * GRAVITY * tall
    for body in original.bodies:
        for joint in original.joints(body):
            torque = told_torque(original.model, joint) or STRENGTH[part_of(body, legs, arms, original)] * strength
            kp = max(torque / SATURATION, STEADY * toppling(original, body, joint, legs, trunk))
            servos[original.joint_name(joint)] = Servo(*(float(f"{v:.3g}") for v in (kp, DAMPING * kp, torque)))
    name = original.name
    uppers = [limb.chain[limb.bend - 1] for limbs in (legs, arms) for limb in limbs.values()]
    falls = dict.fromkeys([original.root, *trunk_path(original, trunk), head, *uppers])
    keys = dict.fromkeys([head, *(arms[s].chain[arms[s].bend] for s in SIDES), *(legs[s].end for s in SIDES)])
    landmarks = {site: site for site in sites if "palm" not in site}
    return Guess(
        plan=Plan(yaw, rest, servos, tuple(name(b) for b in feet), sites),
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
        mass=round(float(original.model.body_mass[original.owner >= 0].sum()), 2),
    )


def low_part(points: np.ndarray) -> np.ndarray:
    """The lower half of a foot: without what it hangs on."""
    return points[points[:, 2] <= points[:, 2].min() + 0.5 * np.ptp(points[:, 2]) + 1e-9]


def trunk_of(original: Original, arm: Limb) -> int:
    """The body that carries the arms."""
    return max(original.parent(arm.chain[0]), original.root)


def trunk_path(original: Original, trunk: int) -> list[int]:
    """The bodies from the root to the trunk."""
    path = [trunk]
    while path[-1] != original.root:
        path.append(original.parent(path[-1]))
    return path[::-1]


def head_of(
    original: Original, trunk: int, arms: dict[str, Limb], tall: float, named: dict[str, str]
) -> tuple[int, np.ndarray]:
    """The body that the head is or is part of, and points of the head's surface, world frame (N, 3)."""
    model = original.model
    held = [limb.chain[0] for limb in arms.values()]
    surfaces = {b: s for b in original.bodies if (s := original.surface(b)) is not None}
    if "head" in named:
        body = next(b for b in original.bodies if original.name(b) == named["head"])
        if body in surfaces:
            return body, surfaces[body].vertices
    for geom in range(model.ngeom):
        shape = model.mesh(model.geom_dataid[geom]).name if model.geom_dataid[geom] >= 0 else ""
        owner = int(original.owner[model.geom_bodyid[geom]])
        if owner == trunk and (HEAD.search(model.geom(geom).name) or HEAD.search(shape)):
            return owner, original.mesh(geom).vertices
    above = [
        b
        for b in surfaces
        if is_below(original, b, trunk) and not any(b == h or is_below(original, b, h) for h in held)
    ]
    called = [b for b in above if HEAD.search(original.name(b))]
    if called or above:
        body = max(called or above, key=lambda b: float(surfaces[b].bounds[1][2]))
        return body, surfaces[body].vertices
    points = surfaces[trunk].vertices if trunk in surfaces else original.origin(trunk)[None]
    return trunk, points[points[:, 2] > points[:, 2].max() - 0.12 * tall]


def part_of(body: int, legs: dict[str, Limb], arms: dict[str, Limb], original: Original) -> str:
    """Which entry of `STRENGTH` a body's joints have."""
    for both, upper, lower in ((legs, "leg", "foot"), (arms, "arm", "hand")):
        for limb in both.values():
            if body in limb.chain[: limb.bend + 1]:
                return upper
            if body in limb.chain or is_below(original, body, limb.chain[0]):
                return lower
    return "trunk" if is_below(original, arms["left"].chain[0], body) else "hand"


def told_torque(model: mujoco.MjModel, joint: int) -> float | None:
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


def toppling(original: Original, body: int, joint: int, legs: dict[str, Limb], trunk: int) -> float:
    """How fast gravity's torque on a standing body's joint grows with its angle [N m/rad]: an upside-down pendulum.

    Legs share all of the body's weight above a joint, joints of the trunk carry what hangs on them.
    """
    model, state = original.model, original.state
    carried = np.flatnonzero(original.owner >= 0)
    share = 1.0
    if any(body in limb.chain and not is_below(original, body, limb.end) for limb in legs.values()):
        share = 0.5
    elif body == trunk or is_below(original, trunk, body):
        carried = [p for p in carried if original.owner[p] == body or is_below(original, int(original.owner[p]), body)]
    else:
        return 0.0
    mass = model.body_mass[carried]
    return max(float(share * GRAVITY * mass @ (state.xipos[carried, 2] - state.xanchor[joint][2])), 0.0)


def toml_of(guess: Guess, heading: dict[str, str], with_plan: bool = False) -> str:
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
        lines += ["", "# How the package's model is written anew, see reconstruct/adopt.py.", "[plan]"]
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
