"""What RMA's table of simulation results measures: how robots fare in physics that changes more than in training."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from imitate.adapt.networks import AdaptivePolicy
from imitate.locomotion.dynamics import NOMINAL, TEST, DynamicsRange
from imitate.locomotion.env import WalkConfig, WalkEnv
from imitate.locomotion.robot import CONTROL_HZ
from imitate.locomotion.terrain import make_fractal
from imitate.policy import Normaliser
from imitate.training.collect import Actor

MEASURES = ("torque", "smoothness", "impact")
EVENT_SECONDS = 3.0
"""When the event happens [s]."""
EVENT_PAYLOAD, EVENT_FRICTION, EVENT_LEG_STRENGTH = 6.0, 0.2, 0.7
"""From then on: a load on the middle of the trunk [kg], friction, and the strength of all three motors of one leg."""


class FrozenLatent:
    """RMA without adaptation: the same policy, z that of its episode's first moment."""

    def __init__(self, policy: AdaptivePolicy, num_envs: int):
        self.policy = policy
        self.z = np.zeros((num_envs, policy.layout.latent), dtype=np.float32)
        self._begins = np.ones(num_envs, dtype=bool)

    @property
    def observations(self) -> Normaliser:
        """Normalises raw observations (..., O)."""
        return self.policy.observations

    def act(self, observation: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Actions for raw observations (N, O) -> (N, A)."""
        first = self.policy.layout.sensed_size
        if self._begins.any():
            self.z[self._begins] = self.policy.encode(observation[self._begins, first:])
            self._begins[:] = False
        return self.policy.act_with(observation[:, :first], self.z, rng)

    def forget(self, ids: np.ndarray) -> None:
        """Episodes begin in these environments."""
        self._begins[ids] = True


@dataclass(frozen=True)
class Episodes:
    """What became of M episodes, (M,) each."""

    survived: np.ndarray
    """It walked to the end, bool."""
    time_to_fall: np.ndarray
    """Share of the longest episode that it lasted, 0 to 1."""
    reward: np.ndarray
    """Mean reward of a step, penalties in full."""
    distance: np.ndarray
    """Way ahead [m]."""
    torque: np.ndarray
    """Mean of the squared norm of the torques [N^2 m^2]."""
    smoothness: np.ndarray
    """Mean of the squared norm of their changes from step to step [N^2 m^2]."""
    impact: np.ndarray
    """Mean of the squared norm of the changes of the feet's forces [robot's weights^2]."""

    def rows(self) -> dict[str, float]:
        """Means over the episodes; success with the half width of its 95 % interval."""
        success = float(self.survived.mean())
        return {
            "success": success,
            "success_interval": wilson_half_width(success, len(self.survived)),
            **{name: float(getattr(self, name).mean()) for name in ("time_to_fall", "reward", "distance", *MEASURES)},
        }

    @staticmethod
    def join(parts: "list[Episodes]") -> "Episodes":
        """All episodes of several runs."""
        names = Episodes.__dataclass_fields__
        return Episodes(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def wilson_half_width(share: float, count: int) -> float:
    """Half width of the 95 % score interval of a proportion (Wilson 1927)."""
    z = 1.96
    return float(z / (1.0 + z * z / count) * np.sqrt(share * (1.0 - share) / count + z * z / (4.0 * count * count)))


def run_walks(
    make_actor: Callable[[int], Actor],
    episodes: int,
    seed: int,
    ranges: DynamicsRange = TEST,
    episode_steps: int = 1000,
) -> Episodes:
    """Lets robots walk once each; the same seed gives the same ground, places and first physics to every policy.

    Args:
      make_actor: makes what acts for a number of robots.
      episodes: how many, M.
      seed: of ground, places and physics.
      ranges: that physics is drawn from.
      episode_steps: longest episode [control steps].
    """
    env = WalkEnv(make_fractal(seed), WalkConfig(ranges, episode_steps), episodes, seed)
    env.start(np.arange(episodes), np.random.default_rng(seed))
    actor = make_actor(episodes)
    running = np.ones(episodes, dtype=bool)
    survived = np.zeros(episodes, dtype=bool)
    sums = {name: np.zeros(episodes) for name in ("reward", *MEASURES)}
    steps, distance = np.zeros(episodes), np.zeros(episodes)
    while running.any():
        env.running = np.flatnonzero(running)
        result = env.step(actor.act(env.observe()))
        moved = env.moved
        assert moved is not None
        values = {
            "reward": result.reward,
            "torque": (moved.torque**2).sum(1),
            "smoothness": ((moved.torque - moved.torque_before) ** 2).sum(1),
            "impact": ((moved.force - moved.force_before) ** 2).sum(1),
        }
        for name, value in values.items():
            sums[name][running] += value[running]
        steps[running] += 1
        over = running & result.done
        distance[over] = env.distance[over]
        survived[over] = result.truncated[over]
        running &= ~over
    means = {name: value / steps for name, value in sums.items()}
    return Episodes(survived, steps / episode_steps, distance=distance, **means)


@dataclass(frozen=True)
class EventResult:
    """What an event in mid-episode did to N robots."""

    z: np.ndarray
    """z^ of every robot at every control step, NaN after a fall, (T, N, Z)."""
    fell_before: np.ndarray
    """bool (N,)."""
    fell_after: np.ndarray
    """Of those that had not fallen before, bool (N,)."""

    @property
    def falls(self) -> float:
        """Share of the robots that fell after the event, of those that had walked until then."""
        walked = ~self.fell_before
        return float(self.fell_after[walked].mean()) if walked.any() else float("nan")

    def response_seconds(self) -> float:
        """Time after the event until the mean of z^ has gone half of its way to where it stays [s]."""
        first = round(EVENT_SECONDS * CONTROL_HZ)
        with np.errstate(all="ignore"):
            mean = np.nanmean(self.z, axis=1)
        before, late = mean[first - CONTROL_HZ : first].mean(0), mean[-CONTROL_HZ:].mean(0)
        way = late - before
        along = (mean[first:] - before) @ way / max(float(way @ way), 1e-12)
        return float(np.argmax(along >= 0.5) / CONTROL_HZ) if (along >= 0.5).any() else float("inf")


def change_physics(env: WalkEnv, rng: np.random.Generator) -> None:
    """The event, to all robots at once: a payload lands, ice begins and one leg weakens, which `rng` chooses."""
    dynamics, count = env.dynamics, env.num_envs
    dynamics.payload[:], dynamics.friction[:] = EVENT_PAYLOAD, EVENT_FRICTION
    dynamics.strength.reshape(count, 4, 3)[np.arange(count), rng.integers(0, 4, count)] = EVENT_LEG_STRENGTH
    dynamics.apply(np.arange(count))


def run_event(make_actor: Callable[[int], Actor], robots: int, seed: int, seconds: float = 10.0) -> EventResult:
    """Nominal robots walk on fractal ground until their physics changes after 3 s, see `change_physics`.

    Args:
      make_actor: makes what acts for a number of robots.
      robots: N.
      seed: of the ground and of the legs, which are other ones from robot to robot.
      seconds: length [s].
    """
    steps = round(seconds * CONTROL_HZ)
    env = WalkEnv(make_fractal(seed), WalkConfig(NOMINAL, steps), robots, seed)
    rng = np.random.default_rng(seed)
    env.start(np.arange(robots), rng)
    actor = make_actor(robots)
    running, fell = np.ones(robots, dtype=bool), np.zeros((2, robots), dtype=bool)
    history = []
    for step in range(steps):
        if step == round(EVENT_SECONDS * CONTROL_HZ):
            change_physics(env, rng)
        env.running = np.flatnonzero(running)
        if not len(env.running):
            break
        result = env.step(actor.act(env.observe()))
        z = getattr(actor, "z", np.zeros((robots, 1))).astype(float).copy()
        z[~running] = np.nan
        history.append(z)
        falls = running & result.terminated
        fell[int(step >= round(EVENT_SECONDS * CONTROL_HZ))] |= falls
        running &= ~falls
    return EventResult(np.stack(history), fell[0], fell[1])
