"""Pushes against the root of a body while it performs: the wind, the disturbances of training, a test of robustness."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from imitate.env.task import Task
from imitate.scene.scene import CONTROL_HZ

PUSH_SECONDS = 0.2
"""Length of a push [s]."""
PUSH_STEPS = round(PUSH_SECONDS * CONTROL_HZ)
DRAWN = 4096
"""Forces that are drawn in advance; then they come again."""


class Pushes(Protocol):
    """What pushes N environments."""

    def at(self, episode: np.ndarray, age: np.ndarray) -> np.ndarray:
        """Forces on the roots during the next control step, world axes [N], (N, 3).

        Args:
          episode: number of the episode that each environment is in, (N,).
          age: control steps in it so far, (N,).
        """
        ...


@dataclass(frozen=True)
class RandomPushes:
    """A push every so often, at moments of its own in each environment and episode: clips are shorter than a pause."""

    forces: np.ndarray
    """Horizontal forces to come, taken in turn [N], (G, 2)."""
    interval: int
    """Control steps from one push to the next."""
    affected: np.ndarray
    """Environments that are pushed, bool (N,)."""

    @classmethod
    def draw(cls, strongest: float, seconds: float, seed: int, affected: np.ndarray) -> "RandomPushes":
        """Pushes from all sides, each between half and all of the strongest [N], `seconds` apart."""
        rng = np.random.default_rng(seed)
        angle, strength = rng.uniform(-np.pi, np.pi, DRAWN), strongest * rng.uniform(0.5, 1.0, DRAWN)
        forces = np.column_stack([strength * np.cos(angle), strength * np.sin(angle)])
        return cls(forces, max(1, round(seconds * CONTROL_HZ)), affected)

    def at(self, episode: np.ndarray, age: np.ndarray) -> np.ndarray:
        """See `Pushes.at`."""
        own = episode * 7919 + np.arange(len(episode)) * 104729  # two primes
        number, moment = np.divmod(age + own % self.interval, self.interval)
        pushed = (moment >= self.interval - PUSH_STEPS) & self.affected
        found = np.zeros((len(episode), 3))
        found[pushed, :2] = self.forces[(own + number)[pushed] % len(self.forces)]
        return found


@dataclass(frozen=True)
class SinglePush:
    """One push in each environment's episode."""

    force: np.ndarray
    """World axes [N], (N, 3)."""
    begin: np.ndarray
    """Control step that it begins at, (N,)."""

    def at(self, episode: np.ndarray, age: np.ndarray) -> np.ndarray:
        """See `Pushes.at`."""
        pushed = (age >= self.begin) & (age < self.begin + PUSH_STEPS)
        return np.where(pushed[:, None], self.force, 0.0)


def make_pushes(task: Task, speed: float, seconds: float, affected: np.ndarray) -> RandomPushes | None:
    """The pushes of a task: its scene's wind, else those that are asked for; None where nothing pushes.

    Args:
      task: where there is a box, nothing else disturbs: pushed about as well, nobody learns to push it.
      speed: what the strongest push changes the body's speed by [m/s].
      seconds: time between pushes [s].
      affected: environments that are pushed, bool (N,); the wind spares none.
    """
    scene = task.scene
    if scene.kind == "wind" and scene.push > 0.0:
        return RandomPushes.draw(scene.push, scene.push_every, scene.seed, np.ones_like(affected))
    if scene.kind == "wind" or scene.has_box or speed <= 0.0:
        return None
    force = speed * float(task.body.body_subtreemass[1]) / PUSH_SECONDS
    return RandomPushes.draw(force, seconds, scene.seed, affected)
