"""Scene files: written and read back, nonsense refused in one line."""

from dataclasses import replace

import numpy as np
import pytest

from pose.errors import InputError
from reconstruct.scene_objects import SceneObject, load_objects, save_objects, split_pushed

THINGS = (
    SceneObject("box", 1.0, -0.5, 0.44, 0.5, 0.4, thickness=0.08, yaw=30.0),
    SceneObject("bar", 0.0, 0.0, 2.1, 1.2, yaw=90.0),
)


def test_a_scene_file_keeps_its_objects_and_notes_a_change(tmp_path):
    path = tmp_path / "scene.toml"
    save_objects(THINGS, path)
    assert load_objects(path) == (THINGS, False)
    path.write_text(path.read_text().replace("height = 0.44", "height = 0.5"))
    objects, changed = load_objects(path)
    assert changed and objects[0].height == 0.5


@pytest.mark.parametrize(
    "text",
    [
        "height = ",
        "[[object]]\nkind = 'ball'\nx = 0\ny = 0\nheight = 1\nlength = 1",
        "[[object]]\nkind = 'box'\nx = 0\ny = 0\nheight = -1\nlength = 1",
        "[[object]]\nkind = 'box'\nx = 'left'\ny = 0\nheight = 1\nlength = 1",
        "[[object]]\nkind = 'box'\nweight = 3",
        "[[object]]\nkind = 'box'\nx = 0\ny = 0\nheight = nan\nlength = 1",
        "[[object]]\nkind = 'box'\nx = true\ny = 0\nheight = 1\nlength = 1",
        "[[object]]\nkind = ['box']\nx = 0\ny = 0\nheight = 1\nlength = 1",
        "object = 3",
        "boxes = 1",
    ],
)
def test_nonsense_is_one_line_with_the_file_in_it(tmp_path, text):
    path = tmp_path / "scene.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"scene\.toml") as error:
        load_objects(path)
    assert "\n" not in str(error.value)


def test_faces_and_corners_are_where_the_numbers_say():
    box, bar = THINGS
    assert box.corners()[:, 2].max() == pytest.approx(0.44) and box.corners()[:, 2].min() == pytest.approx(0.36)
    assert np.abs(box.to_local(box.corners())) == pytest.approx(np.tile(box.half, (8, 1)))
    ends = bar.corners()[list(bar.edges()[0])]
    assert ends == pytest.approx(np.array([[0.0, -0.6, 2.1], [0.0, 0.6, 2.1]]))


def test_a_slope_is_all_of_the_ground(tmp_path):
    slope = SceneObject("slope", 1.0, 2.0, -0.5, 4.0, 2.0, yaw=90.0)
    assert np.degrees(slope.incline) == pytest.approx(-7.125, abs=1e-3) and "7 degrees, down" in slope.describe()
    edge = slope.corners()[[end for pair in slope.edges() for end in pair]]
    assert edge.min(axis=0) == pytest.approx([0.0, 2.0, -0.5]) and edge.max(axis=0) == pytest.approx([2.0, 6.0, 0.0])
    path = tmp_path / "scene.toml"
    save_objects([slope], path)
    assert load_objects(path) == ((slope,), False)
    save_objects([slope, THINGS[0]], path)
    with pytest.raises(InputError, match=r"scene\.toml: a slope is all of the ground"):
        load_objects(path)
    with pytest.raises(InputError, match="45 degrees"):
        SceneObject("slope", 0.0, 0.0, 4.0, 4.0)


def test_a_wall_is_touched_from_the_side():
    wall = SceneObject("box", 2.0, 0.0, 2.4, 0.1, 3.0, yaw=180.0)
    assert wall.is_wall and not THINGS[0].is_wall and "a wall" in wall.describe()
    assert wall.facing(np.zeros(2)) == pytest.approx([-1.0, 0.0, 0.0])
    assert np.linalg.norm(wall.facing(np.array([2.0, 0.0]))) == pytest.approx(1.0)  # from its very middle too
    assert wall.level_along(wall.facing(np.zeros(2))) == pytest.approx(-1.95)
    assert THINGS[0].facing(np.zeros(2)) == pytest.approx([0.0, 0.0, 1.0])
    assert THINGS[0].level_along(np.array([0.0, 0.0, 1.0])) == pytest.approx(0.44)


def test_a_thing_in_another_world_keeps_its_form_and_goes_with_that_worlds_axes():
    box = SceneObject("box", 1.0, 0.0, 0.3, 0.6, 0.4, yaw=170.0)
    moved = box.move(90.0, (0.5, 2.0))  # what was 1 m ahead is 1 m to the left of the origin, which is at (.5, 2)
    assert (moved.x, moved.y) == pytest.approx((0.5, 3.0)) and moved.yaw == pytest.approx(-100.0)
    assert (moved.height, moved.length, moved.width) == (box.height, box.length, box.width)
    turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    assert moved.corners() == pytest.approx(box.corners() @ turn.T + [0.5, 2.0, 0.0])
    back = moved.move_back(90.0, (0.5, 2.0))
    assert (back.x, back.y, back.yaw) == pytest.approx((box.x, box.y, box.yaw))


def test_what_is_pushed_has_a_mass_and_is_the_only_one(tmp_path):
    pushed = SceneObject("box", 1.5, 0.0, 1.2, 1.6, 0.2, 1.2, mass=40.0)
    assert not pushed.is_wall and not replace(pushed, mass=0.0).is_wall and "40 kg" in pushed.describe()
    assert pushed.scale(0.5).mass == pytest.approx(5.0)
    path = tmp_path / "scene.toml"
    save_objects([THINGS[0], pushed], path)
    assert path.read_text().count("\nmass = ") == 1  # what stands fast has none
    objects, changed = load_objects(path)
    assert objects == (THINGS[0], pushed) and not changed
    assert split_pushed(objects) == ((THINGS[0],), pushed) and split_pushed(THINGS) == (THINGS, None)
    with pytest.raises(InputError, match="2 boxes have a mass"):
        split_pushed([pushed, pushed])
    with pytest.raises(InputError, match="only a box can be pushed"):
        SceneObject("bar", 0.0, 0.0, 2.1, 1.2, mass=3.0)
