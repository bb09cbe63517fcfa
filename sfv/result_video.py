"""The video that a run is about: input with overlay, reference and simulation beside each other on one time base."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from imitate.reference import sampled, unrolled
from imitate.rollout import Rollout
from pose.keypoints import Keypoints
from pose.progress import Progress
from pose.video import read_frames
from reconstruct.camera import Camera
from reconstruct.character import Character
from reconstruct.motion import ReferenceMotion
from sfv.render import follow, render_motion, side_by_side

PANEL_HEIGHT = 480
"""Of each panel [px]."""
LONGEST_S = 8.0
"""A cycle is shown for so long at most; it goes on for ever."""
MARGIN = 0.25
"""Room around the person in the input panel, in heights of the box that holds all of its frames."""


def write_result_video(
    overlay: Path,
    keypoints: Keypoints,
    motion: ReferenceMotion,
    first_frame: int,
    camera: Camera,
    rollout: Rollout,
    character: Character,
    out: Path,
    progress: Progress,
) -> None:
    """Writes input | reference | simulation.

    Args:
      overlay: the input video with the skeleton drawn on it, frame by frame as `keypoints`.
      keypoints: say where in the image the person is.
      motion: the reference; it begins at `first_frame` of the keypoints.
      first_frame: see `motion`.
      camera: that the video was filmed with; the other panels are seen from its side.
      rollout: the simulated motion, from the reference's first frame on.
      character: whose motions these are.
      out: the video.
      progress: told after each image.
    """
    fps = rollout.fps
    seconds = min(len(rollout.qpos) / fps, LONGEST_S) if motion.loop else motion.duration
    times = np.arange(max(1, round(seconds * fps))) / fps
    frames = unrolled(motion, seconds) if motion.loop else motion.qpos
    reference = sampled(character.model, frames, motion.fps, times)
    simulated = rollout.qpos[np.minimum(np.arange(len(times)), len(rollout.qpos) - 1)]
    shown = first_frame + np.rint((times % motion.duration if motion.loop else times) * motion.fps).astype(int)

    # One camera path for both bodies: where they differ, it must show.
    track = follow(reference, fps, character.height, camera)
    size = (PANEL_HEIGHT, PANEL_HEIGHT)
    side_by_side(
        [
            _input_frames(overlay, keypoints, shown),
            render_motion(character, reference, fps, track, size),
            render_motion(character, simulated, fps, track, size),
        ],
        ["video", "reference", "simulation"],
        fps,
        out,
        height=PANEL_HEIGHT,
        progress=progress,
        total=len(times),
    )


def _input_frames(overlay: Path, keypoints: Keypoints, shown: np.ndarray) -> Iterator[np.ndarray]:
    """Frames `shown` (T,) of the overlay video, cut to the person; read again from its start where a cycle returns."""
    box = person_box(keypoints, range(int(shown.min()), int(shown.max()) + 1))
    film, number, image = read_frames(overlay), -1, None
    for wanted in shown:
        if wanted < number:
            film, number = read_frames(overlay), -1
        while number < wanted and (following := next(film, None)) is not None:
            number, image = number + 1, following[1]
        assert image is not None  # read_frames gives one frame at least, or raises
        scale = image.shape[0] / keypoints.image_size[1]  # the overlay may be smaller than the video
        left, top, right, bottom = (round(edge * scale) for edge in box)
        yield image[top:bottom, left:right]


def person_box(keypoints: Keypoints, frames: range) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) [px] around the person in all of `frames`, with room, not narrower than 3:4."""
    part = slice(frames.start, frames.stop)
    seen = keypoints.confidence[part] > 0
    width, height = keypoints.image_size
    if not seen.any():
        return 0.0, 0.0, float(width), float(height)
    xy = keypoints.xy[part][seen]
    low, high = xy.min(axis=0), xy.max(axis=0)
    room = MARGIN * (high[1] - low[1])
    top, bottom = max(low[1] - room, 0.0), min(high[1] + room, float(height))
    half = max((high[0] - low[0]) / 2 + room, 0.375 * (bottom - top))
    middle = (low[0] + high[0]) / 2
    return max(middle - half, 0.0), top, min(middle + half, float(width)), bottom
