"""The table of transitions as a picture: a row for the skill that is left, a column for the one that is entered."""

from collections.abc import Mapping
from html import escape
from pathlib import Path

from imitate.scene.scene import CONTROL_HZ
from imitate.transitions.transition import Transition
from pose.files import replace_file

CELL, LABEL, LETTER, LEGEND = (56, 30), 26, 7.2, 24
"""Width and height of a cell, least width of labels, width of a letter, height of a row of the legend [px]."""
LINE = 16
"""Height of a line that says why something is impossible [px]."""
COLOURS = {"possible": "#1f7a54", "bridged": "#a3680a", "impossible": "#c2543f"}
MEANINGS = {
    "possible": "the next policy takes over at once",
    "bridged": "a blended reference, or tracking control, leads over",
    "impossible": "so many fall",
}


def draw_transitions(ways: Mapping[tuple[str, str], Transition], background: str | None = None) -> str:
    """The matrix as SVG without styles, so that any Content-Security-Policy lets it in.

    A cell says how many of the tried bodies went on, or fell; a pointer that rests on it is shown where the skill is
    left and entered, and why. Below, a line for each that is impossible says why.

    Args:
      ways: (source, target) -> transition; a pair that is not there is a cycle that goes on by itself.
      background: colour; None for none, with letters in the colour of the text around the picture.
    """
    names = list(dict.fromkeys(name for pair in ways for name in pair))
    label = max([LABEL, *(LETTER * len(name) for name in names)]) + 8
    why = [f"{way.source} to {way.target}: {way.reason}" for way in ways.values() if not way.possible]
    below = label + CELL[1] * len(names) + 10
    width = max([label + CELL[0] * len(names), 320.0, *(32 + LETTER * len(line) for line in why)])
    height = below + LEGEND * len(MEANINGS) + LINE * len(why) + 4
    colour = "currentColor" if background is None else "#222"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" role="img" aria-label="Which skill can follow which" '
        f'font-family="system-ui, sans-serif" font-size="12" fill="{colour}">'
    ]
    if background is not None:
        parts.append(f'<rect width="100%" height="100%" fill="{background}"/>')
    for k, name in enumerate(names):
        middle, row = label + CELL[0] * (k + 0.5), label + CELL[1] * (k + 0.5)
        text = escape(name.replace("_", " "))
        parts.append(f'<text transform="translate({middle + 4:.0f} {label - 6:.0f}) rotate(-90)">{text}</text>')
        parts.append(f'<text x="{label - 6:.0f}" y="{row + 4:.0f}" text-anchor="end">{text}</text>')
    for i, source in enumerate(names):
        for j, target in enumerate(names):
            corner = label + CELL[0] * j, label + CELL[1] * i
            parts.append(_draw_cell(ways.get((source, target)), *corner))
    parts += _draw_legend(below)
    for k, line in enumerate(why):
        y = below + LEGEND * len(MEANINGS) + LINE * (k + 0.5)
        parts.append(f'<text x="32" y="{y:.0f}" font-size="11">{escape(line)}</text>')
    return "\n".join([*parts, "</svg>"])


def _draw_cell(way: Transition | None, x: float, y: float) -> str:
    box = f'x="{x + 1:.0f}" y="{y + 1:.0f}" width="{CELL[0] - 2}" height="{CELL[1] - 2}" rx="4"'
    middle = f'x="{x + CELL[0] / 2:.0f}" y="{y + CELL[1] / 2 + 4:.0f}" text-anchor="middle"'
    if way is None:
        return f'<g><title>goes on by itself</title><rect {box} fill="#888" fill-opacity="0.15"/></g>'
    share = way.survived if way.possible else 1.0 - way.survived
    colour = COLOURS[way.kind]
    look = f'fill="{colour}"' + ("" if way.possible else f' fill-opacity="0.12" stroke="{colour}"')
    letters = 'fill="#fff"' if way.possible else ""
    arch = (
        f'<path d="M{x + 10:.0f} {y + 7:.0f}q16 -6 32 0" stroke="#fff" fill="none"/>' if way.kind == "bridged" else ""
    )
    return (
        f"<g><title>{escape(describe_way(way))}</title><rect {box} {look}/>{arch}"
        f"<text {middle} {letters}>{'' if way.possible else '✕ '}{share:.0%}</text></g>"
    )


def describe_way(way: Transition) -> str:
    """One line about a transition: which, of what kind, where it leaves and enters, and why."""
    moments = f"left at {way.pair.exit / CONTROL_HZ:.2f} s, entered at {way.pair.entry / CONTROL_HZ:.2f} s"
    return f"{way.source} to {way.target}: {way.kind}, {moments}; {way.reason}"


def _draw_legend(top: float) -> list[str]:
    parts = list[str]()
    for k, (kind, meaning) in enumerate(MEANINGS.items()):
        y = top + LEGEND * k
        look = 'fill-opacity="0.12" stroke="' + COLOURS[kind] + '"' if kind == "impossible" else ""
        parts.append(f'<rect x="8" y="{y:.0f}" width="16" height="16" rx="4" fill="{COLOURS[kind]}" {look}/>')
        parts.append(f'<text x="32" y="{y + 12:.0f}">{kind}: {meaning}</text>')
    return parts


def save_transitions(ways: Mapping[tuple[str, str], Transition], path: Path) -> Path:
    """Writes the picture as an SVG file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replace_file(path) as temporary:
        temporary.write_text(draw_transitions(ways, "#fff"), encoding="utf-8", newline="\n")
    return path
