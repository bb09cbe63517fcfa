"""The table: cells from what runs left, failures as rows, seeds that share a reference."""

import csv
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pose.errors import InputError
from pose.video import VideoWriter
from sfv.cluster.local import LocalEngine, share_folder
from sfv.cluster.unit import Unit
from sfv.commands.table import (
    HEADER,
    TableRow,
    _gather,
    format_time_to_skill,
    make_rows,
    plan_run,
    read_published,
    summarise_times,
    table,
)
from sfv.report import verdict


def finished_run(out: Path, name: str, seed: int, returned: float) -> Path:
    run = out / f"{name}_seed{seed}"
    stages = {
        "1_pose": {},
        "2_motion/humanoid": {"loop": True},
        "3_draft/humanoid": {"draft_return": 0.9},
        "3_policy/humanoid": {},
        "4_result/humanoid": {},
    }
    for stage, metrics in stages.items():
        (run / stage).mkdir(parents=True)
        (run / stage / "stage.json").write_text(json.dumps({"seconds": 60.0, "metrics": metrics}))
    result = {
        "normalised_return": returned,
        "completed": 1.0,
        "tracking_mpjpe_mm": 40.0,
        "foot_slide_mm_per_frame": None,
        "samples": 2_000_000,
        "time_to_skill_seconds": 90.0 + 60.0 * seed if seed < 2 else None,
    }
    (run / "4_result/humanoid/result.json").write_text(json.dumps(result))
    (run / "config.json").write_text("{}")
    return run


def test_cells_are_means_over_the_seeds(tmp_path):
    for seed, returned in enumerate((0.8, 0.9)):
        finished_run(tmp_path, "hop", seed, returned)
    video = Path("hop.mp4")
    skill = _gather(TableRow(video, 2.0, 0.75), tmp_path, 2, {(video, 0): "", (video, 1): ""})
    cells = dict(zip(HEADER, make_rows([skill])[0], strict=True))
    # Mean of .8 and .9 is .85, each .05 away from it.
    assert cells["return"] == "0.850 ± 0.050 (2)" and cells["published"] == "0.750"
    assert cells["motion"] == "cycle" and cells["completed"] == "100%" and cells["draft"] == "0.900"
    assert cells["foot slide [mm/frame]"] == "-"  # not measured: nothing to average
    assert cells["time to skill [min]"] == "2.0, worst 2.5"
    assert cells["samples [M]"] == "2.00" and cells["verdict"].startswith("Learnt")
    five = "1.0 + 1.0 + 1.0 + 1.0 + 1.0 = 5.0"
    assert cells["pose + reference + draft + training + result [min]"] == five


@pytest.mark.parametrize(
    ("minutes", "runs", "text"),
    [
        ([2.0], 1, "2.0"),
        ([3.0, 1.0, 2.0], 3, "2.0, worst 3.0"),
        ([3.0, 1.0], 3, "3.0, worst never (2 of 3)"),  # who never gets there is slower than all others
        ([1.0], 3, "never, worst never (1 of 3)"),
        ([], 3, "- (0 of 3)"),
        ([], 0, "-"),
    ],
)
def test_runs_that_are_never_at_criterion_count_as_the_slowest(minutes, runs, text):
    assert format_time_to_skill(minutes, runs) == text


def test_a_verdict_says_where_the_fault_lies():
    fell = {"completed": 0.1, "normalised_return": 0.3}
    assert "train longer" in verdict(fell, {"draft_completed": 1.0, "problems": ["0.1-0.2 s: off by 200 mm"]})
    blamed = verdict(fell, {"draft_completed": 0.0, "problems": ["1.1-1.2 s: off by 434 mm; too high"]})
    assert "worst at 1.1-1.2 s" in blamed and "START" in blamed
    half = verdict({"completed": 0.6, "normalised_return": 0.6, "fall_time": 1.25}, {})
    assert "Most falls are about 1.2 s into the motion. Train longer" in half
    by_itself = verdict({"completed": 0.6, "normalised_return": 0.6, "ended_by_itself": True}, {})
    assert "--no-early-stop" in by_itself and "MINUTES" not in by_itself  # more minutes would change nothing


def test_processor_time_that_was_not_measured_is_not_never():
    video = Path("hop.mp4")
    old = TableRow(video, 2.0, None, results=({"time_to_skill_seconds": 90.0, "time_to_skill_cpu_seconds": None},))
    new = TableRow(video, 2.0, None, results=({"time_to_skill_seconds": 60.0, "time_to_skill_cpu_seconds": 120.0},))
    said = summarise_times([old, new])
    assert "median 1.2, worst 1.5 min by the clock, 2.0 min of processor time" in said
    assert summarise_times([TableRow(video, 2.0, None)]) == ""


def test_a_run_that_is_not_done_does_not_count(tmp_path):
    finished_run(tmp_path, "hop", 0, 0.8)  # of an earlier call, perhaps with other options
    video = Path("hop.mp4")
    assert _gather(TableRow(video, 2.0, None), tmp_path, 1, {}).results == ()


def test_what_cannot_be_read_gets_a_row_that_says_why(tmp_path):
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    table((tmp_path,), seeds=1, out=tmp_path / "out")
    with open(tmp_path / "out/table.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["skill"] == "broken" and "broken.mp4" in row["verdict"] and row["return"] == "-"
    assert "broken" in (tmp_path / "out/table.html").read_text()


def test_other_seeds_share_the_reference_and_nothing_else(tmp_path):
    first = finished_run(tmp_path, "hop", 0, 0.8)
    (first / "3_draft/humanoid.partial").mkdir()
    (first / "3_draft/humanoid.partial/draft.npz").touch()
    share_folder(first, tmp_path / "hop_seed1", plan_run(Path("hop.mp4"), 1, None, 1).shared)
    shared = {str(path.relative_to(tmp_path / "hop_seed1")) for path in (tmp_path / "hop_seed1").rglob("*.*")}
    stages = {f"{stage}/stage.json" for stage in ("1_pose", "2_motion/humanoid", "3_draft/humanoid")}
    assert shared == stages | {"config.json"}


def test_wrong_input_is_reported(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        table((tmp_path / "gone.mp4",), out=tmp_path / "out")
    with pytest.raises(InputError, match="no video"):
        table((), out=tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no video in this folder"):
        table((tmp_path / "empty",), out=tmp_path / "out")
    for name in ("a.mp4", "a.mov"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(InputError, match="called a"):
        table((tmp_path / "a.mp4", tmp_path / "a.mov"), out=tmp_path / "out")
    options: list[dict[str, Any]] = [{"store": "s3://x"}, {"jobs": 0}, {"cores": 2}, {"jobs": 2, "on": "ray"}]
    for option in options:
        with pytest.raises(InputError, match=r"--(store|jobs)"):
            table((tmp_path / "a.mp4",), out=tmp_path / "out", **option)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "text", ["", "video,normalised_return\nwalk\n", "video\nwalk\n", "video,normalised_return\nwalk,a\n"]
)
def test_published_returns_that_are_none_are_reported(tmp_path, text):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match=r"a\.csv: expected a CSV file with columns video,normalised_return"):
        read_published(tmp_path / "a.csv")
    (tmp_path / "a.csv").write_text("video,normalised_return\nwalk,0.5\n")
    assert read_published(tmp_path / "a.csv") == {"walk": 0.5}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="open files and memory are read from /proc")
def test_sixty_videos_leave_nothing_open(tmp_path, monkeypatch):
    films, out, temporary = tmp_path / "films", tmp_path / "table", tmp_path / "temporary"
    films.mkdir()
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr("sfv.cluster.unit.PAUSE", 0.02)
    with VideoWriter(tmp_path / "film.mp4", 10.0, (64, 48)) as film:
        film.write(np.zeros((48, 64, 3), dtype=np.uint8))
    (tmp_path / "long.mp4").write_bytes(bytes(1_700_000))
    for number in range(60):
        os.link(tmp_path / "film.mp4", films / f"film_{number}.mp4")
        result = finished_run(out, f"film_{number}", 0, 0.9) / "4_result" / "humanoid"
        os.link(tmp_path / "long.mp4", result / "side_by_side.mp4")

    def plan(film: Path, seed: int, *_: object) -> Unit:
        return Unit(f"{film.stem}_seed{seed}", ("-S", "-c", ""), film)  # a process of no work

    monkeypatch.setattr("sfv.commands.table.plan_run", plan)
    measured = list[tuple[int, int, int]]()

    class Engine(LocalEngine):
        def poll(self) -> dict[str, str]:
            measured.append((len(list(Path("/proc/self/fd").iterdir())), threading.active_count(), measure_memory()))
            return super().poll()

    monkeypatch.setattr("sfv.commands.table.LocalEngine", Engine)
    table((films,), seeds=1, jobs=2, out=out)
    at_work = np.array(measured[len(measured) // 8 :])
    assert len((out / "table.csv").read_text().splitlines()) == 61
    assert np.ptp(at_work[:, 0]) <= 12 and np.ptp(at_work[:, 1]) <= 2  # files and threads of two runs at work
    assert np.ptp(at_work[:, 2]) < 30e6  # the films have 100 MB
    assert not list(temporary.iterdir()) and not list(out.rglob("*.tmp"))
    assert "side_by_side.mp4" in (out / "table.html").read_text() and (out / "table.html").stat().st_size < 1e6


def measure_memory() -> int:
    """Resident memory of this process [bytes]."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
