"""Pictures of motions: the skinned character before a backdrop, seen by a camera that follows it or by a given one."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import cv2
import mujoco
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter1d

from imitate.env.task import Task
from imitate.scene.ground import ASIDE, Ground
from imitate.scene.objects import add_objects
from imitate.scene.scene import BOX, add_box
from pose.progress import Progress, silent
from pose.video import VideoWriter
from reconstruct.camera import Camera
from reconstruct.characters.character import Character, fit_skin
from reconstruct.motion import ReferenceMotion
from reconstruct.rotations import yaw
from sfv.drawing.backdrop import Light, add_studio
from sfv.drawing.balls import Ball
from sfv.drawing.guessed_limbs import paint_guessed
from sfv.drawing.renderer import open_renderer

COLLISION_GROUP = 3
"""Geom group of the collision shapes in our characters; hidden where there is a skin, or are meshes."""

LABEL_HEIGHT = 30
"""Height of the band above each panel [px]."""


@dataclass(frozen=True)
class Track:
    """A camera path that keeps a body in the middle of the image."""

    lookat: np.ndarray
    """Point in the middle of each image, world [m], (T, 3)."""
    distance: float
    """Distance of the camera from that point [m]."""
    azimuth: float
    """Compass direction in which the camera looks [deg]: 0 along x, 90 along y."""
    elevation: float = -8.0
    """Upward tilt of the line of sight [deg]."""


def make_scenery(task: Task, aside: float = ASIDE) -> Callable[[mujoco.MjSpec], Light]:
    """Makes a backdrop: the studio with a task's ground in place of its floor, and the scene's box if it has one.

    Motions that are drawn before it have the box's pose in their last seven columns. Steps and gaps of the ground are
    drawn so far to either side [m].
    """

    def build(spec: mujoco.MjSpec) -> Light:
        light = add_studio(spec)
        ground = task.ground
        if not ground.flat:
            spec.delete(spec.geom("floor"))
            ground.add_to(spec, aside)
        for geom in spec.geoms:
            if geom.name.startswith("ground"):
                geom.material, geom.contype, geom.conaffinity = "floor", 0, 0
        if task.scene.has_box:
            add_box(spec, task.scene, task.box_half, contype=0, conaffinity=0, rgba=[0.72, 0.53, 0.34, 1.0])
            assert spec.body(BOX) is not None
        add_objects(spec, task.scene.objects, solid=False)
        if task.motion.guessed:
            paint_guessed(spec, task.character, task.motion.guessed)
        return light

    return build


def follow(
    qpos: np.ndarray, fps: float, height: float, camera: Camera | None = None, ground: Ground | None = None
) -> Track:
    """Plans a steady camera path for a motion.

    Args:
      qpos: the motion, (T, nq).
      fps: its frames a second.
      height: standing height of the body [m]; sets the distance.
      camera: seen from this camera's side, so that the image compares with its video; the person's right otherwise.
      ground: under the body; None for the plane.
    """
    root = qpos[:, :3].copy()
    below = (ground or Ground()).support(root[:, :2])
    root[:, 2] -= below
    calm = np.stack([gaussian_filter1d(root[:, i], 0.35 * fps, mode="nearest") for i in range(3)], axis=1)
    # Up and down the image follows only in part: a jump has to look like one.
    middle = 0.52 * height
    height_over = middle + 0.35 * np.maximum(calm[:, 2] - middle, 0.0)
    climb = gaussian_filter1d(below, 0.35 * fps, mode="nearest")
    lookat = np.column_stack([calm[:, :2], climb + height_over])
    extent = np.linalg.norm(root[:, :2] - calm[:, :2], axis=1).max() + max(root[:, 2].max() - 0.6 * height, 0.0)
    if camera is not None:
        forward = camera.R_camera_world[2]
        azimuth = np.degrees(np.arctan2(forward[1], forward[0]))
    else:
        azimuth = np.degrees(yaw(qpos[0, 3:7])) + 110.0
    return Track(lookat, distance=1.75 * height + 1.2 * float(extent), azimuth=float(azimuth))


def render_motion(
    character: Character,
    qpos: np.ndarray,
    fps: float,
    camera: Camera | Track | Sequence[Camera] | None = None,
    size: tuple[int, int] = (480, 480),
    backdrop: Callable[[mujoco.MjSpec], Light] = add_studio,
    smooth_edges: bool = True,
    depth: bool = False,
    balls: Callable[[int], Iterable[Ball]] = lambda t: (),
) -> Iterator[np.ndarray]:
    """Draws a motion frame by frame.

    Args:
      character: whose motion it is.
      qpos: one row for each image, (T, nq).
      fps: frames a second of `qpos`.
      camera: a path to follow, or a pinhole to look through exactly (one, or one for each image); then the images have
        its size. None follows the body.
      size: width and height of the images [px].
      backdrop: adds ground, textures and lights to a model.
      smooth_edges: multisampling; without it drawing is a third faster.
      depth: how far away what is seen is, in place of its colours.
      balls: drawn in image t.

    Yields:
      RGB images, uint8 (height, width, 3); with `depth` distances along the camera's axis [m], (height, width).
    """
    if camera is None:
        camera = follow(qpos, fps, character.height)
    eyes = [camera] if isinstance(camera, Camera) else [] if isinstance(camera, Track) else list(camera)
    width, height = eyes[0].image_size if eyes else size
    model = _compile_model(character, backdrop, (width, height), smooth_edges)
    option = mujoco.MjvOption()
    option.geomgroup[COLLISION_GROUP] = int(model.nskin == 0 and model.nmesh == 0)
    option.sitegroup[:] = 0
    state = mujoco.MjData(model)
    free_camera = mujoco.MjvCamera()
    with open_renderer(model, width, height) as renderer:
        if depth:
            renderer.enable_depth_rendering()
        for t, row in enumerate(qpos):
            state.qpos[:] = row
            mujoco.mj_forward(model, state)
            if isinstance(camera, Track):
                free_camera.lookat = camera.lookat[min(t, len(camera.lookat) - 1)]
                free_camera.distance, free_camera.azimuth = camera.distance, camera.azimuth
                free_camera.elevation = camera.elevation
                renderer.update_scene(state, free_camera, option)
            else:
                renderer.update_scene(state, free_camera, option)
                look_through(renderer.scene, eyes[min(t, len(eyes) - 1)])
            for ball in balls(t):
                ball.add_to(renderer.scene)
            yield renderer.render()


def _compile_model(
    character: Character, backdrop: Callable[[mujoco.MjSpec], Light], size: tuple[int, int], smooth_edges: bool
) -> mujoco.MjModel:
    """Compiles the character before a backdrop, set up for images of this width and height [px]; what is shown is a
    little more than the body, whatever the ground."""
    spec = character.spec()
    set_up_picture(spec, backdrop(spec), size, smooth_edges, 1.4 * character.height)
    model = spec.compile()
    fit_skin(model, character)
    return model


def set_up_picture(spec: mujoco.MjSpec, light: Light, size: tuple[int, int], smooth_edges: bool, extent: float) -> None:
    """Sets up a model for images of this width and height [px].

    Args:
      spec: about to be compiled.
      light: of the backdrop.
      size: of the images.
      smooth_edges: multisampling.
      extent: size of what is shown [m]; it scales the shadow map and both clipping planes.
    """
    spec.visual.global_.offwidth, spec.visual.global_.offheight = size
    spec.visual.global_.fovy = 40.0
    spec.visual.quality.shadowsize = light.shadow_size
    spec.visual.quality.offsamples = 4 if smooth_edges else 0
    spec.visual.headlight.ambient = [light.ambient] * 3
    spec.visual.headlight.diffuse = [light.head] * 3
    spec.visual.headlight.specular = [0.0] * 3
    spec.visual.map.shadowclip = 2.0  # at 1, stripes of false shadow appear at the map's edge
    spec.visual.map.zfar = 50.0
    spec.stat.extent = extent


def look_through(scene: mujoco.MjvScene, camera: Camera, near: float = 0.05, far: float = 100.0) -> None:
    """Sets the scene's camera to exactly this pinhole; it clips at `near` and `far` [m]."""
    width, height = camera.image_size
    (cx, cy), focal = camera.principal_point_px, camera.focal_px
    _, down, forward = camera.R_camera_world
    for eye in scene.camera:
        eye.pos = -camera.R_camera_world.T @ camera.t_camera_world
        eye.forward, eye.up = forward, -down
        eye.frustum_near, eye.frustum_far = near, far
        eye.frustum_center = near * (width / 2 - cx) / focal
        eye.frustum_width = near * width / 2 / focal
        eye.frustum_bottom, eye.frustum_top = near * (cy - height) / focal, near * cy / focal


def write_preview(
    motion: ReferenceMotion,
    character: Character,
    path: Path,
    camera: Camera | None = None,
    size: tuple[int, int] = (640, 480),
    progress: Progress = silent,
    backdrop: Callable[[mujoco.MjSpec], Light] = add_studio,
    ground: Ground | None = None,
) -> None:
    """Writes a video of a motion, seen from the side that `camera` filmed it from; see `render_motion`, `follow`."""
    track = follow(motion.qpos, motion.fps, character.height, camera, ground)
    with VideoWriter(path, motion.fps, size) as video:
        for t, frame in enumerate(render_motion(character, motion.qpos, motion.fps, track, size, backdrop)):
            video.write(frame)
            progress(t + 1, len(motion), "drawing")


def write_side_by_side(
    panels: Sequence[Iterable[np.ndarray]],
    labels: Sequence[str],
    fps: float,
    out: Path,
    height: int = 480,
    progress: Progress = silent,
    total: int = 0,
) -> None:
    """Writes a video of several films next to each other, on one time base.

    Args:
      panels: RGB images of each film, any sizes; one that ends earlier keeps its last image.
      labels: what to write above each.
      fps: frames a second of all of them.
      out: the video.
      height: of the images without their labels [px].
      progress: called after each frame.
      total: number of frames to come, for `progress`.
    """
    films = [iter(panel) for panel in panels]
    shown = [np.empty((0, 0, 3), np.uint8)] * len(films)
    done = 0
    with ExitStack() as files:
        video = None
        bands: list[np.ndarray] = []
        while True:
            fresh = [next(film, None) for film in films]
            if all(image is None for image in fresh):
                break
            for i, image in enumerate(fresh):
                if image is not None:
                    shown[i] = _resize_to_height(image, height)
                elif shown[i].size == 0:
                    raise ValueError(f"write_side_by_side: panel '{labels[i]}' has no image")
            if video is None:
                bands = [draw_label_band(label, image.shape[1]) for label, image in zip(labels, shown, strict=True)]
                size = (sum(image.shape[1] for image in shown), height + LABEL_HEIGHT)
                video = files.enter_context(VideoWriter(out, fps, size))
            columns = [np.concatenate([band, image]) for band, image in zip(bands, shown, strict=True)]
            video.write(np.concatenate(columns, axis=1))
            done += 1
            progress(done, max(total, done), "drawing")
    if video is None:
        raise ValueError("write_side_by_side: no panel has an image")


def draw_label_band(text: str, width: int) -> np.ndarray:
    """Draws a caption in the middle of a dark band, uint8 (LABEL_HEIGHT, width, 3)."""
    band = Image.new("RGB", (width, LABEL_HEIGHT), (24, 26, 30))
    font = ImageFont.load_default(size=17)
    ImageDraw.Draw(band).text((width / 2, LABEL_HEIGHT / 2), text, fill=(236, 238, 240), font=font, anchor="mm")
    return np.asarray(band)


def _resize_to_height(image: np.ndarray, height: int) -> np.ndarray:
    if image.shape[0] == height:
        return image
    width = round(image.shape[1] * height / image.shape[0])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
