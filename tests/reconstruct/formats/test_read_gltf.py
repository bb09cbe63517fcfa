"""glTF clips: ours read back, and a file as Blender writes it, with an armature that is scaled and turned."""

import base64
import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pose.errors import InputError
from reconstruct.characters.character import load_character
from reconstruct.formats.open_motion import open_motion
from reconstruct.formats.read_gltf import find_key_rate
from reconstruct.formats.skeleton import to_character
from reconstruct.formats.skeleton_motion import SkeletonMotion
from reconstruct.formats.write_glb import write_glb
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.retargeting.ik_targets import leg_length
from sfv.demo.motions import load_demo_motion
from tests.small_skeleton import BODY, body_of, bvh, place, walking


@pytest.mark.parametrize("name", ["walk", "cartwheel"])
def test_our_own_file_comes_back(tmp_path, name):
    humanoid = load_character("humanoid")
    known = load_demo_motion(name, humanoid)
    write_glb(known, humanoid, tmp_path / "a.glb")
    skeleton = open_motion(tmp_path / "a.glb")
    assert skeleton.fps == pytest.approx(known.fps, rel=1e-3)  # pyright: ignore
    bodies = list(range(1, humanoid.model.nbody))
    columns = [skeleton.names.index(humanoid.model.body(b).name) for b in bodies]  # pyright: ignore
    origins = BodyPoints(np.array(bodies), np.zeros((len(bodies), 3)), np.zeros(len(bodies)))
    true = point_positions(humanoid.model, known.qpos, origins)
    np.testing.assert_allclose(skeleton.positions[:, columns][..., [2, 0, 1]], true, atol=1e-3)  # pyright: ignore
    at, said = body_of(tmp_path / "a.glb")
    assert "+y up, as the format has it" in said
    knees = BodyPoints.of_sites(humanoid.model, (humanoid.landmarks["left_knee"], humanoid.landmarks["left_hip"]))
    expected = point_positions(humanoid.model, known.qpos, knees)
    np.testing.assert_allclose(at["left_knee"] - at["left_hip"], expected[:, 0] - expected[:, 1], atol=2e-3)


def test_lengths_are_those_of_the_bound_body_where_the_first_frame_leans(tmp_path):
    humanoid, angle = load_character("humanoid"), np.radians(25.0)
    known = load_demo_motion("walk", humanoid)
    lean, qpos = Rotation.from_euler("yx", [angle, 0.5 * angle]), known.qpos.copy()
    qpos[:, 3:7] = (lean * Rotation.from_quat(qpos[:, [4, 5, 6, 3]])).as_quat()[:, [3, 0, 1, 2]]
    lengths = []
    for name, motion in (("upright", known), ("leaning", replace(known, qpos=qpos))):
        write_glb(motion, humanoid, tmp_path / f"{name}.glb")
        skeleton = open_motion(tmp_path / f"{name}.glb")
        assert isinstance(skeleton, SkeletonMotion)
        lengths.append(leg_length(to_character(skeleton, tmp_path / f"{name}.glb")[0]))
    assert lengths[1] == pytest.approx(lengths[0], abs=1e-3)


def blender_gltf(path, places, angles, interpolation="LINEAR", stretch=1.0):
    """The small skeleton under an armature of scale .01, as Mixamo's files become in Blender; one clip."""
    nodes = [{"name": "Armature", "scale": [0.01] * 3, "rotation": [0, 0.70710678, 0, 0.70710678], "children": [1]}]
    order = list(BODY)
    for name in order:
        children = [order.index(child) + 1 for child, (parent, _) in BODY.items() if parent == name]
        nodes.append(
            {"name": f"mixamorig:{name}", "translation": list(BODY[name][1])}
            | ({"children": children} if children else {})
        )
    content, document = b"", {"asset": {"version": "2.0"}, "nodes": nodes, "bufferViews": [], "accessors": []}

    def accessor(array, kind):
        nonlocal content
        data = np.asarray(array, "<f4").tobytes()
        document["bufferViews"].append({"buffer": 0, "byteOffset": len(content), "byteLength": len(data)})
        content += data
        entry = {
            "bufferView": len(document["bufferViews"]) - 1,
            "componentType": 5126,
            "count": len(array),
            "type": kind,
        }
        document["accessors"].append(entry)
        return len(document["accessors"]) - 1

    times = accessor(stretch * np.arange(len(places)) / 30, "SCALAR")
    samplers = [{"input": times, "output": accessor(places, "VEC3"), "interpolation": interpolation}]
    channels = [{"sampler": 0, "target": {"node": 1, "path": "translation"}}]
    for name, turns in angles.items():
        quat = Rotation.from_euler("ZXY", turns, degrees=True).as_quat()
        channels.append({"sampler": len(samplers), "target": {"node": order.index(name) + 1, "path": "rotation"}})
        samplers.append({"input": times, "output": accessor(quat, "VEC4"), "interpolation": interpolation})
    document["animations"] = [{"name": "walk", "samplers": samplers, "channels": channels}]
    document["buffers"] = [
        {
            "byteLength": len(content),
            "uri": "data:application/octet-stream;base64," + base64.b64encode(content).decode(),
        }
    ]
    path.write_text(json.dumps(document))


@pytest.mark.parametrize("interpolation", ["LINEAR", "STEP"])
def test_a_scaled_armature(tmp_path, interpolation):
    places, angles = walking()
    blender_gltf(tmp_path / "a.gltf", places, angles, interpolation)
    at, said = body_of(tmp_path / "a.gltf")
    plain, _ = body_of(place(tmp_path / "b.bvh", bvh(places, angles=angles)))
    assert "lengths in m" in said
    turn = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])  # by 90 degrees about y, in the file's axes
    ours = np.roll(np.roll(turn, 1, axis=0), 1, axis=1)
    for name in ("left_knee", "right_wrist", "left_ankle", "right_hip"):
        np.testing.assert_allclose(at[name], plain[name] @ ours.T, atol=1e-3)


def test_what_is_no_clip_is_refused(tmp_path):
    blender_gltf(tmp_path / "a.gltf", *walking())
    document = json.loads((tmp_path / "a.gltf").read_text())
    for change, words in (
        ({"animations": []}, "no animation"),
        ({"buffers": [{"uri": "b.bin", "byteLength": 4}]}, r"buffer b\.bin is missing"),
        ({"accessors": []}, "not a glTF file, or damaged"),
    ):
        (tmp_path / "b.gltf").write_text(json.dumps(document | change))
        with pytest.raises(InputError, match=words):
            open_motion(tmp_path / "b.gltf")


def test_feet_without_toes_get_some(tmp_path):
    blender_gltf(tmp_path / "a.gltf", *walking())
    document = json.loads((tmp_path / "a.gltf").read_text())
    for node in document["nodes"]:
        node["children"] = [i for i in node.get("children", []) if "ToeBase" not in document["nodes"][i]["name"]]
    document["nodes"] = [node if node["children"] else {k: v for k, v in node.items() if k != "children"}
                         for node in document["nodes"]]  # fmt: skip
    for node in document["nodes"]:
        node["name"] = node["name"].replace("ToeBase", "Unused")
    (tmp_path / "b.gltf").write_text(json.dumps(document))
    at, said = body_of(tmp_path / "b.gltf")
    assert "no toes in the file" in said
    ahead = at["left_foot_index"] - at["left_ankle"]
    assert (ahead[:, 1] > 0.05).all()  # the armature is turned by 90 degrees: it walks along our y


def test_a_long_clip_of_a_camera_is_not_the_motion(tmp_path):
    blender_gltf(tmp_path / "a.gltf", *walking())
    known = open_motion(tmp_path / "a.gltf")
    document = json.loads((tmp_path / "a.gltf").read_text())
    still = np.concatenate([np.array([0.0, 20.0], "<f4"), np.tile(np.array([0, 0, 0, 1], "<f4"), 2)]).tobytes()
    uri = "data:application/octet-stream;base64," + base64.b64encode(still).decode()
    document["buffers"].append({"byteLength": len(still), "uri": uri})
    views, accessors = document["bufferViews"], document["accessors"]
    views.append({"buffer": 1, "byteOffset": 0, "byteLength": 8})
    views.append({"buffer": 1, "byteOffset": 8, "byteLength": 32})
    accessors.append({"bufferView": len(views) - 2, "componentType": 5126, "count": 2, "type": "SCALAR"})
    accessors.append({"bufferView": len(views) - 1, "componentType": 5126, "count": 2, "type": "VEC4"})
    sampler = {"input": len(accessors) - 2, "output": len(accessors) - 1}
    document["nodes"].append({"name": "Camera"})
    channel = {"sampler": 0, "target": {"node": len(document["nodes"]) - 1, "path": "rotation"}}
    document["animations"].append({"name": "CameraAction", "samplers": [sampler], "channels": [channel]})
    (tmp_path / "b.gltf").write_text(json.dumps(document))
    found = open_motion(tmp_path / "b.gltf")
    for joint, name in enumerate(known.names):  # pyright: ignore
        own = found.names.index(name)  # pyright: ignore
        np.testing.assert_array_equal(found.rotations[:, own], known.rotations[:, joint])  # pyright: ignore
    assert any("clip 'walk' of 2" in said.text for said in found.findings)


@pytest.mark.parametrize(
    ("keys", "rate"),
    [([0, 10, 20, 30], 30.0), ([0, 1, 2, 10, 25, 26, 40], 30.0), ([0, 1, 2, 3, 4], 30.0), ([0, 2, 4, 6, 8], 15.0)],
)
def test_the_rate_between_keys(keys, rate):
    """Few or uneven keys have times of their own: what lies between is filled in at a rate that a motion has."""
    assert find_key_rate(np.array(keys) / 30)[0] == pytest.approx(rate)
    uneven = len(find_key_rate(np.array(keys) / 30)[1]) > 0
    assert find_key_rate(np.array(keys) / 30, 60.0)[0] == pytest.approx(60.0 if uneven else rate)
