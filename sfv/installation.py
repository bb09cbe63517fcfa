"""Where this program lies and which command mends it. Standard library only: it runs where nothing is installed yet."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

PACKAGES = ("pose", "reconstruct", "imitate")
"""The top-level packages that are installed together with `sfv`."""

ROOT = Path(__file__).resolve().parents[1]
"""The folder that holds the four packages: a checkout, or site-packages."""


def is_checkout(root: Path = ROOT) -> bool:
    """Whether the program runs from its source tree rather than from an installed wheel."""
    return (root / "pyproject.toml").is_file() and (root / "assets").is_dir()


def venv_python(root: Path = ROOT) -> Path:
    """The interpreter of the checkout's virtual environment, which need not exist."""
    return root / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def setup_command(root: Path = ROOT, prefix: str = sys.prefix) -> str:
    """The one command to run when packages are missing.

    Args:
      root: the folder that holds the four packages.
      prefix: the environment that the running interpreter belongs to.
    """
    if not is_checkout(root):
        # No index has the distribution: that name there would be somebody else's.
        return f'"{sys.executable}" -m pip install --force-reinstall FOLDER, with the folder of the checkout'
    inside = Path(prefix).resolve() == (root / ".venv").resolve()
    if not inside and (root / ".venv" / ".ready").is_file():
        return f'"{venv_python(root)}" -m sfv'  # the packages are there: it was the wrong Python
    if shutil.which("make"):
        return f'make -C "{root}" ' + ("clean setup" if inside else "setup")
    return f'"{sys.executable}" -m pip install "{root}"'


def find_clash() -> str | None:
    """A sentence about a package of ours that another distribution shadows; None if all come from one folder."""
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None:
            return f"the package '{name}' is missing beside {ROOT / 'sfv'}; install again: {setup_command()}"
        folders = [Path(folder).resolve() for folder in spec.submodule_search_locations or [spec.origin or ""]]
        if ROOT / name not in folders:
            return (
                f"'{name}' comes from {folders[0]}, not from {ROOT}: another distribution or file has the same name; "
                "use a virtual environment of its own, or start from another folder"
            )
    return None
