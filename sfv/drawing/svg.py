"""Charts of pages, as SVG."""

import re
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure


def save_svg(figure: Figure, path: Path) -> None:
    """Saves an SVG that is the same for the same figures, with its text as text."""
    with matplotlib.rc_context({"svg.hashsalt": "lecture", "svg.fonttype": "none", "font.sans-serif": ["DejaVu Sans"]}):
        figure.savefig(path, metadata={"Date": None})
    # Tenths of a point are as fine as any screen: in outlines, not in the numbers at the axes.
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"^[ML] .*$", lambda line: re.sub(r"(\.\d)\d+", r"\1", line[0]), text, flags=re.MULTILINE)
    path.write_text(text, encoding="utf-8")
