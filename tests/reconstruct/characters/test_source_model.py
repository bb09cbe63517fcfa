"""Models of others as their files have them: who carries what, meshes that are found, files that cannot be read."""

import numpy as np
import pytest
import trimesh

from pose.errors import InputError
from reconstruct.characters.find_meshes import MeshFinder
from reconstruct.characters.model_file import read_model
from reconstruct.characters.read_urdf import read_urdf
from reconstruct.characters.source_model import (
    SourceModel,
    rotation_about_z,
)
from tests.robots import urdf_robot

MJCF = """
<mujoco>
  <worldbody>
    <geom type="plane" size="1 1 1"/>
    <body name="crate" pos="5 0 0"><geom type="box" size=".1 .1 .1"/></body>
    <body name="trunk" pos="0 0 1">
      <geom type="box" size=".1 .2 .3" mass="5"/>
      <body name="plate" pos="0 0 .35"><geom type="box" size=".1 .1 .02" mass="1"/>
        <body name="arm" pos="0 .2 0">
          <joint name="elbow" axis="1 0 0" pos="0 0 .1" range="-90 90"/>
          <geom type="capsule" size=".05 .1" mass="1"/>
          <geom name="picture" type="sphere" size=".3" contype="0" conaffinity="0" mass="0"/>
        </body>
      </body>
    </body>
  </worldbody>
</mujoco>
"""


@pytest.fixture
def source(tmp_path):
    (tmp_path / "robot.xml").write_text(MJCF)
    return SourceModel.in_pose(read_model(tmp_path / "robot.xml").model)


def body(source: SourceModel, name: str) -> int:
    return int(source.model.body(name).id)


def test_the_largest_tree_is_the_body_and_it_is_made_free(source):
    assert source.name(source.root) == "trunk"
    assert [source.name(b) for b in source.bodies] == ["trunk", "arm"]
    assert source.model.nv == 6 + 1
    assert "crate" not in [source.model.body(b).name for b in range(source.model.nbody)]


def test_what_has_no_joint_belongs_to_what_carries_it(source):
    arm, trunk = body(source, "arm"), body(source, "trunk")
    assert source.owner[body(source, "plate")] == trunk
    assert source.parent(arm) == trunk and source.parent(trunk) == -1
    assert len(source.geoms(trunk)) == 2 and len(source.geoms(arm)) == 2
    assert len(source.solid(arm)) == 1  # a geom that touches nothing is left out


def test_a_body_turns_about_its_joint(source):
    arm = body(source, "arm")
    np.testing.assert_allclose(source.origin(arm), [0.0, 0.2, 1.45])  # 1 + .35, and the joint .1 above
    np.testing.assert_allclose(source.origin(source.root), [0.0, 0.0, 1.0])
    assert [source.joint_name(j) for j in source.joints(arm)] == ["elbow"]
    assert list(source.joints(source.root)) == []  # the free one does not count


def test_surfaces_are_in_the_world_of_the_rest_pose(source):
    model = source.model
    surface = source.surface(body(source, "trunk"))
    assert surface is not None
    np.testing.assert_allclose(surface.bounds, [[-0.1, -0.2, 0.7], [0.1, 0.2, 1.37]], atol=1e-6)
    bent = SourceModel.in_pose(model, {"elbow": np.pi / 2})
    arm = body(bent, "arm")
    np.testing.assert_allclose(bent.rotation(arm), [[1, 0, 0], [0, 0, -1], [0, 1, 0]], atol=1e-9)
    upright, lying = source.surface(arm), bent.surface(arm)
    assert upright is not None and lying is not None
    assert np.ptp(upright.bounds[:, 2]) == pytest.approx(np.ptp(lying.bounds[:, 1]), abs=1e-6)
    with pytest.raises(InputError, match="no joint 'knee'"):
        SourceModel.in_pose(model, {"knee": 0.1})


def test_rotation_about_the_vertical():
    np.testing.assert_allclose(rotation_about_z(np.pi / 2) @ [1.0, 0.0, 5.0], [0.0, 1.0, 5.0], atol=1e-12)
    np.testing.assert_allclose(rotation_about_z(0.3) @ rotation_about_z(-0.3), np.eye(3), atol=1e-12)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.xml", "<mujoco><worldbody/></mujoco>", "there is no body in it"),
        ("a.xml", "<mujoco><worldbody><body", "no well-formed XML"),
        ("a.urdf", "<robot", "no well-formed XML"),
        ("a.urdf", '<robot name="r"><link name="a"/><link name="b"/></robot>', "without parents are: a, b"),
    ],
)
def test_files_that_cannot_be_a_body_are_reported(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        read_model(tmp_path / name)


def test_a_urdf_is_read_with_all_its_joints(tmp_path):
    (tmp_path / "robot.urdf").write_text(urdf_robot())
    found = SourceModel.in_pose(read_model(tmp_path / "robot.urdf").model)
    assert found.name(found.root) == "base" and found.model.nv == 6 + 15
    assert float(found.model.body_mass.sum()) == pytest.approx(8.0 + 15.0)


BALL = '<collision><geometry><sphere radius=".1"/></geometry></collision>'


def urdf_with(mesh: str, kind: str = "collision") -> str:
    shape = f'<{kind}><geometry><mesh filename="{mesh}"/></geometry></{kind}>'
    inertia = '<inertial><mass value="1"/><inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/></inertial>'
    return f'<robot name="r"><link name="base">{inertia}{BALL}{shape}</link></robot>'


def test_meshes_beside_the_model_come_before_those_where_the_shell_is(tmp_path, monkeypatch):
    for folder in ("model", "shell"):
        (tmp_path / folder / "meshes").mkdir(parents=True)
        (tmp_path / folder / "meshes" / "base.stl").touch()
    monkeypatch.chdir(tmp_path / "shell")
    finder = MeshFinder(tmp_path / "model" / "robot.urdf")
    assert finder.find("meshes/base.stl") == (tmp_path / "model" / "meshes" / "base.stl").resolve()
    elsewhere = tmp_path / "shell" / "meshes" / "base.stl"
    assert finder.find(str(elsewhere)) == elsewhere.resolve()


def test_meshes_are_found_by_the_end_of_their_path(tmp_path):
    (tmp_path / "meshes").mkdir()
    trimesh.creation.box(extents=(1, 1, 1)).export(tmp_path / "meshes" / "base.stl")
    model = tmp_path / "robot.urdf"
    for name in ("package://some_robot/meshes/base.stl", "meshes/base.stl", "package://some_robot/meshes/base.dae"):
        assert MeshFinder(model).find(name) == (tmp_path / "meshes" / "base.stl").resolve()
    assert MeshFinder(model).find("package://some_robot/meshes/arm.stl") is None
    model.write_text(urdf_with("package://x/meshes/base.dae"))
    assert str(tmp_path / "meshes" / "base.stl") in read_urdf(model).text


def test_a_missing_picture_is_left_out_and_a_missing_shape_is_reported(tmp_path):
    model = tmp_path / "robot.urdf"
    model.write_text(urdf_with("absent.stl", "visual"))
    assert "absent" not in read_urdf(model).text
    model.write_text(urdf_with("absent.stl"))  # there is a ball besides
    (note,) = read_urdf(model).notes
    assert note.startswith("1 mesh was not found or empty (first: absent.stl); --meshes DIR") and "capsules" in note
    model.write_text(urdf_with("absent.stl").replace(BALL, ""))
    with pytest.raises(InputError, match=r"1 mesh was not found or empty \(first: absent\.stl\); --meshes DIR"):
        read_urdf(model)
