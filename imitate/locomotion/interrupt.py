"""Ctrl-C during a training: the iteration is finished and saved first."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol


class Stoppable(Protocol):
    """Something that looks at `stop` after each iteration, saves, and raises `KeyboardInterrupt`."""

    stop: bool


@contextmanager
def postpone_interrupt(run: Stoppable) -> Iterator[None]:
    """Lets the first Ctrl-C wait for the end of an iteration; elsewhere than in the main thread there is none.

    Args:
      run: its `stop` is set. A second Ctrl-C raises at once.
    """

    def postpone(number: int, frame: Any) -> None:
        run.stop = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, postpone)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if run.stop:  # it came after the last iteration
        raise KeyboardInterrupt
