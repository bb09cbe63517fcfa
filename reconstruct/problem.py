"""The optimisation problem: which terms are in force, and how tightly each holds."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import mujoco
import numpy as np

from reconstruct import dynamics, residuals, rolling
from reconstruct.camera import View
from reconstruct.characters.character import Character
from reconstruct.contacts import HAND_DOUBT, contact_points
from reconstruct.kinematics import BodyPoints, com_positions, compute_kinematics, point_positions
from reconstruct.observations import TRUST, Observations
from reconstruct.solve import Block
from reconstruct.support import Sight, Support, find_support
from reconstruct.tangent import layout
from reconstruct.world_frame import estimate_tilt, to_view

SURE = 0.7
"""Least confidence of a landmark that tells whether a foot is still in its place."""
DOUBTFUL = 0.05
"""Weight of frames that do not fit into a steady motion of the trunk."""
WINDOW = 200
"""Frames whose residuals are made at a time. With all of 3,000 at once, each frame would take half as long again."""


@dataclass(frozen=True)
class FitSigmas:
    """Standard deviation of every term: how far off it is expected to be. Smaller is stronger."""

    reprojection: float = 0.03
    """Detected landmarks, in the plane of the image [m]. BlazePose: .057 of a torso length in the median."""
    bones: float = 0.12
    """Ends of bones in the detector's 3D [m]; mostly depth."""
    root_acceleration: float = 6.0
    """[m/s2]"""
    root_turning: float = 40.0
    """Angular acceleration of the pelvis [rad/s2]."""
    joint_acceleration: float = 60.0
    """[rad/s2]"""
    trunk_acceleration: float = 30.0
    """Of chest and neck [rad/s2]."""
    joint_velocity: float = 12.0
    """[rad/s]"""
    tracking: float = 0.05
    """Joints of a motion that is repaired [rad]."""
    root_tracking: float = 0.03
    """Its root [m]."""
    limits: float = 0.05
    """Joints beyond their range [rad]."""
    ground: float = 0.005
    """Height of points in contact [m]."""
    slip: float = 0.003
    """Their way along the ground in one frame [m]."""
    penetration: float = 0.005
    """Depth of any part below the ground [m]."""
    carried: float = 0.02
    """Height of the lowest part of a body that lies on the ground [m]."""
    rolling: float = 0.01
    """Height of trunk, knees or elbows in contact [m]: flesh gives way."""
    roll: float = 0.006
    """Their slip in one frame [m]."""
    gravity: float = 0.25
    """Acceleration of the centre of mass in flight, beside gravity [m/s2]."""
    spin: float = 15.0
    """Moment about the centre of mass in flight [N m], of a body of 75 kg."""
    twist: float = 15.0
    """Moment about the vertical that friction cannot hold [N m], of a body of 75 kg."""
    friction: float = 1.0
    """Force on the ground outside of the friction cone, by mass [m/s2]."""
    zmp: float = 0.06
    """Distance of the zero-moment point from the support [m]."""
    tilt: tuple[float, float] = (0.25, 0.05)
    """Pitch and roll of the camera [rad]: most films are held level."""
    focal: float = 0.15
    """Logarithm of the focal length around the one expected."""


@dataclass(frozen=True)
class Problem:
    """Everything but the unknowns."""

    character: Character
    fps: float
    sigmas: FitSigmas
    seen: Observations | None = None
    """Keypoints to agree with."""
    target: np.ndarray | None = None
    """Or a motion to stay near to, qpos (T, nq)."""
    focal_px: float = 1000.0
    """Expected focal length of the camera that saw the keypoints."""
    support: Support | None = None
    """What carries the body, once it is known."""
    physics: bool = False
    """Whether the dynamic terms are in force."""
    expected: View | None = None
    """What the view is thought to be before contacts are looked at."""
    tilt_spread: tuple[float, ...] = (0.25, 0.05)
    """How sure that is, pitch and roll [rad]."""

    @property
    def model(self) -> mujoco.MjModel:
        """The character's kinematics."""
        return self.character.model

    def with_scale(self, qpos: np.ndarray) -> "Problem":
        """Takes the size of a metre in the image from a first guess in a level camera's world."""
        assert self.seen is not None
        depth = np.maximum(qpos[:, 0], 0.5)
        return replace(self, seen=replace(self.seen, px_per_metre=self.focal_px / depth))

    def trusting(self, steady: np.ndarray) -> "Problem":
        """Takes nearly all weight from the frames outside of `steady`, bool (T,)."""
        assert self.seen is not None
        share = np.where(steady, 1.0, DOUBTFUL)[:, None]
        seen = replace(self.seen, weight=self.seen.weight * share, bone_weight=self.seen.bone_weight * share)
        return replace(self, seen=seen)

    def first_view(self) -> View:
        """A level camera at the origin: nothing is known of the ground."""
        return View(0.0, 0.0, 0.0, float(np.log(self.focal_px)))

    def standing(self, qpos: np.ndarray, view: View) -> tuple["Problem", np.ndarray, View]:
        """Takes the vertical from the body's balance and puts the ground under its lowest points.

        Returns:
          The problem with this as its prior for the camera, motion and view in the world thus found.
        """
        solid, feet = BodyPoints.of_geoms(self.model), contact_points(self.character, feet_only=True)
        middle = point_positions(self.model, qpos, feet).mean(axis=1)
        com, duration = com_positions(self.model, qpos), len(qpos) / self.fps
        upright = np.array(self.model.qpos0)[None]
        rise = com_positions(self.model, upright) - point_positions(self.model, upright, feet).mean(axis=1)
        standing = float(np.linalg.norm(rise))
        pitch, roll, balance = estimate_tilt(com, middle, view, self.sigmas.tilt, duration, standing)
        tilted = replace(view, pitch=pitch, roll=roll)
        lowest = (point_positions(self.model, to_view(qpos, view, tilted), solid)[..., 2] - solid.radius).min(axis=1)
        stood = replace(tilted, height=tilted.height - float(np.percentile(lowest, 25)))
        tilt_spread = tuple(balance * tilt / float(np.hypot(balance, tilt)) for tilt in self.sigmas.tilt)
        return replace(self, expected=stood, tilt_spread=tilt_spread), to_view(qpos, view, stood), stood

    def on_ground(self, support: Support) -> "Problem":
        """The same with contacts."""
        return replace(self, support=support)

    def with_physics(self) -> "Problem":
        """The same with the dynamic terms."""
        return replace(self, physics=True)

    def free_globals(self, view: View) -> np.ndarray:
        """Camera and ground may move once contacts are known; the ground's speed only where it has one, bool (G,)."""
        grounded = self.support is not None and bool(self.support.contact.any())
        ground_velocity = grounded and view.ground_velocity != (0.0, 0.0)
        return np.array([grounded, grounded, grounded, grounded, ground_velocity, ground_velocity])

    def contact_positions(self, qpos: np.ndarray) -> np.ndarray:
        """Points that may touch the ground, world frame [m], (T, P, 3)."""
        return point_positions(self.model, qpos, contact_points(self.character))

    def support_of(self, qpos: np.ndarray, view: View, looseness: float = 1.0) -> Support:
        """What carries the body in a motion; see `find_support`."""
        heights = rolling.other_heights(self.character, qpos)
        others = heights.min(axis=1, initial=np.inf)
        parts = rolling.find_resting_parts(heights, self.fps) if looseness == 1.0 else None
        com_z = com_positions(self.model, qpos)[:, 2]
        bodies = contact_points(self.character).bodies
        feet = np.isin(bodies, [self.model.body(name).id for name in self.character.foot_bodies])
        doubt = np.where(feet, 1.0, HAND_DOUBT)
        sight = (
            self.contact_sight() if view.ground_velocity == (0.0, 0.0) else None
        )  # else the ground goes through the picture
        points_w = self.contact_positions(qpos)
        return find_support(points_w, view, self.fps, looseness, others, com_z, doubt, parts, sight)

    def contact_sight(self) -> Sight | None:
        """Where in the picture the points that may touch the ground are seen."""
        if self.seen is None:
            return None
        sites = [site for part in self.character.contacts.values() for site in part]
        place_px = np.full((len(self.seen.seen), len(sites), 2), np.nan)
        for column, name in enumerate(self.seen.names):
            if (site := self.character.landmarks[name]) in sites:
                known = self.seen.weight[:, column] > SURE * TRUST.get(name, 1.0)
                place_px[:, sites.index(site)] = np.where(known[:, None], self.seen.plane_px[:, column], np.nan)
        return Sight(place_px, self.seen.px_per_metre)

    def residuals(self, qpos: np.ndarray, unknowns: np.ndarray) -> Iterator[Block]:
        """All terms in force at a point, window by window."""
        view = View.from_vector(unknowns)
        if self.support is not None:
            expected = replace(self.expected or view, height=view.height, ground_velocity=view.ground_velocity)
            spread = np.array([*self.tilt_spread, 1.0, self.sigmas.focal, 1.0, 1.0])
            yield residuals.view_prior(view, expected, spread, self.model.nv)
        edges = np.linspace(0, len(qpos), max(round(len(qpos) / WINDOW), 1) + 1).astype(int)
        for first, end in pairwise(edges.tolist()):
            # Residuals touch up to two frames that follow. Those which begin there are the next window's.
            part = slice(first, end + 2)
            for block in self.part(part).terms(qpos[part], view):
                mine = slice(end - first)
                by_view = None if block.global_jacobian is None else block.global_jacobian[mine]
                yield replace(
                    block,
                    residual=block.residual[mine],
                    jacobian=block.jacobian[mine],
                    global_jacobian=by_view,
                    first=first,
                )

    def part(self, frames: slice) -> "Problem":
        """The same for some of the frames."""
        return replace(
            self,
            seen=self.seen and self.seen.part(frames),
            target=None if self.target is None else self.target[frames],
            support=self.support and self.support.part(frames),
        )

    def terms(self, qpos: np.ndarray, view: View) -> list[Block]:
        """All terms in force but what is thought of the view."""
        model, lay, sigmas = self.model, layout(self.model), self.sigmas
        touching, solid = contact_points(self.character), BodyPoints.of_geoms(model)
        points = touching.joined(solid) if self.seen is None else self.seen.points.joined(touching).joined(solid)
        first = len(points) - len(solid) - len(touching)
        contact_slice, solid_slice = slice(first, first + len(touching)), slice(first + len(touching), len(points))
        masses = dynamics.Masses.of(model, len(points))
        # Of the other parts, those that ever touch the ground: the rest would only cost time.
        ever = np.flatnonzero(self.support.rolls.any(axis=0)) if self.support is not None else np.zeros(0, dtype=int)
        parts = rolling.find_other_parts(self.character)[ever] if len(ever) else ever
        rolls, place = len(ever) > 0, solid_slice.start + parts
        corners = BodyPoints.of_masses(model)
        kin = compute_kinematics(model, qpos, points.joined(corners) if self.physics or rolls else points)

        blocks = [
            residuals.acceleration(lay, qpos, self.fps, self.acceleration_spread()),
            residuals.hinge_limits(model, qpos, sigmas.limits),
            residuals.ball_limits(model, lay, qpos, sigmas.limits),
        ]
        if self.seen is not None:
            blocks += [
                residuals.reprojection(kin, view, self.seen, sigmas.reprojection),
                residuals.bones_3d(kin, view, self.seen, sigmas.bones),
                residuals.velocity(lay, qpos, self.fps, self.velocity_spread()),
                residuals.pose_prior(model, lay, qpos),
            ]
        if self.target is not None:
            blocks.append(residuals.tracking(lay, qpos, self.target, self.tracking_spread()))
        if self.support is not None:
            held = self.support.contact.astype(np.float64)
            blocks += [
                residuals.ground_height(kin, contact_slice, held, sigmas.ground),
                residuals.no_slip(kin, contact_slice, held, view, self.fps, sigmas.slip),
                residuals.no_penetration(kin, solid_slice, solid.radius, sigmas.penetration),
            ]
            if self.support.leaning is not None:
                blocks.append(residuals.hand_height(kin, contact_slice, self.support.leaning, sigmas.slip))
            if self.support.rests.any():
                alone = self.support.rests & ~self.support.contact.any(axis=1)
                blocks.append(residuals.lowest_point_on_ground(kin, solid_slice, solid.radius, alone, sigmas.carried))
            if rolls:
                points, held = solid.at(parts), self.support.rolls[:, ever]
                blocks += [
                    rolling.part_height(kin, place, points.radius, held, sigmas.rolling),
                    rolling.no_slip(kin, place, points, masses, corners, held, sigmas.roll),
                ]
        if self.support is not None and self.physics:
            # Where the body rests on something that is not known, feet and hands are not all of the support.
            known = ~self.support.rests[:, None]
            held = np.concatenate([self.support.carrying, self.support.rolls[:, ever]], axis=1) & known
            bearing = np.concatenate([np.arange(contact_slice.start, contact_slice.stop), place])
            spin, twist = (spread * float(masses.mass.sum()) / 75.0 for spread in (sigmas.spin, sigmas.twist))
            blocks += [
                dynamics.flight_parabola(kin, self.support.flight, self.fps, sigmas.gravity),
                dynamics.flight_spin(kin, masses, self.support.flight, self.fps, spin),
                dynamics.friction_cone(kin, self.fps, sigmas.friction),
                dynamics.zero_moment_point(kin, masses, bearing, held, self.fps, sigmas.zmp),
                dynamics.free_moment(kin, masses, bearing, held, self.fps, twist),
            ]
        return blocks

    def acceleration_spread(self) -> np.ndarray:
        """Of each degree of freedom, (nv,)."""
        spread = np.full(self.model.nv, self.sigmas.joint_acceleration)
        spread[:3], spread[3:6] = self.sigmas.root_acceleration, self.sigmas.root_turning
        for joint in ("chest", "neck"):
            if joint in self.character.joint_names:
                dof = self.model.joint(joint).dofadr[0]
                spread[dof : dof + 3] = self.sigmas.trunk_acceleration
        return spread

    def tracking_spread(self) -> np.ndarray:
        """Of each degree of freedom, (nv,)."""
        spread = np.full(self.model.nv, self.sigmas.tracking)
        spread[:3] = self.sigmas.root_tracking
        return spread

    def velocity_spread(self) -> np.ndarray:
        """Of each degree of freedom, (nv,); the root is left free."""
        spread = np.full(self.model.nv, self.sigmas.joint_velocity)
        spread[:6] = 1e3
        return spread
