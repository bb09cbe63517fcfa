"""`bench train`: which motions it takes, what it keeps, and the page it writes."""

import json
from dataclasses import replace

import pytest

from pose.errors import InputError
from sfv.bench.skills_page import write_skills_page
from sfv.bench.train import Target, list_motion_files, measure_motion, read_targets
from tests.samples import CHARACTER, TINY, standing


def test_files_and_folders_of_motions(tmp_path):
    (tmp_path / "walk.txt").touch()
    (tmp_path / "notes.md").touch()
    assert [path.name for path in list_motion_files((tmp_path,))] == ["walk.txt"]
    with pytest.raises(InputError, match="two motions are called walk"):
        list_motion_files((tmp_path, tmp_path / "walk.txt"))
    with pytest.raises(InputError, match="no such file or folder"):
        list_motion_files((tmp_path / "run.txt",))


def test_table_of_published_returns(tmp_path):
    table = tmp_path / "returns.csv"
    table.write_text("motion,published,published_samples_m,goal,minutes,measure\nflip,.7,72,.72,6,one_pass_return\n")
    assert read_targets(table) == {"flip": Target(0.7, 72.0, 0.72, 6.0, "one_pass_return")}
    table.write_text("clip,value\nflip,.7\n")
    with pytest.raises(InputError, match="not a table of published returns"):
        read_targets(table)


def test_a_motion_is_measured_once_and_gets_its_line(tmp_path):
    motion = standing()
    motion.save(tmp_path / "stand.npz")
    target = Target(published=0.9, goal=0.95, minutes=2.0, measure="one_pass_return")
    entry = measure_motion(tmp_path / "stand.npz", CHARACTER, TINY, target, tmp_path / "out")
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
    assert measure_motion(tmp_path / "stand.npz", CHARACTER, TINY, target, tmp_path / "out")["date"] == "2000-01-01"
    longer = replace(TINY, samples=192)
    assert measure_motion(tmp_path / "stand.npz", CHARACTER, longer, target, tmp_path / "out")["date"] != "2000-01-01"

    write_skills_page(tmp_path / "skills.md", {"humanoid3d_stand": entry})
    line = next(line for line in (tmp_path / "skills.md").read_text().splitlines() if line.startswith("| stand"))
    assert line.startswith("| stand | .900 | .950 in 2 min | ") and "* ± " in line
    assert line.count("|") == 12
