"""Which way is up in a motion, and how far its floor is tilted.

Formats that define an axis are believed, then the rest pose of the file. Either is overruled only where the body stands
along another axis and the ground agrees with that: a body that lies has the same shape as one that stands.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from reconstruct.formats.joint_names import SIDES
from reconstruct.formats.options import Finding, name_axis

AXES = np.concatenate([np.eye(3), -np.eye(3)])
STANDS = 0.85
"""Least share of the lengths of legs and trunk that is upright in a standing pose."""
CLIMBS = 0.5
"""Range of the body's lowest point from which it cannot be on a ground, in lengths of the leg."""
ON_GROUND = (-0.05, 0.3)
"""Height of the lowest joint of a body on a ground at 0, from and to, in lengths of the leg."""
HIGHEST_BENCH = 2.0
"""Height over a ground at 0 up to which a body may lie on something, in lengths of the leg."""
LEVEL = np.radians(5.0)
"""Tilt of a floor from which it is levelled [rad]."""
STEEPEST = np.radians(45.0)
"""Largest tilt that is taken for a floor's [rad]."""
ARMS_DOWN = 0.8
"""Usual height of the shoulders over the wrists from which arms carry the body, in lengths of the arm."""
# Of CMU's clips: who crawls has .87 or more in a fifth of the frames, who sits or stands and is looked at along the way
# that he faces, .76 or less.
STILL = 0.2
"""Speed below which a foot rests [m/s]."""


@dataclass(frozen=True)
class Evidence:
    """What speaks for an axis as the one that points up."""

    stands: float
    """Share of the frames in which trunk and a leg are upright along it."""
    lowest: float
    """Usual height of the lowest joint along it, in lengths of the leg."""
    climb: float
    """Range of the lowest joint's height along it, in lengths of the leg."""

    @property
    def on_ground(self) -> bool:
        """Whether the body's lowest joint is where a ground at 0 has it."""
        return ON_GROUND[0] < self.lowest < ON_GROUND[1]

    @property
    def has_ground(self) -> bool:
        """Whether it stands on a ground at 0: ankles or toes are near it, and stay so."""
        return -0.06 < self.lowest < 0.15 and self.climb < CLIMBS


def measure_axis(positions: np.ndarray, roles: dict[str, int], up: np.ndarray) -> Evidence:
    """Measures how well an axis is up, for positions (T, J, 3)."""
    heights = positions @ up
    lowest = heights[:, sorted(set(roles.values()))].min(axis=1) / max(measure_leg(positions, roles), 1e-9)
    low, high = np.percentile(lowest, [5, 95])
    return Evidence(
        float((measure_standing(positions, roles, up) >= STANDS).mean()), float(np.median(lowest)), high - low
    )


def choose_up_axis(
    positions: np.ndarray,
    roles: dict[str, int],
    rest: np.ndarray | None,
    defined: np.ndarray | None,
    usual: np.ndarray | None = None,
) -> tuple[np.ndarray, Finding]:
    """The axis that points up and what speaks for it.

    Args:
      positions: (T, J, 3).
      roles: landmark -> joint.
      rest: positions without any angle, (J, 3); None where these say nothing about up.
      defined: the axis that the format defines; None if it defines none.
      usual: the axis that is up by custom, where nothing else speaks; None if there is no custom.
    """
    evidence = [measure_axis(positions, roles, axis) for axis in AXES]
    best = int(np.argmax([found.stands for found in evidence]))
    expected, why = defined, "as the format has it"
    if expected is None and rest is not None:
        standing = [float(measure_standing(rest[None], roles, axis)[0]) for axis in AXES]
        if max(standing) >= STANDS:
            expected, why = AXES[int(np.argmax(standing))], "as in the rest pose"
    if expected is None:
        return guess_up_axis(positions, roles, usual, evidence)
    own = measure_axis(positions, roles, expected)
    if stands_elsewhere(own, evidence[best]):
        text = f"{name_axis(AXES[best])} up, as it stands, against {name_axis(expected)} {why}; --up overrules"
        return AXES[best], Finding("up", text, doubtful=True)
    ground = None if own.stands > 0.02 or own.on_ground else find_ground_axis(evidence, usual)
    if ground is not None:
        if defined is not None:
            text = f"{name_axis(expected)} up, {why}, though the body lies on a ground along {name_axis(ground)}"
            return expected, Finding("up", f"{text}: --up {name_axis(ground).strip('+')} overrules", doubtful=True)
        text = f"{name_axis(ground)} up, for the body lies on a ground there, against {name_axis(expected)} {why}"
        return ground, Finding("up", f"{text}; --up overrules", doubtful=True)
    if own.stands < 0.02 and evidence[best].stands > 0.5:
        return expected, Finding("up", f"{name_axis(expected)} up, {why}: the body lies; if it stands, --up overrules")
    return expected, Finding("up", f"{name_axis(expected)} up, {why}")


def guess_up_axis(
    positions: np.ndarray, roles: dict[str, int], usual: np.ndarray | None, evidence: Sequence[Evidence]
) -> tuple[np.ndarray, Finding]:
    """The up axis of a file whose rest pose says nothing: where the body stands, else where its trunk is, else custom.

    Args:
      positions: (T, J, 3).
      roles: landmark -> joint.
      usual: the axis that is up by custom, (3,); None if there is no custom.
      evidence: of each of `AXES`.
    """
    trunk = mean_trunk(positions, roles)
    leant = AXES[int(np.argmax(AXES @ trunk))]
    is_clear = float(leant @ trunk) > max(0.8 * measure_leg(positions, roles), 0.8 * float(np.linalg.norm(trunk)))
    best = find_standing_axis(evidence)
    stands = evidence[best].stands
    up = AXES[best] if stands > 0.1 else leant if is_clear or usual is None else usual
    why = f"as it stands in {stands:.0%}" if stands > 0.1 else "by the trunk: nobody stands in it"
    in_camera = usual is not None and usual[1] < -0.5  # whose origin is on no ground
    ground, own = None if in_camera else find_ground_axis(evidence, usual), measure_axis(positions, roles, up)
    on_fours = usual is not None and not own.has_ground and is_on_all_fours(positions, roles, usual)
    if usual is not None and on_fours and (ground is None or float(ground @ usual) < 0.5):
        up, stands, why = usual, 0.0, "by custom: the body is on its hands and knees or feet"
    elif ground is not None and lies_rather(up, ground, usual, own):
        custom = usual is not None and float(ground @ usual) > 0.5
        up, why, stands = ground, "by custom: the body lies on a ground at 0" if custom else "the body lies on it", 0.0
    elif usual is not None and lies_by_custom(up, usual, own, measure_axis(positions, roles, usual)):
        up, stands = usual, 0.0
        why = "by custom: the body lies, for nothing speaks for its standing"
    elif up is usual and stands <= 0.1:
        why = "by custom: nobody stands in it"
    along_custom = usual is None or abs(float(up @ usual)) > 0.5
    is_sure = stands > 0.6 and abs(up[0]) < 0.5 and (along_custom or own.has_ground)  # no program has x up
    if stands > 0.6 and not along_custom and not own.has_ground and usual is not None:
        why += f", though {name_axis(usual)} is usual: if it lies"
        return up, Finding("up", f"{name_axis(up)} up, {why}, give --up {name_axis(usual).strip('+')}", doubtful=True)
    return up, Finding("up", f"{name_axis(up)} up, {why}" + ("" if is_sure else "; --up overrules"), not is_sure)


def find_standing_axis(evidence: Sequence[Evidence]) -> int:
    """Which of `AXES` a body stands along in most frames, unless it rises along it and never along another one.

    Who lies for long and then gets up rises by its own length along the axis that it lay along.
    """
    shares = np.array([found.stands for found in evidence])
    best = int(np.argmax(shares))
    if evidence[best].climb > CLIMBS:
        steady = np.array([found.climb < 0.5 * CLIMBS and found.stands > 0.05 for found in evidence])
        if steady.any():
            return int(np.argmax(np.where(steady, shares, -1.0)))
    return best


def lies_by_custom(up: np.ndarray, usual: np.ndarray, upright: Evidence, own: Evidence) -> bool:
    """Whether a body lies along the custom's axis rather than stands along `up`, where neither has a ground at 0.

    No program has x or -z up; who does not stand does not rise; and of a body above the ground and one below it the
    second is not there.
    """
    if upright.has_ground or own.stands > 0.02 or own.climb > 0.5 * CLIMBS or abs(float(up @ usual)) > 0.5:
        return False
    is_strange = abs(up[0]) > 0.5 or up[2] < -0.5 or (upright.stands < 0.1 and upright.climb > CLIMBS)
    return is_strange or (upright.lowest < -0.15 and 0.0 < own.lowest < HIGHEST_BENCH)


def is_on_all_fours(positions: np.ndarray, roles: dict[str, int], up: np.ndarray) -> bool:
    """Whether hands are as low as knees or feet along an axis or lower, and the trunk above both, nearly always.

    The arms must reach down, too: of who sits and faces down the axis, hands and knees are as low.
    """
    heights = positions @ up / max(measure_leg(positions, roles), 1e-9)

    def level(joint: str) -> np.ndarray:
        return np.stack([heights[:, roles[f"{side}_{joint}"]] for side in SIDES])

    hands = level("wrist").mean(axis=0)
    legs = np.min([level("knee"), level("ankle"), level("toe")], axis=0).mean(axis=0)
    trunk = np.min([level("hip").mean(axis=0), level("shoulder").mean(axis=0)], axis=0)
    arms = sum(
        np.linalg.norm(positions[:, roles[f"{side}_{a}"]] - positions[:, roles[f"{side}_{b}"]], axis=1)
        for side in SIDES
        for a, b in (("shoulder", "elbow"), ("elbow", "wrist"))
    )
    reach = (level("shoulder") - level("wrist")).sum(axis=0) * measure_leg(positions, roles) / np.maximum(arms, 1e-9)
    if np.percentile(reach, 80) < ARMS_DOWN:
        return False
    are_low = (hands - legs < 0.25) & (hands - legs > -0.5)
    return bool((are_low & (trunk > np.maximum(hands, legs) + 0.15)).mean() > 0.8)


def stands_elsewhere(expected: Evidence, other: Evidence) -> bool:
    """Whether a body stands along another axis than the expected one, and the ground says so, too."""
    elsewhere = other.on_ground and other.lowest < 0.06 and not expected.on_ground
    if expected.stands < 0.02 and other.stands > 0.2 and elsewhere:
        return True
    climbs = expected.climb > CLIMBS and other.climb < 0.5 * CLIMBS
    return other.stands >= 0.5 and expected.stands <= 0.1 and (climbs or elsewhere)


def find_ground_axis(evidence: Sequence[Evidence], usual: np.ndarray | None) -> np.ndarray | None:
    """The axis along which a body lies on a ground at 0: the usual one if it does there, else the only one; or none."""
    found = [
        axis
        for axis, seen in zip(AXES, evidence, strict=True)
        if seen.stands < 0.02 and seen.on_ground and seen.climb < CLIMBS
    ]
    customary = [axis for axis in found if usual is not None and float(axis @ usual) > 0.5]
    return (customary or (found if len(found) == 1 else [None]))[0]


def lies_rather(up: np.ndarray, ground: np.ndarray, usual: np.ndarray | None, upright: Evidence) -> bool:
    """Whether a body lies along `ground` rather than stands along `up`, where it has no ground.

    No program has x up, and who stands all the time does not climb: either, or custom, must speak against `up`.
    """
    customary = usual is not None and float(ground @ usual) > 0.5
    climbs = upright.climb > CLIMBS and not 0.1 < upright.stands < 0.8  # who flips stands now and then
    return not upright.has_ground and (customary or abs(up[0]) > 0.5 or climbs)


def measure_standing(positions: np.ndarray, roles: dict[str, int], up: np.ndarray) -> np.ndarray:
    """The lesser of the upright shares of the trunk and of the straighter leg, (..., J, 3) -> (...)."""
    at = {name: positions[..., joint, :] for name, joint in roles.items()}

    def length(vector: np.ndarray) -> np.ndarray:
        return np.maximum(np.linalg.norm(vector, axis=-1), 1e-9)

    hips, shoulders = (0.5 * (at[f"left_{joint}"] + at[f"right_{joint}"]) for joint in ("hip", "shoulder"))
    trunk = ((shoulders - hips) @ up) / length(shoulders - hips)
    legs = []
    for side in SIDES:
        hip, knee, ankle = (at[f"{side}_{joint}"] for joint in ("hip", "knee", "ankle"))
        legs.append(((hip - ankle) @ up) / (length(hip - knee) + length(knee - ankle)))
    return np.minimum(trunk, np.maximum(*legs))


def measure_leg(positions: np.ndarray, roles: dict[str, int]) -> float:
    """Usual length of thigh and shin together, for positions (..., J, 3)."""
    lengths = []
    for side in SIDES:
        hip, knee, ankle = (positions[..., roles[f"{side}_{joint}"], :] for joint in ("hip", "knee", "ankle"))
        lengths.append(np.linalg.norm(hip - knee, axis=-1) + np.linalg.norm(knee - ankle, axis=-1))
    return float(np.median(lengths))


def mean_trunk(positions: np.ndarray, roles: dict[str, int]) -> np.ndarray:
    """From the ankles to the shoulders, the mean over all frames, (3,)."""
    both = [positions[..., [roles[f"{side}_{joint}"] for side in SIDES], :] for joint in ("shoulder", "ankle")]
    return (both[0] - both[1]).reshape(-1, 3).mean(axis=0)


def axes_with_up(up: np.ndarray) -> np.ndarray:
    """Rotation that turns `up` to z; for y up, BVH's z, x, y become our x forward, y left, z up, (3, 3)."""
    forward = np.roll(np.abs(up), 1)
    return np.stack([forward, np.cross(up, forward), up])


def find_tilt(
    placed: np.ndarray, roles: dict[str, int], foot_up: np.ndarray | None, fps: float
) -> tuple[np.ndarray, float]:
    """Finds a floor that is tilted through all of a motion, as under a camera whose pitch is not known.

    The body's axis in frames where it stands straight must be tilted on average, the soles that rest must be tilted the
    same way, and where these are apart from each other, the plane through them as well. One who leans forward stands on
    level soles; one who walks up a slope is upright.

    Args:
      placed: positions with z about up [m], (T, J, 3).
      roles: landmark -> joint.
      foot_up: the normals of the soles, left and right, (T, 2, 3); None where no rest pose gives them.
      fps: frames a second.

    Returns:
      The rotation that levels the floor (identity if there is nothing to level) and its tilt [rad].
    """
    level = np.eye(3), 0.0
    axes, straight = body_axes(placed, roles)
    if straight.sum() < max(8, 0.25 * len(placed)):
        return level
    normal = _unit(axes[straight].mean(axis=0))
    tilt = float(np.arccos(np.clip(normal[2], -1.0, 1.0)))
    if not LEVEL < tilt < STEEPEST:
        return level
    ankles = placed[:, [roles[f"{side}_ankle"] for side in SIDES]]
    toes = placed[:, [roles[f"{side}_toe"] for side in SIDES]]
    speed = np.maximum(*(np.linalg.norm(np.gradient(points, axis=0), axis=-1) * fps for points in (ankles, toes)))
    heights = 0.5 * (ankles + toes) @ normal
    rests = (speed < STILL) & (heights < heights.min(axis=1, keepdims=True) + 0.05)
    if rests.sum() < 8:
        return level
    if foot_up is not None:
        sole = _unit(np.median(foot_up[rests], axis=0))
        if np.arccos(np.clip(sole @ normal, -1.0, 1.0)) > max(np.radians(4.0), 0.35 * tilt):
            return level
        normal = _unit(sole + normal)
    if not agrees_with_plane(ankles[rests], normal, strict=foot_up is None):
        return level
    rotation = Rotation.align_vectors(np.array([[0.0, 0.0, 1.0]]), normal[None])[0]
    return rotation.as_matrix(), float(np.arccos(np.clip(normal[2], -1.0, 1.0)))


def body_axes(placed: np.ndarray, roles: dict[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """Mean direction of trunk and stance leg (T, 3), and the frames in which these are straight, bool (T,)."""
    at = {name: placed[:, joint] for name, joint in roles.items()}
    hips, shoulders = (0.5 * (at[f"left_{joint}"] + at[f"right_{joint}"]) for joint in ("hip", "shoulder"))
    trunk = _unit(shoulders - hips)
    legs = np.stack([at[f"{side}_hip"] - at[f"{side}_ankle"] for side in SIDES], axis=1)
    bones = np.stack(
        [
            np.linalg.norm(at[f"{side}_hip"] - at[f"{side}_knee"], axis=-1)
            + np.linalg.norm(at[f"{side}_knee"] - at[f"{side}_ankle"], axis=-1)
            for side in SIDES
        ],
        axis=1,
    )
    frames = np.arange(len(placed))
    stance = np.argmax(np.einsum("tsi,ti->ts", legs, trunk), axis=1)
    leg = _unit(legs[frames, stance])
    is_straight = np.linalg.norm(legs[frames, stance], axis=-1) > 0.93 * bones[frames, stance]
    return _unit(trunk + leg), is_straight & (np.sum(trunk * leg, axis=-1) > np.cos(np.radians(30.0)))


def agrees_with_plane(points: np.ndarray, normal: np.ndarray, strict: bool) -> bool:
    """Whether resting feet (N, 3) lie in a plane of that normal rather than a level one; `strict`: they must show it.

    Only the slope along the tilt's own direction counts, and only where the feet are half a metre apart along it.
    """
    down = normal[:2] / max(float(np.linalg.norm(normal[:2])), 1e-9)
    along = points[:, :2] @ down
    if np.ptp(along) < 0.5:
        return not strict
    slope = np.polyfit(along, points[:, 2], 1)[0]
    expected = -float(np.linalg.norm(normal[:2]) / normal[2])
    return abs(slope - expected) < abs(slope)


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-9)
