"""Bodies of others become characters: joints, landmarks and servos are found, whatever the names and conventions."""

import tomllib
from xml.sax.saxutils import escape as escape_text

import mujoco
import numpy as np
import pytest
import trimesh

from pose.errors import InputError
from reconstruct.characters.chains import find_mirror_name
from reconstruct.characters.character import load_character
from reconstruct.characters.find_meshes import MeshFinder
from reconstruct.characters.import_model import to_mjcf
from reconstruct.characters.infer_landmarks import find_torque_limit, infer_landmarks
from reconstruct.characters.mesh_body import assemble_body
from reconstruct.characters.meshes import fit_capsule, geom_surface, simplify
from reconstruct.characters.model_file import read_model
from reconstruct.characters.packaged_models import read_plan
from reconstruct.characters.read_urdf import read_urdf
from reconstruct.characters.source_model import SourceModel
from reconstruct.characters.write_toml import to_toml
from tests.robots import urdf_robot


@pytest.fixture(scope="module")
def boxes(tmp_path_factory):
    path = tmp_path_factory.mktemp("urdf") / "boxes.urdf"
    path.write_text(urdf_robot(), encoding="utf-8")
    return path


def escape(name: str) -> str:
    return escape_text(name, {'"': "&quot;"})


def rewrite(model: mujoco.MjModel, body, folder) -> mujoco.MjModel:
    path = folder / "body.xml"
    path.write_text(to_mjcf(body.plan.pose(model), "body", body.plan, folder), encoding="utf-8")
    return mujoco.MjModel.from_xml_path(str(path))


def places(model: mujoco.MjModel) -> dict[str, np.ndarray]:
    state = mujoco.MjData(model)
    mujoco.mj_forward(model, state)
    return {model.site(i).name: state.site_xpos[i].copy() for i in range(model.nsite)}


def test_a_urdf_of_boxes_is_understood(boxes, tmp_path):
    model = read_model(boxes).model
    body = infer_landmarks(model, "boxes.urdf")
    sites = body.plan.sites
    assert {sites[f"left_{part}"][0] for part in ("knee", "elbow", "ankle")} == {"left_a3", "left_b3", "left_a4"}
    assert sites["nose"][0] == "neck"
    assert body.foot_bodies == ("left_a4", "right_a4")
    # Arms out at zero hang at rest: a quarter turn about x, to the right on the left.
    assert body.plan.rest["j_left_b2"] == pytest.approx(-np.pi / 2, abs=0.05)
    assert body.plan.rest["j_right_b2"] == pytest.approx(np.pi / 2, abs=0.05)
    ours = rewrite(model, body, tmp_path)
    at = places(ours)
    np.testing.assert_allclose(at["left_shoulder"] - at["left_elbow"], [0, 0, 0.25], atol=0.02)
    np.testing.assert_allclose(at["left_hip"] - at["left_knee"], [0, 0, 0.35], atol=0.02)
    assert at["left_heel"][2] == pytest.approx(0.0, abs=1e-4)
    assert at["left_foot_index"][0] - at["left_heel"][0] == pytest.approx(0.24, abs=0.01)
    # The published torque limit is kept, mass and joints as well.
    assert ours.actuator_forcerange[ours.actuator("j_left_a3").id] == pytest.approx([-40, 40])
    assert ours.body_mass.sum() == pytest.approx(8 + 15, rel=1e-3)
    assert (ours.nv, ours.nu) == (6 + 15, 15)
    low, high = ours.jnt_range[ours.joint("j_left_b2").id]
    assert (low, high) == pytest.approx((-3 - body.plan.rest["j_left_b2"], 3 - body.plan.rest["j_left_b2"]), abs=1e-3)


def test_the_rewritten_body_moves_as_the_original(boxes, tmp_path):
    """The same joint angles put every body's centre of mass where the source has it, and need the same torques."""
    model = read_model(boxes).model
    body = infer_landmarks(model, "boxes.urdf")
    ours = rewrite(model, body, tmp_path)
    theirs = SourceModel.in_pose(model)
    rng = np.random.default_rng(0)
    a, b = mujoco.MjData(model), mujoco.MjData(ours)
    for joint in range(1, model.njnt):
        name, angle = model.joint(joint).name, rng.uniform(-0.5, 0.5)
        rest = body.plan.rest.get(name, 0.0)
        a.qpos[model.jnt_qposadr[joint]] = rest + angle
        b.qpos[ours.joint(name).qposadr[0]] = angle
    mujoco.mj_forward(model, a)
    mujoco.mj_forward(ours, b)
    offset = b.body("base").xipos - a.xipos[theirs.root]
    for body in theirs.bodies:
        np.testing.assert_allclose(b.body(theirs.name(body)).xipos - a.xipos[body], offset, atol=1e-4)
    full_a, full_b = np.zeros((model.nv, model.nv)), np.zeros((ours.nv, ours.nv))
    mujoco.mj_fullM(model, a, full_a)
    mujoco.mj_fullM(ours, b, full_b)
    for joint in range(1, model.njnt):
        name = model.joint(joint).name
        i, j = model.jnt_dofadr[joint], ours.joint(name).dofadr[0]
        assert full_b[j, j] - ours.dof_armature[j] == pytest.approx(
            full_a[i, i] - model.dof_armature[i], rel=0.02, abs=1e-4
        )


@pytest.mark.parametrize("odd", ["a&b", '"x"', "<y>", "o'z", "u/v", "ä w", "c\\\\d"])
def test_names_may_hold_any_character(boxes, tmp_path, odd):
    """Bodies and joints keep their names in the MJCF and in character.toml."""
    path = tmp_path / "odd.urdf"
    text = urdf_robot().replace("left_a3", f"left_{escape(odd)}").replace("right_a3", f"right_{escape(odd)}")
    path.write_text(text.replace("neck", escape(odd)), encoding="utf-8")
    model = read_model(path).model
    body = infer_landmarks(model, "odd", {"left_knee": f"left_{odd}"})
    ours = rewrite(model, body, tmp_path)
    assert {ours.body(b).name for b in range(1, ours.nbody)} == {model.body(b).name for b in range(1, model.nbody)}
    assert ours.joint(f"j_left_{odd}").bodyid[0] == ours.body(f"left_{odd}").id
    table = tomllib.loads(to_toml(body, {"name": "odd", "licence": odd}, with_plan=True))
    assert table["licence"] == odd and odd in table["key_bodies"]
    assert read_plan(table["plan"]) == body.plan


def test_a_body_that_faces_backwards_is_turned(boxes, tmp_path):
    text = urdf_robot().replace('xyz=".05 0 -.05"', 'xyz="-.05 0 -.05"')
    path = tmp_path / "back.urdf"
    path.write_text(
        text.replace("left_", "tmp_").replace("right_", "left_").replace("tmp_", "right_"), encoding="utf-8"
    )
    model = read_model(path).model
    body = infer_landmarks(model, "back")
    at = places(rewrite(model, body, tmp_path))
    assert abs(body.plan.yaw) == pytest.approx(np.pi)
    assert at["left_foot_index"][0] > at["left_heel"][0] + 0.2
    assert at["left_hip"][1] > 0.05


def test_limbs_are_found_without_names_by_their_mirrored_places(tmp_path):
    names = iter(range(100))
    text = urdf_robot()
    for side in ("left", "right"):
        for part in ("a1", "a2", "a3", "a4", "b1", "b2", "b3"):
            text = text.replace(f"{side}_{part}", f"part{next(names)}q")
    path = tmp_path / "nameless.urdf"
    path.write_text(text, encoding="utf-8")
    body = infer_landmarks(read_model(path).model, "nameless")
    assert body.plan.sites["left_knee"][0] == "part2q"
    assert body.plan.sites["right_elbow"][0] == "part13q"


def test_the_user_can_name_a_body(boxes):
    model = read_model(boxes).model
    body = infer_landmarks(model, "boxes", {"left_elbow": "left_b2", "right_elbow": "right_b2"})
    assert body.plan.sites["left_elbow"][0] == "left_b2"
    with pytest.raises(InputError, match=r"left_knee=shin: there is no such body.*bodies are base, .*left_a3"):
        infer_landmarks(model, "boxes", {"left_knee": "shin"})


def test_what_cannot_be_mapped_is_named(tmp_path):
    path = tmp_path / "snake.xml"
    path.write_text(
        '<mujoco><worldbody><body name="a"><freejoint/><geom size=".1"/><body name="b" pos=".2 0 0">'
        '<joint axis="0 1 0"/><geom size=".1"/></body></body></worldbody></mujoco>',
        encoding="utf-8",
    )
    with pytest.raises(InputError, match=r"no left and right limbs.*bodies are a, b"):
        infer_landmarks(read_model(path).model, str(path))
    path.write_text("<mujoco><worldbody/></mujoco>", encoding="utf-8")
    with pytest.raises(InputError, match="no body"):
        read_model(path)
    path.write_text("<mujoco><nonsense/></mujoco>", encoding="utf-8")
    with pytest.raises(InputError, match="cannot compile"):
        read_model(path)


def test_meshes_of_a_urdf_are_found_below_it(tmp_path):
    (tmp_path / "meshes").mkdir()
    trimesh.creation.box((1, 1, 1)).export(tmp_path / "meshes" / "hull.stl")
    model = tmp_path / "robot.urdf"
    assert MeshFinder(model).find("package://some_robot/meshes/hull.dae") == tmp_path / "meshes" / "hull.stl"
    assert MeshFinder(model).find("meshes/other.stl") is None
    link = '<link name="a"><collision><geometry><mesh filename="package://x/meshes/{}"/></geometry></collision></link>'
    model.write_text(f'<robot name="r">{link.format("hull.stl")}</robot>', encoding="utf-8")
    assert str(tmp_path / "meshes" / "hull.stl") in read_urdf(model).text
    model.write_text(f'<robot name="r">{link.format("gone.stl")}</robot>', encoding="utf-8")
    with pytest.raises(InputError, match=r"gone\.stl"):
        read_urdf(model)


@pytest.mark.parametrize(
    ("name", "other"),
    [("left_knee", "right_knee"), ("Shank_Left", "Shank_Right"), ("l_uleg", "r_uleg"), ("AL1", "AR1")],
)
def test_mirrored_names(name, other):
    assert find_mirror_name(name, {name, other, "pelvis"}) == other
    assert find_mirror_name("pelvis", {"pelvis", name, other}) is None


def test_torque_limits_are_read_where_a_model_has_them():
    text = (
        '<mujoco><worldbody><body><freejoint/><geom size=".1"/>'
        + "".join(
            f'<body><joint name="{n}" {extra}/><geom size=".1"/></body>'
            for n, extra in (("a", 'actuatorfrcrange="-7 7"'), ("b", ""), ("c", ""), ("d", ""))
        )
        + '</body></worldbody><actuator><motor joint="b" gear="30" ctrlrange="-1 1" ctrllimited="true"/>'
        '<position joint="c" forcerange="-5 5" forcelimited="true"/></actuator></mujoco>'
    )
    model = mujoco.MjModel.from_xml_string(text)
    assert [find_torque_limit(model, model.joint(n).id) for n in "abcd"] == [7, 30, 5, None]


def test_a_capsule_is_found_in_its_own_surface():
    shape = trimesh.creation.capsule(height=0.4, radius=0.05)
    shape.apply_transform(trimesh.transformations.rotation_matrix(0.7, [1, 2, 3], [0.1, 0.2, 0.3]))
    start, end, radius = fit_capsule(shape)
    assert radius == pytest.approx(0.05, rel=0.03)
    assert np.linalg.norm(end - start) == pytest.approx(0.4, rel=0.05)


def test_simplified_surfaces_keep_their_shape():
    ball = trimesh.creation.icosphere(5, radius=0.1)
    few = simplify(ball, 0.02)
    assert len(few.faces) < 0.2 * len(ball.faces)
    assert np.abs(np.linalg.norm(few.vertices, axis=1) - 0.1).max() < 0.01
    two = trimesh.util.concatenate([ball, ball.copy().apply_translation([1, 0, 0])])
    assert two.volume == pytest.approx(2 * ball.volume)


# -- a folder of meshes ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cut_up(tmp_path_factory):
    """The humanoid's own shapes, one file a body, as a modelling tool exports them."""
    folder, model = tmp_path_factory.mktemp("parts"), load_character("humanoid").model
    state = mujoco.MjData(model)
    mujoco.mj_forward(model, state)
    for body in range(1, model.nbody):
        shapes = []
        for geom in np.flatnonzero(model.geom_bodyid == body):
            pose = np.eye(4)
            pose[:3, :3], pose[:3, 3] = state.geom_xmat[geom].reshape(3, 3), state.geom_xpos[geom]
            surface = geom_surface(model, int(geom))
            assert surface is not None
            shapes.append(surface.apply_transform(pose))
        trimesh.util.concatenate(shapes).export(folder / f"{model.body(body).name}.stl")
    return folder


def test_a_folder_of_meshes_becomes_a_body(cut_up, tmp_path):
    model = assemble_body(cut_up, mass=75.0)
    body = infer_landmarks(model, "parts")
    ours, humanoid = rewrite(model, body, tmp_path), load_character("humanoid").model
    assert ours.body_mass.sum() == pytest.approx(75.0, rel=1e-3)
    at, true = places(ours), places(humanoid)
    for name in ("left_hip", "left_knee", "left_ankle", "left_shoulder", "left_elbow", "right_knee", "right_elbow"):
        # Joints are infer_landmarks where parts meet: within some centimetres of where the humanoid has them.
        off = (at[name] - at["left_hip"]) - (true[name] - true["left_hip"])
        assert np.linalg.norm(off) < 0.09, (name, off)
    state = mujoco.MjData(ours)
    state.qpos[ours.joint("left_shin_bend").qposadr[0]] = 1.0
    mujoco.mj_forward(ours, state)
    assert state.site("left_ankle").xpos[0] < at["left_ankle"][0] - 0.1  # knees bend backwards
    low, high = ours.jnt_range[ours.joint("left_shin_bend").id]
    assert np.degrees(high - low) == pytest.approx(150, abs=0.01)


def test_a_joint_can_be_given(cut_up, tmp_path):
    for file in cut_up.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "joints.toml").write_text("[left_shin]\nat = [0.0, 0.1, 0.5]\n", encoding="utf-8")
    model = assemble_body(tmp_path)
    state = mujoco.MjData(model)
    mujoco.mj_forward(model, state)
    np.testing.assert_allclose(state.body("left_shin").xpos, [0.0, 0.1, 0.5], atol=1e-9)


def test_a_folder_that_lacks_a_part_says_which(cut_up, tmp_path):
    with pytest.raises(InputError, match="no meshes there"):
        assemble_body(tmp_path)
    for file in cut_up.iterdir():
        if file.stem != "left_shin":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(InputError, match="no mesh for left_shin"):
        assemble_body(tmp_path)
    (tmp_path / "left_shin.stl").write_bytes((cut_up / "left_shin.stl").read_bytes())
    (tmp_path / "tail.stl").write_bytes((cut_up / "left_shin.stl").read_bytes())
    with pytest.raises(InputError, match="what carries 'tail'"):
        assemble_body(tmp_path)
