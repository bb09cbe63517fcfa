"""A cluster that works on a table, simulated event by event: what many machines do to the store and to the head.

Each run is sent out by the head, one after another; its machine fetches from the store, works, copies a checkpoint to
it now and then, and all of it at the end; then the head fetches the run. Store and head serve one request after
another, each as fast as it can. A machine that fails loses what it did since the last checkpoint that has arrived; its
runs go on elsewhere when that is noticed.
"""

import heapq
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np

DAY = 86400.0


@dataclass(frozen=True)
class RunCost:
    """What one run takes."""

    seconds: float
    """Of work on its cores."""
    spread: float = 0.0
    """Standard deviation of that, as a share; gamma distribution."""
    checkpoint_seconds: float = 30.0
    """Work between two checkpoints."""
    input_bytes: float = 0.0
    """Fetched at the beginning."""
    checkpoint_bytes: float = 0.0
    """Sent with each checkpoint, and fetched again after a failure."""
    result_bytes: float = 0.0
    """Sent at the end, and fetched by the head."""


@dataclass(frozen=True)
class Fleet:
    """The machines, and what they share."""

    machines: int
    slots: int = 1
    """Runs at once on each."""
    store_rate: float = np.inf
    """Of the shared store [bytes/s]."""
    head_rate: float = np.inf
    """At which the head fetches runs [bytes/s]."""
    head_seconds: float = 0.0
    """Of the head for each run, besides."""
    failures_per_day: float = 0.0
    """Of each machine."""
    notice_seconds: float = 30.0
    """Until the loss of a machine is noticed."""
    repair_seconds: float = 600.0
    """Until it, or another one, is there again."""


@dataclass(frozen=True)
class FleetConfig:
    """The simulated machines."""

    machines: tuple[int, ...] = (1, 10, 30, 100, 300, 1000)
    """Numbers of machines."""
    cores: int = 16
    """Of each machine: runs at once."""
    price: float = 0.6
    """Of a machine and hour, in any currency; an example, not a quote."""
    store_mb_per_second: float = 1000.0
    """Of the shared store."""
    head_mb_per_second: float = 1000.0
    """Of the head's network."""
    failures_per_day: float = 0.1
    """Of each machine; an assumption: preemptible ones fail more often."""


@dataclass
class Server:
    """Serves one request after another."""

    free_at: float = 0.0
    busy: float = 0.0

    def serve(self, now: float, seconds: float) -> float:
        """When a request is done that comes now and takes so long [s]; those that came before are served first."""
        self.free_at = max(self.free_at, now) + seconds
        self.busy += seconds
        return self.free_at


@dataclass
class Run:
    """Where a run is."""

    seconds: float
    saved: float = 0.0
    """Work that the store has [s]."""
    attempt: int = 0
    """Counts the machines that worked on it: events of earlier ones mean nothing."""
    begun: float = np.nan
    """Time at which this attempt would have begun if it had done all work itself [s]; NaN while it does not work."""
    machine: int = -1
    sending: bool = False
    """A checkpoint is on its way."""


@dataclass(frozen=True)
class Outcome:
    """What a simulated table took."""

    seconds: float
    """Until the head had all runs."""
    runs: int
    work_seconds: float
    """Of the runs, each done once."""
    redone_seconds: float
    """Work that was lost with machines."""
    failures: int
    store_busy: float
    """Share of the time."""
    head_busy: float
    efficiency: float
    """Share of all slots' time in which they did work that was not lost."""

    @property
    def runs_per_hour(self) -> float:
        """Throughput."""
        return 3600.0 * self.runs / self.seconds

    def cost_per_thousand(self, machines: int, price: float) -> float:
        """Of 1,000 runs, at a price of a machine and hour."""
        return machines * price * self.seconds / 3600.0 / self.runs * 1000.0

    @property
    def limit(self) -> str:
        """What is busy for more than four fifths of the time, and so holds up the others."""
        busy = {"store": self.store_busy, "head": self.head_busy}
        most = max(busy, key=lambda name: busy[name])
        return most if busy[most] > 0.8 else "work"


@dataclass
class Simulation:
    """One table on one fleet.

    Args:
      fleet: the machines.
      cost: what a run takes.
      count: number of runs.
      seed: of their lengths and of failures.
      failures: (time, machine) of failures, in place of random ones.
    """

    fleet: Fleet
    cost: RunCost
    count: int
    seed: int = 0
    failures: list[tuple[float, int]] | None = None
    _events: list[tuple[float, int, str, Any]] = field(default_factory=list)
    _number: int = 0

    def run(self) -> Outcome:
        """From the first run sent to the last one fetched."""
        self.rng, self.store, self.head = np.random.default_rng(self.seed), Server(), Server()
        self.runs = [Run(seconds) for seconds in self._draw_lengths()]
        self.waiting, self.idle = deque(self.runs), deque[int]()
        self.at_work: list[list[Run]] = [[] for _ in range(self.fleet.machines)]
        self.down, self.done, self.failed, self.redone, self.last = set[int](), 0, 0, 0.0, 0.0
        self.idle.extend(list(range(self.fleet.machines)) * self.fleet.slots)
        for machine in range(self.fleet.machines):
            self._plan_failure(0.0, machine)
        for time, machine in self.failures or ():
            self._add(time, "fail", machine)
        self._begin(0.0)
        while self.done < self.count:
            now, _, kind, content = heapq.heappop(self._events)
            getattr(self, f"_{kind}")(now, content)
        work, until = sum(run.seconds for run in self.runs), max(self.last, 1e-9)
        slots = self.fleet.machines * self.fleet.slots
        shares = self.store.busy / until, self.head.busy / until, work / (slots * until)
        return Outcome(until, self.count, work, self.redone, self.failed, *shares)

    def _draw_lengths(self) -> list[float]:
        if not self.cost.spread:
            return [self.cost.seconds] * self.count
        shape = self.cost.spread**-2
        return self.rng.gamma(shape, self.cost.seconds / shape, self.count).tolist()

    def _add(self, time: float, kind: str, content: Any) -> None:
        self._number += 1
        heapq.heappush(self._events, (time, self._number, kind, content))

    def _send(self, now: float, size: float) -> float:
        return self.store.serve(now, size / self.fleet.store_rate)

    def _plan_failure(self, now: float, machine: int) -> None:
        if self.failures is None and self.fleet.failures_per_day:
            self._add(now + self.rng.exponential(DAY / self.fleet.failures_per_day), "fail", machine)

    def _begin(self, now: float) -> None:
        """Sends waiting runs to idle slots."""
        while self.waiting and self.idle:
            machine, run = self.idle.popleft(), self.waiting.popleft()
            run.attempt, run.machine, run.sending = run.attempt + 1, machine, False
            self.at_work[machine].append(run)
            self._add(self.head.serve(now, self.fleet.head_seconds), "fetch", (run, run.attempt))

    def _fetch(self, now: float, content: tuple[Run, int]) -> None:
        run, attempt = content
        if run.attempt == attempt:
            size = self.cost.input_bytes + (self.cost.checkpoint_bytes if run.saved else 0.0)
            self._add(self._send(now, size), "work", content)

    def _work(self, now: float, content: tuple[Run, int]) -> None:
        run, attempt = content
        if run.attempt == attempt:
            run.begun = now - run.saved
            self._add(run.begun + run.seconds, "finish", content)
            self._plan_checkpoint(now, content)

    def _plan_checkpoint(self, now: float, content: tuple[Run, int]) -> None:
        if now + self.cost.checkpoint_seconds < content[0].begun + content[0].seconds:
            self._add(now + self.cost.checkpoint_seconds, "checkpoint", content)

    def _checkpoint(self, now: float, content: tuple[Run, int]) -> None:
        run, attempt = content
        if run.attempt == attempt:
            if not run.sending:  # one at a time: a store that is slow gets fewer
                run.sending = True
                self._add(self._send(now, self.cost.checkpoint_bytes), "save", (run, attempt, now - run.begun))
            self._plan_checkpoint(now, content)

    def _save(self, now: float, content: tuple[Run, int, float]) -> None:
        run, attempt, progress = content
        if run.attempt == attempt:
            run.saved, run.sending = progress, False

    def _finish(self, now: float, content: tuple[Run, int]) -> None:
        if content[0].attempt == content[1]:
            self._add(self._send(now, self.cost.result_bytes), "collect", content)

    def _collect(self, now: float, content: tuple[Run, int]) -> None:
        """The store has all of a run: its slot is free, and the head fetches it."""
        run, attempt = content
        if run.attempt != attempt:
            return
        run.attempt += 1
        self.at_work[run.machine].remove(run)
        self.idle.append(run.machine)
        self._add(self._send(now, self.cost.result_bytes), "read", None)
        self._begin(now)

    def _read(self, now: float, _: None) -> None:
        """The store has given a run to the head, which writes it down."""
        self.last = self.head.serve(now, self.cost.result_bytes / self.fleet.head_rate)
        self.done += 1

    def _fail(self, now: float, machine: int) -> None:
        if machine in self.down:
            return
        self.failed += 1
        self.down.add(machine)
        self.idle = deque(other for other in self.idle if other != machine)
        lost, self.at_work[machine] = self.at_work[machine], []
        for run in lost:
            run.attempt += 1
            if np.isfinite(run.begun):
                self.redone += min(now - run.begun, run.seconds) - run.saved
            run.begun = np.nan
            self._add(now + self.fleet.notice_seconds, "return", run)
        self._add(now + self.fleet.repair_seconds, "repair", machine)

    def _return(self, now: float, run: Run) -> None:
        self.waiting.appendleft(run)
        self._begin(now)

    def _repair(self, now: float, machine: int) -> None:
        self.down.discard(machine)
        self.idle.extend([machine] * self.fleet.slots)
        self._plan_failure(now, machine)
        self._begin(now)
