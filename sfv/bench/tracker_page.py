"""docs/tracker.md: how well one policy follows clips, what was compared, and how to go on."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from sfv.rows import Row, describe_machine

TEMPLATE = Path(__file__).with_suffix(".md")


def write_page(rows: Sequence[Row], ways: Sequence[str]) -> str:
    """The page, in Markdown.

    Args:
      rows: of `bench_tracker`.
      ways: lines of the table of `write_ways`; none if nothing was compared.
    """
    loader = FileSystemLoader(TEMPLATE.parent)
    environment = Environment(loader=loader, trim_blocks=True, keep_trailing_newline=True, autoescape=False)
    return environment.get_template(TEMPLATE.name).render(
        rows=rows, ways=ways, machine=describe_machine(), when=date.today(), spell=_spell
    )


def _spell(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
