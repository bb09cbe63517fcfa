"""Files on disk: written whole or not at all, and compared by their content."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with open(temporary, "r+b") as file:  # writable, as Windows wants it; on disk before the name points there
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
