"""Which way a model of others stands and looks: what is up, where the front is, and whether left is left."""

from dataclasses import dataclass

import numpy as np

from pose.errors import InputError
from reconstruct.characters.limbs import SIDES, Limb, Limbs, centre, find_sole_surface, is_swing, locate_joints
from reconstruct.characters.source_model import BALL, DOWN, NO_TURN, SourceModel
from reconstruct.rotations import from_rotvec

UP = np.array([0.0, 0.0, 1.0])
LEANS = 50.0
"""Angle of trunk and legs with the vertical at zero beyond which the body lies [deg]."""
SNAP = 12.0
"""Angle from an axis within which a direction is meant to be along it [deg]."""
ONE_WAY = 2.0
"""How much farther a knee bends to one side than to the other if it is to say where the front is."""


@dataclass(frozen=True)
class Facing:
    """Where a standing body looks."""

    front: np.ndarray
    """Level direction in the source's world, (3,)."""
    swapped: bool
    """Whether left and right are to be exchanged."""
    notes: tuple[str, ...]
    """What is doubtful, a line each."""


def find_turn(source: SourceModel, limbs: Limbs) -> tuple[float, float, float, float]:
    """The rotation that stands a body up which lies at zero, quaternion wxyz; none for one that stands.

    Args:
      source: at its zero pose.
      limbs: its legs and arms.
    """
    hips, shoulders, feet = (
        np.mean(points, axis=0)
        for points in (
            [centre(source, leg.first) for leg in limbs.legs.values()],
            [centre(source, arm.first) for arm in limbs.arms.values()],
            [source.origin(leg.end) for leg in limbs.legs.values()],
        )
    )
    trunk, legs = shoulders - hips, hips - feet
    if measure_angle(trunk, UP) < LEANS or measure_angle(trunk, legs) > LEANS:
        return NO_TURN  # it stands, or sits, or is no person; what is wrong shows in its standing pose
    w, x, y, z = (float(value) for value in np.round(from_rotvec(find_rotvec(snap_to_axis(trunk), UP)), 6))
    return w, x, y, z


def measure_angle(one: np.ndarray, other: np.ndarray) -> float:
    """Between two directions (3,) [deg]."""
    size = max(float(np.linalg.norm(one) * np.linalg.norm(other)), 1e-12)
    return float(np.degrees(np.arccos(np.clip(one @ other / size, -1.0, 1.0))))


def snap_to_axis(way: np.ndarray) -> np.ndarray:
    """The axis of the world that a direction (3,) is meant to be along, or the direction itself, as a unit vector."""
    unit = way / np.linalg.norm(way)
    axis = np.zeros(3)
    axis[np.abs(unit).argmax()] = np.sign(unit[np.abs(unit).argmax()])
    return axis if measure_angle(unit, axis) < 35.0 else unit


def find_rotvec(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The smallest rotation that takes one unit vector (3,) to another, as a rotation vector (3,)."""
    axis = np.cross(one, other)
    if np.linalg.norm(axis) < 1e-9:
        axis = np.cross(one, [0.0, 1.0, 0.0] if abs(one[1]) < 0.9 else [1.0, 0.0, 0.0])  # half a turn, or none
    return np.radians(measure_angle(one, other)) * axis / np.linalg.norm(axis)


def find_facing(source: SourceModel, limbs: Limbs, where: str) -> Facing:
    """Where a standing body looks: across its hips, if names say which is the left one.

    Knees that bend one way only and soles that reach to one side are asked besides. Where both contradict the names,
    the names are those of a mirror image.

    Args:
      source: in its standing pose.
      limbs: its legs and arms.
      where: what it was read from, for errors.

    Raises:
      InputError: its hips are in one place.
    """
    tops = [centre(source, limbs.legs[side].first) for side in SIDES]
    across = (tops[0] - tops[1]) * [1.0, 1.0, 0.0]
    if np.linalg.norm(across) < 1e-3:
        raise InputError(f"{where}: the hips are in one place, one above the other; is it a person's body?")
    front = np.cross(across / np.linalg.norm(across), UP)
    votes = [find_knee_vote(source, leg, front) for leg in limbs.legs.values()]
    knees = sum(votes)
    soles = sum(find_sole_vote(source, leg, front) for leg in limbs.legs.values())
    if not limbs.sides_known:
        return Facing(-front, True, ()) if (soles or knees) < 0 else Facing(front, False, ())
    if knees < 0 and soles < 0:
        note = "knees and soles point backwards by the names of the sides: what is called left is taken for right"
        return Facing(-front, True, (note,))
    if knees < 0:
        return Facing(front, False, ("knees bend forwards, as a bird's: what a person does with knees will look odd",))
    if -1 in votes:
        side = SIDES[votes.index(-1)]
        note = f"the {side} knee bends forwards by its range, the other one backwards: is its range right in the file?"
        return Facing(front, False, (note,))
    return Facing(front, False, ())


def find_knee_vote(source: SourceModel, leg: Limb, front: np.ndarray) -> int:
    """Where the front is by how far a knee bends: 1 as given, -1 opposite, 0 unknown."""
    model, vote = source.model, 0
    _, knee, ankle = locate_joints(source, leg)
    for joint in source.joints(leg.chain[leg.bend]):
        if model.jnt_type[joint] == BALL or not model.jnt_limited[joint] or not is_swing(source, joint, ankle):
            continue
        at = source.state.qpos[model.jnt_qposadr[joint]]
        back, forth = at - model.jnt_range[joint][0], model.jnt_range[joint][1] - at
        if max(back, forth) < ONE_WAY * min(back, forth) or max(back, forth) < 0.5:
            continue
        moves = np.cross(source.state.xaxis[joint], ankle - knee) * np.sign(forth - back)
        if abs(moves @ front) > 0.5 * np.linalg.norm(ankle - knee):
            vote = -int(np.sign(moves @ front))
    return vote


def find_sole_vote(source: SourceModel, leg: Limb, front: np.ndarray) -> int:
    """Where the front is by how far a sole reaches from the ankle: 1 as given, -1 opposite, 0 unknown."""
    ankle = locate_joints(source, leg)[2]
    reach = (find_sole_surface(source, leg, DOWN).vertices - ankle) @ front
    middle, length = 0.5 * float(reach.min() + reach.max()), float(np.ptp(reach))
    return 0 if abs(middle) < 0.1 * length else int(np.sign(middle))


def find_yaw(front: np.ndarray) -> float:
    """Rotation about the vertical that makes a body face x [rad]; quarters of a turn where that is meant."""
    yaw = -float(np.arctan2(front[1], front[0]))
    quarter = round(yaw / (np.pi / 2)) * np.pi / 2
    return quarter if abs(yaw - quarter) < np.radians(SNAP) else yaw
