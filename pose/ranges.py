"""Ranges of options: a number that makes no sense is one line, before any work has begun."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from pose.errors import InputError

Range = tuple[float, float]
"""Least and greatest value."""
SEED: Range = (0, 2**32 - 1)
"""Of seeds that NumPy and PyTorch take."""
POSITIVE: Range = (1e-6, 1e9)
"""Of weights and standard deviations."""


def check_ranges(config: Any, ranges: Mapping[str, Range], group: str = "") -> None:
    """Checks numbers of a config against their ranges; each number of a tuple, and nothing that is None.

    Args:
      config: with the options as attributes.
      ranges: least and greatest value by the option's name.
      group: what stands before the names on the command line, such as `track.`.

    Raises:
      InputError: one is out of its range or no number.
    """
    for name, (low, high) in ranges.items():
        value = getattr(config, name)
        values = value if isinstance(value, Iterable) else () if value is None else (value,)
        for number in values:
            if not low <= number <= high:
                raise InputError(f"{group}{name} {number:g} is out of range; give {low:g} to {high:g}")


def name_numbers(config: Any, range_of_all: Range) -> dict[str, Range]:
    """The same range for every option of a config that is a number."""
    return {field.name: range_of_all for field in fields(config) if isinstance(getattr(config, field.name), float)}


def check_seed(seed: int) -> None:
    """Raises `InputError` for a seed that no generator takes."""
    if not SEED[0] <= seed <= SEED[1]:
        raise InputError(f"--seed {seed}: expected {SEED[0]} to {SEED[1]}")
