"""One world for everybody in a film: one camera, one ground, and how tall each person is.

A single person shows the camera's tilt and height only up to its own height. Several people on one ground show more:
whose feet are where the ground is, and whose head is where the horizon says. What each motion alone says of the camera
is one Gaussian; their product, with a prior for people's heights, is the shared camera. Then everybody's motion is
fitted again before that camera, so that all stand on the same ground.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import solveh_banded
from scipy.optimize import least_squares

from pose.errors import InputError
from pose.keypoints import Keypoints
from pose.progress import Progress, silent
from pose.timeline.seen_part import cut_to_seen
from reconstruct.camera import Camera, View, tilt_from_up
from reconstruct.characters.character import Character
from reconstruct.fit.fit_sigmas import CORRELATED_S, EYE_LEVEL
from reconstruct.fit.plumb_lines import Plumb
from reconstruct.fit.problem import Problem
from reconstruct.observations import estimate_focal, find_middle_frame
from reconstruct.reconstruct import (
    Fitted,
    ReconstructConfig,
    Reconstruction,
    fit_motion,
    reconstruct_motion,
)
from reconstruct.rotations import from_rotvec, multiply, rotate
from reconstruct.solver.normal_equations import normal_equations
from reconstruct.solver.solve import to_banded

HEIGHT_SIGMA = 0.06
"""Standard deviation of the logarithm of people's heights; adults differ by some 6 %."""
LARGEST_SCALE = 0.35
"""Logarithm of the largest height over the usual one, and of the usual one over the smallest: from a child of 1.2 m."""
KNOWN = 4
"""The unknowns that people share: pitch, roll, height, logarithm of the focal length."""


@dataclass(frozen=True)
class SharedWorld:
    """The camera of a whole film, in a world where it stands above the origin, and how tall the people are."""

    camera: Camera
    """From the film's first frame on; z = 0 is the ground."""
    heights: tuple[float, ...]
    """Standing height of each person [m]."""


@dataclass(frozen=True)
class Place:
    """Where and when a motion is in a world that it shares with others."""

    begin: float = 0.0
    """When it begins [s]."""
    yaw: float = 0.0
    """Rotation about the vertical from its own world [rad]."""
    x: float = 0.0
    """Where its own origin lies [m]."""
    y: float = 0.0

    def put(self, qpos: np.ndarray) -> np.ndarray:
        """Poses (T, nq) of the motion in the shared world."""
        turn, placed = from_rotvec(np.array([0.0, 0.0, self.yaw])), qpos.copy()
        placed[:, :3] = rotate(turn, qpos[:, :3]) + [self.x, self.y, 0.0]
        placed[:, 3:7] = multiply(turn, qpos[:, 3:7])
        return placed


@dataclass(frozen=True)
class Sighting:
    """What one person's motion says of the camera in a common frame: a Gaussian over pitch, roll, height and focal."""

    precision: np.ndarray
    """Inverse covariance of what the keypoints say, (4, 4)."""
    pull: np.ndarray
    """Precision times mean, (4,)."""
    tilt: np.ndarray
    """Pitch and roll by the body's balance and the usual tilt of cameras [rad], (2,)."""
    tilt_sigma: np.ndarray
    """Its standard deviations, (2,)."""
    plumb: Plumb | None = None
    """What the background says of the tilt, the same for everybody; None for nothing."""


def find_shared_world(
    everyone: Sequence[Keypoints], character: Character, config: ReconstructConfig, progress: Progress = silent
) -> SharedWorld:
    """Finds the camera, the ground and the people's heights.

    Args:
      everyone: keypoints of each person over the same frames of a film.
      character: body of the height that people have on average.
      config: how motions are fitted; `loop` is not used.
      progress: called after each person.

    Raises:
      InputError: the camera is carried along, or somebody is hardly seen.
    """
    check_camera(everyone[0])
    sightings = list[Sighting]()
    for number, person in enumerate(everyone):
        seen, first = cut_to_seen(person)
        fitted = fit_motion(seen, character, alone(config), objects=())
        sightings.append(hear(fitted, person, first))
        progress(number + 1, len(everyone), "each person alone")
    focal = estimate_focal(everyone[0], config.fov)
    shared, scales = agree(sightings, config, float(np.log(focal)))
    return SharedWorld(make_camera(shared, everyone[0]), tuple(round(character.height * s, 3) for s in scales))


def check_camera(keypoints: Keypoints) -> None:
    """Raises `InputError` for a camera that is carried along."""
    if keypoints.camera_motion is not None and keypoints.camera_motion.path is not None:
        raise InputError(
            "--people all: the camera is carried along, and people share a world only before one that stays in its "
            "place; choose a part (START, END), or one person by --person"
        )


def alone(config: ReconstructConfig) -> ReconstructConfig:
    """The config of a motion that is performed together with others: once, on the film's clock."""
    return replace(config, loop="no")


def hear(fitted: Fitted, film: Keypoints, first: int) -> Sighting:
    """What a motion says of the camera in the film's middle frame.

    Args:
      fitted: the motion, fitted alone.
      film: keypoints over all frames of the film.
      first: frame of the film that is the motion's first.
    """
    problem, solution = fitted.fit.problem, fitted.fit.solution
    problem, view = problem.with_unknowns(solution.unknowns)
    assert problem.observations is not None
    if not problem.free_globals(view)[:KNOWN].any():  # without a foot on the ground nothing is known of it
        return Sighting(np.zeros((KNOWN, KNOWN)), np.zeros(KNOWN), np.zeros(2), np.array(problem.sigmas.tilt))
    precision = find_precision(problem, solution.qpos, solution.unknowns)
    expected = problem.expected or view
    prior = np.diag([*(1.0 / np.square(problem.held_tilt_sigma)), 0.0, 1.0 / problem.sigmas.focal**2])
    mean, at = view.vector()[:KNOWN], expected.vector()[:KNOWN]
    if problem.held_up:  # linear where the fit ended
        held = problem.camera_height(view)
        assert held.global_jacobian is not None
        slope = float(held.global_jacobian[0, 0, 2])
        prior[2, 2] = slope**2
        at[2] = view.height - float(held.residual[0, 0]) / slope if slope else view.height
    data = precision - prior
    pull = precision @ mean - prior @ at
    # Errors that stay alike for a while are no independent witnesses.
    thin = 1.0 / max(1.0, CORRELATED_S * fitted.keypoints.fps)
    shift = shift_to_middle(view, film, first + problem.observations.reference)
    tilt, sigma, plumb = at[:2], np.array(problem.tilt_sigma), problem.plumb
    if plumb is not None:
        tilt, sigma = plumb.take_out(tilt, sigma)
    return Sighting(thin * data, thin * (pull + data @ shift), tilt + shift[:2], sigma, plumb)


def find_precision(problem: Problem, qpos: np.ndarray, unknowns: np.ndarray) -> np.ndarray:
    """Inverse covariance (4, 4) of the view at a solution, whatever the poses are: the Schur complement."""
    frames, nv = len(qpos), problem.model.nv
    system = normal_equations(problem.residuals(qpos, unknowns), frames, nv, len(unknowns))
    lower = to_banded(system.band)
    lower[0] += 1e-6
    edge = system.border.reshape(frames * nv, -1)[:, :KNOWN]
    found = system.corner[:KNOWN, :KNOWN] - edge.T @ solveh_banded(lower, edge, lower=True, check_finite=False)
    return 0.5 * (found + found.T)


def shift_to_middle(view: View, film: Keypoints, frame: int) -> np.ndarray:
    """What pitch, roll, height and focal length change by from a frame of the film to its middle one, (4,)."""
    motion, shift = film.camera_motion, np.zeros(KNOWN)
    if motion is None:
        return shift
    middle = find_middle_frame(motion)
    up = motion.R[middle] @ motion.R[frame].T @ view.rotation()[:, 2]
    shift[:2] = np.array(tilt_from_up(up)) - [view.pitch, view.roll]
    shift[3] = np.log(motion.zoom[middle] / motion.zoom[frame])
    return shift


def agree(sightings: Sequence[Sighting], config: ReconstructConfig, log_focal: float) -> tuple[View, np.ndarray]:
    """The view that explains everybody's best, and how tall each is relative to the body that was fitted, (N,).

    A person who is taller by a factor sees, in its own measure, a camera that is lower by that factor.

    Args:
      sightings: of each person, in the same frame.
      config: has the priors.
      log_focal: logarithm of the expected focal length.
    """
    count, tilt, focal = len(sightings), np.array(config.sigmas.tilt), config.sigmas.focal
    weights = np.array([1.0 / one.tilt_sigma**2 for one in sightings])
    # The usual tilt of cameras is in each person's prior, and counts once.
    total = np.maximum(weights.sum(axis=0) - (count - 1) / tilt**2, 1.0 / tilt**2)
    expected = np.sum([w * one.tilt for w, one in zip(weights, sightings, strict=True)], axis=0) / total
    plumb = next((one.plumb for one in sightings if one.plumb is not None), None)
    if plumb is not None:
        expected, sigma = plumb.put_in(expected, 1.0 / np.sqrt(total))
        total = 1.0 / sigma**2
    roots = [_square_root(one) for one in sightings]

    def residual(x: np.ndarray) -> np.ndarray:
        pitch, roll, log_height, log_f, *scales = x
        above = (log_height - np.log(EYE_LEVEL)) / config.sigmas.camera_height
        parts = [np.sqrt(total) * (x[:2] - expected), [(log_f - log_focal) / focal], x[KNOWN:] / HEIGHT_SIGMA]
        parts.append([np.sign(above) * np.sqrt(np.log1p(above**2))])  # Cauchy's loss, as of one person alone
        for (root, right), scale in zip(roots, scales, strict=True):
            parts.append(root @ np.array([pitch, roll, np.exp(log_height - scale), log_f]) - right)
        return np.concatenate(parts)

    start = np.sum([one.precision for one in sightings], axis=0) + np.diag([*total, 1e-6, 1.0 / focal**2])
    pull = np.sum([one.pull for one in sightings], axis=0)
    first = np.linalg.solve(start, pull + np.array([*(total * expected), 0.0, log_focal / focal**2]))
    first[2] = np.log(np.clip(first[2], 0.05, 50.0))
    far, near = np.full(KNOWN, np.inf), np.full(count, LARGEST_SCALE)
    bounds = np.concatenate([-far, -near]), np.concatenate([far, near])
    found = least_squares(residual, np.concatenate([first, np.zeros(count)]), x_scale="jac", bounds=bounds).x
    view = View(float(found[0]), float(found[1]), float(np.exp(found[2])), float(found[3]))
    return view, np.exp(found[KNOWN:])


def _square_root(one: Sighting) -> tuple[np.ndarray, np.ndarray]:
    """A and b with |A x - b|^2 = x' P x - 2 p' x up to a constant; what is unknown is left out."""
    values, vectors = np.linalg.eigh(one.precision)
    kept = values > 1e-9 * values.max()
    root = np.sqrt(values[kept])[:, None] * vectors[:, kept].T
    return root, (vectors[:, kept].T @ one.pull) / np.sqrt(values[kept])


def make_camera(view: View, film: Keypoints) -> Camera:
    """The camera from the film's first frame on, of a view in its middle frame."""
    motion = film.camera_motion
    if motion is None:
        return view.camera(film.image_size)
    middle = find_middle_frame(motion)
    lens = motion.for_focal(float(np.exp(view.log_focal) / motion.zoom[middle]))
    pitch, roll = tilt_from_up(lens.R[middle].T @ view.rotation()[:, 2])
    first = View(pitch, roll, view.height, float(np.log(lens.focal_px)))
    return replace(first.camera(film.image_size), turn=lens.R, zoom=lens.zoom)


def view_at(camera: Camera, frame: int) -> View:
    """What a camera that stays in its place sees in a frame of its film: its tilt, height and focal length."""
    here = camera.start_at(frame)
    pitch, roll = tilt_from_up(here.R_camera_world[:, 2])
    return View(pitch, roll, float(-here.R_camera_world.T[2] @ here.t_camera_world), float(np.log(here.focal_px)))


def reconstruct_in_world(
    film: Keypoints, character: Character, config: ReconstructConfig, camera: Camera
) -> tuple[Reconstruction, Place]:
    """The motion of one person before a known camera, and where and when it is in the camera's world.

    Args:
      film: keypoints of the person over all frames of the film.
      character: a body of the person's height.
      config: how the motion is fitted; `loop` is not used.
      camera: of the shared world, from the film's first frame on.

    Raises:
      InputError: too short, or the person is hardly seen.
    """
    seen, first = cut_to_seen(film)
    middle = 0 if seen.camera_motion is None else find_middle_frame(seen.camera_motion)
    found = reconstruct_motion(seen, character, alone(config), silent, (), view_at(camera, first + middle))
    return found, find_place(found.camera, camera.start_at(first), first / film.fps)


def find_place(own: Camera, shared: Camera, begin: float) -> Place:
    """Where a motion's own world is in the shared one, by the same camera in both, in the same frame."""
    turn = shared.R_camera_world.T @ own.R_camera_world
    origin = shared.R_camera_world.T @ (own.t_camera_world - shared.t_camera_world)
    yaw = float(np.arctan2(turn[1, 0] - turn[0, 1], turn[0, 0] + turn[1, 1]))
    return Place(begin, yaw, float(origin[0]), float(origin[1]))
