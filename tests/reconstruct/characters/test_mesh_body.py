"""A body from a folder of meshes: mass and inertia of solids, joints where parts meet, and what is said of faults."""

import mujoco
import numpy as np
import pytest
import trimesh

from pose.errors import InputError
from reconstruct.characters.mesh_body import (
    AXES,
    assemble_body,
    find_default_joint,
    find_joint_axis,
    locate_joint,
    read_joint_tree,
    read_part,
    sort_parents_first,
    to_solid,
)

PARTS = {
    "pelvis": ((0.2, 0.3, 0.2), (0.0, 0.0, 0.9)),
    "chest": ((0.2, 0.3, 0.4), (0.0, 0.0, 1.2)),
    "thigh": ((0.1, 0.1, 0.4), (0.0, 0.1, 0.6)),
    "shin": ((0.08, 0.08, 0.35), (0.0, 0.1, 0.225)),
    "foot": ((0.25, 0.08, 0.05), (0.05, 0.1, 0.025)),
    "upper_arm": ((0.08, 0.08, 0.3), (0.0, 0.2, 1.25)),
    "forearm": ((0.06, 0.06, 0.25), (0.0, 0.2, 0.975)),
}


@pytest.fixture
def folder(tmp_path):
    """A body of boxes, 1.4 m tall."""
    for name, (size, middle) in PARTS.items():
        sides = [("", 1.0)] if name in ("pelvis", "chest") else [("left_", 1.0), ("right_", -1.0)]
        for prefix, sign in sides:
            box = trimesh.creation.box(extents=size).subdivide()
            box.apply_translation(np.array(middle) * [1.0, sign, 1.0])
            box.export(tmp_path / f"{prefix}{name}.stl")
    return tmp_path


def volume(name: str) -> float:
    return float(np.prod(PARTS[name][0]))


def test_parts_have_the_mass_and_inertia_of_solids(folder):
    model = assemble_body(folder)
    for name in ("pelvis", "chest"):
        assert model.body(name).mass[0] == pytest.approx(1000.0 * volume(name), rel=1e-3)
    x, y, z = PARTS["chest"][0]
    mass = 1000.0 * volume("chest")
    expected = sorted(mass / 12.0 * np.array([y * y + z * z, x * x + z * z, x * x + y * y]))
    np.testing.assert_allclose(np.sort(model.body("chest").inertia), expected, rtol=1e-3)
    assert float(assemble_body(folder, mass=70.0).body_mass.sum()) == pytest.approx(70.0, rel=1e-6)


def test_joints_are_where_parts_meet_and_the_body_is_symmetric(folder):
    model = assemble_body(folder)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    places = {model.body(b).name: data.xpos[b] for b in range(1, model.nbody)}
    # Long bones turn about their upper end, one radius within it; the foot where it meets the shin.
    assert places["left_thigh"][2] == pytest.approx(0.8, abs=0.07)
    assert places["left_shin"][2] == pytest.approx(0.4, abs=0.06)
    assert places["left_foot"][2] == pytest.approx(0.05, abs=0.03)
    for name, place in places.items():
        if name.startswith("left"):
            np.testing.assert_allclose(places[name.replace("left", "right")], place * [1, -1, 1], atol=1e-6)
    assert model.jnt_type[0] == mujoco.mjtJoint.mjJNT_FREE and model.nv == 6 + 3 + 2 * (3 + 1 + 2 + 3 + 1)


@pytest.mark.parametrize(("body", "way"), [("left_shin", -1.0), ("left_forearm", 1.0)])
def test_knees_bend_back_and_elbows_forth(folder, body, way):
    model = assemble_body(folder)
    data, joint = mujoco.MjData(model), model.joint(f"{body}_bend")
    mujoco.mj_forward(model, data)
    before = data.xipos[model.body(body).id].copy()
    data.qpos[joint.qposadr[0]] = 1.0
    mujoco.mj_forward(model, data)
    assert way * (data.xipos[model.body(body).id] - before)[0] > 0.05
    np.testing.assert_allclose(joint.range, [0.0, np.radians(150.0)])


def test_joints_toml_moves_a_joint_and_adds_a_part(folder):
    tail = trimesh.creation.box(extents=(0.3, 0.05, 0.05))
    tail.apply_translation([-0.25, 0.0, 0.95])
    tail.export(folder / "tail.stl")
    with pytest.raises(InputError, match="what carries 'tail'"):
        assemble_body(folder)
    (folder / "joints.toml").write_text(
        '[tail]\nparent = "pelvis"\nat = [-0.1, 0.0, 0.95]\naxes = ["y", [0, 0, 1]]\nrange = [[-60, 60], [-30, 30]]\n'
    )
    model = assemble_body(folder)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    np.testing.assert_allclose(data.xpos[model.body("tail").id], [-0.1, 0.0, 0.95], atol=1e-9)
    np.testing.assert_allclose(model.joint("tail_y").range, np.radians([-60.0, 60.0]))
    assert model.body(model.body("tail").parentid[0]).name == "pelvis"


def test_what_lacks_is_named(folder, tmp_path_factory):
    empty = tmp_path_factory.mktemp("empty")
    with pytest.raises(InputError, match=r"no meshes there; give one \.stl or \.obj"):
        assemble_body(empty)
    (folder / "left_shin.stl").unlink()
    with pytest.raises(InputError, match="no mesh for left_shin"):
        assemble_body(folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[tail]\nparent = "pelvis"\naxes = ["y"]\nrange = []', r"\[tail\] needs as many ranges as axes"),
        ('[tail]\nparent = "ghost"', "is carried by 'ghost', which has no mesh"),
        ("[tail", "joints.toml"),
        ("[wing]\n", "no mesh for wing"),
    ],
)
def test_a_wrong_joints_toml_is_reported(tmp_path, text, message):
    (tmp_path / "joints.toml").write_text(text)
    with pytest.raises(InputError, match=message):
        read_joint_tree(tmp_path, ["pelvis", "tail"])


def test_bodies_in_other_units_are_refused(folder):
    for file in folder.glob("*.stl"):
        part = trimesh.load(file, force="mesh")
        part.apply_scale(1000.0)
        part.export(file)
    with pytest.raises(InputError, match=r"m tall; meshes must be in metres"):
        assemble_body(folder)


def test_files_without_a_surface_are_reported(tmp_path):
    (tmp_path / "pelvis.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    with pytest.raises(InputError, match=r"pelvis\.obj"):
        read_part("pelvis", {}, tmp_path / "pelvis.obj")


def test_default_joints_hang_on_the_same_side():
    assert find_default_joint("left_foot")["parent"] == "left_shin"
    assert find_default_joint("right_thigh")["parent"] == "pelvis"
    assert find_default_joint("antenna") == {}
    assert find_default_joint("left_foot")["axes"] == find_default_joint("right_foot")["axes"]


def test_parents_come_first_and_one_part_carries_all(tmp_path):
    joints = {"hand": {"parent": "arm"}, "arm": {"parent": "chest"}, "chest": {}, "head": {"parent": "chest"}}
    order = sort_parents_first(joints, tmp_path)
    assert sorted(order) == sorted(joints)
    assert all(order.index(joint["parent"]) < order.index(name) for name, joint in joints.items() if joint)
    with pytest.raises(InputError, match="without a parent are chest, island"):
        sort_parents_first(joints | {"island": {}}, tmp_path)


def test_an_open_surface_gets_its_hull():
    box = trimesh.creation.box(extents=(1, 1, 1))
    assert to_solid(box).volume == pytest.approx(1.0)
    open_box = trimesh.Trimesh(box.vertices, box.faces[:-2])
    assert not open_box.is_watertight and to_solid(open_box).volume == pytest.approx(1.0)


def test_axes_by_name_by_vector_and_by_bend(tmp_path):
    box = trimesh.creation.box(extents=(0.1, 0.1, 0.4))
    top = np.array([0.0, 0.0, 0.2])
    np.testing.assert_array_equal(find_joint_axis("y", box, top), AXES["y"])
    np.testing.assert_array_equal(find_joint_axis([0.0, 0.6, 0.8], box, top), [0.0, 0.6, 0.8])
    forth, back = find_joint_axis("bend forth", box, top), find_joint_axis("bend back", box, top)
    np.testing.assert_allclose(forth, -back)
    np.testing.assert_allclose(np.cross(forth, [0.0, 0.0, -1.0]), [1.0, 0.0, 0.0], atol=1e-9)  # the far end goes ahead
    box.export(tmp_path / "pelvis.stl")
    root = read_part("pelvis", {}, tmp_path / "pelvis.stl")
    np.testing.assert_allclose(locate_joint(root, None), 0.0, atol=1e-9)
