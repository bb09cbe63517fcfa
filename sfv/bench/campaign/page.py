"""docs/reliability.md: what the campaign found, by kind."""

import time
from collections import Counter
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from sfv.bench.campaign.bad_inputs import count_verdicts, find_faults
from sfv.bench.campaign.confined import CPU_SECONDS, MEMORY
from sfv.bench.campaign.kills import CHAIN, Kill
from sfv.rows import describe_machine

TEMPLATE = Path(__file__).with_suffix(".md")
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
        kill_faults=list(dict.fromkeys(f"{kill.job}, {kill.at}: {kill.fault}" for kill in killed if kill.fault)),
    )


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
    """Command, stage, number of kills, of power cuts, of those survived; all of them in the last row."""
    groups = {(kill.job, kill.at.removesuffix(".partial")): list[Kill]() for kill in killed}
    for kill in killed:
        groups[kill.job, kill.at.removesuffix(".partial")].append(kill)
    return [
        (job, at, len(own), sum(kill.power_cut for kill in own), sum(not kill.fault for kill in own))
        for (job, at), own in [*sorted(groups.items()), (("all", ""), killed)]
    ]
