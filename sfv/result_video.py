"""The video that a run is about: input with overlay, reference and simulation beside each other on one time base."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d

from imitate.env.reference import sampled, unrolled
from imitate.env.task import Task
from imitate.rollout import Rollout
from imitate.scene.placement import placed
from pose.keypoints import Keypoints
from pose.progress import Progress
from pose.video import read_frames
from reconstruct.camera import Camera
from sfv.rendering import follow, make_scenery, render_motion, write_side_by_side

PANEL_HEIGHT = 480
"""Of each panel [px]."""
LONGEST_S = 8.0
"""A cycle is shown for so long at most; it goes on for ever."""
MARGIN = 0.2
"""Room around the person in the input panel, in heights of the window."""
NARROWEST = 0.75
"""Least width of that window over its height."""
CALM_S = 0.35
"""The window follows the person as if seen through a filter so long [s]."""


@dataclass(frozen=True)
class Filmed:
    """The video that a motion comes from."""

    overlay: Path
    """The input with the skeleton drawn on it, frame by frame as `keypoints`."""
    keypoints: Keypoints
    """Say where in the image the person is."""
    camera: Camera
    """That filmed it; the other panels are seen from its side."""
    first_frame: int
    """Of the keypoints, where the motion begins."""


def write_result_video(filmed: Filmed | None, task: Task, rollout: Rollout, out: Path, progress: Progress) -> None:
    """Writes input | reference | simulation.

    Args:
      filmed: the input; None for a motion without a video, which is shown as reference | simulation.
      task: the reference, the body, and where the rollout took place.
      rollout: the simulated motion, from the reference's first frame on.
      out: the video.
      progress: told after each image.
    """
    fps, motion, character = rollout.fps, task.motion, task.character
    seconds = min(len(rollout.qpos) / fps, LONGEST_S) if motion.loop else motion.duration
    times = np.arange(max(1, round(seconds * fps))) / fps
    frames = unrolled(motion, seconds) if motion.loop else motion.qpos
    ground = task.ground
    if not ground.flat:
        frames = placed(frames, motion.fps, character, character.model, ground)
    reference = sampled(character.model, frames, motion.fps, times)
    simulated = rollout.qpos
    if task.scene.has_box:
        simulated = np.concatenate([simulated, rollout.box_qpos], axis=1)
    simulated = simulated[np.minimum(np.arange(len(times)), len(simulated) - 1)]

    # One camera path for both bodies: where they differ, it must show.
    track = follow(reference, fps, character.height, filmed.camera if filmed else None, ground)
    size = (PANEL_HEIGHT, PANEL_HEIGHT)
    simulation = render_motion(character, simulated, fps, track, size, make_scenery(task))
    panels = {
        "reference": render_motion(character, reference, fps, track, size, make_scenery(task.without_box)),
        "simulation": faded(simulation, len(rollout.qpos)),
    }
    if filmed is not None:
        along = times % motion.duration if motion.loop else times
        shown = filmed.first_frame + np.rint(along * motion.fps).astype(int)
        panels = {"video": _input_frames(filmed.overlay, filmed.keypoints, shown), **panels}
    write_side_by_side(
        list(panels.values()),
        list(panels),
        fps,
        out,
        height=PANEL_HEIGHT,
        progress=progress,
        total=len(times),
    )


def faded(frames: Iterator[np.ndarray], end: int) -> Iterator[np.ndarray]:
    """From image `end` on nothing is simulated any more, the character fell: the last pose stays, dim and grey."""
    for number, image in enumerate(frames):
        if number >= end:
            image = np.repeat((0.5 * image.mean(axis=2, keepdims=True)).astype(np.uint8), 3, axis=2)
        yield image


def _input_frames(overlay: Path, keypoints: Keypoints, shown: np.ndarray) -> Iterator[np.ndarray]:
    """Frames `shown` (T,) of the overlay video, cut to the person; read again from its start where a cycle returns."""
    first = int(shown.min())
    boxes = person_boxes(keypoints, range(first, int(shown.max()) + 1))
    film, number, image = read_frames(overlay), -1, None
    for wanted in shown:
        if wanted < number:
            film, number = read_frames(overlay), -1
        while number < wanted and (following := next(film, None)) is not None:
            number, image = number + 1, following[1]
        assert image is not None  # read_frames gives one frame at least, or raises
        scale = image.shape[0] / keypoints.image_size[1]  # the overlay may be smaller than the video
        left, top, width, height = np.rint(boxes[min(int(wanted) - first, len(boxes) - 1)] * scale).astype(int)
        yield image[top : top + height, left : left + width]


def person_boxes(keypoints: Keypoints, frames: range) -> np.ndarray:
    """Windows of one size that go along with the person, steadily, (T, 4): left, top, width, height [px].

    In height a window holds the whole motion, so that a jump is seen as one; sideways it follows.
    """
    part = slice(frames.start, frames.stop)
    confidence, xy = keypoints.confidence[part], keypoints.xy[part]
    image_width, image_height = keypoints.image_size
    seen = np.flatnonzero((confidence > 0).any(axis=1))
    if not len(seen):
        return np.tile([0.0, 0.0, image_width, image_height], (len(xy), 1))
    left, right, top, bottom = np.array(
        [
            (body[:, 0].min(), body[:, 0].max(), body[:, 1].min(), body[:, 1].max())
            for body in (xy[t][confidence[t] > 0] for t in seen)
        ]
    ).T
    room = max(MARGIN * (bottom.max() - top.min()), 0.05 * image_height)
    upper, lower = max(top.min() - room, 0.0), min(bottom.max() + room, float(image_height))
    width = min(max((right - left).max() + 2 * room, NARROWEST * (lower - upper)), float(image_width))
    middle = np.interp(np.arange(len(xy)), seen, (left + right) / 2)
    middle = gaussian_filter1d(middle, CALM_S * keypoints.fps, mode="nearest")
    edge = np.clip(middle - width / 2, 0.0, image_width - width)
    return np.stack([edge, *(np.full(len(xy), value) for value in (upper, width, lower - upper))], axis=1)
