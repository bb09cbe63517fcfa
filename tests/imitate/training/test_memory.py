"""Memory of a process."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from imitate.training.memory import peak_memory_mb, release_memory

ROOT = Path(__file__).parents[3]
ALONE = """
import json
from imitate.training.memory import peak_memory_mb, release_memory
before = peak_memory_mb()
block = bytearray(b"x") * 100_000_000  # each page touched
held = peak_memory_mb()
del block
release_memory()
print(json.dumps([before, held, peak_memory_mb()]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not say")
def test_peak_grows_by_what_is_held_and_never_shrinks():
    """In a process of its own, where nothing larger was held before."""
    # On Linux a process begins with the peak of the one that started it, which must therefore be a small one.
    small = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]], check=True)"
    done = subprocess.run([sys.executable, "-c", small, ALONE], cwd=ROOT, capture_output=True, text=True, check=True)
    before, held, after = json.loads(done.stdout)
    assert 0.0 < before < 200.0
    assert held - before == pytest.approx(100.0, abs=10.0)
    assert after >= held - 1.0  # Linux counts pages in batches


def test_unknown_memory_is_not_a_number(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setitem(sys.modules, "resource", None)
    assert math.isnan(peak_memory_mb())
    release_memory()  # and no C library is looked for
