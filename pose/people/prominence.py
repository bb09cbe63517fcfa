"""Who a film is about, among several people: size, middle, motion, being whole and in view."""

from dataclasses import dataclass, field

import numpy as np

from pose.estimator import Poses
from pose.people.moving_region import MovingRegion
from pose.people.person import (
    CORE,
    MOVING,
    PointInVideo,
    body_size,
    check_anybody,
    find_best_path,
    find_body_at,
    find_people,
    parse_person,
    pick_rank,
    pose_distance_px,
)
from pose.people.silhouettes import Silhouettes

LEAST_MOTION, LEAST_MIDDLE = 0.15, 0.5
"""What is left of the prominence of somebody who does not move at all, and of somebody at the picture's edge."""
MOTION_GAIN = 3.0
"""Gain of a body that fills the silhouette of what moves, where one that does not gains none."""
OTHERS = 0.2
"""Detections nearer than this to another person's body are that person's [body sizes]."""
STRAY = 0.3
"""Share of frames up to which the film may move most where nobody is: shadows, things, a camera that shakes."""
STRANGE = 0.2
"""Fit in the silhouette up to which a body is somebody else's, near or behind it."""
SURE, FILLS = 0.45, 0.5
"""Mean score of a body, and its fit in the silhouette, from which its clothes are surely those of who moves."""
OFF = 0.15
"""Distance from a surely known body from which a detection is of somebody else [body sizes]."""
MOSTLY = 0.5
"""Share of the frames in which somebody is surely who moves, from which the others are hidden from the detector."""
LEAST_PRESENCE = 0.2
"""Least share of the frames in which somebody who moves must be seen."""
MOST = 5
"""Most people that are compared."""
CLOSE = 0.6
"""Prominence of the second, relative to the first, from which it is doubtful whom a film is about."""


@dataclass(frozen=True)
class Candidate:
    """One of the people in a film."""

    rows: np.ndarray
    """Row of the person in each frame, -1 where not seen, int (T,)."""
    presence: float
    """Share of the frames in which the person is seen."""
    size: float
    """Mean size of the body over the picture's longer side, while seen."""
    middle: float
    """1 for somebody in the middle of the picture, 0 in a corner."""
    motion: float
    """Mean motion at the joints relative to the most in the picture, in [0, 1]."""
    whole: float
    """Share of the joints that are in the picture, while seen."""

    @property
    def prominence(self) -> float:
        """How much the film is about this person; only ratios mean something."""
        moves, middle = LEAST_MOTION + (1 - LEAST_MOTION) * self.motion, LEAST_MIDDLE + (1 - LEAST_MIDDLE) * self.middle
        return self.presence * self.size * self.whole * moves * middle


def measure_candidate(
    frames: list[Poses], rows: np.ndarray, image_size: tuple[int, int], region: MovingRegion
) -> Candidate:
    """Measures one person's path.

    Args:
      frames: the bodies in each frame.
      rows: the person's row in each frame, -1 where not seen, at least one is; int (T,).
      image_size: width and height [px].
      region: where the film moves.
    """
    seen = np.flatnonzero(rows >= 0)
    xy = np.stack([frames[t].xy[rows[t]] for t in seen])[:, CORE]
    width, height = image_size
    inside = ((xy >= 0) & (xy <= (width, height))).all(axis=-1)
    off = np.linalg.norm((xy.mean(axis=1) / (width, height) - 0.5) * 2.0, axis=1) / np.sqrt(2.0)
    size = np.array([body_size(frames[t].xy[rows[t]]) for t in seen])
    motion = [float(region.motion_of(int(t), frames[t].xy[[rows[t]]][:, CORE])[0]) for t in seen]
    return Candidate(
        rows=rows,
        presence=len(seen) / len(rows),
        size=float(size.mean() / max(image_size)),
        middle=float(np.clip(1.0 - off, 0.0, 1.0).mean()),
        motion=float(np.mean(motion)),
        whole=float(inside.mean()),
    )


@dataclass(frozen=True)
class Crowd:
    """What is known of several people besides where they are."""

    looks: list[np.ndarray]
    """Appearances of the bodies in each frame, see `pose.people.appearance.describe_bodies`."""
    region: MovingRegion
    """Where the film moves."""
    silhouettes: Silhouettes
    """Of who moves most."""
    image_size: tuple[int, int]
    """Width and height [px]."""


@dataclass(frozen=True)
class Choice:
    """The person that was chosen among several."""

    rows: np.ndarray
    """Row of the person in each frame, -1 where not seen, int (T,)."""
    people: tuple[Candidate, ...]
    """All who were compared, the most prominent first."""
    unclaimed: float = 0.0
    """Share of frames in which the film moves most where none of them is."""
    asked: bool = False
    """Whether the user named the person."""
    sure: dict[int, np.ndarray] = field(default_factory=dict)
    """Landmarks (J, 2) [px] of the person in the frames in which it surely is the one who moves."""
    silhouettes: Silhouettes | None = None
    """Of who moves."""

    @property
    def doubt(self) -> float:
        """Prominence of the next person relative to the chosen one's, at most 1: how close the choice was."""
        if len(self.people) < 2:
            return 0.0
        chosen = next((person for person in self.people if person.rows is self.rows), None)
        if chosen is None or chosen.prominence <= 0:
            return 1.0
        return min(1.0, max(p.prominence for p in self.people if p is not chosen) / chosen.prominence)

    @property
    def risk(self) -> float:
        """Risk that another person was meant, from 0 to 1; a coin toss between two equals is 0.5."""
        if self.asked:
            return 0.0
        close = 0.5 * max(0.0, self.doubt - CLOSE) / (1.0 - CLOSE)
        return max(close, self.unclaimed if self.unclaimed > STRAY else 0.0)

    def show_only(self, t: int, image: np.ndarray) -> np.ndarray:
        """The image of frame `t` without the others, if the person mostly is the one who moves and has a silhouette."""
        mostly = len(self.sure) > MOSTLY * max(1, int((self.rows >= 0).sum()))
        if self.silhouettes is None or not mostly or not self.silhouettes.packed[t].any():
            return image
        return self.silhouettes.show_only(t, image)

    def drop_strange(self, frames: list[Poses]) -> list[Poses]:
        """The bodies without those that are clearly off the person, in frames in which it is surely known."""
        kept = list(frames)
        for t, body in self.sure.items():
            if len(frames[t]):
                away = pose_distance_px(frames[t].xy, body[None])[:, 0] / body_size(body)
                kept[t] = frames[t].select(np.flatnonzero(away < OFF))
        return kept

    def find_own(self, frames: list[Poses]) -> np.ndarray:
        """Landmarks of the person, NaN where not seen [px], (T, J, 2)."""
        return find_bodies(frames, self.rows)

    def find_others(self, frames: list[Poses]) -> list[np.ndarray]:
        """Landmarks of the other people in each frame [px], T arrays (N, J, 2)."""
        paths = [person.rows for person in self.people if person.rows is not self.rows]
        return [
            poses.xy[[int(rows[t]) for rows in paths if rows[t] >= 0 and rows[t] != self.rows[t]]]
            for t, poses in enumerate(frames)
        ]


def find_bodies(frames: list[Poses], rows: np.ndarray) -> np.ndarray:
    """Landmarks of one of the bodies of each frame, NaN where the row is -1 [px], (T, J, 2)."""
    bodies = np.full((len(rows), *frames[0].xy.shape[1:]), np.nan)
    for t in np.flatnonzero(rows >= 0):
        bodies[t] = frames[t].xy[rows[t]]
    return bodies


def choose_in_crowd(frames: list[Poses], fps: float, crowd: Crowd, person: str = "", start: float = 0.0) -> Choice:
    """Finds the path of the person that the user means, or that the film is about.

    Args:
      frames: the bodies in each frame.
      fps: frames a second.
      crowd: what else is known of them.
      person: "" or "1" for the most prominent, "2" for the next, "moving" for who moves most, or "x,y@seconds".
      start: time of the first frame in the video [s].

    Raises:
      InputError: nobody is there, or `person` cannot be read or names nobody.
    """
    wanted = parse_person(person)
    if isinstance(wanted, PointInVideo):
        check_anybody(frames, fps)
        through = find_body_at(frames, fps, wanted, start)
        rows = find_best_path(frames, fps, through=through, looks=crowd.looks)
        return Choice(rows, (measure_candidate(frames, rows, crowd.image_size, crowd.region),), asked=True)
    most = MOST if wanted == MOVING else max(MOST, int(wanted))
    paths = [*find_people(frames, fps, most, crowd.looks), *find_mover(frames, fps, crowd)]
    people = [measure_candidate(frames, rows, crowd.image_size, crowd.region) for rows in paths]
    people = _drop_doubles(people)
    people.sort(key=lambda candidate: -(candidate.motion if wanted == MOVING else candidate.prominence))
    rank = 1 if wanted == MOVING else int(wanted)
    rows = [candidate.rows for candidate in people]
    unclaimed = 1.0 - max(crowd.region.share_covered(frames, path) for path in rows)
    chosen = rows[pick_rank(rows, rank, frames, fps, start)]
    return Choice(chosen, tuple(people), unclaimed, asked=person.strip() != "")


def find_mover(frames: list[Poses], fps: float, crowd: Crowd) -> list[np.ndarray]:
    """The path of the bodies that fill the silhouettes of what moves, if there is one that lasts."""
    fit = [crowd.silhouettes.fit(t, poses.xy) for t, poses in enumerate(frames)]
    worth = [MOTION_GAIN * np.maximum(part - STRANGE, 0.0) for part in fit]
    rows = find_best_path(frames, fps, worth=worth, looks=crowd.looks)
    return [rows] if (rows >= 0).mean() >= LEAST_PRESENCE else []


def find_sure_bodies(frames: list[Poses], paths: list[np.ndarray], crowd: Crowd) -> dict[int, np.ndarray]:
    """Landmarks (J, 2) [px] on paths in the frames in which they surely are who moves: sure and in the silhouette."""
    sure = dict[int, np.ndarray]()
    for rows in paths:
        for t in np.flatnonzero(rows >= 0).tolist():
            body, row = frames[t], int(rows[t])
            if body.score[row, CORE].mean() > SURE and crowd.silhouettes.fit(t, body.xy[[row]])[0] > FILLS:
                sure[t] = body.xy[row]
    return sure


def _drop_doubles(people: list[Candidate]) -> list[Candidate]:
    """Of two paths that mostly go through the same bodies, the one that is more prominent."""
    kept = list[Candidate]()
    for one in sorted(people, key=lambda candidate: -candidate.prominence):
        same = [((one.rows == other.rows) & (one.rows >= 0)).sum() / (one.rows >= 0).sum() for other in kept]
        if max(same, default=0.0) < 0.5:
            kept.append(one)
    return kept


def drop_others(frames: list[Poses], own: np.ndarray, others: list[np.ndarray]) -> list[Poses]:
    """The bodies without those that are clearly somebody else's.

    Args:
      frames: candidates for one person in each frame.
      own: landmarks of that person, NaN where not seen [px], (T, J, 2).
      others: landmarks of other people in each frame [px], T arrays (N, J, 2).
    """
    kept = list[Poses]()
    for poses, body, rest in zip(frames, own, others, strict=True):
        if len(poses) == 0 or len(rest) == 0:
            kept.append(poses)
            continue
        away = pose_distance_px(poses.xy, rest) / body_size(rest)
        near = away.min(axis=1)
        strange = near < OTHERS
        if np.isfinite(body).all():
            strange &= near < pose_distance_px(poses.xy, body[None])[:, 0] / body_size(body)
        kept.append(poses.select(np.flatnonzero(~strange)))
    return kept
