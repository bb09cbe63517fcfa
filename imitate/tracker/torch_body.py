"""A body's kinematics in torch, so that a learned model of physics can be differentiated through: the same numbers as
MuJoCo's `mj_kinematics`, `mj_integratePos` and `mj_differentiatePos`, in single precision and for many states at once.
"""

from dataclasses import dataclass

import mujoco
import numpy as np
import torch
from torch import Tensor

from imitate.env.joint_layout import JointLayout

TINY = 1e-14
"""Added under square roots, whose slope at 0 is infinite."""


def _bilinear(sign: np.ndarray) -> Tensor:
    """The table that makes the product of quaternions a matrix product of a (x) b, (16, 4); `sign` for a's parts."""
    unit, table = np.eye(4), np.zeros((4, 4, 4))
    for i in range(4):
        for j in range(4):
            mujoco.mju_mulQuat(table[i, j], sign * unit[i], unit[j])
    return torch.tensor(table.reshape(16, 4), dtype=torch.float32)


def _quadratic() -> Tensor:
    """The table that makes rotation matrices of q (x) q, (16, 9): r_ij = sum over k, l of q_k q_l T_klij."""
    forms = np.zeros((9, 4, 4))
    w, x, y, z = range(4)
    for row, (a, b, c) in enumerate(((x, y, z), (y, z, x), (z, x, y))):
        ij, ik = 3 * row + (row + 1) % 3, 3 * row + (row + 2) % 3
        forms[4 * row][[w, a, b, c], [w, a, b, c]] = 1, 1, -1, -1
        forms[ij][[a, w], [b, c]] = 2, -2
        forms[ik][[a, w], [c, b]] = 2, 2
    return torch.tensor(forms.reshape(9, 16).T.copy(), dtype=torch.float32)


PRODUCT, RELATIVE, MATRIX = _bilinear(np.ones(4)), _bilinear(np.array([1.0, -1.0, -1.0, -1.0])), _quadratic()


def combine(a: Tensor, b: Tensor, table: Tensor) -> Tensor:
    """A bilinear map of quaternions: `PRODUCT` for a b, `RELATIVE` for a^-1 b, `MATRIX` with a = b; (..., 4) each."""
    return (a[..., :, None] * b[..., None, :]).flatten(-2) @ table.to(a.dtype)


def to_rotvec(quat: Tensor) -> Tensor:
    """Rotation vectors with angles in [0, pi] of unit quaternions, (..., 4) -> (..., 3)."""
    w, axis = quat[..., :1], quat[..., 1:]
    sine = (axis.square().sum(-1, keepdim=True) + TINY).sqrt()
    return axis * (2.0 * torch.atan2(sine, w.abs()) / sine) * torch.where(w < 0, -1.0, 1.0)


def from_rotvec(rotvec: Tensor) -> Tensor:
    """Unit quaternions of rotation vectors, (..., 3) -> (..., 4)."""
    half = 0.5 * (rotvec.square().sum(-1, keepdim=True) + TINY).sqrt()
    return torch.cat([half.cos(), rotvec * (0.5 * half.sin() / half)], dim=-1)


def rotate(matrix: Tensor, vector: Tensor) -> Tensor:
    """Vectors (..., 3) rotated by matrices (..., 3, 3)."""
    return (matrix * vector[..., None, :]).sum(-1)


@dataclass(frozen=True)
class Placed:
    """Where the moving bodies are and how they move, world axes; the root first."""

    xpos: Tensor
    """Origins [m], (N, B, 3)."""
    xmat: Tensor
    """Rotations R_world_body, (N, B, 3, 3)."""
    linear: Tensor
    """Velocities of the origins [m/s], (N, B, 3)."""
    angular: Tensor
    """Angular velocities [rad/s], (N, B, 3)."""


class TorchBody:
    """The kinematics of one body. Joints and bodies without joints are links, in the order of their depth."""

    def __init__(self, model: mujoco.MjModel, dtype: torch.dtype = torch.float32):
        """Reads a model whose joints are a free root, balls and hinges, see `JointLayout`."""
        joints = JointLayout.of(model)
        self.nq, self.nv = model.nq, model.nv
        self._read_columns(model, joints)
        self._read_links(model, joints, dtype)

    def _read_columns(self, model: mujoco.MjModel, joints: JointLayout) -> None:
        self._quat_qpos, self._quat_dof = (
            torch.from_numpy(each.reshape(-1).astype(np.int64)) for each in (joints.quat_qpos, joints.quat_dof)
        )
        self._scalar_qpos, self._scalar_dof = (
            torch.from_numpy(each.astype(np.int64)) for each in (joints.scalar_qpos, joints.scalar_dof)
        )
        # A pose is taken apart into plain numbers and quaternions; these columns put it together again.
        self._qpos_order = torch.argsort(torch.cat([self._scalar_qpos, self._quat_qpos]))
        self._dof_order = torch.argsort(torch.cat([self._scalar_dof, self._quat_dof]))
        self.driven = torch.from_numpy(joints.actuator_dof)
        """The degree of freedom that each servo drives, (nu,)."""

    def _read_links(self, model: mujoco.MjModel, joints: JointLayout, dtype: torch.dtype) -> None:
        links, ends = list[tuple[int, int, int]](), {0: -1}  # (parent link, body, joint or -1); last link of each body
        for body in range(1, model.nbody):
            own = range(model.body_jntadr[body], model.body_jntadr[body] + model.body_jntnum[body])
            for joint in own or (-1,):
                parent = ends[model.body_parentid[body]] if body not in ends else ends[body]
                links.append((parent, body, joint))
                ends[body] = len(links) - 1
        depth = [0] * len(links)
        for link, (parent, _, _) in enumerate(links):
            depth[link] = 0 if parent < 0 else depth[parent] + 1
        order = sorted(range(len(links)), key=lambda link: depth[link])
        place = {link: k for k, link in enumerate(order)}
        counts = np.bincount(depth)
        self._levels = [
            (int(counts[:level].sum()), torch.tensor([place[links[k][0]] for k in order if depth[k] == level]))
            for level in range(1, len(counts))
        ]
        """First link and parents of every depth but the root's."""
        self._body_links = torch.tensor([place[ends[body]] for body in range(1, model.nbody)])
        self._read_offsets(model, joints, [links[k] for k in order], links, dtype)

    def _read_offsets(
        self,
        model: mujoco.MjModel,
        joints: JointLayout,
        ordered: list[tuple[int, int, int]],
        links: list[tuple[int, int, int]],
        dtype: torch.dtype,
    ) -> None:
        """Offsets of the links from their parents, and where their own rotations and speeds come from."""
        count, hinges = len(ordered), [j for j in range(model.njnt) if model.jnt_type[j] == mujoco.mjtJoint.mjJNT_HINGE]
        offset, anchor = np.zeros((2, count, 3))
        turn = np.repeat(np.eye(3)[None], count, axis=0)
        balls = joints.quat_dof[:, 0].tolist()
        # Rotations come from one table: balls, then hinges, then none.
        source, axes = np.full(count, len(balls) + len(hinges)), np.array([model.jnt_axis[j] for j in hinges])
        for k, (parent, body, joint) in enumerate(ordered):
            if parent < 0:
                source[k] = 0
                continue
            if links[parent][1] != body:  # a body's second joint is where its first is
                offset[k] = model.body_pos[body]
                mujoco.mju_quat2Mat(matrix := np.zeros(9), model.body_quat[body])
                turn[k] = matrix.reshape(3, 3)
            if joint >= 0:
                anchor[k] = model.jnt_pos[joint]
                source[k] = (
                    len(balls) + hinges.index(joint) if joint in hinges else balls.index(model.jnt_dofadr[joint])
                )
        self._offset, self._anchor, self._turn = (torch.tensor(each, dtype=dtype) for each in (offset, anchor, turn))
        self._axes = torch.tensor(axes.reshape(-1, 3), dtype=dtype)
        self._source = torch.from_numpy(source)

    def integrate(self, qpos: Tensor, step: Tensor) -> Tensor:
        """Poses (N, nq) moved along tangent steps (N, nv), as `mj_integratePos` with a time of 1."""
        quat, turned = self._quaternions(qpos), from_rotvec(self._rotation_part(step))
        quat = torch.nn.functional.normalize(combine(quat, turned, PRODUCT), dim=-1)
        scalar = qpos.index_select(1, self._scalar_qpos) + step.index_select(1, self._scalar_dof)
        return torch.cat([scalar, quat.flatten(1)], dim=1).index_select(1, self._qpos_order)

    def difference(self, start: Tensor, end: Tensor) -> Tensor:
        """The tangent steps from `start` to `end`, (N, nq) each -> (N, nv), as `mj_differentiatePos`."""
        turn = to_rotvec(combine(self._quaternions(start), self._quaternions(end), RELATIVE))
        scalar = (end - start).index_select(1, self._scalar_qpos)
        return torch.cat([scalar, turn.flatten(1)], dim=1).index_select(1, self._dof_order)

    def rotation_vectors(self, qpos: Tensor) -> Tensor:
        """Angles of hinges and rotation vectors of balls, the root's left out, (N, nq) -> (N, nv - 6)."""
        turn, scalar = to_rotvec(self._quaternions(qpos)), qpos.index_select(1, self._scalar_qpos)
        return torch.cat([scalar, turn.flatten(1)], dim=1).index_select(1, self._dof_order[6:])

    def place(self, qpos: Tensor, qvel: Tensor) -> Placed:
        """Where bodies are and how they move, of states (N, nq) and (N, nv)."""
        turn, spin = self._link_motions(qpos, qvel)
        turn = self._turn @ turn
        local = self._offset + rotate(self._turn, self._anchor) - rotate(turn, self._anchor)
        xmat, xpos = turn[:, :1], qpos[:, None, :3]
        angular, linear = rotate(xmat, spin[:, :1]), qvel[:, None, :3]
        for first, parents in self._levels:
            own = slice(first, first + len(parents))
            above, place, whirl = (each.index_select(1, parents) for each in (xmat, xpos, angular))
            new = above @ turn[:, own]
            arm, lever = rotate(above, local[:, own]), rotate(new, self._anchor[own])
            turning = whirl + rotate(new, spin[:, own])
            speed = linear.index_select(1, parents) + torch.linalg.cross(whirl, arm + lever)
            speed = speed - torch.linalg.cross(turning, lever)
            xmat, xpos = torch.cat([xmat, new], 1), torch.cat([xpos, place + arm], 1)
            angular, linear = torch.cat([angular, turning], 1), torch.cat([linear, speed], 1)
        return Placed(*(each.index_select(1, self._body_links) for each in (xpos, xmat, linear, angular)))

    def _link_motions(self, qpos: Tensor, qvel: Tensor) -> tuple[Tensor, Tensor]:
        """Rotations of the links against their parents, (N, L, 3, 3), and angular velocities in own axes, (N, L, 3)."""
        angle = qpos.index_select(1, self._scalar_qpos[3:])[..., None]
        hinges = torch.cat([(0.5 * angle).cos(), (0.5 * angle).sin() * self._axes], dim=-1)
        speed = qvel.index_select(1, self._scalar_dof[3:])[..., None] * self._axes
        still = torch.zeros(len(qpos), 1, 3, dtype=qpos.dtype)
        none = torch.cat([torch.ones_like(still[..., :1]), still], dim=-1)
        quat = torch.cat([self._quaternions(qpos), hinges, none], dim=1).index_select(1, self._source)
        spin = torch.cat([self._rotation_part(qvel), speed, still], dim=1).index_select(1, self._source)
        return combine(quat, quat, MATRIX).unflatten(-1, (3, 3)), spin

    def _quaternions(self, qpos: Tensor) -> Tensor:
        return qpos.index_select(1, self._quat_qpos).unflatten(1, (-1, 4))

    def _rotation_part(self, step: Tensor) -> Tensor:
        return step.index_select(1, self._quat_dof).unflatten(1, (-1, 3))
