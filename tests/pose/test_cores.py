"""Cores: those of the affinity mask where there is one, else those of the machine, never none."""

import os

import pytest

from pose.cores import usable_cores


def test_affinity_limits_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3}, raising=False)
    assert usable_cores() == 2


@pytest.mark.parametrize(("count", "expected"), [(8, 8), (None, 1)])
def test_systems_without_affinity_count_the_machine(
    monkeypatch: pytest.MonkeyPatch, count: int | None, expected: int
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: count)
    assert usable_cores() == expected
