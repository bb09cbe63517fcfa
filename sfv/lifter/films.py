"""The pose network's own errors: short films of training motions, detected, and kept beside their truth."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import mujoco
import numpy as np
from PIL import Image

from pose.downloads import cache_folder
from pose.errors import InputError
from pose.estimate import PoseConfig, estimate_keypoints
from pose.files import replace_file
from pose.landmarks import LANDMARKS
from pose.progress import Progress
from pose.video import VideoWriter
from reconstruct.camera import Camera
from reconstruct.characters.character import Character, load_character
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.lifting.lifter_input import LANDMARKS as SEEN
from reconstruct.observations import landmark_points
from sfv.demo.demo import WALL_BEHIND, place_camera
from sfv.drawing.backdrop import Light, add_room
from sfv.drawing.clothes import HAIR, SHIRT, SKIN, TROUSERS, Colour, dye
from sfv.drawing.rendering import render_motion
from sfv.lifter.mocap import FPS, Mocap

FRAMES = 32
"""Frames of a film."""
BODIES = ("humanoid", "heavy", "child")
ACROBATS = frozenset({"85", "87", "89", "90"})
"""Training subjects that turn upside down; they are filmed more often than their share of the data."""
ACROBATIC = 0.3
"""Share of films of them."""
WIDEST = 8.0
"""Motions that go further are filmed by another camera than a still one [m]."""


@dataclass(frozen=True)
class DetectedFilm:
    """What the pose network saw in a film, and where everything was."""

    xy: np.ndarray
    """Detections [px], (T, 33, 2)."""
    xyz: np.ndarray
    """The network's 3D landmarks [m], (T, 33, 3)."""
    confidence: np.ndarray
    """(T, 33)."""
    true_xyz_c: np.ndarray
    """The lifter's landmarks where the network sees them, camera axes [m], (T, J, 3)."""
    focal_px: float
    image_size: tuple[int, int]


def make_films(mocap: Mocap, count: int, progress: Progress) -> Iterator[DetectedFilm]:
    """Films number 0, 1, ...; each is drawn from its own seed, and one that is in the cache is not made again."""
    folder = cache_folder() / "lifter" / "films"
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(count):
        path = folder / f"film-{seed:04d}.npz"
        if not path.is_file():
            save(detect(mocap, np.random.default_rng(seed)), path)
        progress(seed + 1, count, "films")
        film = load(path)
        if film is not None:
            yield film


def detect(mocap: Mocap, rng: np.random.Generator) -> DetectedFilm | None:
    """Films a few seconds of a training clip by a random camera and finds the keypoints; None if nobody is found."""
    character = load_character(BODIES[int(rng.integers(len(BODIES)))])
    qpos, camera = stage(mocap, character, rng)
    colours = {old: _to_colour(rng.integers(20, 235, 3)) for old in (SHIRT, TROUSERS, HAIR)}
    colours[SKIN] = _to_colour(np.array(SKIN) * rng.uniform(0.4, 1.0))
    xyz_w = point_positions(character.model, qpos, BodyPoints.of_sites(character.model, LANDMARKS))
    ahead = camera.R_camera_world[2, :2] / np.linalg.norm(camera.R_camera_world[2, :2])
    room = partial(
        add_room, ahead=ahead, distance=float((xyz_w[..., :2] @ ahead).max()) + WALL_BEHIND,
        seed=int(rng.integers(1000)), pictures=bool(rng.random() < 0.5),
    )  # fmt: skip

    def dress(spec: mujoco.MjSpec) -> Light:
        texture = spec.texture("skin")
        image = np.asarray(Image.open(character.path.parent / texture.file).convert("RGB"))
        painted = dye(image, colours, shaded=True)
        texture.file = ""
        texture.height, texture.width, texture.nchannel = *painted.shape[:2], 3
        texture.data = np.ascontiguousarray(painted).tobytes()
        return room(spec)

    with TemporaryDirectory() as folder:
        video = Path(folder) / "film.mp4"
        with VideoWriter(video, FPS, camera.image_size, quality=18) as out:
            for image in render_motion(character, qpos, FPS, camera, backdrop=dress):
                out.write(image)
        try:
            found = estimate_keypoints(video, PoseConfig(max_fps=1000.0, min_seen=0.3, speed=1.0, processes=1))
        except InputError:
            return None
    if len(found) != len(qpos):
        return None
    seen_w = point_positions(character.model, qpos, landmark_points(character, SEEN))
    return DetectedFilm(
        found.xy, found.xyz, found.confidence, camera.to_camera(seen_w), float(camera.focal_px), camera.image_size
    )


def _to_colour(values: np.ndarray) -> Colour:
    red, green, blue = (int(value) for value in values)
    return red, green, blue


def stage(mocap: Mocap, character: Character, rng: np.random.Generator) -> tuple[np.ndarray, Camera]:
    """A part of a training clip on the ground, and a still camera at a random place that sees all of it."""
    clips = [s for s in mocap.select(held_out=False) if s.stop - s.start >= FRAMES]
    firsts = {int(a): name.split("_")[0] for name, a in zip(mocap.names, mocap.start[:-1], strict=True)}
    acrobatic = [s for s in clips if firsts[s.start] in ACROBATS]
    lengths = np.array([s.stop - s.start for s in clips], dtype=float)
    points = BodyPoints.of_sites(character.model, LANDMARKS)
    while True:
        if acrobatic and rng.random() < ACROBATIC:
            clip = acrobatic[int(rng.integers(len(acrobatic)))]
        else:
            clip = clips[int(rng.choice(len(clips), p=lengths / lengths.sum()))]
        first = int(rng.integers(clip.start, clip.stop - FRAMES + 1))
        qpos = mocap.qpos[first : first + FRAMES].astype(float)
        xyz_w = point_positions(character.model, qpos, points)
        qpos[:, 2] -= xyz_w[..., 2].min()
        xyz_w[..., 2] -= xyz_w[..., 2].min()
        if np.ptp(xyz_w[..., :2], axis=(0, 1)).max() > WIDEST:
            continue
        try:
            camera = place_camera(xyz_w, rng.uniform(-np.pi, np.pi), rng.uniform(35.0, 75.0), rng.uniform(0.3, 2.4))
        except ValueError:
            continue
        return qpos, camera


def save(film: DetectedFilm | None, path: Path) -> None:
    """Writes a film's arrays; a film in which nobody was found is remembered as an empty file of arrays."""
    with replace_file(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **({} if film is None else vars(film)))


def load(path: Path) -> DetectedFilm | None:
    """Reads what `save` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        if "xy" not in arrays.files:
            return None
        width, height = arrays["image_size"].tolist()
        return DetectedFilm(
            arrays["xy"], arrays["xyz"], arrays["confidence"], arrays["true_xyz_c"], float(arrays["focal_px"]),
            (int(width), int(height)),
        )  # fmt: skip
