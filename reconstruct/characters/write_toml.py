"""`character.toml` of an imported body."""

import json
import re
from collections.abc import Mapping

from reconstruct.characters.import_model import ImportPlan
from reconstruct.characters.infer_landmarks import InferredBody
from reconstruct.characters.source_model import NO_TURN


def to_toml(body: InferredBody, heading: Mapping[str, str | bool], with_plan: bool = False) -> str:
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
    if plan.turn != NO_TURN:
        lines.append(f"turn = {list(plan.turn)}    # quaternion wxyz that stands the source up, before yaw")
    lines += ["", "# Hinge -> its angle where ours is zero [rad].", "[plan.rest]"]
    lines += [f"{to_key(joint)} = {angle:g}" for joint, angle in plan.rest.items()]
    lines += ["", "# Joint -> servo's stiffness [N m/rad], damping [N m s/rad], torque limit [N m].", "[plan.servos]"]
    lines += [f"{to_key(joint)} = [{s.kp:g}, {s.kv:g}, {s.torque:g}]" for joint, s in plan.servos.items()]
    lines += ["", "# Site -> body, and place from its origin, axes of the standing body [m].", "[plan.sites]"]
    for site, (carrier, (x, y, z)) in plan.sites.items():
        lines.append(f"{site} = [{to_value(carrier)}, {x:g}, {y:g}, {z:g}]")
    return lines


def to_value(value: str | bool | tuple[str, ...]) -> str:
    """A string, a truth value or a list of strings in TOML, which are as JSON's."""
    return json.dumps(value, ensure_ascii=False)


def to_key(name: str) -> str:
    """A key in TOML: bare where it may be."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else to_value(name)
