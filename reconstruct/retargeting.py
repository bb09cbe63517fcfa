"""A motion of one body carried over to another: one least-squares problem over the whole trajectory.

What is carried over: where pelvis and feet go, how pelvis, chest, head and feet are turned, and the direction of every
limb, each on the new body's own lengths; what rests on the ground, rests there again, and the centre of mass is over
the same part of it, though the new body carries its weight elsewhere. Landmarks tell all of it, so bodies need not
share joints or axes, and rotations are compared with the upright rest pose of either.

Size: lengths scale by s, the ratio of leg lengths, and time by sqrt(s), so that gravity is the same (Froude): flight
stays a parabola of 9.81 m/s2, and a walk stays a walk. The frames stay; their rate changes.

Like Gleicher (1998), "Retargetting motion to new characters", constraints and smoothness are solved for together rather
than frame by frame; the terms and the banded solver are those of the reconstruction.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import mujoco
import numpy as np
from scipy.ndimage import maximum_filter1d, median_filter

from reconstruct import dynamics, residuals
from reconstruct.characters.character import Character
from reconstruct.contacts import contact_points, find_runs, part_contacts
from reconstruct.cycle import close_loop
from reconstruct.grounding import GroundContacts, find_ground_contacts
from reconstruct.ik_targets import SIDES, IKTargets, TargetSigmas, compute_ik_targets, landmark_names, leg_length
from reconstruct.kinematics import GRAVITY, BodyPoints, Kinematics, com_positions, compute_kinematics, point_positions
from reconstruct.motion import ReferenceMotion
from reconstruct.rotations import from_matrix, normalise, to_matrix
from reconstruct.solve import Block, minimise
from reconstruct.tangent import Layout, difference, difference_jacobians, integrate, layout

LASTING = 0.2
"""Flights shorter than this [s] do not turn the body by much."""


@dataclass(frozen=True)
class RetargetConfig:
    """How tightly each term holds; smaller is stronger."""

    targets: TargetSigmas = field(default_factory=TargetSigmas)
    """Of where the landmarks should be."""
    seam: float = 0.01
    """Where a cycle ends, about where it begins: height and turn of the root, joints [m or rad]."""
    posture: float = 1.0
    """Joints away from rest, or for a body of the same joints from the original's angles [rad]."""
    limits: float = 0.01
    """Joints beyond their range [rad]."""
    ground: float = 0.002
    """Points in contact about their place on the ground [m]."""
    penetration: float = 0.002
    """Depth of any part below the ground [m]."""
    balance: float = 0.01
    """Centre of mass beside where the original's is, over the feet, seen from above; not in flight [m]."""
    acceleration: float = 60.0
    """Of the joints [rad/s2]."""
    root_acceleration: float = 30.0
    """Of the root [m/s2]."""
    speed: float = 7.5
    """Joints turn no faster than this, as far as that can be [rad/s]; Atlas's published limits are 9 to 12."""
    gravity: float = 1.0
    """Acceleration of the centre of mass in flight beside gravity [m/s2]."""
    push: float = 1.5
    """And on the ground beside the original's: what takes off must have been pushed off [m/s2]."""
    spin: float = 0.05
    """Moment about it in flight, by mass and squared height [rad/s2]."""
    pose_iterations: int = 20
    """Steps of the first, frame-by-frame solution at most."""
    iterations: int = 14
    """Steps of the solution over the whole trajectory at most, in each of its two passes."""
    tolerance: float = 1e-2
    """It ends when a step lowers the cost by less than this share."""


@dataclass(frozen=True)
class Retargeted:
    """A motion on its new body."""

    motion: ReferenceMotion
    points: BodyPoints
    """The body's landmarks that were aimed at."""
    targets: IKTargets
    ground: GroundContacts


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
    ground = find_ground_contacts(motion, source, character)
    targets = compute_ik_targets(motion, source, character, names, scale, ground, config.targets)
    contact = ground.contact

    soles, touching = contact_points(character), slice(len(points), len(points) + len(contact.T))
    start = guess_poses(motion, source, character, targets)
    posture = np.full(model.nv, config.posture)
    posture[:6] = 1e3  # where the root is, the targets tell
    steady = np.full(model.nv, config.acceleration)
    steady[:3] = config.root_acceleration

    def pose_terms(qpos: np.ndarray, near: np.ndarray, spread: np.ndarray) -> list[Block]:
        """What is asked of the joints of single frames: near a posture, and in their range."""
        return [
            near_poses(lay, qpos, near, spread),
            residuals.hinge_limits(model, qpos, config.limits),
            residuals.ball_limits(model, lay, qpos, 0.05),
        ]

    def first_terms(qpos: np.ndarray, frames: np.ndarray, looseness: float) -> Block:
        """Those, and feet on the ground."""
        kin = compute_kinematics(model, qpos, points.joined(soles))
        level = residuals.ground_height(kin, touching, contact[frames] * 1.0, 0.003 * looseness)
        aimed = targets.at(frames).loosened(looseness).residual(kin)
        return join_blocks([aimed, *pose_terms(qpos, start[frames], posture[None]), level])

    qpos = start
    for looseness in (1.0,) if same_joints(source, character) else (12.0, 1.0):
        qpos = solve_poses(partial(first_terms, looseness=looseness), lay, qpos, config.pose_iterations)
        qpos = remove_outliers(model, qpos)
    near, near_spread = start, np.tile(posture, (len(qpos), 1))
    if motion.loop:  # both ends are held at one pose from here on, wherever on the ground they are
        closed = close_loop(model, qpos, blend=max(2, len(qpos) // 6))
        near = start.copy()
        near[[0, -1]] = closed[[0, -1]]
        near_spread[[0, -1]] = config.seam
        near_spread[[0, -1], :2] = 1e3
    places = find_resting_places(point_positions(model, qpos, soles), contact)
    com_before = com_positions(source.model, motion.qpos)
    com = scale * com_before + targets.shift.mean(axis=1)
    pushed = dynamics.com_acceleration(com_before, motion.fps)  # of similar motions, it is the same
    flies = ground.flight[:-2] & ground.flight[1:-1] & ground.flight[2:]
    pushed[flies] = 0.0, 0.0, -GRAVITY
    push_spread = np.where(flies, config.gravity, config.push)
    spin = config.spin * model.body_mass.sum() * character.height**2
    shapes = find_points_near_ground(character, qpos)
    solid = slice(touching.stop, touching.stop + len(shapes))
    every = points.joined(soles).joined(shapes)

    def terms(qpos: np.ndarray, _: np.ndarray, looseness: float) -> list[Block]:
        """All terms, those that only push one way `looseness` times as wide."""
        kin = compute_kinematics(model, qpos, every)
        return [
            join_blocks(
                [
                    targets.residual(kin),
                    *pose_terms(qpos, near, near_spread),
                    contact_places(kin, touching, contact, places, config.ground),
                    balance(kin, com, ~ground.flight, config.balance),
                    residuals.no_penetration(kin, solid, shapes.radius, config.penetration * looseness),
                ]
            ),
            residuals.acceleration(lay, qpos, fps, steady),
            speed_limit(lay, qpos, fps, config.speed, 0.004 * looseness),
            com_acceleration_near(kin, pushed, fps, push_spread),
            steady_spin(model, qpos, ground.flight, fps, spin),
        ]

    # What begins to push only beyond a limit is eased in: a full step into it from afar is mostly refused.
    for looseness in (4.0, 1.0):
        stage = partial(terms, looseness=looseness)
        qpos = minimise(stage, lay, qpos, np.zeros(0), np.zeros(0, bool), config.iterations, config.tolerance).qpos
    if motion.loop:
        qpos = close_loop(model, qpos, blend=max(2, len(qpos) // 6))
    qpos = clip_to_limits(character, qpos)
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
    return Retargeted(found, points, targets, ground)


def guess_poses(motion: ReferenceMotion, source: Character, character: Character, targets: IKTargets) -> np.ndarray:
    """The old body's angles where the joints are the same; else the rest pose, turned and placed as the pelvis is."""
    model = character.model
    qpos = np.tile(np.array(model.qpos0), (len(motion), 1))
    if same_joints(source, character):
        qpos = motion.qpos.copy()
    else:
        turn = to_matrix(motion.qpos[:, 3:7]) @ to_matrix(np.array(source.model.qpos0[3:7])).T
        qpos[:, 3:7] = normalise(from_matrix(turn @ to_matrix(np.array(model.qpos0[3:7]))))
    hips = BodyPoints.of_sites(model, tuple(character.landmarks[f"{side}_hip"] for side in SIDES))
    place = point_positions(model, qpos, hips).mean(axis=1)
    qpos[:, :3] += targets.wanted[:, targets.names.index("pelvis")] - place
    return qpos


def same_joints(one: Character, other: Character) -> bool:
    """Whether two bodies differ in size alone."""
    return one.joint_names == other.joint_names and one.model.nq == other.model.nq


def near_poses(lay: Layout, qpos: np.ndarray, target: np.ndarray, spread: np.ndarray) -> Block:
    """Nearness to given poses (T, nq), each degree of freedom with its own spread in each frame (T, nv), (T, nv)."""
    step = difference(lay, target, qpos)
    _, by_end = difference_jacobians(lay, step)
    return Block("near", step / spread, (by_end / spread[..., None])[:, None])


def find_resting_places(points_w: np.ndarray, contact: np.ndarray) -> np.ndarray:
    """Where each point rests during each of its contacts: the middle of where it is, at z = 0, (T, P, 3)."""
    places = points_w * np.array([1.0, 1.0, 0.0])
    for p in range(contact.shape[1]):
        for start, end in find_runs(contact[:, p]):
            places[start:end, p] = np.median(places[start:end, p], axis=0)
    return places


def contact_places(kin: Kinematics, points: slice, contact: np.ndarray, places: np.ndarray, spread: float) -> Block:
    """Points in contact stay at their places, (T, 3 P)."""
    scale = contact[..., None] / spread
    residual = scale * (kin.points_w[:, points] - places)
    jacobian = scale[..., None] * kin.points_jac[:, points]
    return Block(
        "contact", residual.reshape(len(residual), -1), jacobian.reshape(len(residual), 1, -1, jacobian.shape[-1])
    )


def balance(kin: Kinematics, com_w: np.ndarray, supported: np.ndarray, spread: float) -> Block:
    """The centre of mass is above where it should be (T, 3), in the frames that are `supported` (T,), (T, 2)."""
    scale = supported[:, None] / spread
    jacobian = kin.com_jac[:, :2] * scale[..., None]
    return Block("balance", scale * (kin.com_w - com_w)[:, :2], jacobian[:, None])


def com_acceleration_near(kin: Kinematics, acceleration: np.ndarray, fps: float, spread: np.ndarray) -> Block:
    """The centre of mass is accelerated as given [m/s2], (T - 2, 3), by sigmas (T - 2,), (T - 2, 3)."""
    residual = (dynamics.com_acceleration(kin.com_w, fps) - acceleration) / spread[:, None]
    return Block("push", residual, dynamics.second_difference(kin.com_jac, fps) / spread[:, None, None, None])


def steady_spin(model: mujoco.MjModel, qpos: np.ndarray, flight: np.ndarray, fps: float, spread: float) -> Block:
    """Nothing turns the body in flights that last: `dynamics.flight_spin` of those alone, (T - 2, 3)."""
    points = BodyPoints.of_masses(model)
    masses = dynamics.Masses.of(model, 0)
    residual, jacobian = np.zeros((len(qpos) - 2, 3)), np.zeros((len(qpos) - 2, 3, 3, model.nv))
    for start, end in find_runs(flight):
        if end - start >= LASTING * fps:
            kin = compute_kinematics(model, qpos[start:end], points)
            block = dynamics.flight_spin(kin, masses, np.ones(end - start, dtype=bool), fps, spread)
            residual[start : end - 2], jacobian[start : end - 2] = block.residual, block.jacobian
    return Block("spin", residual, jacobian)


def speed_limit(lay: Layout, qpos: np.ndarray, fps: float, limit: float, spread: float) -> Block:
    """How much faster than `limit` [rad/s] joints turn, `spread` [rad] a frame, (T - 1, nv); the root may."""
    block = residuals.velocity(lay, qpos, fps, np.ones(lay.nv))
    excess = block.residual - np.clip(block.residual, -limit, limit)
    excess[:, :6] = 0.0
    weight = 1.0 / (spread * fps)
    return Block("speed", excess * weight, block.jacobian * ((excess != 0) * weight)[:, None, :, None])


def join_blocks(blocks: list[Block]) -> Block:
    """Blocks of single frames as one: a long matrix product costs less than many short ones."""
    residual = np.concatenate([block.residual for block in blocks], axis=1)
    return Block("pose", residual, np.concatenate([block.jacobian for block in blocks], axis=2))


def solve_poses(
    terms: Callable[[np.ndarray, np.ndarray], Block], lay: Layout, qpos: np.ndarray, iterations: int
) -> np.ndarray:
    """Levenberg-Marquardt in all frames at once, each for itself, with its own damping, and until it gains no more.

    Args:
      terms: qpos (F, nq) of some frames and which ones (F,) -> residuals that touch one frame each.
      lay: layout of qpos.
      qpos: start, (T, nq).
      iterations: steps at most.

    Returns:
      qpos (T, nq).
    """

    def system(frames: np.ndarray, qpos: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        block = terms(qpos, frames)
        transposed = np.swapaxes(block.jacobian[:, 0], 1, 2)
        gradient = (transposed @ block.residual[..., None])[..., 0]
        return 0.5 * np.sum(block.residual**2, axis=1), transposed @ block.jacobian[:, 0], gradient

    qpos, frames = qpos.copy(), np.arange(len(qpos))
    cost, normal, gradient = system(frames, qpos)
    damping, diagonal = np.full(len(qpos), 1e-2), np.arange(lay.nv)
    for _ in range(iterations):
        damped = normal[frames]
        damped[:, diagonal, diagonal] *= 1.0 + damping[frames, None]
        damped[:, diagonal, diagonal] += 1e-6
        step = -np.linalg.solve(damped, gradient[frames][..., None])[..., 0]
        moved = integrate(lay, qpos[frames], step)
        moved_cost, moved_normal, moved_gradient = system(frames, moved)
        better = moved_cost < cost[frames]
        done = better & (cost[frames] - moved_cost < 3e-3 * cost[frames])
        won = frames[better]
        qpos[won], cost[won] = moved[better], moved_cost[better]
        normal[won], gradient[won] = moved_normal[better], moved_gradient[better]
        damping[frames] = np.clip(np.where(better, damping[frames] / 5.0, damping[frames] * 8.0), 1e-7, 1e4)
        frames = frames[~done & (damping[frames] < 1e4)]
        if not len(frames):
            break
    return qpos


def remove_outliers(model: mujoco.MjModel, qpos: np.ndarray, jump: float = 0.7, window: int = 9) -> np.ndarray:
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


def find_points_near_ground(character: Character, qpos: np.ndarray, margin: float = 0.15) -> BodyPoints:
    """The points of `BodyPoints.of_geoms` that come within `margin` [m] of the ground at some time."""
    shapes = BodyPoints.of_geoms(character.model)
    lowest = (point_positions(character.model, qpos, shapes)[..., 2] - shapes.radius).min(axis=0)
    near = lowest < margin
    return BodyPoints(shapes.bodies[near], shapes.local[near], shapes.radius[near])


def clip_to_limits(character: Character, qpos: np.ndarray) -> np.ndarray:
    """Hinges cut to their range: what the solution leaves beyond is a fraction of a degree."""
    model = character.model
    moved = qpos.copy()
    for joint in range(model.njnt):
        if model.jnt_limited[joint] and model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_HINGE:
            column = model.jnt_qposadr[joint]
            moved[:, column] = np.clip(moved[:, column], *model.jnt_range[joint])
    return moved
