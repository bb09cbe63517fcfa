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
from reconstruct.fit.fit_on_ground import Fit, OnGround, fit_ground_and_physics, fit_on_ground, join_notes, solve
from reconstruct.fit.fit_slope import fit_slope
from reconstruct.fit.look_down import set_below_camera
from reconstruct.fit.misfit import measure_misfit, measure_unsupported
from reconstruct.fit.pan_from_feet import estimate_pan_from_feet
from reconstruct.fit.path_unit import carry, stay_in_place
from reconstruct.fit.person_height import HeightEstimate, estimate_height, scale_character
from reconstruct.fit.plumb_lines import find_plumb
from reconstruct.fit.problem import FitSigmas, Problem
from reconstruct.fit.repair import cut_cycle
from reconstruct.lifting.lifter import choose_lifter
from reconstruct.motion import ReferenceMotion
from reconstruct.motion_metrics import compute_motion_metrics, count_swapped_frames, reprojection_px
from reconstruct.observations import Observations, estimate_focal, observe
from reconstruct.scene.clearance import find_clearance
from reconstruct.scene.find_pushed import find_pushed
from reconstruct.scene.find_surfaces import Hypothesis, propose_surfaces, surfaces_of
from reconstruct.scene.place_objects import place_boxes, place_objects
from reconstruct.scene.surfaces import Surface, centre_surfaces
from reconstruct.scene_objects import SceneObject, find_slope
from reconstruct.support import Support
from reconstruct.terms.slope import stand_plumb
from reconstruct.world_frame import centre_world, find_start, remove_ground_velocity

PRICE = 20.0
"""What each surface of a hypothesis costs, in units of the misfit: its height, place and size are free to choose. Were
errors independent, some 5 would do (Schwarz 1978); those of a detector last for several frames."""
LOWEST_OBJECT = 0.2
"""Height from which an object is distinguished from an error in the height of the body above the ground [m]."""
# 2026-11-28: of SFV's films, all on flat ground, the roll had a box of 0.11 m and the jump one of 0.02 m without it.
LOWEST_STAIR = 0.08
"""The same of the first of several stairs, which the others confirm [m]."""

TILT_OF_STAIRS = 0.015
"""Standard deviation of the camera's tilt about that of the first pass where there are several levels [rad]."""

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
    heard = observe(keypoints, character, focal_px, lifter)
    problem = Problem(character, keypoints.fps, config.sigmas, observations=heard, focal_px=focal_px, plumb=plumb)
    put = set_below_camera if config.camera == "down" else Problem.set_on_ground
    first = fit_on_ground(problem, put, known, config.iterations, progress)
    if first is None:
        found = fit_motion(stay_in_place(keypoints), character, config, progress, objects)
        return found._replace(fit=replace(found.fit, why=join_notes(UNKNOWN_UNIT, found.fit.why)))

    # A path that is put together from pictures wavers by as much as a low step is high.
    unsearched = first.problem.carried is not None and objects is None
    note, objects = join_notes(note, NOT_SEARCHED if unsearched else ""), () if unsearched else objects
    hypotheses = _propose(first.problem, first.qpos, first.view, objects)
    fit = first.fit
    if hypotheses:
        progress(1, 1 + len(hypotheses), "objects")
        fit = _choose(fit, hypotheses, first.problem, first.qpos, first.view, config, progress)
        fit = _keep_out(fit, objects, config)
    return Fitted(keypoints, replace(fit, why=join_notes(note, fit.why)), objects, first)


def take_part(progress: Progress, index: int, count: int) -> Progress:
    """The progress of one of several parts of equal length."""
    return lambda done, total, note="": progress(index * total + done, count * total, note)


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


def _propose(problem: Problem, qpos: np.ndarray, view: View, objects: Sequence[SceneObject] | None) -> list[Hypothesis]:
    """The given objects as the only hypothesis, or those that the motion of the body alone suggests."""
    if objects is None:
        return propose_surfaces(problem.character, qpos, view, problem.fps)
    given = surfaces_of(problem.character, qpos, objects)
    return [given] if given.surfaces else []


def _choose(
    flat: Fit,
    hypotheses: list[Hypothesis],
    problem: Problem,
    qpos: np.ndarray,
    view: View,
    config: ReconstructConfig,
    progress: Progress,
) -> Fit:
    """The hypothesis that explains keypoints and forces best, if it is clearly better than the ground alone."""
    if flat.solution.unknowns[4:6].any():  # the ground moves: what stays in the picture does not stay on it
        return flat
    best, least = flat, measure_misfit(flat.problem, flat.support, flat.solution)
    alone = least
    notes = list[str]()
    for number, hypothesis in enumerate(hypotheses, 1):
        tried, start, seen_from = _lower_ground(problem, qpos, view, hypothesis.base)
        tried = _hold_tilt(replace(tried, surfaces=hypothesis.surfaces), hypothesis)
        part = take_part(progress, number, 1 + len(hypotheses))
        fit = replace(fit_ground_and_physics(tried, start, seen_from, config.iterations, part), why=hypothesis.why)
        misfit = measure_misfit(fit.problem, fit.support, fit.solution) + PRICE * len(hypothesis.surfaces)
        levels = [one.level for one in fit.problem.surfaces if one.kind != "wall"] or [np.inf]
        if not hypothesis.given and (max(levels) < LOWEST_OBJECT or min(levels) < LOWEST_STAIR):
            notes.append(f"{hypothesis.why}, but the fit puts them at {min(levels):.2f} m, too low to be sure")
            continue
        notes.append(f"{hypothesis.why}, but the film fits no better ({misfit:.0f} against {alone:.0f})")
        if hypothesis.given or (misfit < least and fit.support.touches is not None and fit.support.touches.any()):
            best, least = fit, misfit
    return best if best is not flat else replace(flat, why=f"not sure: {'; '.join(notes)}")


def _keep_out(fit: Fit, given: Sequence[SceneObject] | None, config: ReconstructConfig) -> Fit:
    """The same, with no part of the body inside of the boxes that carry it, and feet and hands clear of their edges: a
    foot that grazes a stair is caught there in simulation. `given` are things in the world that the motion is to have,
    if they are known.
    """
    if fit.support.touches is None or not fit.support.touches.any():
        return fit
    problem, view = fit.problem.with_unknowns(fit.solution.unknowns)
    boxes = place_boxes(problem.character, fit.solution.qpos, fit.support.touches, problem.surfaces, given)
    still = tuple(replace(one, known=True) for one in problem.surfaces)
    support, qpos = fit.support, fit.solution.qpos
    away = find_clearance(problem.character, qpos, support.contact, fit.support.touches, problem.fps)
    support = replace(support, things=boxes, clearance=away)
    problem = replace(problem, surfaces=still).with_support(support, physics=True)
    solution = solve(problem, qpos, view, config.iterations)
    return replace(fit, problem=problem.with_unknowns(solution.unknowns)[0], support=support, solution=solution)


def _lower_ground(problem: Problem, qpos: np.ndarray, view: View, base: float) -> tuple[Problem, np.ndarray, View]:
    """A first pass in a world whose ground is at the height `base` of its own [m]."""
    if not base:
        return problem, qpos, view
    lowered = qpos.copy()
    lowered[:, 2] -= base
    expected = replace(problem.expected or view, height=(problem.expected or view).height - base)
    return replace(problem, expected=expected), lowered, replace(view, height=view.height - base)


def _hold_tilt(problem: Problem, hypothesis: Hypothesis) -> Problem:
    """A problem in which the camera stays as the body's balance has it where several heights are unknown: a slope and
    stairs that are too low look alike."""
    if sum(one.kind == "box" and not one.known for one in hypothesis.surfaces) < 2:
        return problem
    return replace(problem, tilt_sigma=tuple(min(sigma, TILT_OF_STAIRS) for sigma in problem.tilt_sigma))


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
