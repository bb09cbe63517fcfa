"""Keypoints in NumPy arrays, as scripts save what detectors find."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pose.archive import DAMAGE, load_array, load_plain_arrays
from pose.errors import InputError
from pose.formats.layouts import BY_COUNT

SHAPE = "(T, J, 3) of x, y and a score, or (T, people, J, 3)"
SCORES = re.compile(r"score|conf|visib|prob")
"""What arrays of scores beside the points are called."""
MOST_BELOW_ZERO = 0.1
"""Share of third numbers below 0 up to which they are scores, beyond it depths."""


def read_array_file(path: Path, is_any_count: bool = False) -> tuple[dict[int, list[np.ndarray]], tuple[str, ...]]:
    """Frames of bodies (K, 3) in a `.npy` or `.npz`: (T, J, 2 to 4) or (T, people, J, 2 to 4), and what to say of it.

    Two numbers are x and y, whose scores are an array of their own or none; the last of more is the score, unless many
    are below 0 (a depth).

    Args:
      path: of the file.
      is_any_count: whether bodies may have any number of points, for the user names their order.

    Raises:
      InputError: damaged, or no array of such a shape.
    """
    if path.suffix.lower() == ".npz":
        arrays, _ = load_plain_arrays(path)
    else:
        try:
            arrays = {path.stem: load_array(path)}
        except InputError:
            raise
        except DAMAGE as error:
            raise InputError(f"{path}: damaged, or of Python objects ({error}); save an array {SHAPE}") from error
    for array in arrays.values():
        if is_keypoints(array, is_any_count):
            points, said = to_points(add_scores(array, arrays))
            frames = {t: [body for body in frame if (body[:, 2] > 0).any()] for t, frame in enumerate(points)}
            return frames, said
    found = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
    raise InputError(f"{path}: no keypoints in {found or 'it'}; expected an array {SHAPE}")


def is_keypoints(array: np.ndarray, is_any_count: bool = False) -> bool:
    """Whether an array has the shape of keypoints, (T, K, 2 to 4) or (T, people, K, 2 to 4)."""
    if array.dtype.kind not in "iuf" or array.ndim not in (3, 4) or not array.size:
        return False
    count, numbers = array.shape[-2:]
    return 2 <= numbers <= 4 and (count in BY_COUNT or is_any_count)


def add_scores(array: np.ndarray, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """Points (..., K, 2) with the scores (..., K) or (..., K, 1) of another array as third number, if there is one."""
    if array.shape[-1] != 2:
        return array
    for name, scores in arrays.items():
        if SCORES.search(name.lower()) and scores.dtype.kind in "iufb" and scores.size == array.size // 2:
            return np.concatenate([array, scores.reshape(*array.shape[:-1], 1)], axis=-1)
    return array


def to_points(array: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Keypoints as (T, people, K, 3): x, y, score, 0 where a point is no number; and what to say of it."""
    values, said = array.astype(np.float64), list[str]()
    if values.ndim == 3:
        values = values[:, None]
    elif values.shape[0] == 1 < values.shape[1]:
        said.append(f"an array {array.shape}: taken for one person's frames, as MMAction2 has them")
        values = values.swapaxes(0, 1)
    third = values[..., -1]
    below = float((third < 0.0).mean())
    is_depth = values.shape[-1] > 2 and below > MOST_BELOW_ZERO
    if is_depth:
        text = "the last number of the points is below 0"
        said.append(f"{text} in {below:.0%}: taken for a depth, and every point that is not at 0, 0 for sure")
    scores = see_points(values) if is_depth or values.shape[-1] == 2 else third
    points = np.concatenate([values[..., :2], scores[..., None]], axis=-1)
    points[~np.isfinite(points).all(axis=-1)] = 0.0
    return points, tuple(said)


def see_points(xy: np.ndarray) -> np.ndarray:
    """Scores (...) of points (..., 2 or more) without any: 0 at exactly (0, 0), as detectors write what they miss."""
    return (xy[..., :2] != 0.0).any(axis=-1).astype(np.float64)
