"""Mirror images of clips: what one person does to the left another does to the right, so each clip counts twice."""

from dataclasses import replace

import numpy as np

from imitate.env.joint_layout import JointLayout
from imitate.tracker.prepare import Prepared
from reconstruct.characters.chains import find_mirror_name
from reconstruct.characters.character import Character
from reconstruct.cycle import mirror_motion
from reconstruct.motion import ReferenceMotion

STEP = 1e-4
"""Step of the finite differences by which a body's twins and signs are read off [m, rad]."""


def find_tangent_mirror(character: Character) -> np.ndarray:
    """What mirroring does to a tangent step or a velocity: 0, 1 and -1, (nv, nv).

    A row or column of zeros belongs to a joint that only one side has.
    """
    model = character.model
    joints = JointLayout.of(model)
    steps = STEP * np.eye(model.nv)
    moved = joints.integrate(np.tile(model.qpos0, (model.nv, 1)), steps)
    rest = mirror_motion(model, np.tile(model.qpos0, (model.nv, 1)))
    return np.rint(joints.difference(rest, mirror_motion(model, moved)) / STEP).T


def is_symmetric(character: Character) -> bool:
    """Whether every joint and servo of a body has a twin."""
    tangent, driven = find_tangent_mirror(character), JointLayout.of(character.model).actuator_dof
    both = tangent, tangent[np.ix_(driven, driven)]
    return all(np.array_equal(np.abs(part) @ np.ones(len(part)), np.ones(len(part))) for part in both)


def mirror_clip(clip: Prepared, character: Character) -> Prepared:
    """The mirror image of a segment of a symmetric body, with the controller along it, under a name of its own.

    Args:
      clip: of `character`; on the plane, which has no sides.
      character: the body, see `is_symmetric`.
    """
    motion, draft = _mirror_reference(clip.motion, character), clip.draft
    if draft is None:
        return replace(clip, name=f"{clip.name}_mirrored", motion=motion)
    model, tangent = character.model, find_tangent_mirror(character)
    driven = JointLayout.of(model).actuator_dof
    servo, state = tangent[np.ix_(driven, driven)], np.kron(np.eye(2), tangent)
    rollout = replace(
        draft.rollout,
        qpos=mirror_motion(model, draft.rollout.qpos),
        reference_qpos=mirror_motion(model, draft.rollout.reference_qpos),
    )
    image = replace(
        draft,
        rollout=rollout,
        controls=draft.controls @ servo.T,
        qvel=draft.qvel @ tangent.T,
        gains=servo @ draft.gains @ state.T,
    )
    return replace(clip, name=f"{clip.name}_mirrored", motion=motion, draft=image)


def _mirror_reference(motion: ReferenceMotion, character: Character) -> ReferenceMotion:
    names = set(motion.contact_names)
    twins = {name: other for name in names if (other := find_mirror_name(name, names)) is not None}
    twins |= {other: name for name, other in twins.items()}
    columns = [motion.contact_names.index(twins.get(name, name)) for name in motion.contact_names]
    return replace(motion, qpos=mirror_motion(character.model, motion.qpos), contacts=motion.contacts[:, columns])
