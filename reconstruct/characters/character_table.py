"""The form of a `character.toml`: what its entries must be, so that a mistake in one is said by its name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pose.errors import InputError

NAME_LISTS = ("end_effectors", "foot_bodies", "fall_bodies", "key_bodies")
RANGES = {"height": (0.1, 5.0), "girth": (0.3, 3.0), "head": (0.3, 3.0), "mass": (0.1, 2000.0)}
"""Numbers of the table, and the range that each must be in [m, of the base's, of the base's, kg]."""


def check_table(table: dict[str, Any], file: Path) -> None:
    """Raises `InputError` unless a character's table has all its entries, of the right form and in range."""

    def are_names(value: Any) -> bool:
        return isinstance(value, list) and all(isinstance(name, str) for name in value)

    def are_tables(value: Any, holds: Callable[[Any], bool]) -> bool:
        return isinstance(value, dict) and all(holds(part) for part in value.values())

    def is_file_name(value: Any) -> bool:
        return isinstance(value, str) and Path(value).name == value and bool(value)

    forms = {
        **{f'{name} = ["name", ...]': are_names(table.get(name)) for name in NAME_LISTS},
        '[landmarks] left_hip = "site"': are_tables(table.get("landmarks"), lambda site: isinstance(site, str)),
        '[contacts] left_foot = ["site"]': are_tables(table.get("contacts"), are_names),
        'mjcf = "file.xml"': "package" in table or is_file_name(table.get("mjcf")),
        "self_collision = true or false": isinstance(table.get("self_collision", False), bool),
        "[package]": isinstance(table.get("package", {}), dict) and ("package" not in table or "plan" in table),
    }
    for name, (low, high) in RANGES.items():
        value = table.get(name, low if name != "height" else None)
        forms[f"{name} = {low:g} to {high:g}"] = type(value) in (int, float) and low <= value <= high
    wrong = [form for form, holds in forms.items() if not holds]
    if wrong:
        raise InputError(f"{file}: no entry of the form {wrong[0]}; mend it")
