"""What people drop on the page: kept in the runs folder, looked at by a process of its own, never believed by name."""

import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from pose.errors import InputError
from pose.files import remove_leftovers, replace_file
from pose.video import FILM_ENDINGS
from sfv.exit_codes import EXIT_INPUT
from sfv.parent import VARIABLE as PARENT
from sfv.run_folder import run_name

Kind = Literal["video", "motion", "picture"]
MOTIONS = {".bvh", ".npz", ".npy", ".txt", ".csv", ".trc", ".c3d", ".glb"}
"""Motions that are whole in one file: .amc needs its .asf, and .gltf the buffers beside it."""
PICTURES = {".jpg", ".jpeg", ".png"}
MOST_MB: dict[Kind, int] = {"video": 1000, "motion": 200, "picture": 50}
"""Largest upload of each kind [MB]."""
LOOK_S = 120.0
"""Time in which the first look at an upload must be done [s]."""
INFO = "source.json"


@dataclass(frozen=True)
class Frame:
    """One picture of a video for the page."""

    t: float
    """Time in the video [s]."""
    file: str
    """JPEG in the source's folder."""


@dataclass(frozen=True)
class Source:
    """An uploaded file that can be worked with."""

    id: str
    name: str
    """As its owner calls it, for people only."""
    kind: Kind
    file: str
    """Name in the source's folder: letters, digits, dots, dashes and underscores."""
    duration: float = 0.0
    """Of a video [s]."""
    width: int = 0
    height: int = 0
    """Size of a video's or picture's upright image [px]."""
    frames: tuple[Frame, ...] = ()
    """Pictures spread over a video; a picture has one."""


class Sources:
    """The uploads in a folder."""

    def __init__(self, folder: Path):
        self.folder = folder

    def find(self, key: str) -> Source:
        """An upload by its id.

        Raises:
          InputError: there is none.
        """
        try:
            content = json.loads((self.folder_of(key) / INFO).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"upload '{key[:40]}': not there any more; drop the file again") from error
        frames = tuple(Frame(**frame) for frame in content.pop("frames"))
        return Source(**content, frames=frames)

    def folder_of(self, key: str) -> Path:
        """Where an upload lies.

        Raises:
          InputError: that is no id.
        """
        if not re.fullmatch(r"[0-9a-f]{16}", key):
            raise InputError("that is no upload's id")
        return self.folder / key

    def path_of(self, source: Source) -> Path:
        """The uploaded file."""
        return self.folder_of(source.id) / source.file

    async def receive(self, name: str, stream: AsyncIterator[bytes], size: int | None) -> Source:
        """Keeps what is sent, and looks at it; nothing stays of what cannot be used.

        Args:
          name: what the sender calls the file.
          stream: its content.
          size: its announced size [bytes], if any.

        Raises:
          InputError: not a kind that is known, too large, or it cannot be read.
        """
        kind = choose_kind(name)
        most = MOST_MB[kind] * 1_000_000
        too_large = f"{_printable(name)}: larger than the {MOST_MB[kind]} MB that a {kind} may have; cut it"
        if size is not None and size > most:
            raise InputError(too_large)
        key = secrets.token_hex(8)
        folder = self.folder / key
        folder.mkdir(parents=True)
        source = Source(key, _printable(name), kind, legal_name(name))
        done = False
        try:
            with open(folder / source.file, "wb") as file:
                written = 0
                async for part in stream:
                    written += len(part)
                    if written > most:
                        raise InputError(too_large)
                    file.write(part)
                file.flush()
                os.fsync(file.fileno())  # on disk before it counts as received
            if written == 0:
                raise InputError(f"{source.name}: is empty; choose another file")
            with replace_file(folder / INFO) as temporary:
                temporary.write_text(json.dumps(asdict(source)), encoding="utf-8")
            done = True
        finally:
            if not done:
                self.forget(key)
        return source

    def look(self, source: Source) -> Source:
        """Looks at an upload in a process of its own: what makes a decoder fail must not end the page.

        Raises:
          InputError: it cannot be read; it is removed then.
        """
        if source.kind == "motion":
            return source  # the readers say all when the work begins
        command = [sys.executable, "-m", "sfv.app.first_look", str(self.folder_of(source.id))]
        # Its standard input is a pipe that nobody writes to: it ends with this program, however that ends.
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said, env=os.environ | {PARENT: "1"}
            )
            try:
                code = process.wait(LOOK_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                self.forget(source.id)
                raise InputError(f"{source.name}: could not be read within {LOOK_S:.0f} s; convert it to MP4") from None
            finally:
                if process.stdin:
                    process.stdin.close()
            said.seek(0)
            errors = said.read().decode("utf-8", "replace")
        if code != 0:
            self.forget(source.id)
            lines = [line for line in errors.splitlines() if line.strip()]
            known = code == EXIT_INPUT and lines
            raise InputError(lines[-1] if known else f"{source.name}: cannot be decoded; convert it to MP4 or JPEG")
        return self.find(source.id)

    def remove_unfinished(self) -> None:
        """Removes uploads whose receiving was cut off with the program; right where no other page works here."""
        for folder in self.folder.glob("*"):
            if re.fullmatch(r"[0-9a-f]{16}", folder.name) and not (folder / INFO).is_file():
                self.forget(folder.name)
            elif folder.is_dir():
                remove_leftovers(folder)

    def forget(self, key: str) -> None:
        """Removes an upload."""
        folder = self.folder_of(key)
        for path in folder.glob("*"):
            path.unlink(missing_ok=True)
        if folder.is_dir():
            folder.rmdir()


def choose_kind(name: str) -> Kind:
    """What a file is for, by its ending.

    Raises:
      InputError: none of the endings that are known.
    """
    ending = Path(name).suffix.lower()
    known: dict[Kind, set[str]] = {"video": FILM_ENDINGS, "motion": MOTIONS, "picture": PICTURES}
    for kind, endings in known.items():
        if ending in endings:
            return kind
    listed = "; ".join(f"{kind}: {' '.join(sorted(endings))}" for kind, endings in known.items())
    raise InputError(f"{_printable(name)}: not a kind of file that is known ({listed})")


def legal_name(name: str) -> str:
    """A file name that is legal on every system and stays in its folder."""
    path = Path(re.split(r"[/\\]", name)[-1])
    return run_name(path)[:60] + path.suffix.lower()


def _printable(name: str) -> str:
    return "".join(c if c.isprintable() else " " for c in re.split(r"[/\\]", name)[-1])[:100] or "the file"
