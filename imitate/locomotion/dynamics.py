"""What changes in the physics of a robot: payload, strength of the motors, friction, gains (RMA, table I)."""

from dataclasses import dataclass, fields

import mujoco.batch
import numpy as np

from imitate.locomotion.robot import KD, KP, LEGS, PAYLOAD_HEIGHT, PAYLOAD_RADIUS, TORQUE_LIMIT


@dataclass(frozen=True)
class DynamicsRange:
    """Ranges that values are drawn from uniformly; the defaults are those of training (RMA, table I)."""

    friction: tuple[float, float] = (0.05, 4.5)
    """Coefficient of friction between feet and ground."""
    kp: tuple[float, float] = (50.0, 60.0)
    """Stiffness of the servos [N m/rad]."""
    kd: tuple[float, float] = (0.4, 0.8)
    """Damping of the servos [N m s/rad]."""
    payload: tuple[float, float] = (0.0, 6.0)
    """Mass on the trunk [kg]."""
    place: tuple[float, float] = (-0.15, 0.15)
    """Where it lies ahead and to the left of the trunk's middle [m]."""
    # The paper's row is "Center of Mass (cm)", -0.15 to 0.15; that of 1.5 mm would not matter, so metres are meant, and
    # of the payload: a whole robot's centre would then lie outside of its feet.
    strength: tuple[float, float] = (0.9, 1.1)
    """Factor of each motor's torque."""
    redraw_chance: float = 0.004
    """Chance of new values at a control step."""

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            if isinstance(value, tuple) and not value[0] <= value[1]:
                raise ValueError(f"{entry.name} {value}: the lower end comes first")


TRAIN = DynamicsRange()
TEST = DynamicsRange((0.04, 6.0), (45.0, 65.0), (0.3, 0.9), (0.0, 7.0), (-0.18, 0.18), (0.88, 1.22), redraw_chance=0.01)
"""Ranges of the paper's test in simulation, wider than those of training."""
NOMINAL = DynamicsRange((1.0, 1.0), (KP, KP), (KD, KD), (0.0, 0.0), (0.0, 0.0), (1.0, 1.0), 0.0)
"""Nothing changes."""


def _limits(side: int) -> np.ndarray:
    """Lower (0) or upper (1) ends of the ranges of training, in the order of `Dynamics.extrinsics`, (16,)."""
    ranges = (TRAIN.payload, TRAIN.place, TRAIN.place, *[TRAIN.strength] * len(TORQUE_LIMIT), TRAIN.friction)
    return np.array([ends[side] for ends in ranges])


TRAIN_LOW, TRAIN_HIGH = _limits(0), _limits(1)


class Dynamics:
    """Values of N robots, and how they get into MuJoCo's batch."""

    def __init__(self, batch: mujoco.batch.Batch):
        """Takes the fields of the batch that differ from robot to robot, at their nominal values."""
        count, model = batch.nsim, batch.model
        self.friction = np.ones(count)
        """(N,)."""
        self.kp, self.kd = np.full(count, KP), np.full(count, KD)
        """(N,)."""
        self.payload, self.place = np.zeros(count), np.zeros((count, 2))
        """[kg] (N,), [m] (N, 2)."""
        self.strength = np.ones((count, len(TORQUE_LIMIT)))
        """(N, 12)."""
        self.error_share = 0.0
        """Standard deviation of `error` as a share of the ranges of training, in what is drawn from now on."""
        self.error = np.zeros((count, len(TRAIN_LOW)))
        """By how much what a policy is given differs from what is true, as long as the physics stays, (N, 16)."""
        self._batch, self._body = batch, model.body("payload").id
        self._feet = np.array([model.geom(f"{leg}_foot_collision").id for leg in LEGS])
        self._geom_friction = batch.expand("geom_friction")
        self._gain, self._bias = batch.expand("actuator_gainprm"), batch.expand("actuator_biasprm")
        self._limit = batch.expand("actuator_forcerange")
        self._mass, self._inertia = batch.expand("body_mass"), batch.expand("body_inertia")
        self._position = batch.expand("body_pos")
        self.apply(np.arange(count))

    def draw(self, ids: np.ndarray, ranges: DynamicsRange, rng: np.random.Generator) -> None:
        """Draws new values for some robots.

        Args:
          ids: which, (M,).
          ranges: to draw from.
          rng: draws.
        """
        count = len(ids)
        if not count:
            return

        self.friction[ids] = rng.uniform(*ranges.friction, count)
        self.kp[ids], self.kd[ids] = rng.uniform(*ranges.kp, count), rng.uniform(*ranges.kd, count)
        self.payload[ids], self.place[ids] = rng.uniform(*ranges.payload, count), rng.uniform(*ranges.place, (count, 2))
        self.strength[ids] = rng.uniform(*ranges.strength, (count, self.strength.shape[1]))
        if self.error_share:
            spread = self.error_share * (TRAIN_HIGH - TRAIN_LOW)
            self.error[ids] = spread * rng.standard_normal((count, len(spread)))
        self.apply(ids)

    def apply(self, ids: np.ndarray) -> None:
        """Writes the values of some robots into the batch; they act from its next step on."""
        self._geom_friction[ids[:, None], self._feet, 0] = self.friction[ids, None]
        stiffness = self.strength[ids] * self.kp[ids, None]
        self._gain[ids, :, 0] = stiffness
        self._bias[ids, :, 1] = -stiffness
        self._bias[ids, :, 2] = -self.strength[ids] * self.kd[ids, None]
        self._limit[ids, :, 1] = self.strength[ids] * TORQUE_LIMIT
        self._limit[ids, :, 0] = -self._limit[ids, :, 1]
        mass = np.maximum(self.payload[ids], 1e-6)
        self._mass[ids, self._body] = mass
        self._inertia[ids, self._body] = (0.4 * PAYLOAD_RADIUS**2 * mass)[:, None]
        self._position[ids, self._body, :2] = self.place[ids]
        self._position[ids, self._body, 2] = PAYLOAD_HEIGHT
        self._batch.set_const(ids)

    def shift(self, robot_mass: float) -> np.ndarray:
        """Where payloads move the centre of mass of a robot of that mass [kg], ahead and to the left [m], (N, 2)."""
        return (self.payload / (robot_mass + self.payload))[:, None] * self.place

    def extrinsics(self) -> np.ndarray:
        """What a policy may be given of them: payload, its place, strength, friction; (N, 16).

        Values beyond the ranges of training are given as the range's end: an encoder says nothing sensible of more.
        """
        values = (self.payload[:, None], self.place, self.strength, self.friction[:, None])
        return np.clip(np.concatenate(values, axis=1), TRAIN_LOW, TRAIN_HIGH) + self.error

    def tell_truth(self) -> None:
        """Policies are given what is true from now on."""
        self.error_share, self.error[:] = 0.0, 0.0

    def state(self) -> dict[str, np.ndarray]:
        """The values."""
        return {name: getattr(self, name).copy() for name in STATE}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Continues from what `state` returned."""
        for name in STATE:
            getattr(self, name)[:] = state[name]
        self.apply(np.arange(len(self.friction)))


STATE = ("friction", "kp", "kd", "payload", "place", "strength", "error")
