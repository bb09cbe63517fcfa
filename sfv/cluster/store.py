"""Where runs are kept between machines: a shared folder, or an object store through fsspec (`s3://bucket/name`).

    mark.json                             names the store, so that a machine that does not see it says so
    inputs/<sha256>/<file name>           what units read
    units/<name>/manifests/*.json         what a unit has: the newest one that is whole counts
    units/<name>/blobs/<sha256>           its files, by their content

A manifest lists all files of a unit with their hashes. It is written when all of them are there, so that a machine
that is lost at any moment leaves the state before or the one after, on any store; a file renamed costs nothing. Its
name holds the attempt that wrote it, one more for each machine that takes the unit over, and a random word by which
two machines that take it over at once differ. A machine that was thought lost, and was not, finds a later attempt than
its own, and ends; of two at once, the one with the smaller word does.
"""

import hashlib
import json
import re
import secrets
import shutil
import uuid
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from pose.errors import InputError, WorkError
from pose.files import replace_file, sha256_of

MARK = "mark.json"
MANIFEST = re.compile(r"(\d{6})-(?:([0-9a-f]{8})-)?(\d{6})\.json")
READS = 3
"""Attempts at reading a unit's files while another machine replaces them."""


class TakenOverError(WorkError):
    """Another machine works on the unit by now."""


@dataclass(frozen=True)
class Manifest:
    """What a unit has."""

    attempt: int = 0
    """Counts the machines that worked on it."""
    word: str = ""
    """By which attempts that begin at once differ; eight hexadecimal digits, none in stores of earlier versions."""
    number: int = 0
    """Counts what the attempt wrote."""
    files: dict[str, str] = field(default_factory=dict)
    """SHA-256 by the path: `run/...` in the unit's folder, and `log`."""
    finished: str = ""
    """Digest of what was asked for, if all of it is done."""
    unused: frozenset[str] = frozenset()
    """Blobs that neither this manifest nor the one before needs; kept nowhere."""

    @property
    def name(self) -> str:
        """Of its file; names sort as manifests follow on one another."""
        return f"{self.claim}{self.number:06d}.json"

    @property
    def claim(self) -> str:
        """Of the machine that wrote it; the largest one has the unit."""
        return f"{self.attempt:06d}-{self.word}-" if self.word else f"{self.attempt:06d}-"


class Store:
    """A folder, here or elsewhere.

    Args:
      url: path of a folder, or a URL that fsspec knows.

    Raises:
      InputError: no such protocol, its package is missing, or nobody may write there.
    """

    def __init__(self, url: str):
        import fsspec.core

        self.url = url
        try:
            self.fs, root = fsspec.core.url_to_fs(url)
        except ImportError as error:
            raise InputError(f"--store {url}: {error}; it is a package of its own: pip install it everywhere") from None
        except ValueError as error:
            raise InputError(f"--store {url}: {error}; give a folder, file:// or s3://") from None
        self.root = root.rstrip("/")

    def path(self, *parts: str) -> str:
        """Of a file in the store."""
        return "/".join((self.root, *parts))

    def write(self, content: bytes, *parts: str) -> None:
        """Writes a small file."""
        path = self.path(*parts)
        self.fs.makedirs(path.rpartition("/")[0], exist_ok=True)
        self.fs.pipe_file(path, content)

    def read(self, *parts: str) -> bytes:
        """A small file."""
        return self.fs.cat_file(self.path(*parts))

    def put(self, file: Path, *parts: str) -> None:
        """Copies a file there."""
        path = self.path(*parts)
        self.fs.makedirs(path.rpartition("/")[0], exist_ok=True)
        self.fs.put_file(str(file), path)

    def get(self, file: Path, *parts: str) -> None:
        """Copies a file from there."""
        file.parent.mkdir(parents=True, exist_ok=True)
        self.fs.get_file(self.path(*parts), str(file))

    def list(self, *parts: str) -> list[str]:
        """Names in a folder, as they are now; none if it is absent."""
        self.fs.invalidate_cache()
        try:
            return sorted(str(path).rsplit("/", 1)[-1] for path in self.fs.ls(self.path(*parts), detail=False))
        except FileNotFoundError:
            return []

    def remove(self, *parts: str) -> None:
        """Removes a file, unless somebody else has."""
        with suppress(FileNotFoundError):
            self.fs.rm_file(self.path(*parts))

    def mark(self) -> str:
        """The store's name for itself, made up where it has none.

        Raises:
          InputError: nobody may write there.
        """
        try:
            if MARK not in self.list():
                self.write(json.dumps({"store": uuid.uuid4().hex}).encode(), MARK)
            return str(json.loads(self.read(MARK))["store"])
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"--store {self.url}: cannot be used ({error}); give another one") from error

    def check_mark(self, mark: str, machine: str) -> None:
        """Raises `WorkError` where a machine does not see the store that is meant."""
        try:
            found = json.loads(self.read(MARK))["store"]
        except (OSError, ValueError, KeyError):
            found = None
        if found != mark:
            raise WorkError(
                f"{machine} does not see {self.url}: give --store a folder that all machines share, or s3://..."
            )

    def put_input(self, file: Path) -> str:
        """Keeps a file that units read; returns its SHA-256. What is there already, whole, is not sent again."""
        digest = sha256_of(file)
        path = self.path("inputs", digest, file.name)
        if not (self.fs.exists(path) and self.fs.size(path) == file.stat().st_size):
            self.put(file, "inputs", digest, file.name)
        return digest

    def get_input(self, digest: str, name: str, folder: Path) -> Path:
        """A file that `put_input` kept.

        Raises:
          WorkError: it is absent or damaged.
        """
        file = folder / name
        try:
            self.get(file, "inputs", digest, name)
        except OSError as error:
            raise WorkError(f"{self.url}: input {name} cannot be read ({error})") from error
        if sha256_of(file) != digest:
            raise WorkError(f"{self.url}: input {name} is damaged; remove inputs/{digest} there")
        return file


class UnitStore:
    """What a store has of one unit."""

    def __init__(self, store: Store, name: str):
        self.store, self.name = store, name
        self._place = ("units", name)

    def list_manifests(self) -> list[str]:
        """Names of the manifests, the newest last."""
        names = self.store.list(*self._place, "manifests")
        return [name for name in names if MANIFEST.fullmatch(name)]

    def newest(self) -> Manifest | None:
        """The newest manifest that is whole; None if there is none."""
        for name in reversed(self.list_manifests()):
            try:
                return read_manifest(name, self.store.read(*self._place, "manifests", name))
            except (OSError, ValueError):  # removed by now, or cut off with the machine that wrote it
                continue
        return None

    def claim(self) -> Manifest:
        """Takes the unit over; whoever worked on it may not write any more.

        Raises:
          TakenOverError: another machine does so at the same moment, and has it.
        """
        names, found = self.list_manifests(), self.newest() or Manifest()
        last = max((int(name[:6]) for name in names), default=0)
        blobs = frozenset(self.store.list(*self._place, "blobs"))
        unused = blobs - set(found.files.values())
        own = Manifest(last + 1, secrets.token_hex(4), 0, dict(found.files), unused=unused)
        self._write(own)
        self._check_claim(own)
        return own

    def commit(self, before: Manifest, files: dict[str, str], sources: dict[str, Path], finished: str = "") -> Manifest:
        """Replaces what the store has of the unit.

        Args:
          before: the manifest that this attempt wrote last.
          files: SHA-256 by path, of all files.
          sources: where those lie here that are not in `before`, by SHA-256.
          finished: digest of what was asked for, if all is done.

        Raises:
          TakenOverError: another machine has taken the unit over.
          OSError: the store cannot be written now; it has what it had.
        """
        self._check_claim(before)
        there = set(before.files.values())
        for digest in sorted(set(files.values()) - there):
            self.store.put(sources[digest], *self._place, "blobs", digest)
        needed = set(files.values())
        own = replace(
            before, number=before.number + 1, files=files, finished=finished, unused=frozenset(there - needed)
        )
        older = self._check_claim(own)
        self._write(own)
        for name in older[:-1]:  # the last one is good if a power cut takes the new one
            self.store.remove(*self._place, "manifests", name)
        for digest in before.unused - there - needed:
            self.store.remove(*self._place, "blobs", digest)
        return own

    def _check_claim(self, own: Manifest) -> list[str]:
        """Names of the manifests; raises `TakenOverError` if another machine has taken the unit over."""
        names = self.list_manifests()
        if any(name > own.name and not name.startswith(own.claim) for name in names):
            raise TakenOverError(f"{self.name}: another machine works on it by now")
        return names

    def fetch(self, folder: Path, log: Path, parts: tuple[str, ...] = (), mirror: bool = False) -> int:
        """Copies the unit's files to this machine; what is there and the same stays.

        Args:
          folder: gets the files.
          log: gets what the unit printed.
          parts: files and folders to copy; empty for all.
          mirror: removes what is left of stages at work that the store has no more.

        Returns:
          Bytes that were read. A file that is damaged in the store is left out: its stage is made again.
        """
        read = 0
        for _ in range(READS):
            manifest, missing = self.newest(), False
            if manifest is None:
                return 0
            for path, digest in manifest.files.items():
                target = locate(path, folder, log)
                wanted = not parts or any(path == f"run/{part}" or path.startswith(f"run/{part}/") for part in parts)
                if not wanted or (target.is_file() and sha256_of(target) == digest):
                    continue
                size = self._get(digest, target)
                read, missing = read + (size or 0), missing or size is None
            if mirror:
                _remove_others(folder, {path.removeprefix("run/") for path in manifest.files})
            if not missing or self.newest() == manifest:
                return read
        return read

    def _get(self, digest: str, target: Path) -> int | None:
        """Copies one file, whole or not at all; its size, None if it is missing or damaged."""
        try:
            with replace_file(target) as temporary:
                self.store.get(temporary, *self._place, "blobs", digest)
                if sha256_of(temporary) != digest:
                    raise ValueError(digest)
                return temporary.stat().st_size
        except (FileNotFoundError, ValueError):
            return None

    def _write(self, manifest: Manifest) -> None:
        content = {"files": manifest.files, "finished": manifest.finished}
        self.store.write(json.dumps(content).encode(), *self._place, "manifests", manifest.name)


def locate(path: str, folder: Path, log: Path) -> Path:
    """Where a file of a manifest lies on a machine that has the unit's folder and log."""
    return log if path == "log" else folder / path.removeprefix("run/")


def read_manifest(name: str, content: bytes) -> Manifest:
    """A manifest of its file's name and content.

    Raises:
      ValueError: it was cut off, or names files outside of the unit's folder.
    """
    found: Any = json.loads(content)
    match = MANIFEST.fullmatch(name)
    if match is None or not isinstance(found, dict) or not isinstance(found.get("files"), dict):
        raise ValueError(f"{name}: no manifest")
    files = {str(path): str(digest) for path, digest in found["files"].items()}
    for path, digest in files.items():
        inside = path.startswith("run/") and ".." not in PurePosixPath(path).parts and "\\" not in path
        inside = inside or path == "log"
        if not inside or not re.fullmatch("[0-9a-f]{64}", digest):
            raise ValueError(f"{name}: {path} is outside of the unit's folder")
    return Manifest(int(match[1]), match[2] or "", int(match[3]), files, str(found.get("finished", "")))


def digest_of(*parts: Any) -> str:
    """SHA-256 of anything that JSON knows."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _remove_others(folder: Path, kept: set[str]) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                shutil.rmtree(path)
        elif path.relative_to(folder).as_posix() not in kept and _is_of_work(path.relative_to(folder)):
            path.unlink()


def _is_of_work(path: Path) -> bool:
    """It belongs to a stage that was at work, not to a finished one."""
    return any(above.suffix in (".partial", ".old") for above in path.parents)
