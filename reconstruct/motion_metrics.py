"""How good a motion is, in numbers that need no ground truth: agreement with the image, contact, gravity, support."""

from dataclasses import dataclass

import numpy as np

from reconstruct.camera import Camera
from reconstruct.characters.character import Character
from reconstruct.contacts import ContactThresholds, contact_points, find_runs, foot_slide
from reconstruct.cycle import count_root_turns
from reconstruct.fit.hand_support import find_hand_support
from reconstruct.kinematics import (
    GRAVITY,
    BodyPoints,
    Kinematics,
    PointSet,
    compute_kinematics,
    point_positions,
)
from reconstruct.motion import ReferenceMotion
from reconstruct.observations import Observations
from reconstruct.support import LONGEST_FLIGHT, LOWEST_FLIGHT, find_fall
from reconstruct.terms.dynamics import FOOT_HALF_WIDTH, CentroidalMotion, free_moment, nearest_in_hull
from reconstruct.terms.rolling import find_other_parts, find_resting_parts

CLEAR = 0.01
"""Height above which a body without contact flies [m]; below it lies or slides on the ground."""
SLOW = 0.15
"""Speed of the centre of mass below which a body that is supported rests [m/s]."""
SWAP_GAIN = 0.03
"""Mean distance by which an exchange of sides must bring detections nearer for a frame to count as swapped [m]."""


def reprojection_px(qpos: np.ndarray, camera: Camera, character: Character, observations: Observations) -> float:
    """Weighted mean distance of the projected landmarks from the detected ones [px]."""
    projected = camera.project(point_positions(character.model, qpos, observations.points)) - camera.principal_point_px
    distance = np.linalg.norm(projected - observations.plane_px, axis=-1)
    return float(np.sum(distance * observations.weight) / np.sum(observations.weight))


def compute_motion_metrics(motion: ReferenceMotion, character: Character) -> dict[str, float]:
    """Metrics of a motion that need no ground truth.

    Returns:
      foot_slide_mm_per_frame: slide along the ground of parts in contact in 1/30 s; of a foot that rolls or
        pivots, the end that rests counts.
      penetration_mm: mean depth of the body's deepest point below the ground.
      float_mm: mean height of the body's lowest point above the ground in frames with a contact.
      flight_gravity_ratio: downward acceleration of the centre of mass in flight over g (NaN without flight).
      acceleration_m_s2: mean acceleration of the body's contact points and joints.
      contact_share: frames with any contact.
      leaning_share: frames in which hands rest on something above the ground that is not there (a box that is pushed).
      leaning_height: height of such hands [m] (NaN without it).
      root_turns: full turns of the root about its steadiest axis.
      zmp_outside_support_mm: root mean square distance of the zero-moment point from the support, weighted by the load
        on it (under no load it may lie anywhere).
      free_moment_nm: mean moment about the vertical beyond what friction can hold.
      rest_com_outside_support_mm: the same for the centre of mass where the body rests (NaN without rest).
    """
    body = MeasuredMotion.of(motion, character)
    return {
        "foot_slide_mm_per_frame": 1000.0 * _mean(foot_slides(body, character)),
        "penetration_mm": 1000.0 * float(np.maximum(-body.surface.min(axis=1), 0.0).mean()),
        "float_mm": 1000.0 * _mean(np.maximum(body.lowest, 0.0)[motion.contacts.any(axis=1)]),
        "flight_gravity_ratio": _mean(gravity_ratios(body)),
        "acceleration_m_s2": mean_acceleration(body),
        "contact_share": float((~body.flight).mean()),
        "leaning_share": float(body.hands.any(axis=1).mean()),
        "leaning_height": _mean(body.contacts_w[..., 2][body.hands]),
        "root_turns": count_root_turns(motion.qpos),
        **support_metrics(body),
    }


@dataclass(frozen=True)
class MeasuredMotion:
    """What the metrics of a motion are computed from."""

    fps: float
    kin: Kinematics
    """With the groups `contacts`, `solid` and `masses`."""
    whole: CentroidalMotion
    surface: np.ndarray
    """Height of the surface of every shape above the ground [m], (T, S)."""
    lowest: np.ndarray
    """Height of the body's lowest point [m], (T,)."""
    contact: np.ndarray
    """Contact points that touch the ground, bool (T, P)."""
    parts: np.ndarray
    """Shapes of the body that may touch the ground besides feet and hands, (Q,)."""
    rolling: np.ndarray
    """Which of them do, bool (T, Q)."""
    hands: np.ndarray
    """Contact points that rest on something above the ground, bool (T, P)."""
    flight: np.ndarray
    """Frames in which the body flies, bool (T,)."""

    @classmethod
    def of(cls, motion: ReferenceMotion, character: Character) -> "MeasuredMotion":
        """Measures a motion of a character."""
        model, fps = character.model, motion.fps
        points = PointSet.of(
            contacts=contact_points(character),
            solid=BodyPoints.of_geoms(model),
            masses=BodyPoints.of_masses(model),
        )
        kin = compute_kinematics(model, motion.qpos, points, derivatives=False)
        soles_z, surface = kin["contacts"].pos_w[..., 2], kin["solid"].height
        contact = motion.contacts[:, part_of_points(character)] & (soles_z < ContactThresholds().height[1])
        lowest = np.minimum(surface.min(axis=1), soles_z.min(axis=1))
        parts = find_other_parts(character)
        rolling = find_resting_parts(surface[:, parts], fps)
        return cls(
            fps,
            kin,
            CentroidalMotion.of(model, kin, fps),
            surface,
            lowest,
            contact,
            parts,
            rolling,
            find_hand_support(character, motion.qpos, contact, fps),
            np.logical_not(motion.contacts.any(axis=1) | rolling.any(axis=1)) & (lowest > CLEAR),
        )

    @property
    def contacts_w(self) -> np.ndarray:
        """Contact points, world frame [m], (T, P, 3)."""
        return self.kin["contacts"].pos_w


def part_of_points(character: Character) -> np.ndarray:
    """The part that each contact point belongs to, an index into `character.contacts`, (P,)."""
    return np.repeat(np.arange(len(character.contacts)), [len(sites) for sites in character.contacts.values()])


def foot_slides(body: MeasuredMotion, character: Character) -> np.ndarray:
    """How far parts in contact slide along the ground in 1/30 s [m], (N,)."""
    soles, contact, owner = body.contacts_w, body.contact, part_of_points(character)
    own = [owner == part for part in range(len(character.contacts))]
    slides = [foot_slide(soles[1:, one], soles[:-1, one], contact[1:, one] & contact[:-1, one]) for one in own]
    slide = np.concatenate(slides) * body.fps / 30.0
    return slide[np.isfinite(slide)]


def gravity_ratios(body: MeasuredMotion) -> np.ndarray:
    """Downward acceleration of the centre of mass in each flight, as a share of g, (N,)."""
    fps, height = body.fps, body.lowest
    falls = (_find_fall(run, body.kin.com_w[:, 2], fps) for run in find_runs(body.flight))
    ratios = [
        -body.whole.acceleration[start : end - 2, 2].mean() / GRAVITY
        for start, end in falls
        if max(4, 0.1 * fps) <= end - start <= LONGEST_FLIGHT * fps and height[start:end].max() > LOWEST_FLIGHT
    ]
    return np.array(ratios)


def mean_acceleration(body: MeasuredMotion) -> float:
    """Of contact points and shapes [m/s2]."""
    pos_w = np.concatenate([body.kin["contacts"].pos_w, body.kin["solid"].pos_w], axis=1)
    return float(np.linalg.norm(np.diff(pos_w, 2, axis=0) * body.fps**2, axis=-1).mean())


def support_metrics(body: MeasuredMotion) -> dict[str, float]:
    """How well the support bears the motion; see `compute_motion_metrics`."""
    whole, com_w, fps = body.whole, body.kin.com_w, body.fps
    zmp, load = whole.zero_moment_points()
    touches = np.concatenate([body.contact, body.rolling], axis=1)
    supported = touches[1:-1].any(axis=1) & (whole.acceleration[:, 2] > -0.5 * GRAVITY)
    resting = supported & (np.linalg.norm(np.gradient(com_w, 1.0 / fps, axis=0)[1:-1], axis=1) < SLOW)
    # Only the other parts that ever touch: a hull of many corners takes long.
    ever = np.flatnonzero(body.rolling.any(axis=0))
    corners_w = np.concatenate([body.contacts_w, body.kin["solid"].pos_w[:, body.parts[ever]]], axis=1)
    held = np.concatenate([body.contact | body.hands, body.rolling[:, ever]], axis=1)
    corners, present = corners_w[1:-1, :, :2], held[1:-1]
    return {
        "zmp_outside_support_mm": 1000.0 * _rms(_outside(zmp, corners, present)[supported], load[supported]),
        "free_moment_nm": float(free_moment(whole, corners_w, held, 1.0).residual.mean()),
        "rest_com_outside_support_mm": 1000.0 * _rms(_outside(whole.com_w[:, :2], corners, present)[resting]),
    }


def count_swapped_frames(qpos: np.ndarray, camera: Camera, character: Character, observations: Observations) -> int:
    """Frames whose detections would fit the motion clearly better with left and right exchanged."""
    projected = camera.project(point_positions(character.model, qpos, observations.points)) - camera.principal_point_px
    sides = [(i, observations.names.index(name.replace("left_", "right_"))) for i, name in enumerate(observations.names)
             if name.startswith("left_") and name.replace("left_", "right_") in observations.names]  # fmt: skip
    mirror = np.arange(len(observations.names))
    for left, right in sides:
        mirror[left], mirror[right] = right, left
    as_is = np.linalg.norm(projected - observations.plane_px, axis=-1)
    exchanged = np.linalg.norm(projected - observations.plane_px[:, mirror], axis=-1)
    weight = observations.weight * (mirror != np.arange(len(mirror)))
    gain = np.sum(weight * (as_is - exchanged), axis=1) / np.maximum(weight.sum(axis=1), 1e-9)
    return int((gain > SWAP_GAIN * observations.px_per_metre).sum())


def _find_fall(run: tuple[int, int], com_z: np.ndarray, fps: float) -> tuple[int, int]:
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
