"""Films by a camera that goes along, with known truth: walks, runs and dances of some seconds in a furnished room."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import mujoco
import numpy as np
from scipy.ndimage import gaussian_filter1d

from pose.downloads import cache_folder
from pose.landmarks import LANDMARKS
from pose.video import VideoWriter
from reconstruct.camera import Camera, focal_from_fov
from reconstruct.characters.character import Character, load_character
from reconstruct.kinematics import BodyPoints, point_positions
from sfv.bench.camera_plans import MotionName, perform
from sfv.console import bar
from sfv.demo.demo import IMAGE_SIZE, MARGIN, Demo, truth_path
from sfv.demo.motions import FPS
from sfv.drawing.backdrop import Light, add_room
from sfv.drawing.rendering import render_motion

SWAY_M, SWAY_RAD = 0.015, 0.006
"""Standard deviations of a hand's sway: place [m] and direction [rad]."""
SWAY_S = 0.25
"""Time over which the sway is smooth [s]."""
BOB_M = 0.02
"""How far the one who films bobs up and down in each step [m]."""
STEP_S = 0.55
"""Duration of such a step [s]."""
ROOM_M = 1.2
"""Free way around the person and the camera in which no furniture stands [m]."""
PIECES = 26
"""Pieces of furniture."""

Way = Literal["beside", "ahead", "behind", "orbit", "dolly", "sway", "tripod"]


@dataclass(frozen=True)
class CarriedFilm:
    """One film."""

    motion: MotionName
    way: Way
    """How the camera goes: beside, ahead of or behind the person, around it, along a rail, or in a hand on the spot;
    `tripod` stands still."""
    seconds: float = 5.0
    distance: float = 3.0
    """Least distance of the camera from the person [m]."""
    fov: float = 60.0
    """Field of view along the longer side [degrees]."""
    zoom: float = 1.0
    """Focal length at the end over that at the start."""
    furnished: bool = True
    """Whether furniture stands before the wall."""
    seed: int = 0

    @property
    def name(self) -> str:
        """Motion and way."""
        return f"{self.motion}-{self.way}"


FILMS = (
    CarriedFilm("walk", "beside", fov=52.0),
    CarriedFilm("walk", "ahead", seconds=6.0, seed=1),
    CarriedFilm("run", "beside", fov=68.0, furnished=False, seed=3),
    CarriedFilm("run", "behind", seed=4),
    CarriedFilm("dance", "orbit", seconds=7.0, seed=5),
    CarriedFilm("dance", "dolly", fov=66.0, zoom=1.2, furnished=False, seed=6),
    CarriedFilm("dance", "sway", seed=7),
    CarriedFilm("dance", "tripod", seconds=3.0, seed=8),
)


def film_carried(film: CarriedFilm) -> Path:
    """The film's video, with its truth next to it; made once."""
    folder = cache_folder() / "bench" / "films"
    folder.mkdir(parents=True, exist_ok=True)
    out = folder / f"carried-{film.name}-{hashlib.sha256(repr(film).encode()).hexdigest()[:8]}.mp4"
    if out.is_file() and truth_path(out).is_file():
        return out
    character = load_character("humanoid")
    truth = stage_carried(film, perform(film.motion, film.seconds, character), character)
    with bar(f"filming {film.name}") as progress, VideoWriter(out, FPS, IMAGE_SIZE, quality=18) as video:
        frames = render_motion(
            character, truth.qpos, FPS, truth.path, backdrop=furnish(film, truth), smooth_edges=False
        )
        for t, image in enumerate(frames):
            video.write(image)
            progress(t + 1, len(truth.qpos), "filming")
    truth.save(truth_path(out), character)
    return out


def stage_carried(film: CarriedFilm, qpos: np.ndarray, character: Character) -> Demo:
    """The motion before its camera."""
    xyz_w = point_positions(character.model, qpos, BodyPoints.of_sites(character.model, LANDMARKS))
    size, focal = np.array(IMAGE_SIZE), focal_from_fov(film.fov, IMAGE_SIZE)
    zoom = film.zoom ** np.linspace(0.0, 1.0, len(qpos))
    while True:
        position, R = _hold_camera(film, xyz_w)
        seen = np.einsum("tij,tpj->tpi", R, xyz_w - position[:, None])
        extent = focal * zoom[:, None, None] * np.abs(seen[..., :2] / np.maximum(seen[..., 2:], 0.1)) / size
        if extent.max() < 0.5 - MARGIN:
            break
        film = replace(film, distance=film.distance + 0.25)
    path = tuple(
        Camera(float(focal * z), size / 2.0, IMAGE_SIZE, turn, -turn @ place)
        for z, turn, place in zip(zoom, R, position, strict=True)
    )
    return Demo(qpos, np.zeros((len(qpos), len(character.contacts)), dtype=bool), xyz_w, path[0], path)


def _hold_camera(film: CarriedFilm, xyz_w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the camera is (T, 3), and its rotations R_camera_world (T, 3, 3), as a hand holds it."""
    position, ahead = plan_way(film, xyz_w)
    if film.way != "tripod":
        rng = np.random.default_rng(film.seed)
        position = position + SWAY_M * _wander(rng, len(xyz_w))
        position[:, 2] += BOB_M * np.sin(2.0 * np.pi * np.arange(len(xyz_w)) / FPS / STEP_S)
        ahead = ahead + SWAY_RAD * _wander(rng, len(xyz_w))
    ahead = ahead / np.linalg.norm(ahead, axis=1, keepdims=True)
    right = np.cross(ahead, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    R = np.stack([right, np.cross(ahead, right), ahead], axis=1)
    return position, R


def plan_way(film: CarriedFilm, xyz_w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the camera is, and where it looks, before the hand sways, (T, 3) each; the person goes along x."""
    frames = len(xyz_w)
    share = np.linspace(0.0, 1.0, frames)
    body = gaussian_filter1d(xyz_w.mean(axis=1), 0.5 * FPS, axis=0, mode="nearest")
    body[:, 2] = body[:, 2].mean()
    middle = np.broadcast_to(body.mean(axis=0), body.shape)
    eye = 1.5 - body[0, 2]
    if film.way == "orbit":
        angle = np.radians(-110.0 + 70.0 * share)
        position = middle + film.distance * np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
        target = 0.5 * (middle + body)
    elif film.way == "dolly":
        position = middle + np.stack([-1.5 + 3.0 * share, -film.distance + 0.8 * share, 0 * share], axis=1)
        target = position + [0.0, 10.0, 0.0]
    elif film.way in ("sway", "tripod"):
        position = middle + film.distance * np.array([0.3, -1.0, 0.0])
        target = middle
    else:
        aside = {"beside": (0.25, -1.0), "ahead": (1.0, -0.15), "behind": (-1.0, -0.3)}[film.way]
        late = gaussian_filter1d(body, 0.6 * FPS, axis=0, mode="nearest")  # who films does not keep pace exactly
        drift = np.outer(0.25 * np.sin(np.pi * share), [0.6, 0.4, 0.0])
        position, target = late + drift + film.distance * np.array([*aside, 0.0]), body
    position = position + np.array([0.0, 0.0, eye])
    return position, target - position


def furnish(film: CarriedFilm, truth: Demo) -> Callable[[mujoco.MjSpec], Light]:
    """The room: a wall with pictures behind all that the camera sees first, and furniture where nobody passes."""
    ahead = np.mean([camera.R_camera_world[2, :2] for camera in truth.path], axis=0)
    ahead = ahead / np.linalg.norm(ahead)
    places = np.stack([-camera.R_camera_world.T @ camera.t_camera_world for camera in truth.path])
    used = np.concatenate([truth.xyz_w.mean(axis=1)[:, :2], places[:, :2]])
    wall = float((used @ ahead).max()) + 2.5
    rng = np.random.default_rng(film.seed)

    def dress(spec: mujoco.MjSpec) -> Light:
        light = add_room(spec, ahead, wall, film.seed, pictures=True)
        aside = np.array([ahead[1], -ahead[0]])
        pieces = 0
        while film.furnished and pieces < PIECES:
            along, beside = wall - rng.uniform(0.4, 9.0), rng.uniform(-7.0, 7.0) + float((used @ aside).mean())
            place, size = along * ahead + beside * aside, rng.uniform((0.1, 0.1, 0.2), (0.35, 0.35, 0.9))
            # Nothing between the person and the camera: the line from one to the other stays free.
            sight = np.linspace(truth.xyz_w.mean(axis=1)[:, :2], places[:, :2], 12)
            if np.linalg.norm(sight - place, axis=-1).min() < ROOM_M:
                pieces += 0.2
                continue
            spec.worldbody.add_geom(
                type=mujoco.mjtGeom.mjGEOM_BOX, pos=[*place, size[2]], size=size, contype=0, conaffinity=0,
                rgba=[*rng.uniform(0.2, 0.9, 3), 1.0],
            )  # fmt: skip
            pieces += 1
        return light

    return dress


def _wander(rng: np.random.Generator, frames: int) -> np.ndarray:
    """A smooth random path of unit standard deviation, (T, 3)."""
    path = gaussian_filter1d(rng.standard_normal((frames + 200, 3)), SWAY_S * FPS, axis=0)[100:-100]
    return path / np.sqrt(1.0 / (2.0 * np.sqrt(np.pi) * SWAY_S * FPS))
