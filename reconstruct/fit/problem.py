"""The optimisation problem: which terms are in force, and how tightly each holds."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import mujoco
import numpy as np

from reconstruct.camera import R_LEVEL, View
from reconstruct.carried_camera import CarriedCamera
from reconstruct.characters.character import Character
from reconstruct.contacts import HAND_DOUBT, contact_points
from reconstruct.fit.fit_sigmas import CORRELATED_S, EYE_LEVEL, FitSigmas
from reconstruct.fit.plumb_lines import Plumb, weigh_tilt
from reconstruct.fit.sight import find_sight
from reconstruct.kinematics import BodyPoints, Kinematics, PointSet, com_positions, compute_kinematics, point_positions
from reconstruct.observations import Observations
from reconstruct.scene import object_terms, surface_terms, surfaces
from reconstruct.scene.clearance import shape_points
from reconstruct.scene.surfaces import Surface
from reconstruct.solver.blocks import Block, cut_windows
from reconstruct.solver.tangent import TangentSpace
from reconstruct.support import Support, find_support
from reconstruct.terms import dynamics, residuals, rolling
from reconstruct.terms.slope import Slope, add_angle, plumb_prior
from reconstruct.world_frame import estimate_tilt, to_view

DOUBTFUL = 0.05
"""Weight of frames that do not fit into a steady motion of the trunk."""


@dataclass(frozen=True)
class Problem:
    """Everything that the fit is given; its unknowns are the motion and the `View`."""

    character: Character
    fps: float
    sigmas: FitSigmas
    observations: Observations | None = None
    """Keypoints to agree with."""
    target: np.ndarray | None = None
    """A motion to stay near to instead, qpos (T, nq)."""
    focal_px: float = 1000.0
    """Expected focal length of the camera that saw the keypoints."""
    support: Support | None = None
    """What carries the body, once it is known."""
    physics: bool = False
    """Whether the dynamic terms are in force."""
    expected: View | None = None
    """The view expected before contacts are known."""
    tilt_sigma: tuple[float, ...] = (0.25, 0.05)
    """Standard deviation of the expected pitch and roll [rad]."""
    plumb: Plumb | None = None
    """What vertical lines of the background say of the camera's tilt; None for nothing."""
    held_up: bool = True
    """Whether the camera is expected at `EYE_LEVEL`: not one that looks down, nor one whose path gives its height."""
    view_known: bool = False
    """Whether the view is known, and with it where the ground is."""
    surfaces: tuple[Surface, ...] = ()
    """What may carry the body above the ground; their levels follow the view among the unknowns."""
    slope: Slope | None = None
    """How gravity is tilted in a world whose ground is z = 0; its angle follows the levels. None for level ground."""

    @property
    def model(self) -> mujoco.MjModel:
        """The character's kinematics."""
        return self.character.model

    @cached_property
    def space(self) -> TangentSpace:
        """Steps between the character's poses."""
        return TangentSpace.of(self.model)

    def with_scale(self, qpos: np.ndarray) -> "Problem":
        """Takes the size of a metre in the image from a first guess in a level camera's world."""
        assert self.observations is not None
        root_c = self.observations.view_points((qpos[:, :3] @ R_LEVEL.T)[:, None])[:, 0]
        depth = np.maximum(root_c[:, 2], 0.5)
        return replace(self, observations=replace(self.observations, px_per_metre=self.focal_px / depth))

    def downweight_unsteady(self, steady: np.ndarray) -> "Problem":
        """Takes nearly all weight from the frames outside of `steady`, bool (T,)."""
        seen, share = self.observations, np.where(steady, 1.0, DOUBTFUL)[:, None]
        assert seen is not None
        seen = replace(seen, weight=seen.weight * share, bone_weight=seen.bone_weight * share)
        return replace(self, observations=seen)

    def first_view(self) -> View:
        """A level camera at the origin: nothing is known of the ground."""
        return View(0.0, 0.0, 0.0, float(np.log(self.focal_px)))

    def set_on_ground(self, qpos: np.ndarray, view: View) -> tuple["Problem", np.ndarray, View]:
        """Takes the vertical from the body's balance and from lines, and puts the ground under its lowest points.

        Returns:
          The problem with this as its prior for the camera, motion and view in the world thus found.
        """
        solid, feet = BodyPoints.of_geoms(self.model), contact_points(self.character, feet_only=True)
        middle = point_positions(self.model, qpos, feet).mean(axis=1)
        com, duration = com_positions(self.model, qpos), len(qpos) / self.fps
        upright = np.array(self.model.qpos0)[None]
        rise = com_positions(self.model, upright) - point_positions(self.model, upright, feet).mean(axis=1)
        standing = float(np.linalg.norm(rise))
        *level, balance = estimate_tilt(com, middle, view, self.sigmas.tilt, duration, standing)
        tilt, sigma, plumb = weigh_tilt(np.array(level), balance, np.array(self.sigmas.tilt), self.plumb)
        tilted = replace(view, pitch=float(tilt[0]), roll=float(tilt[1]))
        lowest = (point_positions(self.model, to_view(qpos, view, tilted), solid)[..., 2] - solid.radius).min(axis=1)
        stood = replace(tilted, height=tilted.height - float(np.percentile(lowest, 25)))
        problem = replace(self, expected=stood, tilt_sigma=tuple(sigma.tolist()), plumb=plumb)
        return problem, to_view(qpos, view, stood), stood

    @property
    def carried(self) -> CarriedCamera | None:
        """The camera, if it is carried along."""
        return None if self.observations is None else self.observations.carried

    def with_carried(self, carried: CarriedCamera) -> "Problem":
        """The same with another path of the camera."""
        assert self.observations is not None
        return replace(self, observations=replace(self.observations, carried=carried))

    def with_support(self, support: Support, physics: bool = False) -> "Problem":
        """The same with contacts, and with the dynamic terms or without."""
        return replace(self, support=support, physics=physics)

    def free_globals(self, view: View) -> np.ndarray:
        """Camera and ground may move once contacts are known; the ground's speed only where it has one, bool (G,)."""
        grounded = self.support is not None and bool(self.support.contact.any()) and not self.view_known
        ground_velocity = grounded and view.ground_velocity != (0.0, 0.0)
        touched = np.zeros(0) if self.touches is None else np.unique(self.touches)
        levels = [not one.known and k + 1 in touched for k, one in enumerate(self.surfaces)]
        focal = grounded and self.carried is None  # the path belongs to its lens
        levels += [] if self.slope is None else [grounded and not self.slope.known]
        units = [] if self.carried is None else [grounded and self.carried.goes] * self.carried.unknowns
        return np.array([grounded, grounded, grounded, focal, ground_velocity, ground_velocity, *levels, *units])

    def unknowns(self, view: View) -> np.ndarray:
        """Start of the global unknowns: the view, the levels of the surfaces, the angle of the slope, the unit of the
        camera's path, (G,)."""
        units = np.zeros(0) if self.carried is None else self.carried.log_unit
        angle = [] if self.slope is None else [self.slope.angle]
        return np.concatenate([view.vector(), [surface.level for surface in self.surfaces], angle, units])

    def with_unknowns(self, unknowns: np.ndarray) -> tuple["Problem", View]:
        """The same with the surfaces' levels, the slope's angle and the path's unit among the unknowns, and the view
        among them."""
        last = residuals.GLOBALS + len(self.surfaces)
        levels = unknowns[residuals.GLOBALS : last].tolist()
        moved = tuple(replace(one, level=level) for one, level in zip(self.surfaces, levels, strict=True))
        problem = replace(self, surfaces=moved)
        if self.slope is not None:
            problem, last = replace(problem, slope=self.slope.steepen(float(unknowns[last]))), last + 1
        if self.carried is not None and self.carried.goes:
            problem = problem.with_carried(self.carried.with_units(unknowns[last:]))
        return problem, View.from_vector(unknowns[: residuals.GLOBALS])

    def contact_positions(self, qpos: np.ndarray) -> np.ndarray:
        """Points that may touch the ground, world frame [m], (T, P, 3)."""
        return point_positions(self.model, qpos, contact_points(self.character))

    def find_support(self, qpos: np.ndarray, view: View, tolerance_scale: float = 1.0) -> Support:
        """What carries the body in a motion; see `find_support`."""
        heights = rolling.other_heights(self.character, qpos)
        others = heights.min(axis=1, initial=np.inf)
        parts = rolling.find_resting_parts(heights, self.fps) if tolerance_scale == 1.0 else None
        com_z = com_positions(self.model, qpos)[:, 2]
        bodies = contact_points(self.character).bodies
        feet = np.isin(bodies, [self.model.body(name).id for name in self.character.foot_bodies])
        doubt = np.where(feet, 1.0, HAND_DOUBT)
        still = view.ground_velocity == (0.0, 0.0)  # else points at rest move through the picture
        points_w = self.contact_positions(qpos)
        sight = find_sight(self.character, self.observations, points_w, view) if self.observations and still else None
        if not self.surfaces:
            return find_support(points_w, view, self.fps, tolerance_scale, others, com_z, doubt, parts, sight)
        paths = point_positions(self.model, qpos, surfaces.carried_points(self.character))
        touches = surfaces.find_touches(self.character, paths, self.surfaces, self.fps, tolerance_scale)
        above, count = touches.astype(bool), points_w.shape[1]
        held = np.asarray(above.any(axis=1))
        found = find_support(points_w, view, self.fps, tolerance_scale, others, com_z, doubt, parts, sight, held)
        return replace(
            found,
            contact=found.contact & ~above[:, :count],
            rolling=None if found.rolling is None else found.rolling & ~above[:, count:],
            touches=touches,
        )

    def residuals(self, qpos: np.ndarray, unknowns: np.ndarray, derivatives: bool = True) -> Iterator[Block]:
        """All terms in force at a point, window by window; without `derivatives` their Jacobians are of no use."""
        at, view = self.with_unknowns(unknowns)
        more = len(unknowns) - residuals.GLOBALS
        if at.carried is not None and at.carried.goes:
            yield at.carried.prior(view.height, self.model.nv, len(unknowns))
        if self.support is not None:
            expected = replace(self.expected or view, height=view.height, ground_velocity=view.ground_velocity)
            sigma = np.array([*self.held_tilt_sigma, 1.0, self.sigmas.focal, 1.0, 1.0])
            if at.slope is not None:
                prior = plumb_prior(view, at.slope, expected, sigma, self.model.nv)
                yield surface_terms.widen(prior, more)
            else:
                yield surface_terms.widen(residuals.view_prior(view, expected, sigma, self.model.nv), more)
            if self.held_up:
                yield surface_terms.widen(self.camera_height(view), more)
            rises = surface_terms.usual_rises(at.surfaces, self.model.nv, len(unknowns))
            yield from [rises] if rises else []
        points, parts = self.point_set, self.rolling_parts
        for part in cut_windows(len(qpos)):
            for block in at.select(part.frames).terms(qpos[part.frames], view, points, parts, derivatives):
                yield surface_terms.widen(block, more).select(part.rows, part.frames.start)

    def select(self, frames: slice) -> "Problem":
        """The same for some of the frames."""
        return replace(
            self,
            observations=self.observations and self.observations.select(frames),
            target=None if self.target is None else self.target[frames],
            support=self.support and self.support.select(frames),
        )

    def terms(
        self, qpos: np.ndarray, view: View, points: PointSet, parts: np.ndarray, derivatives: bool = True
    ) -> list[Block]:
        """All terms in force, except the prior of the view.

        Args:
          qpos: the motion, (T, nq).
          view: camera and ground.
          points: `point_set` of the whole motion.
          parts: `rolling_parts` of it.
          derivatives: whether their Jacobians are of use.
        """
        kin = compute_kinematics(self.model, qpos, points, derivatives)
        return [
            *self.pose_terms(qpos),
            *self.observation_terms(qpos, kin, view),
            *self.contact_terms(kin, view, parts),
            *self.physics_terms(kin, parts),
        ]

    @cached_property
    def point_set(self) -> PointSet:
        """The points that the terms in force need."""
        groups = {} if self.observations is None else {"landmarks": self.observations.points}
        groups |= {"contacts": contact_points(self.character), "solid": BodyPoints.of_geoms(self.model)}
        parts = self.rolling_parts
        if self.physics or len(parts):
            groups["masses"] = BodyPoints.of_masses(self.model)
            groups["balls"] = groups["solid"][rolling.find_other_parts(self.character)[parts]]
            if not self.physics:
                groups["masses"] = groups["masses"][np.isin(groups["masses"].bodies, groups["balls"].bodies)]
        if self.touches is not None:
            groups["carried"] = surfaces.carried_points(self.character)
        if self.support is not None and self.support.things:
            groups["shapes"] = shape_points(self.model)
        return PointSet.of(**groups)

    @property
    def touches(self) -> np.ndarray | None:
        """Which surface each of `carried_points` touches, (T, N); None where there are no surfaces."""
        return None if self.support is None else self.support.touches

    @cached_property
    def rolling_parts(self) -> np.ndarray:
        """Which of `rolling.find_other_parts` ever touch the ground, (Q,): the rest would only cost time."""
        return np.zeros(0, dtype=int) if self.support is None else np.flatnonzero(self.support.rolls.any(axis=0))

    def pose_terms(self, qpos: np.ndarray) -> list[Block]:
        """What any motion satisfies: smoothness and joint limits."""
        return [
            residuals.acceleration(self.space, qpos, self.fps, self.acceleration_sigma()),
            residuals.hinge_limits(self.space, qpos, self.sigmas.limits),
            residuals.ball_limits(self.space, qpos, self.sigmas.limits),
        ]

    def observation_terms(self, qpos: np.ndarray, kin: Kinematics, view: View) -> list[Block]:
        """Agreement with the keypoints, or with the motion that is repaired."""
        space, sigmas, blocks = self.space, self.sigmas, list[Block]()
        if self.observations is not None:
            before = len(self.surfaces) + (self.slope is not None)  # unknowns between the view and the path's unit
            seen = residuals.reprojection(kin["landmarks"], view, self.observations, sigmas.reprojection)
            blocks += [
                seen if self.carried is None else surface_terms.insert_levels(seen, before),
                residuals.bones_3d(kin["landmarks"], view, self.observations, sigmas.bones),
                residuals.velocity(space, qpos, self.fps, self.velocity_sigma()),
                residuals.pose_prior(space, qpos),
            ]
        if self.target is not None:
            blocks.append(residuals.tracking(space, qpos, self.target, self.tracking_sigma()))
        return blocks

    def contact_terms(self, kin: Kinematics, view: View, parts: np.ndarray) -> list[Block]:
        """What rests on the ground lies on it and stays; nothing sinks into it."""
        if self.support is None:
            return []
        sigmas, support, contacts = self.sigmas, self.support, kin["contacts"]
        held = support.contact.astype(np.float64)
        blocks = [
            residuals.ground_height(contacts, held, sigmas.ground),
            residuals.no_slip(contacts, held, view, self.fps, sigmas.slip),
            residuals.no_penetration(kin["solid"], sigmas.penetration),
        ]
        if self.touches is not None:
            points, soft = kin["carried"], np.arange(len(kin["carried"])) >= len(contacts)
            height = np.where(soft, sigmas.rolling, sigmas.ground)
            height[surfaces.back_columns(self.character)] = sigmas.back
            slip = np.where(soft, sigmas.rolling, sigmas.slip)
            blocks += surface_terms.surface_contacts(points, self.touches, self.surfaces, self.fps, height, slip)
        if support.things:
            blocks += object_terms.keep_out(kin["shapes"], support.things, sigmas.entry, support.clearance)
        if support.hands is not None:
            blocks.append(residuals.hand_height(contacts, support.hands, sigmas.slip))
        if support.lies.any():
            alone = support.lies & ~support.contact.any(axis=1)
            blocks.append(residuals.lowest_point_on_ground(kin["solid"], alone, sigmas.lying))
        if len(parts):
            balls, rolls = kin["balls"], support.rolls[:, parts]
            blocks += [
                residuals.ground_height(balls, rolls, sigmas.rolling, "rolling"),
                rolling.no_slip(balls, kin["masses"], rolls, sigmas.roll),
            ]
        return blocks

    def physics_terms(self, kin: Kinematics, parts: np.ndarray) -> list[Block]:
        """Gravity in flight, and a force on the ground that the support and friction can bear."""
        if self.support is None or not self.physics:
            return []
        support = self.support
        corners_w = np.concatenate([kin["contacts"].pos_w, kin["balls"].pos_w], axis=1)
        # Where the body rests on something that is not known, feet and hands are not all of the support.
        known = ~support.lies[:, None]
        held = np.concatenate([support.carrying, support.rolls[:, parts]], axis=1) & known
        body = dynamics.CentroidalMotion.of(self.model, kin, self.fps)
        if self.slope is not None:
            return add_angle(lambda moved: self.dynamic_terms(moved, kin, corners_w, held), body, self.slope)
        return self.dynamic_terms(body, kin, corners_w, held)

    def dynamic_terms(
        self, body: dynamics.CentroidalMotion, kin: Kinematics, corners_w: np.ndarray, held: np.ndarray
    ) -> list[Block]:
        """`physics_terms` of a body that may touch the ground at `corners_w` (T, P, 3), where `held` (T, P)."""
        assert self.support is not None
        sigmas, support = self.sigmas, self.support
        spin, moment = (sigma * float(body.mass) / 75.0 for sigma in (sigmas.spin, sigmas.free_moment))
        blocks = [
            dynamics.flight_parabola(body, support.flight, sigmas.gravity),
            dynamics.flight_spin(body, support.flight, spin),
            dynamics.friction_cone(body, sigmas.friction),
            dynamics.zero_moment_point(body, corners_w, held, sigmas.zmp),
            dynamics.free_moment(body, corners_w, held, moment),
        ]
        if self.touches is None:
            return blocks
        above = np.asarray((self.touches > 0).any(axis=1))
        grounded = np.concatenate([support.contact, support.rolls], axis=1)
        forces = surface_terms.surface_forces(
            body, kin["carried"], grounded, self.touches, self.surfaces, sigmas.unsupported
        )
        return [*blocks[:2], *(surface_terms.leave_out(block, above) for block in blocks[2:]), forces]

    @property
    def strength(self) -> float:
        """Factor on residuals of what does not come from the detector, whose errors last for some frames: all frames in
        `CORRELATED_S` are one independent observation, as each of these is."""
        return float(np.sqrt(max(1.0, CORRELATED_S * self.fps)))

    @property
    def held_tilt_sigma(self) -> tuple[float, ...]:
        """Standard deviation to which the fit holds pitch and roll [rad]; those by lines are not the detector's."""
        return self.tilt_sigma if self.plumb is None else tuple(sigma / self.strength for sigma in self.tilt_sigma)

    def camera_height(self, view: View) -> Block:
        """What is known of the camera's height."""
        return residuals.camera_height(view, EYE_LEVEL, self.sigmas.camera_height, self.strength, self.model.nv)

    def acceleration_sigma(self) -> np.ndarray:
        """Of each degree of freedom, (nv,)."""
        sigma = np.full(self.model.nv, self.sigmas.joint_acceleration)
        sigma[:3], sigma[3:6] = self.sigmas.root_acceleration, self.sigmas.root_turning
        for joint in ("chest", "neck"):
            if joint in self.character.joint_names:
                dof = self.model.joint(joint).dofadr[0]
                sigma[dof : dof + 3] = self.sigmas.trunk_acceleration
        return sigma

    def tracking_sigma(self) -> np.ndarray:
        """Of each degree of freedom, (nv,)."""
        return np.repeat([self.sigmas.root_tracking, self.sigmas.tracking], [3, self.model.nv - 3])

    def velocity_sigma(self) -> np.ndarray:
        """Of each degree of freedom, (nv,); the root is left free."""
        sigma = np.full(self.model.nv, self.sigmas.joint_velocity)
        sigma[:6] = 1e3
        return sigma
