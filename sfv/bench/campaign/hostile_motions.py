"""Hostile motion and keypoint files."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from sfv.bench.campaign.hostile import Hostile, one_file, set_value


def _gltf(change: Callable[[dict], None]) -> Callable[[Path, Path], Path]:
    def write(folder: Path, samples: Path) -> Path:
        document = json.loads((samples / "gltf" / "a.gltf").read_text())
        change(document)
        (folder / "a.gltf").write_text(json.dumps(document))
        return folder / "a.gltf"

    return write


def set_keys(table: str, name: str, value: object) -> Callable[[dict], None]:
    """A change of the accessor, or of the view, that holds the clip's times."""

    def change(document: dict) -> None:
        accessor = document["animations"][0]["samplers"][0]["input"]
        view = document["accessors"][accessor]["bufferView"]
        document[table][accessor if table == "accessors" else view][name] = value

    return change


def _long_line(folder: Path, samples: Path) -> Path:
    (folder / "a.bvh").write_text("HIERARCHY ROOT a { " + "{ " * 2_000_000)
    return folder / "a.bvh"


def _deep_tree(folder: Path, samples: Path) -> Path:
    joint = "JOINT j{n}\n{{\nOFFSET 0 1 0\nCHANNELS 3 Zrotation Xrotation Yrotation\n"
    text = "HIERARCHY\nROOT a\n{\nOFFSET 0 0 0\nCHANNELS 3 Zrotation Xrotation Yrotation\n"
    text += "".join(joint.format(n=n) for n in range(5000)) + "}\n" * 5001
    (folder / "a.bvh").write_text(f"{text}MOTION\nFrames: 2\nFrame Time: 0.03\n" + ("0 " * 15003 + "\n") * 2)
    return folder / "a.bvh"


def _many_people(folder: Path, samples: Path) -> Path:
    body = {"keypoints": [1.0] * 51}
    (folder / "a.json").write_text(json.dumps([body | {"image_id": 10**9 * n} for n in range(3)]))
    return folder / "a.json"


MOTIONS: tuple[Hostile, ...] = (
    Hostile("keypoints nested 100,000 deep", "keypoints", one_file("a.json", "[" * 100_000)),
    Hostile("keypoints of frame 10^9", "keypoints", _many_people),
    Hostile(
        "number of 10^5 digits",
        "keypoints",
        one_file("a.json", '[{"image_id": 0, "keypoints": [' + "9" * 100_000 + "]}]"),
    ),
    Hostile(
        "keypoints of one big number", "keypoints", one_file("a.json", '[{"image_id": 0, "keypoints": [1e400, 1, 1]}]')
    ),
    Hostile("DeepMimic nested 100,000 deep", "motion", one_file("a.txt", "[" * 100_000)),
    Hostile("glTF nested 100,000 deep", "motion", one_file("a.gltf", '{"asset":' + "[" * 100_000)),
    Hostile("BVH of one line of braces", "motion", _long_line),
    Hostile("BVH 5,000 joints deep", "motion", _deep_tree),
    Hostile(
        "BVH of 10^9 channels",
        "motion",
        one_file("a.bvh", "HIERARCHY ROOT a { OFFSET 0 0 0 CHANNELS 999999999 Xrotation }"),
    ),
    Hostile(
        "BVH of negative channels", "motion", one_file("a.bvh", "HIERARCHY ROOT a { OFFSET 0 0 0 CHANNELS -3 } MOTION")
    ),
    Hostile("C3D of zeros", "motion", one_file("a.c3d", bytes(4096))),
    Hostile(
        "C3D whose header points at itself",
        "motion",
        one_file("a.c3d", b"\x02\x50" + b"\xff" * 510 + b"\x01\x50\xff\x54" * 400),
    ),
    Hostile("C3D of noise", "motion", one_file("a.c3d", b"\x02\x50" + np.random.default_rng(5).bytes(8190))),
    Hostile(
        "glTF buffer outside of the folder",
        "motion",
        _gltf(set_value("buffers", 0, "uri", value="../../../../etc/passwd")),
    ),
    Hostile("glTF buffer by an absolute path", "motion", _gltf(set_value("buffers", 0, "uri", value="/etc/passwd"))),
    Hostile(
        "glTF buffer from the network", "motion", _gltf(set_value("buffers", 0, "uri", value="http://127.0.0.1:9/a"))
    ),
    Hostile("glTF accessor of 10^12", "motion", _gltf(set_keys("accessors", "count", 10**12))),
    Hostile("glTF accessor of -5", "motion", _gltf(set_keys("accessors", "count", -5))),
    Hostile("glTF node that is its own child", "motion", _gltf(set_value("nodes", 1, "children", value=[1]))),
    Hostile("glTF child of no node", "motion", _gltf(set_value("nodes", 1, "children", value=[10**6]))),
    Hostile("glTF stride of 10^12", "motion", _gltf(set_keys("bufferViews", "byteStride", 10**12))),
    Hostile(
        "GLB that claims 4 GB", "motion", one_file("a.glb", b"glTF\x02\0\0\0\xff\xff\xff\xff\xff\xff\xff\xffJSON{}")
    ),
    Hostile(
        "CSV of a million columns",
        "motion",
        one_file("a.csv", ",".join(["0"] * 1_000_000) + "\n" + ",".join(["0"] * 1_000_000)),
    ),
    Hostile("CSV with a huge cell", "motion", one_file("a.csv", "9" * 1_000_000 + ",1\n1,1\n")),
    Hostile("CSV of unknown joints", "motion", one_file("a.csv", "time,a,b,c,d,e,f,g,h\n" + "0,1,2,3,4,5,6,7,8\n" * 3)),
    Hostile(
        "AMC without its skeleton", "motion", one_file("a.amc", ":DEGREES\n1\nroot 0 0 0 0 0 0\n2\nroot 0 0 0 0 0 0\n")
    ),
)
