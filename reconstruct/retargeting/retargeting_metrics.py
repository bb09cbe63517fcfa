"""How well a motion was retargeted: distances from its targets, foot slide, penetration, jumps."""

import numpy as np

from reconstruct.characters.character import Character
from reconstruct.contacts import contact_points
from reconstruct.kinematics import GRAVITY, BodyPoints, com_positions, point_positions
from reconstruct.motion import ReferenceMotion
from reconstruct.retargeting.grounding import GroundContacts
from reconstruct.retargeting.ik_targets import SIDES, leg_length
from reconstruct.retargeting.retargeting import Retargeted
from reconstruct.solver.tangent import TangentSpace
from reconstruct.terms.dynamics import all_three, com_acceleration


def compute_retargeting_metrics(result: Retargeted, character: Character) -> dict[str, float]:
    """How well a retargeted motion meets its targets.

    Returns:
      ankle_error_mm, wrist_error_mm: mean distance from the scaled targets, of ankles in the world (in flight, where
        gravity decides, about the hips) and of wrists about the shoulders.
      ankle_error_share: the former over the length of a leg.
      target_shift_mm: how far the ankles' targets lie from the scaled original, so that feet that slid or floated there
        rest on the ground (mean over the frames on the ground).
      The metrics of `compute_quality_metrics` as well.
    """
    motion, targets, flight = result.motion, result.targets, result.ground.flight
    off = targets.error(point_positions(character.model, motion.qpos, result.points))
    distance = dict(zip(targets.names, np.linalg.norm(off, axis=-1).T * 1000.0, strict=True))
    ankle = np.mean([np.where(flight, distance[f"{side}_leg"], distance[f"{side}_ankle"]) for side in SIDES])
    return {
        "ankle_error_mm": float(ankle),
        "wrist_error_mm": float(np.mean([distance[f"{side}_wrist"] for side in SIDES])),
        "ankle_error_share": float(ankle / 1000.0 / leg_length(character)),
        "target_shift_mm": 1000.0 * _mean_of(np.linalg.norm(targets.shift[~flight], axis=-1)),
        **compute_quality_metrics(motion, character, result.ground),
    }


def compute_quality_metrics(motion: ReferenceMotion, character: Character, ground: GroundContacts) -> dict[str, float]:
    """How good a motion is, apart from its targets.

    Returns:
      joint_jump_rad: largest rotation about an axis of a hinge or ball joint in 1/30 s.
      limit_excess_rad: furthest that a hinge is beyond its range.
      foot_slide_mm_per_frame: distance along the ground of points that rest on it, at 30 frames a second.
      penetration_mm: mean depth of the body's deepest point below the ground.
      flight_gravity_ratio: downward acceleration of the centre of mass in flight over g (NaN without flight).
    """
    model, space, fps = character.model, TangentSpace.of(character.model), motion.fps
    steps = space.difference(motion.qpos[:-1], motion.qpos[1:])[:, 6:] * fps / 30.0
    hinges = space.scalar_qpos[3:]
    joints = np.flatnonzero(np.isin(model.jnt_qposadr, hinges))
    low, high = model.jnt_range[joints].T
    angle = motion.qpos[:, model.jnt_qposadr[joints]]
    excess = np.maximum(np.maximum(low - angle, angle - high), 0.0)[:, model.jnt_limited[joints] == 1]
    soles = point_positions(model, motion.qpos, contact_points(character))
    slide = np.linalg.norm(np.diff(soles[..., :2], axis=0), axis=-1) * fps / 30.0
    solid = BodyPoints.of_geoms(model)
    surface = point_positions(model, motion.qpos, solid)[..., 2] - solid.radius
    flight = ground.flight
    flying = all_three(flight)
    fall = -com_acceleration(com_positions(model, motion.qpos), fps)[flying] @ np.array(ground.up) / GRAVITY
    return {
        "joint_jump_rad": float(np.abs(steps).max()),
        "limit_excess_rad": float(excess.max(initial=0.0)),
        "foot_slide_mm_per_frame": 1000.0 * _mean_of(slide[ground.contact[1:] & ground.contact[:-1]]),
        "penetration_mm": 1000.0 * float(np.maximum(-surface.min(axis=1), 0.0).mean()),
        "flight_gravity_ratio": _mean_of(fall),
    }


def _mean_of(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")
