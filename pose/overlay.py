"""The input video with the detected skeleton drawn over it."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from pose.keypoints import Keypoints
from pose.landmarks import SKELETON
from pose.progress import Progress, silent
from pose.video import VideoWriter, read_frames, turn_image

LEFT, RIGHT, MIDDLE = (255, 120, 40), (40, 150, 255), (90, 220, 90)
"""RGB of the person's own left (orange) and right (blue), and of what crosses the body (green)."""
MAX_HEIGHT = 1080
"""Largest height of the overlay [px]; taller videos are scaled down."""


def draw_skeleton(rgb: np.ndarray, xy: np.ndarray, confidence: np.ndarray, names: tuple[str, ...]) -> None:
    """Draws one body into an image; the higher the confidence, the brighter the line.

    Args:
      rgb: uint8 (H, W, 3), changed in place.
      xy: landmarks [px], (J, 2).
      confidence: 0..1, landmarks with 0 are not drawn, (J,).
      names: of the landmarks.
    """
    index = {name: i for i, name in enumerate(names)}
    seen = confidence > 0
    if not seen.any():
        return
    extent = np.ptp(xy[seen], axis=0).max()
    width = max(1, round(extent / 110))
    for first, second in SKELETON:
        i, j = index.get(first, -1), index.get(second, -1)
        if i < 0 or j < 0 or not (seen[i] and seen[j]):
            continue
        colour = _colour(first, second)
        brightness = 0.4 + 0.6 * min(confidence[i], confidence[j])
        a, b = (tuple(int(v) for v in np.clip(np.round(xy[k]), -10000, 10000)) for k in (i, j))
        cv2.line(rgb, a, b, (0, 0, 0), width + 2, cv2.LINE_AA)
        cv2.line(rgb, a, b, tuple(int(brightness * c) for c in colour), width, cv2.LINE_AA)
    for i in np.flatnonzero(seen):
        brightness = 0.4 + 0.6 * confidence[i]
        centre = tuple(int(v) for v in np.clip(np.round(xy[i]), -10000, 10000))
        cv2.circle(
            rgb, centre, width + 1, tuple(int(brightness * c) for c in _colour(names[i], names[i])), -1, cv2.LINE_AA
        )


def write_overlay(
    video: Path, keypoints: Keypoints, out: Path, progress: Progress = silent, others: Sequence[Keypoints] = ()
) -> None:
    """Writes the used range of the video with the skeleton; a frame without anybody says so.

    Args:
      video: what the keypoints were found in.
      keypoints: of one person.
      out: MP4 file to write, whole or not at all.
      progress: called with the number of frames done.
      others: keypoints of other people over the same frames.
    """
    width, height = keypoints.image_size
    scale = min(1.0, MAX_HEIGHT / height)
    size = (round(width * scale), round(height * scale))
    last = keypoints.start + (len(keypoints) - 0.5) / keypoints.video_fps
    with VideoWriter(out, keypoints.fps, size) as writer:
        for t, (_, rgb) in enumerate(read_frames(video, keypoints.start, last, keypoints.video_fps)):
            if t >= len(keypoints):
                break
            rgb = turn_image(rgb, keypoints.rotation)
            image = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA) if scale < 1 else rgb.copy()
            for person in (keypoints, *others):
                draw_skeleton(image, person.xy[t] * scale, person.confidence[t], person.names)
            if not any(person.seen[t] for person in (keypoints, *others)):
                where = (round(0.03 * size[0]), round(0.06 * size[1]))
                cv2.putText(image, "not seen", where, cv2.FONT_HERSHEY_SIMPLEX, size[1] / 600, RIGHT, 2, cv2.LINE_AA)
            writer.write(image)
            progress(t + 1, len(keypoints), "drawing the overlay")


def _colour(first: str, second: str) -> tuple[int, int, int]:
    if "left" in first and "left" in second:
        return LEFT
    if "right" in first and "right" in second:
        return RIGHT
    return MIDDLE
