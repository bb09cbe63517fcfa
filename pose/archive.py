"""Arrays in one `.npz` with a kind and a format version, written so that a reader never meets half a file."""

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pose.errors import InputError
from pose.files import replace_file


def save_arrays(path: Path, kind: str, version: int, arrays: Mapping[str, Any]) -> None:
    """Writes arrays to a compressed `.npz`, whole or not at all.

    Args:
      path: file to write; its folder is made.
      kind: what the arrays are, such as "keypoints".
      version: of the format, counted up when keys or meanings change.
      arrays: array or number by key.
    """
    with replace_file(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, kind=np.array(kind), format_version=np.array(version), **arrays)


def load_arrays(path: Path, kind: str, version: int) -> dict[str, np.ndarray]:
    """Reads what `save_arrays` wrote; no pickles.

    Raises:
      InputError: no such file, not an archive, damaged, of another kind, or of a version this program cannot read.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a {kind} archive (.npz)")
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise InputError(
            f"{path}: damaged or not a {kind} archive ({error}); delete it to have it made again"
        ) from error
    found = str(arrays.pop("kind", "nothing"))
    if found != kind:
        raise InputError(f"{path}: holds {found}, expected {kind}")
    found_version = int(arrays.pop("format_version", -1))
    if found_version != version:
        raise InputError(f"{path}: {kind} format {found_version}, this program reads {version}; make it again")
    return arrays
