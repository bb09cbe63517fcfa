"""The pose stage: from a video to the keypoints of one person."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from pose.blazepose import BlazePose
from pose.camera_motion import follow_camera
from pose.candidates import choose_candidates, merge_candidates
from pose.cleanup import clean
from pose.crops import MARGIN_S, AugmentedCrop, find_doubtful, find_inner_frames, interpolate_track
from pose.errors import InputError
from pose.estimator import PoseEstimator, Poses, concatenate
from pose.keypoints import Keypoints
from pose.layouts import KeypointOrder
from pose.person import MEMORY_S, choose_person, count_people, find_people_boxes
from pose.progress import Progress, silent
from pose.video import VideoInfo, probe, read_frames
from pose.weights import find_or_fetch

FORMAT_VERSION = 6
"""Version of the estimate: raised whenever the same input gives other keypoints, so that finished stages are redone."""

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
    """Person to follow: 1 is the most prominent (default), 2 the next, "x,y@t" who is at pixel x,y at t [s]."""
    model_size: Literal["heavy", "full", "lite"] = "heavy"
    """Size of the BlazePose network: heavy is the most accurate, full twice as fast."""
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


def estimate_keypoints(video: Path, config: PoseConfig = PoseConfig(), progress: Progress = silent) -> Keypoints:
    """Finds one person in a video and follows it.

    The detector sees every frame on its own. Which detections belong to the person is decided over the whole clip, and
    frames without a confident detection are searched again in crops. What is not seen stays marked as not seen.

    Args:
      video: any file that FFmpeg decodes.
      config: range, person and effort.
      progress: called with the number of frames done.

    Raises:
      InputError: the video cannot be used, or shows nobody, or the person in too few frames.
    """
    info = probe(video)
    next(read_frames(video, config.start, config.end))  # raises on a wrong range before the network is loaded
    bundle = find_or_fetch(None, config.model_size, progress)
    with BlazePose(bundle, workers=config.processes) as estimator:
        return estimate_keypoints_with(estimator, video, info, config, progress)


def estimate_keypoints_with(
    estimator: PoseEstimator, video: Path, info: VideoInfo, config: PoseConfig, progress: Progress = silent
) -> Keypoints:
    """Does the same as `estimate_keypoints`, with an estimator of the caller's own.

    Args:
      estimator: finds bodies in single images.
      video: any file that FFmpeg decodes.
      info: of this video, from `probe`.
      config: range, person and effort; `model_size` and `processes` are not used.
      progress: called with the number of frames done.

    Raises:
      InputError: as `estimate_keypoints`.
    """
    fps = info.fps / np.ceil(info.fps / config.max_fps - 1e-3)
    end = min(info.duration, config.end or info.duration)
    expected = max(1, round((end - config.start) * fps))

    def images() -> Iterator[np.ndarray]:
        return (image for _, image in read_frames(video, config.start, config.end, fps))

    everyone: list[Poses] = []
    for poses in estimator.detect(images()):
        everyone.append(poses)
        progress(len(everyone), expected, "finding people")
    try:
        rows = choose_person(everyone, fps, config.person, config.start)
        frames, rows = _SecondPass(images, estimator, fps, progress).run(everyone, rows, config.crop_rounds)
        _check_seen(rows, config)
    except InputError as error:
        raise InputError(f"{video}: {error}") from None

    body = merge_candidates(frames, rows)
    progress(0, expected, "following the camera")
    camera = follow_camera(images(), find_people_boxes(everyone, body.xy, rows >= 0))
    people = count_people(everyone, rows >= 0)
    size = (info.width, info.height)
    raw = Keypoints(body.xy, body.xyz, body.score, fps, estimator.names, size, config.start, camera, people)
    return clean(raw)


@dataclass(frozen=True)
class _SecondPass:
    """Detection in crops around the person."""

    images: Callable[[], Iterator[np.ndarray]]
    """Reads the frames from the first one on."""
    estimator: PoseEstimator
    fps: float
    progress: Progress

    def run(self, everyone: list[Poses], rows: np.ndarray, rounds: int) -> tuple[list[Poses], np.ndarray]:
        """Adds detections from crops to the doubtful frames and chooses again, until nothing more can be gained.

        Args:
          everyone: the bodies in each frame.
          rows: the person's row in each frame, -1 for none, int (T,).
          rounds: most rounds of crops.

        Returns:
          The candidates for this one person in each frame, and the row chosen among them.
        """
        everyone = list(everyone)
        margin = MARGIN_S
        track = interpolate_track(everyone, rows, self.fps)
        frames = track.select_near(everyone)
        rows = choose_candidates(frames, self.fps)
        done = np.zeros(len(frames), dtype=int)  # rounds of crops in each frame
        for _ in range(rounds):
            limit = np.where(rows >= 0, ROUNDS_SEEN, np.where(find_inner_frames(rows), ROUNDS_BETWEEN, ROUNDS_BEYOND))
            searched = track.may_be_visible & ((done == 0) | (find_doubtful(frames, rows) & (done < limit)))
            if not searched.any():
                if margin >= MEMORY_S:
                    break
                margin += MARGIN_S
                track = interpolate_track(frames, rows, self.fps, margin)
                continue
            crops = {t: track.plan_crops(t, done[t]) for t in np.flatnonzero(searched).tolist()}
            for t, detections in self._detect(crops):
                everyone[t] = concatenate([everyone[t], *detections])
            done = done + searched
            rows = choose_candidates(track.select_near(everyone), self.fps)
            track = interpolate_track(track.select_near(everyone), rows, self.fps, margin)
            frames = track.select_near(everyone)
            rows = choose_candidates(frames, self.fps)
        return frames, rows

    def _detect(self, crops: dict[int, list[AugmentedCrop]]) -> Iterator[tuple[int, list[Poses]]]:
        """Yields each frame's bodies from its crops, in image pixels."""
        found = self.estimator.detect(
            crop.cut(image) for t, image in enumerate(self.images()) for crop in crops.get(t, [])
        )
        for done, (t, crops_of_frame) in enumerate(crops.items()):
            yield t, [crop.poses_to_image(next(found)) for crop in crops_of_frame]
            self.progress(done + 1, len(crops), "searching in crops")


def _check_seen(rows: np.ndarray, config: PoseConfig) -> None:
    seen = int((rows >= 0).sum())
    if seen < max(config.min_frames, config.min_seen * len(rows)):
        raise InputError(
            f"the person is seen in {seen} of {len(rows)} frames, too few; choose a range (START, END) in which the"
            " whole body is in view, or another PERSON"
        )
