"""A bench that trains for hours goes on from what was measured before."""

import hashlib
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sfv.stage import write_json


def measure_once(kept: Path, settings: dict[str, Any], measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `measure` returns, and the settings; read from the file if the same settings were measured before.

    Args:
      kept: JSON file that holds the settings and what was measured. A damaged one is measured again.
      settings: all that the measurement depends on.
      measure: returns values that JSON can hold, by name.
    """
    settings = json.loads(json.dumps(settings, default=str))
    try:
        entry = json.loads(kept.read_text(encoding="utf-8"))
        if entry["settings"] == settings:
            return entry
    except (OSError, ValueError, KeyError, TypeError):
        pass  # absent, damaged or of an earlier version
    entry = {"settings": settings} | measure()
    kept.parent.mkdir(parents=True, exist_ok=True)
    write_json(kept, entry)
    return entry


def hash_sources(*packages: str) -> str:
    """Sixteen hexadecimal digits that identify the code of some packages: what it measured holds until it changes."""
    digest = hashlib.sha256()
    for package in packages:
        found = importlib.util.find_spec(package)
        for folder in found.submodule_search_locations or () if found else ():
            for path in sorted(Path(folder).rglob("*.py")):
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
