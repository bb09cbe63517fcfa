"""Ends a process with the one that started it, however that ended: `table` starts runs that must not outlive it.

This is for commands that are started as such; processes of `multiprocessing` have `pose.parent`.
"""

import os
import signal
import sys
import threading

VARIABLE = "SFV_ENDS_WITH_PARENT"
"""Environment variable by which a process is asked to end when its standard input, a pipe from its parent, does."""


def end_with_parent() -> None:
    """Watches the parent from now on, if this process was asked to; on POSIX its whole group ends with it.

    A parent that is killed can ask for nothing: the system closes its end of the pipe. What was saved is kept.
    """
    if os.environ.pop(VARIABLE, None):
        threading.Thread(target=_wait_for_end, args=(sys.stdin.fileno(),), daemon=True).start()


def _wait_for_end(pipe: int) -> None:
    while os.read(pipe, 1024):
        pass
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)
