"""Targets of inverse kinematics: where the landmarks of another body should go for it to perform a motion."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from pose.errors import InputError
from reconstruct.characters.character import Character
from reconstruct.kinematics import BodyPoints, PointPaths, point_positions
from reconstruct.motion import ReferenceMotion
from reconstruct.retargeting.grounding import GroundContacts, contact_columns, rest_contacts, solve_resting_shift
from reconstruct.rotations import to_matrix
from reconstruct.solver.blocks import Block

SIDES = ("left", "right")
JOINTS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "heel", "foot_index")
NEEDED = tuple(f"{side}_{joint}" for joint in JOINTS for side in SIDES)
"""Landmarks that both bodies must have."""
HEAD = ("nose", "left_ear", "right_ear")
"""Landmarks that show where the head looks, if both bodies have them."""


@dataclass(frozen=True)
class TargetSigmas:
    """Standard deviation of each target: how tightly it holds; smaller is stronger."""

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
    """What M vectors of a body should be: each a weighted sum of P landmarks, a position or a direction."""

    weights: np.ndarray
    """Of the P landmarks in each vector: those of a position add up to 1, of a direction to 0, (M, P)."""
    vectors_w: np.ndarray
    """What the vectors should be, world frame [m], (T, M, 3)."""
    sigma: np.ndarray
    """Standard deviation of each [m], (T, M)."""
    names: tuple[str, ...]
    """What each vector is."""
    shift: np.ndarray
    """How far the left and the right foot's place was moved for the foot to rest on the ground [m], (T, 2, 3)."""

    def error(self, points_w: np.ndarray) -> np.ndarray:
        """How far the vectors of given landmarks are from what they should be [m], (T, P, 3) -> (T, M, 3)."""
        return np.einsum("mp,tpi->tmi", self.weights, points_w) - self.vectors_w

    def select(self, frames: np.ndarray | slice) -> "IKTargets":
        """The targets of some frames."""
        return replace(self, vectors_w=self.vectors_w[frames], sigma=self.sigma[frames], shift=self.shift[frames])

    def loosen(self, factor: float) -> "IKTargets":
        """The same with every sigma `factor` times as wide, but none wider than a limb."""
        return replace(self, sigma=np.minimum(self.sigma * factor, np.maximum(self.sigma, 0.1)))

    def residual(self, landmarks: PointPaths) -> Block:
        """The error of the landmarks, (T, 3 M)."""
        frames, count, _, nv = landmarks.jac.shape
        weight = self.weights / self.sigma[..., None]
        error = self.error(landmarks.pos_w) / self.sigma[..., None]
        jacobian = np.matmul(weight, landmarks.jac.reshape(frames, count, 3 * nv))
        moved = (self.weights != 0).astype(np.intp) @ landmarks.moved > 0
        return Block(
            "targets",
            error.reshape(frames, -1),
            jacobian.reshape(frames, 1, -1, nv),
            moved=np.repeat(moved, 3, axis=0),
        )


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
    """Whether the head turns on its own: a trunk that follows the head's direction would rotate the whole body."""
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
    """Rotation from its rest pose of the body that a landmark belongs to, world axes, (T, 3, 3)."""
    model = character.model
    body = model.site_bodyid[model.site(character.landmarks[landmark]).id]
    corners = BodyPoints(np.full(4, body), np.concatenate([np.zeros((1, 3)), np.eye(3)]), np.zeros(4))
    both = point_positions(model, np.concatenate([np.array(model.qpos0)[None], qpos]), corners)
    axes = np.swapaxes(both[:, 1:] - both[:, :1], 1, 2)
    return axes[1:] @ axes[0].T


class Target(NamedTuple):
    """What one vector of the body should be."""

    name: str
    weights: dict[str, float]
    """Of each landmark in it."""
    vector_w: np.ndarray
    """World frame [m], (T, 3)."""
    sigma: float | np.ndarray
    """Standard deviation [m], of all frames or of each (T,)."""


@dataclass(frozen=True)
class LandmarkMotion:
    """What the landmarks of the source body do, and where both bodies have them at rest."""

    moving: dict[str, np.ndarray]
    """The source's, world frame [m], (T, 3) each."""
    source_rest: dict[str, np.ndarray]
    """The source's in its upright rest pose [m], (3,) each."""
    rest: dict[str, np.ndarray]
    """The new body's in its upright rest pose [m], (3,) each."""
    flight: np.ndarray
    """Frames in which the body flies, bool (T,)."""
    sigmas: TargetSigmas

    def sigma(self, on_ground: float, in_flight: float) -> np.ndarray:
        """A standard deviation that differs in flight, (T,)."""
        return np.where(self.flight, in_flight, on_ground)


def compute_ik_targets(
    motion: ReferenceMotion,
    source: Character,
    character: Character,
    names: tuple[str, ...],
    scale: float,
    ground: GroundContacts,
    sigmas: TargetSigmas,
) -> IKTargets:
    """What the new body's landmarks should do, from what the source's do.

    Args:
      motion: of `source`.
      source: the body that has the motion.
      character: the new body.
      names: landmarks that are compared (`landmark_names`).
      scale: of lengths, from the source to the new body.
      ground: which contact points of the new body rest, and when it flies.
      sigmas: how tightly each target holds.
    """
    sites = BodyPoints.of_sites(source.model, tuple(source.landmarks[name] for name in names))
    moving = dict(zip(names, np.moveaxis(point_positions(source.model, motion.qpos, sites), 1, 0), strict=True))
    marks = LandmarkMotion(moving, rest_points(source, names), rest_points(character, names), ground.flight, sigmas)
    turned = {side: body_rotations(source, motion.qpos, f"{side}_heel") for side in SIDES}
    placed = [place_ankle(side, marks, turned[side], character, scale, ground.contact) for side in SIDES]
    shift = np.stack([moved for _, moved in placed], axis=1)
    targets = pelvis_targets(marks, motion, source, scale, shift) + chest_targets(marks)
    if "nose" in names:
        targets += head_targets(marks, body_rotations(source, motion.qpos, "nose"))
    for side, (ankle, _) in zip(SIDES, placed, strict=True):
        targets += limb_targets(side, marks) + foot_targets(side, marks, ankle, turned[side])
    weights = np.zeros((len(targets), len(names)))
    for row, target in enumerate(targets):
        for name, weight in target.weights.items():
            weights[row, names.index(name)] += weight
    return IKTargets(
        weights,
        np.stack([target.vector_w for target in targets], axis=1),
        np.stack([np.broadcast_to(target.sigma, len(motion)) for target in targets], axis=1),
        tuple(target.name for target in targets),
        shift,
    )


def place_ankle(
    side: str, marks: LandmarkMotion, rotation: np.ndarray, character: Character, scale: float, contact: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where an ankle goes: the middle of the sole follows the source's, but what rests on the ground stays in place.

    Args:
      side: "left" or "right".
      marks: landmarks of both bodies.
      rotation: of the foot from its rest pose, (T, 3, 3).
      character: the new body.
      scale: of lengths.
      contact: contact points of the new body that rest, bool (T, P).

    Returns:
      Position of the ankle, and how far it was shifted for the foot to rest, world frame [m], (T, 3) each.
    """
    moving, rest = marks.moving, marks.rest
    sole = 0.5 * (moving[f"{side}_heel"] + moving[f"{side}_foot_index"])
    own = 0.5 * (rest[f"{side}_heel"] + rest[f"{side}_foot_index"]) - rest[f"{side}_ankle"]
    ankle = scale * sole - rotation @ own
    part = contact_columns(character, f"{side}_foot")
    offsets = rest_contacts(character)[part] - rest[f"{side}_ankle"]
    points = ankle[:, None] + np.einsum("tij,pj->tpi", rotation, offsets)
    shift = solve_resting_shift(points, contact[:, part])
    return ankle + shift, shift


def pelvis_targets(
    marks: LandmarkMotion, motion: ReferenceMotion, source: Character, scale: float, shift: np.ndarray
) -> list[Target]:
    """Where the pelvis is and how it is rotated; it is the root body of every character."""
    rest, sigmas = marks.rest, marks.sigmas
    rotation = to_matrix(motion.qpos[:, 3:7]) @ to_matrix(np.array(source.model.qpos0[3:7])).T
    position = scale * middle(marks.moving, "hip") + shift.mean(axis=1)
    across = rotation @ (rest["left_hip"] - rest["right_hip"])
    return [
        Target("pelvis", middle_weights("hip"), position, marks.sigma(sigmas.pelvis, sigmas.flight)),
        Target("hips", direction("left_hip", "right_hip"), across, sigmas.trunk),
    ]


def chest_targets(marks: LandmarkMotion) -> list[Target]:
    """How the chest is rotated, from shoulders and spine."""
    moving, before, after, sigma = marks.moving, marks.source_rest, marks.rest, marks.sigmas.trunk
    spine = middle(moving, "shoulder") - middle(moving, "hip")
    chest = build_frames(moving["left_shoulder"] - moving["right_shoulder"], spine)
    upright = build_frames(
        before["left_shoulder"] - before["right_shoulder"], middle(before, "shoulder") - middle(before, "hip")
    )
    chest = chest @ upright.T
    width = after["left_shoulder"] - after["right_shoulder"]
    back = middle_weights("shoulder") | {name: -weight for name, weight in middle_weights("hip").items()}
    return [
        Target("shoulders", direction("left_shoulder", "right_shoulder"), chest @ width, sigma),
        Target("spine", back, chest @ (middle(after, "shoulder") - middle(after, "hip")), sigma),
    ]


def head_targets(marks: LandmarkMotion, rotation: np.ndarray) -> list[Target]:
    """How the head is rotated from its rest pose, (T, 3, 3)."""
    rest, sigma = marks.rest, marks.sigmas.trunk
    face = {"nose": 1.0, "left_ear": -0.5, "right_ear": -0.5}
    ears = rotation @ (rest["left_ear"] - rest["right_ear"])
    return [
        Target("face", face, rotation @ (rest["nose"] - middle(rest, "ear")), sigma),
        Target("ears", direction("left_ear", "right_ear"), ears, sigma),
    ]


def limb_targets(side: str, marks: LandmarkMotion) -> list[Target]:
    """Arm and leg of a side: the direction of every bone, at the new body's length."""
    moving, rest, sigmas, targets = marks.moving, marks.rest, marks.sigmas, list[Target]()
    for joints in (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")):
        top, mid, end = (f"{side}_{joint}" for joint in joints)
        upper, lower = (
            np.linalg.norm(rest[b] - rest[a]) * _unit(moving[b] - moving[a]) for a, b in ((top, mid), (mid, end))
        )
        targets.append(Target(mid, direction(mid, top), upper, sigmas.elbow))
        if joints[-1] == "wrist":
            targets.append(Target(end, direction(end, top), upper + lower, sigmas.wrist))
        else:
            sigma = marks.sigma(sigmas.elbow, sigmas.ankle)
            targets.append(Target(f"{side}_leg", direction(end, top), upper + lower, sigma))
    return targets


def foot_targets(side: str, marks: LandmarkMotion, ankle: np.ndarray, rotation: np.ndarray) -> list[Target]:
    """A foot: its ankle's position (T, 3), and its rotation from the rest pose (T, 3, 3)."""
    rest, sigmas, joint = marks.rest, marks.sigmas, f"{side}_ankle"
    targets = [Target(joint, {joint: 1.0}, ankle, marks.sigma(sigmas.ankle, sigmas.flight))]
    for name in (f"{side}_heel", f"{side}_foot_index"):
        targets.append(Target(name, direction(name, joint), rotation @ (rest[name] - rest[joint]), sigmas.foot))
    return targets


def middle(points: dict[str, np.ndarray], joint: str) -> np.ndarray:
    """Middle between the left and the right landmark of a joint, (..., 3)."""
    return 0.5 * (points[f"left_{joint}"] + points[f"right_{joint}"])


def middle_weights(joint: str) -> dict[str, float]:
    """Weights of the landmarks in `middle`."""
    return {f"{side}_{joint}": 0.5 for side in SIDES}


def direction(end: str, start: str) -> dict[str, float]:
    """Weights of the landmarks in the vector from one to another."""
    return {end: 1.0, start: -1.0}


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-9)
