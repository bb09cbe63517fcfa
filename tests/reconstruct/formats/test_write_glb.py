"""GLB as other programs read it: nodes where MuJoCo has its bodies, skins where it has its skin."""

import json
import struct

import mujoco
import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from reconstruct.characters.character import load_character
from reconstruct.formats.write_glb import write_glb
from reconstruct.motion import ReferenceMotion
from reconstruct.scene_objects import BAR_RADIUS, SceneObject

AXES = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])


def test_joints_and_skin_are_where_mujoco_has_them(tmp_path):
    character = load_character("humanoid", 1.6)
    model, rng = character.model, np.random.default_rng(0)
    qpos = np.tile(model.qpos0, (6, 1))
    for row in qpos:
        mujoco.mj_integratePos(model, row, rng.normal(0, 0.5, model.nv), 1.0)
    motion = ReferenceMotion(qpos, 30.0, "humanoid", 1.6, character.joint_names, np.zeros((6, 0), bool), ())
    write_glb(motion, character, tmp_path / "a.glb")

    raw = (tmp_path / "a.glb").read_bytes()
    length = struct.unpack("<I", raw[12:16])[0]
    gltf, binary = json.loads(raw[20 : 20 + length]), raw[28 + length :]
    assert struct.unpack("<I", raw[8:12])[0] == len(raw)

    def array(index):
        entry = gltf["accessors"][index]
        width = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}[entry["type"]]
        dtype = {5126: "<f4", 5125: "<u4", 5123: "<u2"}[entry["componentType"]]
        start = gltf["bufferViews"][entry["bufferView"]]["byteOffset"]
        return np.frombuffer(binary, dtype, entry["count"] * width, start).reshape(-1, width)

    data = mujoco.MjData(model)
    animation = gltf["animations"][0]
    skin = gltf["skins"][0]
    mesh = gltf["meshes"][0]["primitives"][0]["attributes"]
    assert gltf["images"]
    for t in range(6):
        nodes = [dict(node) for node in gltf["nodes"]]
        for channel in animation["channels"]:
            sampler = animation["samplers"][channel["sampler"]]
            nodes[channel["target"]["node"]][channel["target"]["path"]] = array(sampler["output"])[t]
        world = np.zeros((len(nodes), 4, 4))

        def place(index, parent, nodes=nodes, world=world):
            local = np.eye(4)
            local[:3, :3] = Rotation.from_quat(nodes[index].get("rotation", [0, 0, 0, 1])).as_matrix()
            local[:3, 3] = nodes[index].get("translation", [0, 0, 0])
            world[index] = parent @ local
            for child in nodes[index].get("children", []):
                place(child, world[index])

        for root in gltf["scenes"][0]["nodes"]:
            place(root, np.eye(4))
        data.qpos[:] = qpos[t]
        mujoco.mj_kinematics(model, data)
        assert np.abs(world[: model.nbody, :3, 3] - data.xpos @ AXES.T).max() < 1e-3

        # The skin against linear blending with all of MuJoCo's weights.
        bind = array(skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
        joints = world[skin["joints"]] @ bind
        points = np.c_[array(mesh["POSITION"]), np.ones(len(array(mesh["POSITION"])))]
        blend = np.einsum("vk,vkij->vij", array(mesh["WEIGHTS_0"]), joints[array(mesh["JOINTS_0"])])
        shown = np.einsum("vij,vj->vi", blend, points)[:, :3]
        expected = np.zeros((model.nskinvert, 3))
        for bone in range(model.nskinbone):
            mine = slice(model.skin_bonevertadr[bone], model.skin_bonevertadr[bone] + model.skin_bonevertnum[bone])
            ids, body = model.skin_bonevertid[mine], model.skin_bonebodyid[bone]
            unbind = Rotation.from_quat(np.roll(model.skin_bonebindquat[bone], -1)).inv()
            offset = unbind.apply((model.skin_vert[ids] - model.skin_bonebindpos[bone]) * character.scale)
            placed = offset @ data.xmat[body].reshape(3, 3).T + data.xpos[body]
            expected[ids] += model.skin_bonevertweight[mine][:, None] * placed
        assert np.abs(shown - expected @ AXES.T).max() < 1e-3


@pytest.mark.parametrize("name", ["humanoid", "child", "heavy", "atlas"])
def test_trimesh_sees_every_body_in_its_place(tmp_path, name):
    """Bodies with a skin and without, as an independent reader places the nodes; it shows the first frame."""
    character = load_character(name)
    model, rng = character.model, np.random.default_rng(1)
    qpos = np.tile(model.qpos0, (2, 1))
    for row in qpos:
        mujoco.mj_integratePos(model, row, rng.normal(0, 0.5, model.nv), 1.0)
    motion = ReferenceMotion(qpos, 30.0, name, character.height, character.joint_names, np.zeros((2, 0), bool), ())
    write_glb(motion, character, tmp_path / "a.glb")
    scene = trimesh.load_scene(tmp_path / "a.glb")
    data = mujoco.MjData(model)
    data.qpos[:] = qpos[0]
    mujoco.mj_kinematics(model, data)
    for body in range(1, model.nbody):
        matrix, _ = scene.graph.get(model.body(body).name)
        np.testing.assert_allclose(matrix[:3, 3], AXES @ data.xpos[body], atol=1e-3)
        np.testing.assert_allclose(matrix[:3, :3], AXES @ data.xmat[body].reshape(3, 3), atol=1e-3)
    assert scene.geometry and scene.is_valid


def test_objects_stand_where_the_scene_has_them(tmp_path):
    character = load_character("atlas")
    motion = ReferenceMotion(
        np.tile(character.model.qpos0, (2, 1)), 30.0, "atlas", character.height, character.joint_names,
        np.zeros((2, 0), bool), (),
    )  # fmt: skip
    things = (SceneObject("box", 1.0, -0.5, 0.4, 0.6, 0.3, yaw=30.0), SceneObject("bar", 0.0, 0.2, 2.0, 1.2, yaw=90.0))
    write_glb(motion, character, tmp_path / "a.glb", things)
    scene = trimesh.load_scene(tmp_path / "a.glb")
    for number, thing in enumerate(things):
        matrix, name = scene.graph.get(f"object_{number}")
        points = trimesh.transform_points(scene.geometry[name].vertices, matrix) @ AXES  # in our axes again
        low, high = points.min(axis=0), points.max(axis=0)
        room = BAR_RADIUS * (thing.kind == "bar") * np.array([1.0, 0.0, 1.0])
        np.testing.assert_allclose(low, thing.corners().min(axis=0) - room, atol=2e-3)
        np.testing.assert_allclose(high, thing.corners().max(axis=0) + room, atol=2e-3)
