"""From keypoints to a reference motion: SFV's optimisation over the whole trajectory, with contact and physics in it.

Read `reconstruct_motion` from top to bottom. Source: Peng et al. 2018, "SFV: Reinforcement Learning of Physical Skills
from Videos", motion reconstruction. Departures: landmarks instead of joint rotations in 3D, a free root in the world
instead of a camera per frame, contacts, the ground and flight; Gauss-Newton on banded equations instead of L-BFGS.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

import numpy as np

from pose.keypoints import Keypoints
from pose.progress import Progress, silent
from pose.ranges import POSITIVE, check_ranges, name_numbers
from reconstruct.camera import Camera, View
from reconstruct.characters.character import Character
from reconstruct.contacts import part_contacts
from reconstruct.cycle import find_cycle
from reconstruct.fit.choose_objects import OTHER_LENSES, choose, keep_out, propose, try_lenses
from reconstruct.fit.fit_on_ground import Fit, OnGround, fit_on_ground, join_notes
from reconstruct.fit.fit_slope import fit_slope
from reconstruct.fit.look_down import set_below_camera
from reconstruct.fit.misfit import measure_unsupported
from reconstruct.fit.pan_from_feet import estimate_pan_from_feet
from reconstruct.fit.path_unit import carry, stay_in_place
from reconstruct.fit.person_height import HeightEstimate, estimate_height, scale_character
from reconstruct.fit.plumb_lines import find_plumb
from reconstruct.fit.problem import FitSigmas, Problem
from reconstruct.fit.repair import cut_cycle
from reconstruct.lifting.lifter import Lifter, choose_lifter
from reconstruct.motion import ReferenceMotion
from reconstruct.motion_metrics import compute_motion_metrics, count_swapped_frames, reprojection_px
from reconstruct.observations import Observations, estimate_focal, observe
from reconstruct.scene.find_pushed import find_pushed
from reconstruct.scene.place_objects import place_objects
from reconstruct.scene.surfaces import Surface, centre_surfaces
from reconstruct.scene_objects import SceneObject, find_slope
from reconstruct.support import Support
from reconstruct.terms.slope import stand_plumb
from reconstruct.world_frame import centre_world, find_start, remove_ground_velocity

DOWN = "the camera looks down: it is taken to turn in its place, though the background shows a path"
UNKNOWN_UNIT = "the camera is taken to turn in its place: nothing on the ground shows how long its path is"
NO_CYCLE = "the motion is one pass: cycles are made on level ground only, and --reconstruct.loop yes is passed over"
NOT_SEARCHED = "objects are not looked for where the camera is carried along; the run's scene.toml may name them"


@dataclass(frozen=True)
class ReconstructConfig:
    """How keypoints become a motion."""

    fov: float = 50.0
    """Field of view of the lens along the image's longer side [degrees]; a start, refined within `sigmas.focal`."""
    camera: Literal["level", "down"] = "level"
    """Whether the camera was held about level, or looked down from above; --camera is short for it."""
    depth: Literal["lifter", "detector"] = "lifter"
    """Which limbs are in front: by the lifter and the pose network together, or by the latter alone."""
    loop: Literal["auto", "yes", "no"] = "auto"
    """Whether the clip is a cycle that can be repeated: found from the motion, or known."""
    iterations: int = 12
    """Steps of the optimiser at most, in each of its five passes."""
    sigmas: FitSigmas = field(default_factory=FitSigmas)
    """What the optimisation weighs: the standard deviation of every term."""

    def check(self) -> None:
        """Raises `InputError` if an option is out of its range."""
        check_ranges(self, {"fov": (5.0, 150.0), "iterations": (1, 1000)}, "reconstruct.")
        check_ranges(self.sigmas, name_numbers(self.sigmas, POSITIVE) | {"tilt": POSITIVE}, "reconstruct.sigmas.")


@dataclass(frozen=True)
class Reconstruction:
    """A reconstructed motion, its camera and its quality."""

    motion: ReferenceMotion
    """What the policy will imitate."""
    camera: Camera
    """Where the film was taken from, in the motion's world, from the motion's first frame on."""
    cost: dict[str, float]
    """Cost of each term where the optimisation ended."""
    metrics: dict[str, float]
    """How good it is: see `compute_motion_metrics`."""
    first_frame: int
    """Frame of the keypoints that became the motion's first one (a cycle is cut out of the clip)."""
    ended: str = ""
    """Why the optimisation ended."""
    objects: tuple[SceneObject, ...] = ()
    """What carries the person: things on the level ground, or the slope that is the ground, in the motion's world."""
    why: str = ""
    """What speaks for the objects, or that it was not enough."""
    open_limbs: tuple[str, ...] = ()
    """Which limbs may be in front or behind for all that is seen of them, and when."""
    height: HeightEstimate | None = None
    """How tall the person is, where that was not known; the motion is that of a body of its own height."""


def reconstruct_motion(
    keypoints: Keypoints,
    character: Character,
    config: ReconstructConfig = ReconstructConfig(),
    progress: Progress = silent,
    objects: Sequence[SceneObject] | None = None,
    known: View | None = None,
    find_height: bool = False,
) -> Reconstruction:
    """Finds the motion of the character that explains the keypoints and obeys physics.

    Args:
      keypoints: one person over T frames.
      character: body to pose, scaled to the person's height, or to the usual one.
      config: weights and options.
      progress: called after each pass.
      objects: things on level ground, or the slope that is the ground, in the world of the motion that is to come; None
        to find them, empty for level ground alone.
      known: the camera's view in the frame in the middle of its pan, if it is known, and with it the ground; of a
        camera that stays in its place.
      find_height: the person's height is not known: it is estimated, and where the film is sure that it is another
        one, the motion is that of the character at that height.

    Raises:
      InputError: too short, or the person is hardly seen, or an option is out of its range.
    """
    began = time.perf_counter()
    fitted, height = fit_motion(keypoints, character, config, progress, objects, known), None
    if find_height:
        height = estimate_height(fitted.keypoints, fitted.first, fitted.fit.support)
        if height.is_other:  # a fit whose flights fall as those of another body do shows their ends better
            character = scale_character(character, round(height.metres, 3))
            fitted = fit_motion(keypoints, character, config, progress, objects, known)
    keypoints, fit, objects = fitted.keypoints, fitted.fit, fitted.objects
    fit = fit_slope(fit, objects, config.iterations)
    found = _finish(keypoints, character, config, fit, objects, time.perf_counter() - began)
    return replace(found, height=height)


class Fitted(NamedTuple):
    """A motion that is fitted to keypoints, still in the camera's world."""

    keypoints: Keypoints
    """What it is fitted to, with the camera's motion that was taken."""
    fit: Fit
    """The problem and its solution."""
    objects: Sequence[SceneObject] | None
    """What carries the person, as it was given; None if it was to be found."""
    first: OnGround
    """The body alone, before ground and gravity were imposed on it."""


def fit_motion(
    keypoints: Keypoints,
    character: Character,
    config: ReconstructConfig,
    progress: Progress = silent,
    objects: Sequence[SceneObject] | None = None,
    known: View | None = None,
) -> Fitted:
    """Fits a motion; arguments and errors are those of `reconstruct_motion`."""
    config.check()
    motion = keypoints.camera_motion
    if motion is not None and motion.path is not None and config.camera == "down":
        found = fit_motion(stay_in_place(keypoints), character, config, progress, objects)
        return found._replace(fit=replace(found.fit, why=join_notes(DOWN, found.fit.why)))
    focal_px = estimate_focal(keypoints, config.fov) if known is None else float(np.exp(known.log_focal))
    plumb = None if motion else find_plumb(keypoints.vertical_lines, keypoints.image_size, focal_px)
    if motion is None and known is None and plumb is None:  # a background that shows no lines may be a bare wall
        keypoints = replace(keypoints, camera_motion=estimate_pan_from_feet(keypoints, config.fov))
        focal_px = estimate_focal(keypoints, config.fov)
    lifter, note = choose_lifter(config.depth)
    problem = _pose(keypoints, character, config, focal_px, lifter)
    put = set_below_camera if config.camera == "down" else Problem.set_on_ground
    first = fit_on_ground(problem, put, known, config.iterations, progress)
    if first is None:
        found = fit_motion(stay_in_place(keypoints), character, config, progress, objects)
        return found._replace(fit=replace(found.fit, why=join_notes(UNKNOWN_UNIT, found.fit.why)))

    # A path that is put together from pictures wavers by as much as a low step is high.
    unsearched = first.problem.carried is not None and objects is None
    note, objects = join_notes(note, NOT_SEARCHED if unsearched else ""), () if unsearched else objects
    hypotheses = propose(first.problem, first.qpos, first.view, objects)
    fit = first.fit
    if hypotheses:
        progress(1, 1 + len(hypotheses), "objects")
        fit = choose(fit, hypotheses, first.problem, first.qpos, first.view, config.iterations, progress)
        if fit.in_air and known is None:
            focals = {estimate_focal(keypoints, fov) for fov in OTHER_LENSES} - {focal_px}  # a turn shows the lens
            others = (_pose(keypoints, character, config, focal, lifter) for focal in sorted(focals))
            progress(1, 1, "other lenses")
            first, fit = try_lenses(first, fit, others, put, config.iterations)
        fit = keep_out(fit, objects, config.iterations)
    return Fitted(keypoints, replace(fit, why=join_notes(note, fit.why)), objects, first)


def _pose(
    keypoints: Keypoints, character: Character, config: ReconstructConfig, focal_px: float, lifter: Lifter | None
) -> Problem:
    """What a motion is fitted to, seen through a lens of about this focal length [px]."""
    seen = observe(keypoints, character, focal_px, lifter)
    still = keypoints.camera_motion is None
    plumb = find_plumb(keypoints.vertical_lines, keypoints.image_size, focal_px) if still else None
    return Problem(character, keypoints.fps, config.sigmas, observations=seen, focal_px=focal_px, plumb=plumb)


def film_camera(view: View, keypoints: Keypoints, observations: Observations) -> Camera:
    """The camera of the first frame and how it moved, from the view of the reference frame."""
    camera, motion = view.camera(keypoints.image_size), keypoints.camera_motion
    reference = observations.reference
    if motion is not None and observations.carried is not None:
        return replace(carry(camera, observations.carried), zoom=motion.zoom)
    if view.ground_velocity != (0.0, 0.0):
        times = np.arange(len(keypoints)) / keypoints.fps
        camera = replace(camera, path=-np.outer(times, [*view.ground_velocity, 0.0]))
    if motion is None:
        return camera
    lens = motion.for_focal(camera.focal_px / float(motion.zoom[reference]))
    back = lens.R[reference].T
    R, t = back @ camera.R_camera_world, back @ camera.t_camera_world
    return replace(camera, R_camera_world=R, t_camera_world=t, focal_px=lens.focal_px, turn=lens.R, zoom=lens.zoom)


def _finish(
    keypoints: Keypoints,
    character: Character,
    config: ReconstructConfig,
    fit: Fit,
    given: Sequence[SceneObject] | None,
    seconds: float,
) -> Reconstruction:
    """Moves the motion into the person's world, cuts out a cycle and computes the metrics."""
    support, solution = fit.support, fit.solution
    problem, view = fit.problem.with_unknowns(solution.unknowns)
    assert problem.observations is not None
    fps, first, contact = keypoints.fps, 0, support.contact
    standing = view.camera(keypoints.image_size)
    standing = standing if problem.carried is None else carry(standing, problem.carried)
    error_px = reprojection_px(solution.qpos, standing, character, problem.observations)
    swapped = count_swapped_frames(solution.qpos, standing, character, problem.observations)
    camera = film_camera(view, keypoints, problem.observations)
    qpos = remove_ground_velocity(solution.qpos, view.ground_velocity, fps)
    above = support.touches is not None and bool(support.touches.any())
    cycle = None if above or problem.slope else find_cycle(character.model, qpos, fps, config.loop)
    if cycle is not None:
        first = cycle.first
        qpos, contact = cut_cycle(character, qpos, support, cycle, fps, config.sigmas, straight=True)
    surfaces, (turn, origin) = centre_surfaces(problem.surfaces, qpos), find_start(qpos)
    qpos, camera = centre_world(qpos, camera.start_at(first))
    motion = ReferenceMotion(
        qpos=qpos,
        fps=fps,
        character=character.name,
        height=character.height,
        joint_names=character.joint_names,
        contacts=part_contacts(contact, character.contacts),
        contact_names=tuple(character.contacts),
        loop=cycle is not None,
        guessed=keypoints.guessed,
    )
    metrics = {
        "reprojection_px": error_px,
        "swapped_frames": swapped,
        **compute_motion_metrics(motion, character),
        "ground_speed": float(np.hypot(*view.ground_velocity)),
        "solve_seconds": seconds,
    }
    refused = config.loop == "yes" and (above or problem.slope is not None)
    things, why = tuple(given or ()), join_notes(fit.why, NO_CYCLE if refused else "")
    if given is None and support.touches is not None and above:
        things = _gather_things(character, qpos, support, surfaces, turn, origin)
    elif given is None and problem.slope is None and (pushed := find_pushed(character, qpos, contact, fps)) is not None:
        things, why = (pushed.box,), join_notes(why, pushed.why)
    if above or problem.slope is not None:  # what would be missing with level ground alone says nothing
        metrics |= dict.fromkeys(
            ("zmp_outside_support_mm", "rest_com_outside_support_mm", "free_moment_nm"), float("nan")
        )
        metrics["unsupported"] = float(measure_unsupported(problem, support, solution.qpos).mean())
    if problem.slope is not None:
        qpos, camera, thing = stand_plumb(problem.slope.turn(-turn), qpos, camera, find_slope(things))
        motion, things = replace(motion, qpos=qpos), (thing,)
    doubt = problem.observations.open_limbs
    return Reconstruction(motion, camera, solution.cost, metrics, first, solution.message, things, why, doubt)


def _gather_things(
    character: Character,
    qpos: np.ndarray,
    support: Support,
    surfaces: tuple[Surface, ...],
    turn: float,
    origin: np.ndarray,
) -> tuple[SceneObject, ...]:
    """What carries a motion (T, nq) that `centre_world` has turned and moved to its `origin` [rad, m].

    The body keeps away from the boxes where they were: placed once more they would go after it.
    """
    assert support.touches is not None
    kept = (one.move_back(float(np.degrees(turn)), tuple(origin.tolist())) for one in support.things)
    placed = place_objects(character, qpos, support.touches, surfaces)
    return (*kept, *(one for one in placed if one.kind != "box"))
