"""The library of skills: what ships is performed again."""

from pathlib import Path

import pytest

from imitate.scene.scene import Scene
from imitate.tracker.segments import HELD_OUT, read_list
from pose.errors import InputError
from sfv.commands.play import choose_from_library
from sfv.library import CLIPS, LIBRARY, find_library_skill, library_skills, make_library

LARGEST = 80_000
"""Size of a skill's file [bytes]."""


def test_what_the_index_says_is_there_and_nothing_else():
    skills, clips = list(library_skills()), read_list(LIBRARY / CLIPS)
    assert {skill.path for skill in skills} == set(LIBRARY.glob("*.npz"))
    for skill in skills:
        assert skill.path.stat().st_size < LARGEST and skill.note["completed"] >= 0.9
        assert clips[skill.name].clip == skill.note["clip"] and skill.note["clip"].split("_")[0] not in HELD_OUT
    text = (LIBRARY / "LICENSE").read_text(encoding="utf-8")
    assert "The data used in this project was obtained from mocap.cs.cmu.edu" in " ".join(text.split())


def test_a_skill_is_performed_to_its_end():
    skill = min(library_skills(), key=lambda skill: skill.note["seconds"])
    rollout, task = skill.perform()
    assert not rollout.terminated and rollout.duration == pytest.approx(task.motion.duration)
    assert rollout.reward[1:].mean() > 0.9


def test_a_skill_of_the_library_stands_alone():
    name = next(library_skills()).name
    found = choose_from_library([name], None, Scene())
    assert found is not None and found.name == name and find_library_skill("walk") is None
    with pytest.raises(InputError, match="play it alone"):
        choose_from_library(["walk", name], None, Scene())
    with pytest.raises(InputError, match="on the plane"):
        choose_from_library([name], "atlas", Scene())


def test_a_library_of_nothing_is_one_line(tmp_path: Path):
    with pytest.raises(InputError, match="sfv tracker prepare"):
        make_library(tmp_path, tmp_path / "out")
