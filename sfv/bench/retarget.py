"""`python -m sfv bench retarget`: how well motions are carried over to other bodies, and how fast."""

import math
import time
from pathlib import Path

from pose.errors import InputError
from reconstruct.characters.character import Character, list_character_names, load_character
from reconstruct.formats.read_motion import read_motion
from reconstruct.grounding import find_ground_contacts
from reconstruct.motion import ReferenceMotion
from reconstruct.retargeting import retarget
from reconstruct.retargeting_metrics import compute_quality_metrics, compute_retargeting_metrics
from sfv.console import bar, console
from sfv.demo.motions import demo_motion, demo_names
from sfv.rows import Row, show

SOURCE = "humanoid"
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "motions"

GOALS = {
    "frames_per_second": 200.0,
    "ankle_error_mm": 10.0,
    "wrist_error_mm": 40.0,
    "joint_jump_rad": 0.3,
    "foot_slide_mm_per_frame": 3.0,
    "penetration_mm": 5.0,
}
UNITS = {
    "ankle_error_mm": "mm",
    "wrist_error_mm": "mm",
    "joint_jump_rad": "rad",
    "limit_excess_rad": "rad",
    "target_shift_mm": "mm",
    "foot_slide_mm_per_frame": "mm",
    "penetration_mm": "mm",
}


def bench_retarget(
    motions: Path | None = None, characters: tuple[str, ...] = (), each: bool = False, json: bool = False
) -> None:
    """Carries motions of the humanoid over to every other character, one core.

    Args:
      motions: a motion file or a folder of them; default the shared ones, else those of the demos.
      characters: bodies; default all but the humanoid itself.
      each: also a row for every motion on every body.
      json: one JSON object on standard output instead of a table.
    """
    source = load_character(SOURCE)
    given = read_motions(motions, source)
    bodies = load_available(characters or tuple(sorted(set(list_character_names()) - {SOURCE})), named=bool(characters))
    found: dict[str, list[dict[str, float]]] = {body.name: [] for body in bodies}
    rows: list[Row] = []
    own = [
        compute_quality_metrics(motion, source, find_ground_contacts(motion, source, source))
        for motion in given.values()
    ]
    with bar("retarget") as progress:
        for done, (body, name) in enumerate((body, name) for body in bodies for name in given):
            begin = time.process_time()
            result = retarget(given[name], source, body)
            seconds = time.process_time() - begin
            figures = compute_retargeting_metrics(result, body) | {"frames_per_second": len(given[name]) / seconds}
            found[body.name].append(figures)
            if each:
                rows += [Row(f"{body.name}_{name}_{key}", _finite(value)) for key, value in figures.items()]
            progress(done + 1, len(bodies) * len(given), f"{name} on {body.name}")
    for prefix, cases in [("", [case for group in found.values() for case in group]), *found.items()]:
        for key in cases[0]:
            name = f"{prefix}_{key}" if prefix else key
            baseline = _mean([figures[key] for figures in own if key in figures])
            rows.append(Row.mean_of(name, [case[key] for case in cases], UNITS.get(key, ""), baseline, GOALS.get(key)))
    show("retarget", rows, json)


def load_available(names: tuple[str, ...], named: bool) -> list[Character]:
    """Characters, without those whose models cannot be fetched unless they were asked for."""
    found: list[Character] = []
    for name in names:
        try:
            found.append(load_character(name))
        except InputError as error:
            if named:
                raise
            console.print(f"[yellow]left out:[/yellow] {error}")
    return found


def read_motions(given: Path | None, source: Character) -> dict[str, ReferenceMotion]:
    """The motions to measure with, by name.

    Raises:
      InputError: there are none.
    """
    folder = given or SHARED
    if given is None and not folder.is_dir():
        return {name: demo_motion(name, source) for name in demo_names()}
    files = sorted(f for f in folder.iterdir() if f.suffix in (".txt", ".npz", ".bvh")) if folder.is_dir() else [folder]
    if not files or not files[0].is_file():
        raise InputError(f"{folder}: no motion there; give a file or a folder of .txt, .npz or .bvh files")
    return {file.stem.removeprefix("humanoid3d_"): read_motion(file, source) for file in files}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _mean(values: list[float]) -> float | None:
    finite = [value for value in values if math.isfinite(value)]
    return sum(finite) / len(finite) if finite else None
