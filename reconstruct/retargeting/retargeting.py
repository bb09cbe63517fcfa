"""Retargets a motion of one body to another: one least-squares problem over the whole trajectory.

What is retargeted: where pelvis and feet go, how pelvis, chest, head and feet are rotated, and the direction of every
limb, each at the new body's own lengths; what rests on the ground, rests there again, and the centre of mass is over
the same part of it, though the new body carries its weight elsewhere. All of it is read from landmarks, so bodies need
not share joints or axes, and rotations are compared with the upright rest pose of either.

Size: lengths scale by s, the ratio of leg lengths, and time by sqrt(s), so that gravity is the same (Froude): flight
stays a parabola of 9.81 m/s2, and a walk stays a walk. The frames stay; their rate changes.

Like Gleicher (1998), "Retargetting motion to new characters": constraints and smoothness at once, not frame by frame.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial

import mujoco
import numpy as np
from scipy.ndimage import maximum_filter1d, median_filter

from reconstruct.characters.character import Character
from reconstruct.contacts import contact_points, find_runs, part_contacts
from reconstruct.cycle import close_loop
from reconstruct.kinematics import GRAVITY, BodyPoints, PointSet, com_positions, compute_kinematics, point_positions
from reconstruct.motion import ReferenceMotion
from reconstruct.retargeting.config import RetargetConfig
from reconstruct.retargeting.grounding import GroundContacts, find_ground_contacts, measure_time_on_ground
from reconstruct.retargeting.ik_targets import (
    SIDES,
    IKTargets,
    compute_ik_targets,
    landmark_names,
    leg_length,
)
from reconstruct.retargeting.limbs_apart import LimbShapes, limbs_apart
from reconstruct.retargeting.retargeting_terms import (
    balance,
    com_acceleration_near,
    contact_places,
    speed_limit,
    steady_spin,
)
from reconstruct.rotations import from_matrix, normalise, to_matrix
from reconstruct.solver.blocks import Block, cut_windows
from reconstruct.solver.solve import minimise, solve_poses
from reconstruct.solver.tangent import TangentSpace
from reconstruct.terms import dynamics, residuals

COARSE = 3.0
"""Factor on the tolerance of a fit that another one follows."""
LEAP, LEAP_WINDOW, NEAR = 0.7, 9, 0.15
"""Hinges that leap by more [rad] take their median over a window [frames]; near the ground is below this [m]."""


@dataclass(frozen=True)
class Retargeted:
    """A motion on its new body."""

    motion: ReferenceMotion
    points: BodyPoints
    """The landmarks of the body that have targets."""
    targets: IKTargets
    ground: GroundContacts


def retarget(
    motion: ReferenceMotion,
    source: Character,
    character: Character,
    config: RetargetConfig | None = None,
    is_laid: bool = False,
    up: tuple[float, float, float] = (0.0, 0.0, 1.0),
) -> Retargeted:
    """Retargets a motion to another body.

    Args:
      motion: of `source`.
      source: the body that has the motion.
      character: the new body.
      config: how tightly each term holds.
      is_laid: what lies will be laid on the ground by `reconstruct.retargeting.floor`, so that a coarse fit is enough.
      up: unit vector against gravity: not z where the ground z = 0 is a slope (`retarget_on`).

    Raises:
      InputError: one of the bodies lacks a landmark that is needed, or an option is out of its range.
    """
    config = (config or RetargetConfig()).check()
    names = landmark_names(source, character)
    scale = leg_length(character) / leg_length(source)
    points = BodyPoints.of_sites(character.model, tuple(character.landmarks[name] for name in names))
    ground = replace(find_ground_contacts(motion, source, character), up=up)
    targets = compute_ik_targets(motion, source, character, names, scale, ground, config.targets)
    fit = RetargetingFit(motion, source, character, scale, points, targets, ground, config)
    start = guess_poses(motion, source, character, targets)
    is_coarse = is_laid and measure_time_on_ground(ground.lies, fit.fps) > 0
    qpos = fit.fit_trajectory(fit.fit_poses(start), start, is_coarse)
    if motion.loop:
        qpos = close_loop(character.model, qpos, blend=max(2, len(qpos) // 6))
    found = ReferenceMotion(
        qpos=clip_to_limits(character, qpos),
        fps=fit.fps,
        character=character.name,
        height=character.height,
        joint_names=character.joint_names,
        contacts=part_contacts(ground.contact, character.contacts),
        contact_names=tuple(character.contacts),
        loop=motion.loop,
        guessed=motion.guessed,
    )
    return Retargeted(found, points, targets, ground)


@dataclass(frozen=True)
class TrajectoryTargets:
    """What a whole trajectory should be near to, apart from the targets of the landmarks."""

    poses: np.ndarray
    """qpos, (T, nq)."""
    pose_sigma: np.ndarray
    """Standard deviation of each degree of freedom [m or rad], (T, nv)."""
    places: np.ndarray
    """Where points in contact rest, world frame [m], (T, P, 3)."""
    com_w: np.ndarray
    """Where the centre of mass is, world frame [m], (T, 3)."""
    acceleration: np.ndarray
    """Acceleration of the centre of mass [m/s2], (T - 2, 3)."""
    acceleration_sigma: np.ndarray
    """Standard deviation of it [m/s2], (T - 2,)."""

    def select(self, frames: slice) -> "TrajectoryTargets":
        """Those of some frames."""
        inner = slice(frames.start, frames.stop - 2)
        return TrajectoryTargets(
            self.poses[frames],
            self.pose_sigma[frames],
            self.places[frames],
            self.com_w[frames],
            self.acceleration[inner],
            self.acceleration_sigma[inner],
        )


@dataclass(frozen=True)
class RetargetingFit:
    """The two fits of a retargeted motion: first frame by frame, then over the whole trajectory."""

    motion: ReferenceMotion
    """Of the source."""
    source: Character
    character: Character
    """The new body."""
    scale: float
    """Of lengths, from the source to the new body."""
    points: BodyPoints
    """Landmarks of the new body."""
    targets: IKTargets
    """What the landmarks should do."""
    ground: GroundContacts
    config: RetargetConfig

    @property
    def fps(self) -> float:
        """Frames a second of the new motion (Froude): time scales by the root of the lengths' scale."""
        return float(self.motion.fps / np.sqrt(self.scale))

    @cached_property
    def space(self) -> TangentSpace:
        """Steps between poses of the new body."""
        return TangentSpace.of(self.character.model)

    @cached_property
    def limbs(self) -> LimbShapes:
        """Forearms, hands, pelvis and legs of the new body."""
        return LimbShapes.of(self.character)

    @property
    def posture_sigma(self) -> np.ndarray:
        """Standard deviation of each degree of freedom about its posture [m or rad], (nv,); the root is left free."""
        sigma = np.full(self.space.nv, self.config.posture)
        sigma[:6] = 1e3
        return sigma

    def fit_poses(self, start: np.ndarray) -> np.ndarray:
        """The poses that meet the targets frame by frame, from a first guess, both qpos (T, nq)."""
        qpos = start
        for tolerance_scale in (1.0,) if same_joints(self.source, self.character) else (12.0, 1.0):
            terms = partial(self.frame_terms, start=start, tolerance_scale=tolerance_scale)
            qpos = solve_poses(terms, self.space, qpos, self.config.pose_iterations)
            qpos = remove_outliers(self.character.model, qpos)
        return qpos

    def frame_terms(
        self, qpos: np.ndarray, frames: np.ndarray, start: np.ndarray, tolerance_scale: float
    ) -> list[Block]:
        """Terms of single frames: landmarks, posture, joint limits, feet on the ground.

        Args:
          qpos: poses of some frames, (F, nq).
          frames: which ones, (F,).
          start: first guess of all frames, (T, nq).
          tolerance_scale: factor on the standard deviations of landmarks and ground.
        """
        points = PointSet.of(landmarks=self.points, contacts=contact_points(self.character), limbs=self.limbs.points)
        kin = compute_kinematics(self.character.model, qpos, points)
        targets = self.targets.select(frames).loosen(tolerance_scale)
        held = self.ground.contact[frames] * 1.0
        return [
            targets.residual(kin["landmarks"]),
            *self.pose_terms(qpos, start[frames], self.posture_sigma[None]),
            residuals.ground_height(kin["contacts"], held, 0.003 * tolerance_scale),
            limbs_apart(kin["limbs"], self.limbs, self.config.limbs * tolerance_scale),
        ]

    def pose_terms(self, qpos: np.ndarray, near: np.ndarray, sigma: np.ndarray) -> list[Block]:
        """Joints near a posture, and within their range."""
        return [
            residuals.tracking(self.space, qpos, near, sigma, "posture"),
            residuals.hinge_limits(self.space, qpos, self.config.limits),
            residuals.ball_limits(self.space, qpos, 0.05),
        ]

    def fit_trajectory(self, qpos: np.ndarray, start: np.ndarray, is_coarse: bool = False) -> np.ndarray:
        """The trajectory that meets targets, contacts and physics, from `fit_poses` and the first guess, (T, nq); a
        coarse one is the first pass alone."""
        points = PointSet.of(
            landmarks=self.points,
            contacts=contact_points(self.character),
            solid=find_points_near_ground(self.character, qpos),
            limbs=self.limbs.points,
        )
        goal = self.trajectory_targets(qpos, start)
        # Terms that push only beyond a limit are eased in: a full step into them from afar is mostly refused.
        none, tolerance = np.zeros(0), self.config.tolerance * (COARSE if is_coarse else 1.0)
        for tolerance_scale in (4.0,) if is_coarse else (4.0, 1.0):
            terms = partial(self.trajectory_terms, points=points, goal=goal, tolerance_scale=tolerance_scale)
            limits = (self.config.iterations, tolerance)
            qpos = minimise(terms, self.space, qpos, none, none.astype(bool), *limits).qpos
        return qpos

    def trajectory_targets(self, qpos: np.ndarray, start: np.ndarray) -> TrajectoryTargets:
        """From the poses fitted frame by frame, the first guess, and the source's centre of mass."""
        config, character, motion = self.config, self.character, self.motion
        near, sigma = start, np.tile(self.posture_sigma, (len(qpos), 1))
        if motion.loop:  # both ends are held at one pose from here on, wherever on the ground they are
            closed = close_loop(character.model, qpos, blend=max(2, len(qpos) // 6))
            near = start.copy()
            near[[0, -1]] = closed[[0, -1]]
            sigma[[0, -1]] = config.seam
            sigma[[0, -1], :2] = 1e3
        places = point_positions(character.model, qpos, contact_points(character))
        com_w = com_positions(self.source.model, motion.qpos)
        acceleration = dynamics.com_acceleration(com_w, motion.fps)  # that of similar motions is the same
        flies = dynamics.all_three(self.ground.flight)
        acceleration[flies] = -GRAVITY * np.array(self.ground.up)
        return TrajectoryTargets(
            near,
            sigma,
            find_resting_places(places, self.ground.contact),
            self.scale * com_w + self.targets.shift.mean(axis=1),
            acceleration,
            np.where(flies, config.gravity, config.push),
        )

    def trajectory_terms(
        self, qpos: np.ndarray, _: np.ndarray, points: PointSet, goal: TrajectoryTargets, tolerance_scale: float
    ) -> Iterator[Block]:
        """All terms window by window, those that push only beyond a limit `tolerance_scale` times as wide."""
        config, model = self.config, self.character.model
        for part in cut_windows(len(qpos)):
            for block in self.window_terms(qpos[part.frames], part.frames, points, goal, tolerance_scale):
                yield block.select(part.rows, part.frames.start)
        spin = config.spin * model.body_mass.sum() * self.character.height**2
        yield from steady_spin(model, qpos, self.ground.flight, self.fps, spin)

    def window_terms(
        self, qpos: np.ndarray, frames: slice, points: PointSet, goal: TrajectoryTargets, tolerance_scale: float
    ) -> list[Block]:
        """All terms of some frames of the trajectory (F, nq), but the spin of whole flights."""
        config, model, space = self.config, self.character.model, self.space
        contact, aloft = self.ground.contact[frames], self.ground.flight[frames]
        kin, goal = compute_kinematics(model, qpos, points), goal.select(frames)
        steady = np.full(model.nv, config.acceleration)
        steady[:3] = config.root_acceleration
        return [
            self.targets.select(frames).residual(kin["landmarks"]),
            *self.pose_terms(qpos, goal.poses, goal.pose_sigma),
            contact_places(kin["contacts"], contact, goal.places, config.ground),
            balance(kin, goal.com_w, ~aloft, config.balance),
            residuals.no_penetration(kin["solid"], config.penetration * tolerance_scale),
            limbs_apart(kin["limbs"], self.limbs, config.limbs * tolerance_scale),
            residuals.acceleration(space, qpos, self.fps, steady),
            speed_limit(space, qpos, self.fps, config.speed, 0.004 * tolerance_scale),
            com_acceleration_near(kin, goal.acceleration, self.fps, goal.acceleration_sigma),
        ]


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
    qpos[:, :3] += targets.vectors_w[:, targets.names.index("pelvis")] - place
    return qpos


def same_joints(one: Character, other: Character) -> bool:
    """Whether two bodies differ in size alone."""
    return one.joint_names == other.joint_names and one.model.nq == other.model.nq


def find_resting_places(points_w: np.ndarray, contact: np.ndarray) -> np.ndarray:
    """Where each point rests during each of its contacts: the median of where it is, at z = 0, (T, P, 3).

    Args:
      points_w: points that may touch the ground, world frame [m], (T, P, 3).
      contact: which of them rest, bool (T, P).
    """
    places = points_w * np.array([1.0, 1.0, 0.0])
    for p in range(contact.shape[1]):
        for start, end in find_runs(contact[:, p]):
            places[start:end, p] = np.median(places[start:end, p], axis=0)
    return places


def remove_outliers(model: mujoco.MjModel, qpos: np.ndarray) -> np.ndarray:
    """Gives hinges that leap between frames, as where an arm has two solutions, their median around it, (T, nq)."""
    columns = model.jnt_qposadr[model.jnt_type == mujoco.mjtJoint.mjJNT_HINGE]
    angle = qpos[:, columns]
    leaps = np.zeros(angle.shape, dtype=bool)
    leaps[1:] = np.abs(np.diff(angle, axis=0)) > LEAP
    near = maximum_filter1d(leaps, LEAP_WINDOW, axis=0, mode="constant")
    moved = qpos.copy()
    moved[:, columns] = np.where(near, median_filter(angle, size=(LEAP_WINDOW, 1), mode="nearest"), angle)
    return moved


def find_points_near_ground(character: Character, qpos: np.ndarray) -> BodyPoints:
    """The points of `BodyPoints.of_geoms` that come within `NEAR` of the ground in some frame of qpos (T, nq)."""
    shapes = BodyPoints.of_geoms(character.model)
    lowest = (point_positions(character.model, qpos, shapes)[..., 2] - shapes.radius).min(axis=0)
    return shapes[lowest < NEAR]


def clip_to_limits(character: Character, qpos: np.ndarray) -> np.ndarray:
    """Hinges cut to their range: what the solution leaves beyond is a fraction of a degree."""
    model = character.model
    moved = qpos.copy()
    for joint in range(model.njnt):
        if model.jnt_limited[joint] and model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_HINGE:
            column = model.jnt_qposadr[joint]
            moved[:, column] = np.clip(moved[:, column], *model.jnt_range[joint])
    return moved
