"""A body that others modelled, compiled and in a pose."""

import copy
from collections.abc import Collection
from dataclasses import dataclass

import mujoco
import numpy as np
import trimesh

from pose.errors import InputError
from reconstruct.characters.meshes import geom_surface, join

BALL = int(mujoco.mjtJoint.mjJNT_BALL)
HINGE = int(mujoco.mjtJoint.mjJNT_HINGE)
SLIDE = int(mujoco.mjtJoint.mjJNT_SLIDE)
MESH = int(mujoco.mjtGeom.mjGEOM_MESH)
SHAPELESS = (int(mujoco.mjtGeom.mjGEOM_PLANE), int(mujoco.mjtGeom.mjGEOM_HFIELD))
DOWN = np.array([0.0, 0.0, -1.0])
NO_TURN = (1.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class SourceModel:
    """A compiled body of others, in a pose."""

    model: mujoco.MjModel
    state: mujoco.MjData
    root: int
    """Its first body with a shape: what carries that, in the world, is how the file moves it."""
    held: frozenset[int]
    """Joints that do not move: what they carry belongs to what carries them."""
    owner: np.ndarray
    """The body with joints that carries each body, or itself; -1 outside of the tree, (nbody,)."""

    @classmethod
    def in_pose(
        cls,
        model: mujoco.MjModel,
        rest: dict[str, float] | None = None,
        held: Collection[str] = (),
        turn: tuple[float, float, float, float] = NO_TURN,
    ) -> "SourceModel":
        """In the pose that a plan calls rest.

        Args:
          model: as it was compiled.
          rest: hinge -> its angle [rad]; others are at the model's zero.
          held: joints that do not move.
          turn: rotation of the whole body about the world's origin that stands it up, quaternion wxyz.

        Raises:
          InputError: there is no such joint.
        """
        ids = {name_joint(model, j): j for j in range(model.njnt)}
        for name in (*(rest or {}), *held):
            if name not in ids:
                raise InputError(f"rest: the body has no joint '{name}'")
        stopped = frozenset(ids[name] for name in held)
        top = find_tree(model)
        if turn != NO_TURN:
            model = turn_tree(model, top, np.array(turn))
        state = mujoco.MjData(model)
        root = find_root(model, top)
        for name, angle in (rest or {}).items():
            state.qpos[model.jnt_qposadr[ids[name]]] = angle
        mujoco.mj_forward(model, state)
        return cls(model, state, root, stopped, find_owners(model, root, stopped))

    @property
    def bodies(self) -> list[int]:
        """Those with joints, and the root; parents first."""
        return [b for b in range(1, self.model.nbody) if self.owner[b] == b]

    def parent(self, body: int) -> int:
        """The body with joints that carries one; -1 for the root."""
        return -1 if body == self.root else int(self.owner[self.model.body_parentid[body]])

    def children(self, body: int) -> list[int]:
        """The bodies with joints that one carries."""
        return [b for b in self.bodies if self.parent(b) == body]

    def joints(self, body: int) -> list[int]:
        """Joints of a body that move, without those of the root."""
        return [] if body == self.root else list_moving_joints(self.model, body, self.held)

    def origin(self, body: int) -> np.ndarray:
        """Where a body turns about what carries it, world frame [m]."""
        joints = self.joints(body)
        return self.state.xanchor[joints[0]].copy() if joints else self.state.xpos[body].copy()

    def rotation(self, body: int) -> np.ndarray:
        """Rotation from a body's frame to the world, (3, 3)."""
        return self.state.xmat[body].reshape(3, 3)

    def geoms(self, body: int) -> list[int]:
        """Geoms of a body and of what it carries without joints."""
        mine = np.flatnonzero(self.owner[self.model.geom_bodyid] == body)
        return [int(g) for g in mine if self.model.geom_type[g] not in SHAPELESS]

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
        return name_joint(self.model, joint)


def rotation_about_z(angle: float) -> np.ndarray:
    """Rotation about the vertical by an angle [rad], (3, 3)."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])


def name_joint(model: mujoco.MjModel, joint: int) -> str:
    """A joint's name; one by its number where it has none."""
    return model.joint(joint).name or f"joint_{joint}"


def list_moving_joints(model: mujoco.MjModel, body: int, held: Collection[int]) -> list[int]:
    """Joints of a body that are not held."""
    first, count = int(model.body_jntadr[body]), int(model.body_jntnum[body])
    return [j for j in range(first, first + count) if j not in held]


def find_tree(model: mujoco.MjModel) -> int:
    """The topmost body of the tree with most joints."""
    joints = np.bincount(model.body_rootid[model.jnt_bodyid], minlength=model.nbody)
    bodies = np.bincount(model.body_rootid, minlength=model.nbody)
    bodies[0] = joints[0] = 0
    return int(np.lexsort((bodies, joints))[-1])


def find_root(model: mujoco.MjModel, top: int) -> int:
    """The first body of a tree that has a shape or carries several others.

    Some files move a body by a chain of empty ones, one a degree of freedom.
    """
    body = top
    while True:
        below = np.flatnonzero(model.body_parentid == body)
        below = below[below > 0]
        light = model.body_mass[body] < 1e-3 * model.body_subtreemass[top]
        if len(below) != 1 or model.body_geomnum[body] or not light or not model.body_jntnum[below[0]]:
            return body
        body = int(below[0])


def find_owners(model: mujoco.MjModel, root: int, held: Collection[int]) -> np.ndarray:
    """See `SourceModel.owner`, (nbody,)."""
    owner = np.full(model.nbody, -1)
    owner[root] = root
    for body in range(root + 1, model.nbody):  # parents come first
        above = owner[model.body_parentid[body]]
        owner[body] = body if above >= 0 and list_moving_joints(model, body, held) else above
    return owner


def turn_tree(model: mujoco.MjModel, top: int, turn: np.ndarray) -> mujoco.MjModel:
    """A copy of a model with a tree turned about the world's origin by a quaternion (4,)."""
    turned = copy.copy(model)
    pos, quat = np.zeros(3), np.zeros(4)
    mujoco.mju_rotVecQuat(pos, model.body_pos[top], turn)
    mujoco.mju_mulQuat(quat, turn, model.body_quat[top])
    turned.body_pos[top], turned.body_quat[top] = pos, quat
    first = model.body_jntadr[top]
    if model.body_jntnum[top] and model.jnt_type[first] == mujoco.mjtJoint.mjJNT_FREE:
        column = model.jnt_qposadr[first]
        turned.qpos0[column : column + 7] = [*pos, *quat]
    return turned
