"""The synthetic sample: a skinned human performs a made-up motion in front of a known camera.

Demo, benchmark and test fixture at once: `NAME.truth.npz` next to `NAME.mp4` holds everything that the pipeline has to
find out. Offline and deterministic.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import mujoco
import numpy as np
import tyro

from pose.errors import InputError
from pose.files import replace_file
from pose.landmarks import LANDMARKS
from pose.progress import Progress, silent
from pose.ranges import check_seed
from pose.video import VideoWriter, check_film
from reconstruct.camera import Camera, focal_from_fov
from reconstruct.characters.character import Character, load_character
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.scene_objects import save_objects
from sfv.console import bar, console
from sfv.demo.motions import ALL_PLANS, FPS, PLAN_HEIGHT, load_demo_take, place_things
from sfv.demo.scene_plans import SCENE_PLANS
from sfv.demo.scenery import draw_things, join_pushed, lay_floor
from sfv.drawing.backdrop import Light, add_room
from sfv.drawing.rendering import render_motion

IMAGE_SIZE = (960, 540)
"""Width and height of the film [px]."""
WALL_BEHIND = 0.9
"""Distance of the wall behind the farthest point of the motion [m]."""
MARGIN = 0.09
"""Part of the image that stays free around the body on every side."""

Motion = Literal[
    "backflip", "cartwheel", "walk", "jump", "step_up", "sit", "pull_up", "squat_on", "stairs_up", "stairs_down",
    "lie_down", "wall_push", "vault", "wall_kick", "push_box", "walk_up", "walk_down",
]  # fmt: skip


@dataclass(frozen=True)
class Demo:
    """What a demo film shows, exactly; saved next to it."""

    qpos: np.ndarray
    """(T, nq), in the order of the character's model."""
    contacts: np.ndarray
    """Which parts touch the ground, bool (T, C)."""
    xyz_w: np.ndarray
    """The 33 BlazePose landmarks, world frame, z up, ground at z = 0 [m], (T, 33, 3)."""
    camera: Camera
    path: tuple[Camera, ...] = ()
    """The camera in each frame, if it turns or zooms."""

    def save(self, path: Path, character: Character) -> None:
        """Writes the truth: the keys of the data sets that benchmarks read, and the pose itself.

        `K`, `R_camera_world` and `t_camera_world` are in OpenCV's convention, x_c = R x_w + t, without distortion; one
        of each for every frame (T, ...) where the camera moves.
        """
        still = not self.path
        cameras = self.path or (self.camera,) * len(self.qpos)
        part = 0 if still else slice(None)
        arrays = {
            "qpos": self.qpos,
            "fps": FPS,
            "xyz_w": self.xyz_w,
            "xy_px": np.stack([camera.project(xyz) for camera, xyz in zip(cameras, self.xyz_w, strict=True)]),
            "names": np.array(LANDMARKS),
            "K": np.stack([camera.intrinsics for camera in cameras])[part],
            "dist": np.zeros(5),
            "R_camera_world": np.stack([camera.R_camera_world for camera in cameras])[part],
            "t_camera_world": np.stack([camera.t_camera_world for camera in cameras])[part],
            "image_size": np.array(self.camera.image_size),
            "contacts": self.contacts,
            "contact_names": np.array(tuple(character.contacts)),
            "joint_names": np.array(character.joint_names),
            "character": np.array(character.name),
            "height": character.height,
        }
        with replace_file(path) as temporary, open(temporary, "wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)


def demo(
    motion: tyro.conf.Positional[Motion],
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None,
    seed: int = 0,
    height: float | None = None,
) -> None:
    """Makes a synthetic sample video with known truth.

    Args:
      motion: what the person does; the last thirteen with things: steps, seats, bars, walls, a pushed box, slopes.
      out: the video, NAME.mp4 if not given; the truth is written next to it as NAME.truth.npz, and NAME.scene.toml.
      seed: varies the camera and the room.
      height: of the person [m].

    Raises:
      InputError: an option makes no sense, or somebody's film has the name that is not given.
    """
    check_film(out)
    check_seed(seed)
    path = out or Path(f"{motion}.mp4")
    if out is None and path.exists() and not truth_path(path).exists():
        raise InputError(f"{path}: is there already, and no demo's; give another name: sfv demo {motion} -o NAME.mp4")
    with bar(f"demo {motion}") as progress:
        make_demo(motion, path, seed=seed, height=height, progress=progress)
    console.print(f"{path}, truth in {truth_path(path)}")


def truth_path(video: Path) -> Path:
    """Path of a demo video's truth."""
    return video.with_suffix(".truth.npz")


def make_demo(name: str, out: Path, seed: int = 0, height: float | None = None, progress: Progress = silent) -> Demo:
    """Films a demo motion.

    Args:
      name: of a plan that can be filmed.
      out: the mp4; the truth goes next to it.
      seed: varies the camera and the room; the motion is always the same.
      height: of the person [m], None for the character's own.
      progress: called after each frame.

    Raises:
      InputError: no such motion, or one on things by somebody of another height.
    """
    character = load_character("humanoid", height)
    if name in SCENE_PLANS and height not in (None, PLAN_HEIGHT):
        raise InputError(f"'{name}' is made for {PLAN_HEIGHT:g} m, with things of that size; leave --height out")
    truth = stage_demo(name, character, seed)
    things = place_things(name, character, truth.qpos)
    ahead = truth.camera.R_camera_world[2, :2]
    ahead = ahead / np.linalg.norm(ahead)
    wall = float((truth.xyz_w[..., :2] @ ahead).max()) + WALL_BEHIND
    build = partial(add_room, ahead=ahead, distance=wall, seed=seed)

    def backdrop(spec: mujoco.MjSpec) -> Light:
        draw_things(spec, things)
        light = build(spec)
        lay_floor(spec, things)
        return light

    shown = join_pushed(name, truth.qpos, things)
    with VideoWriter(out, FPS, truth.camera.image_size, quality=18) as video:
        for t, frame in enumerate(render_motion(character, shown, FPS, truth.camera, backdrop=backdrop)):
            video.write(frame)
            progress(t + 1, len(shown), "filming")
    truth.save(truth_path(out), character)
    if things:
        save_objects(things, out.with_suffix(".scene.toml"))
    return truth


def stage_demo(name: str, character: Character, seed: int = 0) -> Demo:
    """Loads the motion, and places a camera so that all of it is in the image."""
    qpos, contacts = load_demo_take(name, character)
    points = BodyPoints.of_sites(character.model, LANDMARKS)
    xyz_w = point_positions(character.model, qpos, points)
    rng = np.random.default_rng(seed)
    azimuth = np.radians(ALL_PLANS[name].azimuth + rng.uniform(-6.0, 6.0))
    field_of_view, eye_height = rng.uniform(46.0, 56.0), rng.uniform(1.3, 1.6)
    return Demo(qpos, contacts, xyz_w, place_camera(xyz_w, azimuth, field_of_view, eye_height))


def place_camera(points_w: np.ndarray, azimuth: float, field_of_view: float, eye_height: float) -> Camera:
    """Finds a camera at eye height, as near as it can be with all points in the image.

    Args:
      points_w: what must be seen, (..., 3).
      azimuth: compass direction in which it looks [rad].
      field_of_view: along the longer side of the image [deg].
      eye_height: above the ground [m].

    Raises:
      ValueError: the points do not fit into an image from 15 m away.
    """
    points = points_w.reshape(-1, 3)
    target = (points.min(axis=0) + points.max(axis=0)) / 2
    ahead = np.array([np.cos(azimuth), np.sin(azimuth), 0.0])
    size = np.array(IMAGE_SIZE)
    for distance in np.arange(2.5, 15.0, 0.1):
        position = np.array([*target[:2], 0.0]) - distance * ahead + [0.0, 0.0, eye_height]
        forward = (target - position) / np.linalg.norm(target - position)
        right = np.array([np.sin(azimuth), -np.cos(azimuth), 0.0])
        R = np.stack([right, np.cross(forward, right), forward])
        camera = Camera(focal_from_fov(field_of_view, IMAGE_SIZE), size / 2.0, IMAGE_SIZE, R, -R @ position)
        xy_px = camera.project(points)
        if (camera.to_camera(points)[:, 2] > 1.0).all() and (np.abs(xy_px / size - 0.5) < 0.5 - MARGIN).all():
            return camera
    raise ValueError(f"place_camera: points over {np.ptp(points, axis=0)} m do not fit into an image")
