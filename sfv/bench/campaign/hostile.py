"""Files made to do harm: to run code, to reach other files or the network, to cost time or memory. All must be refused.

Each writer is given an empty folder and the good samples, writes its file there and returns what the reader is given.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

MARK = "code_ran"
"""File that payloads leave in the working folder if they are run."""


class Payload:
    """Runs a command where it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {MARK}",)


@dataclass(frozen=True)
class Hostile:
    """A file made to do harm."""

    name: str
    kind: str
    """What reads it, one of `readers.READERS`."""
    write: Callable[[Path, Path], Path]
    """Given a folder of its own and the folder of samples, returns what the reader is given."""
    may_be_read: bool = False
    """It only looks dangerous: to read it without harm is right, too."""


def one_file(name: str, content: str | bytes) -> Callable[[Path, Path], Path]:
    """A writer of one file."""

    def write(folder: Path, samples: Path) -> Path:
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def archive_of(**arrays: object) -> Callable[[Path, Path], Path]:
    """A writer of an archive of arrays, pickled ones too."""

    def write(folder: Path, samples: Path) -> Path:
        np.savez(folder / "a.npz", allow_pickle=True, **arrays)  # pyright: ignore[reportArgumentType]
        return folder / "a.npz"

    return write


def set_value(*keys: str | int, value: object) -> Callable[[dict], None]:
    """A change of a nested document at one place."""

    def change(document: dict) -> None:
        here: object = document
        for key in keys[:-1]:
            here = here[key]  # pyright: ignore[reportIndexIssue]
        here[keys[-1]] = value  # pyright: ignore[reportIndexIssue]

    return change
