"""Reference motions from files of all kinds that `reconstruct.formats.open_motion` opens.

A motion of another body, or of another skeleton, is retargeted by `reconstruct.retargeting.retargeting`. Cycles are
those that `reconstruct.cycle` finds: a clip whose end meets its start (a backflip) need not be one.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import mujoco
import numpy as np
from scipy.interpolate import CubicSpline
from scipy.ndimage import maximum_filter1d, minimum_filter1d

from pose.errors import InputError
from pose.foreign_files import refuse_damaged
from reconstruct.characters.character import Character, load_character
from reconstruct.contacts import contact_points, find_contacts, find_runs, part_contacts
from reconstruct.cycle import close_loop, find_cycle, seam_gap
from reconstruct.fit.problem import FitSigmas
from reconstruct.fit.repair import cut_cycle
from reconstruct.formats.open_motion import open_motion
from reconstruct.formats.options import Finding, MotionFileConfig, summarise
from reconstruct.formats.skeleton import SkeletonBody, to_character
from reconstruct.formats.skeleton_motion import SkeletonMotion
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.motion import ReferenceMotion
from reconstruct.retargeting.floor import lay_on_ground
from reconstruct.retargeting.grounding import measure_time_on_ground
from reconstruct.retargeting.retargeting import retarget
from reconstruct.retargeting.set_down import set_down
from reconstruct.rotations import make_continuous, normalise
from reconstruct.solver.tangent import TangentSpace
from reconstruct.support import Support
from reconstruct.terms.rolling import find_resting_parts, other_heights

Loop = Literal["auto", "yes", "no"]
LIMB_ERROR = 20.0
"""Mean angle between the limbs of a file and of the body from which it is reported [degrees]."""
LIMBS = (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
"""Ends of the bones whose directions are compared."""
LOOP_GAP = 0.6
"""Largest difference of a joint between the last and the first frame of a file that says it wraps, for the file to be
taken as one whole cycle [rad]."""
LOST_GROUND = 0.3
"""Least share of frames with a foot or hand at rest on the ground; below it, the heights of a file are not used."""
CLEAR_FLIGHT = 0.2
"""Height of the lowest point above its valley from which it is in flight, where a file's heights are not used [m]."""
SLOW_RISE = 0.7
"""Vertical speed of the lowest point at which such a flight begins and ends [m/s]."""
LOWERED = 0.03
"""Lowering of a motion that is reported [m]."""
SHORTEST, LONGEST = 4, 200_000
"""Frames of the shortest motion and of the longest."""
LEAST_SHARE = 0.75
"""Least share of a file that a cycle found unasked covers: a file is cut to what its user wants."""
LONGEST_SEARCHED = 12.0
"""Longest motion in which cycles are searched unasked [s]; the search takes the square of it in memory."""


@dataclass(frozen=True)
class ImportedMotion:
    """A motion from a file, on a character."""

    motion: ReferenceMotion
    findings: tuple[Finding, ...]
    """What was inferred, mended or is doubtful."""

    @property
    def summary(self) -> str:
        """All findings in one line."""
        return summarise(self.findings)


def read_motion(
    path: Path,
    character: Character,
    fps: float = 30.0,
    start: float = 0.0,
    end: float | None = None,
    loop: Loop = "auto",
) -> ReferenceMotion:
    """Reads a reference motion; see `load_motion`."""
    return load_motion(path, character, fps, start, end, loop).motion


def load_motion(
    path: Path,
    character: Character,
    fps: float = 30.0,
    start: float = 0.0,
    end: float | None = None,
    loop: Loop = "auto",
    config: MotionFileConfig | None = None,
) -> ImportedMotion:
    """Reads a reference motion, and says what had to be inferred, approximated or mended.

    Args:
      path: a file of one of `reconstruct.formats.open_motion.FORMATS`.
      character: who is to perform it; a motion of another body is retargeted.
      fps: frames of other programs are resampled to about this.
      start: part of the file to use, from here [s].
      end: to here [s]; None to its end.
      loop: "auto" takes a cycle that is clear, "yes" the best there is, "no" none.
      config: what the user says about the file.

    Raises:
      InputError: not such a file, not a person's motion, or no such part in it.
    """
    path, config = Path(path), config or MotionFileConfig()
    given = open_motion(path, config, character.name)
    if isinstance(given, SkeletonMotion):
        # Places may be finite and yet leave a limb without a direction: the numbers then end as no rotation's.
        with refuse_damaged(path, "a person's motion", "look at it in another program and export it again"):
            return import_skeleton(given, path, character, fps, (start, end), loop, config)
    motion, findings = given.motion, given.findings
    whole = start <= 0 and (end is None or end >= motion.duration)
    if not whole:
        motion = replace(_part(motion, start, end, path), loop=False)
    _check_length(motion, motion.fps, path)
    source = load_character(motion.character, motion.height)
    if not given.has_contacts:
        times = np.arange(len(motion)) / motion.fps
        qpos, rate = resample(source.model, motion.qpos, times, min(fps, motion.fps))
        qpos = set_on_ground(source.model, qpos, contact_points(source, feet_only=True))
        contacts = find_contacts(point_positions(source.model, qpos, contact_points(source)), rate)
        motion = replace(motion, qpos=qpos, fps=rate, contacts=part_contacts(contacts, source.contacts))
    if motion.character != character.name or abs(motion.height - character.height) > 1e-3:
        said = [Finding("character", f"retargeted from {motion.character}")]
        before = motion
        motion = retarget(motion, source, character).motion
        findings = (*findings, *said, *_time_finding(before, motion))
    if motion.loop and loop == "no":
        motion = replace(motion, loop=False)
    elif not motion.loop and (loop == "yes" or not whole or not given.has_contacts):
        motion = _cycle(motion, character, loop)
    return ImportedMotion(motion, findings or (Finding("character", "as given"),))


def import_skeleton(
    skeleton: SkeletonMotion,
    path: Path,
    character: Character,
    fps: float,
    part: tuple[float, float | None],
    loop: Loop,
    config: MotionFileConfig,
) -> ImportedMotion:
    """A motion of some skeleton on a character, and what was inferred.

    Args:
      skeleton: the motion, in its own axes and unit.
      path: its file, for messages.
      character: who is to perform it.
      fps: frames a second of the result, to which it is near; see `resample`.
      part: from and to which moment [s]; None for the end.
      loop: see `load_motion`.
      config: what the user says about the file.

    Raises:
      InputError: not a person's motion, or no such part in it.
    """
    body, whole, findings = to_character(skeleton, path, config)
    start, end = part
    given = _part(whole, start, end, path)
    _check_length(given, fps, path)
    times = np.arange(len(given)) / given.fps
    soles = contact_points(body)
    qpos, rate = resample(body.model, given.qpos, times, fps)
    qpos = set_on_ground(body.model, qpos, contact_points(body, feet_only=True))
    points = point_positions(body.model, qpos, soles)
    contacts = find_contacts(points, rate)
    if contacts.any(axis=1).mean() < LOST_GROUND:
        lowest = np.minimum(points[..., 2].min(axis=1), find_lowest_of_trunk(body, qpos))
        qpos[:, 2] -= estimate_ground_height(lowest, rate)
        contacts = find_contacts(point_positions(body.model, qpos, soles), rate)
        text = "its height drifts, so the lowest point is set on the ground except in clear flights"
        findings = (*findings, Finding("ground", text))
    on_feet = replace(given, qpos=qpos, fps=rate, contacts=part_contacts(contacts, body.contacts))
    given, is_sure = set_down(on_feet, body)
    if (lowered := float((qpos[:, 2] - given.qpos[:, 2]).max())) > LOWERED:
        text = f"neither standing nor falling where nothing is on the ground, so set down by up to {lowered:.2f} m"
        text += "" if is_sure else ": it may be steps or a bar that are not there"
        findings = (*findings, Finding("ground", text, doubtful=not is_sure))
    motion, lies = _retarget(given, body, character)
    if lies > 0:
        text = f"trunk, knees or elbows are on the ground for {lies:.1f} s: laid upon it"
        findings = (*findings, Finding("ground", text))
    findings = (*findings, *_time_finding(given, motion), *_limb_finding(given, body, motion, character))
    if loop == "no":
        return ImportedMotion(motion, findings)
    wraps = skeleton.wraps and len(given) == len(whole) and np.abs(seam_gap(body.model, given.qpos)).max() < LOOP_GAP
    if wraps and find_cycle(character.model, motion.qpos, motion.fps, loop) is not None:
        closed = close_loop(body.model, given.qpos, blend=max(3, len(qpos) // 6))
        return ImportedMotion(_retarget(replace(given, qpos=closed, loop=True), body, character)[0], findings)
    return ImportedMotion(_cycle(motion, character, loop), findings)


def _retarget(given: ReferenceMotion, body: Character, character: Character) -> tuple[ReferenceMotion, float]:
    """A skeleton's motion on a character, and for how long it was laid on the ground [s]; 0 where it was not."""
    found = retarget(given, body, character, is_laid=True)
    lies = found.ground.lies
    return lay_on_ground(found.motion, character, lies), measure_time_on_ground(lies, found.motion.fps)


def _time_finding(given: ReferenceMotion, motion: ReferenceMotion) -> tuple[Finding, ...]:
    """How time was scaled with the length of the legs, so that gravity is the same."""
    ratio = motion.duration / given.duration
    if abs(ratio - 1.0) < 0.02:
        return ()
    text = (
        f"{given.duration:.2f} s of the file take {motion.duration:.2f} s: time goes with the root of the leg's length"
    )
    return (Finding("time", text),)


def _limb_finding(
    given: ReferenceMotion, body: Character, motion: ReferenceMotion, character: Character
) -> tuple[Finding, ...]:
    """Whether arms and legs point elsewhere than in the file, as where knees would have to bend backwards."""
    if len(given) != len(motion):
        return ()
    ends = [(f"{side}_{a}", f"{side}_{b}") for side in ("left", "right") for a, b in LIMBS]
    ends = [bone for bone in ends if set(bone) <= set(body.landmarks) & set(character.landmarks)]
    names = tuple(sorted({name for bone in ends for name in bone}))
    ways = list[np.ndarray]()
    for whose, which in ((given, body), (motion, character)):
        points = BodyPoints.of_sites(which.model, tuple(which.landmarks[name] for name in names))
        at = point_positions(which.model, whose.qpos, points)
        way = np.stack([at[:, names.index(end)] - at[:, names.index(start)] for start, end in ends], axis=1)
        ways.append(way / np.maximum(np.linalg.norm(way, axis=2, keepdims=True), 1e-9))
    errors = np.degrees(np.arccos(np.clip(np.sum(ways[0] * ways[1], axis=2), -1.0, 1.0)))
    mean = float(errors.mean())
    if mean < LIMB_ERROR:
        return ()
    text = f"arms and legs are off by {mean:.0f} degrees on average: the body cannot do what the file shows"
    return (Finding("limbs", text, doubtful=True),)


def _part(motion: ReferenceMotion, start: float, end: float | None, path: Path) -> ReferenceMotion:
    """The frames from `start` to `end` [s]."""
    first, last = round(max(start, 0.0) * motion.fps), round(min(end or np.inf, motion.duration) * motion.fps)
    if last - first < 2:
        raise InputError(f"{path}: lasts {motion.duration:.2f} s; no motion from {start:g} s to {end or 'its end'}")
    part = slice(first, last + 1)
    return replace(motion, qpos=motion.qpos[part], contacts=motion.contacts[part])


def _check_length(motion: ReferenceMotion, fps: float, path: Path) -> None:
    """Raises `InputError` for a motion that is too short to have velocities and accelerations, or endless."""
    frames = motion.duration * fps + 1.0
    if not SHORTEST - 0.5 <= frames <= LONGEST:
        raise InputError(
            f"{path}: lasts {motion.duration:.3g} s; give {SHORTEST / fps:.2g} to {LONGEST / fps:.0f} s of it"
        )


def _cycle(motion: ReferenceMotion, character: Character, loop: Loop) -> ReferenceMotion:
    """The cycle in a motion, closed, if there is a clear one; else the motion."""
    if loop == "auto" and motion.duration > LONGEST_SEARCHED:
        return motion
    cycle = find_cycle(character.model, motion.qpos, motion.fps, loop)
    if cycle is None or (loop == "auto" and cycle.last - cycle.first < LEAST_SHARE * (len(motion) - 1)):
        return motion
    contact = find_contacts(point_positions(character.model, motion.qpos, contact_points(character)), motion.fps)
    rolling = find_resting_parts(other_heights(character, motion.qpos), motion.fps)
    support = Support(contact, np.logical_not(contact.any(axis=1) | rolling.any(axis=1)), rolling)
    qpos, contact = cut_cycle(character, motion.qpos, support, cycle, motion.fps, FitSigmas())
    return replace(motion, qpos=qpos, contacts=part_contacts(contact, character.contacts), loop=True)


def resample(model: mujoco.MjModel, qpos: np.ndarray, times: np.ndarray, fps: float) -> tuple[np.ndarray, float]:
    """Cubic interpolation to a constant frame rate: positions as they are, quaternions by their renormalised spline.

    Args:
      times: when each frame is [s], increasing, (T,).
      fps: frame rate that is asked for.

    Returns:
      qpos from the first to the last time, and its frame rate: the last frame is kept exactly, so where the duration is
      no whole number of steps, the rate differs from `fps`, by under 2 % for a clip of 1 s at 30 Hz.
    """
    frames = max(2, round((times[-1] - times[0]) * fps) + 1)
    smooth = qpos.copy()
    columns = TangentSpace.of(model).quat_qpos
    for quat in columns:
        smooth[:, quat] = make_continuous(normalise(smooth[:, quat]))
    result = CubicSpline(times, smooth, axis=0)(np.linspace(times[0], times[-1], frames))
    for quat in columns:
        result[:, quat] = normalise(result[:, quat])
    return result, float((frames - 1) / (times[-1] - times[0]))


def set_on_ground(model: mujoco.MjModel, qpos: np.ndarray, points: BodyPoints) -> np.ndarray:
    """Moves a whole motion up or down so that its lowest points, frame by frame the low third, touch z = 0."""
    lowest = point_positions(model, qpos, points)[..., 2].min(axis=1)
    moved = qpos.copy()
    moved[:, 2] -= np.mean(np.sort(lowest)[: max(1, len(lowest) // 3)])
    return moved


def find_lowest_of_trunk(body: SkeletonBody, qpos: np.ndarray) -> np.ndarray:
    """Height of the lowest side of a skeleton's trunk, thighs and head, which may lie on the ground, (T,)."""
    model = body.model
    ends = {int(model.site(site).bodyid[0]) for part in body.contacts.values() for site in part}
    inner = [b for b in range(1, model.nbody) if b not in ends and int(model.body_parentid[b]) not in ends]
    flesh = model.geom_size[model.body_geomadr[inner], 0]  # a ball about each joint
    points = BodyPoints(np.array(inner), np.zeros((len(inner), 3)), flesh)
    return (point_positions(model, qpos, points)[..., 2] - flesh).min(axis=1)


def estimate_ground_height(lowest: np.ndarray, fps: float) -> np.ndarray:
    """Height of a ground that drifts, as below motions found from a single camera: (T,).

    It is the lowest point's own height but where that rises clearly above its neighbourhood of a second: from take-off
    to landing, where the rise begins and ends, the ground is interpolated.

    Args:
      lowest: height of the body's lowest point [m], (T,).
      fps: frames a second.
    """
    window = round(fps) | 1
    valley = maximum_filter1d(minimum_filter1d(lowest, window), window)
    standing = np.ones(len(lowest), dtype=bool)
    for start, end in find_runs(lowest - valley > CLEAR_FLIGHT):
        while start > 1 and lowest[start] - lowest[start - 1] > SLOW_RISE / fps:
            start -= 1
        while end < len(lowest) - 1 and lowest[end - 1] - lowest[end] > SLOW_RISE / fps:
            end += 1
        standing[start + 1 : end - 1] = False
    frames = np.arange(len(lowest))
    return np.interp(frames, frames[standing], lowest[standing])
