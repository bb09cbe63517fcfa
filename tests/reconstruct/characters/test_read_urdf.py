"""URDFs as people have them: ROS layouts, meshes of other kinds, loose links, what other programs add."""

from xml.etree import ElementTree

import numpy as np
import pytest
import trimesh

from pose.errors import InputError
from reconstruct.characters.find_meshes import MeshFinder, load_mesh
from reconstruct.characters.model_file import read_model
from reconstruct.characters.read_urdf import read_urdf
from tests.robots import urdf_robot

INERTIA = '<inertial><mass value="1"/><inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/></inertial>'
BOX = trimesh.creation.box(extents=(0.2, 0.4, 0.6))


def link(name: str, mesh: str | None = None) -> str:
    shape = f'<mesh filename="{mesh}"/>' if mesh else '<sphere radius=".1"/>'
    return f'<link name="{name}">{INERTIA}<collision><geometry>{shape}</geometry></collision></link>'


def save(folder, text: str, name: str = "robot.urdf"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


@pytest.mark.parametrize(
    ("asked", "lies"),
    [
        ("package://p_description/meshes/leg/box.stl", "p_description/meshes/leg/box.stl"),
        ("package://p_description/meshes/leg/box.dae", "p_description/meshes/leg/box.STL"),
        ("package:///other/robots/p_description/meshes/leg/box.stl", "p_description/meshes/leg/box.stl"),
        ("model://p/meshes/leg/box.stl", "meshes/leg/box.stl"),
        ("..\\meshes\\leg\\box.stl", "p_description/meshes/leg/box.stl"),
    ],
)
def test_meshes_lie_where_ros_keeps_them(tmp_path, asked, lies):
    (tmp_path / lies).parent.mkdir(parents=True)
    BOX.export(tmp_path / lies)
    urdf = save(tmp_path / "p_description" / "urdf", f'<robot name="r">{link("base", asked)}</robot>', "Robot.URDF")
    model = read_model(urdf).model
    np.testing.assert_allclose(np.ptp(model.mesh_vert, axis=0), BOX.extents, atol=1e-6)


def test_the_user_says_where_meshes_are(tmp_path):
    for folder, size in (("visual", 1.0), ("collision", 2.0)):
        (tmp_path / "else" / folder).mkdir(parents=True)
        BOX.copy().apply_scale(size).export(tmp_path / "else" / folder / "box.stl")
    urdf = save(tmp_path / "a" / "b", f'<robot name="r">{link("base", "package://x/meshes/collision/BOX.stl")}</robot>')
    with pytest.raises(InputError, match=r"1 mesh was not found or empty \(first: .*BOX.stl\); --meshes DIR .* base"):
        read_model(urdf)
    model = read_model(urdf, meshes=tmp_path / "else").model
    assert np.ptp(model.mesh_vert, axis=0).max() == pytest.approx(2 * 0.6, abs=1e-6)


def test_meshes_of_other_kinds_are_converted(tmp_path):
    BOX.export(tmp_path / "box.dae")
    BOX.export(tmp_path / "text.stl", file_type="stl_ascii")
    inches = (tmp_path / "box.dae").read_text().replace("<up_axis>", '<unit name="inch" meter="0.0254"/><up_axis>')
    (tmp_path / "inch.dae").write_text(inches)
    links = "".join(link(name, file) for name, file in (("base", "box.dae"), ("b", "text.stl"), ("c", "inch.dae")))
    joints = "".join(
        f'<joint name="j{child}" type="fixed"><parent link="base"/><child link="{child}"/></joint>' for child in "bc"
    )
    urdf = read_urdf(save(tmp_path, f'<robot name="r">{links}{joints}</robot>'))
    assert len(urdf.assets) == 3 and not urdf.notes
    model = read_model(tmp_path / "robot.urdf").model
    assert model.nmesh == 3 and model.mesh_facenum.tolist() == [12, 12, 12]
    np.testing.assert_allclose(load_mesh(tmp_path / "inch.dae").extents, 0.0254 * BOX.extents, rtol=1e-6)


def test_a_mesh_that_git_left_out_is_named(tmp_path):
    (tmp_path / "box.stl").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    finder = MeshFinder(tmp_path / "robot.urdf")
    with pytest.raises(InputError, match=r"box\.stl: only a pointer to the mesh; .* git lfs pull"):
        finder.prepare("box.stl")
    (tmp_path / "empty.stl").write_text("solid x\nendsolid x\n")
    assert finder.prepare("empty.stl") is None and finder.missing == ["empty.stl"]


def test_what_other_programs_add_does_no_harm(tmp_path):
    text = f'<robot name="r">{link("base")}<gazebo><plugin><link>base</link></plugin></gazebo>{link("frame")}'
    text += link("tip")
    text += '<joint name="j" type="revolute"><parent link="base"/><child link="tip"/><origin xyz="0,0,.3" rpy="0 0,0"/>'
    text += '<axis xyz="0 1 0"/><limit lower="-1" upper="1" effort="1" velocity="1"/><mimic joint="gone"/></joint>'
    text += "</robot>"
    urdf = read_urdf(save(tmp_path, text))
    assert urdf.notes == ("links that hang on nothing are left out: frame",)
    assert [found.get("name") for found in ElementTree.fromstring(urdf.text).findall("link")] == ["base", "tip"]
    np.testing.assert_allclose(read_model(tmp_path / "robot.urdf").model.body("tip").pos, [0, 0, 0.3])


def test_inertias_that_no_body_can_have_are_mended(tmp_path):
    bad = INERTIA.replace('ixx="1"', 'ixx="-1"')
    ball = '<collision><geometry><sphere radius="0"/></geometry></collision>'
    urdf = save(tmp_path, f'<robot name="r"><link name="base">{bad}{ball}</link></robot>')
    assert read_urdf(urdf).notes == ("inertias that no body can have are replaced by a ball's: base",)
    model = read_model(urdf).model
    np.testing.assert_allclose(model.body_inertia[1], 0.4 * 0.01)  # of 1 kg and 0.1 m
    assert model.ngeom == 0


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.xacro", '<robot name="r"/>', "xacro macros are in it; expand them first: xacro a.xacro > a_expanded.urdf"),
        ("a.urdf", '<robot xmlns:xacro="http://www.ros.org/wiki/xacro"><xacro:macro/></robot>', "a.urdf > a_exp"),
        ("a.urdf", "<sdf/>", "no URDF: its first element is <sdf>"),
        ("a.urdf", '<robot name="r"/>', "there is no link in it"),
        ("a.sdf", "<sdf/>", "SDF is not read; give the URDF"),
        ("a.xml", "<sdf/>", "SDF is not read"),
        ("a.glb", "x", "a rig for animation has no joints with ranges and masses"),
        ("a.txt", "x", r"give an \.xml \(MJCF\), a \.urdf or a folder of meshes"),
    ],
)
def test_other_files_are_refused_with_the_way_out(tmp_path, name, text, message):
    with pytest.raises(InputError, match=message):
        read_model(save(tmp_path, text, name))


def test_an_mjcf_finds_its_meshes_or_does_without(tmp_path):
    (tmp_path / "real").mkdir()
    BOX.export(tmp_path / "real" / "box.stl")
    text = (
        '<mujoco><compiler meshdir="gone"/><asset><mesh name="box" file="box.stl"/><texture name="t" type="2d" '
        'file="t.png"/><material name="m" texture="t"/></asset><worldbody><body name="a"><freejoint/>SHAPE<geom '
        'type="mesh" mesh="box" material="m"/></body></worldbody></mujoco>'
    )
    alone = save(tmp_path, text.replace("SHAPE", ""), "alone.xml")
    both = save(tmp_path, text.replace("SHAPE", INERTIAL + '<geom size=".1"/>'), "both.xml")
    found = read_model(alone, meshes=tmp_path / "real")
    assert found.model.nmesh == 1 and found.notes == ("textures were not found: t",)
    with pytest.raises(InputError, match="--meshes DIR says where they are; without any shape or mass is a"):
        read_model(alone)
    without = read_model(both)
    assert without.model.nmesh == 0 and "drawn as capsules" in without.notes[0]


INERTIAL = '<inertial pos="0 0 0" mass="1" diaginertia="1 1 1"/>'


def test_a_urdf_that_is_called_xml_is_one(tmp_path):
    assert read_model(save(tmp_path, urdf_robot(), "robot.xml")).model.njnt == 16
