"""What a real robot has and a simulated one lacks: noise of measurements, and time between them and the motors."""

from typing import Any

import numpy as np

from imitate.env.body_state import BodyState
from imitate.env.step import STAGE_VEL
from reconstruct.solver.tangent import TangentSpace

PLACE, TILT, ANGLE = 0.01, 0.01, 0.01
"""Standard deviations of measured root positions [m], root rotations and joint angles [rad]."""
VELOCITY, TURNING, SPEED = 0.05, 0.1, 0.2
"""Standard deviations of measured root velocities [m/s], turning speeds and joint speeds [rad/s]."""
# Those of examples/run_onnx.py.


class RealWorld:
    """Noise on the measured states of N environments, and targets that reach their servos late.

    Each environment has a delay of its own, drawn when its episode begins.
    """

    def __init__(
        self,
        noise: float,
        delay: float,
        space: TangentSpace,
        shape: tuple[int, int],
        seed: int,
        measured: Any = None,
    ):
        """Nothing is late yet.

        Args:
          noise: factor on the standard deviations above; 0 for none.
          delay: longest delay [physics steps]; each is drawn evenly from 0 to this, in whole steps.
          space: steps between poses of the body.
          shape: environments and servos, (N, A).
          seed: of noise and delays.
          measured: a batch of the N environments for the states that are measured; needed where there is noise.
        """
        self.rng = np.random.default_rng(seed)
        self.space, self._measured, joints = space, measured, space.nv - 6
        self.pose_deviation = noise * np.repeat([PLACE, TILT, ANGLE], [3, 3, joints])
        """Standard deviation of a measured pose, as a tangent step [m, rad], (nv,)."""
        self.velocity_deviation = noise * np.repeat([VELOCITY, TURNING, SPEED], [3, 3, joints])
        """Standard deviation of a measured velocity [m/s, rad/s], (nv,)."""
        self.longest = 0 if delay <= 0.0 else max(1, round(delay))
        self.delay = np.zeros(shape[0], dtype=np.int64)
        """Of each environment [physics steps], (N,)."""
        self.waiting = np.zeros((self.longest + 1, *shape))
        """The targets given at each of the last physics steps, the latest first, (L + 1, N, A)."""

    @property
    def late(self) -> bool:
        """There are delays."""
        return self.longest > 0

    def sense(self, true: BodyState, ids: np.ndarray | None) -> BodyState:
        """The bodies as they are measured, anew in some environments (M,) or all: noise, led through the kinematics."""
        if self._measured is None:
            return true
        ids = np.arange(len(self.delay)) if ids is None else ids
        sensed = BodyState.of(self._measured, self.space.model)
        sensed.qpos[ids], sensed.qvel[ids] = self.measure(true.qpos[ids], true.qvel[ids])
        self._measured.forward(ids, stage=STAGE_VEL)
        return sensed

    def measure(self, qpos: np.ndarray, qvel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Poses (M, nq) and velocities (M, nv) as encoders and the root's sensors give them.

        Places and speeds of the parts are to be computed from them: an error at the hip moves the whole leg, which
        errors of their own in every part would not, and a policy could average those.
        """
        step, change = self.rng.standard_normal((2, *qvel.shape))
        return self.space.integrate(qpos, self.pose_deviation * step), qvel + self.velocity_deviation * change

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
