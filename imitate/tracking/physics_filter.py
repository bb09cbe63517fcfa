"""Reference motion -> physical motion: what tracking control made of a reference, as a motion of its own.

The result obeys gravity, contact and the strength of the body because it was simulated. Where the reference did, too,
the two are the same to millimetres; where it asked for the impossible, this is the nearest that was found.
"""

from dataclasses import replace

import mujoco
import numpy as np

from imitate.env.task import Task
from imitate.scene.scene import Scene, build_model
from imitate.tracking.draft import Draft
from imitate.tracking.feasibility import compute_unsupported_force
from reconstruct.characters.character import Character
from reconstruct.contacts import contact_points, find_contacts, part_contacts
from reconstruct.kinematics import point_positions
from reconstruct.motion import ReferenceMotion


def to_physical_motion(draft: Draft, task: Task) -> ReferenceMotion:
    """The draft as a motion on flat ground, with the contacts that it had; a few cycles of a loop, not a loop itself.

    Args:
      draft: of the task.
      task: what was performed.
    """
    character, physical = task.character, draft.rollout.as_motion(task.motion)
    touching = find_contacts(point_positions(character.model, physical.qpos, contact_points(character)), physical.fps)
    return replace(
        physical,
        contacts=part_contacts(touching, character.contacts),
        contact_names=tuple(character.contacts),
    )


def compute_filter_metrics(draft: Draft, character: Character) -> dict[str, float]:
    """How far the physical motion is from the reference, and the force that each needs and the ground cannot give.

    Returns:
      `filter_mpjpe_mm`: mean distance of body origins in the world. `filter_unsupported` and
      `reference_unsupported`: mean force without a contact that could give it [fraction of the weight], see
      `compute_unsupported_force`.
    """
    model = build_model(character, Scene())
    rollout = draft.rollout
    bodies, com = _bodies(model, rollout.qpos)
    reference_bodies, _ = _bodies(model, rollout.reference_qpos)
    return {
        "filter_mpjpe_mm": 1e3 * float(np.linalg.norm(bodies - reference_bodies, axis=-1).mean()),
        "filter_unsupported": float(compute_unsupported_force(model, rollout.qpos, com).mean()),
        "reference_unsupported": float(draft.verdict.unsupported.mean()),
    }


def _bodies(model: mujoco.MjModel, qpos: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Origins of the moving bodies (T, B, 3) and centres of mass (T, 3), world [m]."""
    data = mujoco.MjData(model)
    origins, com = np.empty((len(qpos), model.nbody - 1, 3)), np.empty((len(qpos), 3))
    for t, pose in enumerate(qpos):
        data.qpos[:] = pose
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        origins[t], com[t] = data.xpos[1:], data.subtree_com[1]
    return origins, com
