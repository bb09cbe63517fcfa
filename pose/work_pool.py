"""Independent work in several processes, which end at once with Ctrl-C, and with the process that started them."""

import signal
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TypeVar

from pose.errors import WorkError
from pose.parent import exit_after_parent

Key = TypeVar("Key")
Result = TypeVar("Result")


def finish_in_processes(work: Mapping[Key, Callable[[], Result]], count: int) -> Iterator[tuple[Key, Result]]:
    """Does work in processes of its own, and yields each part's key and result, in the order in which they end.

    Args:
      work: calls that can be pickled, by key.
      count: processes.

    Raises:
      WorkError: a process ended.
    """
    with ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_start_worker) as pool:
        waiting = {pool.submit(call): key for key, call in work.items()}
        try:
            for future in as_completed(waiting):
                yield waiting[future], future.result()
        except BaseException as error:
            # Whoever stops does not want to wait; what was done is kept (`terminate_workers` of Python 3.14).
            for worker in list(pool._processes.values()):
                worker.terminate()
            pool.shutdown(wait=False, cancel_futures=True)
            if isinstance(error, BrokenProcessPool):
                reason = "a process of this work ended, perhaps for lack of memory"
                raise WorkError(f"{reason}; what was done is kept, the same command goes on") from error
            raise


def _start_worker() -> None:
    """Leaves Ctrl-C to the parent, which ends this process; one that is killed cannot, so this process watches it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    exit_after_parent()
