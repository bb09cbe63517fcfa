"""Measured figures: one form for tables that people read and for JSON that programs read."""

import json
import math
import platform
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from pose.cores import usable_cores


@dataclass(frozen=True)
class Row:
    """One measured figure."""

    name: str
    """Snake case with the unit at its end."""
    value: float | None
    """None if it could not be measured; `note` then says why."""
    unit: str = ""
    n: int | None = None
    """How many things it is the mean of."""
    spread: float | None = None
    """Standard deviation over the n."""
    baseline: float | None = None
    """The same figure without our work."""
    goal: float | None = None
    note: str = ""


def mean_row(
    name: str, values: list[float], unit: str, baseline: float | None = None, goal: float | None = None
) -> Row:
    """The mean of what is finite, with its spread; None if nothing is."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return Row(name, None, unit, 0, None, baseline, goal, "nothing to measure")
    mean = sum(finite) / len(finite)
    spread = math.sqrt(sum((value - mean) ** 2 for value in finite) / len(finite)) if len(finite) > 1 else None
    return Row(name, mean, unit, len(finite), spread, baseline, goal)


def show(bench: str, rows: list[Row], as_json: bool) -> None:
    """Prints the rows: a table, or one JSON object on standard output and nothing else there."""
    if as_json:
        print(json.dumps({"bench": bench, "machine": machine(), "rows": [asdict(row) for row in rows]}))
        return
    table = Table(
        title=f"{bench} on {machine()['processor']}, {machine()['cores']} cores", box=None, title_justify="left"
    )
    for column in ("figure", "value", "spread", "n", "baseline", "goal", "note"):
        table.add_column(column, justify="left" if column in ("figure", "note") else "right")
    for row in rows:
        numbers = [f"{_text(row.value)} {row.unit}".strip(), _text(row.spread), _text(row.n)]
        table.add_row(row.name, *numbers, _text(row.baseline), _text(row.goal), row.note)
    Console(highlight=False).print(table)


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    processor = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            processor = next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    cores = usable_cores()
    return {"processor": processor, "cores": cores, "system": platform.system(), "python": platform.python_version()}


def _text(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if isinstance(value, int) or abs(value) >= 1000 else f"{value:.3g}"
