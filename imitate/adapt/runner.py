"""An adaptive policy in use: pi at every control step, phi at a rate of its own, its answer later (RMA, section III-D).

On the robot phi runs asynchronously at 10 Hz while pi runs at 100 Hz with the latest z^ there is. Here both run in one
process, so that time is modelled: phi looks at the history every `period` steps, and its answer holds `delay` steps
later.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from imitate.adapt.networks import AdaptationModule, AdaptivePolicy
from imitate.policy import Normaliser

PERIOD = 10
"""Control steps between runs of phi: 10 Hz beside 100 Hz."""
DELAY = 1
"""Control steps after which phi's answer is there."""

Record = Callable[[np.ndarray, Tensor], object]
"""Is called with the environments where phi has just run and with their histories, (M,) and (M, k, inputs)."""


class AdaptiveRunner:
    """Acts in N environments with estimates of z; an `Actor` for collectors and evaluations.

    It never uses the extrinsics that an observation ends with.
    """

    def __init__(
        self,
        policy: AdaptivePolicy,
        adaptation: AdaptationModule,
        num_envs: int,
        period: int = PERIOD,
        delay: int = DELAY,
        to_latent: Callable[[np.ndarray], np.ndarray] | None = None,
        record: Record | None = None,
    ):
        """Starts with empty histories.

        Args:
          policy: pi.
          adaptation: phi.
          num_envs: N.
          period: control steps between runs of phi.
          delay: control steps after which its answer is used, 0 to `period`.
          to_latent: makes z of what phi estimates, (M, outputs) -> (M, Z); None where that is z itself.
          record: sees every history that phi is given.

        Raises:
          ValueError: the delay is longer than the period.
        """
        if not 0 <= delay <= period:
            raise ValueError(f"delay {delay}: phi's answer must be there before it runs again, within {period} steps")
        self.policy, self.adaptation, self.period, self.delay = policy, adaptation, period, delay
        self.to_latent, self.record = to_latent or (lambda estimate: estimate), record
        self.history = torch.zeros(num_envs, adaptation.steps, adaptation.inputs)
        """Normalised pairs (x, a), the oldest first, zero before the episode, (N, k, inputs)."""
        self.clock = np.zeros(num_envs, dtype=np.int64)
        """Control steps since the episode began, (N,)."""
        self.estimate = np.zeros((num_envs, adaptation.outputs), dtype=np.float32)
        """What phi estimates as far as it is known by now, (N, outputs)."""
        self.z = np.zeros((num_envs, policy.layout.latent), dtype=np.float32)
        """What pi acts with, (N, Z)."""
        self._coming = self.estimate.copy()
        self.forget(np.arange(num_envs))

    @property
    def observations(self) -> Normaliser:
        """Normalises raw observations (..., O)."""
        return self.policy.observations

    def forget(self, ids: np.ndarray) -> None:
        """Episodes have begun in these environments: an empty history, and phi's answer to that."""
        self.history[ids] = 0.0
        self.clock[ids] = 0
        self._run_phi(ids)
        self._take_over(ids)

    @torch.no_grad()
    def act(self, observation: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Actions for raw observations (N, O) -> (N, A): the mean, or a sample where `rng` is given."""
        # The order of a robot's clocks: at a step phi may begin with what is known so far; pi takes what has arrived.
        begins = np.flatnonzero((self.clock % self.period == 0) & (self.clock > 0))
        if len(begins):
            self._run_phi(begins)
        arrives = np.flatnonzero((self.clock % self.period == self.delay % self.period) & (self.clock >= self.delay))
        if len(arrives):
            self._take_over(arrives)
        sensed = observation[:, : self.policy.layout.sensed_size]
        action = self.policy.act_with(sensed, self.z, rng)
        self._remember(sensed, action)
        return action

    def _remember(self, sensed: np.ndarray, action: np.ndarray) -> None:
        """Moves the histories on by one pair."""
        x = self.policy.normalise_sensed(torch.from_numpy(sensed))[:, : self.policy.layout.state_size]
        pair = torch.cat([x, torch.from_numpy(action)], dim=-1)
        self.history = torch.cat([self.history[:, 1:], pair[:, None]], dim=1)
        self.clock += 1

    @torch.no_grad()
    def _run_phi(self, ids: np.ndarray) -> None:
        """phi on the histories so far; nobody sees the answer yet."""
        history = self.history[ids]
        self._coming[ids] = self.adaptation(history).numpy()
        if self.record is not None and self.clock[ids].any():
            self.record(ids, history)

    def _take_over(self, ids: np.ndarray) -> None:
        """What phi has answered is known from now on."""
        self.estimate[ids] = self._coming[ids]
        self.z[ids] = self.to_latent(self.estimate[ids])
