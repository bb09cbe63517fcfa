"""The scene file in a run's folder: left there, read when somebody has changed it, nonsense refused."""

import pytest

from pose.errors import InputError
from reconstruct.scene_objects import SceneObject, save_objects
from sfv.pipeline import print_scene, read_scene_file

BOX = SceneObject("box", 0.5, 0.0, 0.3, 0.4, 0.4)


class Stage(dict):
    """A finished motion stage."""

    def __init__(self, folder, objects):
        save_objects(objects, folder / "stage.toml")
        super().__init__({"scene.toml": folder / "stage.toml"})
        self.metrics = {"objects": [thing.describe() for thing in objects], "scene": ""}


def test_a_changed_file_is_kept_and_read_and_an_unchanged_one_follows_what_is_found(tmp_path):
    file = tmp_path / "scene.toml"
    assert read_scene_file(tmp_path) is None
    print_scene(Stage(tmp_path, [BOX]), tmp_path)
    assert file.is_file() and read_scene_file(tmp_path) is None
    file.write_text(file.read_text().replace("height = 0.3", "height = 0.4"))
    print_scene(Stage(tmp_path, []), tmp_path)
    assert read_scene_file(tmp_path)[0].height == 0.4
    save_objects([BOX], file)
    print_scene(Stage(tmp_path, []), tmp_path)
    assert not file.exists()


def test_nonsense_is_one_line(tmp_path):
    (tmp_path / "scene.toml").write_text("[[object]]\nkind = 'cloud'\n")
    with pytest.raises(InputError, match=r"scene\.toml: object 1"):
        read_scene_file(tmp_path)
