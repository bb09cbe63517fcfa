"""The clock of budgets: sleep does not count, work does."""

import os
import signal
import subprocess
import sys
import time

import pytest

from imitate.training.work_clock import GAP, TICK, WorkClock

STOPPED = """
import time
from imitate.training import work_clock as w
w.GAP, w.TICK = 0.5, 0.02
begun, clock = w.work_seconds(), time.monotonic()
print("begun", flush=True)
while time.monotonic() - clock < 1.2:
    time.sleep(0.01)
print(w.work_seconds() - begun)
"""


def test_sleep_is_left_out_and_work_is_not(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    work = WorkClock()
    begun = work.seconds()
    for step in (TICK, 8 * 3600.0, TICK, GAP - 1.0, GAP + 1.0):  # at work, a night, at work, busy, a short sleep
        clock[0] += step
        work.seconds()
    assert work.seconds() - begun == pytest.approx(2 * TICK + GAP - 1.0)


@pytest.mark.skipif(os.name == "nt", reason="processes are stopped by a signal")
def test_a_stopped_process_uses_no_time_of_its_budget():
    process = subprocess.Popen([sys.executable, "-c", STOPPED], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGSTOP)
    time.sleep(1.3)
    process.send_signal(signal.SIGCONT)
    assert float(process.stdout.read()) < 0.6 and process.wait() == 0
