"""What a unit has on this machine, copied to the store so that another machine can go on from it at any moment."""

import errno
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pose.files import CHECKPOINT, sha256_of
from sfv.cluster.store import Manifest, UnitStore
from sfv.stage import KEY_FILE

MARKS = (KEY_FILE, "stage.json", CHECKPOINT)
"""Files that say what others are worth. They are copied first: the others may be newer than they say, never older."""
RENAMES = (KEY_FILE, "stage.json")
"""Marks that change when a stage ends and its folder is renamed."""
TEMPORARY = re.compile(r"\..*\.tmp|\.lock|\.store")
ATTEMPTS = 5
"""At copying a folder in which stages end meanwhile."""

Sign = tuple[int, int, int]


class Snapshots:
    """Keeps the store's copy of a unit up to date while a command works on it.

    Args:
      store: of the unit.
      folder: that the command works in.
      log: what the command prints.
      manifest: what the store has, claimed by this machine.
    """

    def __init__(self, store: UnitStore, folder: Path, log: Path, manifest: Manifest):
        self.store, self.folder, self.log, self.manifest = store, folder, log, manifest
        self.bytes_sent = 0
        self._digests = dict[str, tuple[Sign, str]]()
        self._marks = self._sign(MARKS)

    @property
    def is_due(self) -> bool:
        """Whether a stage has begun or ended, or a checkpoint was written, since the last copy."""
        return self._sign(MARKS) != self._marks

    def push(self, finished: str = "") -> None:
        """Copies what is new to the store.

        Raises:
          TakenOverError: another machine has taken the unit over.
          OSError: the store, or this machine's disk, cannot be written now, or stages end again and again (EBUSY);
            the store has what it had.
        """
        for _ in range(ATTEMPTS):
            marks, renames = self._sign(MARKS), self._sign(RENAMES)
            with tempfile.TemporaryDirectory(prefix=".copy-", dir=self.folder.parent) as copies:
                try:
                    files, sources = self._copy(Path(copies))
                except FileNotFoundError:  # a folder was renamed under our hands
                    continue
                if self._sign(RENAMES) != renames:
                    continue
                there = set(self.manifest.files.values())
                self.manifest = self.store.commit(self.manifest, files, sources, finished)
                self.bytes_sent += sum(path.stat().st_size for key, path in sources.items() if key not in there)
            self._marks = marks
            return
        raise OSError(errno.EBUSY, f"stages ended during each of {ATTEMPTS} copies", str(self.folder))

    def _copy(self, copies: Path) -> tuple[dict[str, str], dict[str, Path]]:
        """SHA-256 of every file, and copies of those that are new."""
        paths = dict(self._list_files())
        marks_first = sorted(paths, key=lambda name: (Path(name).name not in MARKS, name))
        files, sources = dict[str, str](), dict[str, Path]()
        for number, name in enumerate(marks_first):
            sign, known = sign_of(paths[name]), self._digests.get(name)
            if known is None or known[0] != sign or known[1] not in self.manifest.files.values():
                copy = copies / str(number)
                shutil.copyfile(paths[name], copy)
                known = (sign, sha256_of(copy))
                sources[known[1]] = copy
                self._digests[name] = known
            files[name] = known[1]
        return files, sources

    def _list_files(self) -> Iterator[tuple[str, Path]]:
        if self.log.is_file():
            yield "log", self.log
        for path in self.folder.rglob("*"):
            if path.is_file() and not path.is_symlink() and not TEMPORARY.fullmatch(path.name):
                yield f"run/{path.relative_to(self.folder).as_posix()}", path

    def _sign(self, names: tuple[str, ...]) -> dict[str, Sign]:
        found = dict[str, Sign]()
        for name in names:
            with suppress(FileNotFoundError):  # renamed meanwhile: the next look sees it
                for path in self.folder.rglob(name):
                    found[path.relative_to(self.folder).as_posix()] = sign_of(path)
        return found


def sign_of(path: Path) -> Sign:
    """Changes when a file does: number, time of the last write, size."""
    there = path.stat()
    return there.st_ino, there.st_mtime_ns, there.st_size
