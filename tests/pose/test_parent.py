"""A worker ends with the process that started it, even where that could not ask for it."""

import subprocess
import sys

PROGRAM = """
import os, time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pose.parent import exit_after_parent

pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=exit_after_parent)
pool.submit(os.getpid).result()
pool.submit(time.sleep, 600)
print("on", flush=True)
os._exit(9)
"""


def test_a_worker_ends_after_a_parent_that_was_killed():
    # The output, which the worker inherits, ends when both have ended.
    done = subprocess.run([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, timeout=120)
    assert done.returncode == 9 and done.stdout == b"on\n"
