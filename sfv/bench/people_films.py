"""Films of several people with known truth: crowds and crossings, each person drawn alone and put together by depth."""

import hashlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import mujoco
import numpy as np

from pose.downloads import cache_folder
from pose.files import replace_file
from pose.landmarks import LANDMARKS
from pose.video import VideoWriter
from reconstruct.camera import Camera
from reconstruct.characters.character import Character, load_character
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.rotations import from_rotvec, multiply, rotate
from sfv.backdrop import Light, add_room
from sfv.bench.films import DARK, Colour, change_clothes
from sfv.console import bar
from sfv.demo.demo import WALL_BEHIND, place_camera
from sfv.demo.motions import FPS, load_demo_take
from sfv.rendering import render_motion

SWAY_S = 2.0
"""Period with which spectators sway [s]."""
SWAY = 0.06
"""How far they sway [rad]."""
HOLD = 6
"""Frames for which a spectator keeps a pose."""
LOOKS_LIKE: dict[str, dict[Colour, Colour]] = {
    "own": {},
    "dark": DARK,
    "blue": {(176, 52, 48): (60, 96, 168), (44, 58, 92): (52, 50, 48)},
    "yellow": {(176, 52, 48): (214, 176, 62), (44, 58, 92): (96, 84, 70)},
    "white": {(176, 52, 48): (226, 226, 222), (44, 58, 92): (40, 62, 128)},
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


@dataclass(frozen=True)
class PeopleTruth:
    """Where everybody is in the image."""

    xy_px: np.ndarray
    """Landmarks of all people, (people, T, 33, 2)."""
    visible: np.ndarray
    """Who is in the film in each frame, bool (people, T)."""


def film_people(film: PeopleFilm) -> tuple[Path, PeopleTruth]:
    """The film and its truth, made once."""
    folder = cache_folder() / "bench" / "films"
    folder.mkdir(parents=True, exist_ok=True)
    out = folder / f"people-{film.name}-{hashlib.sha256(repr(film).encode()).hexdigest()[:8]}.mp4"
    truth = out.with_suffix(".truth.npz")
    if not (out.is_file() and truth.is_file()):
        _render(film, out, truth)
    with np.load(truth, allow_pickle=False) as arrays:
        return out, PeopleTruth(arrays["xy_px"], arrays["visible"])


def perform(extra: Extra, character: Character, frames: int) -> np.ndarray:
    """The motion of one person in the film's world, (T, nq); what is over stays in its last pose."""
    name = "backflip" if extra.motion == "stand" else extra.motion
    take, _ = load_demo_take(name, character)
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


def _render(film: PeopleFilm, out: Path, truth: Path) -> None:
    character = load_character("humanoid")
    motions = [perform(extra, character, film.frames) for extra in film.people]
    points = BodyPoints.of_sites(character.model, LANDMARKS)
    xyz_w = np.stack([point_positions(character.model, qpos, points) for qpos in motions])
    # The camera looks along y: right is x. It frames those who move; spectators may be cut off at the edges.
    actors = np.concatenate([xyz for xyz, extra in zip(xyz_w, film.people, strict=True) if extra.motion != "stand"])
    camera = place_camera(actors, np.pi / 2, 55.0, 1.4)
    visible = np.array([np.arange(film.frames) >= extra.appears for extra in film.people])
    wall = float(xyz_w[..., 1].max()) + WALL_BEHIND
    image, depth = None, None
    for n, (extra, qpos) in enumerate(zip(film.people, motions, strict=True)):
        with bar(f"filming {film.name}") as progress:
            drawn, away = _draw(character, qpos, camera, wall, extra.outfit)
            progress(n + 1, len(motions), "filming")
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
    with replace_file(truth) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(
            file, allow_pickle=False, xy_px=np.stack([camera.project(x) for x in xyz_w]), visible=visible
        )


def _draw(
    character: Character, qpos: np.ndarray, camera: Camera, wall: float, outfit: str
) -> tuple[np.ndarray, np.ndarray]:
    """Images (T, H, W, 3) of one person before the room, and how far away what they show is [m], (T, H, W)."""

    def dress(spec: mujoco.MjSpec) -> Light:
        if LOOKS_LIKE[outfit]:
            change_clothes(spec, LOOKS_LIKE[outfit])
        return add_room(spec, np.array([0.0, 1.0]), wall, seed=0, pictures=True)

    fresh = np.concatenate([[True], (np.diff(qpos, axis=0) != 0).any(axis=1)])  # who stands still is drawn once
    draw = partial(render_motion, character, qpos[fresh], FPS, camera, backdrop=dress, smooth_edges=False)
    images, depth = np.stack(list(draw())), np.stack(list(draw(depth=True)))
    shown = np.cumsum(fresh) - 1
    return images[shown], depth[shown]
