"""Where the files lie that come with the program, and where characters of the user's own are kept.

In a checkout both are `assets/`. An installed program has its assets inside the package `sfv`, which may not be
writable; the user's characters then lie in the user's data folder.
"""

from pathlib import Path

import platformdirs

from pose.downloads import find_home_folder

ROOT = Path(__file__).resolve().parents[2]
"""The repository, or the folder that the packages are installed in."""


def find_assets(root: Path = ROOT) -> Path:
    """The folder with `characters`, `skills` and `demo`."""
    inside = root / "sfv" / "assets"
    return inside if inside.is_dir() else root / "assets"


def find_own_characters(root: Path = ROOT) -> Path:
    """The folder that `character new` writes to; it need not exist yet."""
    assets = find_assets(root)
    if assets.parent == root:
        return assets / "characters"
    return find_home_folder(platformdirs.user_data_path("skills-from-videos")) / "characters"


ASSETS = find_assets()
CHARACTERS = ASSETS / "characters"
OWN_CHARACTERS = find_own_characters()
