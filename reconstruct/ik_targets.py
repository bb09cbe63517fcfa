"""What another body should do to perform a motion: where its landmarks go, and what of it rests on the ground."""

from dataclasses import dataclass, replace

import numpy as np

from pose.errors import InputError
from reconstruct.characters.character import Character
from reconstruct.grounding import GroundContacts, contact_columns, rest_contacts, solve_resting_shift
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
class TargetSigmas:
    """How tightly each aim holds; smaller is stronger."""

    ankle: float = 0.004
    """Position of the ankles: in the world on the ground, about the hips in flight [m]."""
    flight: float = 1.0
    """Position of pelvis and ankles in the world in flight, where gravity decides [m]."""
    foot: float = 0.02
    """Direction of the feet: position of heel and toe about the ankle [m]."""
    pelvis: float = 0.1
    """Position of the middle of the hips on the ground [m]: what takes off must give way to be pushed off."""
    trunk: float = 0.023
    """Direction of pelvis, chest and head: positions of points on them about their middle [m]."""
    elbow: float = 0.03
    """Position of elbow about shoulder, and of knee about hip [m]."""
    wrist: float = 0.01
    """Position of the wrist about the shoulder [m]."""


@dataclass(frozen=True)
class IKTargets:
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

    def at(self, frames: np.ndarray) -> "IKTargets":
        """Those of some frames."""
        return replace(self, wanted=self.wanted[frames], spread=self.spread[frames], shift=self.shift[frames])

    def loosened(self, factor: float) -> "IKTargets":
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


def build_frames(across: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Right-handed frames from a direction to the left and another across it, (..., 3) each -> (..., 3, 3)."""
    y = across / np.linalg.norm(across, axis=-1, keepdims=True)
    x = np.cross(y, other)
    x /= np.linalg.norm(x, axis=-1, keepdims=True)
    return np.stack([x, y, np.cross(x, y)], axis=-1)


def body_rotations(character: Character, qpos: np.ndarray, landmark: str) -> np.ndarray:
    """How the body that carries a landmark is turned from its rest pose, world axes, (T, 3, 3)."""
    model = character.model
    body = model.site_bodyid[model.site(character.landmarks[landmark]).id]
    corners = BodyPoints(np.full(4, body), np.concatenate([np.zeros((1, 3)), np.eye(3)]), np.zeros(4))
    both = point_positions(model, np.concatenate([np.array(model.qpos0)[None], qpos]), corners)
    axes = np.swapaxes(both[:, 1:] - both[:, :1], 1, 2)
    return axes[1:] @ axes[0].T


def compute_ik_targets(
    motion: ReferenceMotion,
    source: Character,
    character: Character,
    names: tuple[str, ...],
    scale: float,
    ground: GroundContacts,
    sigmas: TargetSigmas,
) -> IKTargets:
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
        turn = turns[side] = body_rotations(source, motion.qpos, f"{side}_heel")
        sole = 0.5 * (moving[f"{side}_heel"] + moving[f"{side}_foot_index"])
        own = 0.5 * (after[f"{side}_heel"] + after[f"{side}_foot_index"]) - after[f"{side}_ankle"]
        ankle = scale * sole - turn @ own
        part = contact_columns(character, f"{side}_foot")
        offsets = rest_contacts(character)[part] - after[f"{side}_ankle"]
        points = ankle[:, None] + np.einsum("tij,pj->tpi", turn, offsets)
        shifts.append(solve_resting_shift(points, ground.contact[:, part]))
        ankles[side] = ankle + shifts[-1]
    shift = np.stack(shifts, axis=1)
    pelvis = scale * middle(moving, "hip") + shift.mean(axis=1)
    rows.append(("pelvis", hips, pelvis, grounded(sigmas.pelvis, sigmas.flight)))
    rows.append(("hips", pair("left_hip", "right_hip"), root @ (after["left_hip"] - after["right_hip"]), sigmas.trunk))
    # -- the chest, as shoulders and spine tell
    spine = middle(moving, "shoulder") - middle(moving, "hip")
    chest = build_frames(moving["left_shoulder"] - moving["right_shoulder"], spine)
    upright = build_frames(
        before["left_shoulder"] - before["right_shoulder"], middle(before, "shoulder") - middle(before, "hip")
    )
    chest = chest @ upright.T
    width = after["left_shoulder"] - after["right_shoulder"]
    rows.append(("shoulders", pair("left_shoulder", "right_shoulder"), chest @ width, sigmas.trunk))
    back = {**shoulders, **{name: -value for name, value in hips.items()}}
    rows.append(("spine", back, chest @ (middle(after, "shoulder") - middle(after, "hip")), sigmas.trunk))
    # -- the head
    if "nose" in names:
        head = body_rotations(source, motion.qpos, "nose")
        face = {"nose": 1.0, "left_ear": -0.5, "right_ear": -0.5}
        rows.append(("face", face, head @ (after["nose"] - middle(after, "ear")), sigmas.trunk))
        rows.append(
            ("ears", pair("left_ear", "right_ear"), head @ (after["left_ear"] - after["right_ear"]), sigmas.trunk)
        )
    for side in SIDES:
        # -- arms and legs: the direction of every bone, at the new body's length
        for limb, (top, mid, end) in {"arm": ("shoulder", "elbow", "wrist"), "leg": ("hip", "knee", "ankle")}.items():
            top, mid, end = (f"{side}_{joint}" for joint in (top, mid, end))
            upper, lower = (
                np.linalg.norm(after[b] - after[a]) * _unit(moving[b] - moving[a]) for a, b in ((top, mid), (mid, end))
            )
            rows.append((mid, pair(mid, top), upper, sigmas.elbow))
            if limb == "arm":
                rows.append((end, pair(end, top), upper + lower, sigmas.wrist))
            else:
                rows.append((f"{side}_leg", pair(end, top), upper + lower, grounded(sigmas.elbow, sigmas.ankle)))
        place = {f"{side}_ankle": 1.0}
        rows.append((f"{side}_ankle", place, ankles[side], grounded(sigmas.ankle, sigmas.flight)))
        for name in (f"{side}_heel", f"{side}_foot_index"):
            offset = turns[side] @ (after[name] - after[f"{side}_ankle"])
            rows.append((name, pair(name, f"{side}_ankle"), offset, sigmas.foot))
    combine = np.zeros((len(rows), len(names)))
    for m, (_, weights, _, _) in enumerate(rows):
        for name, weight in weights.items():
            combine[m, index[name]] += weight
    return IKTargets(
        combine,
        np.stack([wanted for _, _, wanted, _ in rows], axis=1),
        np.stack([np.broadcast_to(spread, len(motion)) for _, _, _, spread in rows], axis=1),
        tuple(name for name, _, _, _ in rows),
        shift,
    )


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-9)
