"""`bench train`: what it measures and keeps, and the page it writes."""

import json
from dataclasses import replace

import pytest

from imitate.env.task import Task
from pose.errors import InputError
from sfv.bench.skills_page import write_skills_page
from sfv.bench.train import ReturnTarget, TrainBenchConfig, bench_train, measure_motion, read_targets
from tests.samples import CHARACTER, TINY, standing


def test_table_of_published_returns(tmp_path):
    table = tmp_path / "returns.csv"
    table.write_text("motion,published,published_samples_m,goal,minutes,measure\nflip,.7,72,.72,6,one_pass_return\n")
    assert read_targets(table) == {"flip": ReturnTarget(0.7, 72.0, 0.72, 6.0, "one_pass_return")}
    table.write_text("clip,value\nflip,.7\n")
    with pytest.raises(InputError, match="not a table of published returns"):
        read_targets(table)


def test_a_motion_is_measured_once_and_gets_its_line(tmp_path, monkeypatch):
    monkeypatch.setattr("sfv.bench.train.ROLLOUTS", 4)
    motion = standing()
    target = ReturnTarget(published=0.9, goal=0.95, minutes=2.0, measure="one_pass_return")
    entry = measure_motion(Task(CHARACTER, motion), TINY.resolve(), target, tmp_path / "out")
    rows = {row["name"]: row for row in entry["rows"]}
    assert 0.0 < rows["one_pass_return"]["value"] <= 1.0
    assert (rows["one_pass_return"]["goal"], rows["one_pass_return"]["baseline"]) == (0.95, 0.9)
    assert rows["samples"]["value"] == 128
    assert rows["memory_mb"]["value"] > 100
    assert 0.0 <= rows["push_survival"]["value"] <= 1.0
    assert rows["ten_in_a_row_return"]["value"] is not None  # standing ends as it began

    kept = tmp_path / "out" / "bench.json"
    changed = json.loads(kept.read_text())
    changed["date"] = "2000-01-01"
    kept.write_text(json.dumps(changed))
    assert measure_motion(Task(CHARACTER, motion), TINY.resolve(), target, tmp_path / "out")["date"] == "2000-01-01"
    longer = replace(TINY, samples=192).resolve()
    assert measure_motion(Task(CHARACTER, motion), longer, target, tmp_path / "out")["date"] != "2000-01-01"

    write_skills_page(tmp_path / "skills.md", {"humanoid3d_stand": entry})
    line = next(line for line in (tmp_path / "skills.md").read_text().splitlines() if line.startswith("| stand"))
    assert line.startswith("| stand | .900 | .950 in 2 min | ") and "* ± " in line
    assert line.count("|") == 12


def test_command_prints_every_motion_and_goes_on_from_what_is_there(tmp_path, capsys, monkeypatch):
    """The budget is the table's; a second run trains nothing."""
    for name in ("stand", "wait"):
        standing(16).save(tmp_path / f"{name}.npz")
    table = tmp_path / "returns.csv"
    table.write_text("motion,published,published_samples_m,goal,minutes,measure\nstand,.7,72,.72,6,one_pass_return\n")
    monkeypatch.setattr("sfv.bench.train.ROLLOUTS", 2)
    monkeypatch.setattr(TrainBenchConfig, "train_config", lambda self, target: TINY.resolve())
    files = (tmp_path / "stand.npz", tmp_path / "wait.npz")
    page = tmp_path / "page.md"
    config = TrainBenchConfig(files, out=tmp_path / "out", published=table, page=page)

    def print_rows() -> dict:
        bench_train(config, json=True)
        return {row["name"]: row for row in json.loads(capsys.readouterr().out)["rows"]}

    rows = print_rows()
    assert rows["stand_one_pass_return"]["baseline"] == 0.7 and rows["wait_one_pass_return"]["baseline"] is None
    assert "| stand | .700 (72 M) |" in page.read_text()
    monkeypatch.setattr("sfv.bench.train.train_policy", None)
    assert print_rows() == rows


def test_budget_is_the_user_s_then_the_table_s_then_six_minutes():
    assert TrainBenchConfig(minutes=2.0).train_config(ReturnTarget(minutes=4.0)).minutes == 2.0
    assert TrainBenchConfig().train_config(ReturnTarget(minutes=4.0)).minutes == 4.0
    assert TrainBenchConfig().train_config(ReturnTarget()).minutes == 6.0
