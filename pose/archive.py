"""Arrays in one `.npz` with a kind and a format version, written so that a reader never meets half a file."""

import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from pose.errors import InputError
from pose.files import replace_file
from pose.foreign_files import refuse_damaged

LARGEST = 1024**3
"""Size of all arrays of a file, unpacked, beyond which none is read [bytes]: 40 minutes of motion take 0.1 GB."""
DAMAGE = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError, MemoryError,
          TypeError, SyntaxError, tokenize.TokenError, RecursionError, RuntimeError, OverflowError)  # fmt: skip
"""What NumPy and zipfile raise for a file that is not whole."""
REMAKE = "delete it to have it made again"
"""What mends a file of ours in a run's folder; never to be said of one that a user gave."""
T = TypeVar("T")


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


def load_arrays(path: Path, kind: str, version: int, mend: str = REMAKE) -> dict[str, np.ndarray]:
    """Reads what `save_arrays` wrote; no pickles.

    Args:
      path: of the file.
      kind: what the arrays must be.
      version: of the format that can be read.
      mend: what its owner can do if it is damaged.

    Raises:
      InputError: no such file, not an archive, damaged, of another kind, or of a version this program cannot read.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a {kind} archive (.npz)")
    try:
        with open_archive(path) as archive:
            arrays = {name: archive[name] for name in archive.files}
        kinds = {name: getattr(array, "dtype", None) for name, array in arrays.items()}  # other files are bytes
        strange = [name for name, kind in kinds.items() if kind is None or kind.kind not in "fiubU"]
        if strange:
            raise ValueError(f"{strange[0]} is of type {kinds[strange[0]]}")
        found, found_version = str(arrays.pop("kind", "nothing")), int(arrays.pop("format_version", -1))
    except InputError:
        raise
    except PermissionError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    except DAMAGE as error:
        raise InputError(f"{path}: damaged or not a {kind} archive ({error}); {mend}") from error
    if found != kind:
        raise InputError(f"{path}: holds {found[:40]}, expected {kind}; give another file")
    if found_version != version:
        raise InputError(f"{path}: {kind} format {found_version}, this program reads {version}; make it again")
    return arrays


def load_as(path: Path, kind: str, version: int, make: Callable[[dict[str, np.ndarray]], T], mend: str = REMAKE) -> T:
    """What `make` builds of the arrays that `save_arrays` wrote.

    Raises:
      InputError: as `load_arrays`; also arrays that are missing, of another shape or type, or hold nonsense.
    """
    arrays = load_arrays(path, kind, version, mend)
    with refuse_damaged(path, f"a {kind}", mend), np.errstate(all="ignore"):
        return make(arrays)


@contextmanager
def open_archive(path: Path) -> Iterator[Any]:
    """An `.npz` opened without pickles, after a look at how large it is unpacked.

    Raises:
      InputError: its arrays are larger than `LARGEST`, or claim to be larger than they are.
    """
    found = np.load(path, allow_pickle=False)
    if not isinstance(found, np.lib.npyio.NpzFile) or (files := found.zip) is None:
        raise ValueError("a single array, not an archive: name it .npy")
    with found as archive:
        members = files.infolist()
        if len({member.filename for member in members}) < len(members):
            raise ValueError("two arrays of one name")
        check_size(path, sum(member.file_size for member in members))
        for member in members:
            with files.open(member) as file:
                check_size(path, read_claimed_size(file), member.file_size)
        yield archive


def load_plain_arrays(path: Path) -> tuple[dict[str, np.ndarray], list[str]]:
    """The arrays of an archive that hold plain numbers or text, and the names of the others.

    Raises:
      InputError: not an archive, or cut off.
    """
    arrays, pickled = dict[str, np.ndarray](), list[str]()
    try:
        with open_archive(path) as archive:
            for name in archive.files:
                try:
                    arrays[name] = archive[name]
                except ValueError as error:
                    if "pickle" not in str(error).lower() and "object" not in str(error).lower():
                        raise
                    pickled.append(name)
    except InputError:
        raise
    except DAMAGE as error:
        raise InputError(f"{path}: damaged, or not an .npz archive ({error}); export it again") from error
    return arrays, pickled


def load_array(path: Path) -> np.ndarray:
    """A `.npy` file, without pickles, after a look at how large it claims to be.

    Raises:
      InputError: it is larger than `LARGEST`, or claims to be larger than it is.
    """
    with open(path, "rb") as file:
        check_size(path, read_claimed_size(file), path.stat().st_size)
        file.seek(0)
        return np.load(file, allow_pickle=False)


def check_size(path: Path, claimed: int, there: int | None = None) -> None:
    """Raises `InputError` for more than `LARGEST` bytes, and for an array that claims more bytes than there are."""
    if claimed > LARGEST:
        raise InputError(
            f"{path}: its arrays take {claimed / 1e9:.3g} GB; give a part of at most {LARGEST / 1e9:.2g} GB"
        )
    if there is not None and claimed > there:
        raise InputError(f"{path}: damaged (an array of {claimed} bytes in {there}); copy or export it again")


def read_claimed_size(file: Any) -> int:
    """Bytes that the header of an array says it has; 0 where there is no header of NumPy's."""
    try:
        version = np.lib.format.read_magic(file)
    except ValueError:
        return 0
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    if any(side < 0 for side in shape):
        raise ValueError(f"an array of shape {shape}")
    size = int(dtype.itemsize)
    for side in shape:
        size *= int(side)
    return size
