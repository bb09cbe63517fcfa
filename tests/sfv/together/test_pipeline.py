"""`--people all`: whom it takes, what it refuses, and what a run keeps of each person."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from imitate.scene.scene import Scene
from imitate.together.perform import ACTING, FALLEN, GONE, WAITING, Performance
from pose.errors import InputError
from pose.estimate import PoseConfig
from pose.video import VideoWriter
from reconstruct.camera import View
from reconstruct.characters.character import load_character
from reconstruct.reconstruct import ReconstructConfig
from reconstruct.together.shared_world import Place
from sfv.commands.play import play
from sfv.config import ClipConfig
from sfv.run import Run
from sfv.together.film import draw_group, film_cameras
from sfv.together.people import Person, find_run, load_people, save_people
from sfv.together.pipeline import choose_people, prepare
from sfv.together.stages import describe_performance, describe_world, measure_performance


@pytest.fixture
def video(tmp_path: Path) -> Path:
    with VideoWriter(tmp_path / "two.mp4", 30.0, (64, 48)) as writer:
        for _ in range(12):
            writer.write(np.zeros((48, 64, 3), np.uint8))
    return tmp_path / "two.mp4"


@pytest.mark.parametrize(
    ("option", "name"),
    [
        ({"motion": Path("walk.bvh")}, "--motion"),
        ({"split": True}, "--split"),
        ({"upper_body": "walk"}, "--upper-body"),
        ({"pose": PoseConfig(person="2")}, "--person"),
        ({"keypoints": Path("keypoints.json")}, "--keypoints"),
        ({"scene": Scene("slope", angle=5.0)}, "--scene"),
        ({"reconstruct": ReconstructConfig(loop="yes")}, "--reconstruct.loop yes"),
    ],
)
def test_options_that_do_not_go_with_several_people_are_named(video: Path, option: dict[str, Any], name: str) -> None:
    with pytest.raises(InputError, match=f"does not go with {name}"):
        prepare(ClipConfig(**{"video": video, "people": "all"} | option))


def test_a_run_of_several_is_on_flat_ground_and_each_motion_is_passed_once(video: Path) -> None:
    with pytest.raises(InputError, match="needs a video"):
        prepare(ClipConfig(people="all"))
    with pytest.raises(InputError, match="atlas is not built as people are"):
        prepare(ClipConfig(video=video, people="all", character="atlas"))
    config = prepare(ClipConfig(video=video, people="all"))
    assert config.out == Path("runs/two_people") and config.scene.kind == "flat" and config.reconstruct.loop == "no"


def test_who_is_seen_too_badly_is_left_out_and_one_alone_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    def found(*levels: str) -> Any:
        people = [{"level": level, "verdict": level, "findings": [], "start": 0.0, "end": 2.0} for level in levels]
        return cast(Any, {"overlay.mp4": "overlay.mp4"} | {"people": people})

    class Pose(dict[str, Any]):
        metrics = property(lambda self: self)

    assert choose_people(cast(Any, Pose(found("good", "poor", "usable"))), Path("v.mp4"), anyway=False) == [1, 3]
    said = capsys.readouterr()
    assert "person 2 is left out" in said.out + said.err
    assert choose_people(cast(Any, Pose(found("good", "poor"))), Path("v.mp4"), anyway=True) == [1, 2]
    with pytest.raises(InputError, match="1 of 2 people are seen well enough"):
        choose_people(cast(Any, Pose(found("good", "poor"))), Path("v.mp4"), anyway=False)


def test_places_are_kept_and_nonsense_in_them_is_one_line(tmp_path: Path) -> None:
    people = (Person(1, 1.8, Place(0.0, 0.1, 2.0, 1.0)), Person(3, 1.6, Place(0.5, -2.0, 3.0, -1.0), "child"))
    save_people(people, tmp_path / "people.json")
    assert load_people(tmp_path / "people.json") == people
    save_people([Person(1, -1.0, Place())], tmp_path / "people.json")
    with pytest.raises(InputError, match="a list of people"):
        load_people(tmp_path / "people.json")
    (tmp_path / "config.json").write_text("{}")
    save_people(people, tmp_path / "people.json")
    with pytest.raises(InputError, match="play it without other options"):
        play((str(tmp_path),), seconds=2.0)
    with pytest.raises(InputError, match="0 people have learnt"):
        play((str(tmp_path),))


def test_the_run_of_a_person_is_that_of_the_body_that_learnt_not_of_one_that_it_was_retargeted_to(
    tmp_path: Path,
) -> None:
    person = Person(1, 1.8, Place())
    for body in ("atlas", "humanoid.partial"):
        (tmp_path / "person1" / "4_result" / body).mkdir(parents=True)
        (tmp_path / "person1" / "4_result" / body / "rollout.npz").touch()
    with pytest.raises(InputError, match="no finished result of humanoid yet"):
        find_run(tmp_path, person)
    (tmp_path / "person1" / "4_result" / "humanoid.partial").rename(tmp_path / "person1" / "4_result" / "humanoid")
    assert find_run(tmp_path, person) == Run(tmp_path / "person1", "humanoid")
    save_people([Person(1, 1.8, Place(), "../atlas")], tmp_path / "people.json")
    with pytest.raises(InputError, match="a list of people"):
        load_people(tmp_path / "people.json")


def test_what_they_do_together_is_said_by_numbers() -> None:
    still, moved = np.zeros((4, 7)), np.zeros((4, 7))
    moved[:, 0] = 0.1
    state = np.array([[ACTING, ACTING, ACTING, GONE], [WAITING, ACTING, FALLEN, FALLEN]])
    done = Performance(
        qpos=(still, moved), reference_qpos=(still, still), state=state,
        reward=np.array([[0.0, 0.9, 0.9, 0.9], [0.0, 0.0, 0.0, 0.0]]), depth=np.array([0.0, 0.01, 0.02, 0.0]),
        touching=np.array([False, True, True, False]), steps=np.array([3, 2]),
    )  # fmt: skip
    metrics = measure_performance(done, (1, 2))
    assert metrics["completed"] == 0.5 and metrics["person1_return"] == pytest.approx(0.9)
    assert metrics["person1_falls_at"] is None and metrics["person2_falls_at"] == pytest.approx(2 / 30)
    assert metrics["relative_place_mm"] == pytest.approx(100.0)
    assert (metrics["touching_s"], metrics["deepest_contact_mm"]) == (pytest.approx(2 / 30), pytest.approx(20.0))
    assert describe_performance(metrics, (1, 2)) == (
        "1 of 2 reach the end together; person 2 falls at 0.1 s; they touch for 0.1 s"
    )


def test_who_is_still_in_somebody_else_is_said() -> None:
    people = [Person(1, 1.8, Place()), Person(3, 1.6, Place())]
    tall = "person 1 is 1.80 m tall, person 3 is 1.60 m tall"
    assert describe_world(people, 0.0, 0.0) == tall
    assert describe_world(people, 0.12, 0.01) == f"{tall}; moved by up to 12 cm so that they are not in each other"
    assert describe_world(people, 0.3, 0.05) == f"{tall}; moved by up to 30 cm; still up to 5 cm in each other"
    assert describe_world(people, 0.0, 0.05) == f"{tall}; still up to 5 cm in each other"


def test_everybody_is_drawn_where_the_camera_sees_them_and_who_is_not_there_is_not() -> None:
    bodies = load_character("humanoid"), load_character("humanoid", 1.5)
    camera = View(0.1, 0.0, 1.4, float(np.log(300.0))).camera((320, 240))
    motions = []
    for body, place in zip(bodies, (Place(0.0, 3.0, 4.0, 0.9), Place(0.0, 3.0, 4.0, -0.9)), strict=True):
        motions.append(place.put(np.array(body.model.qpos0)[None])[[0, 0]])
    shown = np.array([[True, True], [True, False]])
    images = list(draw_group(bodies, motions, shown, film_cameras(camera, np.array([0, 1]), 120)))
    assert images[0].shape == (120, 160, 3)
    change = np.abs(images[0].astype(int) - images[1]).sum(axis=2) > 60
    row = np.flatnonzero(change.any(axis=1))
    head = np.flatnonzero(change[row.min() : row.min() + 4].any(axis=0)).mean()
    right = camera.project(np.array([[4.0, -0.9, 0.0], [4.0, -0.9, 1.5]])) / 2
    assert abs(head - right[1, 0]) < 3 and abs(row.min() - right[1, 1]) < 4
