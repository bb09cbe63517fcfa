"""The pose stage: from a video to the keypoints of one person."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np

from pose.blazepose import BlazePose
from pose.camera.carried_camera import follow_any_camera
from pose.camera.vertical_lines import find_vertical_lines
from pose.cleanup import clean
from pose.errors import InputError
from pose.estimator import PoseEstimator, Poses, concatenate
from pose.formats.layouts import KeypointOrder
from pose.keypoints import Keypoints
from pose.memory import keep_images_apart
from pose.people.appearance import describe_bodies
from pose.people.candidates import merge_candidates
from pose.people.crops import MARGIN_S, AugmentedCrop, find_doubtful, find_inner_frames
from pose.people.moving_region import find_moving_region
from pose.people.people_sheet import write_people_sheet
from pose.people.person import (
    MEMORY_S,
    MOVING,
    PointInVideo,
    choose_person,
    count_people,
    find_best_path,
    find_people_boxes,
    parse_person,
)
from pose.people.person_candidates import PersonCandidates
from pose.people.prominence import Choice, Crowd, choose_in_crowd, find_mover, find_sure_bodies
from pose.people.silhouettes import Silhouettes, find_silhouettes
from pose.progress import Progress, silent
from pose.ranges import check_ranges
from pose.timeline.playback_speed import apply_playback_speed, check_speed
from pose.timeline.seen_part import cut_ends
from pose.timeline.shots import find_shots, make_thumbnail
from pose.video import VideoInfo, probe, read_frames, turn_image
from pose.weights import find_or_fetch

FORMAT_VERSION = 13
"""Version of the estimate: raised whenever the same input gives other keypoints, so that finished stages are redone."""

SEVERAL = 0.1
"""Least share of frames with several people in which they are compared by appearance and motion."""
FITS = 0.6
"""Fit of the best body in the silhouette of what moves below which a frame is searched again, see `Silhouettes.fit`."""
FOLLOWING = "following the camera"
"""What the progress says meanwhile."""
LOOKS = 2
"""Times that poor frames are searched: by what moves, then by the clothes that were found so."""
ROUNDS_SEEN, ROUNDS_BETWEEN, ROUNDS_BEYOND = 2, 6, 3
"""Most rounds of crops at a doubtful frame: with the person seen in it, between two such frames, and before the first
or after the last one, where the person may be out of the picture."""


@dataclass(frozen=True)
class PoseConfig:
    """How the person in the video is found."""

    start: float = 0.0
    """First moment of the video that is used [s]."""
    end: float | None = None
    """Last moment of the video that is used [s]; by default its end."""
    person: str = ""
    """Person to follow: 1 the most prominent (default), 2 the next, moving who moves most, "x,y@t" who is at pixel x,y
    at t [s]."""
    model_size: Literal["heavy", "full", "lite"] = "heavy"
    """Size of the BlazePose network: heavy is the most accurate, full twice as fast."""
    speed: float | None = None
    """How many times faster than its video the motion was, 4 for slow motion; estimated if left out."""
    rotate: Literal[0, 90, 180, 270] = 0
    """Clockwise rotation that makes the picture upright, where the file does not know it [degrees]."""
    max_fps: float = 60.0
    """Highest frame rate used [1/s]; of faster videos only some frames are used."""
    crop_rounds: int = 20
    """Most rounds of detection in crops around the person; 0 for none."""
    min_seen: float = 0.5
    """Least share of the frames in which the person must be seen, 0 to 1."""
    min_frames: int = 10
    """Least number of frames in which the person must be seen."""
    processes: int | None = None
    """Number of detector processes; by default one for each core."""
    keypoint_order: KeypointOrder = "auto"
    """Order of the points in --keypoints; auto: by their number and places."""

    def check(self) -> "PoseConfig":
        """The config itself.

        Raises:
          InputError: an option is out of its range, or `person` cannot be read.
        """
        if not self.start >= 0.0:
            raise InputError(f"START={self.start:g} s is not a time; give seconds from the beginning")
        if self.end is not None and not self.end > self.start:
            raise InputError(f"END={self.end:g} s is not after START={self.start:g} s; choose a later END")
        check_speed(self.speed)
        parse_person(self.person)
        counts = {"crop_rounds": (0, 1000), "min_frames": (1, 1e6), "processes": (1, 1024)}
        check_ranges(self, counts | {"max_fps": (1.0, 1e4), "min_seen": (0.0, 1.0)})
        return self


def estimate_keypoints(
    video: Path, config: PoseConfig = PoseConfig(), progress: Progress = silent, sheet: Path | None = None
) -> Keypoints:
    """Finds one person in a video and follows it.

    The detector sees every frame on its own. Which detections belong to the person is decided over the whole clip, and
    frames without a confident detection are searched again in crops. What is not seen stays marked as not seen.

    Args:
      video: any file that FFmpeg decodes.
      config: range, person and effort.
      progress: called with the number of frames done.
      sheet: picture file that shows the people to choose from, written where there are several.

    Raises:
      InputError: the video cannot be used, or shows nobody, or the person in too few frames.
    """
    config.check()
    info = probe(video)
    next(read_frames(video, config.start, config.end))  # raises on a wrong range before the network is loaded
    bundle = find_or_fetch(None, config.model_size, progress)
    with BlazePose(bundle, workers=config.processes) as estimator:
        return estimate_keypoints_with(estimator, video, info, config, progress, sheet)


@keep_images_apart()
def estimate_keypoints_with(
    estimator: PoseEstimator,
    video: Path,
    info: VideoInfo,
    config: PoseConfig,
    progress: Progress = silent,
    sheet: Path | None = None,
) -> Keypoints:
    """Does the same as `estimate_keypoints`, with an estimator of the caller's own.

    Args:
      estimator: finds bodies in single images.
      video: any file that FFmpeg decodes.
      info: of this video, from `probe`.
      config: range, person and effort; `model_size` and `processes` are not used.
      progress: called with the number of frames done.
      sheet: picture file that shows the people to choose from, written where there are several.

    Raises:
      InputError: as `estimate_keypoints`.
    """
    shot = look_through(estimator, video, info, config, progress)
    try:
        found = _follow(shot.film, shot.everyone, replace(config, start=shot.start), sheet)
    except InputError as error:
        raise InputError(f"{video}: {error}") from None
    return apply_playback_speed(replace(found, shots=shot.times), config.speed, config.max_fps)


@dataclass(frozen=True)
class Film:
    """A video that can be looked at more than once."""

    images: Callable[[], Iterator[np.ndarray]]
    """Reads the frames from the first one on."""
    estimator: PoseEstimator
    image_size: tuple[int, int]
    """Width and height [px]."""
    fps: float
    progress: Progress

    def read(self, frames: range, note: str) -> Iterator[np.ndarray]:
        """Reads a part of the frames once more, and reports how far it is."""
        for done, image in enumerate(islice(self.images(), frames.start, frames.stop)):
            self.progress(done, len(frames), note)
            yield image

    def detect(
        self,
        crops: dict[int, list[AugmentedCrop]],
        change: Callable[[int, np.ndarray], np.ndarray] = lambda t, image: image,
    ) -> Iterator[tuple[int, list[Poses]]]:
        """Yields each frame's bodies from its crops, in image pixels; images may be changed first."""
        wanted = ((crops[t], change(t, image)) for t, image in enumerate(self.images()) if t in crops)
        found = self.estimator.detect(crop.cut(image) for crops_of_frame, image in wanted for crop in crops_of_frame)
        for done, (t, crops_of_frame) in enumerate(crops.items()):
            yield t, [crop.poses_to_image(next(found)) for crop in crops_of_frame]
            self.progress(done + 1, len(crops), "searching in crops")


@dataclass(frozen=True)
class Shot:
    """The shot of a video that is used, after a first look at all of it."""

    film: Film
    everyone: list[Poses]
    """The bodies in each frame."""
    start: float
    """Time of its first frame in the video [s]."""
    times: np.ndarray | None
    """Start and end of all shots [s], (N, 2); None if it is the only one."""


def look_through(
    estimator: PoseEstimator, video: Path, info: VideoInfo, config: PoseConfig, progress: Progress
) -> Shot:
    """Finds the bodies in every frame of a video's range, on its own, and the shot to use.

    Args:
      estimator: finds bodies in single images.
      video: any file that FFmpeg decodes.
      info: of this video, from `probe`.
      config: range and person.
      progress: called with the number of frames done.

    Raises:
      InputError: the range or an option makes no sense.
    """
    config.check()
    most = config.max_fps / max(1.0, config.speed or 1.0)
    fps = info.fps / np.ceil(info.fps / most - 1e-3)
    end = min(info.duration, config.end or info.duration)
    expected = max(1, round((end - config.start) * fps))

    def read() -> Iterator[np.ndarray]:
        frames = read_frames(video, config.start, config.end, fps)
        return (turn_image(image, config.rotate) for _, image in frames)

    everyone, thumbnails = list[Poses](), list[np.ndarray]()
    for poses in estimator.detect(_keep_thumbnails(read(), thumbnails)):
        everyone.append(poses)
        progress(len(everyone), expected, "finding people")
    shots = find_shots(thumbnails, fps)
    shot = choose_shot(everyone, shots, fps, config)
    size = (info.width, info.height) if config.rotate % 180 == 0 else (info.height, info.width)
    film = Film(lambda: islice(read(), *shot), estimator, size, fps, progress)
    times = None if len(shots) == 1 else config.start + np.array(shots) / fps
    return Shot(film, everyone[slice(*shot)], config.start + shot[0] / fps, times)


def _follow(film: Film, everyone: list[Poses], config: PoseConfig, sheet: Path | None) -> Keypoints:
    """Follows one person through a shot, at the film's own speed.

    Raises:
      InputError: nobody is there, or the person is seen in too few frames.
    """
    everyone, choice = choose(film, everyone, config)
    if sheet is not None and len(choice.people) > 1:
        write_people_sheet(film.images(), everyone, choice, sheet)
    frames, rows = search_in_crops(film, everyone, choice, config.crop_rounds)
    rows, first = cut_ends(rows, film.fps)
    _check_seen(rows, config)

    part = slice(first, first + len(rows))
    frames, everyone = frames[part], everyone[part]
    body = merge_candidates(frames, rows)
    boxes = find_people_boxes(everyone, body.xy, rows >= 0)
    camera, doubt = follow_any_camera(lambda: film.read(range(first, part.stop), FOLLOWING), boxes, film.fps)
    lines = None if camera else find_vertical_lines(islice(film.images(), first, None), boxes)
    people, start = count_people(everyone, rows >= 0), config.start + first / film.fps
    names, size = film.estimator.names, film.image_size
    raw = Keypoints(body.xy, body.xyz, body.score, film.fps, names, size, start, camera, people)
    known = replace(clean(raw), rotation=config.rotate, wrong_person=choice.risk, doubt_of_camera=doubt)
    return replace(known, vertical_lines=lines)


def _keep_thumbnails(images: Iterator[np.ndarray], thumbnails: list[np.ndarray]) -> Iterator[np.ndarray]:
    for image in images:
        thumbnails.append(make_thumbnail(image))
        yield image


def choose_shot(everyone: list[Poses], shots: list[tuple[int, int]], fps: float, config: PoseConfig) -> tuple[int, int]:
    """Chooses the shot that shows a person for longest, or the one with the moment that the user named.

    Args:
      everyone: the bodies in each frame.
      shots: first frame of each, and the frame after its last one.
      fps: frames a second.
      config: says whom the user means.
    """
    if len(shots) == 1:
        return shots[0]
    wanted = parse_person(config.person)
    if isinstance(wanted, PointInVideo):
        frame = (wanted.time - config.start) * fps
        return next((shot for shot in shots if shot[0] <= frame < shot[1]), shots[-1])
    seen = [int((find_best_path(everyone[slice(*shot)], fps) >= 0).sum()) for shot in shots]
    return shots[int(np.argmax(seen))]


def choose(film: Film, everyone: list[Poses], config: PoseConfig) -> tuple[list[Poses], Choice]:
    """Chooses the person; among several by appearance and motion too, after a look where the film moves most.

    Returns:
      The bodies in each frame, with those of that look, and the choice.
    """
    several = count_people(everyone, np.zeros(len(everyone), dtype=bool)) > 1
    if several.mean() < SEVERAL and parse_person(config.person) != MOVING:
        rows = choose_person(everyone, film.fps, config.person, config.start)
        return everyone, Choice(rows, ())
    region = find_moving_region(film.images(), film.fps)
    known = dict[int, np.ndarray]()
    crowd, everyone = Crowd([], region, find_silhouettes(film.images(), region, film.fps), film.image_size), [*everyone]
    for _ in range(LOOKS):
        search(film, everyone, crowd.silhouettes, known)
        crowd = replace(crowd, looks=describe_bodies(film.images(), everyone))
        known = find_sure_bodies(everyone, find_mover(everyone, film.fps, crowd), crowd)
        if len(known) == len(everyone):
            break
        if known:  # without, they are the same again
            crowd = replace(crowd, silhouettes=find_silhouettes(film.images(), region, film.fps, known))
    choice = choose_in_crowd(everyone, film.fps, crowd, config.person, config.start)
    sure = find_sure_bodies(everyone, [choice.rows], crowd)
    return everyone, replace(choice, sure=sure, silhouettes=crowd.silhouettes)


def search(film: Film, everyone: list[Poses], silhouettes: Silhouettes, known: dict[int, np.ndarray]) -> None:
    """Adds to `everyone` what is found in the silhouettes alone, in frames in which no body is known, or fits them."""
    fits = [silhouettes.fit(t, poses.xy).max(initial=0.0) > FITS for t, poses in enumerate(everyone)]
    poor = [t for t in range(len(everyone)) if not fits[t] or (known and t not in known)]
    crops = {t: silhouettes.plan_crops(t) for t in poor if silhouettes.found[t]}
    for t, detections in film.detect(crops, silhouettes.show_only):
        everyone[t] = concatenate([everyone[t], *detections])


def search_in_crops(film: Film, everyone: list[Poses], choice: Choice, rounds: int) -> tuple[list[Poses], np.ndarray]:
    """Adds detections from crops to the doubtful frames and chooses again, until nothing more can be gained.

    Args:
      film: that is searched.
      everyone: the bodies in each frame.
      choice: the person's row in each frame, and the other people.
      rounds: most rounds of crops.

    Returns:
      The candidates for this one person in each frame, and the row chosen among them.
    """
    found, margin = PersonCandidates(everyone, choice, film.fps), MARGIN_S
    track = found.follow(margin)
    found.update(track)
    done = np.zeros(len(everyone), dtype=int)  # rounds of crops in each frame
    for _ in range(rounds):
        rows = found.rows
        limit = np.where(rows >= 0, ROUNDS_SEEN, np.where(find_inner_frames(rows), ROUNDS_BETWEEN, ROUNDS_BEYOND))
        searched = track.may_be_visible & ((done == 0) | (find_doubtful(found.frames, rows) & (done < limit)))
        if not searched.any():
            if margin >= MEMORY_S:
                break
            margin += MARGIN_S
            track = found.follow(margin)
            continue
        crops = {t: track.plan_crops(t, done[t]) for t in np.flatnonzero(searched).tolist()}
        for t, detections in film.detect(crops, choice.show_only):
            found.add(t, detections)
        done = done + searched
        found.update(track)
        track = found.follow(margin)  # may be elsewhere now, and other bodies near it
        found.update(track)
    return found.frames, found.rows


def _check_seen(rows: np.ndarray, config: PoseConfig) -> None:
    seen = int((rows >= 0).sum())
    if len(rows) < config.min_frames:
        raise InputError(
            f"the person is in view for {len(rows)} frames, fewer than {config.min_frames}; choose a longer range"
            " (START, END) or a longer video"
        )
    if seen < max(config.min_frames, config.min_seen * len(rows)):
        raise InputError(
            f"the person is seen in {seen} of {len(rows)} frames, too few; choose a range (START, END) in which the"
            " whole body is in view, or another PERSON"
        )
