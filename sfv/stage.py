"""Stages that are done once: fingerprints, partial work that survives a kill, artefacts that are not trusted blindly.

A stage makes a folder from its config and the files that it declares as inputs; its maker is given nothing else. While
it works, the folder is called `<name>.partial`; when all is written it gets `stage.json` and is renamed to `<name>`. It
is done if its fingerprint (its version and config, the hashes of its inputs) is the one asked for and every file in it
still has the hash noted there. That a file exists proves nothing.
"""

import dataclasses
import hashlib
import json
import math
import os
import re
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np

from pose.errors import InputError
from pose.files import CHECKPOINT, replace_file, sha256_of
from pose.progress import Progress
from sfv.console import bar, console

FORMAT_VERSION = 2
"""Format of a stage's folder and of `stage.json`; raising it makes every stage again."""

KEY_FILE = ".key"
"""File in a partial folder that names the config and inputs which the interrupted work belongs to."""

Metrics = dict[str, Any]
C = TypeVar("C")


class Made(NamedTuple):
    """What a maker reports besides the files that it left in the stage's folder."""

    summary: str
    """One line for the user."""
    metrics: Metrics


@dataclass(frozen=True)
class Work(Generic[C]):
    """All that the maker of a stage sees."""

    config: C
    inputs: Mapping[str, Path]
    """The declared files by role."""
    folder: Path
    """Where to write. What an interrupted attempt with the same fingerprint left is still there."""
    progress: Progress


@dataclass(frozen=True)
class Stage(Generic[C]):
    """A step of a run: what is made, from which config and files, and by which version of the program."""

    name: str
    """Folder in the run, e.g. `2_motion/humanoid`; `/` separates levels on every system."""
    version: int
    """Raised by hand whenever the same config and inputs give another output: what an older program made is redone."""
    config: C
    """Dataclass or anything that JSON knows; any change makes the stage again, except in `budget`."""
    inputs: Mapping[str, Path]
    """Every file that the maker reads, by role; a changed content makes the stage again."""
    make: Callable[[Work[C]], Made]
    budget: tuple[str, ...] = ()
    """Options of the config (`imitate.minutes`) whose change continues the work instead of starting over."""

    def __post_init__(self) -> None:
        if type(self.version) is not int or self.version < 1:
            raise ValueError(f"Stage.version of {self.name} is {self.version!r}; give a whole number from 1 on")
        if not all(re.fullmatch(r"\w[\w.@-]*(?<!\.)", part) for part in self.name.split("/")):
            raise ValueError(f"Stage.name {self.name!r}: letters, digits and . _ - @ are legal on every system")

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What decides the outcome, as JSON knows it: versions, config without the budget, hashes of the inputs."""
        config = plain(self.config)
        for option in self.budget:
            _take_out(config, option)
        return {
            "format": FORMAT_VERSION,
            "stage": self.name,
            "version": self.version,
            "config": config,
            "inputs": {role: sha256_of(path) for role, path in self.inputs.items()},
        }

    @cached_property
    def chosen_budget(self) -> dict[str, Any]:
        """The options of the budget by their last name: `{"minutes": 3.0}`."""
        config = plain(self.config)
        return {option.split(".")[-1]: _take_out(config, option) for option in self.budget}


@dataclass(frozen=True)
class StageResult:
    """A finished stage."""

    folder: Path
    summary: str
    """One line for the user: what was found."""
    metrics: Metrics
    seconds: float
    """Wall clock of making it [s]."""
    cpu_seconds: float | None = None
    """Processor time of making it, this process and those that it started [s]; None where an older program made it."""

    def __getitem__(self, file: str) -> Path:
        """A file that the stage made."""
        return self.folder / file

    def find(self, *files: str) -> dict[str, Path]:
        """Those of the files that the stage made, by their names without ending: optional inputs of a later stage."""
        return {path.stem: path for path in map(self.folder.joinpath, files) if path.is_file()}


def run_stage(root: Path, stage: Stage[Any], command: str | None = None) -> StageResult:
    """Runs one stage of the run in `root`, or finds it done.

    Args:
      root: the run's folder.
      stage: what to make.
      command: what the user asked for, noted in `stage.json`.

    Raises:
      InputError: the maker cannot use an input; the partial folder is removed.
    """
    key, fingerprint = _compute_fingerprints(stage)
    final = root / stage.name
    partial = final.with_name(final.name + ".partial")
    if _read_stage(partial):  # complete: killed before or between the renames of `_replace_folder`
        _replace_folder(partial, final)

    found = _read_stage(final)
    if found:
        _tidy(final)
    if found and found["fingerprint"] == fingerprint:
        damaged = _find_damaged_file(final, found)
        if damaged is None:
            console.print(f"[dim]{stage.name:<20} done before: {found['summary']}[/dim]")
            return StageResult(final, found["summary"], found["metrics"], found["seconds"], found.get("cpu_seconds"))
        console.print(f"[yellow]{stage.name:<20} {damaged} is missing or damaged: made again[/yellow]")
        found = None
    elif found and found["key"] != key:
        console.print(f"[dim]{stage.name:<20} made again: {explain_change(found, stage.identity)}[/dim]")

    _prepare_partial(partial, key, final if found and found["key"] == key else None)
    begin, cpu_before = time.monotonic(), sum(os.times()[:4])
    try:
        with bar(stage.name) as progress:
            summary, metrics = stage.make(Work(stage.config, stage.inputs, partial, progress))
    except InputError:
        # Nothing is worth continuing from but a training, during which a file that it needs was moved away.
        if not any(partial.rglob(CHECKPOINT)):
            shutil.rmtree(partial)
        raise
    seconds, cpu_seconds, metrics = time.monotonic() - begin, sum(os.times()[:4]) - cpu_before, plain(metrics)
    marks = {"key": key, "fingerprint": fingerprint, "budget": stage.chosen_budget, "command": command}
    made = {"summary": summary, "metrics": metrics, "seconds": round(seconds, 2), "cpu_seconds": cpu_seconds}
    finished = {"outputs": _hash_outputs(partial), "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z")}
    write_json(partial / "stage.json", {**stage.identity, **marks, **made, **finished})
    _replace_folder(partial, final)
    console.print(f"[green]{stage.name:<20}[/green] {summary} [dim]({seconds:.0f} s)[/dim]")
    return StageResult(final, summary, metrics, seconds, cpu_seconds)


def is_done(root: Path, stage: Stage[Any]) -> bool:
    """Whether a stage of the run in `root` was made as it is asked for; its files may be damaged."""
    found = _read_stage(root / stage.name)
    return found is not None and found["fingerprint"] == _compute_fingerprints(stage)[1]


def list_finished(folder: Path, file: str = "stage.json") -> list[Path]:
    """The folders of several bodies' finished stages, such as those in `2_motion`, by name.

    A kill may leave folders beside them that look alike: unfinished ones (`.partial`), and replaced ones (`.old`).

    Args:
      folder: that they lie in; may be absent.
      file: that each of them has.
    """
    found = sorted(path.parent for path in folder.glob(f"*/{file}"))
    return [path for path in found if not path.name.endswith((".partial", ".old"))]


def explain_change(found: Mapping[str, Any], identity: Mapping[str, Any]) -> str:
    """Which parts of a stage's identity differ from those noted in `stage.json`, as dotted names, at most three."""
    before, now = _flatten(found), _flatten(identity)
    names = [name for name in now if before.get(name, now) != now[name]]
    gone = ("config.", "inputs.")
    names += [name for name in before if name.startswith(gone) and name not in now]
    return f"{', '.join(names[:3])}{' and more' if len(names) > 3 else ''} changed"


def plain(value: Any) -> Any:
    """A value as JSON knows it: dataclasses, paths, tuples, NumPy's numbers; what is not finite is null, not measured.

    A dataclass with a property `identity` is represented by it: what decides it, without options of no effect.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        if hasattr(value, "identity"):
            return plain(value.identity)
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


def _compute_fingerprints(stage: Stage[Any]) -> tuple[str, str]:
    """Of a stage without its budget, and with it."""
    key = _digest(stage.identity)
    return key, _digest({"key": key, "budget": stage.chosen_budget})


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _take_out(config: Any, option: str) -> Any:
    *groups, name = option.split(".")
    for group in groups:
        config = config[group]
    return config.pop(name)


def _flatten(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in content.items():
        flat |= _flatten(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {prefix + name: value}
    return flat


def _read_stage(folder: Path) -> dict[str, Any] | None:
    try:
        found = json.loads((folder / "stage.json").read_text(encoding="utf-8"))
        return found if {"key", "fingerprint", "outputs", "summary", "metrics", "seconds"} <= found.keys() else None
    except (OSError, ValueError, AttributeError):
        return None


def _hash_outputs(folder: Path) -> dict[str, str]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path != folder / KEY_FILE]
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in files}


def _find_damaged_file(folder: Path, found: dict[str, Any]) -> str | None:
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
        shutil.copytree(continue_from, partial, ignore=shutil.ignore_patterns("stage.json"))
    partial.mkdir(parents=True, exist_ok=True)
    mark.write_text(key, encoding="utf-8")


def _replace_folder(new: Path, final: Path) -> None:
    old = final.with_name(final.name + ".old")
    if old.exists():
        shutil.rmtree(old)
    if final.exists():
        os.replace(final, old)
    os.replace(new, final)
    _tidy(final)


def _tidy(final: Path) -> None:
    """Removes what a finished stage has replaced, and its mark of unfinished work, after a kill in between, too."""
    (final / KEY_FILE).unlink(missing_ok=True)
    old = final.with_name(final.name + ".old")
    if old.exists():
        shutil.rmtree(old)
