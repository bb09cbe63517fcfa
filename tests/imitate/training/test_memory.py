"""Memory of a process."""

import math
import sys

import numpy as np
import pytest

from imitate.training.memory import peak_memory_mb, release_memory


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not say")
def test_peak_grows_by_what_is_held_and_never_shrinks():
    before = peak_memory_mb()
    block = np.ones(40_000_000)  # 320 MB, each page touched
    held = peak_memory_mb()
    del block
    release_memory()
    assert 0.0 < before < 4000.0
    assert held - before > 250.0 or before > 320.0  # an earlier test may have held more
    assert peak_memory_mb() >= held - 10.0


def test_unknown_memory_is_not_a_number(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setitem(sys.modules, "resource", None)
    assert math.isnan(peak_memory_mb())
    release_memory()  # and no C library is looked for
