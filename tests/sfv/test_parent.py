"""A process that was asked to ends with the one that started it."""

import os
import subprocess
import sys

from sfv.parent import VARIABLE

PROGRAM = """
import time
from sfv.parent import end_with_parent
end_with_parent()
print('on', flush=True)
time.sleep(60)
"""


def start(environment):
    words = [sys.executable, "-c", PROGRAM]
    process = subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | environment, start_new_session=True
    )
    assert process.stdout is not None and process.stdout.readline() == b"on\n"
    return process


def test_it_ends_when_the_pipe_from_its_parent_does():
    process = start({VARIABLE: "yes"})
    assert process.poll() is None and process.stdin is not None
    process.stdin.close()
    assert process.wait(timeout=30) != 0


def test_nobody_else_does():
    process = start({})
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(timeout=0.5)
        raise AssertionError("it ended by itself")
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
