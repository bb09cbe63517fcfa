"""A film of the Go1 on the course: from outside with its scandots, beside it what its camera sees."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import mujoco
import numpy as np

from imitate.locomotion.dynamics import NOMINAL
from imitate.training.collect import Actor
from imitate.vision.course import KINDS, make_lanes
from imitate.vision.depth_camera import CameraConfig
from imitate.vision.env import POLICY_HZ, CourseConfig, CourseEnv
from imitate.vision.scandots import place_dots
from pose.progress import Progress, silent
from reconstruct import rotations
from sfv.drawing.balls import Ball
from sfv.drawing.rendering import write_side_by_side
from sfv.go1.side_view import draw_from_side

FPS = 25
"""Of the film, half of the control rate."""
LEVEL, SEED = 0.5, 7
"""Difficulty of the ground, 0 to 1; seed of the ground and of the camera's noise."""
DOT_COLOUR = (1.0, 0.35, 0.1)


@dataclass(frozen=True)
class SeenWalk:
    """One robot's walk over a kind of ground."""

    model: mujoco.MjModel
    qpos: np.ndarray
    """(T, nq)."""
    pictures: np.ndarray
    """The latest that had arrived [m], (T, rows, columns)."""
    dots: np.ndarray
    """Scandots, world [m], (T, P, 3)."""
    position: np.ndarray
    """Of the body that carries the camera, world [m], (T, 3)."""
    rotation: np.ndarray
    """R_world_body of it, (T, 3, 3)."""
    fell: bool
    """Or left its lane."""
    arrived: bool
    """It got to its goal."""

    @property
    def end(self) -> str:
        """How it ended, for people."""
        return "falls" if self.fell else "arrives" if self.arrived else "time over"


def walk_over(make_actor: Callable[[CourseEnv], Actor], kind: str, seconds: float, camera: CameraConfig) -> SeenWalk:
    """Lets one robot walk over a lane of its own.

    Args:
      make_actor: makes what acts.
      kind: of ground.
      seconds: longest time [s].
      camera: the robot's.
    """
    course = make_lanes((LEVEL,), SEED, (kind,))
    env = CourseEnv(course, CourseConfig(round(seconds * POLICY_HZ), NOMINAL), 1, SEED, camera)
    env.start(np.zeros(1, dtype=np.int64), np.random.default_rng(SEED))
    actor = make_actor(env)
    qpos, pictures, dots, rotation, fell = [], [], [], [], False
    for _ in range(round(seconds * POLICY_HZ)):
        result = env.step(actor.act(env.observe()))
        qpos.append(env.qpos[0].copy())
        rotation.append(env.rotation[0])
        pictures.append(env.eyes.pictures[0].copy())
        places = place_dots(env.qpos[:, :2], rotations.yaw(env.qpos[:, 3:7]))[0]
        dots.append(np.column_stack([places, course.terrain.height(places)]))
        fell = bool(result.terminated[0])
        if result.done[0]:
            break
    poses = np.array(qpos)
    arrived = bool(env.has_arrived[0]) and not fell
    shown = np.array(pictures), np.array(dots), poses[:, :3], np.array(rotation)
    return SeenWalk(env.model, poses, *shown, fell, arrived)


def write_eyes_film(
    make_actor: Callable[[CourseEnv], Actor],
    out: Path,
    seconds: float = 8.0,
    size: tuple[int, int] = (640, 480),
    camera: CameraConfig | None = None,
    progress: Progress = silent,
) -> dict[str, SeenWalk]:
    """Writes the film of a walk over each kind of ground, one after another; returns the walks by kind.

    Args:
      make_actor: makes what acts.
      out: the video.
      seconds: longest time on each [s].
      size: width and height of the left panel [px].
      camera: the robot's.
      progress: is called after each frame.
    """
    eye, every = camera or CameraConfig(), POLICY_HZ // FPS
    walks = {kind: walk_over(make_actor, kind, seconds, eye) for kind in KINDS}
    out.parent.mkdir(parents=True, exist_ok=True)
    outside = (image for walk in walks.values() for image in draw_outside(walk, every, size))
    inside = (image for walk in walks.values() for image in draw_inside(walk, every, size, eye))
    total = sum(len(walk.qpos[::every]) for walk in walks.values())
    labels = ["Go1 and its scandots", "what its camera sees, scandots drawn in"]
    write_side_by_side([outside, inside], labels, FPS, out, size[1], progress, total)
    return walks


def draw_outside(walk: SeenWalk, every: int, size: tuple[int, int]) -> Iterator[np.ndarray]:
    """Images of the robot and its scandots, (height, width, 3) each."""
    return draw_from_side(walk.model, walk.qpos, every, size, lambda step, state: draw_dots(walk, step))


def draw_dots(walk: SeenWalk, step: int) -> list[Ball]:
    """Scandots of a step as balls."""
    return [Ball(place, 0.012, DOT_COLOUR) for place in walk.dots[step]]


def draw_inside(walk: SeenWalk, every: int, size: tuple[int, int], camera: CameraConfig) -> Iterator[np.ndarray]:
    """Depth pictures, near is bright, with the scandots of the moment; (height, width, 3) each."""
    height = size[1]
    width = round(height * camera.columns / camera.rows)
    for t in range(0, len(walk.qpos), every):
        near = (255.0 * (1.0 - walk.pictures[t] / camera.far)).clip(0, 255).astype(np.uint8)
        image = cv2.applyColorMap(near, cv2.COLORMAP_VIRIDIS)[:, :, ::-1]
        image = np.ascontiguousarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_NEAREST))
        for column, row in project_dots(walk.dots[t], walk.position[t], walk.rotation[t], camera, (width, height)):
            cv2.circle(image, (int(column), int(row)), 4, (255, 90, 25), -1, cv2.LINE_AA)
        yield image


def project_dots(
    dots: np.ndarray, position: np.ndarray, rotation: np.ndarray, camera: CameraConfig, size: tuple[int, int]
) -> np.ndarray:
    """Where world points are in the camera's picture.

    Args:
      dots: (P, 3) [m].
      position: of the body that carries the camera [m], (3,).
      rotation: R_world_body of it, (3, 3).
      camera: its camera.
      size: width and height of the picture [px].

    Returns:
      Columns and rows of those within the picture, (M, 2) [px].
    """
    local = (dots - position) @ rotation - np.array(camera.place)
    pitch = np.radians(camera.pitch_degrees)
    depth = local @ np.array([np.cos(pitch), 0.0, -np.sin(pitch)])
    down = local @ np.array([-np.sin(pitch), 0.0, -np.cos(pitch)])
    safe = np.maximum(depth, 1e-6)
    vertical, horizontal = np.tan(np.radians(np.array(camera.view_degrees) / 2.0))
    places = np.stack([-local[:, 1] / safe / horizontal, down / safe / vertical], axis=-1)
    inside = (depth > 0.05) & (np.abs(places) < 1.0).all(1)
    return (places[inside] + 1.0) / 2.0 * np.array(size)
