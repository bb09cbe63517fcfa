"""Repairs over time: exchanged left and right, landmarks that leap, and calibrated confidence.

Single-image detectors mistake left for right in blurred, inverted or side views, often for many frames on end. Which
labelling is right cannot be decided from one frame; over time it can, because bodies move continuously and bones keep
their lengths.
"""

from dataclasses import replace
from itertools import product

import numpy as np

from pose.confidence import calibrate
from pose.keypoints import Keypoints
from pose.landmarks import INDEX, LANDMARKS, MIRRORED
from pose.people.person import CORE, body_size

ARMS = tuple(
    i
    for i, name in enumerate(LANDMARKS)
    if name.endswith(("elbow", "wrist", "pinky", "index", "thumb")) and "foot" not in name
)
LEGS = tuple(i for i, name in enumerate(LANDMARKS) if name.endswith(("knee", "ankle", "heel", "foot_index")))
TRUNK = tuple(i for i in range(len(LANDMARKS)) if i not in ARMS and i not in LEGS)
LABELLINGS = tuple(product((False, True), repeat=3))
"""Labellings of a frame: whether (trunk and head, arms, legs) are exchanged. The first is as detected."""
BONES = (
    *((f"{side}_shoulder", f"{side}_elbow") for side in ("left", "right")),
    *((f"{side}_hip", f"{side}_knee") for side in ("left", "right")),
)
"""Bones whose 3D length changes when a limb is attached to the wrong side of the trunk."""

MOTION_M = 0.12
"""Change of velocity at which a joint counts as half a leap [m per 1/30 s]."""
EXCHANGE_COST = 0.3
"""Cost of exchanging one part in one frame [leaping joints]."""
LIMB_COST = 4.0
"""Cost of a wrong bone length [leaping joints per m]."""
SMOOTH_S = 0.1
"""Half width of the window whose median landmarks are compared with [s]."""
LEAP = 0.25
"""Distance from the median at which a landmark counts as missing; half of it costs most confidence [body sizes]."""


def clean(keypoints: Keypoints) -> Keypoints:
    """Repairs exchanged left and right, lowers the confidence of leaps and at the picture's edges, and calibrates it.

    Args:
      keypoints: of BlazePose's 33 landmarks, with the detector's own confidence.

    Raises:
      ValueError: other landmarks.
    """
    if keypoints.names != LANDMARKS:
        raise ValueError(f"clean: landmarks {keypoints.names[:3]}..., expected BlazePose's 33")
    weighed = weigh(repair_exchanged_sides(keypoints))
    return replace(weighed, confidence=calibrate(weighed.confidence))


def repair_exchanged_sides(keypoints: Keypoints) -> Keypoints:
    """Undoes exchanges of left and right of trunk, arms or legs, however long they last.

    Dynamic programming over the labelling of each frame. The cost has three parts: joints whose velocity changes
    abruptly in metric 3D or in the image (both saturate, so one bad detection cannot force an exchange); bones whose
    length differs from the clip's median; and a little for every departure from the detector, which decides where
    continuity does not.

    Source: second-order Viterbi as in multi-target tracking; no learnt model.
    """
    seen = np.flatnonzero(keypoints.seen)
    if len(seen) < 3:
        return keypoints
    xyz, xy = keypoints.xyz[seen], keypoints.xy[seen]
    # The usual size of the body makes pixels metres, roughly: a body is 1.5 m from shoulders to ankles and hands.
    metres_per_px = 1.5 / np.percentile(body_size(xy), 75)
    hips = xy[:, [INDEX["left_hip"], INDEX["right_hip"]]].mean(axis=1, keepdims=True)
    points = np.concatenate([xyz, (xy - hips) * metres_per_px], axis=-1)
    candidates = np.stack([_relabel(points, labelling) for labelling in LABELLINGS], axis=1)
    single = _cost_of_labelling(xyz, keypoints.confidence[seen])
    weight = keypoints.confidence[seen][:, CORE]
    chosen = _find_smoothest(candidates[:, :, CORE], single, weight, seen / keypoints.fps)

    new_xy, new_xyz, confidence = keypoints.xy.copy(), keypoints.xyz.copy(), keypoints.confidence.copy()
    for t, label in zip(seen, chosen, strict=True):
        order = _landmark_order(LABELLINGS[label])
        new_xy[t], new_xyz[t], confidence[t] = new_xy[t, order], new_xyz[t, order], confidence[t, order]
    return replace(keypoints, xy=new_xy, xyz=new_xyz, confidence=confidence)


def weigh(keypoints: Keypoints) -> Keypoints:
    """Lowers the confidence of landmarks that leap or lie outside the picture, down to 0 (missing).

    The confidence that comes in is the detector's (visibility times presence). It is multiplied by a Gaussian of the
    distance from the median over `SMOOTH_S` on either side, measured beyond what steady motion explains.
    """
    seen = np.flatnonzero(keypoints.seen)
    confidence = keypoints.confidence.copy()
    if len(seen) >= 3:
        size = np.percentile(body_size(keypoints.xy[seen]), 75)
        window = max(1, round(SMOOTH_S * keypoints.fps))
        for i, t in enumerate(seen):
            near = seen[max(0, i - window) : i + window + 1]
            near = near[np.abs(near - t) <= 2 * window]
            if len(near) < 3:
                continue
            distance = _distance_from_line(keypoints.xy[near], near - t, keypoints.xy[t]) / size
            confidence[t] *= np.exp(-0.5 * (distance / (0.4 * LEAP)) ** 2)
            confidence[t, distance > LEAP] = 0.0
    width, height = keypoints.image_size
    outside = np.maximum(-keypoints.xy, keypoints.xy - (width - 1, height - 1)).max(axis=-1)
    confidence[outside > 0] *= 0.2  # inferred from the rest of the body, not seen
    confidence[confidence < 0.02] = 0.0
    missing = confidence == 0
    xy, xyz = keypoints.xy.copy(), keypoints.xyz.copy()
    xy[missing], xyz[missing] = 0.0, 0.0
    return replace(keypoints, xy=xy, xyz=xyz, confidence=confidence)


def _landmark_order(labelling: tuple[bool, ...]) -> np.ndarray:
    """Index of the landmark that each name takes over, (J,)."""
    order = np.arange(len(LANDMARKS))
    for part, exchanged in zip((TRUNK, ARMS, LEGS), labelling, strict=True):
        if exchanged:
            order[list(part)] = np.array(MIRRORED)[list(part)]
    return order


def _relabel(points: np.ndarray, labelling: tuple[bool, ...]) -> np.ndarray:
    return points[:, _landmark_order(labelling)]


def _cost_of_labelling(xyz: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """Cost of each labelling in itself, departures from the detector and wrong bones, (T, 8)."""
    first, second = (np.array([INDEX[bone[end]] for bone in BONES]) for end in (0, 1))

    def lengths(points: np.ndarray) -> np.ndarray:
        return np.linalg.norm(points[:, first] - points[:, second], axis=-1)

    median = np.median(lengths(xyz), axis=0)
    # Left and right bones are alike; the median over both is not fooled by one side's exchanges.
    median = np.tile(median.reshape(-1, 2).mean(axis=1, keepdims=True), (1, 2)).ravel()
    cost = np.empty((len(xyz), len(LABELLINGS)))
    for i, labelling in enumerate(LABELLINGS):
        wrong = np.abs(lengths(_relabel(xyz, labelling)) - median).sum(axis=1)
        trunk, arms, legs = labelling
        departures = trunk + (arms != trunk) + (legs != trunk)
        cost[:, i] = LIMB_COST * wrong + EXCHANGE_COST * departures * confidence.mean(axis=1)
    return cost


def _find_smoothest(points: np.ndarray, single: np.ndarray, weight: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Finds the labelling of each frame at the least cost over the clip (second-order Viterbi).

    Args:
      points: each frame under each labelling, 3D and 2D side by side [m], (T, L, J, 5).
      single: cost of each labelling in itself, (T, L).
      weight: confidence of the joints, (T, J).
      times: of the frames [s], (T,).

    Returns:
      Index of the labelling, int (T,).
    """
    frames, labels = single.shape
    tick = 1 / 30
    total = single[0][:, None] + single[1][None, :]  # of ending in (previous, current)
    total += _count_leaps((points[1][None] - points[0][:, None]) / max(times[1] - times[0], tick) * tick, weight[1])
    back = np.zeros((frames, labels, labels), dtype=int)
    for t in range(2, frames):
        before, after = times[t - 1] - times[t - 2], times[t] - times[t - 1]
        # Where frames are missing in between, the velocity before says nothing about the velocity after.
        steady = min(1.0, 2 * tick / max(before, after))
        first = (points[t - 1][None, :] - points[t - 2][:, None]) / before
        second = (points[t][None, :] - points[t - 1][:, None]) / after
        change = second[None, :, :] - steady * first[:, :, None]  # (L, L, L, J, 5)
        cost = total[:, :, None] + _count_leaps(change * tick, weight[t])
        back[t] = cost.argmin(axis=0)
        total = cost.min(axis=0) + single[t][None, :]
    chosen = np.zeros(frames, dtype=int)
    chosen[-2], chosen[-1] = np.unravel_index(total.argmin(), total.shape)
    for t in range(frames - 1, 1, -1):
        chosen[t - 2] = back[t, chosen[t - 1], chosen[t]]
    return chosen


def _count_leaps(change: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Counts the joints that leap, saturating, over 3D and 2D: change of position [m], (..., J, 5) -> (...)."""
    r3 = (change[..., :3] ** 2).sum(axis=-1) / MOTION_M**2
    r2 = (change[..., 3:] ** 2).sum(axis=-1) / MOTION_M**2
    return (0.5 * (r3 / (1 + r3) + r2 / (1 + r2)) * np.maximum(weight, 0.1)).sum(axis=-1)


def _distance_from_line(near: np.ndarray, offsets: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Distance of a frame's landmarks from the line through their neighbours in time [px], (J,).

    The line is robust (medians of slopes and levels), so that fast steady motion is no leap.
    """
    others = offsets != 0
    offsets, near = offsets[others].astype(float), near[others]
    steps = np.diff(near, axis=0) / np.diff(offsets)[:, None, None]
    slope = np.median(steps, axis=0) if len(steps) else np.zeros_like(xy)
    level = np.median(near - slope[None] * offsets[:, None, None], axis=0)
    distance = np.linalg.norm(xy - level, axis=-1)
    scatter = np.median(np.linalg.norm(near - level - slope * offsets[:, None, None], axis=-1), axis=0)
    return np.maximum(distance - 2 * scatter, 0.0)
