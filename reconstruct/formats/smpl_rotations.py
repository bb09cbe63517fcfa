"""Rotations of SMPL's joints in the layouts in use: vectors, matrices and quaternions, flat or by joint."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pose.errors import InputError
from reconstruct.formats.gaps import describe_gaps, hold_rows, interpolate_turns
from reconstruct.formats.options import Finding
from reconstruct.rotations import from_matrix, from_rotvec, normalise


def read_rotations(
    arrays: Mapping[str, np.ndarray], keys: Sequence[str], path: Path
) -> tuple[list[np.ndarray], list[Finding]]:
    """Rotations of the joints under each key as quaternions wxyz (T, J, 4), and what is doubtful of them.

    Rotation vectors (T, 3 J) or (T, J, 3), matrices (T, J, 3, 3), (T, 3, 3), (T, J, 9) or (T, 9 J), quaternions
    (T, J, 4) or (T, 4 J). All quaternions of a file are in one order: w is first or last, whichever is larger in the
    mean over joints and frames, since joints are rarely turned by half a turn.

    Args:
      arrays: of the archive, by key.
      keys: those of the angles.
      path: of the file, for messages.

    Raises:
      InputError: another shape, or mostly gaps.
    """
    held = {key: hold_rows(to_numbers(arrays[key], key, path), key, path) for key in keys}
    values = {key: value for key, (value, _) in held.items()}
    quats = {key: take_quaternions(value) for key, value in values.items()}
    known = [quat.reshape(-1, 4) for quat in quats.values() if quat is not None]
    size = np.abs(np.concatenate(known)).mean(axis=0) if known else np.zeros(4)
    is_last, said = bool(size[3] > size[0]), list[Finding]()
    if [quat.shape[1] for quat in quats.values() if quat is not None] == [1]:
        order = "xyzw" if is_last else "wxyz"
        text = f"the pelvis alone has quaternions: taken as {order}, since w is rarely the smaller number"
        said.append(Finding("format", text, doubtful=True))
    in_degrees = {key for key in values if quats[key] is None and are_degrees(values[key])}
    if in_degrees:
        text = f"angles beyond two turns ({', '.join(sorted(in_degrees))}): taken for degrees"
        said.append(Finding("unit", text, doubtful=True))
        values = {key: np.radians(value) if key in in_degrees else value for key, value in values.items()}
    parts = []
    for key, quat in quats.items():
        if quat is None:
            parts.append(to_rotations(values[key], key, path))
        else:
            parts.append(normalise(quat[..., [3, 0, 1, 2]] if is_last else quat))
        known = held[key][1]
        if not known.all():
            parts[-1] = interpolate_turns(parts[-1], known)
            said.append(describe_gaps(known[:, None], key))
    return parts, said


def to_numbers(array: np.ndarray, key: str, path: Path) -> np.ndarray:
    """An array without a batch of one before its frames.

    Raises:
      InputError: no numbers.
    """
    try:
        values = np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: damaged ({key}: {error}); expected numbers") from error
    while values.ndim > 2 and values.shape[0] == 1 and values.shape[1] > 3:
        values = values[0]
    return values


def are_degrees(values: np.ndarray) -> bool:
    """Whether numbers of rotation vectors go beyond two turns in most frames, as only degrees do."""
    if values.ndim < 2 or not values.size:
        return False
    return float(np.median(np.abs(values.reshape(len(values), -1)).max(axis=1))) > 4.0 * np.pi


def take_quaternions(values: np.ndarray) -> np.ndarray | None:
    """Quaternions (T, J, 4) of (T, J, 4) or (T, 4 J) that all have unit length; None of others.

    Rotation vectors have as many numbers where J is divisible by three, but not all fours of them have unit length.
    """
    is_flat = values.ndim == 2 and values.shape[1] % 4 == 0
    if not values.size or not (is_flat or (values.ndim == 3 and values.shape[2] == 4)):
        return None
    quats = values.reshape(len(values), -1, 4)
    return quats if np.abs(np.linalg.norm(quats, axis=2) - 1.0).max() < 0.01 else None


def to_rotations(values: np.ndarray, key: str, path: Path) -> np.ndarray:
    """Rotation vectors or matrices -> quaternions wxyz (T, J, 4).

    Raises:
      InputError: another shape, or 6D rotations, by their shape or by their numbers.
    """
    is_in_nines = (values.ndim >= 3 and values.shape[-2:] == (3, 3)) or (values.ndim in (2, 3) and _ends_in(values, 9))
    if is_in_nines and _are_rotations(values.reshape(-1, 3, 3)):
        return from_matrix(values.reshape(len(values), -1, 3, 3))
    is_6d = _ends_in(values, 6) and (values.ndim == 3 or (values.ndim == 2 and _are_6d(values)))
    is_vectors = (values.ndim == 2 and _ends_in(values, 3)) or (values.ndim == 3 and values.shape[2] == 3)
    if is_vectors and not is_6d:
        return from_rotvec(values.reshape(len(values), -1, 3))
    why = " (programs differ in how they order 6D rotations)" * is_6d
    raise InputError(
        f"{path}: {key} {values.shape}; expected rotation vectors (T, 3 J) or (T, J, 3), quaternions or matrices{why}"
    )


def _ends_in(values: np.ndarray, count: int) -> bool:
    """Whether the last axis is made of so many numbers for each joint: of (T, J, 9) just as many."""
    return (
        values.ndim > 0
        and values.size > 0
        and (values.shape[-1] % count == 0 if values.ndim == 2 else values.shape[-1] == count)
    )


def _are_6d(values: np.ndarray) -> bool:
    """Whether all sixes are two orthogonal unit vectors, one after the other or number by number in turn."""
    for pairs in (values.reshape(-1, 2, 3), np.swapaxes(values.reshape(-1, 3, 2), -1, -2)):
        if np.abs(pairs @ np.swapaxes(pairs, -1, -2) - np.eye(2)).max() < 0.01:
            return True
    return False


def _are_rotations(matrices: np.ndarray) -> bool:
    gram = matrices @ np.swapaxes(matrices, -1, -2)
    return bool(np.abs(gram - np.eye(3)).max() < 0.01)
