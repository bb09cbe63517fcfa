"""Files that others made: whatever is wrong with their content is said in one line, and costs no memory."""

import json
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pose.errors import InputError

FAULTS = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    EOFError,
    RecursionError,
    MemoryError,
)
"""What content of another form than expected makes a reader raise."""
LARGEST_TEXT = 512 * 1024**2
"""Size of a text file beyond which it is not read [bytes]."""


@contextmanager
def refuse_damaged(path: Path, what: str, mend: str) -> Iterator[None]:
    """Around a reader of a file: content that it stumbles over becomes an `InputError`, the cause kept for developers.

    Args:
      path: the file, which the message names first.
      what: that it should be, such as "a glTF file".
      mend: what the user can do.

    Raises:
      InputError: any of `FAULTS` was raised inside; one that is an `InputError` already is passed on.
    """
    try:
        yield
    except InputError:
        raise
    except FAULTS as error:
        reason = " ".join(str(error).split())[:200] or "ends too early"
        name = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        raise InputError(f"{path}: not {what}, or damaged ({name}{reason}); {mend}") from error


def read_text(path: Path) -> str:
    """A text file in UTF-8, of at most `LARGEST_TEXT`.

    Raises:
      InputError: it cannot be read, is no text, or too large.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST_TEXT:
            raise InputError(f"{path}: {size / 1e9:.1f} GB of text; at most {LARGEST_TEXT / 1e9:.1f} GB are read")
        return path.read_text(encoding="utf-8-sig")  # Windows programs write a byte order mark
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check its name and permissions") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: not a text in UTF-8 ({error.reason} at byte {error.start}); save it as such"
        ) from error


def read_json(path: Path, what: str, mend: str) -> Any:
    """The content of a JSON file.

    Args:
      path: the file.
      what: that it should be, such as "a run's note".
      mend: what the user can do if it is not.

    Raises:
      InputError: it cannot be read, or is no JSON.
    """
    text = read_text(path)
    with refuse_damaged(path, what, mend):
        return json.loads(text)


def read_table(path: Path, what: str, mend: str) -> dict[str, Any]:
    """The content of a JSON file that must be a table of values by name; as `read_json`."""
    found = read_json(path, what, mend)
    if not isinstance(found, dict):
        raise InputError(f"{path}: not {what} (no values by name in it); {mend}")
    return found


def read_toml(path: Path, mend: str = "mend it") -> dict[str, Any]:
    """The content of a TOML file.

    Raises:
      InputError: it cannot be read, or is no TOML.
    """
    text = read_text(path)
    with refuse_damaged(path, "TOML", mend):
        return tomllib.loads(text)
