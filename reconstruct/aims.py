"""What another body should do to perform a motion: where its landmarks go, and what of it rests on the ground."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import solveh_banded

from pose.errors import InputError
from reconstruct.character import Character
from reconstruct.contacts import contact_points, find_contacts, runs
from reconstruct.kinematics import BodyPoints, Kinematics, point_positions
from reconstruct.motion import ReferenceMotion
from reconstruct.rotations import to_matrix
from reconstruct.solve import Block

SIDES = ("left", "right")
JOINTS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "heel", "foot_index")
NEEDED = tuple(f"{side}_{joint}" for joint in JOINTS for side in SIDES)
"""Landmarks that both bodies must have."""
HEAD = ("nose", "left_ear", "right_ear")
"""Landmarks that tell where the head looks, if both bodies have them."""


@dataclass(frozen=True)
class Spreads:
    """How tightly each aim holds; smaller is stronger."""

    ankle: float = 0.004
    """Position of the ankles: in the world on the ground, about the hips in flight [m]."""
    flight: float = 0.3
    """Position of pelvis and ankles in the world in flight, where gravity decides [m]."""
    foot: float = 0.02
    """Direction of the feet: position of heel and toe about the ankle [m]."""
    pelvis: float = 0.03
    """Position of the middle of the hips [m]."""
    trunk: float = 0.02
    """Direction of pelvis, chest and head: positions of points on them about their middle [m]."""
    elbow: float = 0.03
    """Position of elbow about shoulder, and of knee about hip [m]."""
    wrist: float = 0.01
    """Position of the wrist about the shoulder [m]."""


@dataclass(frozen=True)
class Ground:
    """What of a motion is on the ground."""

    contact: np.ndarray
    """Contact points of the new body that rest, bool (T, P)."""
    flight: np.ndarray
    """Frames in which the body flies: nothing rests and nothing is near the ground, bool (T,)."""


@dataclass(frozen=True)
class Targets:
    """Where combinations of a body's points should be."""

    combine: np.ndarray
    """Weights of the P points in each of M vectors: those of a position add up to 1, of a direction to 0, (M, P)."""
    wanted: np.ndarray
    """World frame [m], (T, M, 3)."""
    spread: np.ndarray
    """Standard deviation [m], (T, M)."""
    names: tuple[str, ...]
    """What each vector is."""
    shift: np.ndarray
    """How far the left and the right foot's place was moved for the foot to rest on the ground [m], (T, 2, 3)."""

    def of(self, points_w: np.ndarray) -> np.ndarray:
        """The vectors of given points, (T, P, 3) -> (T, M, 3)."""
        return np.einsum("mp,tpi->tmi", self.combine, points_w)

    def at(self, frames: np.ndarray) -> "Targets":
        """Those of some frames."""
        return replace(self, wanted=self.wanted[frames], spread=self.spread[frames], shift=self.shift[frames])

    def loosened(self, factor: float) -> "Targets":
        """The same with every spread `factor` times as wide, but none wider than a limb."""
        return replace(self, spread=np.minimum(self.spread * factor, np.maximum(self.spread, 0.1)))

    def residual(self, kin: Kinematics) -> Block:
        """How far off they are, (T, 3 M)."""
        count = self.combine.shape[1]
        frames, _, _, nv = kin.points_jac.shape
        weight = self.combine / self.spread[..., None]
        off = (self.of(kin.points_w[:, :count]) - self.wanted) / self.spread[..., None]
        jacobian = np.matmul(weight, kin.points_jac[:, :count].reshape(frames, count, 3 * nv))
        return Block("targets", off.reshape(frames, -1), jacobian.reshape(frames, 1, -1, nv))


def landmark_names(source: Character, character: Character) -> tuple[str, ...]:
    """Landmarks that are compared: those that must be, and those of the head if both bodies can turn it."""
    for body in (source, character):
        missing = [name for name in NEEDED if name not in body.landmarks]
        if missing:
            raise InputError(
                f"character '{body.name}': no landmark {', '.join(missing)}; give its site in [landmarks] of "
                f"character.toml"
            )
    both = all(name in body.landmarks for body in (source, character) for name in HEAD)
    both = both and has_neck(source) and has_neck(character)
    return NEEDED + (HEAD if both else ())


def has_neck(character: Character) -> bool:
    """Whether the head turns on its own: a trunk that has to look where a head looked would twist the whole body."""
    model = character.model
    head, body = (model.site_bodyid[model.site(character.landmarks[x]).id] for x in ("nose", "left_shoulder"))
    while body > 0:
        if body == head:
            return False
        body = model.body_parentid[body]
    return True


def rest_points(character: Character, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Landmarks of the body standing upright, (3,) each."""
    points = BodyPoints.of_sites(character.model, tuple(character.landmarks[name] for name in names))
    place = point_positions(character.model, np.array(character.model.qpos0)[None], points)[0]
    return dict(zip(names, place, strict=True))


def leg_length(character: Character) -> float:
    """From hip to sole along the leg, standing [m]."""
    rest = rest_points(character, NEEDED)
    sole = min(rest["left_heel"][2], rest["left_foot_index"][2])
    thigh, shin = (
        np.linalg.norm(rest[f"left_{a}"] - rest[f"left_{b}"]) for a, b in (("hip", "knee"), ("knee", "ankle"))
    )
    return float(thigh + shin + rest["left_ankle"][2] - sole)


def frames_of(across: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Right-handed frames from a direction to the left and another across it, (..., 3) each -> (..., 3, 3)."""
    y = across / np.linalg.norm(across, axis=-1, keepdims=True)
    x = np.cross(y, other)
    x /= np.linalg.norm(x, axis=-1, keepdims=True)
    return np.stack([x, y, np.cross(x, y)], axis=-1)


def body_turn(character: Character, qpos: np.ndarray, landmark: str) -> np.ndarray:
    """How the body that carries a landmark is turned from its rest pose, world axes, (T, 3, 3)."""
    model = character.model
    body = model.site_bodyid[model.site(character.landmarks[landmark]).id]
    corners = BodyPoints(np.full(4, body), np.concatenate([np.zeros((1, 3)), np.eye(3)]), np.zeros(4))
    both = point_positions(model, np.concatenate([np.array(model.qpos0)[None], qpos]), corners)
    axes = np.swapaxes(both[:, 1:] - both[:, :1], 1, 2)
    return axes[1:] @ axes[0].T


def aims(
    motion: ReferenceMotion,
    source: Character,
    character: Character,
    names: tuple[str, ...],
    scale: float,
    ground: Ground,
    spreads: Spreads,
) -> Targets:
    """What the new body's landmarks should do, from what the old one's do."""
    index = {name: i for i, name in enumerate(names)}
    sites = BodyPoints.of_sites(source.model, tuple(source.landmarks[name] for name in names))
    moving = dict(zip(names, np.moveaxis(point_positions(source.model, motion.qpos, sites), 1, 0), strict=True))
    before, after = rest_points(source, names), rest_points(character, names)
    rows: list[tuple[str, dict[str, float], np.ndarray, float | np.ndarray]] = []

    def grounded(spread: float, in_flight: float) -> np.ndarray:
        return np.where(ground.flight, in_flight, spread)

    def pair(a: str, b: str) -> dict[str, float]:
        return {a: 1.0, b: -1.0}

    def middle(points: dict[str, np.ndarray], joint: str) -> np.ndarray:
        return 0.5 * (points[f"left_{joint}"] + points[f"right_{joint}"])

    half = {f"{side}_{{}}": 0.5 for side in SIDES}
    # -- the pelvis: where it is and how it is turned; the root body carries it in every character
    root = to_matrix(motion.qpos[:, 3:7]) @ to_matrix(np.array(source.model.qpos0[3:7])).T
    hips = {key.format("hip"): value for key, value in half.items()}
    shoulders = {key.format("shoulder"): value for key, value in half.items()}
    # -- feet: the middle of the sole goes where the old one's went, but what rests on the ground stays there
    turns, ankles, shifts = {}, {}, []
    for side in SIDES:
        turn = turns[side] = body_turn(source, motion.qpos, f"{side}_heel")
        sole = 0.5 * (moving[f"{side}_heel"] + moving[f"{side}_foot_index"])
        own = 0.5 * (after[f"{side}_heel"] + after[f"{side}_foot_index"]) - after[f"{side}_ankle"]
        ankle = scale * sole - turn @ own
        part = contact_columns(character, f"{side}_foot")
        offsets = rest_contacts(character)[part] - after[f"{side}_ankle"]
        points = ankle[:, None] + np.einsum("tij,pj->tpi", turn, offsets)
        shifts.append(resting_shift(points, ground.contact[:, part]))
        ankles[side] = ankle + shifts[-1]
    shift = np.stack(shifts, axis=1)
    pelvis = scale * middle(moving, "hip") + shift.mean(axis=1)
    rows.append(("pelvis", hips, pelvis, grounded(spreads.pelvis, spreads.flight)))
    rows.append(("hips", pair("left_hip", "right_hip"), root @ (after["left_hip"] - after["right_hip"]), spreads.trunk))
    # -- the chest, as shoulders and spine tell
    spine = middle(moving, "shoulder") - middle(moving, "hip")
    chest = frames_of(moving["left_shoulder"] - moving["right_shoulder"], spine)
    upright = frames_of(
        before["left_shoulder"] - before["right_shoulder"], middle(before, "shoulder") - middle(before, "hip")
    )
    chest = chest @ upright.T
    width = after["left_shoulder"] - after["right_shoulder"]
    rows.append(("shoulders", pair("left_shoulder", "right_shoulder"), chest @ width, spreads.trunk))
    back = {**shoulders, **{name: -value for name, value in hips.items()}}
    rows.append(("spine", back, chest @ (middle(after, "shoulder") - middle(after, "hip")), spreads.trunk))
    # -- the head
    if "nose" in names:
        head = body_turn(source, motion.qpos, "nose")
        face = {"nose": 1.0, "left_ear": -0.5, "right_ear": -0.5}
        rows.append(("face", face, head @ (after["nose"] - middle(after, "ear")), spreads.trunk))
        rows.append(
            ("ears", pair("left_ear", "right_ear"), head @ (after["left_ear"] - after["right_ear"]), spreads.trunk)
        )
    for side in SIDES:
        # -- arms and legs: the direction of every bone, at the new body's length
        for limb, (top, mid, end) in {"arm": ("shoulder", "elbow", "wrist"), "leg": ("hip", "knee", "ankle")}.items():
            top, mid, end = (f"{side}_{joint}" for joint in (top, mid, end))
            upper, lower = (
                np.linalg.norm(after[b] - after[a]) * _unit(moving[b] - moving[a]) for a, b in ((top, mid), (mid, end))
            )
            rows.append((mid, pair(mid, top), upper, spreads.elbow))
            if limb == "arm":
                rows.append((end, pair(end, top), upper + lower, spreads.wrist))
            else:
                rows.append((f"{side}_leg", pair(end, top), upper + lower, grounded(spreads.elbow, spreads.ankle)))
        place = {f"{side}_ankle": 1.0}
        rows.append((f"{side}_ankle", place, ankles[side], grounded(spreads.ankle, spreads.flight)))
        for name in (f"{side}_heel", f"{side}_foot_index"):
            offset = turns[side] @ (after[name] - after[f"{side}_ankle"])
            rows.append((name, pair(name, f"{side}_ankle"), offset, spreads.foot))
    combine = np.zeros((len(rows), len(names)))
    for m, (_, weights, _, _) in enumerate(rows):
        for name, weight in weights.items():
            combine[m, index[name]] += weight
    return Targets(
        combine,
        np.stack([wanted for _, _, wanted, _ in rows], axis=1),
        np.stack([np.broadcast_to(spread, len(motion)) for _, _, _, spread in rows], axis=1),
        tuple(name for name, _, _, _ in rows),
        shift,
    )


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-9)


def contact_columns(character: Character, part: str) -> slice:
    """Where a part's points are among `contact_points`; empty if it has none."""
    counts = [len(sites) for sites in character.contacts.values()]
    if part not in character.contacts:
        return slice(0, 0)
    index = list(character.contacts).index(part)
    return slice(sum(counts[:index]), sum(counts[: index + 1]))


def rest_contacts(character: Character) -> np.ndarray:
    """Contact points of the body standing upright, (P, 3)."""
    return point_positions(character.model, np.array(character.model.qpos0)[None], contact_points(character))[0]


def resting_shift(points_w: np.ndarray, contact: np.ndarray) -> np.ndarray:
    """The least and smoothest shift of a foot after which what is in contact lies on the ground and does not slide.

    Args:
      points_w: the foot's points on the way that it would go, world frame [m], (T, P, 3).
      contact: which of them rest, bool (T, P).

    Returns:
      To be added to the foot's position [m], (T, 3).
    """
    frames = len(points_w)
    if not contact.any():
        return np.zeros((frames, 3))
    slide, free, bend = 1.0 / 0.001**2, 1.0 / 0.5**2, 1.0 / 0.02**2
    """Over the square of: a slide between two frames, a shift, a shift's second difference [m]."""
    both = contact[1:] & contact[:-1]
    held, count = both.sum(axis=1), contact.sum(axis=1)
    way = np.sum(np.diff(points_w, axis=0) * both[..., None], axis=1)
    height = np.sum(points_w[..., 2] * contact, axis=1)
    band = np.zeros((3, frames))
    diagonal, beside, apart = band[2], band[1, 1:], band[0, 2:]
    diagonal += free
    for offset, factor in ((0, 1.0), (1, 4.0), (2, 1.0)):  # of the second differences
        diagonal[offset : frames - 2 + offset] += factor * bend
    beside[:-1] -= 2.0 * bend
    beside[1:] -= 2.0 * bend
    apart += bend
    level = band.copy()
    diagonal[:-1] += slide * held
    diagonal[1:] += slide * held
    beside -= slide * held
    right = np.zeros((frames, 2))
    right[:-1] += slide * way[:, :2]
    right[1:] -= slide * way[:, :2]
    level[2] += slide * count
    along = solveh_banded(band, right)
    return np.concatenate([along, solveh_banded(level, -slide * height[:, None])], axis=1)


def floor_height(points_w: np.ndarray, fps: float) -> np.ndarray:
    """Where a motion seems to have its ground: the height of the lowest point while it rests, else between such times.

    Motion capture on a body of other feet stands some centimetres above the ground here and below it there.

    Args:
      points_w: points that may touch the ground, world frame [m], (T, P, 3).
      fps: frames a second.

    Returns:
      Height [m], (T,).
    """
    frames = np.arange(len(points_w))
    speed = np.linalg.norm(np.gradient(points_w, 1.0 / fps, axis=0), axis=-1)
    lowest = points_w[..., 2].argmin(axis=1)
    height = points_w[frames, lowest, 2]
    rests = (speed[frames, lowest] < RESTING[0]) & (np.abs(height) < RESTING[1])
    for start, end in runs(rests):
        rests[start:end] &= end - start >= RESTING[2] * fps
    return np.interp(frames, frames[rests], height[rests]) if rests.any() else np.zeros(len(frames))


RESTING = (0.3, 0.12, 0.1)
"""The lowest point rests when it is slower than this [m/s] and so near the ground [m] for so long [s]."""
NEAR_GROUND = 0.03
"""A body whose lowest contact point is below this does not fly, though it may slide or just touch down [m]."""


def carried_ground(motion: ReferenceMotion, source: Character, character: Character) -> Ground:
    """What of a motion will be on the ground when another body performs it.

    Parts go by name. Points of a part go one by one where both bodies have as many, else with their part. A cycle's
    first and last frame are the same.
    """
    points_w = point_positions(source.model, motion.qpos, contact_points(source))
    points_w[..., 2] -= floor_height(points_w, motion.fps)[:, None]
    found = find_contacts(points_w, motion.fps)
    columns: list[np.ndarray] = []
    for part, sites in character.contacts.items():
        if part not in motion.contact_names or part not in source.contacts:
            columns += [np.zeros(len(motion), dtype=bool)] * len(sites)
            continue
        told = motion.contacts[:, motion.contact_names.index(part)]
        own = found[:, contact_columns(source, part)]
        if own.shape[1] == len(sites):
            # The points tell which of them rests; where only the motion knows of a contact, all of the part do.
            columns += list((own | (told & ~own.any(axis=1))[:, None]).T)
        else:
            columns += [told | own.any(axis=1)] * len(sites)
    contact = np.stack(columns, axis=1)
    if motion.loop:
        contact[[0, -1]] = contact[0] | contact[-1]
    flight = np.logical_not(contact.any(axis=1)) & (points_w[..., 2].min(axis=1) > NEAR_GROUND)
    return Ground(contact, flight)
