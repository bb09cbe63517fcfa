"""What a longer video shows: cycles that are repeated, actions, and rests between them."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from scipy.ndimage import gaussian_filter1d, uniform_filter1d

from pose.keypoints import Keypoints
from pose.landmarks import TWELVE
from pose.timeline.active_part import usual_size_px

RATE = 15.0
"""Frames a second at which poses are compared."""
SMOOTH_S = 0.1
"""Standard deviation of the filter over the joints' paths [s]."""
STILL = 0.12
"""Mean speed of the joints below which a body rests [body sizes/s]: swaying, breathing, a detector's trembling."""
REST_S = 0.7
"""Shortest rest: shorter ones belong to the motion, as the crouch before a jump does [s]."""
SHORTEST_S = 0.4
"""Shortest action [s]; what is shorter belongs to its neighbour."""
MARGIN_S = 0.3
"""Time of a rest that an action beside it keeps, to begin and end in a stance [s]."""
PERIOD_S = (0.35, 3.0)
"""Range of the time after which a motion may repeat [s]."""
ALIKE = 0.4
"""Largest distance of poses one period apart, relative to that of unrelated poses of the same time, of a repetition."""
NOISE, SHORTER = 0.05, 1.3
"""A shorter period is taken unless its relative distance, with this much added, is this many times as large."""
REPEATS = 2.5
"""Fewest periods of a cycle: a motion that comes back once near where it began repeats nothing."""
SAME_PERIOD = 0.25
"""Largest difference of the logarithms of two periods that belong to one cycle."""

Kind = Literal["cycle", "action", "rest"]


@dataclass(frozen=True)
class Segment:
    """A part of a video that shows one thing."""

    kind: Kind
    """A motion that is repeated, one that is not, or none."""
    start: float
    """First moment [s of the video]."""
    end: float
    """Last moment [s of the video]."""
    period: float | None = None
    """Time of one repetition of a cycle [s of the video]."""

    @property
    def duration(self) -> float:
        """[s of the video]."""
        return self.end - self.start

    def describe(self) -> str:
        """In words, with the options that choose it: `START=2.1 END=6.4 a cycle of 0.55 s, 8 times`."""
        what = {"action": "an action", "rest": "rest", "cycle": "a cycle"}[self.kind]
        if self.period is not None:
            what += f" of {self.period:.2f} s, {self.duration / self.period:.0f} times"
        return f"START={self.start:.1f} END={self.end:.1f} {what}"


def find_segments(keypoints: Keypoints) -> list[Segment]:
    """Finds what a video shows one after the other; together the segments cover all of it.

    A body rests where its joints hardly move for `REST_S`. Elsewhere a motion is a cycle where poses come back after
    one period, several times on end; what lies between is an action. Rests keep `MARGIN_S` less than they last, which
    the actions beside them take.

    Args:
      keypoints: of one person; frames in which it is not seen are interpolated.
    """
    poses, rate = _sample_poses(keypoints)
    if len(poses) < 3:
        return [Segment("action", *_moments(keypoints, 0, len(poses), rate))]
    speed = np.linalg.norm(np.gradient(poses, axis=0), axis=-1).mean(axis=1) * rate
    rest = _keep_long(speed < STILL, round(REST_S * rate))
    period = find_periods(poses.reshape(len(poses), -1), rate)
    labels = np.where(rest, 1, np.where(period > 0, 2, 0))
    runs = _merge_short(_split_runs(labels, period), round(SHORTEST_S * rate))
    return _name(keypoints, runs, period, rate)


def find_periods(poses: np.ndarray, rate: float) -> np.ndarray:
    """The time after which the motion around each frame repeats [s], 0 where it does not, (T,).

    Poses of two periods next to each other are compared; where several periods fit, the shortest counts.

    Args:
      poses: any coordinates of the body in which distances mean something, (T, n).
      rate: frames a second.
    """
    frames, found, best = len(poses), np.zeros(len(poses)), np.full(len(poses), np.inf)
    square = (poses**2).sum(axis=1)
    for lag in range(round(PERIOD_S[1] * rate), max(2, round(PERIOD_S[0] * rate)) - 1, -1):
        if 2 * lag > frames:
            continue
        apart = np.square(poses[lag:] - poses[:-lag]).sum(axis=1)
        window = np.ones(lag) / lag
        near = np.convolve(apart, window, mode="valid")  # at t: of [t, t + lag) and [t + lag, t + 2 lag)
        wide = np.ones(2 * lag) / (2 * lag)
        mean = np.stack([np.convolve(column, wide, mode="valid") for column in poses.T], axis=1)
        spread = np.convolve(square, wide, mode="valid") - (mean**2).sum(axis=1)
        count = min(len(near), len(spread))
        ratio = np.sqrt(near[:count] / (2.0 * np.maximum(spread[:count], 1e-9)))
        for t in np.flatnonzero(ratio < ALIKE):
            part = slice(t, t + 2 * lag)
            better = ratio[t] + NOISE < SHORTER * (best[part] + NOISE)
            found[part] = np.where(better, lag / rate, found[part])
            best[part] = np.where(better, ratio[t], best[part])
    return found


def _sample_poses(keypoints: Keypoints) -> tuple[np.ndarray, float]:
    """Joints in body sizes about the hips, with the hips' own path, at about `RATE`, (T, J + 1, 2); frames a second
    of the motion."""
    columns = [keypoints.names.index(name) for name in TWELVE if name in keypoints.names]
    hips = [i for i, c in enumerate(columns) if keypoints.names[c].endswith("hip")]
    size, fps = usual_size_px(keypoints), keypoints.fps
    if size == 0.0:
        return np.zeros((0, len(columns), 2)), RATE
    frames, xy = np.arange(len(keypoints)), np.zeros((len(keypoints), len(columns), 2))
    for n, column in enumerate(columns):
        known = np.flatnonzero(keypoints.confidence[:, column] > 0)
        for axis in range(2):
            if len(known):
                xy[:, n, axis] = np.interp(frames, known, keypoints.xy[known, column, axis])
    step = max(1, round(fps / RATE))
    calm = gaussian_filter1d(xy / size, max(SMOOTH_S * fps, 0.5 * step), axis=0, mode="nearest")[::step]
    middle = calm[:, hips].mean(axis=1, keepdims=True) if hips else calm.mean(axis=1, keepdims=True)
    # Somebody who walks through the picture repeats the steps, not the place: only up and down counts of the path.
    height = middle * (0.0, 1.0) - middle[:, :, 1:].mean(axis=0) * (0.0, 1.0)
    return np.concatenate([calm - middle, height], axis=1), fps / step


def _keep_long(flags: np.ndarray, shortest: int) -> np.ndarray:
    """Runs of true frames of at least this length, bool (T,)."""
    kept = np.zeros(len(flags), dtype=bool)
    for first, after in _find_runs(flags.astype(int)):
        if flags[first] and after - first >= shortest:
            kept[first:after] = True
    return kept


def _find_runs(values: np.ndarray) -> list[tuple[int, int]]:
    """Runs of equal values, as (first, frame after the last)."""
    edges = [0, *(np.flatnonzero(np.diff(values)) + 1).tolist(), len(values)]
    return list(pairwise(edges))


def _split_runs(labels: np.ndarray, period: np.ndarray) -> list[tuple[int, int, int]]:
    """Runs (first, after, label): 0 an action, 1 a rest, 2 a cycle of one period; too few periods make an action."""
    runs = list[tuple[int, int, int]]()
    for first, after in _find_runs(labels):
        label = int(labels[first])
        if label != 2:
            runs.append((first, after, label))
            continue
        smooth = uniform_filter1d(np.log(period[first:after]), 5, mode="nearest")
        jumps = first + 1 + np.flatnonzero(np.abs(np.diff(np.round(smooth / SAME_PERIOD))) > 1)
        for a, b in zip([first, *jumps.tolist()], [*jumps.tolist(), after], strict=True):
            runs.append((a, b, 2))
    return runs


def _merge_short(runs: list[tuple[int, int, int]], shortest: int) -> list[tuple[int, int, int]]:
    """Joins runs that are too short to their longer neighbour, and neighbours of one kind that are no cycles."""
    runs = list(runs)
    while len(runs) > 1:
        n = min(range(len(runs)), key=lambda i: runs[i][1] - runs[i][0])
        first, after, _ = runs[n]
        if after - first >= shortest:
            break
        beside = [i for i in (n - 1, n + 1) if 0 <= i < len(runs)]
        other = max(beside, key=lambda i: (runs[i][2] != 1, runs[i][1] - runs[i][0]))
        runs[other] = (min(first, runs[other][0]), max(after, runs[other][1]), runs[other][2])
        del runs[n]
    return runs


def _name(keypoints: Keypoints, runs: list[tuple[int, int, int]], period: np.ndarray, rate: float) -> list[Segment]:
    """Segments of runs; cycles of too few periods are actions; actions, and rests, next to each other are one."""
    named = list[tuple[int, int, int]]()
    for first, after, label in runs:
        if label == 2:
            own = period[first:after][period[first:after] > 0]
            label = 2 if (after - first) / rate >= REPEATS * np.median(own) else 0
        if named and label != 2 and label == named[-1][2]:
            named[-1] = (named[-1][0], after, label)
        else:
            named.append((first, after, label))
    margin, segments = round(MARGIN_S * rate), list[Segment]()
    for n, (first, after, label) in enumerate(named):
        before, behind = (named[i][2] if 0 <= i < len(named) else 0 for i in (n - 1, n + 1))
        if label == 1:
            first, after = first + margin * (n > 0), after - margin * (n + 1 < len(named))
        else:
            first, after = first - margin * (before == 1), after + margin * (behind == 1)
        kinds: tuple[Kind, Kind, Kind] = ("action", "rest", "cycle")
        own = period[first:after][period[first:after] > 0]
        once = float(np.median(own)) * keypoints.speed if label == 2 else None
        segments.append(Segment(kinds[label], *_moments(keypoints, first, after, rate), once))
    return segments


def _moments(keypoints: Keypoints, first: int, after: int, rate: float) -> tuple[float, float]:
    """Start and end in the video [s] of frames at a rate of the motion's time."""
    last, rate = keypoints.start + (len(keypoints) - 1) / keypoints.video_fps, rate / keypoints.speed
    return keypoints.start + first / rate, min(keypoints.start + after / rate, last)
