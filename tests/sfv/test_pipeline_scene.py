"""The scene file in a run's folder: left there, read when somebody has changed it, nonsense refused."""

from pathlib import Path

import pytest

from imitate.scene.scene import Scene
from pose.errors import InputError
from reconstruct.characters.character import load_character
from reconstruct.retargeting.ik_targets import leg_length
from reconstruct.scene_objects import SceneObject, save_objects
from sfv.pipeline import print_scene, read_scene_file, scale_objects
from sfv.stage import StageResult

BOX = SceneObject("box", 0.5, 0.0, 0.3, 0.4, 0.4)


def make_stage(folder: Path, objects: list[SceneObject]) -> StageResult:
    """A finished motion stage."""
    save_objects(objects, folder / "scene.toml")
    metrics = {"objects": [thing.describe() for thing in objects], "scene": ""}
    return StageResult(folder, "", metrics, 0.0)


def test_a_changed_file_is_kept_and_read_and_an_unchanged_one_follows_what_is_found(tmp_path):
    file, stage = tmp_path / "scene.toml", tmp_path / "2_motion"
    stage.mkdir()
    assert read_scene_file(tmp_path) is None
    print_scene(make_stage(stage, [BOX]), tmp_path)
    assert file.is_file() and read_scene_file(tmp_path) is None
    file.write_text(file.read_text().replace("height = 0.3", "height = 0.4"))
    print_scene(make_stage(stage, []), tmp_path)
    changed = read_scene_file(tmp_path)
    assert changed is not None and changed[0].height == 0.4
    save_objects([BOX], file)
    print_scene(make_stage(stage, []), tmp_path)
    assert not file.exists()


def test_nonsense_is_one_line(tmp_path):
    (tmp_path / "scene.toml").write_text("[[object]]\nkind = 'cloud'\n")
    with pytest.raises(InputError, match=r"scene\.toml: object 1"):
        read_scene_file(tmp_path)


def test_a_motion_on_a_slope_is_retargeted_to_the_slope_and_to_no_other_ground(tmp_path):
    person, robot, motion = load_character("humanoid"), load_character("g1"), tmp_path / "motion.npz"
    assert scale_objects(motion, person, robot, Scene("found")) == ()
    save_objects([SceneObject("slope", 1.0, 0.0, 0.7, 4.0, 2.0)], tmp_path / "scene.toml")
    (slope,) = scale_objects(motion, person, robot, Scene("found"))
    assert slope.x == pytest.approx(leg_length(robot) / leg_length(person))
    with pytest.raises(InputError, match=r"a slope of 10 degrees, up, not on the ground of --scene gaps"):
        scale_objects(motion, person, robot, Scene("gaps"))
