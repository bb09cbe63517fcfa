"""Joints of a model that nothing here can use: they are held at the model's zero, and what they carry becomes part of
what carries them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import mujoco
import numpy as np

from pose.errors import InputError
from reconstruct.characters.limbs import Limbs, is_below
from reconstruct.characters.read_urdf import shorten
from reconstruct.characters.source_model import SLIDE, SourceModel

FACE = re.compile(r"eye|jaw|(?<![a-z])lip|brow|tongue|mouth|neck_?skin", re.IGNORECASE)
MOST_TURNS = 1.5
"""Turns either way that a hinge's range may have."""
LEAST_MOTORS = 0.5
"""Share of the joints that have a motor above which those without one are rods and springs of a mechanism."""


@dataclass(frozen=True)
class HeldJoints:
    """Joints that do not move, and why."""

    names: frozenset[str]
    notes: tuple[str, ...]
    """A line for each reason."""

    def add(self, source: SourceModel, joints: Iterable[int], reason: str) -> "HeldJoints":
        """With some more, those that are not held yet; the reason is a line with `{}` for their names."""
        new = [source.joint_name(j) for j in joints]
        new = [name for name in new if name not in self.names]
        if not new:
            return self
        return HeldJoints(self.names | set(new), (*self.notes, reason.format(shorten(new, 4))))


def hold_passive_joints(source: SourceModel) -> HeldJoints:
    """Joints that follow others or have no motor where most have one, and those of a face."""
    model = source.model
    moving = [j for b in source.bodies for j in source.joints(b)]
    follow = [int(model.eq_obj1id[e]) for e in np.flatnonzero(model.eq_type == mujoco.mjtEq.mjEQ_JOINT)]
    follow = [j for j in follow if j in moving]
    held = HeldJoints(frozenset(), ()).add(source, follow, "held, as they follow others: {}")
    on_joints = bool(model.nu) and bool((model.actuator_trntype == mujoco.mjtTrn.mjTRN_JOINT).all())
    driven = set(model.actuator_trnid[:, 0].tolist()) if on_joints else set(moving)
    idle = [j for j in moving if j not in driven and j not in follow]
    if len(idle) < (1.0 - LEAST_MOTORS) * len(moving):
        held = held.add(source, idle, "held, as they have no motor while most have: {}")
    face = [j for j in moving if FACE.search(source.joint_name(j)) or FACE.search(source.name(model.jnt_bodyid[j]))]
    return held.add(source, face, "held, as faces are not followed: {}")


def describe_followers(source: SourceModel, limbs: Limbs) -> list[str]:
    """A line on held joints that follow others on legs, arms or trunk: there they would let the body bend further.

    Args:
      source: with those joints held.
      limbs: its legs and arms.
    """
    model = source.model
    follow = [int(model.eq_obj1id[e]) for e in np.flatnonzero(model.eq_type == mujoco.mjtEq.mjEQ_JOINT)]
    hands = [limb.chain[-1] for limb in limbs.arms.values()]
    carriers = {j: int(source.owner[model.jnt_bodyid[j]]) for j in follow if j in source.held}
    found = [
        source.joint_name(j)
        for j, carrier in carriers.items()
        if carrier >= 0 and carrier not in hands and not any(is_below(source, carrier, hand) for hand in hands)
    ]
    text = f"legs, arms and trunk bend less than in the file, for there some joints follow others: {shorten(found, 4)}"
    return [text] if found else []


def describe_ranges(source: SourceModel) -> list[str]:
    """A line on hinges that turn further than any does: ranges in degrees in a file that has radians."""
    model = source.model
    hinges = [j for b in source.bodies for j in source.joints(b) if model.jnt_type[j] == mujoco.mjtJoint.mjJNT_HINGE]
    wide = [j for j in hinges if model.jnt_limited[j] and np.abs(model.jnt_range[j]).max() > MOST_TURNS * 2.0 * np.pi]
    if not wide:
        return []
    largest = float(np.abs(model.jnt_range[wide]).max())
    return [f"ranges of {len(wide)} joints go up to {largest:.3g} rad, as no joint's do: are they in degrees?"]


def hold_fingers(source: SourceModel, limbs: Limbs, held: HeldJoints) -> HeldJoints:
    """With the joints beyond the hands."""
    hands = [limb.chain[-1] for limb in limbs.arms.values()]
    fingers = [b for b in source.bodies if any(is_below(source, b, hand) for hand in hands)]
    joints = [j for b in fingers for j in source.joints(b)]
    count = len(joints)
    return held.add(source, joints, f"held, as fingers are not followed: {count} joints ({{}})")


def refuse_slides(source: SourceModel, held: HeldJoints, where: str) -> None:
    """Raises an InputError if a joint that is needed slides."""
    for body in source.bodies:
        for joint in source.joints(body):
            if source.model.jnt_type[joint] == SLIDE and source.joint_name(joint) not in held.names:
                raise InputError(
                    f"{where}: joint '{source.joint_name(joint)}' slides; hinges and ball joints are understood, "
                    "and slides beyond the wrists"
                )
