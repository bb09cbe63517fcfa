"""A skill that adapts, in use: it is given what every skill is given, and remembers what it felt."""

from pathlib import Path

import numpy as np

from imitate.adapt.networks import AdaptiveSkill
from imitate.adapt.runner import AdaptiveRunner
from imitate.adapt.skill_regression import DELAY, PERIOD
from imitate.env.dynamics import nominal_extrinsics
from imitate.policy import Performer, Policy, PolicyLayout, load_torch
from pose.errors import InputError


class AdaptingPolicy:
    """Performs as other policies do; phi runs beside it at its own rate.

    An observation may end with extrinsics; they are not looked at.
    """

    def __init__(self, skill: AdaptiveSkill, frozen: bool = False):
        """Takes a skill into use.

        Args:
          skill: with its adaptation module.
          frozen: z stays that of the nominal dynamics ("without adaptation" in RMA's tables).

        Raises:
          InputError: there is no adaptation module yet.
        """
        if skill.adaptation is None:
            raise InputError("this policy has no adaptation module yet; finish it with `python -m sfv adapt`")
        self.skill, self.adaptation, self.frozen = skill, skill.adaptation, frozen
        self._runner: AdaptiveRunner | None = None

    @property
    def layout(self) -> PolicyLayout:
        """See `Performer.layout`."""
        return self.skill.policy.layout.sensed

    @property
    def z(self) -> np.ndarray:
        """What it acts with now, (N, Z)."""
        assert self._runner is not None, "it has not acted yet"
        return self._runner.z

    def act(self, observation: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """See `Performer.act`."""
        if self._runner is None or len(self._runner.clock) != len(observation):
            self._runner = AdaptiveRunner(self.skill.policy, self.adaptation, len(observation), PERIOD, DELAY)
        if self.frozen:
            self._runner.clock[:] = 0
            self._runner.z[:] = self.skill.policy.encode(nominal_extrinsics()[None].astype(np.float32))
        return self._runner.act(observation, rng)

    def forget(self, ids: np.ndarray) -> None:
        """See `Performer.forget`."""
        if self._runner is not None and (not len(ids) or ids.max() < len(self._runner.clock)):
            self._runner.forget(ids)

    def save_actor(self, path: Path, half: bool = True) -> None:
        """See `Performer.save_actor`."""
        self.skill.save(path, acting_only=True, half=half)


class KnowingPolicy(AdaptingPolicy):
    """The same with true extrinsics, which an observation must end with (RMA's *Expert*)."""

    def act(self, observation: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """See `Performer.act`."""
        return self.skill.policy.act(observation, rng)


class BlindPolicy:
    """A plain policy where observations end with extrinsics that it knows nothing of."""

    def __init__(self, policy: Policy):
        self.policy, self.layout, self.save_actor = policy, policy.layout, policy.save_actor

    def act(self, observation: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """See `Performer.act`."""
        return self.policy.act(observation[:, : self.layout.observation_size], rng)

    def forget(self, ids: np.ndarray) -> None:
        """See `Performer.forget`."""
        self.policy.forget(ids)


def load_performer(path: Path) -> Performer:
    """Reads the policy of a skill, of one that adapts as well.

    Raises:
      InputError: no policy, damaged, or of a version this program cannot read.
    """
    if "policy" in load_torch(path, "policy"):
        return AdaptingPolicy(AdaptiveSkill.load(path))
    return Policy.load(path)
