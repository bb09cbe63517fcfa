"""`sfv fetch`: downloads what the pipeline needs besides its packages."""

from pose.downloads import cache_folder
from pose.weights import find_or_fetch
from sfv.console import console
from sfv.sample import fetch_sample


def fetch() -> None:
    """Downloads the pose network's weights and the sample video into the cache and checks their hashes."""
    with console.status("fetching the pose network's weights"):
        weights = find_or_fetch(cache_folder())
    console.print(f"pose weights: {weights.name}")
    with console.status("fetching the sample video"):
        sample = fetch_sample()
    if sample is None:
        console.print(
            "[yellow]sample video: cannot be downloaded now; without --video a synthetic one is used[/yellow]"
        )
