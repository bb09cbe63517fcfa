"""The bench that compares three ways to learn a tracker: what it asks for, keeps, goes on with and writes."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from imitate.tracker.ways import MOMENTS, WAYS
from pose.errors import InputError
from sfv.bench import tracker_ways
from sfv.bench.tracker_ways import bench_tracker_ways, describe_ways, read_ways, write_ways


@pytest.fixture
def learnt(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What was learnt, in this process: a way's share of followed clips is its seed's tenth."""
    asked = list[tuple[Any, ...]]()

    def measure(way: str, folder: Path, count: int, minutes: float, seed: int) -> list[dict[str, float]]:
        asked.append((way, count, minutes, seed))
        names = [
            f"{part}_{what}" for part in ("learnt", "held_out") for what in ("followed", "share", "return", "mpjpe_mm")
        ]
        return [{"minutes": share * minutes} | dict.fromkeys(names, seed / 10.0) for share in MOMENTS]

    def here(work: Mapping[Path, Callable[[], Any]], count: int) -> Iterator[tuple[Path, Any]]:
        yield from ((key, call()) for key, call in work.items())

    monkeypatch.setattr(tracker_ways, "measure_way", measure)
    monkeypatch.setattr(tracker_ways, "finish_in_processes", here)
    monkeypatch.setattr(tracker_ways, "load_clips", lambda folder: [None] * 10)
    return asked


def test_every_way_with_every_seed_is_learnt_once(
    learnt: list[tuple[Any, ...]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    bench_tracker_ways(tmp_path, tmp_path / "ways", (10,), (4.0,), seeds=2, json=True)
    assert sorted(learnt) == [(way, 10, 4.0, seed) for way in sorted(WAYS) for seed in (0, 1)]
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["rows"]}
    row = rows["world_10_clips_1_min_held_out_followed"]
    assert row["value"] == 0.05 and row["spread"] == 0.05 and row["n"] == 2
    assert len(rows) == len(WAYS) * len(MOMENTS) * 6
    bench_tracker_ways(tmp_path, tmp_path / "ways", (10, 2), (4.0, 2.0), seeds=2)
    assert len(learnt) == 12 and learnt[6][1] == 2, "what is there is not learnt again"
    table = write_ways(read_ways(tmp_path / "ways"))
    assert "| 10 | ppo | 4 | 5 ± 5 % | 5 ± 5 % | 0.05 ± 0.05 | 0 ± 0 mm |" in table
    with pytest.raises(InputError, match="other --minutes"):
        bench_tracker_ways(tmp_path, tmp_path / "ways", (10,), (3.0,))


def test_what_cannot_be_compared_is_refused(learnt: list[tuple[Any, ...]], tmp_path: Path):
    for clips, minutes, seeds in (((10,), (1.0, 2.0), 3), ((), (), 3), ((10,), (1.0,), 0), ((0,), (1.0,), 1)):
        with pytest.raises(InputError, match="--clips"):
            bench_tracker_ways(tmp_path, tmp_path / "ways", clips, minutes, seeds)
    with pytest.raises(InputError, match="10 clips to learn from, --clips asks for 11"):
        bench_tracker_ways(tmp_path, tmp_path / "ways", (11,), (1.0,))
    assert learnt == [] and describe_ways([]) == []
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "clone_10_0.json").write_text('{"way": "clone"}', encoding="utf-8")
    with pytest.raises(InputError, match="not what bench tracker-ways writes"):
        read_ways(tmp_path / "damaged")
