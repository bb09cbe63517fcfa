"""The section of adaptation.md about a skill from video that adapts; the rest of the page is `adapt_page`'s."""

from pathlib import Path

from imitate.adapt import adapt, skill_regression, start
from imitate.env import dynamics, muscle_groups
from sfv.bench.adapt_page import HEADING, link_to
from sfv.rows import Row, describe_machine

AXES = {
    "payload": "a load, anywhere on the trunk",
    "friction": "friction of the ground",
    "strength": "strength of eight groups of muscles",
    "slope": "slope, ahead and aside",
}
"""Rows of one kind of change alone."""
EVENTS = {"payload": "40 % of the weight lands on the back", "ice": "friction falls to .25", "weak": "a knee has .7"}


def write_section(folder: Path, name: str, rows: list[Row], ranges: dynamics.DynamicsConfig) -> Path:
    """Writes the section at the end of the page, in place of an earlier one; returns the page's path.

    Args:
      folder: of the page.
      name: of the skill and its body.
      rows: of `bench adapt-skill`, by their names without the skill's.
      ranges: that dynamics were drawn from.
    """
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "adaptation.md"
    before = page.read_text(encoding="utf-8").split(HEADING)[0].rstrip() if page.is_file() else "# Adaptation"
    found = {row.name: row for row in rows}
    lines = [*describe(name, found, ranges), *list_success(found), *list_rest(found), *list_goals(found)]
    page.write_text(before + "\n\n" + "\n".join([HEADING, "", *lines]) + "\n", encoding="utf-8")
    return page


def describe(name: str, found: dict[str, Row], ranges: dynamics.DynamicsConfig) -> list[str]:
    """What was learnt, how, and how it was measured."""
    here, row = describe_machine(), found["adapt_success"]
    return [
        f"`sfv adapt --skill walk` goes on from the plain skill ({link_to(start)}) and learns pi and mu by PPO in",
        f"dynamics that vary ({link_to(dynamics)}, {link_to(muscle_groups)}), then phi on its own rollouts",
        f"({link_to(skill_regression)}); recipe: {link_to(adapt)}. pi acts at 30 Hz, phi at 10 Hz, its answer 33 ms",
        "later. A body that is left behind, uphill or on ice, observes at most 0.3 m of that distance; its episode",
        "goes on.",
        "",
        f"`sfv bench adapt-skill --skill walk --page docs` measured {name}: {row.n} rollouts of 20 s in dynamics drawn",
        f"once for each: payload 0 to {ranges.payload[1]:.0%} of the weight (30 kg on 75 kg) up to "
        f"{ranges.payload_place[0]:g} m off the trunk's middle, friction {ranges.friction[0]:g} to "
        f"{ranges.friction[1]:g},",
        f"strength {ranges.strength[0]:g} to {ranges.strength[1]:g} of each group of muscles, slope up to "
        f"{ranges.slope:g} degrees ahead and half of it aside, all at once. {here['cores']} cores "
        f"({here['processor']}).",
        "",
    ]


def list_success(found: dict[str, Row]) -> list[str]:
    """Who does not fall."""
    row, lines = found["adapt_success"], list[str]()
    shown = {
        "Plain skill": found["adapt_success_plain"].value,
        "Without adaptation: z of nominal dynamics": found["adapt_success_without"].value,
        "**Adapting**": row.value,
        "Expert: true z": found["adapt_success_expert"].value,
    }
    lines += ["| does not fall in 20 s, all varied at once | % |", "|---|---|"]
    lines += [f"| {title} | {_percent(value)} |" for title, value in shown.items()]
    lines += ["", "| one kind of change alone | adapting % | plain % |", "|---|---|---|"]
    for axis, title in AXES.items():
        one = found[f"adapt_success_{axis}"]
        lines.append(f"| {title} | {_percent(one.value)} | {_percent(one.baseline)} |")
    kept = found["adapt_kept"]
    return [*lines, "", f"Of all, {_percent(kept.value)} % also stayed within half a metre of the reference.", ""]


def list_rest(found: dict[str, Row]) -> list[str]:
    """Pushes, the return, events."""
    pushed, difference = found["push_survival"], found["adapt_return_difference"]
    lines = [
        f"Pushes of 240 N for 0.2 s from any side: {_percent(pushed.value)} % do not fall, of the plain skill "
        f"{_percent(pushed.baseline)} %.",
        f"Return in nominal dynamics: {difference.note.split(',')[0]}.",
        "",
    ]
    events = {event: found[f"falls_after_{event}"] for event in EVENTS if f"falls_after_{event}" in found}
    if not events:
        return lines
    lines += ["| something happens after 5 s: falls within 7 s | adapting % | others |", "|---|---|---|"]
    lines += [f"| {EVENTS[event]} | {_percent(row.value)} | {row.note} |" for event, row in events.items()]
    return [*lines, ""]


def list_goals(found: dict[str, Row]) -> list[str]:
    """What was aimed at, and whether this run reached it."""
    goals = {
        "adapt_success": "does not fall in 20 s",
        "push_survival": "does not fall when pushed",
        "adapt_return_difference": "return less the plain skill's",
    }
    lines = ["| goal | asked | measured |", "|---|---|---|"]
    for name, title in goals.items():
        row = found[name]
        value = "-" if row.value is None else f"{row.value:.3f}"
        lines.append(f"| {title} | {row.goal:g} or more | {value} |")
    return lines


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f}"
