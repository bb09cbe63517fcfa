"""`python -m sfv character list`: bodies to perform skills with."""

import json
from typing import Annotated, Any

import tyro
from rich.table import Table

from reconstruct.characters.character import list_character_names, read_character_table
from sfv.console import console


def list_characters(json_: Annotated[bool, tyro.conf.arg(name="json")] = False) -> None:
    """The characters that there are.

    Args:
      json_: one JSON object on standard output instead of a table.
    """
    rows = [character_row(name) for name in list_character_names()]
    if json_:
        print(json.dumps({"characters": rows}))
        return
    table = Table("name", "height [m]", "mass [kg]", "model", "licence", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    console.print(table)


def character_row(name: str) -> dict[str, Any]:
    """What a folder says of itself; nothing is fetched or compiled."""
    table = read_character_table(name)
    package = table.get("package")
    return {
        "name": name,
        "height": table["height"],
        "mass": None if "base" in table else table.get("mass"),
        "model": f"from {package['name']}, fetched once" if package else table.get("base", table["mjcf"]),
        "licence": table.get("licence"),
    }
