"""glTF 2.0 and GLB files with a skeleton and a clip, as Blender, Mixamo's converters and this project write them."""

import base64
import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from pose.errors import InputError
from reconstruct.formats.gaps import check_share, describe_gaps
from reconstruct.formats.options import Finding
from reconstruct.formats.skeleton_motion import SkeletonMotion
from reconstruct.rotations import from_matrix

DTYPES = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
MOST_FPS, LEAST_FPS, USUAL_FPS = 120.0, 12.0, 30.0
"""Frames a second that are taken between keys, at most and at least, and those that are taken where keys are fewer."""

BOUND = np.radians(1.0)
"""Usual turn of a skin's joints up to which a file has them as they were bound [rad]."""


@dataclass(frozen=True)
class Document:
    """A glTF document and its buffers."""

    json: dict[str, Any]
    buffers: list[bytes]

    def read(self, index: int) -> np.ndarray:
        """The array of an accessor, (N, width); integers that stand for shares become those."""
        accessor = self.json["accessors"][index]
        view = self.json["bufferViews"][accessor["bufferView"]]
        dtype, width = np.dtype(DTYPES[accessor["componentType"]]), WIDTHS[accessor["type"]]
        first = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
        stride = view.get("byteStride", 0) or width * dtype.itemsize
        count = accessor["count"]
        content = self.buffers[view["buffer"]][first : first + stride * (count - 1) + width * dtype.itemsize]
        rows = np.ndarray((count, width), dtype, content, strides=(stride, dtype.itemsize)).astype(np.float64)
        if accessor.get("normalized") and dtype.kind in "iu":
            rows = np.maximum(rows / np.iinfo(dtype).max, -1.0)
        return rows


def read_gltf(path: Path, fps: float | None = None) -> SkeletonMotion:
    """The longest clip of a glTF file that moves the skeleton; y is up and lengths are metres, as the format defines.

    Args:
      path: `.glb` or `.gltf`.
      fps: frames a second to take where keys are few or uneven, and so have no rate of their own.

    Raises:
      InputError: not such a file, or one without a skeleton that moves.
    """
    try:
        document = open_gltf(path)
        clips = document.json.get("animations", [])
        if not clips:
            raise InputError(f"{path}: no animation in it; export the clip together with the skeleton")
        return _read_clip(document, clips, path, fps)
    except (ValueError, KeyError, IndexError, TypeError, struct.error, OSError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: not a glTF file, or damaged ({type(error).__name__}: {error})") from error


def open_gltf(path: Path) -> Document:
    """Reads `.glb`, or `.gltf` with its buffers inside or beside it."""
    content, inside = path.read_bytes(), b""
    if content[:4] == b"glTF":
        place = 12
        text = b"{}"
        while place + 8 <= len(content):
            length, kind = struct.unpack_from("<I4s", content, place)
            chunk = content[place + 8 : place + 8 + length]
            text, inside = (chunk, inside) if kind == b"JSON" else (text, chunk if kind[:3] == b"BIN" else inside)
            place += 8 + length
        found = json.loads(text)
    else:
        found = json.loads(content.decode("utf-8"))
    if not isinstance(found, dict) or "asset" not in found:
        raise ValueError("no 'asset'")
    buffers = []
    for buffer in found.get("buffers", []):
        uri = buffer.get("uri")
        if uri is None:
            buffers.append(inside)
        elif uri.startswith("data:"):
            buffers.append(base64.b64decode(uri.partition(",")[2]))
        else:
            beside = path.parent / uri
            if not beside.resolve().is_relative_to(path.parent.resolve()):
                raise InputError(f"{path}: its buffer {uri[:100]} lies outside of the file's folder; put it there")
            if not beside.is_file():
                raise InputError(f"{path}: its buffer {uri} is missing; put it into the same folder")
            buffers.append(beside.read_bytes())
    return Document(found, buffers)


def _read_clip(document: Document, clips: list[dict[str, Any]], path: Path, asked: float | None) -> SkeletonMotion:
    clip, said = choose_clip(document, clips)
    times = _times(document, clip)
    if times[-1] - times[0] <= 0:
        raise InputError(f"{path}: its animation has a single key; a motion has at least 2")
    fps, rate = find_key_rate(times, asked)
    even = times[0] + np.arange(round((times[-1] - times[0]) * fps) + 1) / fps
    even = np.minimum(even, times[-1])
    nodes = document.json["nodes"]
    parents = _parents(nodes)
    order = _order(parents)
    scale, turn, place = _rest_parts(nodes)
    rest = _globals(order, parents, scale, turn[:, None], place[:, None], 1)[0]
    rest = _bind_pose(document, rest, order, parents)
    holes = list[Finding]()
    turns, places = np.repeat(turn[:, None], len(even), axis=1), np.repeat(place[:, None], len(even), axis=1)
    for channel in clip["channels"]:
        node, what = channel["target"].get("node"), channel["target"]["path"]
        if node is None or what not in ("rotation", "translation"):
            continue
        sampler = clip["samplers"][channel["sampler"]]
        keys, values, gaps = _read_keys(document, sampler, f"the {what} of '{nodes[node].get('name', node)}'", path)
        holes += gaps
        if what == "rotation":
            turns[node] = _slerp(keys, values, even, step=sampler.get("interpolation") == "STEP")
        elif sampler.get("interpolation") == "STEP":
            places[node] = values[np.clip(np.searchsorted(keys, even + 1e-5, side="right") - 1, 0, len(keys) - 1)]
        else:
            places[node] = np.stack([np.interp(even, keys, values[:, axis]) for axis in range(3)], axis=1)
    posed = _globals(order, parents, scale, turns, places, len(even))
    names = tuple(nodes[node].get("name", f"node_{node}") for node in order)
    above = tuple(order.index(parents[node]) if parents[node] >= 0 else -1 for node in order)
    at_rest, places, rotations = rest[order][:, :3, 3], posed[:, order][..., :3, 3], _relative(posed, rest)[:, order]
    more = [Finding("format", f"gaps in {len(holes) - 2} more of its channels: interpolated", doubtful=True)] * (
        len(holes) > 2
    )
    if above.count(-1) > 1:  # several trees hang on one root that does not move
        names, above = ("scene", *names), (-1, *(parent + 1 if parent >= 0 else 0 for parent in above))
        at_rest = np.concatenate([np.zeros((1, 3)), at_rest])
        places = np.concatenate([np.zeros((len(even), 1, 3)), places], axis=1)
        rotations = np.concatenate([np.tile(np.eye(3), (len(even), 1, 1, 1)), rotations], axis=1)
    return SkeletonMotion(
        names,
        above,
        at_rest,
        places,
        from_matrix(rotations),
        float(fps),
        up=np.array([0.0, 1.0, 0.0]),
        findings=(said, *rate, *holes[:2], *more),
    )


def _read_keys(
    document: Document, sampler: dict[str, Any], what: str, path: Path
) -> tuple[np.ndarray, np.ndarray, list[Finding]]:
    """Times (N,) and values (N, width) of the keys that are numbers, and what to say of those that are not.

    Raises:
      InputError: most of them are none.
    """
    keys, values = document.read(sampler["input"])[:, 0], document.read(sampler["output"])
    if sampler.get("interpolation") == "CUBICSPLINE":
        values = values[1::3]
    count = min(len(keys), len(values))
    known = np.isfinite(keys[:count]) & np.isfinite(values[:count]).all(axis=1)
    if known.all():
        return keys, values, []
    check_share(known[:, None], what, path)
    return keys[:count][known], values[:count][known], [describe_gaps(known[:, None], what)]


def choose_clip(document: Document, clips: list[dict[str, Any]]) -> tuple[dict[str, Any], Finding]:
    """The clip that turns most nodes, of several such the longest one, and which that is.

    A clip of a camera, or one that holds a single pose, may be longer than the motion.
    """

    def rank(clip: dict[str, Any]) -> tuple[int, float]:
        turned = set[int]()
        for channel in clip["channels"]:
            node, what = channel["target"].get("node"), channel["target"]["path"]
            if node is None or what != "rotation":
                continue
            values = document.read(clip["samplers"][channel["sampler"]]["output"])
            values = values[np.isfinite(values).all(axis=1)]
            if len(values) and np.ptp(values, axis=0).max() > 1e-4:
                turned.add(node)
        times = _times(document, clip) if clip["channels"] else np.zeros(1)
        return len(turned), float(times[-1] - times[0])

    ranks = [rank(clip) for clip in clips]
    most = max(count for count, _ in ranks)
    best = max(range(len(clips)), key=lambda i: (ranks[i][0] >= 0.5 * most, ranks[i][1]))
    name = f"clip '{clips[best].get('name', 'unnamed')}'"
    if len(clips) == 1:
        return clips[best], Finding("format", "glTF clip")
    others = [i for i in range(len(clips)) if i != best and ranks[i][0] >= 0.5 * most and most > 0]
    text = f"{name} of {len(clips)}, the longest that moves the skeleton"
    if not others:
        return clips[best], Finding("format", text)
    rest = ", ".join(f"'{clips[i].get('name', 'unnamed')}'" for i in others[:4])
    return clips[best], Finding("format", f"{text}; for {rest} export that clip alone", doubtful=True)


def find_key_rate(times: np.ndarray, asked: float | None = None) -> tuple[float, tuple[Finding, ...]]:
    """Frames a second of keys, and what is said of uneven ones: as asked, or those of the smallest step if it is short.

    Args:
      times: of the keys [s], (T,).
      asked: frames a second that the user wants between uneven keys, whose times stay; None for none.
    """
    steps = np.diff(times)
    fps = min(MOST_FPS, 1.0 / float(np.percentile(steps[steps > 1e-5], 2, method="lower")))
    fps = round(fps) if abs(fps - round(fps)) < 0.01 else fps
    if fps >= LEAST_FPS and steps.max() < 1.5 * steps.min():
        return fps, ()
    fps = asked or (fps if fps >= LEAST_FPS else USUAL_FPS)
    return fps, (
        Finding("format", f"{len(times)} keys in {times[-1] - times[0]:.2f} s: {fps:g} frames a second between"),
    )


def _times(document: Document, clip: dict[str, Any]) -> np.ndarray:
    """All moments of keys in a clip [s]: those of its finest sampler."""
    inputs = {sampler["input"] for sampler in clip["samplers"]}
    keys = [document.read(index)[:, 0] for index in inputs]
    finest = max(keys, key=len)
    finest = finest[np.isfinite(finest)]
    return np.concatenate([finest[:1], finest[1:][np.diff(finest) > 0]])


def _parents(nodes: list[dict[str, Any]]) -> list[int]:
    parents = [-1] * len(nodes)
    for index, node in enumerate(nodes):
        for child in node.get("children", []):
            parents[child] = index
    return parents


def _order(parents: list[int]) -> list[int]:
    """Nodes, parents before children."""
    order = [node for node, parent in enumerate(parents) if parent < 0]
    for node in order:
        order += [child for child, parent in enumerate(parents) if parent == node]
    return order


def _rest_parts(nodes: list[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scale (N, 3), rotation xyzw (N, 4) and translation (N, 3) of the nodes without a clip."""
    scale, turn, place = (
        np.ones((len(nodes), 3)),
        np.tile([0.0, 0.0, 0.0, 1.0], (len(nodes), 1)),
        np.zeros((len(nodes), 3)),
    )
    for index, node in enumerate(nodes):
        if "matrix" in node:
            matrix = np.array(node["matrix"], dtype=float).reshape(4, 4).T
            scale[index] = np.linalg.norm(matrix[:3, :3], axis=0)
            turn[index] = Rotation.from_matrix(matrix[:3, :3] / scale[index]).as_quat()
            place[index] = matrix[:3, 3]
        else:
            scale[index] = node.get("scale", scale[index])
            turn[index], place[index] = node.get("rotation", turn[index]), node.get("translation", place[index])
    return scale, turn, place


def _globals(
    order: list[int], parents: list[int], scale: np.ndarray, turns: np.ndarray, places: np.ndarray, frames: int
) -> np.ndarray:
    """Matrices of all nodes in the scene, (T, N, 4, 4)."""
    found = np.tile(np.eye(4), (frames, len(order), 1, 1))
    for node in order:
        own = np.tile(np.eye(4), (frames, 1, 1))
        own[:, :3, :3] = Rotation.from_quat(turns[node]).as_matrix() * scale[node]
        own[:, :3, 3] = places[node]
        found[:, node] = found[:, parents[node]] @ own if parents[node] >= 0 else own
    return found


def _bind_pose(document: Document, rest: np.ndarray, order: list[int], parents: list[int]) -> np.ndarray:
    """The nodes' matrices at rest (N, 4, 4): a skin's joints as it was bound to them, what hangs on these with them."""
    bound = dict[int, np.ndarray]()
    for skin in document.json.get("skins", []):
        if "inverseBindMatrices" in skin:
            inverse = document.read(skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
            into = lead_into_scene(rest[skin["joints"]], inverse)
            for joint, matrix in zip(skin["joints"], inverse, strict=True):
                bound.setdefault(joint, into @ np.linalg.inv(matrix))
    found = rest.copy()
    for node in order:
        parent = parents[node]
        if node in bound:
            found[node] = bound[node]
        elif parent >= 0:
            found[node] = found[parent] @ np.linalg.inv(rest[parent]) @ rest[node]
    return found


def lead_into_scene(nodes: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    """The matrix that leads from the axes in which a skin was bound to the scene's, (4, 4).

    Where the file has its nodes as they were bound, all of them agree on it. Files that have them in some pose of the
    clip only say the unit: the axes of the skin are kept, for those of the pose would tilt the body.

    Args:
      nodes: matrices of the skin's joints as the file has them (J, 4, 4).
      inverse: the inverses of those as they were bound, (J, 4, 4).
    """
    into = nodes @ inverse
    turns = _rotation_of(into)
    if np.median(np.einsum("jab,ab->j", turns, turns[0])) > 1.0 + 2.0 * np.cos(BOUND):
        return into[0]
    scale = np.cbrt(abs(np.linalg.det(into[0, :3, :3])))
    kept = np.diag([scale, scale, scale, 1.0])
    kept[:3, 3] = nodes[0, :3, 3] - scale * np.linalg.inv(inverse[0])[:3, 3]
    return kept


def _relative(posed: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Rotations from rest, in the scene's axes, (T, N, 3, 3)."""
    return _rotation_of(posed) @ np.swapaxes(_rotation_of(rest), -1, -2)


def _rotation_of(matrices: np.ndarray) -> np.ndarray:
    linear = matrices[..., :3, :3]
    u, _, vt = np.linalg.svd(linear)
    return u @ vt


def _slerp(keys: np.ndarray, values: np.ndarray, times: np.ndarray, step: bool) -> np.ndarray:
    """Quaternions xyzw at `times`, held before the first key and after the last."""
    distinct = np.concatenate([[True], np.diff(keys) > 0])
    keys, values = keys[distinct], values[distinct]
    if len(keys) == 1:
        return np.repeat(values, len(times), axis=0)
    if step:
        return values[np.clip(np.searchsorted(keys, times + 1e-5, side="right") - 1, 0, len(keys) - 1)]
    return Slerp(keys, Rotation.from_quat(values))(np.clip(times, keys[0], keys[-1])).as_quat()
