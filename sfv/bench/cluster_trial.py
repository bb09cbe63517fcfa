"""A Ray cluster of processes of this machine, one of which is killed at work while another joins, and what came of it.

What is asked: every unit ends with the result that it has without a cluster; no stage that was finished is made again.
"""

import importlib
import json
import logging
import shutil
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pose.files import CHECKPOINT
from sfv.bench.campaign.jobs import TRAINING, drop_clock, put_motion
from sfv.bench.cluster_work import STEP
from sfv.cluster.local import LocalEngine
from sfv.cluster.node import PREFIX, SCRATCH_VARIABLE, Outcome
from sfv.cluster.ray_engine import RayEngine, import_ray
from sfv.cluster.unit import Unit, run_units

NODES = 3
"""Machines at the beginning; one dies, one joins."""
NODE_MEMORY, OBJECTS = 3 * 1024**3, 80 * 1024**2
"""That a machine offers for work, and for Ray's objects [bytes]."""
NO_OPERATIONS = 200
"""Tasks that do nothing, by which the rate of the head is measured."""
STAGE_NOTES = "**/stage.json"


@dataclass(frozen=True)
class Trial:
    """What was found."""

    units: int
    lost: tuple[str, ...]
    """Units without a result, or with another than without a cluster, and why."""
    repeated: tuple[str, ...]
    """Stages that were finished, and made again."""
    redone_steps: int
    """Steps of the killed machine that were after its last copy to the store."""
    slot_seconds: float
    """Wall clock that the machines were there, added up [s]."""
    work_seconds: float
    """Wall clock of the units' commands without a cluster, added up [s]."""
    tasks_per_second: float
    """Of tasks that do nothing."""
    outcomes: tuple[Outcome, ...]
    killed: bool
    """Whether a machine was killed while its unit was at work."""


def plan_steps(folder: Path, count: int, steps: int, seconds: float) -> list[Unit]:
    """Units that wait: `cluster_work`, each with a file of its own."""
    units = []
    for number in range(count):
        file = folder / f"file {number}.txt"
        file.write_text(f"file {number}\n", encoding="utf-8")
        words = ("-m", "sfv.bench.cluster_work", "{input}", "{folder}", str(steps), str(seconds))
        units.append(Unit(f"unit_{number}", words, file))
    return units


def plan_clips(folder: Path, count: int) -> list[Unit]:
    """Units that are real: half a second of a walk through all stages, each with a seed of its own."""
    put_motion(folder)
    training = [word for word in TRAINING if not word.startswith("--seed")]
    words = ("-m", "sfv", "clip", "--motion={input}", "--out={folder}", "--character=humanoid", *training)
    return [Unit(f"walk_seed{n}", (*words, f"--seed={n}"), folder / "walk.npz") for n in range(count)]


class LocalCluster:
    """A head without work of its own, and machines of one core each, as processes here."""

    def __init__(self, folder: Path):
        import_ray()
        self.folder = folder
        head = {"num_cpus": 0, "object_store_memory": OBJECTS, "include_dashboard": False}
        self.cluster = importlib.import_module("ray.cluster_utils").Cluster(initialize_head=True, head_node_args=head)
        self.nodes, self.alive = list[Any](), dict[int, list[float]]()

    def add(self) -> None:
        """Another machine joins."""
        number = len(self.nodes)
        scratch = self.folder / f"machine_{number}"
        scratch.mkdir(parents=True)
        node = self.cluster.add_node(
            num_cpus=1,
            memory=NODE_MEMORY,
            object_store_memory=OBJECTS,
            env_vars={SCRATCH_VARIABLE: str(scratch)},
        )
        self.nodes.append(node)
        self.alive[number] = [time.monotonic()]

    def kill(self, number: int) -> None:
        """A machine is lost: all its processes at once, without a word."""
        self.cluster.remove_node(self.nodes[number], allow_graceful=False)
        self.alive[number].append(time.monotonic())

    def sum_seconds(self) -> float:
        """Time that the machines have been there, added up [s]."""
        now = time.monotonic()
        return sum((times[1] if len(times) > 1 else now) - times[0] for times in self.alive.values())


def run_trial(units: list[Unit], folder: Path, results: str, jobs: int) -> Trial:
    """Runs units without a cluster, then on one of which a machine dies.

    Args:
      units: what to do.
      folder: for all of it; must be empty.
      results: pattern of the JSON file, in a unit's folder, that decides.
      jobs: how many run at once without a cluster.
    """
    local, out = folder / "local", folder / "ray"
    local.mkdir()
    engine = LocalEngine(local, jobs)
    failed = {name: error for name, error in run_units(engine, units, _ignore, _ignore).items() if error}
    if failed:
        raise RuntimeError(f"without a cluster: {failed}")
    with ExitStack() as ending:
        ray, cluster = import_ray(), LocalCluster(folder / "machines")
        ending.callback(cluster.cluster.shutdown)
        ending.callback(ray.shutdown)
        for _ in range(NODES):
            cluster.add()
        ray.init(address=cluster.cluster.address, log_to_driver=False, logging_level=logging.CRITICAL)
        rate = measure_rate(ray)
        cluster.alive = {number: [time.monotonic()] for number in cluster.alive}
        engine, killed = RayEngine(out, None), list[bool]()
        ending.callback(engine.close)

        def watch(*_: object) -> None:
            if not killed and find_machine_at_work(folder / "machines" / "machine_1"):
                cluster.kill(1)
                cluster.add()
                killed.append(True)

        errors = run_units(engine, units, _ignore, watch)
        slot_seconds = cluster.sum_seconds()
    lost = [f"{name}: {error}" for name, error in errors.items() if error]
    for unit in units:
        expected, found = (read_result(where / unit.name, results) for where in (local, out))
        lost += [f"{unit.name}: another result"] * (found != expected and not errors[unit.name])
    left = next(iter((folder / "machines" / "machine_1").glob(f"{PREFIX}*")), None)
    return Trial(
        units=len(units),
        lost=tuple(lost),
        repeated=tuple(find_repeated(left, out)) if left else (),
        redone_steps=count_redone(left, out) if left else 0,
        slot_seconds=slot_seconds,
        work_seconds=sum(sum_seconds(local / unit.name) for unit in units),
        tasks_per_second=rate,
        outcomes=tuple(engine.outcomes.values()),
        killed=bool(killed),
    )


def measure_rate(ray: Any) -> float:
    """Tasks that do nothing, each with a core of its own, a second."""
    task = ray.remote(num_cpus=1)(_do_nothing)
    ray.get([task.remote() for _ in range(NODES)])  # workers have begun
    begun = time.monotonic()
    ray.get([task.remote() for _ in range(NO_OPERATIONS)])
    return NO_OPERATIONS / (time.monotonic() - begun)


def _do_nothing() -> None:
    """A task."""


def _ignore(*_: object) -> None:
    """Reports nothing."""


def find_machine_at_work(scratch: Path) -> bool:
    """Whether a machine has a checkpoint in an unfinished stage: it is at its work, and has saved some."""
    return any(scratch.glob(f"{PREFIX}*/*/**/{CHECKPOINT}"))


def read_result(folder: Path, pattern: str) -> Any:
    """What decides, without what the clock does; None without a result."""
    path = next(iter(sorted(folder.glob(pattern))), None)
    if path is None:
        return None
    content = json.loads(path.read_text(encoding="utf-8"))
    return drop_clock({name: content[name] for name in content if name not in ("finished", "command")})


def find_repeated(left: Path, out: Path) -> list[str]:
    """Stages that a lost machine had finished, by the folder it left, and that were made again after it."""
    repeated = []
    for note in left.glob(f"*/{STAGE_NOTES}"):
        name = note.relative_to(left).as_posix().replace(".partial/", "/")
        after = out / name
        if after.is_file() and note.read_text(encoding="utf-8") != after.read_text(encoding="utf-8"):
            repeated.append(name)
    return repeated


def count_redone(left: Path, out: Path) -> int:
    """Steps that a lost machine had done and another did again, by the logs."""
    redone = 0
    for log in left.glob("*.log"):
        before, after = (path.read_text(encoding="utf-8").splitlines() for path in (log, out / log.name))
        steps = [line for line in before if line.startswith(STEP)]
        common = len([1 for a, b in zip(before, after, strict=False) if a == b])
        redone += len([line for line in after[common:] if line in steps])
    return redone


def sum_seconds(run: Path) -> float:
    """Wall clock of a run's stages [s]."""
    return sum(float(json.loads(note.read_text(encoding="utf-8"))["seconds"]) for note in run.glob(STAGE_NOTES))


def clear(folder: Path) -> Path:
    """An empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
