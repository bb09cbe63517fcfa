"""Pictures of several people in one world, through the camera that filmed them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import mujoco
import numpy as np

from imitate.together.perform import ACTING, FALLEN, Performance
from pose.progress import Progress, silent
from pose.video import read_frames
from reconstruct.camera import Camera
from reconstruct.characters.character import Character, fit_skin
from reconstruct.characters.several import add_bodies, find_parts, prefix_of
from sfv.drawing.backdrop import add_studio
from sfv.drawing.clothes import SHIRT, Colour, dye
from sfv.drawing.renderer import open_renderer
from sfv.drawing.rendering import COLLISION_GROUP, look_through, set_up_picture, write_side_by_side

PANEL_HEIGHT = 360
"""Height of each panel [px]."""
SHIRTS = (SHIRT, (60, 96, 168), (214, 176, 62), (84, 150, 92), (150, 92, 160))
"""Colours of the people's shirts, in turn."""
AWAY = 100.0
"""How far below the ground those are put who are not to be seen [m]."""


def draw_group(
    bodies: Sequence[Character],
    motions: Sequence[np.ndarray],
    shown: np.ndarray,
    cameras: Sequence[Camera],
) -> Iterator[np.ndarray]:
    """Draws several people frame by frame.

    Args:
      bodies: N of them.
      motions: poses of each in the shared world, (T, nq).
      shown: who is to be seen, bool (N, T).
      cameras: one for each frame, of one image size, in the shared world.

    Yields:
      RGB images, uint8 (height, width, 3).
    """
    width, height = cameras[0].image_size
    roots = np.concatenate([qpos[:, :3] for qpos in motions])
    model = _compile(bodies, (width, height), roots)
    parts, state, option = find_parts(model, bodies), mujoco.MjData(model), mujoco.MjvOption()
    option.geomgroup[COLLISION_GROUP] = int(model.nskin == 0 and model.nmesh == 0)
    option.sitegroup[:] = 0
    with open_renderer(model, width, height) as renderer:
        for t, camera in enumerate(cameras):
            for number, part in enumerate(parts):
                state.qpos[part.qpos] = motions[number][t]
                state.qpos[part.qpos.start + 2] -= 0.0 if shown[number, t] else AWAY
            mujoco.mj_forward(model, state)
            renderer.update_scene(state, mujoco.MjvCamera(), option)
            look_through(renderer.scene, camera)
            yield renderer.render()


def _compile(bodies: Sequence[Character], size: tuple[int, int], roots: np.ndarray) -> mujoco.MjModel:
    """The model in the studio, with shadows where the roots (N, 3) ever are."""
    spec, middle = mujoco.MjSpec(), 0.5 * (roots.min(axis=0) + roots.max(axis=0))
    add_bodies(spec, bodies)
    extent = 1.4 * max(body.height for body in bodies) + 0.5 * float(np.ptp(roots, axis=0).max())
    set_up_picture(spec, add_studio(spec), size, True, extent)
    spec.stat.center = middle
    spec.visual.map.shadowclip = 6.0  # the sun goes with the first person: others may be far from them
    model = spec.compile()
    for number, body in enumerate(bodies):
        fit_skin(model, body, prefix_of(number))
        _change_shirt(model, prefix_of(number), SHIRTS[number % len(SHIRTS)])
    return model


def _change_shirt(model: mujoco.MjModel, prefix: str, colour: Colour) -> None:
    """Gives the shirt another colour in the pictures whose names begin so; light and folds stay."""
    for texture in range(model.ntex):
        if not model.tex(texture).name.startswith(prefix) or model.tex_nchannel[texture] != 3:
            continue
        first, count = int(model.tex_adr[texture]), int(model.tex_width[texture] * model.tex_height[texture])
        pixels = model.tex_data[first : first + 3 * count].reshape(count, 3)
        pixels[:] = dye(pixels, {SHIRT: colour}, shaded=True)


def film_cameras(camera: Camera, frames: np.ndarray, height: int) -> list[Camera]:
    """The camera at some frames of its film, with images of this height [px].

    Args:
      camera: from the film's first frame on.
      frames: of the film, (T,).
      height: of the images; both sides are even.
    """
    scale = height / camera.image_size[1]
    size = (2 * round(0.5 * scale * camera.image_size[0]), height)
    moving = camera.turn is not None or camera.zoom is not None
    last = len(camera.turn) - 1 if camera.turn is not None else 0
    found = list[Camera]()
    for frame in frames.tolist():
        here = camera.start_at(min(frame, last)) if moving else camera
        lens = {"focal_px": scale * here.focal_px, "principal_point_px": scale * here.principal_point_px}
        found.append(replace(here, **lens, image_size=size, turn=None, zoom=None))
    return found


def write_group_film(
    bodies: Sequence[Character],
    performance: Performance,
    camera: Camera,
    fps: float,
    overlay: Path,
    out: Path,
    progress: Progress = silent,
) -> None:
    """Writes video | reconstruction | simulation, all seen by the camera that filmed the video.

    Args:
      bodies: of the people.
      performance: theirs.
      camera: from the video's first frame on, in the shared world.
      fps: frames a second of camera and overlay, in the motion's time.
      overlay: the video with the skeletons.
      out: the film.
      progress: called after each image.
    """
    frames = np.rint(performance.times * fps).astype(int)
    cameras = film_cameras(camera, frames, PANEL_HEIGHT)
    there = (performance.state == ACTING) | (performance.state == FALLEN)
    panels = {
        "video": _read_at(overlay, frames),
        "reconstruction": draw_group(bodies, performance.reference_qpos, there, cameras),
        "simulation": draw_group(bodies, performance.qpos, there, cameras),
    }
    write_side_by_side(list(panels.values()), list(panels), performance.fps, out, PANEL_HEIGHT, progress, len(frames))


def _read_at(video: Path, frames: np.ndarray) -> Iterator[np.ndarray]:
    """Images of a video at rising frame numbers (T,); the last one stays."""
    film, number, image = read_frames(video), -1, np.zeros((2, 2, 3), np.uint8)
    for wanted in frames.tolist():
        while number < wanted and (following := next(film, None)) is not None:
            number, image = number + 1, following[1]
        yield image
