"""The pose stage: from a video to the keypoints of one person."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from pose.blazepose import BlazePose
from pose.camera_motion import follow_camera
from pose.cleanup import clean
from pose.errors import InputError
from pose.estimator import Crop, PoseEstimator, Poses, concatenate
from pose.keypoints import Keypoints
from pose.person import best_path, choose_person, people_boxes
from pose.progress import Progress, silent
from pose.video import VideoInfo, probe, read_frames
from pose.weights import find_or_fetch
from pose.zoom import doubtful, whereabouts, with_contrast

FORMAT_VERSION = 2
"""Raised whenever the same input gives other keypoints: finished stages are redone then."""

MAX_LOOKS = 3
"""Closer looks at one frame before the person is taken to be out of sight in it."""


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
    looks: int = 10
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

    xy = np.zeros((len(frames), len(estimator.names), 2))
    xyz = np.zeros((len(frames), len(estimator.names), 3))
    score = np.zeros((len(frames), len(estimator.names)))
    for t in np.flatnonzero(rows >= 0):
        xy[t], xyz[t], score[t] = frames[t].xy[rows[t]], frames[t].xyz[rows[t]], frames[t].score[rows[t]]
    progress(0, expected, "following the camera")
    camera = follow_camera(images(), people_boxes(everyone, xy, rows >= 0))
    raw = Keypoints(xy, xyz, score, fps, estimator.names, (info.width, info.height), config.start, camera)
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
    place = whereabouts(everyone, rows, fps)
    frames = place.near(everyone)
    rows = best_path(frames, fps)
    looks = np.zeros(len(frames), dtype=int)
    for _ in range(rounds):
        wanted = place.possible & doubtful(frames, rows) & (looks < np.where(rows >= 0, 1, MAX_LOOKS))
        if not wanted.any():
            break
        crops = {t: place.crops(t, again=bool(looks[t])) for t in np.flatnonzero(wanted).tolist()}
        found = estimator.poses(_cuts(images(), crops, evened=looks > 0))
        for done, (t, tries) in enumerate(crops.items()):
            closer = [crop.poses_to_image(next(found)) for crop in tries]
            everyone[t] = concatenate([everyone[t], *closer])
            progress(done + 1, len(crops), "looking closer")
        looks = looks + wanted
        rows = best_path(place.near(everyone), fps)
        place = whereabouts(place.near(everyone), rows, fps)
        frames = place.near(everyone)
        rows = best_path(frames, fps)
    return frames, rows


def _cuts(images: Iterator[np.ndarray], crops: dict[int, list[Crop]], evened: np.ndarray) -> Iterator[np.ndarray]:
    """The images of the crops, frame by frame; with more contrast for frames that `evened` marks."""
    for t, image in enumerate(images):
        for crop in crops.get(t, []):
            cut = crop.cut(image)
            yield with_contrast(cut) if evened[t] else cut


def _check_seen(rows: np.ndarray, config: PoseConfig) -> None:
    seen = int((rows >= 0).sum())
    if seen < max(config.min_frames, config.min_seen * len(rows)):
        raise InputError(
            f"the person is seen in {seen} of {len(rows)} frames, too few; choose a range (START, END) in which the"
            " whole body is in view, or another PERSON"
        )
