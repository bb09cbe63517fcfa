"""A motion of one body carried over to another: one least-squares problem over the whole trajectory.

What is carried over: where pelvis and feet go, how pelvis, chest, head and feet are turned, and the direction of every
limb, each on the new body's own lengths; what rests on the ground, rests there again. Landmarks tell all of it, so
bodies need not share joints or axes, and rotations are compared with the upright rest pose of either.

Size: lengths scale by s, the ratio of leg lengths, and time by sqrt(s), so that gravity is the same (Froude): flight
stays a parabola of 9.81 m/s2, and a walk stays a walk. The frames stay; their rate changes.

Like Gleicher (1998), "Retargetting motion to new characters", constraints and smoothness are solved for together rather
than frame by frame; the terms and the banded solver are those of the reconstruction.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import mujoco
import numpy as np
from scipy.ndimage import maximum_filter1d, median_filter

from pose.errors import InputError
from reconstruct import dynamics, residuals
from reconstruct.character import Character
from reconstruct.contacts import contact_points, find_contacts, part_contacts
from reconstruct.kinematics import BodyPoints, Kinematics, kinematics, point_positions
from reconstruct.loop import close_loop
from reconstruct.motion import ReferenceMotion
from reconstruct.rotations import from_matrix, normalised, to_matrix
from reconstruct.solve import Block, minimise
from reconstruct.tangent import Layout, integrate, layout

SIDES = ("left", "right")
JOINTS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "heel", "foot_index")
NEEDED = tuple(f"{side}_{joint}" for joint in JOINTS for side in SIDES)
"""Landmarks that both bodies must have."""
HEAD = ("nose", "left_ear", "right_ear")
"""Landmarks that tell where the head looks, if both bodies have them."""


@dataclass(frozen=True)
class RetargetConfig:
    """How tightly each term holds; smaller is stronger."""

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
    posture: float = 1.0
    """Joints away from rest, or for a body of the same joints from the original's angles [rad]."""
    limits: float = 0.01
    """Joints beyond their range [rad]."""
    ground: float = 0.002
    """Points in contact about their place on the ground [m]."""
    penetration: float = 0.002
    """Depth of any part below the ground [m]."""
    acceleration: float = 60.0
    """Of the joints [rad/s2]."""
    root_acceleration: float = 30.0
    """Of the root [m/s2]."""
    speed: float = 8.0
    """Joints turn no faster than this, as far as that can be [rad/s]; Atlas's published limits are 9 to 12."""
    gravity: float = 1.0
    """Acceleration of the centre of mass in flight beside gravity [m/s2]."""
    pose_iterations: int = 10
    """Steps of the first, frame-by-frame solution at most."""
    iterations: int = 16
    """Steps of the solution over the whole trajectory at most."""
    tolerance: float = 1e-2
    """It ends when a step lowers the cost by less than this share."""


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

    def of(self, points_w: np.ndarray) -> np.ndarray:
        """The vectors of given points, (T, P, 3) -> (T, M, 3)."""
        return np.einsum("mp,tpi->tmi", self.combine, points_w)

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


@dataclass(frozen=True)
class Retargeted:
    """A motion on its new body."""

    motion: ReferenceMotion
    points: BodyPoints
    """The body's landmarks that were aimed at."""
    targets: Targets
    point_contacts: np.ndarray
    """Contact points on the ground, bool (T, P)."""


def retarget(
    motion: ReferenceMotion, source: Character, character: Character, config: RetargetConfig | None = None
) -> Retargeted:
    """Carries a motion over to another body.

    Args:
      motion: of `source`.
      source: the body that has it.
      character: the body that is to have it.
      config: how tightly each term holds.

    Raises:
      InputError: one of the bodies lacks a landmark that is needed.
    """
    config = config or RetargetConfig()
    names = landmark_names(source, character)
    scale = leg_length(character) / leg_length(source)
    fps = motion.fps / np.sqrt(scale)
    model, lay = character.model, layout(character.model)
    points = BodyPoints.of_sites(model, tuple(character.landmarks[name] for name in names))
    contact = carried_contacts(motion, source, character)
    flight = np.logical_not(contact.any(axis=1))
    targets = aims(motion, source, character, names, scale, flight, config)

    soles, touching = contact_points(character), slice(len(points), len(points) + len(contact.T))
    start = first_guess(motion, source, character, targets)
    posture = np.full(model.nv, config.posture)
    posture[:6] = 1e3  # where the root is, the targets tell
    steady = np.full(model.nv, config.acceleration)
    steady[:3] = config.root_acceleration

    def pose_terms(qpos: np.ndarray) -> list[Block]:
        """What is asked of the joints of single frames."""
        return [
            residuals.tracking(lay, qpos, start, posture),
            residuals.hinge_limits(model, qpos, config.limits),
            residuals.ball_limits(model, lay, qpos, 0.05),
        ]

    def first_terms(qpos: np.ndarray, looseness: float) -> Block:
        """Those, and feet on the ground."""
        kin = kinematics(model, qpos, points.joined(soles))
        ground = residuals.ground_height(kin, touching, contact * 1.0, 0.003 * looseness)
        return joined([targets.loosened(looseness).residual(kin), *pose_terms(qpos), ground])

    qpos = start
    for looseness in (1.0,) if same_joints(source, character) else (12.0, 1.0):
        qpos = posed(partial(first_terms, looseness=looseness), lay, qpos, config.pose_iterations)
        qpos = without_outliers(model, qpos)
    places = resting_places(point_positions(model, qpos, soles), contact)
    shapes = near_ground(character, qpos)
    solid = slice(touching.stop, touching.stop + len(shapes))
    every = points.joined(soles).joined(shapes)

    def terms(qpos: np.ndarray, _: np.ndarray) -> list[Block]:
        """All terms."""
        kin = kinematics(model, qpos, every)
        return [
            joined(
                [
                    targets.residual(kin),
                    *pose_terms(qpos),
                    pinned(kin, touching, contact, places, config.ground),
                    residuals.no_penetration(kin, solid, shapes.radius, config.penetration),
                ]
            ),
            residuals.acceleration(lay, qpos, fps, steady),
            too_fast(lay, qpos, fps, config.speed),
            dynamics.flight_parabola(kin, flight, fps, config.gravity),
        ]

    qpos = minimise(terms, lay, qpos, np.zeros(0), np.zeros(0, dtype=bool), config.iterations, config.tolerance).qpos
    if motion.loop:
        qpos = close_loop(model, qpos, blend=max(2, len(qpos) // 6))
    qpos = within_limits(character, qpos)
    found = ReferenceMotion(
        qpos=qpos,
        fps=float(fps),
        character=character.name,
        height=character.height,
        joint_names=character.joint_names,
        contacts=part_contacts(contact, character.contacts),
        contact_names=tuple(character.contacts),
        loop=motion.loop,
    )
    return Retargeted(found, points, targets, contact)


def landmark_names(source: Character, character: Character) -> tuple[str, ...]:
    """Landmarks that are compared: those that must be, and those of the head if both bodies have them."""
    for body in (source, character):
        missing = [name for name in NEEDED if name not in body.landmarks]
        if missing:
            raise InputError(
                f"character '{body.name}': no landmark {', '.join(missing)}; give its site in [landmarks] of "
                f"character.toml"
            )
    both = all(name in body.landmarks for body in (source, character) for name in HEAD)
    return NEEDED + (HEAD if both else ())


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
    flight: np.ndarray,
    config: RetargetConfig,
) -> Targets:
    """What the new body's landmarks should do, from what the old one's do; `flight` is bool (T,)."""
    index = {name: i for i, name in enumerate(names)}
    sites = BodyPoints.of_sites(source.model, tuple(source.landmarks[name] for name in names))
    moving = dict(zip(names, np.moveaxis(point_positions(source.model, motion.qpos, sites), 1, 0), strict=True))
    before, after = rest_points(source, names), rest_points(character, names)
    rows: list[tuple[str, dict[str, float], np.ndarray, float | np.ndarray]] = []

    def grounded(spread: float, in_flight: float) -> np.ndarray:
        return np.where(flight, in_flight, spread)

    def pair(a: str, b: str) -> dict[str, float]:
        return {a: 1.0, b: -1.0}

    def middle(points: dict[str, np.ndarray], joint: str) -> np.ndarray:
        return 0.5 * (points[f"left_{joint}"] + points[f"right_{joint}"])

    half = {f"{side}_{{}}": 0.5 for side in SIDES}
    # -- the pelvis: where it is and how it is turned; the root body carries it in every character
    root = to_matrix(motion.qpos[:, 3:7]) @ to_matrix(np.array(source.model.qpos0[3:7])).T
    hips = {key.format("hip"): value for key, value in half.items()}
    shoulders = {key.format("shoulder"): value for key, value in half.items()}
    rows.append(("pelvis", hips, scale * middle(moving, "hip"), grounded(config.pelvis, config.flight)))
    rows.append(("hips", pair("left_hip", "right_hip"), root @ (after["left_hip"] - after["right_hip"]), config.trunk))
    # -- the chest, as shoulders and spine tell
    spine = middle(moving, "shoulder") - middle(moving, "hip")
    chest = frames_of(moving["left_shoulder"] - moving["right_shoulder"], spine)
    upright = frames_of(
        before["left_shoulder"] - before["right_shoulder"], middle(before, "shoulder") - middle(before, "hip")
    )
    chest = chest @ upright.T
    width = after["left_shoulder"] - after["right_shoulder"]
    rows.append(("shoulders", pair("left_shoulder", "right_shoulder"), chest @ width, config.trunk))
    back = {**shoulders, **{name: -value for name, value in hips.items()}}
    rows.append(("spine", back, chest @ (middle(after, "shoulder") - middle(after, "hip")), config.trunk))
    # -- the head
    if "nose" in names:
        head = body_turn(source, motion.qpos, "nose")
        face = {"nose": 1.0, "left_ear": -0.5, "right_ear": -0.5}
        rows.append(("face", face, head @ (after["nose"] - middle(after, "ear")), config.trunk))
        rows.append(
            ("ears", pair("left_ear", "right_ear"), head @ (after["left_ear"] - after["right_ear"]), config.trunk)
        )
    for side in SIDES:
        # -- arms and legs: the direction of every bone, at the new body's length
        for limb, (top, mid, end) in {"arm": ("shoulder", "elbow", "wrist"), "leg": ("hip", "knee", "ankle")}.items():
            top, mid, end = (f"{side}_{joint}" for joint in (top, mid, end))
            upper, lower = (
                np.linalg.norm(after[b] - after[a]) * _unit(moving[b] - moving[a]) for a, b in ((top, mid), (mid, end))
            )
            rows.append((mid, pair(mid, top), upper, config.elbow))
            if limb == "arm":
                rows.append((end, pair(end, top), upper + lower, config.wrist))
            else:
                rows.append((f"{side}_leg", pair(end, top), upper + lower, grounded(config.elbow, config.ankle)))
        # -- feet: the middle of the sole goes where the old one's went, so what stood on the ground stands there
        foot = body_turn(source, motion.qpos, f"{side}_heel")
        sole = 0.5 * (moving[f"{side}_heel"] + moving[f"{side}_foot_index"])
        own = {name: after[f"{side}_{name}"] - after[f"{side}_ankle"] for name in ("heel", "foot_index")}
        ankle = scale * sole - foot @ (0.5 * (own["heel"] + own["foot_index"]))
        rows.append((f"{side}_ankle", {f"{side}_ankle": 1.0}, ankle, grounded(config.ankle, config.flight)))
        for name, offset in own.items():
            rows.append((f"{side}_{name}", pair(f"{side}_{name}", f"{side}_ankle"), foot @ offset, config.foot))
    combine = np.zeros((len(rows), len(names)))
    for m, (_, weights, _, _) in enumerate(rows):
        for name, weight in weights.items():
            combine[m, index[name]] += weight
    return Targets(
        combine,
        np.stack([wanted for _, _, wanted, _ in rows], axis=1),
        np.stack([np.broadcast_to(spread, len(motion)) for _, _, _, spread in rows], axis=1),
        tuple(name for name, _, _, _ in rows),
    )


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-9)


def carried_contacts(motion: ReferenceMotion, source: Character, character: Character) -> np.ndarray:
    """Which of the new body's contact points rest on the ground, bool (T, P).

    Parts go by name. Points of a part go one by one where both bodies have as many, else with their part.
    """
    found = find_contacts(point_positions(source.model, motion.qpos, contact_points(source)), motion.fps)
    columns: list[np.ndarray] = []
    starts = dict(
        zip(source.contacts, np.cumsum([0, *(len(sites) for sites in source.contacts.values())]), strict=False)
    )
    for part, sites in character.contacts.items():
        if part not in motion.contact_names or part not in source.contacts:
            columns += [np.zeros(len(motion), dtype=bool)] * len(sites)
            continue
        told = motion.contacts[:, motion.contact_names.index(part)]
        count = len(source.contacts[part])
        own = found[:, starts[part] : starts[part] + count]
        if count == len(sites):
            # What the motion says of the part holds; the points tell which of them it was, or all where none is low.
            own = np.where(own.any(axis=1, keepdims=True), own, True) & told[:, None]
            columns += list(own.T)
        else:
            columns += [told] * len(sites)
    return np.stack(columns, axis=1)


def first_guess(motion: ReferenceMotion, source: Character, character: Character, targets: Targets) -> np.ndarray:
    """The old body's angles where the joints are the same; else the rest pose, turned and placed as the pelvis is."""
    model = character.model
    qpos = np.tile(np.array(model.qpos0), (len(motion), 1))
    if same_joints(source, character):
        qpos = motion.qpos.copy()
    else:
        turn = to_matrix(motion.qpos[:, 3:7]) @ to_matrix(np.array(source.model.qpos0[3:7])).T
        qpos[:, 3:7] = normalised(from_matrix(turn @ to_matrix(np.array(model.qpos0[3:7]))))
    hips = BodyPoints.of_sites(model, tuple(character.landmarks[f"{side}_hip"] for side in SIDES))
    place = point_positions(model, qpos, hips).mean(axis=1)
    qpos[:, :3] += targets.wanted[:, targets.names.index("pelvis")] - place
    return qpos


def same_joints(one: Character, other: Character) -> bool:
    """Whether two bodies differ in size alone."""
    return one.joint_names == other.joint_names and one.model.nq == other.model.nq


def resting_places(points_w: np.ndarray, contact: np.ndarray) -> np.ndarray:
    """Where each point rests during each of its contacts: the middle of where it is, at z = 0, (T, P, 3)."""
    places = points_w * np.array([1.0, 1.0, 0.0])
    for p in range(contact.shape[1]):
        edges = np.flatnonzero(np.diff(np.concatenate([[False], contact[:, p], [False]]).astype(np.int8)))
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            places[start:end, p] = np.median(places[start:end, p], axis=0)
    return places


def pinned(kin: Kinematics, points: slice, contact: np.ndarray, places: np.ndarray, spread: float) -> Block:
    """Points in contact stay at their places, (T, 3 P)."""
    scale = contact[..., None] / spread
    residual = scale * (kin.points_w[:, points] - places)
    jacobian = scale[..., None] * kin.points_jac[:, points]
    return Block(
        "contact", residual.reshape(len(residual), -1), jacobian.reshape(len(residual), 1, -1, jacobian.shape[-1])
    )


def too_fast(lay: Layout, qpos: np.ndarray, fps: float, limit: float) -> Block:
    """How much faster than `limit` joints turn, over 0.01 rad a frame, (T - 1, nv); the root may."""
    block = residuals.velocity(lay, qpos, fps, np.ones(lay.nv))
    excess = block.residual - np.clip(block.residual, -limit, limit)
    excess[:, :6] = 0.0
    weight = 1.0 / (0.01 * fps)
    return Block("speed", excess * weight, block.jacobian * ((excess != 0) * weight)[:, None, :, None])


def joined(blocks: list[Block]) -> Block:
    """Blocks of single frames as one: a long matrix product costs less than many short ones."""
    residual = np.concatenate([block.residual for block in blocks], axis=1)
    return Block("pose", residual, np.concatenate([block.jacobian for block in blocks], axis=2))


def posed(terms: Callable[[np.ndarray], Block], lay: Layout, qpos: np.ndarray, iterations: int) -> np.ndarray:
    """Levenberg-Marquardt in all frames at once, each for itself and with its own damping, (T, nq).

    Args:
      terms: qpos (T, nq) -> residuals that touch one frame each.
      lay: layout of qpos.
      qpos: start, (T, nq).
      iterations: steps at most.
    """

    def system(qpos: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        block = terms(qpos)
        transposed = np.swapaxes(block.jacobian[:, 0], 1, 2)
        gradient = (transposed @ block.residual[..., None])[..., 0]
        return 0.5 * np.sum(block.residual**2, axis=1), transposed @ block.jacobian[:, 0], gradient

    cost, normal, gradient = system(qpos)
    damping, diagonal = np.full(len(qpos), 1e-2), np.arange(lay.nv)
    for _ in range(iterations):
        damped = normal.copy()
        damped[:, diagonal, diagonal] *= 1.0 + damping[:, None]
        damped[:, diagonal, diagonal] += 1e-6
        moved = integrate(lay, qpos, -np.linalg.solve(damped, gradient[..., None])[..., 0])
        moved_cost, moved_normal, moved_gradient = system(moved)
        better = moved_cost < cost
        gain = np.sum(np.where(better, cost - moved_cost, 0.0)) / cost.sum()
        qpos = np.where(better[:, None], moved, qpos)
        cost = np.where(better, moved_cost, cost)
        normal[better], gradient[better] = moved_normal[better], moved_gradient[better]
        damping = np.clip(np.where(better, damping / 5.0, damping * 8.0), 1e-7, 1e4)
        if gain < 3e-3:
            break
    return qpos


def without_outliers(model: mujoco.MjModel, qpos: np.ndarray, jump: float = 0.7, window: int = 9) -> np.ndarray:
    """Hinges that leap by more than `jump` [rad] between frames, as where an arm has two ways to reach, are given their
    median over `window` frames around the leap, (T, nq)."""
    columns = model.jnt_qposadr[model.jnt_type == mujoco.mjtJoint.mjJNT_HINGE]
    angle = qpos[:, columns]
    leaps = np.zeros(angle.shape, dtype=bool)
    leaps[1:] = np.abs(np.diff(angle, axis=0)) > jump
    near = maximum_filter1d(leaps, window, axis=0, mode="constant")
    moved = qpos.copy()
    moved[:, columns] = np.where(near, median_filter(angle, size=(window, 1), mode="nearest"), angle)
    return moved


def near_ground(character: Character, qpos: np.ndarray, margin: float = 0.15) -> BodyPoints:
    """The points of `BodyPoints.of_geoms` that come within `margin` [m] of the ground at some time."""
    shapes = BodyPoints.of_geoms(character.model)
    lowest = (point_positions(character.model, qpos, shapes)[..., 2] - shapes.radius).min(axis=0)
    near = lowest < margin
    return BodyPoints(shapes.bodies[near], shapes.local[near], shapes.radius[near])


def within_limits(character: Character, qpos: np.ndarray) -> np.ndarray:
    """Hinges cut to their range: what the solution leaves beyond is a fraction of a degree."""
    model = character.model
    moved = qpos.copy()
    for joint in range(model.njnt):
        if model.jnt_limited[joint] and model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_HINGE:
            column = model.jnt_qposadr[joint]
            moved[:, column] = np.clip(moved[:, column], *model.jnt_range[joint])
    return moved
