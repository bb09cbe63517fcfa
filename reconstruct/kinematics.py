"""Where the body's points are, and how they move with the joints: MuJoCo's kinematics over whole trajectories."""

from dataclasses import dataclass
from functools import cached_property

import mujoco
import numpy as np

GRAVITY = 9.81
"""Acceleration of free fall [m/s^2]."""


@dataclass(frozen=True)
class BodyPoints:
    """P points fixed to bodies of a model."""

    bodies: np.ndarray
    """Body of each point, (P,)."""
    local: np.ndarray
    """Position in the body's frame [m], (P, 3)."""
    radius: np.ndarray
    """Distance from the point to the surface around it [m], (P,): zero for sites on the skin."""

    def __len__(self) -> int:
        return len(self.bodies)

    @classmethod
    def of_sites(cls, model: mujoco.MjModel, names: tuple[str, ...]) -> "BodyPoints":
        """Sites by name."""
        sites = np.array([model.site(name).id for name in names], dtype=int)
        return cls(model.site_bodyid[sites].copy(), model.site_pos[sites].copy(), np.zeros(len(sites)))

    @classmethod
    def of_geoms(cls, model: mujoco.MjModel, spacing: float = np.inf) -> "BodyPoints":
        """Points of all shapes that collide: ends of capsules, centres of spheres, corners of boxes.

        Args:
          model: the body.
          spacing: largest distance of points along capsules and on boxes [m]; by default their ends and corners.
        """
        bodies, local, radius = [], [], []
        for geom in range(model.ngeom):
            if not (model.geom_contype[geom] or model.geom_conaffinity[geom]):
                continue  # has no part in collisions
            kind, size = model.geom_type[geom], model.geom_size[geom]
            rotation = np.zeros(9)
            mujoco.mju_quat2Mat(rotation, model.geom_quat[geom])
            corners, rounding = [np.zeros(3)], float(size[0])
            if kind == mujoco.mjtGeom.mjGEOM_CAPSULE:
                corners = [np.array([0.0, 0.0, end * size[1]]) for end in _divide(2.0 * size[1], spacing)]
            elif kind == mujoco.mjtGeom.mjGEOM_BOX:
                steps = [_divide(2.0 * half, spacing) for half in size]
                places = np.array(np.meshgrid(*steps)).reshape(3, -1).T
                corners, rounding = list(places[np.abs(places).max(axis=1) == 1.0] * size), 0.0
            for corner in corners:
                bodies.append(model.geom_bodyid[geom])
                local.append(model.geom_pos[geom] + rotation.reshape(3, 3) @ corner)
                radius.append(rounding)
        return cls(np.array(bodies), np.array(local), np.array(radius))

    @classmethod
    def of_masses(cls, model: mujoco.MjModel) -> "BodyPoints":
        """Four points for each body, in the bodies' order; each holds a quarter of the body's mass (`point_masses`).

        They are the corners of a tetrahedron, stretched along the principal axes until they have the body's moments
        of inertia, so that four point masses move just as the rigid body does.
        """
        corners = np.array([[1.0, 1.0, 1.0], [1.0, -1.0, -1.0], [-1.0, 1.0, -1.0], [-1.0, -1.0, 1.0]])
        bodies, local = [], []
        for body in range(1, model.nbody):
            inertia, rotation = model.body_inertia[body], np.zeros(9)
            mujoco.mju_quat2Mat(rotation, model.body_iquat[body])
            extent = np.sqrt(np.maximum(0.5 * inertia.sum() - inertia, 0.0) / model.body_mass[body])
            bodies += [body] * 4
            local += list(model.body_ipos[body] + (corners * extent) @ rotation.reshape(3, 3).T)
        return cls(np.array(bodies), np.array(local), np.zeros(len(bodies)))

    def __getitem__(self, index: np.ndarray | slice) -> "BodyPoints":
        """Some of the points."""
        return BodyPoints(self.bodies[index], self.local[index], self.radius[index])


@dataclass(frozen=True)
class PointSet:
    """Points of a body in named groups: `PointSet.of(contacts=..., solid=...)`."""

    points: BodyPoints
    """All of them, group after group."""
    groups: dict[str, slice]
    """Where each group lies among them."""

    @classmethod
    def of(cls, **groups: BodyPoints) -> "PointSet":
        """Joins groups of points in the order in which they are given."""
        ends = np.cumsum([len(points) for points in groups.values()]).tolist()
        slices = {name: slice(end - len(points), end) for (name, points), end in zip(groups.items(), ends, strict=True)}
        joined = BodyPoints(
            np.concatenate([points.bodies for points in groups.values()]),
            np.concatenate([points.local for points in groups.values()]),
            np.concatenate([points.radius for points in groups.values()]),
        )
        return cls(joined, slices)


@dataclass(frozen=True)
class PointPaths:
    """Where P points of a body are in T frames, and how they move with its pose."""

    pos_w: np.ndarray
    """World frame [m], (T, P, 3)."""
    on_body: BodyPoints
    """The points on the body, (P,)."""
    moved: np.ndarray
    """Which degrees of freedom move which point, bool (P, nv)."""
    arm: np.ndarray
    """From the body's centre of mass to each point, world frame [m], (T, P, 3)."""
    cdof: np.ndarray
    """Motion of the body by each degree of freedom about its centre of mass, MuJoCo's `cdof`, (T, nv, 6)."""
    axes: np.ndarray | None = None
    """Axes that `pos_w` and `jac` are seen in, as rows, (T, P, 3, 3); None for the world's."""

    def __len__(self) -> int:
        return len(self.on_body)

    def __getitem__(self, index: np.ndarray | slice) -> "PointPaths":
        """The paths of some of the points."""
        axes = None if self.axes is None else self.axes[:, index]
        return PointPaths(
            self.pos_w[:, index], self.on_body[index], self.moved[index], self.arm[:, index], self.cdof, axes
        )

    @property
    def height(self) -> np.ndarray:
        """Height of the surface below each point above z = 0 [m], (T, P)."""
        return self.pos_w[..., 2] - self.on_body.radius

    @cached_property
    def jac(self) -> np.ndarray:
        """d pos_w / d tangent, (T, P, 3, nv): made when it is asked for, since it is large and most points need none.

        As in `mj_jac`: d p / d q_i = linear_i + angular_i x (p - com), for degrees of freedom that carry the point's
        body; for all frames at once by one matrix product a frame, since passes over arrays of this size take most of
        the time here.
        """
        frames, count = self.arm.shape[:2]
        motion = np.zeros((frames, count, 3, 6))
        motion[..., range(3), range(3, 6)] = 1.0
        for row, column, axis, sign in (
            (0, 1, 2, 1.0), (0, 2, 1, -1.0), (1, 0, 2, -1.0), (1, 2, 0, 1.0), (2, 0, 1, 1.0), (2, 1, 0, -1.0)
        ):  # fmt: skip
            motion[..., row, column] = sign * self.arm[..., axis]
        jacobian = motion.reshape(frames, 3 * count, 6) @ np.swapaxes(self.cdof, 1, 2)
        jacobian = jacobian.reshape(frames, count, 3, self.cdof.shape[1])
        jacobian *= self.moved[:, None]
        return jacobian if self.axes is None else self.axes @ jacobian


@dataclass(frozen=True)
class Kinematics:
    """Points of a body over T frames, with their Jacobians in MuJoCo's tangent space; `kin["contacts"]` is a group."""

    groups: dict[str, PointPaths]
    """The paths of each group of points."""
    com_w: np.ndarray
    """Centre of mass of the whole body, world frame [m], (T, 3)."""
    com_jac: np.ndarray
    """d com_w / d tangent, (T, 3, nv)."""

    def __getitem__(self, group: str) -> PointPaths:
        """The paths of one group of points."""
        return self.groups[group]


def compute_kinematics(
    model: mujoco.MjModel, qpos: np.ndarray, point_set: PointSet, derivatives: bool = True
) -> Kinematics:
    """Positions and Jacobians of points and of the centre of mass for every frame of qpos (T, nq).

    Without `derivatives` the Jacobians are of no degrees of freedom, nv = 0.
    """
    points, frames, root = point_set.points, len(qpos), model.jnt_bodyid[0]
    nv, data = model.nv if derivatives else 0, mujoco.MjData(model)
    body_pos, body_mat = np.empty((frames, model.nbody, 3)), np.empty((frames, model.nbody, 9))
    cdof, com, com_jac = np.empty((frames, nv, 6)), np.empty((frames, 3)), np.zeros((frames, 3, nv))
    pose, xpos, xmat, centre, by_dof = data.qpos, data.xpos, data.xmat, data.subtree_com[root], data.cdof
    for t in range(frames):
        pose[:] = qpos[t]
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        body_pos[t], body_mat[t], com[t] = xpos, xmat, centre
        if derivatives:
            cdof[t] = by_dof
            mujoco.mj_jacSubtreeCom(model, data, com_jac[t], root)
    rotation = body_mat.reshape(frames, -1, 3, 3)[:, points.bodies]
    points_w = body_pos[:, points.bodies] + np.einsum("tpij,pj->tpi", rotation, points.local)
    moved = carrying_dofs(model)[points.bodies, :nv]
    paths = PointPaths(points_w, points, moved, points_w - com[:, None], cdof)
    return Kinematics({name: paths[group] for name, group in point_set.groups.items()}, com, com_jac)


def _divide(length: float, spacing: float) -> np.ndarray:
    """Places from -1 to 1 along a length, both ends and as many between them as the spacing asks for."""
    return np.linspace(-1.0, 1.0, 2 + int(max(np.ceil(length / spacing - 1e-9) - 1, 0)))


def point_masses(model: mujoco.MjModel) -> np.ndarray:
    """Masses of the points that `BodyPoints.of_masses` makes [kg], (4 (nbody - 1),)."""
    return np.repeat(model.body_mass[1:] / 4.0, 4)


def carrying_dofs(model: mujoco.MjModel) -> np.ndarray:
    """Which degrees of freedom move which body, bool (nbody, nv)."""
    carried = np.zeros((model.nbody, model.nv), dtype=bool)
    for body in range(1, model.nbody):
        carried[body] = carried[model.body_parentid[body]]
        first = model.body_dofadr[body]
        if first >= 0:
            carried[body, first : first + model.body_dofnum[body]] = True
    return carried


def point_positions(model: mujoco.MjModel, qpos: np.ndarray, points: BodyPoints) -> np.ndarray:
    """Positions of points in every frame of qpos (T, nq), world frame [m], (T, P, 3)."""
    data = mujoco.MjData(model)
    place, rotation = np.empty((len(qpos), len(points), 3)), np.empty((len(qpos), len(points), 9))
    for t, pose in enumerate(qpos):
        data.qpos[:] = pose
        mujoco.mj_kinematics(model, data)
        place[t], rotation[t] = data.xpos[points.bodies], data.xmat[points.bodies]
    return place + (rotation.reshape(*place.shape, 3) @ points.local[..., None])[..., 0]


def com_positions(model: mujoco.MjModel, qpos: np.ndarray) -> np.ndarray:
    """Centre of mass in every frame, world frame [m], (T, 3)."""
    data = mujoco.MjData(model)
    com = np.empty((len(qpos), 3))
    for t, pose in enumerate(qpos):
        data.qpos[:] = pose
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        com[t] = data.subtree_com[model.jnt_bodyid[0]]
    return com
