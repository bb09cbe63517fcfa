"""`bench camera`: the person's motion in the world, filmed by a camera that goes along."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from pose.errors import InputError
from pose.estimate import PoseConfig
from pose.keypoints import Keypoints
from pose.landmarks import LANDMARKS, TWELVE
from reconstruct.camera import Camera
from reconstruct.characters.character import Character, load_character
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.reconstruct import ReconstructConfig, Reconstruction, reconstruct_motion
from sfv.bench.camera_films import FILMS, CarriedFilm, film_carried
from sfv.bench.films import find_cached_keypoints
from sfv.bench.metrics import mpjpe, rigid_alignment, world_mpjpe
from sfv.console import console
from sfv.demo.demo import truth_path
from sfv.rows import Row, show

AS_FILMED = PoseConfig(crop_rounds=1, speed=1.0, max_fps=1000.0)
STEADY_S = 0.25
"""Time over which paths are smoothed before their lengths are compared, so that trembling is no way [s]."""
START_S = 0.5
"""First part of a clip on which the motion is laid to see how far it drifts away [s]."""
GOES = ("beside", "ahead", "behind", "orbit", "dolly")
"""Ways on which the camera leaves its place by more than a hand sways."""
GOALS = {"carried_camera_world_mm": 150.0, "carried_camera_path_error": 0.05, "carried_person_path_error": 0.05,
         "tripod_still": 1.0}  # fmt: skip


@dataclass(frozen=True)
class CameraTruth:
    """What a film really shows."""

    joints_w: np.ndarray
    """The twelve joints [m], (T, 12, 3)."""
    place_w: np.ndarray
    """The camera [m], (T, 3)."""
    fps: float


def bench_camera(films: tuple[str, ...] = (), json: bool = False) -> None:
    """Error of a person's motion in the world, before a camera that goes along; and a tripod, which stays still.

    Films and keypoints are kept in the cache.

    Args:
      films: names of films to measure, such as walk-beside; all by default.
      json: one JSON object on standard output instead of a table.
    """
    chosen = [film for film in FILMS if not films or film.name in films]
    if len(chosen) < len(films):
        raise InputError(f"bench camera: no such film; there are {', '.join(film.name for film in FILMS)}")
    character = load_character("humanoid")
    moving = {film.name: measure_film(film, character) for film in chosen if film.way != "tripod"}
    show("camera", [*summarise(moving), *[measure_tripod(film) for film in chosen if film.way == "tripod"]], json)


def measure_film(film: CarriedFilm, character: Character) -> dict[str, float] | str:
    """Metrics of one film, or why there are none."""
    console.print(f"[dim]{film.name}[/dim]")
    video = film_carried(film)
    keypoints, _ = find_cached_keypoints(video, AS_FILMED)
    try:
        found = reconstruct_motion(keypoints, character, ReconstructConfig(loop="no"), objects=())
    except InputError as error:
        return str(error)
    with np.load(truth_path(video), allow_pickle=False) as arrays:
        R, t = arrays["R_camera_world"], arrays["t_camera_world"]
        columns = [LANDMARKS.index(name) for name in TWELVE]
        truth = CameraTruth(arrays["xyz_w"][:, columns], -np.einsum("tji,tj->ti", R, t), float(arrays["fps"]))
    return compare_with_truth(film, keypoints, found, truth, character)


def compare_with_truth(
    film: CarriedFilm, keypoints: Keypoints, found: Reconstruction, truth: CameraTruth, character: Character
) -> dict[str, float]:
    """Errors in the world: of the joints after one rigid alignment, and of both paths' lengths."""
    points = BodyPoints.of_sites(character.model, tuple(character.landmarks[name] for name in TWELVE))
    first = round(keypoints.start * truth.fps)
    ours = point_positions(character.model, found.motion.qpos, points)
    count = min(len(ours), len(truth.joints_w) - first)
    ours, theirs = ours[:count], truth.joints_w[first : first + count]
    metrics = {
        "world_mm": world_mpjpe(ours, theirs),
        "drift_mm": measure_drift(ours, theirs, round(START_S * truth.fps)),
        "foot_slide_mm_per_frame": found.metrics["foot_slide_mm_per_frame"],
        "followed": float(found.camera.path is not None),
    }
    if film.motion != "dance":  # who dances on the spot goes nowhere
        metrics["person_path_error"] = compare_lengths(ours.mean(axis=1), theirs.mean(axis=1), truth.fps)
    if film.way in GOES:
        place = find_places(found.camera, count)
        metrics["path_error"] = compare_lengths(place, truth.place_w[first : first + count], truth.fps)
    return metrics


def find_places(camera: Camera, frames: int) -> np.ndarray:
    """Where a camera is in each frame [m], (T, 3)."""
    start = -camera.R_camera_world.T @ camera.t_camera_world
    return start + (np.zeros((frames, 3)) if camera.path is None else camera.path[:frames])


def compare_lengths(ours: np.ndarray, theirs: np.ndarray, fps: float) -> float:
    """Relative error of a path's length; paths (T, 3) are smoothed over `STEADY_S` first."""
    ours, theirs = (gaussian_filter1d(path, STEADY_S * fps, axis=0, mode="nearest") for path in (ours, theirs))
    lengths = [float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum()) for path in (ours, theirs)]
    return abs(lengths[0] / lengths[1] - 1.0)


def measure_drift(ours: np.ndarray, theirs: np.ndarray, frames: int) -> float:
    """Mean distance of the joints (T, J, 3) after a rigid alignment of the first frames alone [mm]."""
    count, joints = frames * ours.shape[1], ours.shape[1]
    start, target = ours[:frames].reshape(count, 3), theirs[:frames].reshape(count, 3)
    aligned = rigid_alignment(start, target)
    middle, aligned_middle = start.mean(axis=0), aligned.mean(axis=0)
    turn = np.linalg.lstsq(start - middle, aligned - aligned_middle, rcond=None)[0]
    moved = (ours.reshape(-1, 3) - middle) @ turn + aligned_middle
    return float(mpjpe(moved.reshape(-1, joints, 3), theirs).mean())


def summarise(films: dict[str, dict[str, float] | str]) -> list[Row]:
    """Means over the films, then each film's world error."""
    done = {name: film for name, film in films.items() if not isinstance(film, str)}
    failed = "; ".join(f"{name}: {film}" for name, film in films.items() if isinstance(film, str))
    rows = list[Row]()
    names = {"world_mm": "mm", "path_error": "", "drift_mm": "mm", "person_path_error": "",
             "foot_slide_mm_per_frame": "mm", "followed": ""}  # fmt: skip
    for name, unit in names.items():
        title = f"carried_{name}" if name == "person_path_error" else f"carried_camera_{name}"
        values = {film: metrics[name] for film, metrics in done.items() if name in metrics}
        row = Row.mean_of(title, list(values.values()), unit, None, GOALS.get(title))
        note = ", ".join(f"{film} {value:.3g}" for film, value in values.items())
        rows.append(
            Row(row.name, row.value, unit, row.n, row.spread, None, row.goal, "; ".join(filter(None, [note, failed])))
        )
    return rows


def measure_tripod(film: CarriedFilm) -> Row:
    """Whether a camera that stands is found to stand exactly."""
    keypoints, _ = find_cached_keypoints(film_carried(film), AS_FILMED)
    return Row("tripod_still", float(keypoints.camera_motion is None), "", 1, None, None, GOALS["tripod_still"])
