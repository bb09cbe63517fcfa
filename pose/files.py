"""Files on disk: written whole or not at all, and compared by their content."""

import errno
import glob
import hashlib
import os
import platform
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

CHECKPOINT = "checkpoint.pt"
"""Name of the file that a training goes on from."""
ABANDONED_SECONDS = 3600.0
"""Time without a write from which a temporary file is nobody's any more [s]."""


def _name_processes() -> str:
    """Whose numbers of processes these are, 6 hexadecimal digits.

    Containers, copies of virtual machines and machines called localhost share a name, not their processes. Where the
    system says them (Linux), its start and the namespace of process numbers are part of it.
    """
    known = platform.node()
    with suppress(OSError):
        known += Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8")
        known += str(Path("/proc/self/ns/pid").readlink())
    return hashlib.sha256(known.encode("utf-8", "surrogateescape")).hexdigest()[:6]


HOST = _name_processes()
"""The machine, since it was started, and the container, in names of temporary files: others may write to a folder."""

LONGEST_NAME = 200
"""Bytes of a name to which something is added: file systems take 255."""


@contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Yields a temporary path to write to, which takes the place of `path` at the end of the block.

    A reader, or the next run after a crash, finds the old file or the new one, never a part of it. After an exception
    in the block the temporary file is removed and `path` is as it was.

        with replace_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")

    Args:
      path: file to make or replace; its folder is made if it is absent.

    Yields:
      A path in the same folder that no other process writes to. Close what was opened there before the block ends.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    name = shorten(path.name)
    remove_leftovers(path.parent, name, ABANDONED_SECONDS)
    temporary = path.with_name(f".{name}.{HOST}.{os.getpid()}.tmp")
    try:
        yield temporary
        with open(temporary, "r+b") as file:  # writable, as Windows wants it; on disk before the name points there
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def work_beside(path: Path) -> Iterator[Path]:
    """Yields an empty folder for what is needed to make a file; removed at the end, or after a kill with the next one.

    In the system's folder for temporary files, what a killed process leaves would stay.

    Args:
      path: the file that is to be made; its folder is made if it is absent.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    name = shorten(path.name)
    remove_leftovers(path.parent, name, ABANDONED_SECONDS)
    folder = path.with_name(f".{name}.work.{HOST}.{os.getpid()}.tmp")
    shutil.rmtree(folder, ignore_errors=True)  # of one that was killed and had this process's number
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def shorten(name: str, longest: int = LONGEST_NAME) -> str:
    """A file's name, or, where it has more bytes than `longest`, its beginning with a hash of all of it."""
    if len(os.fsencode(name)) <= longest:
        return name
    digest = hashlib.sha256(os.fsencode(name)).hexdigest()[:8]
    return os.fsencode(name)[: longest - 9].decode("utf-8", errors="ignore") + f"_{digest}"


def remove_leftovers(folder: Path, name: str = "*", older_than: float = 0.0) -> None:
    """Removes temporary files that processes left which were killed in the middle of `replace_file`.

    Args:
      folder: that they are in.
      name: of the file that was to be made; any by default.
      older_than: time since they were last written to [s]; 0 is right where nobody else may write. Those of processes
        of this machine, since it was started, that have ended go in any case.
    """
    pattern = f".{name if name == '*' else glob.escape(name)}.*.tmp"
    for path in folder.glob(pattern):
        with suppress(OSError):  # somebody else was quicker, or, on Windows, is writing it
            found = re.search(rf"\.(?:({HOST})\.)?(\d+)\.tmp$", path.name)
            dead = found and found[1] and _has_ended(int(found[2]))
            if found and (dead or time.time() - path.stat().st_mtime >= older_than):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def _has_ended(process: int) -> bool:
    """Whether there is no such process; never sure on Windows, where to ask would end it."""
    if os.name == "nt":
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):  # somebody else's, or no number of a process
        return False
    return False


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
