"""Which of the bodies in view is the one person, frame by frame: the best path through everything that was detected.

Only arrays of detections, no images, so it is tested on made-up persons. The same dynamic programme serves twice: on
the first look at whole images it finds who is in the clip, on closer looks it picks the best of several tries.
"""

import re

import numpy as np

from pose.errors import InputError
from pose.estimator import Poses, concatenate
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
TURN_COST_S = 0.12
"""Cost of one body size off the place where the body would be at its speed of late, in the same seconds. Who crosses
another person's way goes on as before."""
SPEED_MEMORY_S = 0.15
"""Over which that speed is a running mean."""
MISSING_COST = 0.3
"""Cost of a frame passed over on the way, where one with a body surely seen earns 1."""
WEAK_SCORE = 0.2
"""Bodies whose mean score is below are not believed to be there."""
SURE_SCORE = 0.6
"""Bodies whose mean score is above are there: clutter seldom looks so much like a person."""
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
    earns its score times its share of the clip's largest bodies; each step costs its motion in body sizes, what it
    departs from the path's speed of late, and the frames it passes over. Motion obeys the triangle inequality, so
    passing over a frame pays only where its detection lies off the way.

    Args:
      frames: the bodies in each frame.
      fps: frames a second.
      allowed: which bodies may be chosen, one bool (N,) for each frame; all if None.
      through: (frame, row) of a body that the path must contain.

    Returns:
      The chosen row in each frame, -1 where there is none, int (T,).
    """
    rows = np.full(len(frames), -1)
    counts = np.array([len(poses) for poses in frames])
    if counts.sum() == 0:
        return rows
    everyone = concatenate(frames)
    xy, score = everyone.xy, everyone.score[:, CORE].mean(axis=1)
    frame, first = np.repeat(np.arange(len(frames)), counts), np.concatenate([[0], np.cumsum(counts)])
    usable = score >= WEAK_SCORE
    if allowed is not None:
        usable &= np.concatenate(allowed)
    if through is not None:
        wanted = first[through[0]] + through[1]
        usable &= (frame != through[0]) | (np.arange(len(frame)) == wanted)
    # A tucked body is small, but moves like the whole one: its size counts as at least half of the usual.
    largest = float(np.percentile(body_size(xy), 90))
    size = np.maximum(body_size(xy), 0.5 * largest)
    centre = xy[:, CORE].mean(axis=1)

    earned = score * np.minimum(size / largest, 1.0)
    total = np.where(usable, earned, -np.inf)  # of the best path that ends in each detection
    before = np.full(len(frame), -1)  # the detection before it on that path
    speed = np.zeros((len(frame), 2))  # of that path, lately [px/frame]
    memory = max(1, round(MEMORY_S * fps))
    for t in range(len(frames)):
        now = np.arange(first[t], first[t + 1])[usable[first[t] : first[t + 1]]]
        earliest = max(0, t - memory)
        if through is not None and through[0] < t:
            earliest = max(earliest, through[0])
            total[now] = -np.inf  # paths that begin after the wanted body do not count
        past = np.arange(first[earliest], first[t])
        past = past[np.isfinite(total[past])]
        if len(now) == 0 or len(past) == 0:
            continue
        gap = (t - frame[past])[:, None]
        motion = pose_distance_px(xy[past], xy[now])
        expected = centre[past] + speed[past] * gap
        turn = np.linalg.norm(expected[:, None] - centre[now], axis=-1)
        turn[before[past] < 0] = 0.0  # one sighting has no speed yet
        value = total[past][:, None] + earned[now] - MISSING_COST * (gap - 1)
        value -= fps * (MOTION_COST_S * motion + TURN_COST_S * turn) / largest
        reach = SLACK + SPEED * np.minimum(gap / fps, DASH_S) + TRAVEL * gap / fps
        value[motion > reach * np.minimum(size[past][:, None], size[now])] = -np.inf
        best = value.argmax(axis=0)
        value = value.max(axis=0)
        for n, m, gained in zip(now, past[best], value, strict=True):
            if gained > total[n]:
                total[n], before[n] = gained, m
                latest = (centre[n] - centre[m]) / (t - frame[m])
                share = 1.0 if before[m] < 0 else 1 - np.exp(-(t - frame[m]) / (SPEED_MEMORY_S * fps))
                speed[n] = speed[m] + share * (latest - speed[m])

    ends = total if through is None else np.where(frame >= through[0], total, -np.inf)
    n = int(ends.argmax()) if np.isfinite(ends).any() else -1
    while n >= 0:
        rows[frame[n]] = n - first[frame[n]]
        n = int(before[n])
    return rows


def people_boxes(everyone: list[Poses], xy: np.ndarray, seen: np.ndarray) -> list[np.ndarray]:
    """Where people hide the background.

    Args:
      everyone: all bodies in each frame.
      xy: the chosen person's landmarks [px], (T, J, 2).
      seen: where it was seen, bool (T,); elsewhere it is about where it was in the nearest frame in which it was.

    Returns:
      Boxes (left, top, right, bottom) [px] of each frame, T arrays (N, 4).
    """
    times = np.flatnonzero(seen)
    near = times[np.abs(np.arange(len(xy))[:, None] - times).argmin(axis=1)]
    bodies = [np.concatenate([poses.xy, xy[[t]]]) for poses, t in zip(everyone, near, strict=True)]
    return [np.hstack([body.min(axis=1), body.max(axis=1)]) for body in bodies]


def count_people(everyone: list[Poses], seen: np.ndarray) -> np.ndarray:
    """How many people are surely in view in each frame, int (T,); looks at the same body count once.

    Args:
      everyone: all bodies in each frame.
      seen: where the chosen person was seen, however unsurely, bool (T,).
    """
    counts = np.zeros(len(everyone), dtype=int)
    for t, poses in enumerate(everyone):
        score = poses.score[:, CORE].mean(axis=1)
        told = list[int]()
        for n in np.argsort(-score)[: int((score >= SURE_SCORE).sum())].tolist():
            apart = pose_distance_px(poses.xy[[n]], poses.xy[told])[0] > SAME_BODY * body_size(poses.xy[n])
            if apart.all():
                told.append(n)
        counts[t] = max(len(told), int(seen[t]))
    return counts


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
