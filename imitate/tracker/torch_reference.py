"""The clips of a tracker in torch: what its policy sees, how its servos are driven, and where bodies should be.

All is differentiable with respect to the body's state; what depends on the frame alone is computed once.
"""

import numpy as np
import torch
from torch import Tensor

from imitate.env.observation import LIMIT
from imitate.tracker.env import TrackerEnv
from imitate.tracker.observation import AHEAD, describe_frames, observe_future
from imitate.tracker.torch_body import Placed, TorchBody


class TorchReference:
    """The joined reference of a `TrackerEnv` on the plane, for states (N, nq), (N, nv) at its frames (N,)."""

    def __init__(self, env: TrackerEnv, body: TorchBody, dtype: torch.dtype = torch.float32):
        """Takes over the reference of the environments.

        Args:
          env: has the reference, the layout of observations and the servos.
          body: the environments' body.
          dtype: of all numbers.
        """
        reference, self.body = env.reference, body
        frames = np.arange(len(reference))
        self.qpos, self.qvel, self._drive_lead = (
            torch.tensor(each, dtype=dtype) for each in (reference.qpos, reference.qvel, env.servo_lead(reference.qvel))
        )
        """States of the reference, (K, nq) and (K, nv)."""
        cos, sin, none = np.cos(reference.heading), np.sin(reference.heading), np.zeros(len(frames))
        turn = np.stack([cos, -sin, none, sin, cos, none, none, none, none + 1.0], axis=1).reshape(-1, 3, 3)
        self._turn = torch.tensor(turn, dtype=dtype)  # rows of vectors times it are in the axes of the heading
        table = describe_frames(reference, env.joints, env.body.qpos0)
        future = observe_future(reference, table, frames, reference.qpos[:, :3])
        self._future = torch.tensor(future, dtype=dtype)
        self._way = torch.zeros(3, self._future.shape[1], dtype=dtype)
        width = self._future.shape[1] // len(AHEAD)
        for axis in range(3):  # of each frame ahead the way comes before the turn's sine and cosine
            self._way[axis, width - 5 + axis :: width] = 1.0
        self._next = torch.from_numpy(reference.follow(frames))
        self._last = torch.from_numpy(reference.last)
        self._action_scale = env.config.action_scale
        self.placed = body.place(self.qpos, self.qvel)
        """Where the reference's bodies are, (K, ...)."""

    def follow(self, frame: Tensor) -> Tensor:
        """The frames one control step later, none after its clip's last, (N,)."""
        return self._next[frame]

    def is_over(self, frame: Tensor) -> Tensor:
        """Whether a clip ends with the frame, bool (N,)."""
        return frame >= self._last[frame]

    def drive(self, qpos: Tensor, frame: Tensor, action: Tensor) -> Tensor:
        """How far the servos' targets are from where the joints are [rad], (N, nu); see `ImitationEnv.targets`."""
        following = self._next[frame]
        way = self.body.difference(qpos, self.qpos[following]).index_select(1, self.body.driven)
        return way + self._drive_lead[following] + self._action_scale * action

    def observe(self, qpos: Tensor, qvel: Tensor, placed: Placed, frame: Tensor) -> Tensor:
        """What `TrackerEnv.observe` returns, (N, O).

        Args:
          qpos: poses, (N, nq).
          qvel: velocities, (N, nv).
          placed: the bodies of these states.
          frame: where they are in the reference, (N,).
        """
        offset = self.body.difference(qpos, self.qpos[self._next[frame]])
        error = torch.stack([self.body.difference(self.qpos[frame], qpos), qvel - self.qvel[frame]], dim=1)
        root = placed.xpos[:, :1]
        vectors = [placed.xpos[:, 1:] - root, placed.xmat[..., 0], placed.xmat[..., 1], placed.linear, placed.angular]
        turned = torch.cat([*vectors, offset[:, None, :3], error[..., :3]], dim=1) @ self._turn[frame]
        seen, off = turned[:, :-2].flatten(1), torch.cat([turned[:, -2:], error[..., 3:]], dim=2).flatten(1)
        present = torch.cat([root[..., 2], seen, offset[:, 3:], off], dim=1).clamp(-LIMIT, LIMIT)
        return torch.cat([present, self._future[frame] - turned[:, -2] @ self._way], dim=1)
