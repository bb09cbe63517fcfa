"""How good a motion is, in numbers that need no truth: agreement with the image, contact, gravity, support."""

import numpy as np

from reconstruct.camera import Camera
from reconstruct.characters.character import Character
from reconstruct.contacts import ContactThresholds, contact_points, find_runs, foot_slide
from reconstruct.cycle import count_root_turns
from reconstruct.dynamics import (
    FOOT_HALF_WIDTH,
    Masses,
    com_acceleration,
    free_moment,
    nearest_in_hull,
    zero_moment_points,
)
from reconstruct.hand_support import find_hand_support
from reconstruct.kinematics import GRAVITY, BodyPoints, compute_kinematics, point_positions
from reconstruct.motion import ReferenceMotion
from reconstruct.observations import Observations
from reconstruct.rolling import find_other_parts, find_resting_parts
from reconstruct.support import LONGEST_FLIGHT, LOWEST_FLIGHT, find_fall

CLEAR = 0.01
"""A body without contact flies if it is higher than this above the ground [m]; otherwise it lies or slides on it."""
SWAP_GAIN = 0.03
"""A frame counts as swapped if exchanging its sides brings them nearer by this, on average [m]."""


def reprojection_px(qpos: np.ndarray, camera: Camera, character: Character, seen: Observations) -> float:
    """Weighted mean distance of the projected landmarks from the detected ones [px]."""
    projected = camera.project(point_positions(character.model, qpos, seen.points)) - camera.principal_point_px
    distance = np.linalg.norm(projected - seen.plane_px, axis=-1)
    return float(np.sum(distance * seen.weight) / np.sum(seen.weight))


def compute_motion_metrics(motion: ReferenceMotion, character: Character) -> dict[str, float]:
    """Physical facts of a motion.

    Returns:
      foot_slide_mm_per_frame: way along the ground of parts in contact, at 30 frames a second; of a foot that rolls or
        pivots, the end that rests counts.
      penetration_mm: mean depth of the body's deepest point below the ground.
      float_mm: mean height of the body's lowest point above the ground where it is said to touch it.
      flight_gravity_ratio: downward acceleration of the centre of mass in flight over g (NaN without flight).
      acceleration_m_s2: mean acceleration of the body's contact points and joints.
      contact_share: frames with any contact.
      leaning_share: frames in which hands rest on something above the ground that is not there (a box that is pushed).
      leaning_height: how high it is [m] (NaN without it).
      root_turns: full turns of the root about its steadiest axis.
      zmp_outside_support_mm: root mean square distance of the zero-moment point from the support, weighted by the load
        on it (under no load it may lie anywhere).
      free_moment_nm: mean moment about the vertical beyond what friction can hold.
      rest_com_outside_support_mm: the same for the centre of mass where the body rests (NaN without rest).
    """
    model, fps, qpos = character.model, motion.fps, motion.qpos
    touching, solid = contact_points(character), BodyPoints.of_geoms(model)
    kin = compute_kinematics(model, qpos, touching.joined(solid).joined(BodyPoints.of_masses(model)))
    soles = kin.points_w[:, : len(touching)]
    surface = kin.points_w[:, len(touching) : len(touching) + len(solid), 2] - solid.radius
    owner = np.repeat(np.arange(len(character.contacts)), [len(sites) for sites in character.contacts.values()])
    contact = motion.contacts[:, owner] & (soles[..., 2] < ContactThresholds().height[1])
    own = [owner == part for part in range(len(character.contacts))]
    ways = [foot_slide(soles[1:, one], soles[:-1, one], contact[1:, one] & contact[:-1, one]) for one in own]
    slide = np.concatenate(ways) * fps / 30.0
    lowest = np.minimum(surface.min(axis=1), soles[..., 2].min(axis=1))
    parts = find_other_parts(character)
    rolling = find_resting_parts(surface[:, parts], fps)
    flight = np.logical_not(motion.contacts.any(axis=1) | rolling.any(axis=1)) & (lowest > CLEAR)
    acceleration = com_acceleration(kin.com_w, fps)

    falls = [
        -acceleration[start : end - 2, 2].mean() / GRAVITY
        for start, end in (_fall(run, kin.com_w[:, 2], fps) for run in find_runs(flight))
        if max(4, 0.1 * fps) <= end - start <= LONGEST_FLIGHT * fps and lowest[start:end].max() > LOWEST_FLIGHT
    ]
    masses = Masses.of(model, len(touching) + len(solid))
    zmp, load = zero_moment_points(kin, masses, fps)
    com = kin.com_w[1:-1]
    touches = np.concatenate([contact, rolling], axis=1)
    supported = touches[1:-1].any(axis=1) & (acceleration[:, 2] > -0.5 * GRAVITY)
    resting = supported & (np.linalg.norm(np.gradient(kin.com_w, 1.0 / fps, axis=0)[1:-1], axis=1) < 0.15)
    leaning = find_hand_support(character, qpos, contact, fps)
    # Of the other parts, those that ever touch: a hull of many corners takes long.
    ever = np.flatnonzero(rolling.any(axis=0))
    bearing = np.concatenate([np.arange(len(touching)), len(touching) + parts[ever]])
    held = np.concatenate([contact | leaning, rolling[:, ever]], axis=1)
    corners, present = kin.points_w[1:-1, bearing, :2], held[1:-1]
    figures = {
        "foot_slide_mm_per_frame": 1000.0 * _mean(slide[np.isfinite(slide)]),
        "penetration_mm": 1000.0 * float(np.maximum(-surface.min(axis=1), 0.0).mean()),
        "float_mm": 1000.0 * _mean(np.maximum(lowest, 0.0)[motion.contacts.any(axis=1)]),
        "flight_gravity_ratio": _mean(np.array(falls)),
        "acceleration_m_s2": float(
            np.linalg.norm(np.diff(kin.points_w[:, : len(touching) + len(solid)], 2, axis=0) * fps**2, axis=-1).mean()
        ),
        "contact_share": float((~flight).mean()),
        "leaning_share": float(leaning.any(axis=1).mean()),
        "leaning_height": _mean(soles[..., 2][leaning]),
        "root_turns": count_root_turns(qpos),
        "zmp_outside_support_mm": 1000.0 * _rms(_outside(zmp, corners, present)[supported], load[supported]),
        "free_moment_nm": float(free_moment(kin, masses, bearing, held, fps, 1.0).residual.mean()),
        "rest_com_outside_support_mm": 1000.0 * _rms(_outside(com[:, :2], corners, present)[resting]),
    }
    return figures


def count_swapped_frames(qpos: np.ndarray, camera: Camera, character: Character, seen: Observations) -> int:
    """Frames whose detections would fit the motion clearly better with left and right exchanged."""
    projected = camera.project(point_positions(character.model, qpos, seen.points)) - camera.principal_point_px
    sides = [(i, seen.names.index(name.replace("left_", "right_"))) for i, name in enumerate(seen.names)
             if name.startswith("left_") and name.replace("left_", "right_") in seen.names]  # fmt: skip
    mirror = np.arange(len(seen.names))
    for left, right in sides:
        mirror[left], mirror[right] = right, left
    as_is = np.linalg.norm(projected - seen.plane_px, axis=-1)
    exchanged = np.linalg.norm(projected - seen.plane_px[:, mirror], axis=-1)
    weight = seen.weight * (mirror != np.arange(len(mirror)))
    gain = np.sum(weight * (as_is - exchanged), axis=1) / np.maximum(weight.sum(axis=1), 1e-9)
    return int((gain > SWAP_GAIN * seen.px_per_metre).sum())


def _fall(run: tuple[int, int], com_z: np.ndarray, fps: float) -> tuple[int, int]:
    """Frames in the air; of a time too long for that, its fall: the body stood on something unknown before or after."""
    start, end = run
    if end - start <= LONGEST_FLIGHT * fps:
        return run
    first, last = find_fall(com_z[start:end], fps)
    return start + first, start + last


def _outside(point: np.ndarray, corners: np.ndarray, present: np.ndarray) -> np.ndarray:
    distance = np.linalg.norm(point - nearest_in_hull(point, corners, present), axis=-1)
    return np.maximum(distance - FOOT_HALF_WIDTH, 0.0)


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _rms(values: np.ndarray, weights: np.ndarray | None = None) -> float:
    return float(np.sqrt(np.average(values**2, weights=weights))) if len(values) else float("nan")
