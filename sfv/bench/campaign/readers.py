"""How each kind of file is read, and whether what came out of it is sound."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from imitate.adapt.networks import AdaptiveSkill
from imitate.policy import Policy
from imitate.rollout import Rollout
from pose.formats.keypoint_files import read_keypoint_files
from pose.formats.keypoint_json import list_keypoint_files
from pose.keypoints import Keypoints
from pose.picture import read_picture
from pose.video import probe, read_frames
from pose.weights import MODEL_VARIABLE, find_or_fetch
from reconstruct.camera import Camera
from reconstruct.characters import assets_folder
from reconstruct.characters.character import load_character
from reconstruct.formats.read_motion import load_motion
from reconstruct.scene_objects import load_objects
from sfv.bench.campaign.confined import UnsoundError
from sfv.commands.character_new import NewCharacterConfig, write_character
from sfv.commands.table import read_published
from sfv.pipeline import find_source_motion
from sfv.run import find_results, find_run_folder

LARGEST = 1e4
"""Metres, or radians, that no coordinate of a motion has."""
FILM_FRAMES = 200
"""Frames of a film that are decoded."""


def read_video(path: Path) -> str:
    """Header and frames, as the pose stage takes them."""
    info = probe(path)
    count = 0
    for count, (time, image) in enumerate(read_frames(path), 1):
        _require(np.isfinite(time) and image.shape == (info.height, info.width, 3), f"image {image.shape}")
        if count >= FILM_FRAMES:
            break
    return f"{count} frames of {info.width} x {info.height}"


def read_keypoints(path: Path) -> str:
    """Another detector's file or folder."""
    list_keypoint_files(path)
    found = read_keypoint_files(path, 30.0, (160, 120)).keypoints
    _check_numbers(found.xy, 1e7)
    return f"{len(found)} frames"


def read_motion(path: Path) -> str:
    """A motion file, on the humanoid."""
    found = load_motion(path, load_character("humanoid"), loop="no")
    _check_numbers(found.motion.qpos, LARGEST)
    return f"{len(found.motion)} frames: {found.summary}"


def read_model(path: Path) -> str:
    """A body of somebody else's, made a character in the working folder."""
    folder = Path("made")
    folder.mkdir()
    body = write_character(NewCharacterConfig(path), "made", folder)
    _require(0.0 < body.height < 100.0 and 0.0 < body.mass < 1e6, f"{body.height} m, {body.mass} kg")
    return f"{body.height:.2f} m, {body.mass:.1f} kg"


def read_character(path: Path) -> str:
    """A folder of the user's own characters."""
    assets_folder.OWN_CHARACTERS = path.parent
    character = load_character(path.name)
    _require(character.model.nq > 7 and len(character.site_ids(character.end_effectors)) > 0, "no body")
    character.site_ids(tuple(character.landmarks.values()))
    return f"{character.height} m"


def read_own(path: Path) -> str:
    """A file that the program wrote itself."""
    readers: dict[str, Callable[[Path], Any]] = {
        "policy": Policy.load,
        "adaptive": AdaptiveSkill.load,
        "keypoints": Keypoints.load,
        "camera": Camera.load,
        "rollout": Rollout.load,
        "scene": load_objects,
        "published": read_published,
    }
    found = readers[path.stem](path)
    if isinstance(found, Policy):
        action = found.act(np.zeros((1, found.layout.observation_size), dtype=np.float32))
        _check_numbers(action, 1e6)
    return type(found).__name__


def read_run(path: Path) -> str:
    """A finished run, as `render`, `export`, `play` and `retarget` take it."""
    folder = find_run_folder(path)
    find_source_motion(folder, None)
    names = list[str]()
    for run in find_results(folder):
        _check_numbers(run.motion.qpos, LARGEST)
        _require(run.task.character.model.nq == run.motion.qpos.shape[1], "another body's motion")
        _require(run.rollout.qpos.shape[1] == run.motion.qpos.shape[1], "another body's rollout")
        _require(isinstance(run.metrics, dict), "metrics")
        names.append(f"{run.body}, {run.policy.layout.character}, {run.command}")
    return "; ".join(names)


def read_image(path: Path) -> str:
    """A picture."""
    image = read_picture(path)
    _require(image.ndim == 3 and image.shape[2] == 3 and image.dtype == np.uint8, f"{image.shape}")
    return f"{image.shape[1]} x {image.shape[0]}"


def read_weights(path: Path) -> str:
    """A bundle of pose weights that the user names."""
    os.environ[MODEL_VARIABLE] = str(path)
    return str(find_or_fetch())


READERS: dict[str, Callable[[Path], str]] = {
    "video": read_video,
    "keypoints": read_keypoints,
    "motion": read_motion,
    "model": read_model,
    "character": read_character,
    "own": read_own,
    "run": read_run,
    "picture": read_image,
    "weights": read_weights,
}


def _require(holds: bool | np.bool_, text: str) -> None:
    if not holds:
        raise UnsoundError(text)


def _check_numbers(values: np.ndarray, most: float) -> None:
    _require(np.isfinite(values).all(), "numbers that are not finite")
    _require(not values.size or np.abs(values).max() <= most, f"a number of {np.abs(values).max():.3g}")
