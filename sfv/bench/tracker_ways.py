"""`python -m sfv bench tracker-ways`: three ways to learn a tracker, on the same clips, by the same clock."""

import json as json_format
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import tyro

from imitate.tracker.prepare import load_clips
from imitate.tracker.ways import MOMENTS, WAYS, measure_way
from pose.cores import usable_cores
from pose.errors import InputError
from pose.files import replace_file
from pose.foreign_files import read_table
from pose.work_pool import finish_in_processes
from sfv.console import bar
from sfv.rows import Row, show
from sfv.run_folder import lock_folder, make_folder

MEASURED = {"followed": "", "share": "of the clip", "mpjpe_mm": "mm"}
"""What stands in the rows, with units."""


def bench_tracker_ways(
    prepared: Annotated[Path, tyro.conf.arg(aliases=["-i"])] = Path("runs/tracker"),
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("runs/tracker_ways"),
    clips: tuple[int, ...] = (10, 100),
    minutes: tuple[float, ...] = (5.0, 10.0),
    seeds: int = 3,
    workers: int = 0,
    json: bool = False,
) -> None:
    """Learns a tracker by cloning, by PPO after half as much cloning, and through a model of the physics, a core each.

    Args:
      prepared: folder of sfv tracker prepare.
      out: folder that keeps what was found; the same command goes on there.
      clips: how many to learn from; the first of the folder.
      minutes: time of learning, a number for each of --clips.
      seeds: trackers of each way and number of clips.
      workers: trackers that learn at once, each on one core; 0 for one a core.
      json: one JSON object on standard output instead of a table.

    Raises:
      InputError: numbers make no sense, or the folder has not so many clips.
    """
    if len(clips) != len(minutes) or not clips or seeds < 1 or workers < 0:
        raise InputError("--clips and --minutes: give as many of each, such as 10 100 and 5 10; --seeds 1 or more")
    if min(clips) < 1 or not all(0.1 <= each <= 1e5 for each in minutes):
        raise InputError("--clips, --minutes: give 1 or more clips, and .1 to 100000 minutes")
    there = len(load_clips(prepared))
    if max(clips) > there:
        raise InputError(f"{prepared}: {there} clips to learn from, --clips asks for {max(clips)}; prepare more")
    plans = [
        (count, time, way, seed)
        for count, time in zip(clips, minutes, strict=True)
        for seed in range(seeds)
        for way in WAYS
    ]
    make_folder(out)
    with lock_folder(out):
        _learn(prepared, out, plans, workers or usable_cores())
    show("tracker-ways", describe_ways(read_ways(out)), json)


def _learn(prepared: Path, folder: Path, plans: Sequence[tuple[int, float, str, int]], workers: int) -> None:
    """Measures what the folder has no file of."""
    work = {
        folder / f"{way}_{count}_{seed}.json": partial(measure_way, way, prepared, count, time, seed)
        for count, time, way, seed in plans
    }
    about = dict(zip(work, plans, strict=True))
    for path, (_, time, _, _) in about.items():
        if path.is_file() and read_way(path)["minutes"] != time:
            raise InputError(f"{path}: learnt for other --minutes; give those, or another --out")
    missing = {path: call for path, call in work.items() if not path.is_file()}
    with bar("tracker ways") as progress:
        progress(len(work) - len(missing), len(work), "learning")
        for done, (path, found) in enumerate(finish_in_processes(missing, workers), len(work) - len(missing) + 1):
            count, time, way, seed = about[path]
            content = {"way": way, "clips": count, "minutes": time, "seed": seed, "moments": found}
            with replace_file(path) as temporary:
                temporary.write_text(json_format.dumps(content, indent=1), encoding="utf-8")
            progress(done, len(work), path.stem)


def read_ways(folder: Path) -> list[dict[str, Any]]:
    """What `bench_tracker_ways` kept; raises `InputError` for a damaged file."""
    return [read_way(path) for path in sorted(folder.glob("*.json"))]


def read_way(path: Path) -> dict[str, Any]:
    """What one tracker came to; raises `InputError` for a damaged file."""
    content = read_table(path, "what a tracker came to", "delete it, and measure again")
    if set(content) != {"way", "clips", "minutes", "seed", "moments"} or len(content["moments"]) != len(MOMENTS):
        raise InputError(f"{path}: not what bench tracker-ways writes; delete it, and measure again")
    return content


def describe_ways(found: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Rows for every number of clips, way and moment: mean and spread over the seeds, learnt and held out."""
    return [
        Row.mean_of(
            f"{way}_{count}_clips_{seeds[0]['minutes']:g}_min_{part}_{what}",
            [each[f"{part}_{what}"] for each in seeds],
            unit,
        )
        for count, way, seeds in _group(found)
        for part in ("learnt", "held_out")
        for what, unit in MEASURED.items()
    ]


def write_ways(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """The same as the lines of a Markdown table, a line for every number of clips, way and moment."""
    lines = [
        "| clips | way | minutes | followed, learnt | held out | of a clip, held out | bodies off, learnt |",
        "|--:|---|--:|--:|--:|--:|--:|",
    ]
    columns = (
        ("learnt_followed", 100.0, "{:.0f} %"),
        ("held_out_followed", 100.0, "{:.0f} %"),
        ("held_out_share", 1.0, "{:.2f}"),
        ("learnt_mpjpe_mm", 1.0, "{:.0f} mm"),
    )
    for count, way, seeds in _group(found):
        texts = [_spell([scale * each[name] for each in seeds], form) for name, scale, form in columns]
        lines.append(f"| {count} | {way} | {seeds[0]['minutes']:g} | {' | '.join(texts)} |")
    return lines


def _group(found: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, str, tuple[dict[str, Any], ...]]]:
    """Numbers of clips, ways, and what all seeds came to at one moment."""
    for count in sorted({each["clips"] for each in found}):
        for way in WAYS:
            own = [each["moments"] for each in found if (each["clips"], each["way"]) == (count, way)]
            yield from ((count, way, seeds) for seeds in zip(*own, strict=True))


def _spell(values: list[float], form: str) -> str:
    """Mean and, of several, the standard deviation."""
    row = Row.mean_of("value", values, "")
    if row.value is None:
        return "-"
    number, _, unit = form.partition(" ")
    spread = f" ± {number.format(row.spread)}" if row.spread is not None else ""
    return f"{number.format(row.value)}{spread} {unit}".strip()
