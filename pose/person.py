"""Which of the bodies in view is the one person, frame by frame: the best path through everything that was detected.

Only arrays of detections, no images, so it is tested on made-up persons. The same dynamic programme serves twice: on
the first look at whole images it finds who is in the clip, on closer looks it picks the best of several tries.
"""

import re

import numpy as np

from pose.errors import InputError
from pose.estimator import Poses
from pose.landmarks import INDEX, MIRRORED, TWELVE

CORE = np.array([INDEX[name] for name in TWELVE])
"""The joints that bodies are compared on; faces and fingers are too small to tell bodies apart."""
MIRRORED_CORE = np.array(MIRRORED)[CORE]
HIPS = np.array([INDEX["left_hip"], INDEX["right_hip"]])

SPEED = 5.0
"""Fastest believable change of a pose in the image, median over its joints [body sizes/s]; held for `DASH_S`."""
DASH_S = 0.1
TRAVEL = 1.0
"""Fastest believable travel while out of sight for longer [body sizes/s]; more would let paths leap between persons."""
SLACK = 0.2
"""Error of detection added to it [body sizes]."""
MEMORY_S = 0.7
"""Who is out of sight for longer is not recognised again."""
MOTION_COST_S = 0.07
"""Cost of a motion by one body size, in seconds of a body surely seen."""
MISSING_COST = 0.3
"""Cost of a frame passed over on the way, where one with a body surely seen earns 1."""
WEAK_SCORE = 0.2
"""Bodies whose mean score is below are not believed to be there."""
SAME_BODY = 0.35
"""Detections in one image nearer than this are looks at the same body [body sizes]."""
MIN_SHARE = 0.1
"""Who is seen in less of the clip is not counted as a person in it."""


def body_size(xy: np.ndarray) -> np.ndarray:
    """Length scale of bodies: the longer side of the box around their joints [px], (..., J, 2) -> (...)."""
    core = xy[..., CORE, :]
    return np.maximum((core.max(axis=-2) - core.min(axis=-2)).max(axis=-1), 1.0)


def pose_distance_px(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How far apart bodies stand in the image: median over joints [px], (N, J, 2) and (M, J, 2) -> (N, M).

    Left and right may be exchanged between them: that is another fault, mended later (`cleanup`).
    """
    a = a[:, None]
    straight = np.median(np.linalg.norm(a[..., CORE, :] - b[..., CORE, :], axis=-1), axis=-1)
    exchanged = np.median(np.linalg.norm(a[..., MIRRORED_CORE, :] - b[..., CORE, :], axis=-1), axis=-1)
    return np.minimum(straight, exchanged)


def best_path(
    frames: list[Poses],
    fps: float,
    allowed: list[np.ndarray] | None = None,
    through: tuple[int, int] | None = None,
) -> np.ndarray:
    """The one body that is seen most, largest and surest for the least motion (dynamic programming over all frames).

    A path is a choice of at most one body a frame; it may pass over frames, for up to `MEMORY_S`. Each chosen body
    earns its score times its share of the clip's largest bodies; each step costs its motion in body sizes, and the
    frames it passes over. Motion obeys the triangle inequality, so passing over a frame pays only where its
    detection lies off the way.

    Args:
      frames: the bodies in each frame.
      fps: frames a second.
      allowed: which bodies may be chosen, one bool (N,) for each frame; all if None.
      through: (frame, row) of a body that the path must contain.

    Returns:
      The chosen row in each frame, -1 where there is none, int (T,).
    """
    rows = np.full(len(frames), -1)
    sizes = [body_size(poses.xy) for poses in frames]
    everything = np.concatenate([*sizes, np.zeros(0)])
    if len(everything) == 0:
        return rows
    largest = float(np.percentile(everything, 90))
    # A tucked body is small, but moves like the whole one: its size counts as at least half of the usual.
    sizes = [np.maximum(size, 0.5 * largest) for size in sizes]
    earned = [
        poses.score[:, CORE].mean(axis=1) * np.minimum(size / largest, 1.0)
        for poses, size in zip(frames, sizes, strict=True)
    ]
    memory = max(1, round(MEMORY_S * fps))
    total = [gain.copy() for gain in earned]
    before: list[list[tuple[int, int]]] = [[(-1, -1)] * len(poses) for poses in frames]
    for t, poses in enumerate(frames):
        usable = poses.score[:, CORE].mean(axis=1) >= WEAK_SCORE
        if allowed is not None:
            usable &= allowed[t]
        if through is not None and t == through[0]:
            usable &= np.arange(len(poses)) == through[1]
        total[t][~usable] = -np.inf
        if len(poses) == 0:
            continue
        earliest = max(0, t - memory)
        if through is not None and through[0] < t:
            earliest = max(earliest, through[0])
            total[t][:] = -np.inf  # paths that begin after the wanted body do not count
        for s in range(earliest, t):
            if len(frames[s]) == 0:
                continue
            size = np.minimum(sizes[s][:, None], sizes[t][None, :])
            motion = pose_distance_px(frames[s].xy, poses.xy) / size
            value = total[s][:, None] + earned[t] - MOTION_COST_S * fps * motion - MISSING_COST * (t - s - 1)
            gap = (t - s) / fps
            value[motion > SLACK + SPEED * min(gap, DASH_S) + TRAVEL * gap] = -np.inf
            value[:, ~usable] = -np.inf
            best = value.argmax(axis=0)
            for n in np.flatnonzero(value.max(axis=0) > total[t]):
                total[t][n] = value[best[n], n]
                before[t][n] = (s, int(best[n]))
    ends = [(gain.max(initial=-np.inf), t) for t, gain in enumerate(total) if through is None or t >= through[0]]
    value, t = max(ends)
    if not np.isfinite(value):
        return rows
    n = int(total[t].argmax())
    while t >= 0:
        rows[t] = n
        t, n = before[t][n]
    return rows


def apart_from(frames: list[Poses], rows: np.ndarray) -> list[np.ndarray]:
    """Which detections are not looks at the person on this path, one bool (N,) for each frame."""
    apart = []
    for poses, row in zip(frames, rows, strict=True):
        if row < 0:
            apart.append(np.ones(len(poses), dtype=bool))
        else:
            near = SAME_BODY * body_size(poses.xy[row])
            apart.append(pose_distance_px(poses.xy[[row]], poses.xy)[0] > near)
    return apart


def choose_person(frames: list[Poses], fps: float, person: str = "", start: float = 0.0) -> np.ndarray:
    """The path of the person that the user means.

    Args:
      frames: the bodies in each frame.
      fps: frames a second.
      person: "" for the most prominent through the clip; "2" for the second most prominent; "640,300@1.5" for who is
        at that pixel at that second of the video.
      start: time of the first frame in the video [s].

    Returns:
      Chosen row in each frame, -1 where the person was not seen, int (T,).

    Raises:
      InputError: nobody is there, or `person` cannot be read or names nobody.
    """
    person = person.strip()
    point = re.fullmatch(r"([\d.]+)\s*,\s*([\d.]+)\s*@\s*([\d.]+)", person)
    if not (person == "" or re.fullmatch(r"[1-9]\d{0,2}", person) or point):
        raise InputError(f"PERSON={person!r} cannot be read; give 1 (the most prominent), 2, ... or x,y@seconds")
    rows = best_path(frames, fps)
    if (rows < 0).all():
        raise InputError("no person was found; choose another range (START, END) or a video that shows the whole body")
    if point:
        x, y, time = (float(group) for group in point.groups())
        return best_path(frames, fps, through=_body_at(frames, fps, (x, y), time, start, person))
    found = [rows]
    allowed = [np.ones(len(poses), dtype=bool) for poses in frames]
    while len(found) < int(person or 1):
        allowed = [a & b for a, b in zip(allowed, apart_from(frames, rows), strict=True)]
        rows = best_path(frames, fps, allowed=allowed)
        if (rows >= 0).sum() < MIN_SHARE * len(frames):
            places = ", ".join(_place(frames, fps, path, start) for path in found)
            raise InputError(f"PERSON={person}: only {len(found)} found (at {places}); choose one of these")
        found.append(rows)
    return found[-1]


def _body_at(
    frames: list[Poses], fps: float, point: tuple[float, float], time: float, start: float, person: str
) -> tuple[int, int]:
    """(frame, row) of the body nearest to a point at about a time."""
    wanted = round((time - start) * fps)
    if not 0 <= wanted < len(frames):
        raise InputError(f"PERSON={person}: {time:g} s is outside the range of the clip; choose a time within it")
    best, least = (-1, -1), 1.0
    for t in range(max(0, wanted - round(0.25 * fps)), min(len(frames), wanted + round(0.25 * fps) + 1)):
        for n in range(len(frames[t])):
            xy, score = frames[t].xy[n], frames[t].score[n, CORE].mean()
            if score < WEAK_SCORE:
                continue
            away = np.linalg.norm(xy[CORE].mean(axis=0) - point) / body_size(xy)
            away += abs(t - wanted) / fps + 0.3 * (1 - score)
            if away < least:
                best, least = (t, n), float(away)
    if best[0] < 0:
        raise InputError(f"PERSON={person}: nobody was seen there; name the middle of a body that is in plain view")
    return best


def _place(frames: list[Poses], fps: float, rows: np.ndarray, start: float) -> str:
    """Where a person is at the middle of its path, in a form that PERSON takes."""
    seen = np.flatnonzero(rows >= 0)
    t = int(seen[len(seen) // 2])
    x, y = frames[t].xy[rows[t]][HIPS].mean(axis=0)
    return f"{x:.0f},{y:.0f}@{start + t / fps:.2f}"
