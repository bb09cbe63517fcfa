"""Frames a second of a motion file: from a number, from times in several units, and whether they can be right."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pose.errors import InputError
from reconstruct.formats.options import Finding

FILM_RATES = (24.0, 25.0, 30.0, 48.0, 50.0, 60.0, 72.0, 90.0, 100.0, 120.0, 150.0, 200.0, 240.0, 250.0, 300.0, 480.0)
"""Frames a second in use."""
UNITS = {"milliseconds": 1e3, "microseconds": 1e6, "nanoseconds": 1e9}
"""Of times, with how many there are in a second."""
RATE_KEYS = ("fps", "frequency", "frame_rate", "framerate", "mocap_framerate", "mocap_frame_rate")
STEP_KEYS = ("dt", "timestep", "frame_time")
TIME_KEYS = ("time", "times", "timestamp", "timestamps", "t")
TIME_ENDINGS = {"s": 1.0, "sec": 1.0, "secs": 1.0, "seconds": 1.0, "ms": 1e-3, "msec": 1e-3, "millis": 1e-3,
                "milliseconds": 1e-3, "us": 1e-6, "usec": 1e-6, "microseconds": 1e-6, "ns": 1e-9, "nsec": 1e-9,
                "nanoseconds": 1e-9}  # fmt: skip
"""What follows the name of a time, and how long the unit is [s]."""
UNEVEN = 1.5
"""Longest time between two frames, over the usual one, from which times are uneven."""
SLOWEST = 0.5
"""Frames a second below which times cannot be in seconds, whatever the rate is."""
LONGEST = 1800.0
"""Longest motion that is read [s]."""


def is_usual(rate: float) -> bool:
    """Whether so many frames a second are in use."""
    return any(abs(rate / usual - 1.0) < 0.005 for usual in FILM_RATES)


def guess_rate(number: float) -> tuple[float, str]:
    """Frames a second of a file whose frame time cannot be in seconds: its rate, or milliseconds; and which."""
    if is_usual(1000.0 / number) and not is_usual(number):
        return 1000.0 / number, "milliseconds"
    return number, "the rate"


def time_unit(word: str) -> float | None:
    """Length of the unit of times that are called `time`, `t_ms` or `timestamp_ns` [s]; None for what is no time."""
    if word in TIME_KEYS:
        return 1.0
    start, _, ending = word.rpartition("_")
    if start in ("", *TIME_KEYS) and len(ending) > (0 if start else 4):
        return TIME_ENDINGS.get(ending)
    return None


def measure_rate(times: np.ndarray, name: str, path: Path, is_in_seconds: bool = False) -> tuple[float, list[Finding]]:
    """Frames a second by the times of all frames, and what is doubtful of them.

    Seconds, unless a step of more than one is a rate in use in milliseconds, microseconds or nanoseconds.

    Args:
      times: of the frames, (T,).
      name: what the file calls them.
      path: of the file, for messages.
      is_in_seconds: the unit is known, and has been taken into account.

    Raises:
      InputError: time does not increase.
    """
    steps = np.diff(times)
    if not (steps > 0).all():
        raise InputError(f"{path}: the times of '{name}' do not increase; mend them, or give --fps")
    fps, findings = (len(times) - 1) / float(times[-1] - times[0]), list[Finding]()
    # Whole milliseconds go on by 33, 33, 34: right in the mean. Where frames are lost, the middle one is right.
    rates = (fps, 1.0 / float(np.median(steps))) if fps < 1.0 and not is_in_seconds else ()
    unit = next((unit for unit, count in UNITS.items() if any(is_usual(count * rate) for rate in rates)), None)
    if unit is None and fps < SLOWEST and not is_in_seconds:
        unit = next((unit for unit, count in UNITS.items() if 8.0 <= count * fps <= 1000.0), None)
    if unit is not None:
        fps *= UNITS[unit]
        text = f"the times of '{name}' are taken for {unit}: {fps:.4g} frames a second; --fps overrules"
        findings.append(Finding("rate", text, doubtful=True))
    fps = float(round(fps, 3)) if abs(fps - round(fps, 3)) < 1e-3 else fps  # times end at the microsecond
    if steps.max() > UNEVEN * np.median(steps):
        share = float(steps.max() / np.median(steps))
        text = (
            f"the times of '{name}' are uneven, steps of up to {share:.2g} usual ones: {fps:.4g} a second all through"
        )
        findings.append(Finding("rate", f"{text}; --fps overrules", doubtful=True))
    return fps, findings


def take_rate(
    arrays: Mapping[str, np.ndarray], frames: int, path: Path, rates: Sequence[str] = RATE_KEYS
) -> tuple[float | None, list[Finding]]:
    """Frames a second, if an archive says it as such, as the time of a frame, or as the times of all.

    Args:
      arrays: of the archive, by key.
      frames: how many there are.
      path: of the file, for messages.
      rates: keys of rates, the first one that is there holds.

    Raises:
      InputError: it is no positive number, or time does not increase.
    """
    for keys, power, what in ((rates, 1.0, "frame rate"), (STEP_KEYS, -1.0, "frame time")):
        key = next((key for key in keys if key in arrays), None)
        if key is not None:
            return take_positive(arrays[key], f"{what} ({key})", path) ** power, []
    for key in TIME_KEYS:
        if key in arrays and arrays[key].size == frames and arrays[key].dtype.kind in "iuf":
            return measure_rate(np.ravel(arrays[key]).astype(np.float64), key, path)
    return None, []


def take_positive(array: np.ndarray, what: str, path: Path) -> float:
    """The first number of an array.

    Raises:
      InputError: there is none, or it is not positive.
    """
    try:
        number = float(np.ravel(array)[0])
    except (IndexError, TypeError, ValueError) as error:
        raise InputError(f"{path}: the {what} holds no number; give --fps") from error
    if not (np.isfinite(number) and number > 0):
        raise InputError(f"{path}: a {what.replace(' (', f' of {number:g} (', 1)}; give --fps")
    return number


def check_rate(frames: int, fps: float, path: Path) -> tuple[Finding, ...]:
    """Whether the frame rate of so many frames can be right.

    Raises:
      InputError: the motion would last longer than anything that is read.
    """
    duration = (frames - 1) / fps
    if duration > LONGEST:
        raise InputError(
            f"{path}: {frames} frames last {duration / 60:.0f} minutes at {fps:.4g} a second; "
            "give the rate with --fps, or cut the file"
        )
    if not 8.0 <= fps <= 1000.0:
        text = f"{fps:.4g} frames a second, {duration:.1f} s in all: --fps overrules"
        return (Finding("rate", text, doubtful=True),)
    return ()
