"""Legs for a person who is filmed from the waist up: they stand, or walk along the hips' path.

Nothing in the picture says what they do, so they are guessed where the user asks for it, and marked as guessed:
detections of knees, ankles and feet are made where an upright camera would see them, and fitted like any other.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.ndimage import gaussian_filter1d

from pose.errors import InputError
from pose.keypoints import Keypoints
from reconstruct.camera import focal_from_fov
from reconstruct.characters.character import Character
from reconstruct.lifting.detector_habits import FEET_AWAY
from reconstruct.retargeting.ik_targets import rest_points

UpperBody = Literal["no", "stand", "walk"]

LEGS = tuple(f"{side}_{part}" for side in ("left", "right") for part in ("knee", "ankle", "heel", "foot_index"))
NEEDED = (*LEGS, *(f"{side}_{part}" for side in ("left", "right") for part in ("hip", "shoulder")))
CONFIDENCE = 0.6
"""Confidence of a guessed landmark, in [0, 1]."""
REACH = 0.985
"""Distance from hip to ankle of a leg that stands, as a share of its length: knees are not locked."""
HIGH = 10.0
"""Share of the frames in which the hips are higher than on straight legs [percent]."""
SHORTEST = 0.4
"""Least distance from hip to ankle, as a share of the leg's length."""
CALM_S = 0.3
"""Standard deviation of the filter over the hips' path and the size of the trunk [s]."""
STEP = 0.65
"""Length of a step, as a share of the leg's length."""
LEAST_UNIT = 0.1
"""Least size of the detector's metre: below, shoulders and hips have no places in 3D."""
LIFT = 0.1
"""How high a foot is lifted, as a share of the leg's length."""


def guess_legs(keypoints: Keypoints, character: Character, how: UpperBody, fov: float = 50.0) -> Keypoints:
    """The keypoints with legs that were not filmed, see `Keypoints.guessed`.

    Args:
      keypoints: of one person, at least shoulders and hips of whom are known.
      character: body whose legs they are.
      how: "stand" on one place with the hips over the feet; "walk" by steps along the hips' path; "no" for none.
      fov: field of view of the lens along the picture's longer side [degrees], for the path's depth.

    Raises:
      InputError: shoulders and hips are not known in 2D and 3D, or the camera moves.
    """
    if how == "no":
        return keypoints
    missing = [name for name in NEEDED if name not in keypoints.names]
    column = {name: index for index, name in enumerate(keypoints.names)}
    trunk = [column[name] for name in NEEDED[len(LEGS) :] if name in column]
    if missing or not (keypoints.confidence[:, trunk] > 0).all(axis=1).any():
        raise InputError("--upper-body needs the shoulders and hips of the person, which are not seen in this video")
    if keypoints.camera_motion is not None:
        raise InputError(
            "--upper-body needs a camera that stands still, this one moves; "
            "choose a part by START and END in which it stands, or film from a tripod"
        )
    body = _measure_body(keypoints, character, column, focal_from_fov(fov, keypoints.image_size))
    ankles = _plant(body) if how == "stand" else _step_along(body, keypoints.fps)
    return _add(keypoints, body, body.bend(ankles), column)


@dataclass(frozen=True)
class _Body:
    """What is seen, in metres: axes of an upright camera (x right, y down, z away), from the mean place of the hips."""

    hips: np.ndarray
    """Left and right, (T, 2, 3)."""
    forward: np.ndarray
    """Where the pelvis faces, level, (T, 3)."""
    scale: np.ndarray
    """Pixels of a metre, (T,)."""
    unit: float
    """Size of the detector's metre."""
    origin_px: np.ndarray
    """Where zero is in the picture, (2,)."""
    lengths: tuple[float, float]
    """Thigh and shin [m]."""
    foot: tuple[float, float, float]
    """From the ankle: heel backwards, toes forward, sole down [m]."""

    @property
    def middle(self) -> np.ndarray:
        """Between the hips, (T, 3)."""
        return self.hips.mean(axis=1)

    @property
    def leg(self) -> float:
        """Length of thigh and shin [m]."""
        return sum(self.lengths)

    @property
    def ground(self) -> float:
        """Height of standing ankles [m]: legs are straight where the hips are high."""
        return float(np.percentile(self.hips[..., 1], HIGH)) + REACH * self.leg

    def bend(self, ankles: np.ndarray) -> np.ndarray:
        """Knee, ankle, heel and toes of both legs for ankles (T, 2, 3): (T, 2, 4, 3). Knees bend forward."""
        thigh, shin = self.lengths
        down = ankles - self.hips
        away = np.linalg.norm(down, axis=-1, keepdims=True)
        reach = np.clip(away, SHORTEST * self.leg, 0.999 * self.leg)
        down = down / np.maximum(away, 1e-9)
        ankles = self.hips + down * reach
        along = (thigh**2 - shin**2 + reach**2) / (2 * reach)
        front = self.forward[:, None] - (self.forward[:, None] * down).sum(axis=-1, keepdims=True) * down
        front /= np.maximum(np.linalg.norm(front, axis=-1, keepdims=True), 1e-9)
        knees = self.hips + along * down + np.sqrt(np.maximum(thigh**2 - along**2, 0.0)) * front
        heel, toes, sole = self.foot
        below = np.array([0.0, sole, 0.0])
        ahead = self.forward[:, None]
        return np.stack([knees, ankles, ankles - heel * ahead + below, ankles + toes * ahead + below], axis=2)


def _measure_body(keypoints: Keypoints, character: Character, column: dict[str, int], focal_px: float) -> _Body:
    rest = rest_points(character, NEEDED)
    pairs = {part: [column[f"{side}_{part}"] for side in ("left", "right")] for part in ("hip", "shoulder")}
    known = np.flatnonzero((keypoints.confidence[:, pairs["hip"] + pairs["shoulder"]] > 0).all(axis=1))
    frames, calm = np.arange(len(keypoints)), CALM_S * keypoints.fps

    def fill(values: np.ndarray) -> np.ndarray:
        flat = values.reshape(len(values), -1)
        filled = np.stack([np.interp(frames, known, part) for part in flat.T], axis=1)
        return filled.reshape(len(frames), *values.shape[1:])

    xy = {part: fill(keypoints.xy[known][:, columns]) for part, columns in pairs.items()}
    xyz = {part: fill(keypoints.xyz[known][:, columns]) for part, columns in pairs.items()}
    # The trunk's sides in the picture, over what the detector sees of them across the line of sight, say how many
    # pixels a metre is; its own metre is corrected by the character's trunk.
    seen = [np.linalg.norm(_span(points)[..., :2], axis=-1) for points in (xy, xyz)]
    true = np.linalg.norm(np.subtract(rest["left_shoulder"], rest["left_hip"]))
    unit = np.median(np.linalg.norm(_span(xyz)[:, 0], axis=-1)) / true
    if unit < LEAST_UNIT:
        raise InputError(
            "--upper-body needs keypoints in 3D, these are flat; leave --keypoints out: they are found in the video"
        )
    scale = gaussian_filter1d(np.median(seen[0] / np.maximum(seen[1], 1e-3), axis=1) * unit, 2 * calm, mode="nearest")
    middle_px = xy["hip"].mean(axis=1)
    origin = np.median(middle_px, axis=0)
    middle_px = gaussian_filter1d(middle_px, 0.3 * calm, axis=0, mode="nearest")
    depth = focal_px / scale
    middle = np.column_stack([(middle_px - origin) / scale[:, None], depth - np.median(depth)])
    middle[:, 2] = gaussian_filter1d(middle[:, 2], 2 * calm, mode="nearest")
    offset = (xyz["hip"] - xyz["hip"].mean(axis=1, keepdims=True)) / unit
    across = gaussian_filter1d(offset[:, 0] - offset[:, 1], calm, axis=0, mode="nearest")
    forward = np.cross(across, [0.0, -1.0, 0.0])
    forward /= np.maximum(np.linalg.norm(forward, axis=-1, keepdims=True), 1e-9)
    ankle, heel, toe = (np.array(rest[f"left_{part}"]) for part in ("ankle", "heel", "foot_index"))
    foot = float(ankle[0] - heel[0]), float(toe[0] - ankle[0]), float(ankle[2] - min(heel[2], toe[2]))
    lengths = tuple(
        float(np.linalg.norm(np.subtract(rest[f"left_{a}"], rest[f"left_{b}"])))
        for a, b in (("hip", "knee"), ("knee", "ankle"))
    )
    return _Body(middle[:, None] + offset, forward, scale, float(unit), origin, (lengths[0], lengths[1]), foot)


def _span(points: dict[str, np.ndarray]) -> np.ndarray:
    """From the hips to the shoulders of each side, (T, 2, n)."""
    return points["shoulder"] - points["hip"]


def _plant(body: _Body) -> np.ndarray:
    """Ankles that stay below the hips' usual place, (T, 2, 3)."""
    place = np.median(body.hips, axis=0)
    place[:, 1] = body.ground
    return np.repeat(place[None], len(body.hips), axis=0)


def _step_along(body: _Body, fps: float) -> np.ndarray:
    """Ankles that step along the hips' path, one after the other, (T, 2, 3): half of a step ahead and behind."""
    path = gaussian_filter1d(body.middle[:, [0, 2]], 2 * CALM_S * fps, axis=0, mode="nearest")
    gone = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    step = STEP * body.leg
    if gone[-1] < step:
        return _plant(body)
    side = body.hips - body.middle[:, None]
    ankles = np.zeros_like(body.hips)
    for foot in range(2):
        # A foot stands while the hips go from half of a step behind it to half of a step ahead, then swings two steps.
        phase = (gone / step - foot + 0.5) / 2
        turn = np.floor(phase)
        swing = np.clip(2 * (phase - turn) - 1, 0.0, 1.0)
        swing = swing**2 * (3 - 2 * swing)
        places = step * (2 * (turn + swing) + foot)
        for axis, row in ((0, 0), (2, 1)):
            ankles[:, foot, axis] = _extend(places, gone, path[:, row]) + gaussian_filter1d(
                side[:, foot, axis], CALM_S * fps, mode="nearest"
            )
        ankles[:, foot, 1] = body.ground - LIFT * body.leg * np.sin(np.pi * swing)
    return ankles


def _extend(places: np.ndarray, gone: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values at distances along a path, which goes on straight beyond its ends."""
    inside = np.interp(places, gone, values)
    for end, beyond in ((0, places < gone[0]), (-1, places > gone[-1])):
        far = int(np.abs(gone - gone[end] - (0.3 if end == 0 else -0.3)).argmin())
        run = gone[end] - gone[far]
        slope = (values[end] - values[far]) / run if abs(run) > 1e-6 else 0.0
        inside[beyond] = values[end] + slope * (places[beyond] - gone[end])
    return inside


def _add(keypoints: Keypoints, body: _Body, legs: np.ndarray, column: dict[str, int]) -> Keypoints:
    """Detections of the guessed legs (T, 2, 4, 3), as an upright camera and the detector would give them."""
    xy, xyz, confidence = keypoints.xy.copy(), keypoints.xyz.copy(), keypoints.confidence.copy()
    columns = np.array([column[name] for name in LEGS]).reshape(2, 4)
    xy[:, columns] = body.origin_px + legs[..., :2] * body.scale[:, None, None, None]
    seen = legs - body.middle[:, None, None]
    # The reconstruction corrects a habit of the detector, which is added here.
    shin = np.linalg.norm(legs[:, :, 1] - legs[:, :, 0], axis=-1)
    seen[:, :, 1:, 2] += FEET_AWAY * shin[..., None]
    xyz[:, columns] = seen * body.unit
    confidence[:, columns] = CONFIDENCE * keypoints.seen[:, None, None]
    return replace(keypoints, xy=xy, xyz=xyz, confidence=confidence, guessed=LEGS)
