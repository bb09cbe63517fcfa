"""Tracking control on held-out clips: what is measured, what is kept."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from imitate.env.task import Task
from imitate.tracker.prepare import Prepared
from pose.errors import InputError
from sfv.bench import tracker_control
from sfv.bench.tracker_control import describe, measure_control, perform
from tests.imitate.tracker.conftest import glide

NOTE = {"kind": "walk", "seconds": 2.0, "followed": 1.0, "mpjpe_mm": 20.0, "cpu_seconds": 6.0}


def test_rows_are_means_over_the_clips_and_kinds():
    fallen = NOTE | {"kind": "floor", "followed": 0.0, "mpjpe_mm": 60.0, "cpu_seconds": 18.0}
    lost = NOTE | {"kind": "run", "followed": 0.0, "mpjpe_mm": None}  # in its first step
    rows = {row.name: row for row in describe([NOTE, fallen, lost, NOTE])}
    assert rows["tracker_control_followed"].value == 0.5 and rows["tracker_control_followed"].n == 4
    assert rows["tracker_control_mpjpe_mm"].value == 100.0 / 3.0
    assert rows["tracker_control_cpu_s_per_s"].value == 4.5
    assert (rows["tracker_control_walk_followed"].value, rows["tracker_control_floor_followed"].value) == (1.0, 0.0)


def test_a_clip_is_performed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    performed = list[str]()

    def here(work: Mapping[Path, Callable[[], Any]], count: int) -> Iterator[tuple[Path, Any]]:
        yield from ((key, call()) for key, call in work.items())

    def note(clip: Prepared) -> dict[str, Any]:
        performed.append(clip.name)
        return NOTE

    monkeypatch.setattr(tracker_control, "finish_in_processes", here)
    monkeypatch.setattr(tracker_control, "perform", note)
    clips = [Prepared(name, "walk", glide(10), None) for name in ("a", "b")]
    measure_control(clips[:1], tmp_path, 1)
    rows = measure_control(clips, tmp_path, 1)
    assert performed == ["a", "b"] and rows[0].n == 2
    (tmp_path / "control" / "a.json").write_text(json.dumps({"followed": 1.0}), encoding="utf-8")
    with pytest.raises(InputError, match="not a note of tracking control"):
        measure_control(clips, tmp_path, 1)


def test_the_time_is_of_the_motion_and_of_one_thread(monkeypatch: pytest.MonkeyPatch):
    asked = list[int]()

    class Done:
        metrics = {"draft_completed": 1.0, "tracking_world_mpjpe_mm": 12.0}  # noqa: RUF012

    def control(task: Task, threads: int) -> Done:
        asked.append(threads)
        return Done()

    monkeypatch.setattr(tracker_control, "perform_by_control", control)
    found = perform(Prepared("a", "walk", glide(31, 0.0), None))
    assert asked == [1] and (found["seconds"], found["mpjpe_mm"], found["kind"]) == (1.0, 12.0, "walk")
