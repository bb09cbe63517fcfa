"""The sample that `make clip` runs on when no video is given: a real walk, from the PyPI package sports2d."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from pose.downloads import FetchError, cache_folder, download_wheel, read_member
from pose.files import replace_file, sha256_of
from sfv.console import console

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
    if path.is_file() and sha256_of(path) == SHA256:
        return sample
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=path.parent) as work:
            content = read_member(download_wheel(PACKAGE, Path(work)), MEMBER, SHA256)
    except FetchError:
        return None
    with replace_file(path) as temporary:
        temporary.write_bytes(content)
    console.print(f"[dim]{CREDIT}[/dim]")
    return sample
