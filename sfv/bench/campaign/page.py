"""docs/reliability.md: what the campaign found, by kind."""

import re
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from pose.errors import InputError
from sfv.bench.campaign.bad_inputs import count_verdicts, find_faults
from sfv.bench.campaign.confined import CPU_SECONDS, MEMORY
from sfv.bench.campaign.kills import CHAIN, SLEEP_SECONDS, Kill
from sfv.rows import describe_machine

TEMPLATE = Path(__file__).with_suffix(".md")
NEXT_PART = "## Hostile surroundings\n"
"""What comes after the kills."""
Row = tuple[str | int, ...]


def write_page(found: dict[str, dict[str, Any]], killed: list[Kill]) -> str:
    """The page, in Markdown.

    Args:
      found: verdicts by bad input, as `bad_inputs.run_campaign` returns them.
      killed: kills, as `kills.run_campaign` returns them.
    """
    on = describe_machine()
    environment = Environment(loader=FileSystemLoader(TEMPLATE.parent), keep_trailing_newline=True, autoescape=False)
    return environment.get_template(TEMPLATE.name).render(
        where=f"{on['processor']}, {on['cores']} cores, {time.strftime('%Y-%m-%d')}",
        seconds=CPU_SECONDS,
        memory=MEMORY >> 30,
        chain=CHAIN,
        inputs=count_inputs(found),
        input_faults=[f"{fault['name']}: {fault['verdict']}" for fault in find_faults(found)],
        kills=count_kills(killed),
        stages=count_stages(killed),
        slept=len({(kill.job, kill.chain) for kill in killed if kill.slept}),
        sleep=SLEEP_SECONDS,
        kill_faults=list_faults(killed),
    )


def add_kills(page: str, killed: list[Kill]) -> str:
    """The page with a table of kills of a later day beside those that it has; one of the same day is replaced.

    Raises:
      InputError: it is no page of the campaign.
    """
    if NEXT_PART not in page:
        raise InputError(f"the page has no part '{NEXT_PART.strip()}': it is none that the campaign wrote")
    day = time.strftime("%Y-%m-%d")
    lines = [f"### More kills, {day}", "", "The same, of one state of the program and with records of their own:", ""]
    for title, rows in (("command", count_kills(killed)), ("at work on", count_stages(killed))):
        lines += [f"| {title} | kills | of them power cuts | survived |", "|---|---|---|---|"]
        lines += [f"| {' | '.join(map(str, row))} |" for row in rows] + [""]
    lines += [f"- fault: {line}" for line in list_faults(killed)]
    text = "\n".join(lines).rstrip() + "\n\n\n"
    before, _, after = page.partition(NEXT_PART)
    before = re.sub(rf"### More kills, {day}\n.*?(?=### More kills|\Z)", "", before, flags=re.DOTALL)
    return before + text + NEXT_PART + after


def list_faults(killed: list[Kill]) -> list[str]:
    """What went wrong, each once."""
    return list(dict.fromkeys(f"{kill.job}, {kill.at}: {kill.fault}" for kill in killed if kill.fault))


def count_inputs(found: dict[str, dict[str, Any]]) -> list[Row]:
    """Kind, number of files, refused, read, faults; all kinds in the last row."""
    counts = dict(sorted(count_verdicts(found).items()))
    counts["all"] = sum(counts.values(), Counter[str]())
    rows = list[Row]()
    for kind, verdicts in counts.items():
        every, refused, read = sum(verdicts.values()), verdicts["refused"], verdicts["read"]
        rows.append((kind, every, refused, read, every - refused - read))
    return rows


def count_kills(killed: list[Kill]) -> list[Row]:
    """Command, number of kills, of power cuts, of those survived; all of them in the last row."""
    return _count(_group(killed, lambda kill: [kill.job]) | {"all": killed})


def count_stages(killed: list[Kill]) -> list[Row]:
    """Work that was in progress, whatever the command, and the same numbers; then files that were being written."""
    stages = _group(killed, lambda kill: [name_stage(kill.at)])
    files = _group(killed, lambda kill: [f"`{name}` being written" for name in _name_files(kill)])
    return [*_count(stages), *_count(files)]


def _name_files(kill: Kill) -> list[str]:
    """Files that were being written; where the processes of a training meet, without what is random in its name."""
    return [
        name.partition(".")[0] if name.startswith("meeting.") else name for name in kill.writing.split(", ") if name
    ]


def name_stage(at: str) -> str:
    """The stage's own name of the path of its folder: `table/walk_seed0/3_policy/humanoid.partial` is a `3_policy`."""
    parts = [part for part in at.removesuffix(".partial").split("/") if re.match(r"[1-4]_", part)]
    return parts[0] if parts else at


def _group(killed: list[Kill], names: Callable[[Kill], list[str]]) -> dict[str, list[Kill]]:
    groups = dict[str, list[Kill]]()
    for kill in killed:
        for name in names(kill):
            groups.setdefault(name, []).append(kill)
    return dict(sorted(groups.items()))


def _count(groups: dict[str, list[Kill]]) -> list[Row]:
    return [
        (name, len(own), sum(kill.power_cut for kill in own), sum(not kill.fault for kill in own))
        for name, own in groups.items()
    ]
