"""Motions as GLB (glTF 2.0, binary): the body as nodes, its skin or its shapes as meshes, one animation."""

import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import mujoco
import numpy as np
import trimesh

from pose.files import replace_file
from reconstruct.characters.character import Character, fit_skin
from reconstruct.characters.meshes import geom_surface
from reconstruct.motion import ReferenceMotion
from reconstruct.rotations import make_continuous, to_scipy
from reconstruct.scene_objects import BAR_RADIUS, COLOUR, SceneObject

FLOAT, UINT32, UINT16 = 5126, 5125, 5123
Y_UP_FROM_Z_UP = [-0.5, -0.5, -0.5, 0.5]
"""Quaternion xyzw: our x forward, y left, z up become glTF's z, x, y."""
ENDS = {
    "left_wrist": "left_hand", "right_wrist": "right_hand", "left_foot_index": "left_toe",
    "right_foot_index": "right_toe",
}  # fmt: skip
"""Landmark at the end of a limb -> name of its node."""
SHEET = 0.02
"""Thickness of a slope, of which only the face is known [m]."""
LINKS = 4
"""Bones that a vertex may follow in glTF's base profile; the heaviest are kept and made to sum to 1."""


class _Document:
    """A glTF document and its one buffer, grown piece by piece."""

    def __init__(self) -> None:
        self.json: dict[str, Any] = {"asset": {"version": "2.0"}, "accessors": [], "bufferViews": []}
        self.buffer = bytearray()

    def view(self, content: bytes) -> int:
        """Appends bytes on a boundary of four; index of the buffer view."""
        self.buffer += b"\0" * (-len(self.buffer) % 4)
        self.json["bufferViews"].append({"buffer": 0, "byteOffset": len(self.buffer), "byteLength": len(content)})
        self.buffer += content
        return len(self.json["bufferViews"]) - 1

    def accessor(self, array: np.ndarray, component: int, kind: str) -> int:
        """Appends an array (N, ...) as little endian; index of the accessor."""
        dtype = {FLOAT: "<f4", UINT32: "<u4", UINT16: "<u2"}[component]
        flat = np.ascontiguousarray(array, dtype=dtype).reshape(len(array), -1)
        entry = {
            "bufferView": self.view(flat.tobytes()),
            "componentType": component,
            "count": len(flat),
            "type": kind,
            "min": flat.min(axis=0).tolist(),
            "max": flat.max(axis=0).tolist(),
        }
        self.json["accessors"].append(entry)
        return len(self.json["accessors"]) - 1

    def add(self, key: str, entry: dict[str, Any]) -> int:
        """Appends an entry to one of the document's lists; its index."""
        self.json.setdefault(key, []).append(entry)
        return len(self.json[key]) - 1

    def glb(self) -> bytes:
        """The file: header, JSON chunk, binary chunk (glTF 2.0, section 4.4)."""
        self.buffer += b"\0" * (-len(self.buffer) % 4)
        self.json["buffers"] = [{"byteLength": len(self.buffer)}]
        text = json.dumps(self.json).encode()
        text += b" " * (-len(text) % 4)
        header = struct.pack("<4sII", b"glTF", 2, 28 + len(text) + len(self.buffer))
        chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(self.buffer), b"BIN\0")
        return header + chunks + bytes(self.buffer)


def write_glb(motion: ReferenceMotion, character: Character, path: Path, objects: Sequence[SceneObject] = ()) -> None:
    """Writes a motion as GLB in metres, y up: a node for each body, animated, with the skin or the geoms on it.

    Args:
      motion: of this character.
      character: gives the tree, the skin and the shapes.
      path: file to write; replaced whole or not at all.
      objects: what carries the body besides the ground.
    """
    model, document = character.model, _Document()
    position, rotation = local_poses(model, motion.qpos)
    for body in range(model.nbody):
        children = [child for child in range(1, model.nbody) if model.body_parentid[child] == body]
        node: dict[str, Any] = {"name": model.body(body).name or f"body_{body}"}
        node["translation"], node["rotation"] = position[0, body].tolist(), rotation[0, body].tolist()
        if children:
            node["children"] = children
        document.add("nodes", node)
    document.json["nodes"][0]["rotation"] = Y_UP_FROM_Z_UP
    document.json |= {"scene": 0, "scenes": [{"nodes": [0]}]}
    if model.nskin:
        fitted = character.spec().compile()
        fit_skin(fitted, character)
        for skin in range(model.nskin):
            _add_skin(document, fitted, skin)
    else:
        _add_geoms(document, model)
    _add_ends(document, character)
    _add_objects(document, objects)
    _add_animation(document, position, rotation, motion.fps)
    with replace_file(path) as temporary:
        temporary.write_bytes(document.glb())


def local_poses(model: mujoco.MjModel, qpos: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each body in its parent's frame: positions [m] (T, nbody, 3), quaternions xyzw (T, nbody, 4)."""
    data = mujoco.MjData(model)
    position, rotation = np.zeros((len(qpos), model.nbody, 3)), np.zeros((len(qpos), model.nbody, 4))
    for t, row in enumerate(qpos):
        data.qpos[:] = row
        mujoco.mj_kinematics(model, data)
        world = to_scipy(data.xquat)
        parent = world[model.body_parentid]
        position[t] = parent.inv().apply(data.xpos - data.xpos[model.body_parentid])
        rotation[t] = (parent.inv() * world).as_quat()
    for body in range(model.nbody):
        rotation[:, body] = make_continuous(rotation[:, body])
    return position, rotation


def _add_ends(document: _Document, character: Character) -> None:
    """Nodes at wrists and toes of limbs that end in a body which begins elsewhere: readers know limbs by joints."""
    model = character.model
    for landmark, name in ENDS.items():
        if landmark not in character.landmarks:
            continue
        site = model.site(character.landmarks[landmark]).id
        body, place = int(model.site_bodyid[site]), model.site_pos[site]
        if body in model.body_parentid or np.linalg.norm(place) < 0.02:
            continue
        node = document.add("nodes", {"name": name, "translation": place.tolist()})
        document.json["nodes"][body].setdefault("children", []).append(node)


def _add_animation(document: _Document, position: np.ndarray, rotation: np.ndarray, fps: float) -> None:
    """Channels for whatever moves, linear between frames."""
    times = document.accessor(np.arange(len(position))[:, None] / fps, FLOAT, "SCALAR")
    samplers, channels = [], []
    for body in range(1, position.shape[1]):
        for name, kind, values in (("translation", "VEC3", position), ("rotation", "VEC4", rotation)):
            if np.ptp(values[:, body], axis=0).max() > 1e-7:
                channels.append({"sampler": len(samplers), "target": {"node": body, "path": name}})
                samplers.append({"input": times, "output": document.accessor(values[:, body], FLOAT, kind)})
    if channels:
        document.add("animations", {"name": "motion", "samplers": samplers, "channels": channels})


def _add_skin(document: _Document, model: mujoco.MjModel, skin: int) -> None:
    """A skin with its weights, bind pose and texture."""
    verts = slice(model.skin_vertadr[skin], model.skin_vertadr[skin] + model.skin_vertnum[skin])
    faces = model.skin_face[model.skin_faceadr[skin] :][: model.skin_facenum[skin]]
    bones = np.arange(model.skin_boneadr[skin], model.skin_boneadr[skin] + model.skin_bonenum[skin])
    points = model.skin_vert[verts]
    weights = np.zeros((len(points), max(LINKS, len(bones))))
    inverse_bind = np.tile(np.eye(4), (len(bones), 1, 1))
    for i, bone in enumerate(bones):
        mine = slice(model.skin_bonevertadr[bone], model.skin_bonevertadr[bone] + model.skin_bonevertnum[bone])
        weights[model.skin_bonevertid[mine], i] = model.skin_bonevertweight[mine]
        bind = to_scipy(model.skin_bonebindquat[bone].astype(float)[None]).as_matrix()[0]
        inverse_bind[i, :3, :3] = bind.T
        inverse_bind[i, :3, 3] = -bind.T @ model.skin_bonebindpos[bone]
    joints = np.argsort(-weights, axis=1)[:, :LINKS]
    kept = np.take_along_axis(weights, joints, axis=1)
    kept /= kept.sum(axis=1, keepdims=True)
    joints = np.where(kept > 0, joints, 0)
    normals = trimesh.Trimesh(points, faces, process=False).vertex_normals
    attributes = {
        "POSITION": document.accessor(points, FLOAT, "VEC3"),
        "NORMAL": document.accessor(normals, FLOAT, "VEC3"),
        "JOINTS_0": document.accessor(joints, UINT16, "VEC4"),
        "WEIGHTS_0": document.accessor(kept, FLOAT, "VEC4"),
    }
    if model.skin_texcoordadr[skin] >= 0:
        texcoord = model.skin_texcoord[model.skin_texcoordadr[skin] :][: len(points)]
        attributes["TEXCOORD_0"] = document.accessor(texcoord, FLOAT, "VEC2")
    primitive = {"attributes": attributes, "indices": document.accessor(faces.reshape(-1, 1), UINT32, "SCALAR")}
    primitive["material"] = _add_material(document, model, int(model.skin_matid[skin]), model.skin_rgba[skin])
    # glTF keeps matrices by columns.
    matrices = document.accessor(inverse_bind.transpose(0, 2, 1), FLOAT, "MAT4")
    bodies = model.skin_bonebodyid[bones].tolist()
    entry = {"joints": bodies, "inverseBindMatrices": matrices}
    mesh = document.add("meshes", {"primitives": [primitive]})
    node = document.add("nodes", {"name": f"skin_{skin}", "mesh": mesh, "skin": document.add("skins", entry)})
    document.json["scenes"][0]["nodes"].append(node)


def _add_material(document: _Document, model: mujoco.MjModel, material: int, rgba: np.ndarray) -> int:
    """Colour, and the texture of a MuJoCo material if it has one of pixels."""
    surface: dict[str, Any] = {"metallicFactor": 0.0, "roughnessFactor": 0.8, "baseColorFactor": rgba.tolist()}
    if material >= 0:
        surface["baseColorFactor"] = model.mat_rgba[material].tolist()
        texture = int(model.mat_texid[material].max())
        if texture >= 0 and model.tex_type[texture] == mujoco.mjtTexture.mjTEXTURE_2D:
            shape = (model.tex_height[texture], model.tex_width[texture], model.tex_nchannel[texture])
            pixels = model.tex_data[model.tex_adr[texture] :][: np.prod(shape)].reshape(shape)
            png = cv2.imencode(".png", np.ascontiguousarray(pixels[..., 2::-1]))[1].tobytes()
            image = document.add("images", {"bufferView": document.view(png), "mimeType": "image/png"})
            surface["baseColorTexture"] = {"index": document.add("textures", {"source": image})}
    return document.add("materials", {"pbrMetallicRoughness": surface})


def _add_geoms(document: _Document, model: mujoco.MjModel) -> None:
    """Each geom that moves, as a mesh under its body's node; where there are meshes, these alone."""
    shown = model.geom_bodyid > 0
    if model.nmesh:
        shown &= model.geom_type == mujoco.mjtGeom.mjGEOM_MESH
    for geom in np.flatnonzero(shown):
        shape = geom_surface(model, int(geom))
        if shape is None:
            continue
        material = _add_material(document, model, int(model.geom_matid[geom]), model.geom_rgba[geom])
        node = {
            "mesh": _add_mesh(document, shape, material),
            "translation": model.geom_pos[geom].tolist(),
            "rotation": np.roll(model.geom_quat[geom], -1).tolist(),
        }
        parent = document.json["nodes"][int(model.geom_bodyid[geom])]
        parent.setdefault("children", []).append(document.add("nodes", node))


def _add_objects(document: _Document, objects: Sequence[SceneObject]) -> None:
    """Boxes, bars and slopes, as meshes under the node of the world."""
    for number, thing in enumerate(objects):
        if thing.kind == "bar":
            shape = trimesh.creation.cylinder(radius=BAR_RADIUS, height=thing.length)
            shape.apply_transform(trimesh.transformations.rotation_matrix(np.pi / 2.0, [0.0, 1.0, 0.0]))
        elif thing.kind == "slope":
            shape = trimesh.creation.box(extents=[thing.length / np.cos(thing.incline), thing.width, SHEET])
            shape.apply_translation([0.0, 0.0, -0.5 * SHEET])
            shape.apply_transform(trimesh.transformations.rotation_matrix(-thing.incline, [0.0, 1.0, 0.0]))
        else:
            shape = trimesh.creation.box(extents=2.0 * thing.half)
        look = {"metallicFactor": 0.0, "roughnessFactor": 0.8, "baseColorFactor": list(COLOUR)}
        material = document.add("materials", {"pbrMetallicRoughness": look})
        node = {
            "name": f"object_{number}",
            "mesh": _add_mesh(document, shape, material),
            "translation": thing.centre.tolist(),
            "rotation": [0.0, 0.0, *(float(f(np.radians(thing.yaw) / 2.0)) for f in (np.sin, np.cos))],
        }
        document.json["nodes"][0].setdefault("children", []).append(document.add("nodes", node))


def _add_mesh(document: _Document, shape: trimesh.Trimesh, material: int) -> int:
    """A surface of one material; its index."""
    primitive = {
        "attributes": {
            "POSITION": document.accessor(shape.vertices, FLOAT, "VEC3"),
            "NORMAL": document.accessor(shape.vertex_normals, FLOAT, "VEC3"),
        },
        "indices": document.accessor(shape.faces.reshape(-1, 1), UINT32, "SCALAR"),
        "material": material,
    }
    return document.add("meshes", {"primitives": [primitive]})
