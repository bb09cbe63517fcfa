"""What a run costs: its time and sizes, from finished runs, and what moving it costs the store and the head."""

import json
import os
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from pose.errors import InputError
from pose.files import CHECKPOINT
from sfv.bench.cluster_simulation import RunCost
from sfv.cluster.snapshot import Snapshots
from sfv.cluster.store import Store, UnitStore

DEFAULT = RunCost(
    seconds=282.0,  # docs/table.md: mean over the twelve videos, one core each, 3.3 minutes of training
    spread=0.16,
    checkpoint_seconds=30.0,
    input_bytes=0.5e6,
    checkpoint_bytes=7.6e6,  # folders of backflip and cartwheel, 2026-11-28
    result_bytes=19.7e6,
)
"""A run of a short clip with default options."""
SMALL_FILES = 25
"""Of a run, besides its checkpoint."""
REPEATS = 5


@dataclass(frozen=True)
class StoreCost:
    """Of moving one run, through a folder of this machine."""

    push_seconds: float
    """Wall clock of the copy to the store [s]."""
    fetch_seconds: float
    """Wall clock of the copy from it [s]."""
    head_seconds: float
    """Processor time of the head for sending a run out and fetching it [s]."""
    repeats: int = REPEATS


def measure_runs(folder: Path) -> RunCost:
    """Mean time and sizes of the finished runs of a table.

    Raises:
      InputError: there is none.
    """
    seconds, sizes, checkpoints = list[float](), list[int](), list[int]()
    for result in sorted(folder.glob("*/4_result/*/result.json")):
        run = result.parents[2]
        notes = [json.loads(note.read_text(encoding="utf-8")) for note in run.glob("[1-4]_*/**/stage.json")]
        files = [path for path in run.rglob("*") if path.is_file()]
        seconds.append(sum(float(note["seconds"]) for note in notes))
        sizes.append(sum(path.stat().st_size for path in files))
        checkpoints += [path.stat().st_size for path in files if path.name == CHECKPOINT]
    if not seconds or not checkpoints:
        raise InputError(f"{folder}: no finished run in it; name the folder of a finished `sfv table`")
    mean = statistics.fmean(seconds)
    return RunCost(
        seconds=mean,
        spread=statistics.pstdev(seconds) / mean,
        checkpoint_seconds=DEFAULT.checkpoint_seconds,
        input_bytes=DEFAULT.input_bytes,
        checkpoint_bytes=statistics.fmean(checkpoints),
        result_bytes=statistics.fmean(sizes),
    )


def measure_store(folder: Path, cost: RunCost) -> StoreCost:
    """Copies runs of this size to a store, and from it, as machines and the head do."""
    store, push, fetch, head = Store(str(folder / "store")), list[float](), list[float](), list[float]()
    for number in range(REPEATS):
        run = folder / f"machine_{number}"
        write_run(run, cost)
        kept = UnitStore(store, f"unit_{number}")
        snapshots = Snapshots(kept, run, folder / "none.log", kept.claim())
        begun = time.perf_counter()
        snapshots.push("all")
        push.append(time.perf_counter() - begun)
        begun, cpu = time.perf_counter(), time.process_time()
        kept.newest()  # what the head asks before it sends a run out
        kept.fetch(folder / f"head_{number}", folder / "fetched.log", mirror=True)
        fetch.append(time.perf_counter() - begun)
        head.append(time.process_time() - cpu)
    return StoreCost(statistics.median(push), statistics.median(fetch), statistics.median(head))


def write_run(folder: Path, cost: RunCost) -> None:
    """Files as many and as large as a run's; noise, which nothing can compress."""
    folder.mkdir(parents=True)
    (folder / CHECKPOINT).write_bytes(os.urandom(int(cost.checkpoint_bytes)))
    size = max(1, int((cost.result_bytes - cost.checkpoint_bytes) / SMALL_FILES))
    for number in range(SMALL_FILES):
        (folder / f"file_{number}").write_bytes(os.urandom(size))
