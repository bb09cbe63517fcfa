"""Checks of a motion that comes in, before anything is computed with it: leaps, speeds, knees.

What is wrong beyond doubt is refused, what single frames spoil is mended, and what is doubtful is reported.
"""

import itertools
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from pose.timeline.nearest_frames import find_nearest
from reconstruct.contacts import find_runs
from reconstruct.formats.joint_names import SIDES
from reconstruct.formats.options import Finding
from reconstruct.formats.skeleton_motion import SkeletonMotion
from reconstruct.formats.speed import FASTEST, JITTER, check_speed, find_leaps
from reconstruct.formats.upright import measure_leg
from reconstruct.rotations import make_continuous, normalise

THIGH_AND_SHIN = 0.82
"""Of an adult [m]: the measure of speeds before the unit is known."""
LONGEST_GLITCH = 0.3
"""Longest run of frames that is left out as a fault of the sensor [s]."""
NAMED = 4
"""Findings of one kind that are named one by one."""
BENT = np.radians(20.0)
"""Flexion from which a knee shows which way it bends [rad]."""


def mend_leaps(motion: SkeletonMotion, roles: dict[str, int], path: Path) -> SkeletonMotion:
    """Leaves out single frames in which the body is somewhere else; interpolates between the others.

    Raises:
      InputError: it moves faster than any person all through.
    """
    scale = THIGH_AND_SHIN / max(measure_leg(motion.positions, roles), 1e-9)
    root = 0.5 * (motion.positions[:, roles["left_hip"]] + motion.positions[:, roles["right_hip"]]) * scale
    check_speed(root, motion.fps, path)
    reach = FASTEST / motion.fps
    is_fast = find_leaps(root, motion.fps)
    if not is_fast.any():
        return motion
    if is_fast.mean() > 0.25:
        text = f"its path jitters by more than {JITTER:g} m from frame to frame in {is_fast.mean():.0%} of the frames"
        return replace(motion, findings=(*motion.findings, Finding("speed", text, doubtful=True)))
    good = find_continuous_frames(root, is_fast, motion.fps)
    findings = []
    for first, last in find_runs(~good):
        far = float(np.linalg.norm(root[first:last] - np.median(root[good], axis=0), axis=1).max())
        frames = f"frame {first} leaps" if last - first == 1 else f"frames {first}-{last - 1} leap"
        findings.append(Finding("speed", f"{frames} by {far:.0f} m: left out", doubtful=True))
    kept = np.flatnonzero(good)
    gaps, ways = np.diff(kept), np.linalg.norm(np.diff(root[kept], axis=0), axis=1)
    for cut in np.flatnonzero(ways > reach * gaps + JITTER):
        text = f"leaps by {ways[cut]:.1f} m at {kept[cut + 1] / motion.fps:.2f} s: cut it there with --start and --end"
        findings.append(Finding("speed", text, doubtful=True))
    return replace(interpolate_frames(motion, kept), findings=(*motion.findings, *_first_few(findings, "leaps")))


def find_continuous_frames(root: np.ndarray, is_fast: np.ndarray, fps: float) -> np.ndarray:
    """The frames that a person can have gone through: all but short runs that are out of reach of the longest one.

    Args:
      root: path of the body [m], (T, 3).
      is_fast: steps between frames that nobody makes, bool (T - 1,).
      fps: frames a second.
    """
    edges = [0, *(np.flatnonzero(is_fast) + 1).tolist(), len(root)]
    runs = list(itertools.pairwise(edges))
    longest = max(last - first for first, last in runs)
    good = np.zeros(len(root), dtype=bool)
    for first, last in runs:
        if last - first == longest or last - first > max(LONGEST_GLITCH * fps, 5.0):
            good[first:last] = True
    kept = np.flatnonzero(good)
    for first, last in runs:
        if good[first]:
            continue
        frames = np.arange(first, last)
        nearest = find_nearest(frames, kept)
        near = np.linalg.norm(root[frames] - root[nearest], axis=1) <= FASTEST / fps * np.abs(frames - nearest) + JITTER
        good[first:last] = near.all()
    return good


def interpolate_frames(motion: SkeletonMotion, kept: np.ndarray) -> SkeletonMotion:
    """The motion with the frames between `kept` ones interpolated, cut off before the first and after the last."""
    whole = np.arange(kept[0], kept[-1] + 1)
    after = np.clip(np.searchsorted(kept, whole), 1, len(kept) - 1)
    left, right = kept[after - 1], kept[after]
    share = ((whole - left) / (right - left))[:, None, None]
    positions = (1.0 - share) * motion.positions[left] + share * motion.positions[right]
    near, far = motion.rotations[left], motion.rotations[right]
    far = np.where(np.sum(near * far, axis=-1, keepdims=True) < 0, -far, far)
    rotations = normalise((1.0 - share) * near + share * far)
    for joint in range(rotations.shape[1]):
        rotations[:, joint] = make_continuous(rotations[:, joint])
    return replace(motion, positions=positions, rotations=rotations)


def check_knees(positions: np.ndarray, roles: dict[str, int]) -> tuple[Finding, ...]:
    """Whether the knees bend backwards, as in files whose depth is mirrored, (T, J, 3)."""
    at = {name: positions[:, joint] for name, joint in roles.items()}
    hips, shoulders = (0.5 * (at[f"left_{joint}"] + at[f"right_{joint}"]) for joint in ("hip", "shoulder"))
    forward = np.cross(at["left_hip"] - at["right_hip"], shoulders - hips)
    forward /= np.maximum(np.linalg.norm(forward, axis=1, keepdims=True), 1e-9)
    bends = []
    for side in SIDES:
        hip, knee, ankle = (at[f"{side}_{joint}"] for joint in ("hip", "knee", "ankle"))
        thigh, shin = knee - hip, ankle - knee
        lengths = np.linalg.norm(thigh, axis=1) * np.linalg.norm(shin, axis=1)
        flexion = np.arccos(np.clip(np.sum(thigh * shin, axis=1) / np.maximum(lengths, 1e-9), -1.0, 1.0))
        out = knee - 0.5 * (hip + ankle)
        bends.append(np.sum(out * forward, axis=1)[flexion > BENT])
    bent = np.concatenate(bends)
    if len(bent) < 8 or (bent < 0).mean() < 0.8:
        return ()
    text = f"knees bend backwards in {(bent < 0).mean():.0%} of the frames: is the file mirrored?"
    return (Finding("knees", text, doubtful=True),)


def check_order(neutral: np.ndarray, placed: np.ndarray, roles: dict[str, int]) -> tuple[Finding, ...]:
    """Whether a body is put together as a person is.

    Args:
      neutral: the standing pose, (J, 3).
      placed: all frames, (T, J, 3).
      roles: landmark -> joint.
    """
    order, findings = ("shoulder", "hip", "knee", "ankle"), []
    heights = [0.5 * sum(neutral[roles[f"{side}_{joint}"]][2] for side in SIDES) for joint in order]
    for i, (upper, lower) in enumerate(pairwise(order)):
        if heights[i] <= heights[i + 1]:
            text = f"{upper}s are not above {lower}s, standing: give the joints by --joint left_{lower}=NAME"
            findings.append(Finding("joints", text, doubtful=True))
    at = {name: placed[:, joint] for name, joint in roles.items()}
    hips, shoulders = (0.5 * (at[f"left_{joint}"] + at[f"right_{joint}"]) for joint in ("hip", "shoulder"))
    if "head" in at and np.median(np.sum((at["head"] - shoulders) * (shoulders - hips), axis=1)) < 0:
        findings.append(Finding("joints", "the head is below the shoulders in most frames", doubtful=True))
    across = (at[f"left_{joint}"] - at[f"right_{joint}"] for joint in ("hip", "shoulder"))
    if np.median(np.sum(np.multiply(*across), axis=1)) < 0:
        text = "left and right are exchanged between shoulders and hips: give the joints by --joint"
        findings.append(Finding("joints", text, doubtful=True))
    return tuple(findings)


def _first_few(findings: list[Finding], what: str) -> list[Finding]:
    if len(findings) <= NAMED:
        return findings
    return [*findings[:NAMED], Finding("speed", f"{len(findings) - NAMED} more {what}", doubtful=True)]
