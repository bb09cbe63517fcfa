"""`python -m sfv bench reliability`: bad inputs and kills at random, and what the program makes of them."""

import sys
from collections import Counter
from pathlib import Path
from typing import Annotated

import cv2
import tyro

from pose.errors import InputError
from pose.files import replace_file
from pose.ranges import check_seed
from sfv.bench.campaign.bad_inputs import count_verdicts, find_faults
from sfv.bench.campaign.bad_inputs import run_campaign as run_bad_inputs
from sfv.bench.campaign.jobs import plan_jobs
from sfv.bench.campaign.kills import Kill
from sfv.bench.campaign.kills import run_campaign as run_kills
from sfv.bench.campaign.page import add_kills, write_page
from sfv.console import bar
from sfv.rows import Row, show

CUT = (150, 4)
"""Bad inputs and kills of the cut of some minutes."""
WHOLE = (1250, 200)
"""Bad inputs and kills of the whole campaign, up to two hours on two cores."""
PER_SAMPLE = 26
"""Damaged copies of each good file."""


def bench_reliability(
    whole: bool = False,
    bad_inputs: int | None = None,
    kills: int | None = None,
    jobs: tuple[str, ...] = (),
    seed: int = 0,
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("runs/campaign"),
    page: Path | None = None,
    add_to: Path | None = None,
    json: bool = False,
) -> None:
    """Feeds damaged and hostile files to every reader and kills commands at random moments; goes on where it stopped.

    Args:
      whole: the whole campaign, up to two hours, instead of a cut of some minutes.
      bad_inputs: number of damaged and hostile files.
      kills: number of kills.
      jobs: commands that are killed: by name, such as film or page, see sfv/bench/campaign/jobs.py; all by default.
      seed: of damage and moments.
      out: folder that keeps what was found.
      page: file that gets a page of what was found, such as docs/reliability.md.
      add_to: page that gets a table of these kills beside those that it has.
      json: one JSON object on standard output instead of a table.
    """
    check_seed(seed)
    if not sys.platform.startswith("linux"):
        raise InputError("the campaign needs Linux: it limits, watches and kills processes by /proc; run it there")
    if add_to is not None and not add_to.is_file():
        raise InputError(f"{add_to}: no such page; give one that --page wrote")
    wanted = WHOLE if whole else CUT
    files, times = (wanted[0] if bad_inputs is None else bad_inputs), (wanted[1] if kills is None else kills)
    cv2.setNumThreads(0)  # forks copy no threads
    with bar("bad inputs") as progress:
        found = run_bad_inputs(out, PER_SAMPLE, files, seed, progress) if files else {}
    with bar("kills") as progress:
        killed = run_kills(out, plan_jobs(jobs), times, seed, progress) if times else []
    if page is not None:
        with replace_file(page) as temporary:
            temporary.write_text(write_page(found, killed), encoding="utf-8")
    if add_to is not None:
        text = add_kills(add_to.read_text(encoding="utf-8"), killed)
        with replace_file(add_to) as temporary:
            temporary.write_text(text, encoding="utf-8")
    show("reliability", make_rows(found, killed), json)


def make_rows(found: dict[str, dict], killed: list[Kill]) -> list[Row]:
    """Shares, and what the faults were."""
    faults, lost = find_faults(found), [kill for kill in killed if kill.fault]
    kinds = Counter(fault["verdict"] for fault in faults)
    refused = sum(verdicts["refused"] for verdicts in count_verdicts(found).values())
    slowest = max((entry["seconds"] for entry in found.values()), default=0.0)
    note = "; ".join(f"{kind} {count}" for kind, count in kinds.items())
    return [
        Row("bad_inputs_told", _share(len(found) - len(faults), len(found)), "", len(found), goal=1.0, note=note),
        Row("bad_inputs_refused", float(refused), "", len(found), note="the others are read, and sound"),
        Row("slowest_bad_input_s", slowest, "s", len(found), goal=10.0, note="processor time"),
        Row(
            "kills_survived",
            _share(len(killed) - len(lost), len(killed)),
            "",
            len(killed),
            goal=1.0,
            note="; ".join(dict.fromkeys(f"{kill.job}: {kill.fault}" for kill in lost)),
        ),
    ]


def _share(part: int, of: int) -> float | None:
    return part / of if of else None
