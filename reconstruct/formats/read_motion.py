"""Reference motions from files: our own `.npz`, DeepMimic's text files, BVH, AMASS archives.

A motion of another body, or of another skeleton, is retargeted by `reconstruct.retargeting`. Cycles are those that
`reconstruct.cycle` finds: a clip whose end meets its start (a backflip) need not be one.
"""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import mujoco
import numpy as np
from scipy.interpolate import CubicSpline
from scipy.ndimage import maximum_filter1d, minimum_filter1d

from pose.errors import InputError
from reconstruct.characters.character import Character, load_character
from reconstruct.contacts import contact_points, find_contacts, find_runs, part_contacts
from reconstruct.cycle import close_loop, find_cycle, seam_gap
from reconstruct.formats.amass import is_amass, read_amass
from reconstruct.formats.bvh import read_bvh
from reconstruct.formats.deepmimic import read_deepmimic
from reconstruct.formats.skeleton import SkeletonMotion, to_character
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.motion import ReferenceMotion
from reconstruct.problem import FitSigmas
from reconstruct.repair import cut_cycle
from reconstruct.retargeting import retarget
from reconstruct.rolling import find_resting_parts, other_heights
from reconstruct.rotations import make_continuous, normalise
from reconstruct.support import Support
from reconstruct.tangent import TangentSpace

Loop = Literal["auto", "yes", "no"]
KINDS = ".npz (ours or AMASS's), .bvh, .txt (DeepMimic)"

LOOP_GAP = 0.6
"""Largest difference of a joint between the last and the first frame of a file that says it wraps, for the file to be
taken as one whole cycle [rad]."""
LOST_GROUND = 0.3
"""Least share of frames with a foot or hand at rest on the ground; below it, the heights of a file are not used."""
CLEAR_FLIGHT = 0.2
"""Height of the lowest point above its valley from which it is in flight, where a file's heights are not used [m]."""
SLOW_RISE = 0.7
"""Vertical speed of the lowest point at which such a flight begins and ends [m/s]."""
LEAST_SHARE = 0.75
"""Least share of a file that a cycle found unasked covers: a file is cut to what its user wants."""
LONGEST_SEARCHED = 12.0
"""Longest motion in which cycles are searched unasked [s]; the search takes the square of it in memory."""


def read_motion(
    path: Path,
    character: Character,
    fps: float = 30.0,
    start: float = 0.0,
    end: float | None = None,
    loop: Loop = "auto",
) -> ReferenceMotion:
    """Reads a reference motion; see `read_motion_with_notes`."""
    return read_motion_with_notes(path, character, fps, start, end, loop)[0]


def read_motion_with_notes(
    path: Path,
    character: Character,
    fps: float = 30.0,
    start: float = 0.0,
    end: float | None = None,
    loop: Loop = "auto",
) -> tuple[ReferenceMotion, str]:
    """Reads a reference motion, and a note for the user on what had to be inferred or approximated.

    Args:
      path: `.npz` of ours or of AMASS, `.bvh`, `.txt` or `.json` of DeepMimic.
      character: who is to perform it; a motion of another body is retargeted.
      fps: frames of other programs are resampled to about this.
      start: part of the file to use, from here [s].
      end: to here [s]; None to its end.
      loop: "auto" takes a cycle that is clear, "yes" the best there is, "no" none.

    Raises:
      InputError: not such a file, not a person's motion, or no such part in it.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; give a motion: {KINDS}")
    if path.suffix == ".bvh":
        return _of_skeleton(read_bvh(path), path, character, fps, (start, end), loop)
    if path.suffix == ".npz" and is_amass(path):
        motion, note = _of_skeleton(read_amass(path), path, character, fps, (start, end), loop)
        return motion, f"AMASS, on our humanoid's proportions instead of the subject's; {note}"
    if path.suffix in (".txt", ".json"):
        return _of_skeleton(read_deepmimic(path), path, character, fps, (start, end), loop)
    if path.suffix == ".npz":
        motion = ReferenceMotion.load(path)
    else:
        raise InputError(f"{path}: unknown kind of motion '{path.suffix}'; give {KINDS}")
    whole = start <= 0 and (end is None or end >= motion.duration)
    if not whole:
        motion = replace(_part(motion, start, end, path), loop=False)
    note = "as given"
    if motion.character != character.name or abs(motion.height - character.height) > 1e-3:
        note = f"retargeted from {motion.character}"
        motion = retarget(motion, load_character(motion.character, motion.height), character).motion
    if motion.loop and loop == "no":
        motion = replace(motion, loop=False)
    elif not motion.loop and (loop == "yes" or not whole):
        motion = _cycle(motion, character, loop)
    return motion, note


def _of_skeleton(
    skeleton: SkeletonMotion,
    path: Path,
    character: Character,
    fps: float,
    part: tuple[float, float | None],
    loop: Loop,
) -> tuple[ReferenceMotion, str]:
    """A motion of some skeleton on a character, and a note on what was inferred."""
    body, whole, note = to_character(skeleton, path)
    given = _part(whole, *part, path)
    times = np.arange(len(given)) / given.fps
    soles = contact_points(body)
    qpos = resample(body.model, given.qpos, times, fps)
    qpos = set_on_ground(body.model, qpos, contact_points(body, feet_only=True))
    points = point_positions(body.model, qpos, soles)
    contacts = find_contacts(points, fps)
    if contacts.any(axis=1).mean() < LOST_GROUND:
        qpos[:, 2] -= estimate_ground_height(points[..., 2].min(axis=1), fps)
        contacts = find_contacts(point_positions(body.model, qpos, soles), fps)
        note += "; its height drifts, so the lowest point is set on the ground except in clear flights"
    given = replace(given, qpos=qpos, fps=fps, contacts=part_contacts(contacts, body.contacts))
    motion = retarget(given, body, character).motion
    if loop == "no":
        return motion, note
    wraps = skeleton.wraps and len(given) == len(whole) and np.abs(seam_gap(body.model, qpos)).max() < LOOP_GAP
    if wraps and find_cycle(character.model, motion.qpos, motion.fps, loop) is not None:
        closed = close_loop(body.model, qpos, blend=max(3, len(qpos) // 6))
        return retarget(replace(given, qpos=closed, loop=True), body, character).motion, note
    return _cycle(motion, character, loop), note


def _part(motion: ReferenceMotion, start: float, end: float | None, path: Path) -> ReferenceMotion:
    """The frames from `start` to `end` [s]."""
    first, last = round(max(start, 0.0) * motion.fps), round(min(end or np.inf, motion.duration) * motion.fps)
    if last - first < 2:
        raise InputError(f"{path}: lasts {motion.duration:.2f} s; no motion from {start:g} s to {end or 'its end'}")
    part = slice(first, last + 1)
    return replace(motion, qpos=motion.qpos[part], contacts=motion.contacts[part])


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


def resample(model: mujoco.MjModel, qpos: np.ndarray, times: np.ndarray, fps: float) -> np.ndarray:
    """Cubic interpolation to a constant frame rate: positions as they are, quaternions by their renormalised spline.

    Args:
      times: when each frame is [s], increasing, (T,).

    Returns:
      qpos from the first to the last time; the last frame is kept exactly, so the step is stretched by under 2 %
      where the duration is no whole number of steps of a clip of 1 s.
    """
    frames = max(2, round((times[-1] - times[0]) * fps) + 1)
    smooth = qpos.copy()
    columns = TangentSpace.of(model).quat_qpos
    for quat in columns:
        smooth[:, quat] = make_continuous(normalise(smooth[:, quat]))
    result = CubicSpline(times, smooth, axis=0)(np.linspace(times[0], times[-1], frames))
    for quat in columns:
        result[:, quat] = normalise(result[:, quat])
    return result


def set_on_ground(model: mujoco.MjModel, qpos: np.ndarray, points: BodyPoints) -> np.ndarray:
    """Moves a whole motion up or down so that its lowest points, frame by frame the low third, touch z = 0."""
    lowest = point_positions(model, qpos, points)[..., 2].min(axis=1)
    moved = qpos.copy()
    moved[:, 2] -= np.mean(np.sort(lowest)[: max(1, len(lowest) // 3)])
    return moved


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
