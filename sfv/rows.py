"""Measured values: one form for the tables that people read and for the JSON that programs read."""

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
    """One measured value. Numbers that are not finite are missing values: None."""

    name: str
    """Snake case, with the unit at its end."""
    value: float | None
    """None if it could not be measured; `note` then says why."""
    unit: str = ""
    n: int | None = None
    """How many values it is the mean of."""
    spread: float | None = None
    """Standard deviation over the n values."""
    baseline: float | None = None
    """The same value for the method that ours is compared with."""
    goal: float | None = None
    note: str = ""

    def __post_init__(self):
        for name in ("value", "spread", "baseline", "goal"):
            number = getattr(self, name)
            if number is not None and not math.isfinite(number):
                object.__setattr__(self, name, None)
        if self.value is None and not self.note:
            object.__setattr__(self, "note", "nothing to measure")

    @classmethod
    def mean_of(
        cls, name: str, values: list[float], unit: str, baseline: float | None = None, goal: float | None = None
    ) -> "Row":
        """The mean of the finite values and their standard deviation; None if no value is finite."""
        finite = [value for value in values if math.isfinite(value)]
        if not finite:
            return cls(name, None, unit, 0, None, baseline, goal)
        mean = sum(finite) / len(finite)
        spread = math.sqrt(sum((value - mean) ** 2 for value in finite) / len(finite)) if len(finite) > 1 else None
        return cls(name, mean, unit, len(finite), spread, baseline, goal)


def show(bench: str, rows: list[Row], as_json: bool) -> None:
    """Prints the rows: a table, or one JSON object on standard output and nothing else there."""
    here = describe_machine()
    if as_json:
        found = {"bench": bench, "machine": here, "rows": [asdict(row) for row in rows]}
        print(json.dumps(found, default=float, allow_nan=False))
        return
    table = Table(title=f"{bench} on {here['processor']}, {here['cores']} cores", box=None, title_justify="left")
    for column in ("metric", "value", "spread", "n", "baseline", "goal", "note"):
        table.add_column(column, justify="left" if column in ("metric", "note") else "right")
    for row in rows:
        numbers = [f"{_format(row.value)} {row.unit}".strip(), _format(row.spread), _format(row.n)]
        table.add_row(row.name, *numbers, _format(row.baseline), _format(row.goal), row.note)
    Console(highlight=False).print(table)


def describe_machine() -> dict[str, Any]:
    """Processor, number of usable cores, operating system and Python version of this machine."""
    processor = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            processor = next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    cores = usable_cores()
    return {"processor": processor, "cores": cores, "system": platform.system(), "python": platform.python_version()}


def _format(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if isinstance(value, int) or abs(value) >= 1000 else f"{value:.3g}"
