"""Everybody in a video: the keypoints of each person, on one clock and before one camera."""

from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from pose.blazepose import BlazePose
from pose.camera.carried_camera import follow_any_camera
from pose.camera.vertical_lines import find_vertical_lines
from pose.cleanup import clean
from pose.errors import InputError
from pose.estimate import FOLLOWING, Film, PoseConfig, Shot, look_through, search_in_crops
from pose.estimator import Crop, PoseEstimator, Poses, concatenate
from pose.keypoints import Keypoints
from pose.memory import keep_images_apart
from pose.people.among_others import AmongOthers, fill_gaps
from pose.people.appearance import describe_bodies
from pose.people.candidates import merge_candidates
from pose.people.crops import AugmentedCrop
from pose.people.moving_region import find_moving_region
from pose.people.people_sheet import write_people_sheet
from pose.people.person import CORE, count_people, find_people, find_people_boxes
from pose.people.prominence import MOST, Candidate, Choice, find_bodies, measure_candidate
from pose.progress import Progress, silent
from pose.timeline.playback_speed import estimate_playback_speed
from pose.video import VideoInfo, probe
from pose.weights import find_or_fetch

FORMAT_VERSION = 5
"""Version of the estimate of everybody: raised whenever the same video gives other keypoints."""
SMALLEST = 0.12
"""Size of a body over the picture's longer side from which it is reconstructed: of a smaller one too little is seen."""
LEAST_PRESENCE = 0.25
"""Share of the frames in which somebody must be seen."""
TILES_PER_S, TILE_PIXELS = 10.0, 512
"""Frames a second that are searched in squares, and the largest side of a square's own image [px]."""
INSIDE, SMALLER = 0.7, 0.8
"""Share of a person's box in that of another one, larger by 1 / `SMALLER`, from which it is a part of that body."""
LEAST_FOUND = 0.2
"""Share of the frames that are searched in squares in which somebody must be found before crops are tried."""
LEAST_SCORE = 0.4
"""Mean score of the detections of somebody who is there: clutter and reflections score less."""
NOBODY = np.zeros(0, dtype=int)
"""Path of a choice in which nobody is chosen."""


def estimate_everyone(
    video: Path,
    config: PoseConfig = PoseConfig(),  # noqa: B008  frozen
    progress: Progress = silent,
    sheet: Path | None = None,
) -> tuple[Keypoints, ...]:
    """Finds everybody in a video and follows each.

    Args:
      video: any file that FFmpeg decodes.
      config: range and effort; `person` is not used.
      progress: called with the number of frames done.
      sheet: picture file that shows who is who.

    Returns:
      Keypoints of each person over the same frames, the most prominent person first; where one is not seen, its
      confidence is 0.

    Raises:
      InputError: the video cannot be used, or shows fewer than two people who are large and long enough in view.
    """
    config.check()
    info = probe(video)
    bundle = find_or_fetch(None, config.model_size, progress)
    with BlazePose(bundle, workers=config.processes) as estimator:
        return estimate_everyone_with(estimator, video, info, config, progress, sheet)


@keep_images_apart()
def estimate_everyone_with(
    estimator: PoseEstimator,
    video: Path,
    info: VideoInfo,
    config: PoseConfig,
    progress: Progress = silent,
    sheet: Path | None = None,
) -> tuple[Keypoints, ...]:
    """Does the same as `estimate_everyone`, with an estimator of the caller's own; `info` is the video's."""
    shot = look_through(estimator, video, info, replace(config, person=""), progress)
    try:
        frames = look_in_tiles(shot.film, shot.everyone)
        choice = find_candidates(shot.film, frames)
        found = follow_each(shot, frames, choice, config)
        kept = [n for n, one in enumerate(found) if is_worth(one.keypoints, config)]
        if len(kept) < 2:
            raise InputError(explain_too_few(len(kept)))
    except InputError as error:
        raise InputError(f"{video}: {error}") from None
    if sheet is not None:
        write_people_sheet(shot.film.images(), frames, Choice(NOBODY, tuple(choice.people[n] for n in kept)), sheet)
    boxes = find_all_boxes(frames, [found[n] for n in kept])
    camera, doubt = follow_any_camera(lambda: shot.film.read(range(len(frames)), FOLLOWING), boxes, shot.film.fps)
    lines = None if camera else find_vertical_lines(shot.film.images(), boxes)
    before = {"camera_motion": camera, "doubt_of_camera": doubt, "vertical_lines": lines, "shots": shot.times}
    people = [replace(found[n].keypoints, **before) for n in kept]
    return put_on_one_clock(people, config)


def look_in_tiles(film: Film, frames: list[Poses]) -> list[Poses]:
    """The bodies in each frame, with those found in squares of the picture in some frames.

    The detector reads the whole picture at 224 pixels, where it mostly finds the largest body alone.
    """
    width, height = film.image_size
    side, longer = min(width, height), max(width, height)
    count = max(1, int(np.ceil((longer - side) / (0.5 * side))) + 1)
    middles = np.linspace(0.5 * side, longer - 0.5 * side, count)
    places = [(x, 0.5 * side) if width >= height else (0.5 * side, x) for x in middles.tolist()]
    tiles = [AugmentedCrop(Crop(place, float(side), 0.0, min(side, TILE_PIXELS)), False, False) for place in places]
    found = list(frames)
    for t, detections in film.detect(dict.fromkeys(range(0, len(frames), find_step(film)), tiles)):
        found[t] = concatenate([found[t], *detections])
    return found


def find_step(film: Film) -> int:
    """The step from one frame that is searched in squares to the next."""
    return max(1, round(film.fps / TILES_PER_S))


def find_candidates(film: Film, frames: list[Poses]) -> Choice:
    """Everybody who may be there, the most prominent first, followed through the frames that are searched in squares.

    In the others most people are missing, which would cost a path more than it gains; crops fill them later.
    """
    step = find_step(film)
    looks = describe_bodies(islice(film.images(), 0, None, step), frames[::step])
    region, people = find_moving_region(film.images(), film.fps), list[Candidate]()
    for path in find_people(frames[::step], film.fps / step, MOST, looks, by_clothes=True, least=LEAST_FOUND):
        rows = np.full(len(frames), -1)
        rows[::step] = path
        people.append(measure_candidate(frames, rows, film.image_size, region))
    people = [one for one in people if one.size >= SMALLEST and measure_score(one, frames) >= LEAST_SCORE]
    return Choice(NOBODY, tuple(sorted(drop_parts(people, frames), key=lambda one: -one.prominence)))


def measure_score(person: Candidate, frames: list[Poses]) -> float:
    """Mean score of the joints of somebody's detections, in [0, 1]."""
    seen = np.flatnonzero(person.rows >= 0).tolist()
    return float(np.mean([frames[t].score[person.rows[t], CORE].mean() for t in seen]))


def is_worth(person: Keypoints, config: PoseConfig) -> bool:
    """Whether somebody is long enough in view to be reconstructed."""
    seen = np.flatnonzero(person.seen)
    if len(seen) < config.min_frames:
        return False
    inside = person.seen[seen[0] : seen[-1] + 1].mean()
    return bool(inside >= config.min_seen and len(seen) >= LEAST_PRESENCE * len(person))


def drop_parts(people: list[Candidate], frames: list[Poses]) -> list[Candidate]:
    """The people without those that are a part of somebody else's body, such as two legs taken for a small person."""
    kept = list[Candidate]()
    for one in sorted(people, key=lambda person: -person.size):
        if all(measure_inside(one, other, frames) < INSIDE or one.size > SMALLER * other.size for other in kept):
            kept.append(one)
    return kept


def measure_inside(one: Candidate, other: Candidate, frames: list[Poses]) -> float:
    """Share of a person's box that is in another's, mean over the frames that show both; 0 if there are none."""
    shares = list[float]()
    for t in np.flatnonzero((one.rows >= 0) & (other.rows >= 0)).tolist():
        own, its = (frames[t].xy[person.rows[t]][CORE] for person in (one, other))
        common = np.minimum(own.max(axis=0), its.max(axis=0)) - np.maximum(own.min(axis=0), its.min(axis=0))
        shares.append(float(np.prod(np.maximum(common, 0.0)) / max(float(np.prod(np.ptp(own, axis=0))), 1.0)))
    return float(np.mean(shares)) if shares else 0.0


def explain_too_few(count: int) -> str:
    """Why a film with `count` people, 0 or 1, is not for `--people all`."""
    who = "only one person is" if count else "nobody is"
    return f"--people all: {who} large and long enough in view; leave --people out, or choose another START and END"


@dataclass(frozen=True)
class Trail:
    """One person over all frames of a shot."""

    keypoints: Keypoints
    """At the film's own speed and without its camera; landmarks that are not seen are at (0, 0)."""
    xy: np.ndarray
    """All landmarks as detected, seen or not; NaN where the person was not found [px], (T, J, 2)."""


def follow_each(shot: Shot, frames: list[Poses], choice: Choice, config: PoseConfig) -> list[Trail]:
    """Follows everybody, those in front first: what crops show of them is then not taken for somebody behind them."""
    step = find_step(shot.film)
    known = [fill_gaps(find_bodies(frames, person.rows), step) for person in choice.people]
    found = dict[int, Trail]()
    for n in sorted(range(len(choice.people)), key=lambda n: -choice.people[n].size):
        others = tuple(found[m].xy if m in found else known[m] for m in range(len(known)) if m != n)
        among = AmongOthers(choice.people[n].rows, choice.people, own=known[n], others=others)
        found[n] = _follow(shot, frames, among, config)
    return [found[n] for n in range(len(choice.people))]


def _follow(shot: Shot, everyone: list[Poses], choice: Choice, config: PoseConfig) -> Trail:
    """The chosen person over all frames of the shot."""
    film = shot.film
    frames, rows = search_in_crops(film, everyone, choice, config.crop_rounds)
    body, people = merge_candidates(frames, rows), count_people(everyone, rows >= 0)
    names, size = film.estimator.names, film.image_size
    raw = Keypoints(body.xy, body.xyz, body.score, film.fps, names, size, shot.start, None, people)
    keypoints = replace(clean(raw), rotation=config.rotate)
    return Trail(keypoints, np.where((rows >= 0)[:, None, None], body.xy, np.nan))


def find_all_boxes(everyone: list[Poses], found: list[Trail]) -> list[np.ndarray]:
    """Where people hide the background: boxes (left, top, right, bottom) [px] of each frame, T arrays (N, 4)."""
    each = [find_people_boxes(everyone, one.xy, np.isfinite(one.xy[:, 0, 0])) for one in found]
    return [np.concatenate(of_frame) for of_frame in zip(*each, strict=True)]


def put_on_one_clock(people: list[Keypoints], config: PoseConfig) -> tuple[Keypoints, ...]:
    """People before the film's camera, with time as the motion had it: at the speed asked for, or else at a common one.

    Args:
      people: at the film's own speed, with `camera_motion`: before a camera that turns nothing falls as it does.
      config: speed and highest frame rate.
    """
    speed = config.speed or find_common_speed(people)
    return tuple(one if speed == 1.0 else one.with_speed(speed, config.max_fps) for one in people)


def find_common_speed(found: list[Keypoints]) -> float:
    """How many times faster than its film the motion was: by the most prominent person whose motion shows it."""
    estimates = (estimate_playback_speed(one) for one in found)
    return next((one.speed for one in estimates if one.measured is not None), 1.0)
