"""Units as tasks of Ray (https://docs.ray.io): one whose machine is lost goes on on another, from the store."""

import importlib
import logging
import os
import signal
import threading
import time
import uuid
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import Any

from pose.cores import usable_cores
from pose.errors import InputError
from sfv.cluster.node import LONGEST_SAVE, Order, Outcome, do_unit
from sfv.cluster.snapshot import Snapshots
from sfv.cluster.store import Manifest, Store, UnitStore, digest_of
from sfv.cluster.unit import STOPPED, Unit
from sfv.console import console

MEMORY = 2 * 1024**3
"""Memory that a unit asks for, besides its cores [bytes]. A run of one process takes 0.7 to 1.5 GB."""
LOST_MACHINES = 20
"""Machines that a unit may lose before it is given up: perhaps it is what kills them."""
LOG = "ray.log"
"""File in the table's folder that gets what Ray prints."""
HOLDS_SECONDS, HOLDS_PAUSE = 5.0, 0.1
"""Between two looks into the store for what another unit waits for, at least, and for each unit at work [s]."""
STAMP = ".store"
"""File in a unit's folder here that names the store that it came from."""


def import_ray() -> Any:
    """The package, which counts nothing about its users and opens no dashboard.

    Raises:
      InputError: it is not installed.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        return importlib.import_module("ray")
    except ImportError:
        raise InputError(
            "--on ray needs Ray, which is not installed; on all machines, in a checkout: pip install '.[cluster]'"
        ) from None


class RayEngine:
    """Runs units on all machines of a Ray cluster: the one of `RAY_ADDRESS`, else one that runs here, else this one.

    Args:
      out: gets the folders of units that have ended.
      url: of the store; by default `out`, which all machines must then see.
      cores: of each unit.
      memory: of each unit [bytes].
      program: what decides results besides command and input, such as the commit.
    """

    def __init__(self, out: Path, url: str | None, cores: int = 1, memory: int = MEMORY, program: str = ""):
        # Files that differ from their commit have no name: what was made of others is done again, as far as it must.
        self.out, self.program = out, program + (uuid.uuid4().hex if program.endswith("+") else "")
        self.store = Store(url or str(out.resolve() / "store"))
        self._mark = self.store.mark()
        self._ray = import_ray()
        before = signal.getsignal(signal.SIGTERM)
        _connect(self._ray)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)  # Ray's own aborts this process, and units save nothing more
        self._task = self._ray.remote(_run_remotely)
        self._needs: dict[str, Any] = {"num_cpus": cores, "memory": memory, "max_retries": LOST_MACHINES}
        self._running = dict[Any, Unit]()
        self._ended = dict[str, str]()
        self._inputs = dict[Path, str]()
        self._looked = dict[str, float]()
        self.outcomes = dict[str, Outcome]()
        """How units ended, by name, with what it took."""
        if url is None:
            console.print(f"runs are kept in {self.store.url}: all machines must see that folder (or give --store)")
        console.print(f"Ray: {describe_cluster(self._ray)}; what it says: {out / LOG}")
        if not any(has_room(node, cores, memory) for node in self._ray.nodes()):
            need = f"{cores} core{'s' * (cores > 1)} and {memory / 1024**3:.0f} GB"
            console.print(f"[yellow]no machine has {need} for work, which a run asks for: runs wait for one[/yellow]")
        self._log = open(out / LOG, "a", encoding="utf-8", errors="replace")  # noqa: SIM115, closed by close()
        self._redirected = redirect_stdout(self._log)  # Ray prints pages there of a machine that is lost
        self._redirected.__enter__()

    def submit(self, unit: Unit) -> None:
        """Takes a unit; what the store has finished is not done again."""
        if unit.input not in self._inputs:
            self._inputs[unit.input] = self.store.put_input(unit.input)
        digest = self._inputs[unit.input]
        asked = digest_of(unit.words, digest, unit.input.name, self.program)
        found = self._compare(unit)
        if found is not None and found.finished == asked:
            self._end(unit, Outcome("", "store"))
            return
        order = Order(unit, self.store.url, self._mark, digest, asked)
        task = self._task.options(name=unit.name, scheduling_strategy="SPREAD", **self._needs)
        self._running[task.remote(order)] = unit

    def _compare(self, unit: Unit) -> Manifest | None:
        """What the store has of a unit; one that only this machine has is put there first, so that nothing is lost.

        Raises:
          InputError: both have it, and what is here did not come from there.
        """
        folder, kept = self.out / unit.name, UnitStore(self.store, unit.name)
        found, stamp = kept.newest(), folder / STAMP
        if not folder.is_dir() or (stamp.is_file() and stamp.read_text(encoding="utf-8") == self._mark):
            return found
        if found is not None and found.files:
            raise InputError(f"{folder}: not made by way of {self.store.url}, which has another one; move it away")
        Snapshots(kept, folder, self.out / f"{unit.name}.log", kept.claim()).push()
        return kept.newest()

    def poll(self) -> dict[str, str]:
        """Units that have ended since the last call, their folders fetched: name -> why they failed, or ''."""
        if self._running:
            ended, _ = self._ray.wait(list(self._running), num_returns=len(self._running), timeout=0)
            for reference in ended:
                with suppress(OSError):  # the store cannot be read now: the next call ends the unit
                    self._end(self._running[reference], self._read(reference))
                    del self._running[reference]
        ended, self._ended = self._ended, {}
        return ended

    def holds(self, name: str, pattern: str) -> bool:
        """Whether the store has a file of a unit that is at work; looked up now and then."""
        now = time.monotonic()
        turn = max(HOLDS_SECONDS, HOLDS_PAUSE * len(self._running))  # some ten looks a second, however many they are
        if now - self._looked.setdefault(name, now - turn * (len(self._looked) % 10 + 1) / 10) < turn:
            return False
        self._looked[name] = now
        try:
            found = UnitStore(self.store, name).newest()
        except OSError:  # the store cannot be read now; the next turn asks again
            return False
        return found is not None and any(Path(path).match(pattern) for path in found.files)

    def stop(self) -> None:
        """Asks all units to save what they have and to end, and waits for it; then fetches what is new."""
        for reference in self._running:
            self._ray.cancel(reference, force=False, recursive=False)
        until = time.monotonic() + LONGEST_SAVE + 10.0
        left = list(self._running)
        while left and time.monotonic() < until:
            _, left = self._ray.wait(left, num_returns=len(left), timeout=1.0)
        for unit in self._running.values():
            with suppress(OSError):  # it is in the store; the same command fetches it
                self._fetch(unit)
        self._running.clear()

    def close(self) -> None:
        """Leaves the cluster; one that was begun here ends."""
        self._ray.shutdown()
        self._redirected.__exit__(None, None, None)
        self._log.close()

    def _read(self, reference: Any) -> Outcome:
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.TaskCancelledError:
            return Outcome(STOPPED, "")
        except self._ray.exceptions.RayError as error:
            lines = [line for line in str(error).splitlines() if line.strip()]
            return Outcome(f"Ray: {lines[-1].strip() if lines else type(error).__name__}", "")

    def _end(self, unit: Unit, outcome: Outcome) -> None:
        self._fetch(unit)
        self.outcomes[unit.name] = outcome
        self._ended[unit.name] = outcome.error

    def _fetch(self, unit: Unit) -> None:
        folder = self.out / unit.name
        UnitStore(self.store, unit.name).fetch(folder, self.out / f"{unit.name}.log", mirror=True)
        if folder.is_dir():
            (folder / STAMP).write_text(self._mark, encoding="utf-8")


def _run_remotely(order: Order) -> Outcome:
    """A task of Ray: runs on any of its machines."""
    import socket

    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored by what a shell starts in its background
    return do_unit(order, socket.gethostname())


def _connect(ray: Any) -> None:
    options: dict[str, Any] = {"logging_level": logging.CRITICAL, "log_to_driver": False}
    if ray.is_initialized():
        return
    try:
        ray.init(address=os.environ.get("RAY_ADDRESS", "auto"), **options)
    except ConnectionError as error:
        if "RAY_ADDRESS" in os.environ:
            where = os.environ["RAY_ADDRESS"]
            raise InputError(f"RAY_ADDRESS={where}: no Ray there ({error}); start it with ray start") from None
        ray.init(num_cpus=usable_cores(), include_dashboard=False, **options)


def has_room(node: dict[str, Any], cores: int, memory: int) -> bool:
    """Whether a machine, as `ray.nodes` describes it, could do a unit."""
    there = node["Resources"]
    return bool(node["Alive"]) and there.get("CPU", 0) >= cores and there.get("memory", 0) >= memory


def describe_cluster(ray: Any) -> str:
    """Machines, cores and memory, in words."""
    there, count = ray.cluster_resources(), sum(node["Alive"] for node in ray.nodes())
    return (
        f"{count} machine{'s' * (count != 1)}, {there.get('CPU', 0):.0f} cores, "
        f"{there.get('memory', 0) / 1024**3:.0f} GB for work"
    )
