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

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import trimesh
from scipy.spatial import cKDTree

from pose.errors import InputError
from pose.foreign_files import read_toml, refuse_damaged
from reconstruct.characters.meshes import fit_capsule, simplify

DENSITY = 1000.0
"""Density of a body whose mass is not given, that of water [kg/m3]."""
AXES = {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0), "z": (0.0, 0.0, 1.0)}
FARTHEST = 1e6
"""Distance from the origin that no part of a body has, whatever its unit."""
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


@dataclass(frozen=True)
class Part:
    """A part of a body and how it turns about its parent."""

    name: str
    parent: str | None
    surface: trimesh.Trimesh
    at: tuple[float, float, float] | None
    """Where it turns [m]; None: where the two parts meet."""
    axes: tuple[str | list[float], ...]
    """Hinges from the inside out: x, y, z, a vector, or "bend back" or "bend forth"."""
    ranges: tuple[tuple[float, float], ...]
    """Of the hinges [deg]."""


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
    joints = read_joint_tree(folder, list(files))
    parts = [read_part(name, joints[name], files[name]) for name in sort_parents_first(joints, folder)]
    tall = np.ptp(np.concatenate([part.surface.bounds for part in parts])[:, 2])
    if not 0.2 < tall < 4.0:
        raise InputError(f"{folder}: the body is {tall:.3g} m tall; meshes must be in metres with z up")
    solids = {part.name: to_solid(part.surface) for part in parts}
    density = DENSITY if mass is None else mass / sum(abs(solids[name].volume) for name in joints)
    spec = mujoco.MjSpec()
    spec.compiler.degree = False
    spec.compiler.balanceinertia = True
    places, surfaces = dict[str, np.ndarray](), {part.name: part.surface for part in parts}
    for part in parts:
        above, origin = spec.worldbody, np.zeros(3)
        if part.parent is not None:
            above, origin = spec.body(part.parent), places[part.parent]
        place = places[part.name] = locate_joint(part, surfaces[part.parent] if part.parent else None)
        body = above.add_body(name=part.name, pos=place - origin)
        add_joints(body, part, place)
        shape = simplify(part.surface, 0.002 * tall)
        spec.add_mesh(name=part.name, uservert=(shape.vertices - place).ravel(), userface=shape.faces.ravel())
        body.add_geom(type=mujoco.mjtGeom.mjGEOM_MESH, meshname=part.name, density=0.0)
        set_inertia(body, solids[part.name], density, place)
    try:
        return spec.compile()
    except ValueError as error:
        raise InputError(f"{folder}: {' '.join(str(error).split())[:200]}") from error


def add_joints(body: mujoco.MjsBody, part: Part, place: np.ndarray) -> None:
    """Adds a part's hinges; the root moves freely."""
    if part.parent is None:
        body.add_freejoint()
    for axis, limits in zip(part.axes, part.ranges, strict=True):
        body.add_joint(
            name=f"{part.name}_{axis if isinstance(axis, str) and axis in AXES else 'bend'}",
            axis=find_joint_axis(axis, part.surface, place),
            range=np.radians(limits),
            limited=True,
        )


def set_inertia(body: mujoco.MjsBody, solid: trimesh.Trimesh, density: float, place: np.ndarray) -> None:
    """Gives a body the inertia of a solid; `density` in kg/m3, `place` is the body's origin [m]."""
    solid.density = density
    inertia = solid.moment_inertia
    body.explicitinertial = True
    body.mass, body.ipos = solid.mass, solid.center_mass - place
    body.fullinertia = [inertia[i, j] for i, j in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))]


def read_joint_tree(folder: Path, names: list[str]) -> dict[str, dict[str, Any]]:
    """Part -> its joint, from the names and `joints.toml`; the root's has no parent.

    Raises:
      InputError: a part is missing, or the joint of one is not known.
    """
    file = folder / "joints.toml"
    given = read_toml(file) if file.is_file() else {}
    check_joints(given, file)
    standard = ["pelvis", "chest", "head", *(f"{side}_{part}" for side in ("left", "right") for part in LIMB)]
    needed = list(given) or [name for name in standard if name not in OPTIONAL]
    missing = [name for name in needed if name not in names]
    if missing:
        raise InputError(f"{folder}: no mesh for {', '.join(missing)}; there are {', '.join(names)}; see joints.toml")
    tree = {name: find_default_joint(name) | given.get(name, {}) for name in names}
    for name, joint in tree.items():
        if "parent" not in joint and name != "pelvis" and name not in given:
            raise InputError(f"{folder}: what carries '{name}'? say so in {file.name}: [{name}] parent = \"...\"")
        if joint.get("parent") not in (None, *names):
            raise InputError(f"{folder}: '{name}' is carried by '{joint['parent']}', which has no mesh")
        if len(joint.get("axes", [])) != len(joint.get("range", [])):
            raise InputError(f"{file}: [{name}] needs as many ranges as axes")
    return tree


def check_joints(given: dict[str, Any], file: Path) -> None:
    """Raises `InputError` unless each table has a parent's name, a place, axes and ranges of the right form."""

    def is_vector(value: Any, length: int) -> bool:
        numbers = isinstance(value, list) and all(isinstance(v, int | float) and np.isfinite(v) for v in value)
        return numbers and len(value) == length

    for name, joint in given.items():
        if not isinstance(joint, dict):
            raise InputError(f"{file}: '{name}' is no table; give [{name}] with parent, at, axes and range")
        axes, ranges = joint.get("axes", []), joint.get("range", [])
        forms = {
            'parent = "pelvis"': isinstance(joint.get("parent", ""), str),
            "at = [x, y, z]": "at" not in joint or is_vector(joint["at"], 3),
            'axes = ["y", [0, 0, 1]]': isinstance(axes, list)
            and all(a in AXES if isinstance(a, str) else is_vector(a, 3) for a in axes),
            "range = [[-60, 60]]": isinstance(ranges, list) and all(is_vector(pair, 2) for pair in ranges),
        }
        wrong = [form for form, holds in forms.items() if not holds]
        if wrong:
            raise InputError(f"{file}: [{name}] has an entry of another form than {wrong[0]}; mend it")


def find_default_joint(name: str) -> dict[str, Any]:
    """The joint of a part with a standard name, from `DEFAULT`; empty for other names."""
    side, _, part = name.partition("_")
    joint = dict(DEFAULT.get(part if side in ("left", "right") else name, {}))
    if joint and joint["parent"] in LIMB:
        joint["parent"] = f"{side}_{joint['parent']}"
    return joint


def sort_parents_first(joints: dict[str, dict[str, Any]], folder: Path) -> list[str]:
    """Parents before children, one root."""
    roots = [name for name in joints if joints[name].get("parent") is None]
    if len(roots) != 1:
        raise InputError(f"{folder}: one part must carry all others; without a parent are {', '.join(roots) or 'none'}")
    found = list(roots)
    for name in found:
        found += [other for other in joints if joints[other].get("parent") == name]
    return found


def read_part(name: str, joint: dict[str, Any], file: Path) -> Part:
    """A part, its surface from a file.

    Raises:
      InputError: the file cannot be read, or is empty.
    """
    what, mend = "a mesh", "export it again as binary .stl or .obj"
    with refuse_damaged(file, what, mend), np.errstate(all="ignore"):
        try:
            surface = trimesh.load(file, force="mesh")
        except (OSError, ImportError) as error:  # it looks for a package that guesses how text is encoded
            raise InputError(f"{file}: not {what}, or damaged (no text, no known header); {mend}") from error
    if not isinstance(surface, trimesh.Trimesh) or len(surface.faces) < 4:
        raise InputError(f"{file}: there is no surface in it; {mend}")
    flat = surface.vertices.shape[1:] != (3,)
    if flat or not (np.isfinite(surface.vertices).all() and np.abs(surface.vertices).max() < FARTHEST):
        raise InputError(f"{file}: points that are not finite, or endlessly far; {mend}, in metres")
    axes, ranges = tuple(joint.get("axes", ())), tuple(map(tuple, joint.get("range", ())))
    return Part(name, joint.get("parent"), surface, joint.get("at"), axes, ranges)


def to_solid(part: trimesh.Trimesh) -> trimesh.Trimesh:
    """A surface that has an inside: itself, or its hull."""
    return part.copy() if part.is_watertight and part.volume > 0 else part.convex_hull


def locate_joint(part: Part, parent: trimesh.Trimesh | None) -> np.ndarray:
    """Where a part turns about its parent, (3,) [m]: as given; the near end of a long bone; where the two parts meet.

    The root's is its middle.
    """
    surface = part.surface
    if parent is None:
        return surface.bounds.mean(axis=0)
    if part.at is not None:
        return np.array(part.at, dtype=float)
    if part.name.endswith(LONG):
        start, end, _ = fit_capsule(surface)
        return min((start, end), key=lambda point: float(np.linalg.norm(parent.vertices - point, axis=1).min()))
    near, _ = cKDTree(parent.vertices).query(surface.vertices)
    facing, _ = cKDTree(surface.vertices).query(parent.vertices)
    margin = max(near.min(), facing.min()) + 0.15 * float(np.sort(surface.extents)[1])
    mine, theirs = surface.vertices[near <= margin], parent.vertices[facing <= margin]
    return 0.5 * (mine.mean(axis=0) + theirs.mean(axis=0))


def find_joint_axis(axis: str | list[float], part: trimesh.Trimesh, place: np.ndarray) -> np.ndarray:
    """A hinge's axis, (3,); one that is_bend turns the part's far end straight to the front, or to the back."""
    if isinstance(axis, str) and axis in AXES:
        return np.array(AXES[axis])
    if isinstance(axis, str):
        way = part.centroid - place
        across = np.cross(way, [1.0 if axis == "bend forth" else -1.0, 0.0, 0.0])
        return across / max(np.linalg.norm(across), 1e-9)
    return np.array(axis, dtype=float)
