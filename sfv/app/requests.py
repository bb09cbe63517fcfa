"""What the page may ask for, checked: from the JSON of a request to the arguments of the Python API."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from imitate.scene.scene import KINDS
from pose.errors import InputError
from reconstruct.characters.character import list_character_names
from sfv.app.describe_runs import find_run
from sfv.app.jobs import Action
from sfv.app.sources import Source, Sources
from sfv.run_folder import run_name

SCENES = tuple(kind for kind in KINDS if kind != "objects")
MOST_MINUTES = 24 * 60.0
DEFAULT_MINUTES = 5.0
PERSON = r"[1-9]\d?|moving|\d+(\.\d+)?,\d+(\.\d+)?@\d+(\.\d+)?"

Request = tuple[Action, str, dict[str, Any]]
"""What is done, the run it is done in, and the arguments of the API's function."""


def read_request(asked: Mapping[str, Any], sources: Sources, runs: Path, begun: Collection[str] = ()) -> Request:
    """Checks what the page asks for.

    Args:
      asked: the request.
      sources: the uploads.
      runs: folder of runs.
      begun: names of runs that jobs will make or have made.

    Raises:
      InputError: the action is unknown, or a value cannot be used.
    """
    action = asked.get("action")
    if action == "clip":
        return _read_clip(asked, sources, runs, begun)
    if action == "retarget":
        return _read_retarget(asked, runs)
    if action == "complete":
        return _read_complete(asked, sources, runs, begun)
    if action == "export":
        folder = find_run(runs, _text(asked, "run"))
        return "export", folder.name, {"clip": str(folder)}
    raise InputError("unknown action; ask for clip, retarget, complete or export")


def _read_clip(asked: Mapping[str, Any], sources: Sources, runs: Path, begun: Collection[str]) -> Request:
    source = sources.find(_text(asked, "source"))
    if source.kind == "picture":
        raise InputError(f"{source.name}: is a picture; a skill needs a video or a motion file")
    run = choose_run_name(source, runs, begun)
    arguments: dict[str, Any] = {source.kind: str(sources.path_of(source)), "out": str(runs / run)}
    arguments |= _read_training(asked)
    arguments["character"] = _choice(asked, "character", list_character_names(), "humanoid")
    start, end = _number(asked, "start", 0.0, 1e5), _number(asked, "end", 0.0, 1e5)
    if start is not None and end is not None and end <= start:
        raise InputError(f"END {end:g} s is not after START {start:g} s")
    person = _text(asked, "person", "")
    if person and not re.fullmatch(PERSON, person):
        raise InputError("person: give a number, `moving`, or x,y@t")
    height = _number(asked, "height", 0.3, 3.0)
    given = {"start": start, "end": end, "person": person or None, "height": height}
    return "clip", run, arguments | {name: value for name, value in given.items() if value is not None}


def _read_retarget(asked: Mapping[str, Any], runs: Path) -> Request:
    folder = find_run(runs, _text(asked, "run"))
    character = _choice(asked, "character", list_character_names(), None)
    return "retarget", folder.name, {"skill": str(folder), "character": character, **_read_training(asked)}


def _read_complete(asked: Mapping[str, Any], sources: Sources, runs: Path, begun: Collection[str]) -> Request:
    source = sources.find(_text(asked, "source"))
    if source.kind != "picture":
        raise InputError(f"{source.name}: is no picture")
    run = f"complete_{choose_run_name(source, runs, begun, 'complete_')}"
    arguments: dict[str, Any] = {"picture": str(sources.path_of(source)), "out": str(runs / run)}
    person = _text(asked, "person", "")
    if person and not re.fullmatch(PERSON, person):
        raise InputError("person: give a number or x,y@0")
    return "complete", run, arguments | ({"person": person} if person else {})


def choose_run_name(source: Source, runs: Path, begun: Collection[str], prefix: str = "") -> str:
    """A new run's name: that of the file, with a number where it is taken."""
    name = run_name(Path(source.file))
    taken = {*begun, *(path.name for path in runs.iterdir())} if runs.is_dir() else {*begun}
    number = 1
    while prefix + (chosen := name if number == 1 else f"{name}_{number}") in taken:
        number += 1
    return chosen


def _read_training(asked: Mapping[str, Any]) -> dict[str, Any]:
    minutes = _number(asked, "minutes", 0.01, MOST_MINUTES)
    seed = _number(asked, "seed", 0, 2**31 - 1)
    return {
        "scene": _choice(asked, "scene", SCENES, "found"),
        "minutes": DEFAULT_MINUTES if minutes is None else minutes,
        "seed": int(seed or 0),
    }


def _text(asked: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value = asked.get(name, default)
    if not isinstance(value, str) or len(value) > 200:
        raise InputError(f"{name}: give a text")
    return value


def _number(asked: Mapping[str, Any], name: str, low: float, high: float) -> float | None:
    value = asked.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InputError(f"{name}: give a number")
    if not low <= value <= high:  # not a number is in no range
        raise InputError(f"{name}: give {low:g} to {high:g}")
    return float(value)


def _choice(asked: Mapping[str, Any], name: str, choices: Any, default: str | None) -> str:
    value = asked.get(name, default)
    if value not in choices:
        raise InputError(f"{name}: choose one of {', '.join(choices)}")
    return str(value)
