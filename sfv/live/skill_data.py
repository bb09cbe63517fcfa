"""What the page needs of a body and of a skill: the layout that it observes by, its reference, its networks."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from imitate.env.env import ImitationEnv
from imitate.env.grip_schedule import GripSchedule
from imitate.env.observation import LIMIT, ObservationLayout
from imitate.env.reference import Reference
from imitate.env.termination import GeomShapes
from imitate.policy import CLIP, Policy
from imitate.scene.ground import MAP_DEPTH, MAP_POINTS, Ground
from imitate.scene.objects import GRIP_REACH
from imitate.scene.scene import CONTROL_HZ, SUBSTEPS
from imitate.transitions.bridge import QUICK, STEPS, Bridge
from imitate.transitions.transition import Transition
from pose.errors import InputError
from reconstruct.characters.character import Character
from reconstruct.formats.write_glb import write_glb
from reconstruct.scene_objects import BAR_RADIUS, SceneObject
from sfv.live.arrays import pack_arrays
from sfv.live.mjcf import write_mjcf
from sfv.skill import Skill

LOOP_SECONDS = 20.0
"""A cycle's reference is laid out for this long [s]; the page then goes back by whole cycles."""
VARIANCE_FLOOR = 1e-6
"""Added to variances by `imitate.policy.Normaliser`."""


def pack_skill(skill: Skill, transitions: Sequence[dict[str, Any]] = ()) -> bytes:
    """A skill with its own physics, as a block for the page.

    Args:
      skill: to be packed.
      transitions: ways out of it, see `describe_transition`.

    Raises:
      InputError: it is performed with a box to push, or sees what the page does not show it.
    """
    task, policy = skill.task, skill.plain_policy
    if task.scene.has_box:
        raise InputError(f"'{skill.name}' needs a box to push, which a live page does not have; use sfv play")
    if set(policy.layout.observation) != set(ObservationLayout.of(1, 6, ground=not task.ground.flat).sizes):
        raise InputError(f"'{skill.name}' observes more than a live page shows it; use sfv play")
    env = ImitationEnv.for_policy(policy, task, 1, LOOP_SECONDS)
    arrays = _pack_reference(env.reference) | _pack_layout(env) | _pack_ground(task.ground) | pack_policy(policy)
    values = _describe(skill) | _describe_control(env, policy) | {"transitions": list(transitions)}
    return pack_arrays(values, arrays)


def describe_transition(way: Transition, number: int | None) -> dict[str, Any]:
    """A way out of a skill; `number` is that of its bridge's block, None where there is no bridge."""
    resume = way.bridge.resume if way.bridge else way.pair.entry
    return {"to": way.target, "exit": way.pair.exit, "entry": resume, "blend": way.blend, "bridge": number}


def pack_bridge(target: Skill, bridge: Bridge) -> bytes:
    """A bridge into a skill, as a block like a skill's: a controller in place of a policy."""
    env, draft = bridge.leg(1).env, bridge.draft
    arrays = _pack_reference(env.reference) | _pack_layout(env) | _pack_ground(env.ground)
    arrays |= {
        "law_qpos": draft.rollout.qpos[:STEPS],
        "law_qvel": draft.qvel[:STEPS],
        "law_controls": draft.controls[:STEPS],
        "law_gains": draft.gains[:STEPS].astype(np.float32),
    }
    values = _describe(target) | _describe_control(env, None) | {"steps": STEPS, "control_limit": QUICK.control_limit}
    return pack_arrays(values, arrays)


def _pack_reference(reference: Reference) -> dict[str, np.ndarray]:
    names = ("qpos", "qvel", "phase", "heading", "com", "end_effectors", "key_bodies", "may_touch", "rise")
    return {name: getattr(reference, name) for name in names}


def _pack_layout(env: ImitationEnv) -> dict[str, np.ndarray]:
    """Where joints, servos, watched bodies and their shapes are in the model."""
    character, model, joints = env.task.character, env.model, env.joints
    drive, shapes = joints.actuator_dof, GeomShapes.of(model, character.fall_bodies)
    grips = GripSchedule.of(env.task, env.reference)
    return {
        "scalar_qpos": joints.scalar_qpos,
        "scalar_dof": joints.scalar_dof,
        "quat_qpos": joints.quat_qpos,
        "quat_dof": joints.quat_dof,
        "actuator_dof": drive,
        "lag": (model.dof_damping[drive] - model.actuator_biasprm[:, 2]) / model.actuator_gainprm[:, 0],
        "sites": character.site_ids(character.end_effectors),
        "keys": np.array([1] + [model.body(name).id for name in character.key_bodies]),
        "fall_geoms": shapes.geoms,
        "fall_centre": shapes.centre,
        "fall_core": shapes.core,
        "fall_radius": shapes.radius,
        "fall_first": shapes.first,
        "map_points": MAP_POINTS,
        "grip_wanted": grips.wanted,
        "grip_hands": grips.hands,
        "grip_places": grips.places,
    }


def _describe(skill: Skill) -> dict[str, Any]:
    """What the skill and its body are called and are like."""
    task, character = skill.task, skill.task.character
    ground = task.ground
    things = [thing for thing in task.scene.objects if task.scene.kind == "objects" and thing.kind != "slope"]
    return {
        "name": skill.name,
        "body": skill.body,
        "licence": skill.licence,
        "duration": task.motion.duration,
        "joints": int(task.model.njnt),
        "bodies": int(task.model.nbody),
        "trunk": _find_trunk(character),
        "mass": float(task.model.body_subtreemass[1]),
        "height": character.height,
        "fall_bodies": list(character.fall_bodies),
        "scene": task.scene.kind,
        "objects": [_describe_object(thing) for thing in things],
        "grip_reach": GRIP_REACH,
        "ground": {
            "flat": ground.flat,
            "origin": list(ground.origin),
            "yaw": ground.yaw,
            "incline": ground.incline,
        },
        "mjcf": write_mjcf(task.model),
    }


def _describe_control(env: ImitationEnv, policy: Policy | None) -> dict[str, Any]:
    """How a policy, or the controller of a bridge, acts and is rewarded."""
    return {
        "loop": env.reference.loop,
        "starts": env.reference.starts,
        "control_hz": CONTROL_HZ,
        "substeps": SUBSTEPS,
        "action_scale": env.config.action_scale,
        "threshold": env.config.tracking_threshold,
        "reward": asdict(env.config.reward),
        "layers": len(policy.layout.hidden) + 1 if policy else 0,
        "observation_limit": LIMIT,
        "normaliser_limit": CLIP,
        "map_depth": MAP_DEPTH,
    }


def _describe_object(thing: SceneObject) -> dict[str, Any]:
    half = [0.5 * thing.length, BAR_RADIUS, BAR_RADIUS] if thing.kind == "bar" else thing.half.tolist()
    return {"kind": thing.kind, "centre": thing.centre.tolist(), "yaw": float(np.radians(thing.yaw)), "half": half}


def _find_trunk(character: Character) -> int:
    """The body that the arms hang on, else the root."""
    model, site = character.model, character.landmarks.get("left_shoulder")
    arm = int(model.site_bodyid[model.site(site).id]) if site else 1
    return max(1, int(model.body_parentid[arm]))


def _pack_ground(ground: Ground) -> dict[str, np.ndarray]:
    if ground.grid is not None:
        raise InputError("a live page has no uneven field; choose another skill, or sfv play")
    return {"edges": ground.edges, "levels": ground.levels, "bridged": ground.bridged}


def pack_policy(policy: Policy) -> dict[str, np.ndarray]:
    """Normaliser and actor: `mean` (O,), `scale` (O,), `weight_k` (outputs, inputs) and `bias_k` (outputs,)."""
    state = {name: value.numpy() for name, value in policy.state_dict().items()}
    scale = 1.0 / np.sqrt(state["observations.variance"].astype(np.float32) + np.float32(VARIANCE_FLOOR))
    arrays = {"mean": state["observations.mean"], "scale": scale.astype(np.float32)}
    numbers = sorted({int(name.split(".")[1]) for name in state if name.startswith("actor.")})
    for k, number in enumerate(numbers):
        for kind in ("weight", "bias"):
            arrays[f"{kind}_{k}"] = _shorten(state[f"actor.{number}.{kind}"])
    return arrays


def _shorten(weights: np.ndarray) -> np.ndarray:
    """Half precision where nothing is lost by it, as with shipped skills."""
    half = weights.astype(np.float16)
    return half if np.array_equal(half.astype(np.float32), weights) else weights.astype(np.float32)


def body_glb(skill: Skill, folder: Path) -> bytes:
    """The skill's body as GLB, node k being body k of the model; `folder` is for a temporary file."""
    path = folder / "body.glb"
    write_glb(skill.reference, skill.character, path)
    return path.read_bytes()
