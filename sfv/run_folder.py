"""A run's folder: who may write it, whose video it belongs to, and its config."""

import json
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import filelock

from pose.errors import InputError
from pose.files import remove_leftovers, sha256_of, shorten
from sfv.stage import write_json

RUNS = Path("runs")
LONGEST_NAME = 120
"""Characters of a run's name."""
STAGES = ("[1-4]_*", "[1-4]_*/*")
"""Patterns of the folders of a run's stages. No others are tidied: the folder may be one of the user's."""


def run_name(video: Path) -> str:
    """A folder name that is legal on every system: letters, digits, dots, dashes and underscores of the file's name.

    Of a very long one its beginning and a hash: names are made of it.
    """
    name = shorten(re.sub(r"[^A-Za-z0-9._-]+", "_", video.stem).strip("._-") or "clip", LONGEST_NAME)
    return f"clip_{name}" if re.fullmatch(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", name, re.IGNORECASE) else name


def read_command_line() -> str:
    """The command line of this process, as a run notes it."""
    return shlex.join(["python", "-m", "sfv", *sys.argv[1:]])


@contextmanager
def open_run(folder: Path, video: Path, config: dict[str, Any]) -> Iterator[None]:
    """Takes `folder` for this process and this video, and leaves the config there.

    Raises:
      InputError: another process writes to the folder, it holds another video's run, or it is no folder of runs.
    """
    if folder.is_dir() and not (folder / "config.json").exists() and any(map(_is_foreign, folder.iterdir())):
        raise InputError(f"{folder}: is not empty and holds no run; give another OUT")
    created = [path for path in (folder, *folder.parents) if not path.exists()]
    make_folder(folder)
    try:
        with lock_folder(folder):
            try:
                _claim(folder, video, config)
                yield
            finally:
                if created and not _holds_results(folder):
                    shutil.rmtree(folder, ignore_errors=True)  # Windows keeps the lock's file until it is released
    finally:
        for path in created:
            with suppress(OSError):  # not empty: the run's own, or somebody else's
                path.rmdir()


def make_folder(folder: Path) -> None:
    """Makes a folder to write to, unless it is there.

    Raises:
      InputError: it is a file, or cannot be made.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file, not a folder; give another OUT")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be created ({error.strerror}); give another OUT") from error


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Keeps every other process from writing to a run's folder.

    Raises:
      InputError: another process writes there, or nobody may.
    """
    with hold_lock(folder, f"{folder}: another run writes there now; wait for it", "OUT"):
        for place in [folder, *(path for level in STAGES for path in folder.glob(level) if path.is_dir())]:
            remove_leftovers(place)  # of whoever was killed here: nobody else writes now
        yield


@contextmanager
def hold_lock(folder: Path, taken: str, option: str) -> Iterator[None]:
    """Holds the lock that lies in a folder; the system releases it when a process dies.

    Args:
      folder: exists.
      taken: what to say to whoever comes second.
      option: that gives another folder.

    Raises:
      InputError: another process holds it, or nobody may write there.
    """
    lock = filelock.FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise InputError(f"{taken}, or give another {option}") from error
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror}); give another {option}") from error
    try:
        yield
    finally:
        lock.release()


def _is_foreign(path: Path) -> bool:
    """Whether a file is none that a run leaves which was killed at its very beginning."""
    return path.name != ".lock" and not path.name.startswith(".config.json.")


def _holds_results(folder: Path) -> bool:
    """Whether a run has left more than the mark that the folder is its own."""
    return any(path.is_file() and path.name not in (".lock", "config.json") for path in folder.rglob("*"))


def _claim(folder: Path, video: Path, config: dict[str, Any]) -> None:
    digest = sha256_of(video)
    path = folder / "config.json"
    if path.exists():
        try:
            owner = json.loads(path.read_text(encoding="utf-8"))["video_sha256"]
        except (ValueError, KeyError, OSError):
            owner = digest  # damaged: the stages' own fingerprints decide what is redone
        if owner != digest:
            raise InputError(f"{folder}: holds the run of another video; give OUT=<another folder> or remove it")
    write_json(path, {**config, "video_sha256": digest})
