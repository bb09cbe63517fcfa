"""`bench scene-from-video`: errors of objects worked out by hand; a film whose object is found."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from pose.errors import InputError
from reconstruct.characters.character import load_character
from reconstruct.motion import ReferenceMotion
from reconstruct.scene_objects import SceneObject
from sfv.bench import scene_errors
from sfv.bench.films import list_scene_films
from sfv.bench.scene_errors import MeasuredScene, compare_objects, compare_scene, measure_scene
from sfv.bench.scene_from_video import bench_scene_from_video, simulate_inputs, summarize_scenes
from sfv.demo.motions import load_demo_take, place_things

BOX = SceneObject("box", 1.0, 0.0, 0.3, 1.0, 0.8)
BAR = SceneObject("bar", 0.0, 0.0, 2.0, 1.2, yaw=90.0)
START = np.zeros(3)
NOTHING = cast(ReferenceMotion, None)  # the summary looks at the objects alone


def test_a_box_is_compared_by_the_edge_that_the_person_comes_to():
    smaller = SceneObject("box", 0.78, 0.0, 0.33, 0.5, 0.4)  # from .53 to 1.03: 3 cm behind the true edge
    assert compare_objects(BOX, smaller, smaller.corners(), START) == pytest.approx((0.03, 0.03))
    beyond = np.array([2.0, 0.0, 0.0])  # who comes from the other side sees the edge at 1.5
    assert compare_objects(BOX, smaller, smaller.corners(), beyond)[1] == pytest.approx(0.47)


def test_a_wall_that_is_turned_a_little_is_where_the_middle_of_its_face_is():
    wall = SceneObject("box", 1.0, 0.0, 2.4, 0.1, 2.0, 2.4)
    turned = replace(wall, yaw=5.0)
    assert compare_objects(wall, turned, turned.corners(), START)[1] == pytest.approx(0.0, abs=0.001)


def test_a_bar_is_compared_across_its_direction():
    beside = replace(BAR, x=0.04, y=0.5, height=1.95)
    assert compare_objects(BAR, beside, beside.corners(), START) == pytest.approx((0.05, 0.04))


def test_rows_count_what_was_found_and_name_what_was_not():
    scenes = {
        "a": MeasuredScene(NOTHING, (BOX,), (BOX,), 0.02, 0.1),
        "b": MeasuredScene(NOTHING, (BOX,), (BOX, None), 0.01, 0.2),
    }
    rows = {row.name: row for row in summarize_scenes(scenes)}
    assert rows["object_found"].value == 0.5 and "b" in rows["object_found"].note
    assert rows["object_height_mm"].value == pytest.approx(20.0) and rows["object_place_mm"].value == pytest.approx(100)


def test_an_object_that_is_found_twice_counts_once_and_the_other_is_extra():
    step, _ = load_demo_take("step_up", load_character("humanoid"))
    body = load_character("humanoid")
    true = place_things("step_up", body, step)[0]
    motion = SimpleNamespace(qpos=step)
    camera = SimpleNamespace(to_camera=lambda points: points)
    truth = SimpleNamespace(to_world=lambda points: points)
    found = SimpleNamespace(
        objects=(true, replace(true, height=true.height + 0.05)), motion=motion, camera=camera, why=""
    )
    scene = compare_scene("step_up", cast(Any, found), cast(Any, truth), body)
    assert scene.things == (true,) and scene.extra == 1 and scene.height == pytest.approx(0.0, abs=1e-9)


def test_an_unknown_motion_is_one_line():
    with pytest.raises(InputError, match="no motion 'fly'"):
        bench_scene_from_video(("fly",))


def test_a_film_that_was_measured_is_read_until_keypoints_change(tmp_path, monkeypatch):
    body = load_character("humanoid")
    film = list_scene_films(("step_up",), False)[0]
    _, keypoints, truth = next(simulate_inputs([film]))
    qpos, contacts = load_demo_take("step_up", body)
    names = tuple(body.contacts)
    motion = ReferenceMotion(qpos, keypoints.fps, body.name, body.height, body.joint_names, contacts, names)
    calls = list[int]()

    def reconstruct(*_: object) -> SimpleNamespace:
        calls.append(1)
        camera = SimpleNamespace(to_camera=lambda points: points @ truth.R_camera_world.T + truth.t_camera_world)
        return SimpleNamespace(objects=place_things("step_up", body, qpos), motion=motion, camera=camera, why="")

    monkeypatch.setattr(scene_errors, "reconstruct_motion", reconstruct)
    first = measure_scene(film, keypoints, truth, body, tmp_path)
    again = measure_scene(film, keypoints, truth, body, tmp_path)
    assert len(calls) == 1 and again.things == first.things and None not in again.things
    assert again.height == pytest.approx(0.0, abs=1e-9) and (again.motion.qpos == first.motion.qpos).all()
    measure_scene(film, replace(keypoints, xy=keypoints.xy + 1.0), truth, body, tmp_path)
    assert len(calls) == 2
