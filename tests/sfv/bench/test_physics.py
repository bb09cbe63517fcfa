"""`bench physics` and `bench loop` in small, on the shipped walk."""

import pytest

from sfv.bench import physics
from sfv.bench.loop import bench_loop
from sfv.bench.physics import PARTS, bench_physics


def test_loop_is_timed(printed):
    bench_loop(samples=4096, json=True)
    rows = printed()
    assert rows["processes"]["value"] == 1
    assert rows["loop_steps_per_second"]["value"] > 100.0
    assert rows["memory_mb"]["value"] > 100.0


def test_parts_are_shares_of_the_whole(printed, monkeypatch):
    monkeypatch.setattr(physics, "LIMIT_SECONDS", 0.2)
    monkeypatch.setattr(physics, "usable_cores", lambda: 1)
    bench_physics(samples=4096, comparisons=False, json=True)
    rows = printed()
    assert {f"{part}_us" for part in PARTS} <= set(rows)
    parts = [rows[f"{part}_us"]["value"] for part in ("targets", "physics", "reward", "observe", "act")]
    # The rollout is made of these parts; on a busy machine each of the two is measured with noise.
    assert 0.3 * sum(parts) < rows["collect_us"]["value"] < 5.0 * sum(parts)
    assert rows["limit_us"]["value"] < 1.5 * rows["physics_us"]["value"]
    limit, loop = rows["limit_steps_per_second"]["value"], rows["loop_steps_per_second_cpu"]["value"]
    assert rows["loop_share"]["value"] == pytest.approx(loop / limit)
    assert rows["loop_steps_per_second"]["goal"] == pytest.approx(0.6 * limit)
