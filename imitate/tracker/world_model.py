"""A small learned model of the physics of one body on the plane, through which a policy can be differentiated.

SuperTrack (Fussell, Bergamin and Holden 2021) learns the accelerations of all bodies, in the root's frame, and
integrates them. Here the network gives the change of the generalised velocity instead: 34 numbers of the humanoid
instead of 78, from which joints cannot come apart, and in which servos, rewards and observations are written. What
bodies do follows exactly (`TorchBody`).

A control step is 1/30 s, in which stiff servos settle, so the velocity between its ends is no straight line: the
network gives its mean over the step as well, and the pose moves by that on the tangent space.
"""

from itertools import pairwise

import mujoco
import numpy as np
import torch
from torch import Tensor, nn

from imitate.env.termination import GeomShapes, solid_bodies
from imitate.policy import Normaliser
from imitate.scene.scene import CONTROL_HZ
from imitate.tracker.torch_body import Placed, TorchBody, rotate

NEAR = 0.1
"""Height above the ground at which a point's height no longer says much [m]."""
POSE_SCALE = 4.0
"""Control steps over which a velocity's typical change makes a pose error that counts as much."""


class WorldModel(nn.Module):
    """The next state of a body from its present one and from how far its servos' targets are.

    Neither place nor heading makes a difference: inputs and outputs are in the root's own axes, besides the direction
    of gravity and the heights of points.
    """

    _point_body: Tensor
    _point_place: Tensor
    _point_radius: Tensor

    def __init__(self, body: TorchBody, model: mujoco.MjModel, hidden: tuple[int, ...]):
        """A network that has learnt nothing: every state changes as states do on average.

        Args:
          body: the kinematics of `model`.
          model: the body on the plane.
          hidden: widths of the hidden layers.
        """
        super().__init__()
        self.body = body
        for name, value in zip(("_point_body", "_point_place", "_point_radius"), find_points(model), strict=True):
            self.register_buffer(name, value, persistent=False)
        bodies = model.nbody - 1
        size = 3 * (3 * bodies - 1) + 3 + 2 * (model.nv - 6) + model.nu
        self.inputs, self.outputs = Normaliser(size), Normaliser(2 * model.nv)
        widths = (size + len(self._point_body), *hidden)
        layers = [nn.Sequential(nn.Linear(a, b), nn.ELU()) for a, b in pairwise(widths)]
        self.network = nn.Sequential(*layers, last := nn.Linear(widths[-1], 2 * model.nv))
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    @property
    def size(self) -> int:
        """Number of parameters."""
        return sum(parameter.numel() for parameter in self.parameters())

    def describe(self, qpos: Tensor, qvel: Tensor, placed: Placed, drive: Tensor) -> tuple[Tensor, Tensor]:
        """What the network sees, still to be normalised, (N, F), and how near points are to the ground, (N, P).

        Args:
          qpos: poses, (N, nq).
          qvel: velocities, (N, nv).
          placed: the bodies of these states.
          drive: how far the servos' targets are from where the joints are [rad], (N, nu).
        """
        root = placed.xpos[:, :1]
        vectors = torch.cat([placed.xpos[:, 1:] - root, placed.linear, placed.angular], dim=1) @ placed.xmat[:, 0]
        joints = self.body.rotation_vectors(qpos), qvel[:, 6:]
        height = placed.xpos[..., 2].index_select(1, self._point_body) - self._point_radius
        height = height + (placed.xmat[:, :, 2].index_select(1, self._point_body) * self._point_place).sum(-1)
        return torch.cat([vectors.flatten(1), placed.xmat[:, 0, 2], *joints, drive], dim=1), (height / NEAR).tanh()

    def forward(self, qpos: Tensor, qvel: Tensor, placed: Placed, drive: Tensor) -> tuple[Tensor, Tensor]:
        """The state one control step later, (N, nq) and (N, nv); arguments as of `describe`."""
        plain, height = self.describe(qpos, qvel, placed, drive)
        found = self.outputs.inverse(self.network(torch.cat([self.inputs(plain), height], dim=1)))
        change, excess = (self._turn(part, placed.xmat[:, 0]) for part in found.chunk(2, dim=1))
        mean = qvel + 0.5 * change + excess
        return self.body.integrate(qpos, mean / CONTROL_HZ), qvel + change

    def find_targets(self, before: tuple[Tensor, Tensor], after: tuple[Tensor, Tensor]) -> Tensor:
        """What the network should have given for a control step between two states, (N, 2 nv).

        The change of the velocity, and by how much its mean over the step exceeds that of its ends; the root's in its
        first axes.
        """
        (qpos, qvel), (qpos_after, qvel_after) = before, after
        mean = CONTROL_HZ * self.body.difference(qpos, qpos_after)
        parts = qvel_after - qvel, mean - 0.5 * (qvel + qvel_after)
        back = self.body.place(qpos, qvel).xmat[:, 0].transpose(1, 2)
        return torch.cat([self._turn(part, back) for part in parts], dim=1)

    @torch.no_grad()
    def fix_scales(self, before: tuple[Tensor, Tensor], drive: Tensor, after: tuple[Tensor, Tensor]) -> None:
        """Fixes the scales of inputs and outputs, for good, by control steps that were simulated, (N, ...) each."""
        plain, _ = self.describe(*before, self.body.place(*before), drive)
        self.inputs.update(Normaliser.moments(plain))
        self.outputs.update(Normaliser.moments(self.find_targets(before, after)))

    def compare(self, found: tuple[Tensor, Tensor], wanted: tuple[Tensor, Tensor]) -> Tensor:
        """Mean absolute error of states, in units of what typically changes in a control step, ()."""
        scale = (self.outputs.variance[: self.body.nv] + 1e-6).sqrt()
        velocity = (found[1] - wanted[1]).abs() / scale
        pose = self.body.difference(wanted[0], found[0]).abs() / scale * (CONTROL_HZ / POSE_SCALE)
        return velocity.mean() + pose.mean()

    @staticmethod
    def _turn(step: Tensor, matrix: Tensor) -> Tensor:
        """Steps (N, nv) whose first three numbers are rotated."""
        return torch.cat([rotate(matrix, step[:, :3]), step[:, 3:]], dim=1)


def find_points(model: mujoco.MjModel) -> tuple[Tensor, Tensor, Tensor]:
    """Points whose heights say what touches the plane: the ends of capsules, corners of boxes, middles of spheres.

    Returns:
      The moving body of each, from 0 on (P,), its place there [m], (P, 3), and the rounding about it [m], (P,).
    """
    shapes = GeomShapes.of(model, solid_bodies(model))
    bodies, places, radii = list[int](), list[np.ndarray](), list[float]()
    corners = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=float)
    for geom, centre, core, radius in zip(shapes.geoms, shapes.centre, shapes.core, shapes.radius, strict=True):
        mujoco.mju_quat2Mat(turn := np.zeros(9), model.geom_quat[geom])
        for corner in np.unique(centre + corners * core, axis=0):
            bodies.append(int(model.geom_bodyid[geom]) - 1)
            places.append(model.geom_pos[geom] + turn.reshape(3, 3) @ corner)
            radii.append(float(radius))
    return torch.tensor(bodies), torch.tensor(np.array(places), dtype=torch.float32), torch.tensor(radii)
