"""Reads a body that others modelled: finds its file's kind, its meshes, and the one body of it that is meant."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import mujoco

from pose.errors import InputError
from reconstruct.characters.check_model import check_model
from reconstruct.characters.find_meshes import MeshFinder
from reconstruct.characters.read_urdf import read_urdf, shorten

MODELS = (".xml", ".urdf", ".xacro")
"""Suffixes of models that are read, or refused with the way out."""
OTHERS = {
    ".sdf": "SDF is not read; give the URDF that it was made of",
    ".usd": "USD is not read; export the robot as URDF or MJCF",
    ".usda": "USD is not read; export the robot as URDF or MJCF",
    ".usdc": "USD is not read; export the robot as URDF or MJCF",
    ".fbx": "a rig for animation has no joints with ranges and masses; give an MJCF, a URDF or a folder of body parts",
    ".glb": "a rig for animation has no joints with ranges and masses; give an MJCF, a URDF or a folder of body parts",
}
"""Suffix of a kind that is not read -> what to do."""


@dataclass(frozen=True)
class ModelFile:
    """A compiled model that holds one body, which can move freely."""

    model: mujoco.MjModel
    notes: tuple[str, ...] = ()
    """What the file lacks or has too much of, a line each."""


def read_model(path: Path, meshes: Path | None = None, body: str | None = None) -> ModelFile:
    """Compiles an MJCF or URDF file, its body free to move and alone.

    Args:
      path: the file.
      meshes: folder that its meshes are in, if they are not where the file says.
      body: the topmost body of the one that is meant, where the file holds several; None for the one of most joints.

    Raises:
      InputError: it cannot be read.
    """
    suffix = path.suffix.lower()
    if suffix not in MODELS:
        raise InputError(f"{path}: {OTHERS.get(suffix, 'give an .xml (MJCF), a .urdf or a folder of meshes')}")
    check_model(path.resolve())  # what it includes lies beside the file, not beside a link to it
    try:
        with _without_log():
            spec, notes = read_spec(path, meshes)
            notes += keep_one_body(spec, path, body)
            model = compile_spec(spec)
    except InputError:
        raise
    except ElementTree.ParseError as error:
        raise InputError(f"{path}: it is no well-formed XML ({error})") from error
    except (ValueError, OSError, RuntimeError, MemoryError) as error:
        message = " ".join(str(error).replace(str(path), path.name).split())
        raise InputError(f"{path}: MuJoCo cannot compile it ({message[:300]})") from error
    return ModelFile(model, tuple(notes))


@contextmanager
def _without_log() -> Iterator[None]:
    """MuJoCo's warnings go nowhere: else they also fill a MUJOCO_LOG.TXT where the user stands."""
    before = mujoco.get_mju_user_warning()
    mujoco.set_mju_user_warning(lambda message: None)
    try:
        yield
    finally:
        mujoco.set_mju_user_warning(before)


def compile_spec(spec: mujoco.MjSpec) -> mujoco.MjModel:
    """Compiles; where a mesh is not closed and has no volume of its own, meshes have that of their convex hulls."""
    with warnings.catch_warnings():  # of an attached model's solver options, which no character keeps
        warnings.simplefilter("ignore")
        try:
            return spec.compile()
        except ValueError as error:
            if "volume" not in str(error) and "inertia" not in str(error):
                raise
            for mesh in spec.meshes:
                mesh.inertia = mujoco.mjtMeshInertia.mjMESH_INERTIA_CONVEX
            return spec.compile()


def read_spec(path: Path, meshes: Path | None) -> tuple[mujoco.MjSpec, list[str]]:
    """The editable model of a file, and what is doubtful of it."""
    tag = ElementTree.fromstring(path.read_bytes()).tag
    if tag == "robot" or (path.suffix.lower() != ".xml" and tag != "mujoco"):
        urdf = read_urdf(path, meshes)
        return mujoco.MjSpec.from_string(urdf.text, assets=urdf.assets), list(urdf.notes)
    if tag == "sdf":
        raise InputError(f"{path}: {OTHERS['.sdf']}")
    real = path.resolve()
    spec = mujoco.MjSpec.from_file(str(real))
    return spec, find_assets(spec, real, meshes)


def find_assets(spec: mujoco.MjSpec, path: Path, meshes: Path | None) -> list[str]:
    """Gives an MJCF's meshes their full paths; what is missing is taken out, and reported as lines.

    Raises:
      InputError: a mesh is missing that a body's mass or shape comes from.
    """
    finder, notes = MeshFinder(path, meshes), list[str]()
    folder = path.parent / spec.meshdir
    for mesh in list(spec.meshes):
        if not mesh.file:
            continue
        file = folder / mesh.file if (folder / mesh.file).is_file() else finder.find(mesh.file)
        if file is not None:
            mesh.file = str(file.resolve())
            continue
        users = [geom for geom in spec.geoms if geom.meshname == mesh.name]
        for body in {geom.parent.name: geom.parent for geom in users}.values():
            if not body.explicitinertial or len(body.geoms) == len([g for g in body.geoms if g in users]):
                raise InputError(f"{path}: {finder.describe_missing()}; without any shape or mass is {body.name}")
        for geom in users:
            spec.delete(geom)
        spec.delete(mesh)
    if finder.missing:
        notes.append(f"{finder.describe_missing()}; what they show is drawn as capsules")
    return notes + drop_textures(spec, path)


def drop_textures(spec: mujoco.MjSpec, path: Path) -> list[str]:
    """Takes out textures whose files are missing; nothing but the looks depends on them."""
    gone = [t for t in spec.textures if t.file and not (path.parent / spec.texturedir / t.file).is_file()]
    names = [texture.name for texture in gone]
    for material in spec.materials:
        if any(name in names for name in material.textures):
            material.textures = ["" if name in names else name for name in material.textures]
    for texture in gone:
        spec.delete(texture)
    return [f"textures were not found: {shorten(names)}"] if names else []


def keep_one_body(spec: mujoco.MjSpec, path: Path, wanted: str | None) -> list[str]:
    """Deletes all trees but that of the body, and frees it; what else the file holds, as lines.

    Raises:
      InputError: there is no body, or none of that name.
    """
    trees = {body.name or f"body {i + 1}": body for i, body in enumerate(spec.worldbody.bodies)}
    joints = {name: count_joints(body) for name, body in trees.items()}
    movable = {name: count for name, count in joints.items() if count}
    if not trees:
        raise InputError(f"{path}: there is no body in it")
    if wanted is not None and wanted not in trees:
        raise InputError(f"{path}: there is no body {wanted} on top; there are {shorten(trees)}")
    chosen = wanted or max(joints, key=lambda name: joints[name])
    for looker in [*spec.cameras, *spec.lights]:  # what they look at may go
        spec.delete(looker)
    for name, body in trees.items():
        if name != chosen:
            spec.delete(body)
    root = trees[chosen]
    if not root.joints:
        root.add_freejoint()
    several = {name: count for name, count in movable.items() if count > 0.3 * joints[chosen]}
    if wanted is not None or len(several) < 2:
        return []
    listed = ", ".join(f"{name} ({count} joints)" for name, count in several.items())
    return [f"the file holds {len(several)} bodies: {listed}; {chosen} is taken, --body NAME takes another"]


def count_joints(body: mujoco.MjsBody) -> int:
    """Hinges and ball joints of a body and all below it."""
    turning = (mujoco.mjtJoint.mjJNT_HINGE, mujoco.mjtJoint.mjJNT_BALL)
    return sum(joint.type in turning for part in [body, *body.find_all("body")] for joint in part.joints)
