"""Processes that `multiprocessing` starts end with the one that started them, however that ended."""

import os
import time
from multiprocessing import parent_process
from multiprocessing.process import BaseProcess
from threading import Thread


def exit_after_parent(delay: float = 0.0) -> None:
    """Watches the parent from now on, and ends this process when it has ended.

    A parent that is killed can end nobody. What runs here is not asked to stop: what was saved is kept.

    Args:
      delay: time from the parent's end to that of this process [s], for what saves by itself first.
    """
    parent = parent_process()
    if parent is not None:
        Thread(target=_exit_after, args=(parent, delay), daemon=True).start()


def _exit_after(parent: BaseProcess, delay: float) -> None:
    parent.join()
    time.sleep(delay)
    os._exit(1)
