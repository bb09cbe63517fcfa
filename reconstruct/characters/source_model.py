"""A body that others modelled, as its MJCF or URDF file has it."""

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import mujoco
import numpy as np
import trimesh

from pose.errors import InputError
from reconstruct.characters.meshes import geom_surface, join

BALL = int(mujoco.mjtJoint.mjJNT_BALL)
HINGE = int(mujoco.mjtJoint.mjJNT_HINGE)
SLIDE = int(mujoco.mjtJoint.mjJNT_SLIDE)


@dataclass(frozen=True)
class SourceModel:
    """A compiled body of others, in a pose."""

    model: mujoco.MjModel
    state: mujoco.MjData
    root: int
    """Its first body."""
    owner: np.ndarray
    """The body with joints that carries each body, or itself; -1 outside of the tree, (nbody,)."""

    @classmethod
    def in_pose(cls, model: mujoco.MjModel, rest: dict[str, float] | None = None) -> "SourceModel":
        """In the pose that a plan calls rest."""
        state, size = mujoco.MjData(model), np.bincount(model.body_rootid, minlength=model.nbody)
        size[0] = 0
        root, owner = int(size.argmax()), np.full(model.nbody, -1)
        for body in range(1, model.nbody):
            if model.body_rootid[body] == root:
                owner[body] = body if body == root or model.body_jntnum[body] else owner[model.body_parentid[body]]
        for name, angle in (rest or {}).items():
            joint = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_JOINT, name)
            if joint < 0:
                raise InputError(f"rest: the body has no joint '{name}'")
            state.qpos[model.jnt_qposadr[joint]] = angle
        mujoco.mj_forward(model, state)
        return cls(model, state, root, owner)

    @property
    def bodies(self) -> list[int]:
        """Those with joints, and the root; parents first."""
        return [b for b in range(1, self.model.nbody) if self.owner[b] == b]

    def parent(self, body: int) -> int:
        """The body with joints that carries one; -1 for the root."""
        return -1 if body == self.root else int(self.owner[self.model.body_parentid[body]])

    def joints(self, body: int) -> range:
        """Joints of a body, without a free one."""
        first, count = self.model.body_jntadr[body], self.model.body_jntnum[body]
        return range(0) if body == self.root or count == 0 else range(first, first + count)

    def origin(self, body: int) -> np.ndarray:
        """Where a body turns about what carries it, world frame [m]."""
        joints = self.joints(body)
        return self.state.xanchor[joints[0]].copy() if joints else self.state.xpos[body].copy()

    def rotation(self, body: int) -> np.ndarray:
        """Rotation from a body's frame to the world, (3, 3)."""
        return self.state.xmat[body].reshape(3, 3)

    def geoms(self, body: int) -> list[int]:
        """Geoms of a body and of what it carries without joints."""
        return [g for g in range(self.model.ngeom) if self.owner[self.model.geom_bodyid[g]] == body]

    def solid(self, body: int) -> list[int]:
        """Those that can touch something; all where none can."""
        mine, model = self.geoms(body), self.model
        return [g for g in mine if model.geom_contype[g] or model.geom_conaffinity[g]] or mine

    def mesh(self, geom: int) -> trimesh.Trimesh:
        """A geom's surface, world frame."""
        shape = geom_surface(self.model, geom)
        assert shape is not None, "a plane or height field moves with no body"
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = self.state.geom_xmat[geom].reshape(3, 3), self.state.geom_xpos[geom]
        return shape.apply_transform(pose)

    def surface(self, body: int) -> trimesh.Trimesh | None:
        """All that is solid of a body, world frame; None if it has no shape."""
        shapes = [self.mesh(geom) for geom in self.solid(body)]
        return join(shapes) if shapes else None

    def name(self, body: int) -> str:
        """Of a body."""
        return self.model.body(body).name or f"body_{body}"

    def joint_name(self, joint: int) -> str:
        """Of a joint."""
        return self.model.joint(joint).name or f"joint_{joint}"


def rotation_about_z(angle: float) -> np.ndarray:
    """Rotation about the vertical by an angle [rad], (3, 3)."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])


def read_body(path: Path) -> mujoco.MjModel:
    """Compiles an MJCF or URDF file, its first body free to move.

    Raises:
      InputError: it cannot be read, or has a kind of joint that no character here can have.
    """
    try:
        spec = (
            mujoco.MjSpec.from_string(urdf_for_mujoco(path))
            if path.suffix == ".urdf"
            else mujoco.MjSpec.from_file(str(path))
        )
        roots = list(spec.worldbody.bodies)
        if not roots:
            raise InputError(f"{path}: there is no body in it")
        for body in roots:
            if not body.joints and len(body.find_all("body")) > 0:
                body.add_freejoint()
        model = spec.compile()
    except (ValueError, OSError, ElementTree.ParseError) as error:
        raise InputError(f"{path}: MuJoCo cannot compile it ({' '.join(str(error).split())[:200]})") from error
    for joint in range(model.njnt):
        if model.jnt_type[joint] == SLIDE:
            raise InputError(f"{path}: joint '{model.joint(joint).name}' slides; hinges and ball joints are understood")
    return model


def urdf_for_mujoco(path: Path) -> str:
    """A URDF as MuJoCo wants it: mesh files by their full path, links without mass given a speck of it.

    MuJoCo reads neither `package://` nor Collada files.

    Raises:
      InputError: a mesh file cannot be found, or read.
    """
    tree = ElementTree.parse(path).getroot()
    children = {joint.find("child").get("link") for joint in tree.iter("joint") if joint.find("child") is not None}  # type: ignore[union-attr]
    bases = [link.get("name") for link in tree.iter("link") if link.get("name") not in children]
    if len(bases) != 1:
        raise InputError(f"{path}: one link must carry all others; without parents are: {', '.join(map(str, bases))}")
    for link in tree.iter("link"):
        for kind in ("visual", "collision"):
            for element in list(link.findall(kind)):
                mesh = element.find("geometry/mesh")
                if mesh is None:
                    continue
                file = find_mesh(path, str(mesh.get("filename")))
                if file is None and kind == "visual":
                    link.remove(element)
                elif file is None:
                    raise InputError(f"{path}: no mesh {mesh.get('filename')} (.stl or .obj) beside it")
                else:
                    mesh.set("filename", str(file))
    for old in tree.findall("mujoco"):
        tree.remove(old)
    options = ElementTree.SubElement(tree, "mujoco")
    ElementTree.SubElement(
        options,
        "compiler",
        {"strippath": "false", "discardvisual": "false", "fusestatic": "false", "balanceinertia": "true"}
        | {"boundmass": "1e-6", "boundinertia": "1e-9"},
    )
    return ElementTree.tostring(tree, encoding="unicode")


def find_mesh(model: Path, name: str) -> Path | None:
    """A mesh that a model names, as far as MuJoCo reads it: at its path, or by the end of that below the model."""
    parts = Path(name.split("://", 1)[-1].removeprefix("/")).parts
    for file in [Path(name.removeprefix("file://"))] + [model.parent.joinpath(*parts[i:]) for i in range(len(parts))]:
        for suffix in (file.suffix, ".stl", ".STL", ".obj"):
            found = file.with_suffix(suffix)
            if suffix.lower() in (".stl", ".obj", ".msh") and found.is_file():
                return found.resolve()
    return None
