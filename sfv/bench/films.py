"""Input of `bench pose` and `bench reconstruct`: films with known truth, and keypoints; both are cached."""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

import cv2
import mujoco
import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter1d

from pose.downloads import cache_folder
from pose.estimate import FORMAT_VERSION as POSE_FORMAT
from pose.estimate import PoseConfig, estimate_keypoints
from pose.files import replace_file
from pose.keypoints import Keypoints
from pose.landmarks import LANDMARKS
from pose.video import VideoWriter
from reconstruct.camera import Camera
from reconstruct.characters.character import Character, load_character
from reconstruct.formats.read_motion import read_motion, resample
from reconstruct.kinematics import BodyPoints, point_positions
from sfv.console import bar
from sfv.demo.demo import MARGIN, WALL_BEHIND, Demo, place_camera, truth_path
from sfv.demo.motions import ALL_PLANS, FPS, load_demo_take, place_things
from sfv.demo.plans import PLANS
from sfv.demo.scenery import draw_things, join_pushed, lay_floor
from sfv.drawing.backdrop import Light, add_room
from sfv.drawing.clothes import HAIR, SHIRT, SKIN, TROUSERS, Colour, dye
from sfv.drawing.rendering import render_motion

LONGEST = 120
"""Greatest number of frames of a motion file that are filmed."""
ACROSS = 104.0
"""Compass direction of a view from the side of a motion file [degrees]; demonstrations have their own."""
BEFORE_WALL = -40.0
"""Compass direction of a view from behind, on the person's other side, where a wall is in front [degrees]."""
BODIES = ("humanoid", "heavy")
"""Two body shapes of the same height, since the height cannot be seen in a film."""
DARK = {
    SHIRT: (58, 104, 84),
    TROUSERS: (74, 74, 78),
    SKIN: (141, 96, 68),
    HAIR: (28, 26, 28),
}
"""The second outfit: colours of the skin's picture -> what stands in their place (shirt, trousers, skin, hair)."""
TILTS = ((10.0, 5.0), (10.0, -5.0), (-6.0, 5.0), (-6.0, -5.0))
"""Pitch downwards and roll to the right of tilted cameras in turn [deg]."""
SHUTTER = 0.6
"""Share of the time between two frames in which a rough film's shutter is open; it smears what moves."""
EXPOSURES = 4
"""Number of images that are averaged into one blurred frame."""
NOISE = 9.0
"""Standard deviation of a rough film's noise [of 255]."""
JPEG_QUALITY = 18
"""JPEG quality of the frames of a rough film, low enough for visible blocks."""


@dataclass(frozen=True)
class Viewpoint:
    """Where the camera of a benchmark film stands, relative to the direction of the motion."""

    name: str
    azimuth: float
    """Angle of the view from the side view [degrees]; 90 looks along the motion."""
    fov: float
    """Field of view along the longer side [degrees]; a wide one stands near and shows strong perspective."""
    eye_height: float
    """Height above the ground [m]."""


VIEWPOINTS = (
    Viewpoint("side", -8.0, 50.0, 1.4),
    Viewpoint("quarter", -50.0, 55.0, 1.5),
    Viewpoint("front", 76.0, 68.0, 1.3),
)
"""From the side, from a quarter, and from the front with a wide lens from near."""


@dataclass(frozen=True)
class Film:
    """One film of the benchmark."""

    group: str
    """`synthetic`, `rough` (motion blur, noise, JPEG), `panning` (the camera turns and zooms), `scene` (on things),
    `tilted` (level ground before a camera that is pitched and rolled by `TILTS`)."""
    motion: str
    viewpoint: Viewpoint
    body: str
    dark: bool
    """Wears the second outfit."""
    tilt: tuple[float, float] = field(default=(0.0, 0.0), kw_only=True, repr=False)
    """Pitch downwards and roll to the right of the camera beyond what frames the body [deg]."""

    @property
    def title(self) -> str:
        """Group, motion and viewpoint, and the tilt if there is one."""
        tilt = "" if self.tilt == (0.0, 0.0) else f"-{self.tilt[0]:+.0f}{self.tilt[1]:+.0f}"
        return f"{self.group}-{self.motion}-{self.viewpoint.name}{tilt}"

    def load_body(self) -> Character:
        """The body that is filmed."""
        return load_character(self.body)


def list_films(motions: list[str], full: bool) -> list[Film]:
    """The films of the benchmark; bodies and outfits alternate so that each is filmed from every viewpoint.

    Args:
      motions: names, the demonstration motions first.
      full: every motion from every viewpoint, rough and panned too, instead of one or two of each.
    """
    films = []
    for m, motion in enumerate(motions):
        views = VIEWPOINTS if full else (VIEWPOINTS[0], VIEWPOINTS[1 + m % 2])
        for v, viewpoint in enumerate(views):
            films.append(Film("synthetic", motion, viewpoint, BODIES[(m + v) % 2], (m + v) // 2 % 2 == 1))
    for film in list(films):
        if film.viewpoint.name == "side" and (full or film.motion in ("backflip", "walk")):
            films.append(replace(film, group="rough"))
        if film.viewpoint.name == "side" and (full or film.motion in ("cartwheel", "walk")):
            films.append(replace(film, group="panning"))
    return films


def make_films(motion_files: list[Path], full: bool) -> list[tuple[Film, Path]]:
    """The films of `list_films` with their videos, and next to each its truth; films in the cache are not made again.

    Args:
      motion_files: motions to film besides the demonstrations.
      full: see `list_films`.
    """
    takes, folder = load_takes(motion_files, load_character("humanoid")), make_film_folder()
    films = list_films(list(takes), full)
    return [(film, render_film(film, *takes[film.motion], folder)) for film in films]


def load_takes(motion_files: list[Path], character: Character) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Poses (T, nq) and contacts (T, C) of the demonstrations and of motion files, by name."""
    takes = {name: load_demo_take(name, character) for name in PLANS}
    for path in motion_files:
        motion = read_motion(path, character)
        takes[path.stem] = motion.qpos[:LONGEST], motion.contacts[:LONGEST]
    return takes


def make_film_folder() -> Path:
    """The folder of the cache in which films are kept."""
    folder = cache_folder() / "bench" / "films"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def list_scene_films(motions: tuple[str, ...], full: bool) -> list[Film]:
    """Films of motions on things, from all viewpoints or, each, from one of them in turn."""
    return [
        Film("scene", motion, viewpoint, BODIES[0], (m + v) % 2 == 1)
        for m, motion in enumerate(motions)
        for v, viewpoint in enumerate(VIEWPOINTS)
        if full or v == m % len(VIEWPOINTS)
    ]


def list_tilted_films() -> list[Film]:
    """Level ground before cameras that are tilted as far as a hand does it: what a slope must not be taken for."""
    views = VIEWPOINTS[:2]
    return [
        Film("tilted", motion, viewpoint, BODIES[0], False, tilt=tilt)
        for motion in ("walk", "jump")
        for viewpoint in views
        for tilt in (TILTS if motion == "walk" else TILTS[:1])
    ]


def make_scene_films(films: list[Film]) -> list[tuple[Film, Path]]:
    """Films of `list_scene_films` with their videos, and next to each its truth; made once."""
    character = load_character(BODIES[0])
    folder = make_film_folder()
    takes = {film.motion: load_demo_take(film.motion, character) for film in films}
    return [(film, render_film(film, *takes[film.motion], folder)) for film in films]


def render_film(film: Film, qpos: np.ndarray, contacts: np.ndarray, folder: Path) -> Path:
    """Renders a film and its truth into a folder, if they are not there.

    Args:
      film: which one.
      qpos: its motion on the humanoid, (T, nq).
      contacts: parts on the ground, bool (T, C).
      folder: for all films.
    """
    digest = hashlib.sha256(np.round(qpos, 4).astype("<f4").tobytes() + repr(film).encode()).hexdigest()[:8]
    out = folder / f"{film.title}-{digest}.mp4"
    if out.is_file() and truth_path(out).is_file():
        return out
    character = film.load_body()
    truth = stage_film(film, qpos, contacts, character)
    size = truth.camera.image_size
    with bar(f"filming {film.title}") as progress, VideoWriter(out, FPS, size, quality=18) as video:
        for t, image in enumerate(render_frames(film, truth, character)):
            video.write(image)
            progress(t + 1, len(qpos), "filming")
    truth.save(truth_path(out), character)
    return out


def stage_film(film: Film, qpos: np.ndarray, contacts: np.ndarray, character: Character) -> Demo:
    """The motion before its camera, which turns with the body in a panned film."""
    xyz_w = point_positions(character.model, qpos, BodyPoints.of_sites(character.model, LANDMARKS))
    across = ALL_PLANS[film.motion].azimuth if film.motion in ALL_PLANS else ACROSS
    view, azimuth = film.viewpoint, across + film.viewpoint.azimuth
    things = place_things(film.motion, character, qpos) if film.group == "scene" else ()
    if any(one.is_wall or one.mass for one in things) and np.cos(np.radians(azimuth)) < -0.5:
        azimuth = BEFORE_WALL  # what the person faces hides them from the front
    camera = place_camera(xyz_w, np.radians(azimuth), view.fov, view.eye_height)
    if any(film.tilt):
        pitch, roll = np.radians(film.tilt)
        camera = tilt_camera(camera, pitch, roll, xyz_w.mean(axis=(0, 1)))
    path = pan_with_body(camera, xyz_w) if film.group == "panning" else ()
    return Demo(qpos, contacts, xyz_w, path[0] if path else camera, path)


def tilt_camera(camera: Camera, pitch: float, roll: float, about_w: np.ndarray) -> Camera:
    """The camera turned downwards and then to its right [rad], held so that a point of the world stays where it was in
    the picture: who looks down by more does so from higher up."""
    cos, sin = np.cos(pitch), np.sin(pitch)
    down = np.array([[1.0, 0.0, 0.0], [0.0, cos, -sin], [0.0, sin, cos]])
    cos, sin = np.cos(roll), np.sin(roll)
    R = np.array([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]]) @ down @ camera.R_camera_world
    return replace(camera, R_camera_world=R, t_camera_world=camera.to_camera(about_w) - R @ about_w)


def pan_with_body(camera: Camera, xyz_w: np.ndarray) -> tuple[Camera, ...]:
    """Cameras of a hand that keeps the body in the middle, with a slight sway, and zooms in by a tenth.

    Args:
      camera: a still one that sees all; its place is kept.
      xyz_w: landmarks, (T, J, 3).
    """
    frames, position = len(xyz_w), -camera.R_camera_world.T @ camera.t_camera_world
    middle = gaussian_filter1d(0.5 * (xyz_w.min(axis=1) + xyz_w.max(axis=1)), 0.4 * FPS, axis=0, mode="nearest")
    time_s = np.arange(frames) / FPS
    middle[:, 2] += 0.04 * np.sin(2.2 * time_s)
    zoom = 1.0 + 0.1 * np.linspace(0.0, 1.0, frames)
    forward = middle - position
    forward /= np.linalg.norm(forward, axis=1, keepdims=True)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    rotation = np.stack([right, np.cross(forward, right), forward], axis=1)
    size = np.array(camera.image_size)
    seen = np.einsum("tij,tpj->tpi", rotation, xyz_w - position)
    extent = (np.abs(seen[..., :2] / seen[..., 2:]) * zoom[:, None, None] / size).max()
    focal = (0.5 - MARGIN) / extent
    return tuple(
        replace(camera, focal_px=float(focal * near), R_camera_world=R, t_camera_world=-R @ position)
        for near, R in zip(zoom, rotation, strict=True)
    )


def render_frames(film: Film, truth: Demo, character: Character) -> Iterator[np.ndarray]:
    """The film's images, RGB uint8 (height, width, 3)."""
    cameras = truth.path or truth.camera
    backdrop = _build_backdrop(film, truth)
    if film.group != "rough":
        things = place_things(film.motion, character, truth.qpos) if film.group == "scene" else ()
        shown = join_pushed(film.motion, truth.qpos, things)
        yield from render_motion(character, shown, FPS, cameras, backdrop=backdrop)
        return
    rng = np.random.default_rng(0)
    count = len(truth.qpos)
    times = (np.arange(count)[:, None] + SHUTTER * (np.arange(EXPOSURES) / (EXPOSURES - 1) - 0.5)).ravel()
    fine, _ = resample(character.model, truth.qpos, np.arange(count, dtype=float), 20.0)
    nearest = np.clip(np.round(20.0 * times).astype(int), 0, len(fine) - 1)
    images = render_motion(character, fine[nearest], FPS, cameras, backdrop=backdrop, smooth_edges=False)
    for _ in range(count):
        blurred = np.mean([next(images) for _ in range(EXPOSURES)], axis=0)
        noisy = np.clip(blurred + NOISE * rng.standard_normal(blurred.shape), 0, 255).astype(np.uint8)
        _, coded = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        yield np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR))


def _build_backdrop(film: Film, truth: Demo) -> Callable[[mujoco.MjSpec], Light]:
    ahead = truth.camera.R_camera_world[2, :2] / np.linalg.norm(truth.camera.R_camera_world[2, :2])
    wall = float((truth.xyz_w[..., :2] @ ahead).max()) + WALL_BEHIND
    seed = [view.name for view in VIEWPOINTS].index(film.viewpoint.name)
    build = partial(add_room, ahead=ahead, distance=wall, seed=seed, pictures=film.group == "panning")

    things = place_things(film.motion, film.load_body(), truth.qpos) if film.group == "scene" else ()

    def dress(spec: mujoco.MjSpec) -> Light:
        if film.dark:
            change_clothes(spec)
        draw_things(spec, things)
        light = build(spec)
        lay_floor(spec, things)
        return light

    return dress


def change_clothes(spec: mujoco.MjSpec, colours: dict[Colour, Colour] = DARK) -> None:
    """Gives a character's skin other colours: each pixel near one of the old colours follows it."""
    texture = spec.texture("skin")
    folder = load_character("humanoid").path.parent
    image = np.asarray(Image.open(folder / texture.file).convert("RGB"))
    painted = dye(image, colours)
    texture.file = ""
    texture.height, texture.width, texture.nchannel = *painted.shape[:2], 3
    texture.data = np.ascontiguousarray(painted).tobytes()


def name_cache(video: Path, config: PoseConfig, *formats: int) -> Path:
    """Where what is found in a video's bytes is kept, by the settings and the versions of what finds it."""
    settings = {key: value for key, value in asdict(config).items() if key != "processes"}
    digest = hashlib.sha256(video.read_bytes() + repr((settings, *formats)).encode()).hexdigest()[:16]
    return cache_folder() / "bench" / "keypoints" / f"{video.stem}-{digest}"


def find_cached_keypoints(video: Path, config: PoseConfig) -> tuple[Keypoints, float]:
    """`estimate_keypoints`, once for each video's bytes, settings and `pose.estimate.FORMAT_VERSION`.

    Returns:
      Keypoints, and the processor seconds that finding them took.
    """
    place = name_cache(video, config, POSE_FORMAT)
    path = place.with_name(f"{place.name}.npz")
    spent = path.with_suffix(".seconds")
    if not (path.is_file() and spent.is_file()):
        began = _read_processor_seconds()
        with bar(f"{video.stem} pose") as progress:
            found = estimate_keypoints(video, config, progress)
        path.parent.mkdir(parents=True, exist_ok=True)
        found.save(path)
        with replace_file(spent) as temporary:
            temporary.write_text(f"{_read_processor_seconds() - began:.2f}\n", encoding="utf-8")
    return Keypoints.load(path), float(spent.read_text())


def _read_processor_seconds() -> float:
    """Of this process and of the children that it has waited for."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system
