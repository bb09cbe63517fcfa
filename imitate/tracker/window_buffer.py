"""Simulated control steps in a row: what a model of physics learns from, and where rollouts in it begin."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from imitate.tracker.env import TrackerEnv
from imitate.tracker.imagine import Window


class WindowBuffer:
    """The last T control steps of N environments; windows of several in a row are drawn from it."""

    def __init__(self, ticks: int, envs: int, sizes: tuple[int, int, int]):
        """An empty one; `sizes` are nq, nv and nu."""
        self.qpos, self.qvel, self.action = (torch.zeros(ticks, envs, size) for size in sizes)
        """States, and actions in them, (T, N, ...)."""
        self.frame = torch.zeros(ticks, envs, dtype=torch.int64)
        """Frames of the reference, (T, N)."""
        self.fresh = torch.zeros(ticks, envs, dtype=torch.bool)
        """An episode begins with the state, so none leads to it, (T, N)."""
        self.filled = 0
        """Control steps ever added."""

    def __len__(self) -> int:
        return min(self.filled, len(self.frame))

    def add(self, env: TrackerEnv, action: np.ndarray, fresh: np.ndarray) -> None:
        """Adds the present states of the environments, and what they are about to do; the oldest go."""
        row = self.filled % len(self.frame)
        self.qpos[row], self.qvel[row] = torch.from_numpy(env.qpos).float(), torch.from_numpy(env.qvel).float()
        self.action[row], self.frame[row] = torch.from_numpy(action).float(), torch.from_numpy(env.frame)
        self.fresh[row] = torch.from_numpy(fresh)
        self.filled += 1

    def find_starts(self, steps: int) -> tuple[Tensor, Tensor]:
        """Rows and environments from which on an episode lasts for so many steps, (M,) each."""
        order = (self.filled - len(self) + torch.arange(len(self))) % len(self.frame)
        begun = self.fresh[order].cumsum(0)
        whole = begun[steps:] == begun[: len(self) - steps]
        place, env = torch.nonzero(whole, as_tuple=True)
        return order[place], env

    def take(self, row: Tensor, env: Tensor, steps: int) -> Window:
        """Windows of `steps` from rows of environments on, (N,) each."""
        rows = (row + torch.arange(steps + 1)[:, None]) % len(self.frame)
        return Window(self.qpos[rows, env], self.qvel[rows, env], self.frame[rows, env], self.action[rows[:-1], env])

    def state(self) -> dict[str, Any]:
        """All that it holds."""
        return dict(vars(self))

    def fits(self, state: dict[str, Any]) -> bool:
        """Whether `state` is of a buffer of this size."""
        return isinstance(state["frame"], Tensor) and state["frame"].shape == self.frame.shape

    def restore(self, state: dict[str, Any]) -> None:
        """The opposite of `state`."""
        vars(self).update(state)
