"""Keypoints in NumPy arrays, as scripts save what detectors find."""

from pathlib import Path

import numpy as np

from pose.archive import DAMAGE, load_array, open_archive
from pose.errors import InputError
from pose.layouts import BY_COUNT

SHAPE = "(T, J, 3) of x, y and a score, or (T, people, J, 3)"


def read_array_file(path: Path) -> dict[int, list[np.ndarray]]:
    """Frames of bodies (K, 3) in a `.npy` or `.npz`: (T, J, 2 to 4) or (T, people, J, 2 to 4).

    Two numbers are x and y; the third is a score, unless there is a fourth or it goes beyond 0 to 1 (a depth).

    Raises:
      InputError: damaged, or no array of such a shape.
    """
    try:
        if path.suffix.lower() == ".npy":
            arrays = {path.stem: load_array(path)}
        else:
            with open_archive(path) as archive:
                arrays = {name: archive[name] for name in archive.files}
    except InputError:
        raise
    except DAMAGE as error:
        raise InputError(f"{path}: damaged, or of Python objects ({error}); save an array {SHAPE}") from error
    for array in arrays.values():
        points = to_points(array)
        if points is not None:
            return {t: [body for body in frame if (body[:, 2] > 0).any()] for t, frame in enumerate(points)}
    found = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
    raise InputError(f"{path}: no keypoints in {found or 'it'}; expected an array {SHAPE}")


def to_points(array: np.ndarray) -> np.ndarray | None:
    """An array as (T, people, K, 3): x, y, score, 0 where a point is no number; None if it has another shape."""
    if array.dtype.kind not in "iuf" or array.ndim not in (3, 4):
        return None
    count, numbers = array.shape[-2:]
    if count not in BY_COUNT or not 2 <= numbers <= 4:
        return None
    values = array.astype(np.float64).reshape(len(array), -1, count, numbers)
    third = values[..., -1]
    is_score = numbers > 2 and np.nanmin(third) >= 0.0 and np.nanmax(third) <= 1.0
    scores = third if is_score else np.ones_like(third)
    points = np.concatenate([values[..., :2], scores[..., None]], axis=-1)
    points[~np.isfinite(points).all(axis=-1)] = 0.0
    return points
