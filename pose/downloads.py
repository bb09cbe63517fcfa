"""What is fetched once from public registries, by their ordinary clients: the mirrors and proxies of the user hold."""

import hashlib
import os
import re
import subprocess
from pathlib import Path

import platformdirs

FETCH_SECONDS = 600.0
CACHE_VARIABLE = "SFV_CACHE"


class FetchError(RuntimeError):
    """One way of getting something did not work; another may."""


def cache_folder() -> Path:
    """Where fetched things stay: `$SFV_CACHE`, or the user's cache folder."""
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named) if named else Path(platformdirs.user_cache_dir("skills-from-videos"))


def sha256_of(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def run_client(command: list[str], folder: Path, name: str) -> None:
    """Runs a package client in a folder; `FetchError` says in short what went wrong."""
    try:
        done = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=FETCH_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FetchError(f"{name} did not run ({type(error).__name__})") from error
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()
        said = next((line for line in lines if re.search("err", line, re.IGNORECASE)), lines[-1])
        raise FetchError(f"{name} failed ({said.strip()[:120]})")
