"""Runs as the page shows them: stages, verdicts, curves and files, read from their folders."""

import csv
import json
import re
from pathlib import Path
from typing import Any

from pose.errors import InputError
from sfv.stage import list_finished

STAGES = ("1_pose", "2_motion", "3_draft", "3_policy", "4_result")
SERVED = {".mp4", ".html", ".jpg", ".png", ".json", ".bvh", ".glb", ".csv", ".npz", ".trc", ".onnx", ".pt", ".toml"}
"""Endings of files that the page hands out."""
CURVE_POINTS = 400


def find_run(runs: Path, name: str) -> Path:
    """A run's folder by its name.

    Raises:
      InputError: there is none.
    """
    folder = runs / name
    legal = re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", name)
    if not legal or not is_run(folder) or folder.resolve().parent != runs.resolve():
        raise InputError(f"'{name[:60]}': no run of that name")
    return folder


def is_run(folder: Path) -> bool:
    """The folder was made by `clip` or `complete`."""
    return (folder / "config.json").is_file() or (folder / "complete.json").is_file()


def list_runs(runs: Path) -> list[dict[str, Any]]:
    """Name, time of the last change and headline of every run, the newest first."""
    if not runs.is_dir():
        return []
    found = [folder for folder in runs.iterdir() if not folder.name.startswith(".") and is_run(folder)]
    found.sort(key=lambda folder: -folder.stat().st_mtime)
    return [{"name": folder.name, "changed": folder.stat().st_mtime, **_headline(folder)} for folder in found]


def describe_run(folder: Path) -> dict[str, Any]:
    """Everything that the page shows of a run."""
    stages = [stage for name in STAGES for stage in _find_stages(folder, name)]
    pages = sorted(path.name for path in folder.glob("*.html"))
    reports = sorted(pages, key=lambda name: name.startswith("live"))
    return {
        "name": folder.name,
        "source": _read_json(folder / "config.json").get("command") or "",
        "stages": stages,
        "reports": reports,
        "candidates": _read_json(folder / "complete.json").get("candidates", []),
        "films": [path.name for path in sorted(folder.glob("complete_*.mp4"))],
        "exports": [f"export/{path.name}" for path in sorted(folder.glob("export/*")) if path.suffix in SERVED],
        **_headline(folder),
    }


def find_file(folder: Path, name: str) -> Path:
    """A file of a run that may be handed out.

    Raises:
      InputError: there is none, or it lies outside of the folder.
    """
    if "\0" in name:
        raise InputError("no such file in this run")
    path = (folder / name).resolve()
    inside = path.is_relative_to(folder.resolve()) and not any(part.startswith(".") for part in Path(name).parts)
    if not inside or path.suffix.lower() not in SERVED or not path.is_file():
        raise InputError(f"'{name[:80]}': no such file in this run")
    return path


def _headline(folder: Path) -> dict[str, Any]:
    """Return and completed share of the first result there is."""
    for finished in list_finished(folder / "4_result", "result.json"):
        result = _read_json(finished / "result.json")
        return {"return": result.get("normalised_return"), "completed": result.get("completed")}
    return {"return": None, "completed": None}


def _find_stages(folder: Path, name: str) -> list[dict[str, Any]]:
    """The stage's folders, finished or at work; a stage of several bodies has one each."""
    top = folder / name
    if name == "1_pose":
        found = [path for path in (top, top.with_name(f"{name}.partial")) if path.is_dir()]
    else:
        found = (
            sorted(path for path in top.glob("*") if path.is_dir() and path.suffix != ".old") if top.is_dir() else []
        )
    finished = {path.name for path in found if (path / "stage.json").is_file()}
    return [
        _describe_stage(folder, path)
        for path in found
        if path.suffix != ".partial" or path.name.removesuffix(".partial") not in finished
    ]


def _describe_stage(folder: Path, path: Path) -> dict[str, Any]:
    record = _read_json(path / "stage.json") if path.suffix != ".partial" else {}
    metrics = record.get("metrics", {})
    files = sorted(file for file in path.iterdir() if file.suffix in SERVED and file.name != "stage.json")
    return {
        "name": path.relative_to(folder).as_posix().removesuffix(".partial"),
        "finished": bool(record),
        "summary": record.get("summary", ""),
        "seconds": record.get("seconds"),
        "level": metrics.get("level", ""),
        "verdict": metrics.get("verdict", ""),
        "findings": [_to_line(finding) for finding in metrics.get("findings") or []],
        "problems": metrics.get("problems") or [],
        "files": [file.relative_to(folder).as_posix() for file in files],
        "curve": _read_curve(path / "curves.csv"),
    }


def _to_line(finding: Any) -> str:
    return str(finding.get("text", "")) if isinstance(finding, dict) else str(finding)


def _read_curve(path: Path) -> list[dict[str, float]]:
    """Samples, seconds, return and completed share at every evaluation of a training."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            names = ("samples", "seconds", "return", "completed")
            points = [{name: float(row[name]) for name in names} for row in csv.DictReader(file)]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return points[-CURVE_POINTS:]


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
