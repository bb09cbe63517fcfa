"""Stages that are done once: fingerprints, partial work that survives a kill, artefacts that are not trusted blindly.

A stage makes a folder. While it works, the folder is called `<name>.partial`; when all is written it gets
`stage.json` and is renamed to `<name>`. It is done if its fingerprint (its config, the hashes of what it reads, a
format number) is the wanted one and every file in it still has the hash noted there. That a file exists proves
nothing.
"""

import dataclasses
import hashlib
import json
import math
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pose.errors import InputError
from pose.files import replace_file, sha256_of
from pose.progress import Progress
from sfv.console import bar, console

FORMAT_VERSION = 2
"""Raise it when the files that stages write change their meaning: everything is made again then."""

KEY_FILE = ".key"
"""In a partial folder: which config and inputs the interrupted work belongs to."""

Metrics = dict[str, Any]


@dataclass(frozen=True)
class StageResult:
    """A finished stage."""

    folder: Path
    summary: str
    """One line for the user: what was found."""
    metrics: Metrics
    seconds: float
    """How long it took when it was made."""
    skipped: bool
    """True if it was there already."""


Make = Callable[[Path, Progress], tuple[str, Metrics]]
"""Fills a folder and returns the summary line and the metrics. What a previous, interrupted attempt with the same
fingerprint left in the folder is still there."""


def run_stage(
    root: Path,
    name: str,
    make: Make,
    config: Any,
    inputs: Mapping[str, Path],
    budget: Mapping[str, Any] | None = None,
) -> StageResult:
    """Runs one stage of the run in `root`, or finds it done.

    Args:
      root: the run's folder.
      name: the stage's folder in it, e.g. `2_motion/humanoid`.
      make: does the work.
      config: dataclass or anything JSON knows; a change makes the stage again.
      inputs: files that the stage reads, by role; a changed content makes it again.
      budget: options (training minutes) whose change continues the work instead of starting over.
    """
    identity = {
        "format": FORMAT_VERSION,
        "stage": name,
        "config": plain(config),
        "inputs": {role: sha256_of(path) for role, path in inputs.items()},
    }
    key = _digest(identity)
    fingerprint = _digest({"key": key, "budget": plain(budget)})
    final = root / name
    partial = final.with_name(final.name + ".partial")
    if not final.exists() and _read_stage(partial):  # killed between the two renames of `_replace_folder`
        os.replace(partial, final)

    found = _read_stage(final)
    if found and found["fingerprint"] == fingerprint:
        damaged = _damaged_file(final, found)
        if damaged is None:
            console.print(f"[dim]{name:<20} done before: {found['summary']}[/dim]")
            return StageResult(final, found["summary"], found["metrics"], found["seconds"], skipped=True)
        console.print(f"[yellow]{name:<20} {damaged} is missing or damaged: made again[/yellow]")
        found = None

    _prepare_partial(partial, key, final if found and found["key"] == key else None)
    begin = time.monotonic()
    try:
        with bar(name) as progress:
            summary, metrics = make(partial, progress)
    except InputError:
        shutil.rmtree(partial)  # the input is at fault: nothing here is worth continuing from
        raise
    seconds = time.monotonic() - begin
    files = [path for path in sorted(partial.rglob("*")) if path.is_file() and path != partial / KEY_FILE]
    outputs = {str(path.relative_to(partial)): sha256_of(path) for path in files}
    write_json(
        partial / "stage.json",
        {
            **identity,
            "key": key,
            "fingerprint": fingerprint,
            "budget": plain(budget),
            "outputs": outputs,
            "summary": summary,
            "metrics": metrics,
            "seconds": round(seconds, 2),
            "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        },
    )
    _replace_folder(partial, final)
    metrics = plain(metrics)
    console.print(f"[green]{name:<20}[/green] {summary} [dim]({seconds:.0f} s)[/dim]")
    return StageResult(final, summary, metrics, seconds, skipped=False)


def plain(value: Any) -> Any:
    """Dataclasses, paths, tuples and NumPy's numbers as JSON knows them; what is not finite is null: not measured."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_json(path: Path, content: Any) -> None:
    """Writes JSON so that a reader never meets half a file."""
    with replace_file(path) as temporary:
        temporary.write_text(json.dumps(plain(content), indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _read_stage(folder: Path) -> dict[str, Any] | None:
    try:
        found = json.loads((folder / "stage.json").read_text(encoding="utf-8"))
        return found if {"key", "fingerprint", "outputs", "summary", "metrics", "seconds"} <= found.keys() else None
    except (OSError, ValueError, AttributeError):
        return None


def _damaged_file(folder: Path, found: dict[str, Any]) -> str | None:
    for name, digest in found["outputs"].items():
        path = folder / name
        if not path.is_file() or sha256_of(path) != digest:
            return name
    return None


def _prepare_partial(partial: Path, key: str, continue_from: Path | None) -> None:
    """Leaves a partial folder that belongs to `key`: the interrupted attempt, a copy of the finished one with a smaller
    budget, or an empty one."""
    mark = partial / KEY_FILE
    if mark.is_file() and mark.read_text(encoding="utf-8") == key:
        return
    if partial.exists():
        shutil.rmtree(partial)
    if continue_from is not None:
        shutil.copytree(continue_from, partial)
        (partial / "stage.json").unlink()
    partial.mkdir(parents=True, exist_ok=True)
    mark.write_text(key, encoding="utf-8")


def _replace_folder(new: Path, final: Path) -> None:
    old = final.with_name(final.name + ".old")
    if old.exists():
        shutil.rmtree(old)
    if final.exists():
        os.replace(final, old)
    os.replace(new, final)
    (final / KEY_FILE).unlink(missing_ok=True)
    if old.exists():
        shutil.rmtree(old)
