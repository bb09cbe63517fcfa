"""The library of skills: what ships is performed again."""

import json
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from imitate.completion import COMPARED, KnownPoses, centre_on_hips, complete, compute_points, find_nearest_phases
from imitate.scene.scene import Scene
from imitate.tracker.prepare import FOLLOWED, TRAINING, load_clips
from imitate.tracker.segments import read_list
from pose.errors import InputError
from reconstruct.formats.mocap_archive import HELD_OUT
from sfv.commands.play import choose_from_library
from sfv.library import CLIPS, LIBRARY, find_library_skill, library_skills, make_library, prepare_library
from sfv.picture_motion import find_skills
from sfv.skill import skills_named

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


def test_a_picture_of_a_skill_of_the_library_finds_it_and_it_goes_on_from_there():
    skill = min(library_skills(), key=lambda skill: skill.note["seconds"])
    assert skill.name in [each.name for each in find_skills(skill.character, Path("no runs"))]
    frame = len(skill.reference) // 2
    pose = skill.reference.qpos[frame] + np.array([5.0, -2.0, *np.zeros(len(skill.reference.qpos[0]) - 2)])
    points = centre_on_hips(compute_points(skill.character, pose[None]))[0]
    known = [KnownPoses.of(skill.name, skill.reference, skill.character)]
    match = find_nearest_phases(points, np.ones(len(COMPARED)), np.array([1.0, 0.0, 0.0]), known)[0]
    assert match.distance < 0.03 and match.phase == pytest.approx(frame / (len(skill.reference) - 1), abs=0.05)
    found = complete(pose, match, skill.performer, skill.task)
    assert found.held and found.past_simulated and found.share == 1.0
    assert len(found.qpos) == pytest.approx(len(skill.reference), abs=2)


def test_a_tracker_learns_from_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    skill = min(library_skills(), key=lambda skill: skill.note["seconds"])
    monkeypatch.setattr("sfv.library.library_skills", lambda: iter([skill]))
    prepare_library(tmp_path)
    (found,) = load_clips(tmp_path)
    assert found.name == skill.name and found.motion.qpos == pytest.approx(skill.reference.qpos)
    assert found.draft is not None and len(found.draft.gains) == len(skill.reference) - 1
    written = (tmp_path / TRAINING / f"{skill.name}.npz").stat().st_mtime_ns
    prepare_library(tmp_path)
    assert (tmp_path / TRAINING / f"{skill.name}.npz").stat().st_mtime_ns == written, "done is done"


def test_a_skill_of_the_library_stands_alone():
    name = next(library_skills()).name
    found = choose_from_library([name], None, Scene())
    assert found is not None and found.name == name and find_library_skill("walk") is None
    with pytest.raises(InputError, match="play it alone"):
        choose_from_library(["walk", name], None, Scene())
    with pytest.raises(InputError, match="on the plane"):
        choose_from_library([name], "atlas", Scene())


def test_a_run_of_the_name_comes_first_and_others_say_what_a_skill_of_the_library_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    name = next(library_skills()).name
    with pytest.raises(InputError, match="only sfv play, alone, and sfv complete perform it"):
        skills_named(name)
    with pytest.raises(InputError, match=rf"for sfv play alone \d+, such as {name}"):
        skills_named(name[:-1])
    monkeypatch.chdir(tmp_path)
    for folder in (tmp_path / name, tmp_path / "runs" / name):
        folder.mkdir(parents=True)
        assert choose_from_library([name], None, Scene()) is None
        folder.rmdir()


def test_what_is_good_enough_is_kept_at_once_and_nothing_else_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    clips, out, training = tmp_path / "clips.csv", tmp_path / "out", tmp_path / TRAINING
    rows = [f"{name},0{k}_01,0,2,walk" for k, name in enumerate(("good", "worse", "late"), 1)]
    clips.write_text("\n".join(["skill,clip,start,end,kind", *rows]), encoding="utf-8")
    training.mkdir()
    for k in (1, 2, 3):
        note = {"result": FOLLOWED, "draft_return": 0.95, "description": "walk"}
        (training / f"0{k}_01_0000.json").write_text(json.dumps(note), encoding="utf-8")
    out.mkdir()
    (out / "worse.npz").write_bytes(b"as it was")
    made = list[str]()

    def make(name: str) -> tuple[SimpleNamespace, dict[str, float]]:
        made.append(name)
        if len(made) == 3:
            raise KeyboardInterrupt
        good = {"normalised_return": 1.0 if name.startswith("01") else 0.5, "completed": 1.0}
        save = lambda path: path.write_bytes(b"performance")  # noqa: E731
        return SimpleNamespace(save=save), good | {"tracking_world_mpjpe_mm": math.nan}

    monkeypatch.setattr("sfv.library.Prepared", SimpleNamespace(load=lambda path: path.stem))
    monkeypatch.setattr("sfv.library.make_skill", make)
    with pytest.raises(KeyboardInterrupt):
        make_library(tmp_path, out, clips)
    [kept] = library_skills(out)
    assert kept.name == "good" and kept.path.is_file() and kept.note["tracking_world_mpjpe_mm"] is None
    assert (out / "worse.npz").read_bytes() == b"as it was" and not (out / "late.npz").exists()
    assert make_library(tmp_path, out, clips) == {
        "worse": "performed again 100%, return 0.50",
        "late": "performed again 100%, return 0.50",
    }
    assert made == ["01_01_0000", "02_01_0000", "03_01_0000", "02_01_0000", "03_01_0000"]


def test_a_library_of_nothing_is_one_line(tmp_path: Path):
    with pytest.raises(InputError, match="sfv tracker prepare"):
        make_library(tmp_path, tmp_path / "out")
