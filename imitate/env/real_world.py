"""What a real robot has and a simulated one lacks: noise of measurements, and time between them and the motors."""

from typing import Any

import numpy as np

NOISE = {
    "root_height": 0.01,
    "positions": 0.01,
    "rotations": 0.02,
    "linear_velocities": 0.1,
    "angular_velocities": 0.2,
    "root_offset": 0.01,
    "pose_offset": 0.01,
}
"""Standard deviation of each number of an observation's part [m, 1, m, 1, m/s, rad/s, m, rad]."""
# About what encoders with .01 rad and .2 rad/s and a root known to 1 cm, .01 rad, .05 m/s and .1 rad/s make of them
# along a limb. There errors of a limb's parts go together; here each number has its own.


class RealWorld:
    """Noise on the observations of N environments, and targets that reach their servos late.

    Each environment has a delay of its own, drawn when its episode begins.
    """

    def __init__(self, noise: float, delay: float, sizes: dict[str, int], shape: tuple[int, int], seed: int):
        """Nothing is late yet.

        Args:
          noise: factor on `NOISE`; 0 for none.
          delay: longest delay [physics steps]; each is drawn evenly from 0 to this, in whole steps.
          sizes: of the parts of an observation.
          shape: environments and servos, (N, A).
          seed: of noise and delays.
        """
        self.rng = np.random.default_rng(seed)
        self.deviation = np.repeat([noise * NOISE.get(part, 0.0) for part in sizes], list(sizes.values()))
        """Standard deviation of each number of an observation, (O,)."""
        self.longest = 0 if delay <= 0.0 else max(1, round(delay))
        self.delay = np.zeros(shape[0], dtype=np.int64)
        """Of each environment [physics steps], (N,)."""
        self.waiting = np.zeros((self.longest + 1, *shape))
        """The targets given at each of the last physics steps, the latest first, (L + 1, N, A)."""

    @property
    def late(self) -> bool:
        """There are delays."""
        return self.longest > 0

    def measure(self, observation: np.ndarray) -> np.ndarray:
        """Observations as they are measured, (M, O) -> (M, O)."""
        if not self.deviation.any():
            return observation
        noise = self.rng.standard_normal(observation.shape, dtype=np.float32)
        return observation + self.deviation.astype(np.float32) * noise

    def start(self, ids: np.ndarray, targets: np.ndarray) -> None:
        """Draws the delays of episodes that begin; until the first targets arrive, the servos hold `targets` (M, A)."""
        self.delay[ids] = self.rng.integers(0, self.longest + 1, len(ids))
        self.waiting[:, ids] = targets

    def pass_on(self, targets: np.ndarray) -> np.ndarray:
        """What arrives in the physics step in which these targets (N, A) are given, (N, A)."""
        self.waiting[1:] = self.waiting[:-1]
        self.waiting[0] = targets
        return self.waiting[self.delay, np.arange(len(self.delay))]

    def state(self) -> dict[str, Any]:
        """Everything that noise and delays to come depend on."""
        return {"delay": self.delay.copy(), "waiting": self.waiting.copy(), "rng": self.rng.bit_generator.state}

    def restore(self, state: dict[str, Any]) -> None:
        """The opposite of `state`."""
        self.delay[:], self.waiting[:] = state["delay"], state["waiting"]
        self.rng.bit_generator.state = state["rng"]
