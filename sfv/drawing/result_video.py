"""The video of a result: its source, the reference and the simulation next to each other on one time base."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

from imitate.env.box_course import follow_corners
from imitate.env.reference import sample_poses, unroll_cycle
from imitate.env.task import Task
from imitate.rollout import Rollout
from imitate.scene.placement import place_on_ground
from pose.keypoints import Keypoints
from pose.progress import Progress
from pose.video import read_frames
from reconstruct.camera import Camera
from reconstruct.motion import ReferenceMotion
from reconstruct.scene_objects import BOX_EDGES, SceneObject
from sfv.drawing.rendering import follow, make_scenery, render_motion, write_side_by_side

PANEL_HEIGHT = 480
"""Height of each panel [px]."""
LONGEST_S = 8.0
"""Longest time that a cycle is shown [s]."""
MARGIN = 0.2
"""Room around the person in the input panel, as a share of the window's height."""
NARROWEST = 0.75
"""Least width of the input panel's window over its height."""
OUTLINE = (255, 176, 32)
"""Colour of the outlines of objects, RGB."""
NEAREST = 0.1
"""Distance from the camera below which nothing is outlined [m]."""
CALM_S = 0.35
"""Standard deviation of the filter through which the input panel's window follows the person [s]."""


@dataclass(frozen=True)
class SourceFilm:
    """The video that a motion comes from, as the first panel of a result video."""

    overlay: Path
    """The input with the skeleton drawn on it, frame by frame as `keypoints`."""
    keypoints: Keypoints
    """Where in the image the person is."""
    camera: Camera
    """The camera that filmed it; the other panels are seen from its side."""
    first_frame: int
    """Frame of the keypoints where the motion begins."""
    objects: tuple[SceneObject, ...] = ()
    """What carries the person, things or a slope: outlined, so that one sees whether it fits."""
    pushed: np.ndarray | None = None
    """Corners of a box that is pushed, in the order of `SceneObject.corners`, in the motion's frames [m], (T, 8, 3)."""
    label = "video"

    def draw(self, motion: ReferenceMotion, times: np.ndarray, fps: float) -> Iterator[np.ndarray]:
        """Images of the person at the times (T,) of the motion [s]."""
        along = times % motion.duration if motion.loop else times
        frames = self.first_frame + np.rint(along * motion.fps).astype(int)
        count = len(self.keypoints) - self.first_frame
        outlines = project_outlines(self.camera, self.objects, count)
        if self.pushed is not None:
            lines_w = self.pushed[np.minimum(np.arange(count), len(self.pushed) - 1)][:, np.array(BOX_EDGES)]
            outlines = np.concatenate([outlines, self.camera.project(lines_w)], axis=1)
        outlines = np.concatenate([np.repeat(outlines[:1], self.first_frame, axis=0), outlines])
        return _input_frames(self.overlay, self.keypoints, frames, outlines)


@dataclass(frozen=True)
class Original:
    """The motion of another body that was retargeted, as the first panel of a result video."""

    task: Task
    """The motion, its body and what carried it there; not a box that is pushed."""
    camera: Camera | None
    """The camera of the video that it comes from; None where there was none."""

    @property
    def label(self) -> str:
        """The body's name."""
        return self.task.character.name

    def draw(self, motion: ReferenceMotion, times: np.ndarray, fps: float) -> Iterator[np.ndarray]:
        """Images of the original on its ground in the retargeted motion's time: all panels show the same phase."""
        character = self.task.character
        qpos = sample_reference(self.task, times * motion.fps / self.task.motion.fps)
        track = follow(qpos, fps, character.height, self.camera, self.task.ground)
        size = (PANEL_HEIGHT, PANEL_HEIGHT)
        return render_motion(character, qpos, fps, track, size, make_scenery(self.task))


def write_result_video(
    task: Task, rollout: Rollout, source: SourceFilm | Original | None, out: Path, progress: Progress
) -> None:
    """Writes source | reference | simulation.

    Args:
      task: the reference, its body, and where the rollout took place.
      rollout: the simulated motion, from the reference's first frame on.
      source: what the motion was made from; None for a motion file: reference | simulation.
      out: the video.
      progress: called after each image.
    """
    fps, motion, character = rollout.fps, task.motion, task.character
    seconds = min(len(rollout.qpos) / fps, LONGEST_S) if motion.loop else motion.duration
    times = np.arange(max(1, round(seconds * fps))) / fps
    reference = sample_reference(task, times)
    simulated = rollout.all_qpos[np.minimum(np.arange(len(times)), len(rollout.qpos) - 1)]

    # One camera path for both bodies, so that it shows where they differ.
    track = follow(reference, fps, character.height, source.camera if source else None, task.ground)
    size = (PANEL_HEIGHT, PANEL_HEIGHT)
    simulation = render_motion(character, simulated, fps, track, size, make_scenery(task))
    whose = f"{character.name}, " if isinstance(source, Original) else ""
    panels = {
        f"{whose}reference": render_motion(character, reference, fps, track, size, make_scenery(task.without_box)),
        f"{whose}simulation": fade_after(simulation, len(rollout.qpos)),
    }
    if isinstance(source, SourceFilm) and task.scene.has_box and task.scene.box_is_known:
        source = replace(source, pushed=follow_corners(task))  # one that was only asked for is not in the film
    if source is not None:
        panels = {source.label: source.draw(motion, times, fps), **panels}
    write_side_by_side(
        list(panels.values()), list(panels), fps, out, height=PANEL_HEIGHT, progress=progress, total=len(times)
    )


def sample_reference(task: Task, times: np.ndarray) -> np.ndarray:
    """The reference as it is imitated, set on the scene's ground foot by foot, (T, nq).

    Args:
      task: the motion, its body and the ground; a cycle goes on for as long as needed.
      times: moments from the motion's beginning on, rising [s], (T,).
    """
    motion, character, ground = task.motion, task.character, task.ground
    frames = unroll_cycle(motion, float(times[-1])) if motion.loop else motion.qpos
    if not (ground.flat or ground.own):
        frames = place_on_ground(frames, motion.fps, character, character.model, ground)
    return sample_poses(character.model, frames, motion.fps, times)


def fade_after(frames: Iterator[np.ndarray], end: int) -> Iterator[np.ndarray]:
    """Images that are dim and grey from number `end` on: the character fell, and its last pose stays."""
    for number, image in enumerate(frames):
        if number >= end:
            image = np.repeat((0.5 * image.mean(axis=2, keepdims=True)).astype(np.uint8), 3, axis=2)
        yield image


def project_outlines(camera: Camera, objects: tuple[SceneObject, ...], frames: int) -> np.ndarray:
    """Edges of objects in the image of every frame from the motion's first on [px], (T, E, 2, 2).

    Objects that reach behind the camera are left out.
    """
    ends = [thing.corners()[list(edge)] for thing in objects for edge in thing.edges()]
    lines_w = np.array(ends).reshape(-1, 2, 3)
    lines_w = lines_w[(camera.to_camera(lines_w)[..., 2] > NEAREST).all(axis=1)] if camera.path is None else lines_w
    moving = [values for values in (camera.turn, camera.zoom, camera.path) if values is not None]
    count = len(moving[0]) if moving else 1
    outlines = camera.project(np.broadcast_to(lines_w, (count, *lines_w.shape)))
    return outlines[np.minimum(np.arange(frames), count - 1)]


def _input_frames(
    overlay: Path, keypoints: Keypoints, shown: np.ndarray, outlines: np.ndarray | None = None
) -> Iterator[np.ndarray]:
    """Frames `shown` (T,) of the overlay video with outlines, cut to the person; read again where a cycle returns."""
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
        drawn = image.copy()
        lines = () if outlines is None else outlines[min(int(wanted), len(outlines) - 1)]
        for start, end in np.rint(np.reshape(lines, (-1, 2, 2)) * scale).astype(int).tolist():
            cv2.line(drawn, start, end, OUTLINE, 2, cv2.LINE_AA)
        left, top, width, height = np.rint(boxes[min(int(wanted) - first, len(boxes) - 1)] * scale).astype(int)
        yield drawn[top : top + height, left : left + width]


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
