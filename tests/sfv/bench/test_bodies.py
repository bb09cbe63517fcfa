"""`bench bodies`: what became of every model of a folder, and how those that are persons walk."""

import json
from dataclasses import replace

import pytest

from pose.errors import InputError
from reconstruct.characters.character import load_character
from reconstruct.cycle import mirror_motion
from sfv.bench.bodies import bench_bodies, find_rest_faults, list_models, measure_walk
from sfv.demo.motions import load_demo_motion
from tests.robots import mjcf_person
from tests.samples import CHARACTER


def test_every_model_of_a_folder_has_an_outcome_and_walks(tmp_path, capsys):
    text = mjcf_person()
    (tmp_path / "person.xml").write_text(text)
    (tmp_path / "lying.xml").write_text(text.replace('quat="1 0 0 0"', 'quat=".7071 0 -.7071 0"'))
    (tmp_path / "half.urdf").write_text('<robot name="r"><link name="a"/></robot>')
    (tmp_path / "package.xml").write_text("<package/>")
    assert [path.name for path in list_models(tmp_path)] == ["half.urdf", "lying.xml", "person.xml"]
    bench_bodies(tmp_path, json=True)
    rows = {row["name"]: row["value"] for row in json.loads(capsys.readouterr().out)["rows"]}
    assert (rows["bodies_doubtful"], rows["bodies_refused"]) == (2, 1)
    assert rows["bodies_wrong"] == rows["bodies_traceback"] == 0
    assert rows["walks_forward"] == rows["walks_left_is_left"] == rows["walks_knees_forward"] == 1
    with pytest.raises(InputError, match="no MJCF or URDF files"):
        bench_bodies(tmp_path.joinpath("none").mkdir() or tmp_path / "none")


def test_a_walk_that_is_wrong_is_seen():
    walk = load_demo_motion("walk", CHARACTER)
    assert measure_walk(walk, CHARACTER, walk, CHARACTER).is_right
    back = replace(walk, qpos=walk.qpos * ([-1.0] + [1.0] * (walk.qpos.shape[1] - 1)))
    assert measure_walk(back, CHARACTER, walk, CHARACTER).forward < -0.8
    other = replace(walk, qpos=mirror_motion(CHARACTER.model, walk.qpos))
    assert measure_walk(other, CHARACTER, walk, CHARACTER).left_is_left < 0.0
    assert find_rest_faults(CHARACTER) == []
    swapped = {
        name: site.replace("left", "RIGHT").replace("right", "left").replace("RIGHT", "right")
        for name, site in load_character("humanoid").landmarks.items()
    }
    assert "left is not on the left" in find_rest_faults(replace(CHARACTER, landmarks=swapped))
