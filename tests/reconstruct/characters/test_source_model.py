"""Models of others as their files have them: who carries what, meshes that are found, files that cannot be read."""

import numpy as np
import pytest
import trimesh

from pose.errors import InputError
from reconstruct.characters.source_model import (
    SourceModel,
    find_mesh,
    read_body,
    rotation_about_z,
    urdf_for_mujoco,
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
    return SourceModel.in_pose(read_body(tmp_path / "robot.xml"))


def body(source: SourceModel, name: str) -> int:
    return int(source.model.body(name).id)


def test_the_largest_tree_is_the_body_and_it_is_made_free(source):
    assert source.name(source.root) == "trunk"
    assert [source.name(b) for b in source.bodies] == ["trunk", "arm"]
    assert source.model.nv == 6 + 1
    assert source.owner[body(source, "crate")] == -1


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
        ("a.xml", "<mujoco><worldbody><body", "MuJoCo cannot compile it"),
        ("a.urdf", "<robot", "MuJoCo cannot compile it"),
        ("a.xml", MJCF.replace('name="elbow"', 'name="rail" type="slide"'), "joint 'rail' slides"),
        ("a.urdf", '<robot name="r"><link name="a"/><link name="b"/></robot>', "without parents are: a, b"),
    ],
)
def test_files_that_cannot_be_a_body_are_reported(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        read_body(tmp_path / name)


def test_a_urdf_is_read_with_all_its_joints(tmp_path):
    (tmp_path / "robot.urdf").write_text(urdf_robot())
    found = SourceModel.in_pose(read_body(tmp_path / "robot.urdf"))
    assert found.name(found.root) == "base" and found.model.nv == 6 + 15
    assert float(found.model.body_mass.sum()) == pytest.approx(8.0 + 15.0)


def urdf_with(mesh: str, kind: str = "collision") -> str:
    shape = f'<{kind}><geometry><mesh filename="{mesh}"/></geometry></{kind}>'
    ball = '<collision><geometry><sphere radius=".1"/></geometry></collision>'
    inertia = '<inertial><mass value="1"/><inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/></inertial>'
    return f'<robot name="r"><link name="base">{inertia}{ball}{shape}</link></robot>'


def test_meshes_are_found_by_the_end_of_their_path(tmp_path):
    (tmp_path / "meshes").mkdir()
    trimesh.creation.box(extents=(1, 1, 1)).export(tmp_path / "meshes" / "base.stl")
    model = tmp_path / "robot.urdf"
    for name in ("package://some_robot/meshes/base.stl", "meshes/base.stl", "package://some_robot/meshes/base.dae"):
        assert find_mesh(model, name) == (tmp_path / "meshes" / "base.stl").resolve()
    assert find_mesh(model, "package://some_robot/meshes/arm.stl") is None
    model.write_text(urdf_with("package://x/meshes/base.dae"))
    assert str(tmp_path / "meshes" / "base.stl") in urdf_for_mujoco(model)


def test_a_missing_picture_is_left_out_and_a_missing_shape_is_reported(tmp_path):
    model = tmp_path / "robot.urdf"
    model.write_text(urdf_with("absent.stl", "visual"))
    assert "absent" not in urdf_for_mujoco(model)
    model.write_text(urdf_with("absent.stl"))
    with pytest.raises(InputError, match=r"no mesh absent\.stl"):
        urdf_for_mujoco(model)
