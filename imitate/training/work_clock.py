"""A clock for budgets of time that stands still while a laptop sleeps, or whoever trains is stopped (Ctrl-Z)."""

import threading
import time

TICK = 5.0
"""Time between two looks at the clock [s]."""
GAP = 60.0
"""Time between them from which nobody has worked meanwhile [s]; on a busy machine they come a little late."""


class WorkClock:
    """`time.monotonic` without the time in which this process did nothing at all.

    That clock leaves out a laptop's sleep on Linux and macOS, but not on Windows, and nowhere the time of a process
    that is stopped. A thread looks at it every few seconds: where it could not for long, nothing else could either.
    """

    def __init__(self) -> None:
        self._lock, self._last, self._asleep = threading.Lock(), time.monotonic(), 0.0

    def watch(self) -> None:
        """Looks at the clock from now on, as long as the process lives."""
        threading.Thread(target=self._look_for_ever, daemon=True).start()

    def seconds(self) -> float:
        """Time of work since some moment [s]."""
        with self._lock:
            now = time.monotonic()
            passed = now - self._last
            self._asleep += passed if passed > GAP else 0.0
            self._last = now
            return now - self._asleep

    def _look_for_ever(self) -> None:
        while True:
            time.sleep(TICK)
            self.seconds()


_clock: WorkClock | None = None


def work_seconds() -> float:
    """Time of work of this process since some moment [s]; differences mean something once it was called."""
    global _clock
    if _clock is None:
        _clock = WorkClock()
        _clock.watch()
    return _clock.seconds()
