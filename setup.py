"""Packages are found, not listed, and `assets/` is installed inside `sfv`; all else stands in pyproject.toml."""

from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
ASSETS = {
    f"sfv.assets.{name}": f"assets/{name}" for name in ("characters", "demo", "library", "lifter", "robots", "skills")
}


def list_files(folder: str) -> list[str]:
    """All files below a folder, relative to it."""
    return [str(path.relative_to(ROOT / folder)) for path in sorted((ROOT / folder).rglob("*")) if path.is_file()]


setup(
    packages=[*find_packages(include=["sfv*", "imitate*", "reconstruct*", "pose*"]), *ASSETS],
    package_dir=ASSETS,
    package_data={
        "": ["py.typed", "*.html", "*.css", "*.js", "*.md"],
        "sfv.live": ["page/*"],
        "sfv.bench.campaign": ["power_cut/*.py"],
        **{name: list_files(folder) for name, folder in ASSETS.items()},
    },
)
