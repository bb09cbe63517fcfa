"""`python -m sfv bench retarget`: accuracy and speed of retargeting to other bodies."""

import time
from itertools import product
from pathlib import Path

from pose.errors import InputError
from reconstruct.characters.character import Character, list_character_names, load_character
from reconstruct.motion import ReferenceMotion
from reconstruct.retargeting.grounding import find_ground_contacts
from reconstruct.retargeting.retargeting import retarget
from reconstruct.retargeting.retargeting_metrics import compute_quality_metrics, compute_retargeting_metrics
from sfv.bench.inputs import find_recordings, read_motions
from sfv.console import bar, console
from sfv.demo.motions import list_demos
from sfv.rows import Row, show

SOURCE = "humanoid"
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
    """Retargets motions of the humanoid to every other character, on one core.

    Args:
      motions: a motion file or a folder of them; default: motion capture in ../shared/data, else the demonstrations.
      characters: bodies; default: all but the humanoid itself.
      each: also a row for every motion on every body.
      json: one JSON object on standard output instead of a table.
    """
    source = load_character(SOURCE)
    given = read_motions((motions,) if motions else tuple(find_recordings("motions/*.txt")), source, list_demos())
    bodies = load_available(characters or tuple(sorted(set(list_character_names()) - {SOURCE})), named=bool(characters))
    found: dict[str, dict[str, dict[str, float]]] = {body.name: {} for body in bodies}
    with bar("retarget") as progress:
        for done, (body, name) in enumerate(product(bodies, given)):
            found[body.name][name] = measure_retargeting(given[name], source, body)
            progress(done + 1, len(bodies) * len(given), f"{name} on {body.name}")
    own = [compute_quality_metrics(m, source, find_ground_contacts(m, source, source)) for m in given.values()]
    groups = {"": [metrics for by_name in found.values() for metrics in by_name.values()]}
    groups |= {f"{body}_": list(by_name.values()) for body, by_name in found.items()}
    rows = [row for prefix, cases in groups.items() for row in summarize(prefix, cases, own)]
    if each:
        rows = [
            Row(f"{body}_{name.removeprefix('humanoid3d_')}_{key}", value, UNITS.get(key, ""))
            for body, by_name in found.items()
            for name, metrics in by_name.items()
            for key, value in metrics.items()
        ] + rows
    show("retarget", rows, json)


def measure_retargeting(motion: ReferenceMotion, source: Character, target: Character) -> dict[str, float]:
    """Metrics of one motion on one body, and the frames that one core retargets in a second."""
    begin = time.process_time()
    result = retarget(motion, source, target)
    seconds = time.process_time() - begin
    return compute_retargeting_metrics(result, target) | {"frames_per_second": len(motion) / seconds}


def summarize(prefix: str, cases: list[dict[str, float]], own: list[dict[str, float]]) -> list[Row]:
    """Mean rows over cases; the baseline is the same metric of the source motions on their own body.

    Args:
      prefix: put before each name.
      cases: metrics of each retargeted motion; all hold the same names.
      own: metrics of the source motions, as far as they have them.
    """
    rows = []
    for key in cases[0]:
        baseline = Row.mean_of("", [metrics[key] for metrics in own if key in metrics], "").value
        values = [case[key] for case in cases]
        rows.append(Row.mean_of(f"{prefix}{key}", values, UNITS.get(key, ""), baseline, GOALS.get(key)))
    return rows


def load_available(names: tuple[str, ...], named: bool) -> list[Character]:
    """Loads characters; those that cannot be fetched are left out, or an error if the user named them."""
    found: list[Character] = []
    for name in names:
        try:
            found.append(load_character(name))
        except InputError as error:
            if named:
                raise
            console.print(f"[yellow]left out:[/yellow] {error}")
    return found
