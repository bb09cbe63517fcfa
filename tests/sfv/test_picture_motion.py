"""From a picture to a motion: which skills are searched, how answers are ranked, what is shown."""

import json
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from PIL import Image

from imitate.completion import NEAR, Completion, Match
from imitate.scene.scene import Scene
from pose.errors import InputError
from reconstruct.camera import View
from sfv import picture_motion
from sfv.demo.motions import load_demo_motion
from sfv.picture_motion import (
    FALL_COSTS,
    Candidate,
    CompleteConfig,
    complete_picture,
    cut_to_view,
    draw_through,
    find_skills,
    perform_candidates,
    to_row,
)
from sfv.skill import Skill
from tests.samples import CHARACTER, standing

CAMERA = View(0.0, 0.0, 1.0, 6.0).camera((640, 480))


def make_skill(name: str = "jump", **changes) -> Skill:
    skill = Skill(name, "humanoid", standing(8), Path("none.pt"), Scene(), {}, None)
    return replace(skill, **changes)


def candidate(distance: float, held: bool) -> Candidate:
    completion = Completion(np.zeros((9, 10)), 3, held, 0.6, True)
    return Candidate(make_skill(), Match(0, 0.25, distance, 0.0), completion, np.zeros((9, 10)), CAMERA)


def test_a_fall_costs_a_candidate_its_rank():
    ranks = [candidate(*found).rank for found in ((0.10, True), (0.06, False), (0.12, False))]
    np.testing.assert_allclose(ranks, [0.10, 0.06 + FALL_COSTS, 0.12 + FALL_COSTS])


def test_a_row_is_what_json_knows():
    row = to_row(candidate(0.123456, True))
    assert json.loads(json.dumps(row)) == row
    assert (row["distance_m"], row["picture_frame"], row["frames"], row["pose_share"]) == (0.1235, 3, 9, 0.6)


def test_skills_of_this_body_on_flat_ground_are_searched(monkeypatch, tmp_path):
    other = replace(standing(8), joint_names=("root", "wheel"))
    skills = [make_skill(), make_skill("climb", scene=Scene("slope")), make_skill("roll", reference=other)]
    monkeypatch.setattr(picture_motion, "library_skills", lambda: iter(()))
    monkeypatch.setattr(picture_motion, "known_skills", lambda runs: iter(skills))
    assert [skill.name for skill in find_skills(CHARACTER, tmp_path)] == ["jump"]
    monkeypatch.setattr(picture_motion, "known_skills", lambda runs: iter(skills[1:]))
    with pytest.raises(InputError, match="no skill of 'humanoid' is known; learn one"):
        find_skills(CHARACTER, tmp_path)


def test_a_pose_that_is_near_to_nothing_is_refused_with_the_nearest(monkeypatch):
    far = Match(0, 0.5, NEAR + 0.05, 0.0)
    monkeypatch.setattr(picture_motion, "compute_picture_points", lambda posed, character: ())
    monkeypatch.setattr(picture_motion, "find_nearest_phases", lambda *_: [far])
    skill = make_skill("walk", reference=load_demo_motion("walk", CHARACTER))
    with pytest.raises(InputError, match=r"nearest is walk, 23 cm off where 18 are allowed"):
        perform_candidates(cast(picture_motion.PicturePose, None), [skill], CHARACTER)


def test_a_motion_is_shown_until_the_root_leaves_the_picture():
    qpos = standing(10).qpos.copy()
    qpos[:, 0], qpos[:, 2] = 4.0, 1.0
    qpos[:, 1] = -0.5 * np.arange(10)  # 403 px a metre at 1 m: it leaves the right half, 320 px, at 3.17 m
    x = CAMERA.project(qpos[:, :3])[:, 0]
    shown = cut_to_view(qpos, CAMERA)
    assert 0 < len(shown) < 10 and (x[: len(shown)] <= 640).all() and x[len(shown)] > 640
    behind = qpos.copy()
    behind[:, 1] = 0.0
    behind[6:, 0] = -1.0  # behind the camera, where it would project into the picture again
    assert len(cut_to_view(behind, CAMERA)) == 6
    outside = qpos + np.eye(qpos.shape[1])[1] * 100.0
    assert len(cut_to_view(outside, CAMERA)) == 10  # never in view: nothing is gained by cutting


def test_the_body_is_drawn_where_the_camera_has_it():
    qpos = standing(2).qpos.copy()
    qpos[:, 0] = 4.0
    (image,) = draw_through(CAMERA, standing(2), CHARACTER, qpos[:1])
    empty = qpos.copy()
    empty[:, 0] = -50.0
    (nobody,) = draw_through(CAMERA, standing(2), CHARACTER, empty[:1])
    assert image.shape == (480, 640, 3)
    rows, columns = np.nonzero(np.abs(image.astype(int) - nobody).sum(axis=-1) > 60)
    assert abs(np.median(columns) - 320) < 10
    head = CAMERA.project(np.array([[4.0, 0.0, CHARACTER.height]]))[0, 1]
    assert rows.min() == pytest.approx(head, abs=20)


def test_a_robot_is_no_body_of_whom_a_picture_shows(tmp_path):
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="atlas: is not built as people are"):
        complete_picture(tmp_path / "a.png", CompleteConfig(character="atlas"))
