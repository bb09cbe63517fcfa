"""The table of learnt skills as a Markdown page, from what `bench train` measured."""

import shlex
import sys
from pathlib import Path
from typing import Any

COLUMNS = (
    "motion",
    "published",
    "goal",
    "measured",
    "completed",
    "from noisy starts",
    "ten in a row",
    "pushed and stands",
    "samples",
    "wall clock",
    "processor time",
)

HEAD = """# Skills from motion files

For readers who want to compare with DeepMimic (Peng et al. 2018): skills learnt from its own motion files by `bench
train`, one seed a row. Published returns are DeepMimic's.

- *Return*: of the deterministic policy, 0 after a fall, with SFV's reward weights. Cyclic motions run for 20 s, 32
  starts from the first frame, disturbed, and 32 from phases along the motion. Acrobatics, marked *, run one pass from
  32 phases.
- *Completed*: fraction of those rollouts without a fall. *From noisy starts*: the same for one pass from 32 phases with
  errors of pose and speed at the start.
- *Ten in a row*: return of ten repetitions without a pause.
- *Pushed and stands*: fraction that does not fall when pushed with 240 N for 0.2 s at the root, from a random side at a
  random time.
"""


def write_skills_page(path: Path, found: dict[str, dict[str, Any]]) -> None:
    """Writes the page.

    Args:
      path: of the page.
      found: by the motion's name, what `bench train` keeps of it.
    """
    lines = [HEAD, "| " + " | ".join(COLUMNS) + " |", "|---|" + "--:|" * (len(COLUMNS) - 1)]
    for name, entry in found.items():
        lines.append("| " + " | ".join(_cells(name, entry)) + " |")
    last = max(found.values(), key=lambda entry: entry["date"])
    cores, processor = last["machine"]["cores"], last["machine"]["processor"]
    lines += [
        "",
        f"Measured {last['date']} on {cores} cores of {processor}; times are those of training.",
        "",
        f"    python -m sfv {shlex.join(sys.argv[1:])}",
        "",
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines), encoding="utf-8")


def _cells(name: str, entry: dict[str, Any]) -> list[str]:
    rows = {row["name"]: row for row in entry["rows"]}
    target = entry["settings"]["target"]
    measure = target["measure"]
    reached, std = rows[measure]["value"], rows[measure]["spread"]
    published = _number(target["published"])
    if target["published_samples_m"]:
        published += f" ({target['published_samples_m']:g} M)"
    goal = _number(target["goal"])
    if target["minutes"]:
        goal += f" in {target['minutes']:g} min"
    acrobatic = measure == "one_pass_return"
    return [
        name.removeprefix("humanoid3d_"),
        published,
        goal,
        f"{_number(reached)}{'*' if acrobatic else ''} ± {_number(std)}",
        _share(rows["one_pass_completed" if acrobatic else "completed"]["value"]),
        _share(rows["one_pass_completed_noisy_starts"]["value"]),
        _number(rows["ten_in_a_row_return"]["value"]),
        _share(rows["push_survival"]["value"]),
        f"{rows['samples']['value'] / 1e6:.2f} M",
        f"{rows['train_seconds']['value']:.0f} s",
        f"{rows['cpu_seconds']['value']:.0f} s",
    ]


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def _number(value: float | None) -> str:
    """Returns in the field's way: .97."""
    return "-" if value is None else f"{value:.3f}".removeprefix("0")
