"""Gaps in a motion: what is missing for a while is interpolated and reported, for most of the time refused."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pose.errors import InputError
from reconstruct.contacts import find_runs
from reconstruct.formats.options import Finding
from reconstruct.rotations import make_continuous, normalise

MOST_MISSING = 0.5
"""Share of the frames that may be missing of what a motion needs."""
DOUBTFUL = 0.05
"""Share of the numbers from which interpolation is doubtful."""
UNIT = 0.05
"""How far the length of a unit quaternion may be from 1."""
LONGEST_GAP = 0.5
"""Time for which something may be missing before what is put there is doubtful [s]."""


def fill_numbers(
    values: np.ndarray, what: str, path: Path, periods: np.ndarray | None = None
) -> tuple[np.ndarray, list[Finding]]:
    """Numbers over time whose gaps are interpolated, and what to say of it.

    Args:
      values: (T, ...), NaN or infinite where something is missing.
      what: the file's name for them.
      path: of the file, for messages.
      periods: a whole turn in the unit of each column that is an angle, 0 of the others, (N,); angles go the shorter
        way round. None: there are no angles.

    Raises:
      InputError: some of them are missing in more than `MOST_MISSING` of the frames.
    """
    seen = np.isfinite(values)
    if seen.all():
        return values, []
    flat, known = values.reshape(len(values), -1).copy(), seen.reshape(len(values), -1)
    check_share(known, what, path)
    times = np.arange(len(flat))
    for column in np.flatnonzero(~known.all(axis=0)):
        own = known[:, column]
        turn = 0.0 if periods is None else float(periods[column])
        there = np.unwrap(flat[own, column], period=turn) if turn else flat[own, column]
        between = np.interp(times[~own], times[own], there)
        flat[~own, column] = (between + turn / 2) % turn - turn / 2 if turn else between
    return flat.reshape(values.shape), [describe_gaps(known, what)]


def check_share(known: np.ndarray, what: str, path: Path) -> None:
    """Raises `InputError` where something is missing in more than `MOST_MISSING` of the frames, bool (T, N)."""
    missing = 1.0 - known.mean(axis=0)
    if missing.max(initial=0.0) > MOST_MISSING:
        frame = int(np.flatnonzero(~known[:, int(missing.argmax())])[0])
        raise InputError(
            f"{path}: {what} holds NaN, infinity or nothing in {missing.max():.0%} of the frames, first in frame "
            f"{frame}; up to {MOST_MISSING:.0%} are interpolated: fill them in, or cut the file"
        )


def describe_gaps(known: np.ndarray, what: str) -> Finding:
    """What to say of numbers that were interpolated where they were not known, bool (T, N)."""
    frames = np.flatnonzero(~known.all(axis=1))
    share = 1.0 - float(known.mean())
    where = f"frame {frames[0]}" if len(frames) == 1 else f"{len(frames)} frames from {frames[0]} on"
    text = f"{what} holds NaN, infinity or nothing in {where}: interpolated"
    longest = max(last - first for first, last in find_runs(np.asarray(~known.all(axis=1))))
    return Finding("format", text, doubtful=share > DOUBTFUL or longest > 1)


def hold_rows(values: np.ndarray, what: str, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Rows (T, ...) of which those that are not finite repeat the last known one, and which are known, bool (T,).

    Rotations are interpolated only when it is known how they are written (`interpolate_turns`); until then a repeated
    row is as good as any.

    Raises:
      InputError: more than `MOST_MISSING` of the rows are missing.
    """
    known = np.asarray(np.isfinite(values).all(axis=tuple(range(1, values.ndim))))
    if known.all():
        return values, known
    check_share(known[:, None], what, path)
    first = int(known.argmax())
    last_known = np.maximum.accumulate(np.where(known, np.arange(len(values)), first))
    return values[last_known], known


def interpolate_turns(quats: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Quaternions (T, J, 4) with the frames between known ones, bool (T,), interpolated; known ones are as given."""
    if known.all():
        return quats
    filled, times = quats.copy(), np.arange(len(quats))
    for joint in range(quats.shape[1]):
        smooth = make_continuous(quats[known, joint])
        between = [np.interp(times[~known], times[known], smooth[:, part]) for part in range(4)]
        filled[~known, joint] = normalise(np.stack(between, axis=1))
    return filled


def fill_turns(quats: np.ndarray, what: str, path: Path) -> tuple[np.ndarray, list[Finding]]:
    """Quaternions (T, 4) whose gaps are interpolated as rotations, and what to say of it; as `fill_numbers`."""
    held, known = hold_rows(quats, what, path)
    if known.all():
        return held, []
    return interpolate_turns(held[:, None], known)[:, 0], [describe_gaps(known[:, None], what)]


def is_unit(quats: np.ndarray) -> bool:
    """Whether the known ones of quaternions (..., 4) have unit length; False where there is none."""
    lengths = np.linalg.norm(quats, axis=-1)
    off = np.abs(lengths[np.isfinite(lengths)] - 1.0)
    return bool(off.size) and float(off.max()) < UNIT


def see_markers(places: np.ndarray) -> np.ndarray:
    """Which markers were seen, bool (T, M), of places (T, M, 3): those at exactly 0 and those that are NaN were not."""
    return np.isfinite(places).all(axis=2) & (np.abs(places).max(axis=2, initial=0.0) > 0)


def cut_ends(places: np.ndarray, fps: float) -> tuple[np.ndarray, list[Finding]]:
    """Places (T, M, 3) without the beginning and the end in which no marker was seen, and what to say of it.

    Args:
      places: NaN or 0 where a marker was not seen.
      fps: frames a second.
    """
    kept = np.flatnonzero(see_markers(places).any(axis=1))
    if not len(kept) or (kept[0] == 0 and kept[-1] == len(places) - 1):
        return places, []
    before, after = kept[0] / fps, (len(places) - 1 - kept[-1]) / fps
    text = f"nothing is seen in the first {before:.2f} s and the last {after:.2f} s: cut off"
    return places[kept[0] : kept[-1] + 1], [Finding("format", text, doubtful=True)]


def fill_markers(places: np.ndarray) -> tuple[np.ndarray, float]:
    """Places (T, M, 3) with gaps interpolated over time, and the share of gaps.

    A marker that is never seen, or missing in more than `MOST_MISSING` of the frames, is NaN.
    """
    filled, times = places.copy(), np.arange(len(places))
    seen = see_markers(places)
    for marker in range(places.shape[1]):
        own = seen[:, marker]
        if own.mean() < 1.0 - MOST_MISSING or not own.any():
            filled[:, marker] = np.nan
        elif not own.all():
            for axis in range(3):
                filled[~own, marker, axis] = np.interp(times[~own], times[own], places[own, marker, axis])
    present = seen.any(axis=0)
    return filled, float(1.0 - seen[:, present].mean()) if present.any() else 1.0


def find_long_gaps(names: Sequence[str], places: np.ndarray, fps: float) -> list[tuple[str, float]]:
    """Markers that are missing for longer than `LONGEST_GAP` at a time, and for how long [s], the longest first."""
    found = list[tuple[str, float]]()
    for name, own in zip(names, see_markers(places).T, strict=True):
        longest = max((last - first for first, last in find_runs(~own)), default=0) / fps
        if own.any() and longest > LONGEST_GAP:
            found.append((name, longest))
    return sorted(found, key=lambda gap: -gap[1])
