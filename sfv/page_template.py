"""Pages made from the templates that lie beside the code."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader


def render_page(template: Path, **values: Any) -> str:
    """The page that a template makes of values, which are escaped.

    A template may include what lies beside it or beside this file, such as `page_style.css`. What no text can hold, of
    file names that are no UTF-8, becomes question marks.
    """
    loader = FileSystemLoader([template.parent, Path(__file__).parent])
    page = Environment(loader=loader, autoescape=True).get_template(template.name).render(**values)
    return page.encode("utf-8", errors="replace").decode("utf-8")
