"""A body from a folder of meshes, one a part: joints where the parts meet, inertia of solids.

The folder holds `pelvis`, `chest`, `head`, and for left and right `left_thigh`, `left_shin`, `left_foot`,
`left_upper_arm`, `left_forearm` and, if there is one, `left_hand`, as .stl or .obj: the parts of a standing body in one
frame (x forward, z up, metres). Parts of other names need `joints.toml`, which also moves joints that were
put in the wrong place:

    [tail]
    parent = "pelvis"
    at = [-0.1, 0.0, 0.9]     # m; default: where the two parts meet
    axes = ["y", "z"]         # hinges from the inside out; x, y, z or a vector
    range = [[-60, 60], [-30, 30]]   # degrees
"""

import tomllib
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import trimesh
from scipy.spatial import cKDTree

from pose.errors import InputError
from reconstruct.characters.meshes import fit_capsule, simplify

DENSITY = 1000.0
"""[kg/m3]."""
AXES = {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0), "z": (0.0, 0.0, 1.0)}
LIMB = ("thigh", "shin", "foot", "upper_arm", "forearm", "hand")
LONG = ("thigh", "shin", "upper_arm", "forearm")
"""Bones that turn about one of their ends."""
DEFAULT: dict[str, dict[str, Any]] = {
    "chest": {"parent": "pelvis", "axes": ["z", "y", "x"], "range": [[-50, 50], [-30, 60], [-35, 35]]},
    "head": {"parent": "chest", "axes": ["z", "y", "x"], "range": [[-70, 70], [-50, 50], [-40, 40]]},
    "thigh": {"parent": "pelvis", "axes": ["y", "x", "z"], "range": [[-130, 40], [-60, 60], [-50, 50]]},
    "shin": {"parent": "thigh", "axes": ["bend back"], "range": [[0, 150]]},
    "foot": {"parent": "shin", "axes": ["y", "x"], "range": [[-35, 55], [-30, 30]]},
    "upper_arm": {"parent": "chest", "axes": ["x", "y", "z"], "range": [[-170, 170], [-170, 170], [-120, 120]]},
    "forearm": {"parent": "upper_arm", "axes": ["bend forth"], "range": [[0, 150]]},
    "hand": {"parent": "forearm", "axes": ["y", "x"], "range": [[-60, 60], [-60, 60]]},
}
"""Ranges after those of a person."""
OPTIONAL = ("head", "left_hand", "right_hand")


def assemble_body(folder: Path, mass: float | None = None) -> mujoco.MjModel:
    """Compiles a body of the meshes in a folder.

    Args:
      folder: parts, and perhaps `joints.toml`.
      mass: of the whole body [kg]; None for that of water.

    Raises:
      InputError: no meshes, a part that is missing, has no parent or cannot be read.
    """
    files = {f.stem: f for f in sorted(folder.iterdir()) if f.suffix.lower() in (".stl", ".obj")}
    if not files:
        raise InputError(
            f"{folder}: no meshes there; give one .stl or .obj a body part, named as {', '.join(LIMB)}, ..."
        )
    joints = joint_tree(folder, list(files))
    parts = {name: read_part(files[name]) for name in joints}
    tall = np.ptp(np.concatenate([part.bounds for part in parts.values()])[:, 2])
    if not 0.2 < tall < 4.0:
        raise InputError(f"{folder}: the body is {tall:.3g} m tall; meshes must be in metres with z up")
    volumes = {name: abs(solid(part).volume) for name, part in parts.items()}
    density = DENSITY if mass is None else mass / sum(volumes.values())
    spec = mujoco.MjSpec()
    spec.compiler.degree = False
    bodies, places = dict[str, mujoco.MjsBody](), dict[str, np.ndarray]()
    for name in sort_parents_first(joints, folder):
        told, parent = joints[name], joints[name].get("parent")
        part = parts[name]
        place = part.bounds.mean(axis=0) if parent is None else locate_joint(name, told, part, parts[parent])
        carrier = spec.worldbody if parent is None else bodies[parent]
        body = carrier.add_body(name=name, pos=place - (places[parent] if parent else 0.0))
        bodies[name], places[name] = body, place
        if parent is None:
            body.add_freejoint()
        for axis, (low, high) in zip(told.get("axes", []), told.get("range", []), strict=True):
            body.add_joint(
                name=f"{name}_{axis if axis in AXES else 'bend'}",
                axis=joint_axis(axis, part, place),
                range=np.radians([low, high]),
                limited=True,
            )
        shape = simplify(part, 0.002 * tall)
        spec.add_mesh(name=name, uservert=(shape.vertices - place).ravel(), userface=shape.faces.ravel())
        body.add_geom(type=mujoco.mjtGeom.mjGEOM_MESH, meshname=name, density=0.0)
        whole = solid(part)
        whole.density = density
        inertia = whole.moment_inertia
        body.explicitinertial = True
        body.mass, body.ipos = whole.mass, whole.center_mass - place
        body.fullinertia = [inertia[i, j] for i, j in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))]
    spec.compiler.balanceinertia = True
    try:
        return spec.compile()
    except ValueError as error:
        raise InputError(f"{folder}: {' '.join(str(error).split())[:200]}") from error


def joint_tree(folder: Path, names: list[str]) -> dict[str, dict[str, Any]]:
    """Part -> its joint, from the names and `joints.toml`; the root's has no parent."""
    file = folder / "joints.toml"
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{file}: {error}") from error
    standard = ["pelvis", "chest", "head", *(f"{side}_{part}" for side in ("left", "right") for part in LIMB)]
    missing = [n for n in standard if n not in names and n not in OPTIONAL] if not told else []
    missing += [n for n in told if n not in names]
    if missing:
        raise InputError(f"{folder}: no mesh for {', '.join(missing)}; there are {', '.join(names)}; see joints.toml")
    tree: dict[str, dict[str, Any]] = {}
    for name in names:
        side, _, part = name.partition("_")
        own = dict(DEFAULT.get(part if side in ("left", "right") else name, {}))
        if own and own["parent"] in LIMB:
            own["parent"] = f"{side}_{own['parent']}"
        tree[name] = own | told.get(name, {})
        if "parent" not in tree[name] and name != "pelvis" and name not in told:
            raise InputError(f"{folder}: what carries '{name}'? say so in {file.name}: [{name}] parent = \"...\"")
        if tree[name].get("parent") not in (None, *names):
            raise InputError(f"{folder}: '{name}' is carried by '{tree[name]['parent']}', which has no mesh")
        if len(tree[name].get("axes", [])) != len(tree[name].get("range", [])):
            raise InputError(f"{file}: [{name}] needs as many ranges as axes")
    return tree


def sort_parents_first(joints: dict[str, dict[str, Any]], folder: Path) -> list[str]:
    """Parents before children, one root."""
    roots = [name for name in joints if joints[name].get("parent") is None]
    if len(roots) != 1:
        raise InputError(f"{folder}: one part must carry all others; without a parent are {', '.join(roots) or 'none'}")
    found = list(roots)
    for name in found:
        found += [other for other in joints if joints[other].get("parent") == name]
    return found


def read_part(file: Path) -> trimesh.Trimesh:
    """A part's surface.

    Raises:
      InputError: it cannot be read, or is empty.
    """
    try:
        part = trimesh.load(file, force="mesh")
    except (ValueError, OSError, IndexError) as error:
        raise InputError(f"{file}: cannot be read as a mesh ({error})") from error
    if not isinstance(part, trimesh.Trimesh) or len(part.faces) < 4:
        raise InputError(f"{file}: there is no surface in it")
    return part


def solid(part: trimesh.Trimesh) -> trimesh.Trimesh:
    """A surface that has an inside: itself, or its hull."""
    return part.copy() if part.is_watertight and part.volume > 0 else part.convex_hull


def locate_joint(name: str, told: dict[str, Any], part: trimesh.Trimesh, parent: trimesh.Trimesh) -> np.ndarray:
    """Where a part turns about its parent, (3,) [m]: as told; the near end of a long bone; where the two parts meet."""
    if "at" in told:
        return np.array(told["at"], dtype=float)
    if name.endswith(LONG):
        start, end, _ = fit_capsule(part)
        return min((start, end), key=lambda point: float(np.linalg.norm(parent.vertices - point, axis=1).min()))
    near, _ = cKDTree(parent.vertices).query(part.vertices)
    facing, _ = cKDTree(part.vertices).query(parent.vertices)
    reach = max(near.min(), facing.min()) + 0.15 * float(np.sort(part.extents)[1])
    mine, theirs = part.vertices[near <= reach], parent.vertices[facing <= reach]
    return 0.5 * (mine.mean(axis=0) + theirs.mean(axis=0))


def joint_axis(axis: str | list[float], part: trimesh.Trimesh, place: np.ndarray) -> np.ndarray:
    """A hinge's axis, (3,); one that is_bend turns the part's far end straight to the front, or to the back."""
    if isinstance(axis, str) and axis in AXES:
        return np.array(AXES[axis])
    if isinstance(axis, str):
        way = part.centroid - place
        across = np.cross(way, [1.0 if axis == "bend forth" else -1.0, 0.0, 0.0])
        return across / max(np.linalg.norm(across), 1e-9)
    return np.array(axis, dtype=float)
