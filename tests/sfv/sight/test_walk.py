"""`sfv see --skill`, `sfv play SKILL --eyes`, and the rows of `sfv bench vision --skill`."""

import numpy as np
import pytest

from imitate.vision.depth_camera import CameraConfig
from imitate.vision.networks import SeeingLayout, SeeingPolicy, Student
from imitate.vision.walking_course import KINDS
from imitate.vision.walking_env import DOTS
from imitate.vision.walking_setting import WalkingResult, actor_of, run_walks
from pose.errors import InputError
from sfv.bench.vision import bench_vision
from sfv.bench.vision_walk import TITLES, make_guide_rows, make_walk_rows, write_walk_page
from sfv.commands.play import play
from sfv.go1.see import SeeGo1Config
from sfv.sight import walk
from sfv.sight.see import see
from sfv.sight.walk import WalkSightConfig, find_walk, load_walk_sight, make_task, write_walk_film

CAMERA = CameraConfig(rows=26, columns=30, place=(0.1, 0.0, 0.1), pitch_degrees=48.0, far=4.0)


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    return make_task(WalkSightConfig(), find_walk("walk"), tmp_path_factory.mktemp("sight"))


@pytest.fixture(scope="module")
def student() -> Student:
    layout = SeeingLayout(memory=4, hidden=(4,), body="humanoid", sensed=229, physics=0, dots=len(DOTS), actions=28)
    return Student(SeeingPolicy(layout), CAMERA)


def test_who_cannot_see_is_refused_in_one_line(tmp_path, monkeypatch, student):
    monkeypatch.setattr(walk, "RUNS", tmp_path)
    shipped = load_walk_sight("walk")[1]
    assert shipped.camera == walk.CAMERA and shipped.layout.body == "humanoid"
    monkeypatch.setattr(walk, "shipped_eyes", lambda skill: tmp_path / "none")
    with pytest.raises(InputError, match="no eyes come with 'walk'"):
        bench_vision(skill="walk", shipped=True)
    with pytest.raises(InputError, match="the Go1's eyes are not shipped"):
        bench_vision(shipped=True)
    with pytest.raises(InputError, match="'walk' cannot see yet; let it learn: sfv see --skill walk"):
        play(("walk",), eyes=True)
    with pytest.raises(InputError, match="one skill alone"):
        play(("walk", "backflip"), eyes=True)
    with pytest.raises(InputError, match="passed once"):
        see(SeeGo1Config(skill="backflip", out=tmp_path / "flip"))
    with pytest.raises(InputError, match="--architecture"):
        see(SeeGo1Config(skill="walk", architecture="rma"))
    (tmp_path / "walk_sight").mkdir()
    Student(SeeingPolicy(SeeingLayout(memory=4, hidden=(4,)))).save(tmp_path / "walk_sight" / "student.pt")
    with pytest.raises(InputError, match="the eyes of go1, not of humanoid"):
        load_walk_sight("walk")
    student.save(tmp_path / "walk_sight" / "student.pt")
    assert load_walk_sight("walk")[1].camera == CAMERA


def test_numbers_that_are_given_are_taken_for_both_bodies(tmp_path, monkeypatch):
    """Those of the Go1's defaults, too; where none are given, each body has its own."""
    taken = []
    monkeypatch.setattr("sfv.sight.see.learn_walk_by_sight", lambda config, folder: taken.append(config))
    see(SeeGo1Config(skill="walk", samples=100_000, imitation_samples=150_000))
    see(SeeGo1Config(skill="walk", student_samples=7, samples=0))
    assert [(c.guide_samples, c.imitation_samples, c.student_samples) for c in taken] == [
        (100_000, 150_000, 500_000),
        (0, 1_000_000, 7),
    ]
    training = SeeGo1Config().to_training()
    assert (training.imitation.samples, training.samples, training.student.samples) == (150_000, 100_000, 100_000)
    with pytest.raises(InputError, match="numbers of its own"):
        bench_vision(samples=100_000, folder=tmp_path, skill="walk")


def test_walks_and_film_of_one_that_has_not_learnt(task, student, tmp_path):
    """An untrained student falls, or is where it was when time is over; the film shows all kinds."""
    result = run_walks(actor_of(student), task, 0, 3, CAMERA, 0.2)
    assert not result.completed.any() and result.kind.tolist() == [0, 1, 2] and (result.seconds <= 0.2 + 1e-9).all()
    out = tmp_path / "eyes.mp4"
    walks = write_walk_film(actor_of(student), task, out, CAMERA, 0.04, (96, 64))
    assert out.stat().st_size and set(walks) == set(KINDS)
    assert {each.end for each in walks.values()} == {"time over"}
    assert all(len(each.qpos) == 1 and each.pictures.shape == (1, 26, 30) for each in walks.values())


def test_rows_and_page_show_what_was_measured(tmp_path):
    kind = np.tile(np.arange(3), 4)
    found = {}
    for number, who in enumerate(TITLES):
        completed = np.arange(12) < 12 - 2 * number
        found[who] = WalkingResult(kind, completed, completed * 1.0, np.full(12, 9.0))
    rows = {row.name: row for row in make_walk_rows(found)}
    assert rows["humanoid_stairs_completed"].value == pytest.approx(10 / 12)
    assert rows["humanoid_stairs_completed"].goal == 0.8
    assert rows["humanoid_stairs_completed_teacher_gaps"].value == 1.0
    assert rows["humanoid_stairs_completed_blind"].value == pytest.approx(8 / 12)
    followed = {row.name: row.value for row in make_guide_rows(found["student"], found["blind"])}
    assert (
        followed["humanoid_plans_followed"] == pytest.approx(10 / 12)
        and followed["humanoid_plans_followed_stairs"] == 1
    )
    text = write_walk_page(tmp_path, found, WalkSightConfig(), "learnt from 7 steps").read_text(encoding="utf-8")
    assert "| Teacher, scandots | 100% | 100% | 100% | 100% +- 0% | 100% |" in text
    assert "| **Student, depth camera on the head** | 100% | 75% | 75% | 83% +- 21% | 83% |" in text
    assert "seed 0; learnt from 7 steps. Goal: the student 80%" in " ".join(text.split())
    del found["teacher"], found["blind"]  # as of shipped eyes
    shorter = write_walk_page(tmp_path, found, WalkSightConfig(), "so").read_text(encoding="utf-8")
    assert "Teacher, scandots" not in shorter and "| Student, camera covered |" in shorter
