"""Films of several people with known truth: crowds and crossings, each person drawn alone and put together by depth."""

import hashlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import mujoco
import numpy as np

from pose.downloads import cache_folder
from pose.landmarks import LANDMARKS
from pose.video import VideoWriter
from reconstruct.camera import Camera
from reconstruct.characters.character import Character, load_character
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.rotations import from_rotvec, multiply, rotate
from sfv.bench.films import DARK, change_clothes
from sfv.console import bar
from sfv.demo.demo import WALL_BEHIND, place_camera
from sfv.demo.motions import FPS, load_demo_take
from sfv.drawing.backdrop import Light, add_room
from sfv.drawing.clothes import SHIRT, TROUSERS, Colour
from sfv.drawing.rendering import render_motion

SWAY_S = 2.0
"""Period with which spectators sway [s]."""
SWAY = 0.06
"""How far they sway [rad]."""
HOLD = 6
"""Frames for which a spectator keeps a pose."""
LOOKS_LIKE: dict[str, dict[Colour, Colour]] = {
    "own": {},
    "dark": DARK,
    "blue": {SHIRT: (60, 96, 168), TROUSERS: (52, 50, 48)},
    "yellow": {SHIRT: (214, 176, 62), TROUSERS: (96, 84, 70)},
    "white": {SHIRT: (226, 226, 222), TROUSERS: (40, 62, 128)},
}
"""Outfits: colours of the skin's picture -> what stands in their place."""
OUTFITS = tuple(LOOKS_LIKE)


@dataclass(frozen=True)
class Extra:
    """One of the people in a film."""

    motion: str
    """A demo motion, or `stand` for a spectator."""
    place: tuple[float, float]
    """Where the motion begins: to the right as the camera sees it, and away from the camera [m]."""
    facing: float = 0.0
    """Rotation about the vertical [degrees]."""
    outfit: str = "own"
    appears: int = 0
    """Frame in which the person is first in the film."""


@dataclass(frozen=True)
class PeopleFilm:
    """A film of several people; the first is the one that it is about."""

    name: str
    people: tuple[Extra, ...]
    frames: int = 60


@dataclass(frozen=True)
class Sized(Extra):
    """Somebody of another height than the humanoid's own."""

    height: float = 1.55
    """Standing height [m]."""


@dataclass(frozen=True)
class PairFilm(PeopleFilm):
    """A film of people who are all to be reconstructed in one world, by a camera of its own."""

    fov: float = 55.0
    """Field of view along the longer side of the image [deg]."""
    eye_height: float = 1.4
    """Of the camera above the ground [m]."""
    azimuth: float = 90.0
    """Compass direction in which it looks [deg]."""


def line_up(count: int, away: float, gap: float, seed: int) -> tuple[Extra, ...]:
    """Spectators side by side."""
    rng = np.random.default_rng(seed)
    middle = (count - 1) / 2
    return tuple(
        Extra("stand", (gap * (n - middle) + rng.uniform(-0.1, 0.1), away + rng.uniform(-0.15, 0.15)),
              rng.uniform(-30, 30) - 90.0, OUTFITS[1 + (n + seed) % (len(OUTFITS) - 1)])
        for n in range(count)
    )  # fmt: skip


FILMS = (
    PeopleFilm("crowd-backflip", (Extra("backflip", (0.0, 0.0)), *line_up(5, 1.6, 0.9, 0))),
    PeopleFilm(
        "crowd-cartwheel", (Extra("cartwheel", (-1.0, 0.0)), *line_up(6, 1.5, 0.8, 1), *line_up(5, 2.3, 0.9, 2))
    ),
    PeopleFilm("bystander-jump", (Extra("jump", (-0.5, 0.0)), Extra("stand", (1.9, -0.9), -90.0, "dark"))),
    PeopleFilm("crossing", (Extra("walk", (-1.6, 0.0)), Extra("walk", (1.6, 0.9), 180.0, "yellow"))),
    PeopleFilm("late-walk", (Extra("walk", (-1.6, 0.0), appears=20), Extra("stand", (1.5, 1.8), -90.0, "blue"))),
)
"""From 2 to 12 people; the first person of each film is the one that it is about."""


PAIRS = (
    PairFilm("pair-walks", (Extra("walk", (-1.6, 0.0)), Extra("walk", (1.5, 1.2), 180.0, "yellow"))),
    PairFilm(
        "pair-tall-small",
        (Extra("walk", (-1.8, 0.6), -10.0), Sized("walk", (0.3, -0.7), 15.0, "yellow")),
        fov=48.0, eye_height=1.1,
    ),
    PairFilm(
        "pair-jump-walk",
        (Extra("jump", (-1.2, 0.8), -60.0), Extra("walk", (0.0, -0.6), 20.0, "white")),
        fov=62.0,
    ),
    PairFilm(
        "pair-deep",
        (Extra("walk", (-1.2, -0.8), 60.0), Sized("walk", (0.9, 1.8), 235.0, "yellow", height=1.9)),
        eye_height=1.7,
    ),
    PairFilm("pair-late", (Extra("backflip", (-0.8, 0.3)), Extra("walk", (0.6, -0.6), 30.0, "dark", appears=20))),
)  # fmt: skip
"""Two people of known places: crossing, of different height, at different depth, and one who comes later."""


@dataclass(frozen=True)
class PeopleTruth:
    """Where everybody is in the image, and in the world."""

    xy_px: np.ndarray
    """Landmarks of all people, (people, T, 33, 2)."""
    visible: np.ndarray
    """Who is in the film in each frame, bool (people, T)."""
    root_w: np.ndarray
    """Where the pelvis of each is [m], (people, T, 3); world frame, z up, ground at z = 0."""
    R_camera_world: np.ndarray
    """Turns world vectors into camera axes, (3, 3)."""


def film_people(film: PeopleFilm) -> tuple[Path, PeopleTruth]:
    """The film and its truth, made once."""
    folder = cache_folder() / "bench" / "films"
    folder.mkdir(parents=True, exist_ok=True)
    out = folder / f"people-{film.name}-{hashlib.sha256(repr(film).encode()).hexdigest()[:8]}.mp4"
    stage = play(film)
    if not out.is_file():
        _render(film, stage, out)
    return out, describe(stage)


def describe(stage: "Stage") -> PeopleTruth:
    """Where everybody is on a stage."""
    xy_px = np.stack([stage.camera.project(xyz) for xyz in stage.xyz_w])
    root_w = np.stack([qpos[:, :3] for qpos in stage.motions])
    return PeopleTruth(xy_px, stage.visible, root_w, stage.camera.R_camera_world)


@dataclass(frozen=True)
class Stage:
    """What a film shows, and the camera."""

    bodies: tuple[Character, ...]
    motions: tuple[np.ndarray, ...]
    """One (T, nq) each."""
    xyz_w: np.ndarray
    """Landmarks, (people, T, 33, 3)."""
    visible: np.ndarray
    """Who is in the film in each frame, bool (people, T)."""
    camera: Camera


def play(film: PeopleFilm) -> Stage:
    """Lets everybody perform, and places the camera so that those who move are in the picture."""
    bodies = tuple(load_character("humanoid", getattr(extra, "height", None)) for extra in film.people)
    motions = tuple(perform(extra, body, film.frames) for extra, body in zip(film.people, bodies, strict=True))
    xyz_w = np.stack(
        [
            point_positions(body.model, qpos, BodyPoints.of_sites(body.model, LANDMARKS))
            for body, qpos in zip(bodies, motions, strict=True)
        ]
    )
    # Right is x for a camera that looks along y. It frames those who move; spectators may be cut off at the edges.
    actors = np.concatenate([xyz for xyz, extra in zip(xyz_w, film.people, strict=True) if extra.motion != "stand"])
    pair = film if isinstance(film, PairFilm) else PairFilm(film.name, film.people)
    camera = place_camera(actors, np.radians(pair.azimuth), pair.fov, pair.eye_height)
    visible = np.array([np.arange(film.frames) >= extra.appears for extra in film.people])
    return Stage(bodies, motions, xyz_w, visible, camera)


def perform(extra: Extra, character: Character, frames: int) -> np.ndarray:
    """The motion of one person in the film's world, (T, nq); what is over stays in its last pose.

    A smaller body moves as the humanoid does, in proportion.
    """
    name = "backflip" if extra.motion == "stand" else extra.motion
    take, _ = load_demo_take(name, load_character("humanoid"))
    take = take * np.array([character.scale] * 3 + [1.0] * (take.shape[1] - 3))
    if extra.motion == "stand":
        qpos = np.repeat(take[:1], frames, axis=0)
        steps = np.arange(frames) // HOLD * HOLD
        sway = SWAY * np.sin(2 * np.pi * steps / FPS / SWAY_S + extra.place[0])
        qpos[:, 3:7] = multiply(from_rotvec(sway[:, None] * [0.0, 0.0, 1.0]), qpos[:, 3:7])
    else:
        qpos = take[np.minimum(np.arange(frames), len(take) - 1)].copy()
    turn = from_rotvec(np.radians(extra.facing) * np.array([0.0, 0.0, 1.0]))
    start = np.array([*qpos[0, :2], 0.0])
    qpos[:, :3] = rotate(turn, qpos[:, :3] - start) + [*extra.place, 0.0]
    qpos[:, 3:7] = multiply(turn, qpos[:, 3:7])
    return qpos


def _render(film: PeopleFilm, stage: Stage, out: Path) -> None:
    camera, visible = stage.camera, stage.visible
    ahead = camera.R_camera_world[2, :2] / np.linalg.norm(camera.R_camera_world[2, :2])
    wall = float((stage.xyz_w[..., :2] @ ahead).max()) + WALL_BEHIND
    image, depth = None, None
    for n, (extra, qpos) in enumerate(zip(film.people, stage.motions, strict=True)):
        with bar(f"filming {film.name}") as progress:
            drawn, away = _draw(stage.bodies[n], qpos, camera, (ahead, wall), extra.outfit)
            progress(n + 1, len(stage.motions), "filming")
        if image is None or depth is None:
            image, depth = drawn, np.where(visible[n][:, None, None], away, np.inf)
            image[~visible[n]] = 0
            continue
        nearer = (away < depth - 1e-3) & visible[n][:, None, None]
        image[nearer], depth[nearer] = drawn[nearer], away[nearer]
    assert image is not None
    with VideoWriter(out, FPS, camera.image_size, quality=18) as video:
        for frame in image:
            video.write(frame)


def _draw(
    character: Character, qpos: np.ndarray, camera: Camera, wall: tuple[np.ndarray, float], outfit: str
) -> tuple[np.ndarray, np.ndarray]:
    """Images (T, H, W, 3) of one person before a room, and how far away what they show is [m], (T, H, W).

    The wall stands across a direction (2,) at a distance [m].
    """

    def dress(spec: mujoco.MjSpec) -> Light:
        if LOOKS_LIKE[outfit]:
            change_clothes(spec, LOOKS_LIKE[outfit])
        return add_room(spec, *wall, seed=0, pictures=True)

    fresh = np.concatenate([[True], (np.diff(qpos, axis=0) != 0).any(axis=1)])  # who stands still is drawn once
    draw = partial(render_motion, character, qpos[fresh], FPS, camera, backdrop=dress, smooth_edges=False)
    images, depth = np.stack(list(draw())), np.stack(list(draw(depth=True)))
    shown = np.cumsum(fresh) - 1
    return images[shown], depth[shown]
