"""BlazePose through MediaPipe Tasks: one process per core, every frame on its own.

Bazarevsky et al. 2020, "BlazePose: On-device Real-time Body Pose Tracking". Image mode, not tracking: on inverted
bodies the tracker's region of interest drifts, and its PCK falls from .84 to .56 (measured on the synthetic films).
"""

import os
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from pose.cores import usable_cores
from pose.estimator import Poses, no_poses
from pose.landmarks import LANDMARKS
from pose.parent import exit_after_parent

QUEUED_PER_WORKER = 2
"""Images queued for each process: no process idles, and memory stays bounded."""

MOST_BODIES = 8
"""Most bodies that are looked for in an image."""

MIN_SCORE = 0.3
"""Least detection and presence score; below MediaPipe's 0.5, as doubtful poses are weighed over time later."""

_landmarker: Any = None
"""The network of this worker process."""


class BlazePose:
    """A `PoseEstimator`. MediaPipe runs in worker processes only, so its threads and its log never reach ours."""

    names = LANDMARKS

    def __init__(self, bundle: Path, workers: int | None = None) -> None:
        """Starts no process yet.

        Args:
          bundle: a `.task` file, see `weights.find_or_fetch`.
          workers: processes; None is one for each core this process may use.
        """
        self.bundle = bundle
        self.workers = workers or usable_cores()
        self._pool: ProcessPoolExecutor | None = None

    def detect(self, images: Iterable[np.ndarray]) -> Iterator[Poses]:
        """Yields the bodies found in each image, uint8 (H, W, 3) RGB, in order."""
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self.workers,
                mp_context=get_context("spawn"),
                initializer=_start_worker,
                initargs=(str(self.bundle),),
            )
        queue: deque[Future[Poses]] = deque()
        try:
            for image in images:
                queue.append(self._pool.submit(_detect_in_worker, image))
                if len(queue) >= QUEUED_PER_WORKER * self.workers:
                    yield queue.popleft().result()
            while queue:
                yield queue.popleft().result()
        finally:
            for future in queue:
                future.cancel()

    def close(self) -> None:
        """Ends the worker processes."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def __enter__(self) -> "BlazePose":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_landmarker(bundle: str, **options: Any) -> Any:
    """MediaPipe's network for single images, in a process whose log is discarded from now on.

    Args:
      bundle: a `.task` file.
      options: further ones of MediaPipe's `PoseLandmarkerOptions`.
    """
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    from mediapipe.tasks.python import BaseOptions, vision

    base, mode = BaseOptions(model_asset_path=bundle), vision.RunningMode.IMAGE
    return vision.PoseLandmarker.create_from_options(
        vision.PoseLandmarkerOptions(base_options=base, running_mode=mode, **options)
    )


def _start_worker(bundle: str) -> None:
    """Loads the network into this process and leaves Ctrl-C to the parent."""
    global _landmarker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    exit_after_parent()
    _landmarker = open_landmarker(
        bundle,
        num_poses=MOST_BODIES,
        min_pose_detection_confidence=MIN_SCORE,
        min_pose_presence_confidence=MIN_SCORE,
    )


def _detect_in_worker(rgb: np.ndarray) -> Poses:
    """Finds the bodies in one image."""
    import mediapipe

    image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(rgb))
    result = _landmarker.detect(image)
    if not result.pose_landmarks:
        return no_poses(len(LANDMARKS))
    height, width = rgb.shape[:2]
    xy = np.array([[(p.x * width, p.y * height) for p in body] for body in result.pose_landmarks])
    xyz = np.array([[(p.x, p.y, p.z) for p in body] for body in result.pose_world_landmarks])
    score = np.array([[p.visibility * p.presence for p in body] for body in result.pose_landmarks])
    return Poses(xy, xyz, np.clip(score, 0.0, 1.0))
