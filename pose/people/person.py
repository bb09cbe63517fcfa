"""Following one person: which of the detected bodies is the same person, frame by frame.

Works on arrays of detections only, without images.
"""

import re
from dataclasses import dataclass

import numpy as np

from pose.errors import InputError
from pose.estimator import Poses, concatenate
from pose.landmarks import INDEX, MIRRORED, TWELVE
from pose.people.appearance import appearance_distance
from pose.people.chain import find_best_chain
from pose.timeline.nearest_frames import find_nearest

CORE = np.array([INDEX[name] for name in TWELVE])
"""The joints that bodies are compared on; faces and fingers are too small to tell bodies apart."""
MIRRORED_CORE = np.array(MIRRORED)[CORE]
HIPS = np.array([INDEX["left_hip"], INDEX["right_hip"]])

SPEED = 5.0
"""Fastest plausible change of a pose in the image, median over its joints, for up to `DASH_S` [body sizes/s]."""
DASH_S = 0.1
"""Longest time for which `SPEED` counts [s]."""
TRAVEL = 1.0
"""Fastest plausible travel over longer gaps [body sizes/s]; more would let paths leap between persons."""
SLACK = 0.2
"""Detection error that is added to the plausible motion [body sizes]."""
MEMORY_S = 0.7
"""Longest gap in a path: a person out of sight for longer is not recognised again [s]."""
MOTION_COST_S = 0.07
"""Cost of a motion by one body size, in seconds of a confidently detected body."""
DEPARTURE_COST_S = 0.12
"""Cost of deviating one body size from the constant-velocity prediction, in seconds of a confidently detected body."""
VELOCITY_MEMORY_S = 0.15
"""Time constant of the running mean of a path's velocity [s]."""
ALIKE = 0.3
"""Distance of appearances up to which bodies may be one person's: light and folds change it."""
DIFFERENT = 0.65
"""Distance of appearances from which bodies are never one person's."""
APPEARANCE_COST = 3.0
"""Cost of a frame with an appearance wholly unlike the path's, where one with a confidently detected body gains 1."""
APPEARANCE_MEMORY_S = 1.5
"""Time constant of the running mean of a path's appearance [s]."""
MISSING_COST = 0.3
"""Cost of a frame without the person, where one with a confidently detected body gains 1."""
WEAK_SCORE = 0.2
"""Bodies with a lower mean score are taken for false detections, in [0, 1]."""
SURE_SCORE = 0.6
"""Bodies with a higher mean score are taken for people: clutter seldom scores so high, in [0, 1]."""
SAME_BODY = 0.35
"""Detections in one image nearer than this are of the same body [body sizes]."""
MOVING = "moving"
"""What `person` says for the one who moves most."""
MIN_SHARE = 0.1
"""Least share of the clip in which a second, third ... person must be detected to be offered."""


def body_size(xy: np.ndarray) -> np.ndarray:
    """Length scale of bodies: the longer side of the box around their joints [px], (..., J, 2) -> (...)."""
    core = xy[..., CORE, :]
    return np.maximum((core.max(axis=-2) - core.min(axis=-2)).max(axis=-1), 1.0)


def pose_distance_px(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Distance between bodies in the image: median over joints [px], (N, J, 2) and (M, J, 2) -> (N, M).

    Left and right may be exchanged between them: that fault is repaired later (`cleanup`).
    """
    a = a[:, None]
    straight = np.median(np.linalg.norm(a[..., CORE, :] - b[..., CORE, :], axis=-1), axis=-1)
    exchanged = np.median(np.linalg.norm(a[..., MIRRORED_CORE, :] - b[..., CORE, :], axis=-1), axis=-1)
    return np.minimum(straight, exchanged)


def find_best_path(
    frames: list[Poses],
    fps: float,
    allowed: list[np.ndarray] | None = None,
    through: tuple[int, int] | None = None,
    looks: list[np.ndarray] | None = None,
    worth: list[np.ndarray] | None = None,
) -> np.ndarray:
    """Finds the body that is seen most often, at the largest size and score, for the least motion.

    A path is a choice of at most one body a frame; it may pass over frames, for up to `MEMORY_S`. Each chosen body
    gains its score times its share of the clip's largest bodies; each step costs its motion in body sizes, its
    departure from the path's recent velocity, and the frames it passes over. Motion obeys the triangle inequality, so
    passing over a frame pays only where its detection lies off the way.

    Args:
      frames: the bodies in each frame.
      fps: frames a second.
      allowed: which bodies may be chosen, one bool (N,) for each frame; all if None.
      through: (frame, row) of a body that the path must contain.
      looks: what the bodies look like, see `pose.people.appearance.describe_bodies`; a path keeps to one appearance.
      worth: factor of each body's gain, one (N,) for each frame; 1 if None.

    Returns:
      The chosen row in each frame, -1 where there is none, int (T,).
    """
    counts = np.array([len(poses) for poses in frames])
    if counts.sum() == 0:
        return np.full(len(frames), -1)
    everyone = concatenate(frames)
    frame, score = np.repeat(np.arange(len(frames)), counts), everyone.score[:, CORE].mean(axis=1)
    usable = score >= WEAK_SCORE
    if allowed is not None:
        usable &= np.concatenate(allowed)
    if through is not None:
        required = counts[: through[0]].sum() + through[1]
        usable &= (frame != through[0]) | (np.arange(len(frame)) == required)
    known = np.concatenate(looks) if looks is not None else None
    motion = _Motion(everyone.xy, frame, fps, None if through is None else through[0], known)
    own = np.where(usable, score * np.minimum(motion.size / motion.largest, 1.0), -np.inf)
    if worth is not None:
        own = np.where(usable, own * np.concatenate(worth), -np.inf)
    memory = max(1, round(MEMORY_S * fps))
    if through is None:
        return find_best_chain(counts, own, motion, memory)
    return find_best_chain(counts, own, motion, memory, frame <= through[0], frame >= through[0])


class _Motion:
    """Links between bodies: the cost of motion, of departures from the path's velocity and of frames passed over."""

    def __init__(
        self, xy: np.ndarray, frame: np.ndarray, fps: float, required: int | None, looks: np.ndarray | None
    ) -> None:
        """Takes all bodies (N, J, 2) [px], their frames (N,), a frame that no link may pass over, and appearances."""
        self.xy, self.frame, self.fps, self.required = xy, frame, fps, required
        self.looks = looks  # running mean over the best path to each body, (N, parts, bins)
        size = body_size(xy)
        self.largest = float(np.percentile(size, 90))
        # A tucked body is small, but moves like the whole one: its size counts as at least half of the usual.
        self.size = np.maximum(size, 0.5 * self.largest)
        self.centre = xy[:, CORE].mean(axis=1)
        self.velocity = np.zeros((len(frame), 2))  # running mean over the best path to each body [px/frame]
        self.moving = np.zeros(len(frame), dtype=bool)  # whether that path has two bodies, and so a velocity

    def gain(self, past: np.ndarray, now: np.ndarray) -> np.ndarray:
        gap = (self.frame[now[0]] - self.frame[past])[:, None]
        motion = pose_distance_px(self.xy[past], self.xy[now])
        predicted = self.centre[past] + self.velocity[past] * gap
        departure = np.linalg.norm(predicted[:, None] - self.centre[now], axis=-1)
        departure[~self.moving[past]] = 0.0
        gain = -MISSING_COST * (gap - 1)
        gain = gain - self.fps * (MOTION_COST_S * motion + DEPARTURE_COST_S * departure) / self.largest
        if self.looks is not None:
            unlike = appearance_distance(self.looks[past][:, None], self.looks[now])
            gain = gain - APPEARANCE_COST * np.maximum(unlike - ALIKE, 0.0)
            gain[unlike > DIFFERENT] = -np.inf
        limit = SLACK + SPEED * np.minimum(gap / self.fps, DASH_S) + TRAVEL * gap / self.fps
        gain[motion > limit * np.minimum(self.size[past][:, None], self.size[now])] = -np.inf
        if self.required is not None and self.frame[now[0]] > self.required:
            gain[self.frame[past] < self.required] = -np.inf
        return gain

    def extend(self, past: np.ndarray, now: np.ndarray) -> None:
        gap = (self.frame[now] - self.frame[past])[:, None]
        latest = (self.centre[now] - self.centre[past]) / gap
        share = np.where(self.moving[past][:, None], 1 - np.exp(-gap / (VELOCITY_MEMORY_S * self.fps)), 1.0)
        self.velocity[now] = self.velocity[past] + share * (latest - self.velocity[past])
        self.moving[now] = True
        if self.looks is not None:
            share = (1 - np.exp(-gap / (APPEARANCE_MEMORY_S * self.fps)))[..., None]
            self.looks[now] = self.looks[past] + share * (self.looks[now] - self.looks[past])


def find_people_boxes(everyone: list[Poses], xy: np.ndarray, seen: np.ndarray) -> list[np.ndarray]:
    """Finds where people hide the background.

    Args:
      everyone: all bodies in each frame.
      xy: the chosen person's landmarks [px], (T, J, 2).
      seen: frames in which it was seen, bool (T,); in the others it has the place of the nearest frame with it.

    Returns:
      Boxes (left, top, right, bottom) [px] of each frame, T arrays (N, 4).
    """
    near = find_nearest(np.arange(len(xy)), np.flatnonzero(seen))
    bodies = [np.concatenate([poses.xy, xy[[t]]]) for poses, t in zip(everyone, near, strict=True)]
    return [np.hstack([body.min(axis=1), body.max(axis=1)]) for body in bodies]


def count_people(everyone: list[Poses], seen: np.ndarray) -> np.ndarray:
    """Counts the people that are surely in view in each frame, int (T,); detections of the same body count once.

    Args:
      everyone: all bodies in each frame.
      seen: frames in which the chosen person was seen, at any score, bool (T,).
    """
    counts = np.zeros(len(everyone), dtype=int)
    for t, poses in enumerate(everyone):
        score = poses.score[:, CORE].mean(axis=1)
        people = list[int]()
        for n in np.argsort(-score)[: int((score >= SURE_SCORE).sum())].tolist():
            apart = pose_distance_px(poses.xy[[n]], poses.xy[people])[0] > SAME_BODY * body_size(poses.xy[n])
            if apart.all():
                people.append(n)
        counts[t] = max(len(people), int(seen[t]))
    return counts


def find_others(frames: list[Poses], rows: np.ndarray) -> list[np.ndarray]:
    """Finds the detections that are not of the person on this path, one bool (N,) for each frame."""
    others = []
    for poses, row in zip(frames, rows, strict=True):
        if row < 0:
            others.append(np.ones(len(poses), dtype=bool))
        else:
            near = SAME_BODY * body_size(poses.xy[row])
            others.append(pose_distance_px(poses.xy[[row]], poses.xy)[0] > near)
    return others


def choose_person(frames: list[Poses], fps: float, person: str = "", start: float = 0.0) -> np.ndarray:
    """Finds the path of the person that the user means, by the detections alone.

    Args:
      frames: the bodies in each frame.
      fps: frames a second.
      person: "" for the one seen most and largest; "2" for the second; "640,300@1.5" for who is at that pixel at that
        second of the video. In a crowd `pose.people.prominence` chooses.
      start: time of the first frame in the video [s].

    Returns:
      Chosen row in each frame, -1 where the person was not seen, int (T,).

    Raises:
      InputError: nobody is there, or `person` cannot be read or names nobody.
    """
    wanted = parse_person(person)
    if isinstance(wanted, PointInVideo):
        check_anybody(frames, fps)
        return find_best_path(frames, fps, through=find_body_at(frames, fps, wanted, start))
    rank = wanted if isinstance(wanted, int) else 1
    found = find_people(frames, fps, most=rank)
    return found[pick_rank(found, rank, frames, fps, start)]


@dataclass(frozen=True)
class PointInVideo:
    """Names a person by where it is and when."""

    x: float
    """[px]."""
    y: float
    """[px]."""
    time: float
    """From the beginning of the video [s]."""
    text: str
    """As the user wrote it."""


def parse_person(person: str) -> int | str | PointInVideo:
    """Reads PERSON: a rank (1 is the default), `MOVING`, or a point at a time.

    Raises:
      InputError: it is none of these.
    """
    person = person.strip()
    if person in ("", MOVING):
        return person or 1
    if re.fullmatch(r"[1-9]\d{0,2}", person):
        return int(person)
    number = r"\s*(\d+\.?\d*|\.\d+)\s*"
    point = re.fullmatch(f"{number},{number}@{number}", person)
    if point is None:
        raise InputError(
            f"PERSON={person!r} cannot be read; give 1 (the most prominent), 2, ..., moving (who moves most), or"
            " x,y@seconds"
        )
    x, y, time = (float(group) for group in point.groups())
    return PointInVideo(x, y, time, person)


def find_people(
    frames: list[Poses],
    fps: float,
    most: int,
    looks: list[np.ndarray] | None = None,
    by_clothes: bool = False,
    least: float = MIN_SHARE,
) -> list[np.ndarray]:
    """Finds the paths of up to `most` people, the one seen most and largest first, int (T,) each.

    Args:
      frames: the bodies in each frame.
      fps: frames a second.
      most: most people.
      looks: what the bodies look like, see `pose.people.appearance.describe_bodies`.
      by_clothes: whether a body in another one's place is somebody else where it looks otherwise; needs `looks`.
      least: share of the frames in which a second, third ... person must be detected.

    Raises:
      InputError: nobody is there.
    """
    found = [check_anybody(frames, fps, looks)]
    allowed = [np.ones(len(poses), dtype=bool) for poses in frames]
    while len(found) < most:
        others = find_others(frames, found[-1])
        if by_clothes and looks is not None:
            unlike = _find_unlike(looks, found[-1])
            others = [a | b for a, b in zip(others, unlike, strict=True)]
        allowed = [a & b for a, b in zip(allowed, others, strict=True)]
        rows = find_best_path(frames, fps, allowed=allowed, looks=looks)
        if (rows >= 0).sum() < least * len(frames):
            break
        found.append(rows)
    return found


def _find_unlike(looks: list[np.ndarray], rows: np.ndarray) -> list[np.ndarray]:
    """The bodies that look unlike the one on this path, one bool (N,) for each frame; none where it is not seen."""
    return [
        appearance_distance(own[row], own) > ALIKE if row >= 0 else np.zeros(len(own), dtype=bool)
        for own, row in zip(looks, rows.tolist(), strict=True)
    ]


def check_anybody(frames: list[Poses], fps: float, looks: list[np.ndarray] | None = None) -> np.ndarray:
    """The best path of all, int (T,); raises `InputError` if nobody is there."""
    rows = find_best_path(frames, fps, looks=looks)
    if (rows < 0).all():
        raise InputError("no person was found; choose another range (START, END) or a video that shows the whole body")
    return rows


def pick_rank(found: list[np.ndarray], rank: int, frames: list[Poses], fps: float, start: float) -> int:
    """Index of the person of this rank; raises `InputError` with the places of those who are there."""
    if rank > len(found):
        places = ", ".join(format_place(frames, fps, path, start) for path in found)
        raise InputError(f"PERSON={rank}: only {len(found)} found (at {places}); choose one of these")
    return rank - 1


def find_body_at(frames: list[Poses], fps: float, point: PointInVideo, start: float) -> tuple[int, int]:
    """Finds the (frame, row) of the body nearest to a point at about a time; raises `InputError` if nobody is there."""
    frame = round((point.time - start) * fps)
    if not 0 <= frame < len(frames):
        raise InputError(
            f"PERSON={point.text}: {point.time:g} s is outside the range of the clip; choose a time within it"
        )
    best, smallest = (-1, -1), 1.0
    for t in range(max(0, frame - round(0.25 * fps)), min(len(frames), frame + round(0.25 * fps) + 1)):
        for n in range(len(frames[t])):
            xy, score = frames[t].xy[n], frames[t].score[n, CORE].mean()
            if score < WEAK_SCORE:
                continue
            distance = np.linalg.norm(xy[CORE].mean(axis=0) - (point.x, point.y)) / body_size(xy)
            distance += abs(t - frame) / fps + 0.3 * (1 - score)
            if distance < smallest:
                best, smallest = (t, n), float(distance)
    if best[0] < 0:
        raise InputError(f"PERSON={point.text}: nobody was seen there; name the middle of a body that is in plain view")
    return best


def format_place(frames: list[Poses], fps: float, rows: np.ndarray, start: float) -> str:
    """Formats where a person is in the middle of its path, in a form that PERSON takes."""
    seen = np.flatnonzero(rows >= 0)
    t = int(seen[len(seen) // 2])
    x, y = frames[t].xy[rows[t]][HIPS].mean(axis=0)
    return f"{x:.0f},{y:.0f}@{start + t / fps:.2f}"
