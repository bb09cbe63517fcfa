"""The pose stage: from a video to the keypoints of one person."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from pose.blazepose import BlazePose
from pose.camera_motion import follow_camera
from pose.choice import best_tries, merged
from pose.cleanup import clean
from pose.errors import InputError
from pose.estimator import PoseEstimator, Poses, concatenate
from pose.keypoints import Keypoints
from pose.person import MEMORY_S, choose_person, count_people, people_boxes
from pose.progress import Progress, silent
from pose.video import VideoInfo, probe, read_frames
from pose.weights import find_or_fetch
from pose.zoom import BEYOND_S, between, doubtful, whereabouts

FORMAT_VERSION = 6
"""Raised whenever the same input gives other keypoints: finished stages are redone then."""

LOOKS_SEEN, LOOKS_BETWEEN, LOOKS_BEYOND = 2, 6, 3
"""Rounds of closer looks at a doubtful frame: with the person seen in it, between two such frames, and beyond the first
and last one, where it may be out of the picture."""


@dataclass(frozen=True)
class PoseConfig:
    """How the person in the video is found."""

    start: float = 0.0
    """First moment of the video that is used [s]."""
    end: float | None = None
    """Last moment [s]; by default the end of the video."""
    person: str = ""
    """Who: 1 is the most prominent person (the default), 2 the next, or "x,y@t" for who is at pixel x,y at second t."""
    model_size: Literal["heavy", "full", "lite"] = "heavy"
    """Size of the BlazePose network: heavy is the most accurate, full twice as fast."""
    max_fps: float = 60.0
    """Faster videos are thinned out to at most this many frames a second."""
    looks: int = 20
    """Rounds of closer looks at most; each goes on from where the last one found the person. 0 for none."""
    min_seen: float = 0.5
    """Least share of the frames in which the person must be seen."""
    min_frames: int = 10
    """Least number of frames in which the person must be seen."""
    processes: int | None = None
    """Processes; by default one for each core."""


def estimate_keypoints(video: Path, config: PoseConfig = PoseConfig(), progress: Progress = silent) -> Keypoints:
    """Finds one person in a video and follows it.

    Every frame is looked at on its own; which detections belong to the person is decided over the whole clip, and
    frames without a sure answer are looked at again from near. What is not seen stays marked as not seen.

    Args:
      video: any file that FFmpeg decodes.
      config: range, person and effort.
      progress: told of the frames done.

    Raises:
      InputError: the video cannot be used, or shows nobody, or the person in too few frames.
    """
    info = probe(video)
    next(read_frames(video, config.start, config.end))  # a wrong range is told before the network is loaded
    bundle = find_or_fetch(None, config.model_size, progress)
    with BlazePose(bundle, workers=config.processes) as estimator:
        return keypoints_from(video, info, estimator, config, progress)


def keypoints_from(
    video: Path, info: VideoInfo, estimator: PoseEstimator, config: PoseConfig, progress: Progress = silent
) -> Keypoints:
    """`estimate_keypoints` with an estimator of one's own."""
    fps = info.fps / np.ceil(info.fps / config.max_fps - 1e-3)
    end = min(info.duration, config.end or info.duration)
    expected = max(1, round((end - config.start) * fps))

    def images() -> Iterator[np.ndarray]:
        return (image for _, image in read_frames(video, config.start, config.end, fps))

    everyone: list[Poses] = []
    for poses in estimator.poses(images()):
        everyone.append(poses)
        progress(len(everyone), expected, "finding people")
    try:
        rows = choose_person(everyone, fps, config.person, config.start)
        frames, rows = _look_closer(everyone, rows, fps, images, estimator, config.looks, progress)
        _check_seen(rows, config)
    except InputError as error:
        raise InputError(f"{video}: {error}") from None

    body = merged(frames, rows)
    progress(0, expected, "following the camera")
    camera = follow_camera(images(), people_boxes(everyone, body.xy, rows >= 0))
    people = count_people(everyone, rows >= 0)
    size = (info.width, info.height)
    raw = Keypoints(body.xy, body.xyz, body.score, fps, estimator.names, size, config.start, camera, people)
    return clean(raw)


def _look_closer(
    everyone: list[Poses],
    rows: np.ndarray,
    fps: float,
    images: Callable[[], Iterator[np.ndarray]],
    estimator: PoseEstimator,
    rounds: int,
    progress: Progress,
) -> tuple[list[Poses], np.ndarray]:
    """Adds tries from near to the doubtful frames and chooses the path anew, until there is nothing to gain.

    Returns the candidates for this one person in each frame, and the row chosen among them.
    """
    everyone = list(everyone)
    reach = BEYOND_S
    place = whereabouts(everyone, rows, fps)
    frames = place.near(everyone)
    rows = best_tries(frames, fps)
    looks = np.zeros(len(frames), dtype=int)
    for _ in range(rounds):
        worth = np.where(rows >= 0, LOOKS_SEEN, np.where(between(rows), LOOKS_BETWEEN, LOOKS_BEYOND))
        wanted = place.possible & ((looks == 0) | (doubtful(frames, rows) & (looks < worth)))
        if not wanted.any():
            if reach >= MEMORY_S:
                break
            reach += BEYOND_S
            place = whereabouts(frames, rows, fps, reach)
            continue
        tries = {t: place.looks(t, looks[t]) for t in np.flatnonzero(wanted).tolist()}
        found = estimator.poses(look.cut(image) for t, image in enumerate(images()) for look in tries.get(t, []))
        for done, (t, looks_at_t) in enumerate(tries.items()):
            closer = [look.poses_to_image(next(found)) for look in looks_at_t]
            everyone[t] = concatenate([everyone[t], *closer])
            progress(done + 1, len(tries), "looking closer")
        looks = looks + wanted
        rows = best_tries(place.near(everyone), fps)
        place = whereabouts(place.near(everyone), rows, fps, reach)
        frames = place.near(everyone)
        rows = best_tries(frames, fps)
    return frames, rows


def _check_seen(rows: np.ndarray, config: PoseConfig) -> None:
    seen = int((rows >= 0).sum())
    if seen < max(config.min_frames, config.min_seen * len(rows)):
        raise InputError(
            f"the person is seen in {seen} of {len(rows)} frames, too few; choose a range (START, END) in which the"
            " whole body is in view, or another PERSON"
        )
