"""Randomised dynamics: each environment has a load, muscles and a ground of its own, new ones from time to time.

So RMA (Kumar et al. 2021, section IV and table I) randomises a quadruped; here it is the body of a skill. What is
varied, the *extrinsics* e, stands in `PARTS`. The slope is gravity that is turned in the frame of the ground, which is
the same physics as turned ground: the reference leans with it.
"""

import copy
from dataclasses import dataclass
from typing import Any

import mujoco
import mujoco.batch
import numpy as np

from imitate.env.muscle_groups import GROUPS, find_muscle_groups, find_trunk
from imitate.env.task import Task
from pose.errors import InputError
from reconstruct.kinematics import GRAVITY

ADULT = 1.75
"""Height of the body that places in `DynamicsConfig` are meant for [m]; others' are in proportion."""
PARTS = {"payload": 1, "payload_place": 3, "com": 3, "friction": 1, "strength": len(GROUPS), "slope": 2}
"""Parts of the extrinsics: kg over the body's mass, m, m, 1, 1, m/s2 over 9.81 (ahead and to the left)."""
EXTRINSICS = sum(PARTS.values())

Range = tuple[float, float]
MOST = 10.0
"""Greatest payload, friction and strength that may be asked for."""


@dataclass(frozen=True)
class DynamicsConfig:
    """Ranges that dynamics are drawn from, evenly."""

    payload: Range = (0.0, 0.4)
    """Mass of what is carried on the trunk, over the body's own: .4 is 30 kg on 75 kg."""
    payload_place: tuple[float, float, float] = (0.15, 0.1, 0.15)
    """Greatest distance of the load from the trunk's centre: ahead or behind, aside, up or down [m]."""
    com: float = 0.03
    """Greatest shift of the trunk's centre of mass along each axis [m]."""
    friction: Range = (0.2, 1.5)
    """Sliding friction of the ground."""
    strength: Range = (0.7, 1.1)
    """Factor on torques and gains of each group of muscles."""
    slope: float = 8.0
    """Greatest slope ahead, up or down [deg]; half of it aside."""
    redraw: float = 0.01
    """Chance at each control step that an environment gets new dynamics."""
    keep: float = 0.5
    """Chance that an episode begins in the dynamics of the last one: those that throw a body are met more often."""
    seed: int = 0
    """Of what is drawn; learning to adapt adds its own."""

    def check(self) -> "DynamicsConfig":
        """The config itself.

        Raises:
          InputError: a range is empty or outside of what physics allow.
        """
        sizes = [self.com, *self.payload_place]
        if not all(0.0 <= size <= 1.0 for size in sizes):
            raise InputError(
                f"dynamics.com {self.com:g}, payload_place {' '.join(f'{x:g}' for x in self.payload_place)}: "
                "give 0 to 1 m each"
            )
        for name, least in (("payload", 0.0), ("friction", 0.01), ("strength", 0.05)):
            low, high = getattr(self, name)
            if not least <= low <= high <= MOST:
                raise InputError(
                    f"dynamics.{name} {low:g} {high:g}: give two numbers from {least:g} to {MOST:g}, the lesser first"
                )
        if self.seed < 0:
            raise InputError(f"dynamics.seed {self.seed}: give 0 or more")
        if not 0.0 <= self.slope <= 30.0:
            raise InputError(f"dynamics.slope {self.slope:g}: give 0 to 30 deg")
        if not 0.0 <= self.redraw <= 1.0 or not 0.0 <= self.keep <= 1.0:
            raise InputError(f"dynamics.redraw {self.redraw:g}, keep {self.keep:g}: give 0 to 1 each")
        return self

    def widen(self, factor: float) -> "DynamicsConfig":
        """Ranges that reach further by this factor about what is nominal: to learn in more than is asked for."""

        def stretch(limits: Range, nominal: float) -> Range:
            low, high = (nominal + factor * (limit - nominal) for limit in limits)
            floor = 0.05 if nominal else 0.0
            return min(limits[0], max(low, floor)), max(limits[1], high)

        return DynamicsConfig(
            payload=stretch(self.payload, 0.0),
            payload_place=self.payload_place,
            com=factor * self.com,
            friction=stretch(self.friction, 1.0),
            strength=stretch(self.strength, 1.0),
            slope=factor * self.slope,
            redraw=self.redraw,
            keep=self.keep,
            seed=self.seed,
        )


def nominal_extrinsics() -> np.ndarray:
    """The extrinsics of the body and the ground as they are, (E,)."""
    return np.concatenate([np.full(size, float(part in ("friction", "strength"))) for part, size in PARTS.items()])


def columns(part: str) -> slice:
    """Where a part of the extrinsics lies."""
    begin = sum(list(PARTS.values())[: list(PARTS).index(part)])
    return slice(begin, begin + PARTS[part])


def prepare_model(model: mujoco.MjModel) -> mujoco.MjModel:
    """A copy whose ground decides about friction alone: MuJoCo takes the greater one of two geoms of equal priority."""
    model = copy.copy(model)
    for geom in _ground_geoms(model):
        model.geom_priority[geom] = 1
    return model


def _ground_geoms(model: mujoco.MjModel) -> list[int]:
    return [g for g in range(model.ngeom) if model.geom(g).name.startswith("ground")]


def check_task(task: Task) -> None:
    """Raises `InputError` where dynamics cannot vary: on other ground than the plane, or for a body without limbs."""
    if not task.ground.flat or task.scene.has_box or task.scene.kind == "objects":
        raise InputError(f"'{task.scene.kind}': dynamics vary on the plane; slope and friction are among them")
    find_trunk(task.character)
    find_muscle_groups(task.character)


class Dynamics:
    """The dynamics of N environments in one batch."""

    def __init__(self, task: Task, batch: mujoco.batch.Batch, config: DynamicsConfig, varied: np.ndarray | None = None):
        """All are nominal until they are drawn.

        Args:
          task: whose body it is.
          batch: of the model that `prepare_model` made.
          config: ranges.
          varied: environments whose dynamics vary, bool (N,); None for all.

        Raises:
          InputError: the ground is not the plane, or the character has not the limbs.
        """
        check_task(task)
        model, character = task.model, task.character
        self.config, self._batch = config, batch
        self.varied = np.ones(batch.nsim, dtype=bool) if varied is None else varied
        self.rng = np.random.default_rng(config.seed)
        self.values = np.tile(nominal_extrinsics(), (batch.nsim, 1))
        """Extrinsics, (N, E); the slope in world axes."""
        self._drawn = np.zeros(batch.nsim, dtype=bool)
        self._scale, self._mass = character.height / ADULT, float(model.body_subtreemass[1])
        # On a robot's model the names are those of its character: bodies and actuators lie in the same order.
        self._trunk, self._group = find_trunk(character), find_muscle_groups(character)
        self._yaw, self._ground = task.ground.yaw, _ground_geoms(model)
        self._fields = {name: batch.expand(name) for name in FIELDS}
        trunk = self._trunk
        self._own = (
            float(model.body_mass[trunk]),
            model.body_ipos[trunk].copy(),
            _rotation(model.body_iquat[trunk])
            @ np.diag(model.body_inertia[trunk])
            @ _rotation(model.body_iquat[trunk]).T,
        )
        """Mass, centre and inertia about it of the trunk."""
        self._servos = {name: getattr(model, name).copy() for name in SERVO_FIELDS}

    def draw(self, count: int) -> np.ndarray:
        """Extrinsics within the ranges, (count, E)."""
        config, rng = self.config, self.rng
        place = rng.uniform(-1.0, 1.0, (count, 3)) * config.payload_place
        ahead, aside = np.deg2rad(config.slope * rng.uniform(-1.0, 1.0, (2, count)) * [[1.0], [0.5]])
        cos, sin = np.cos(self._yaw), np.sin(self._yaw)
        slope = -np.stack([np.sin(ahead), np.sin(aside)], axis=1) @ np.array([[cos, sin], [-sin, cos]])
        return np.concatenate(
            [
                rng.uniform(*config.payload, (count, 1)),
                place * self._scale,
                config.com * self._scale * rng.uniform(-1.0, 1.0, (count, 3)),
                rng.uniform(*config.friction, (count, 1)),
                rng.uniform(*config.strength, (count, len(GROUPS))),
                slope,
            ],
            axis=1,
        )

    def begin(self, ids: np.ndarray) -> None:
        """Episodes begin in environments, (M,): in new dynamics, or by the chance of `keep` in those that are there."""
        self.redraw(ids[~self._drawn[ids] | (self.rng.random(len(ids)) >= self.config.keep)])

    def redraw(self, ids: np.ndarray) -> None:
        """Draws new dynamics for environments, (M,), as far as theirs vary."""
        ids = ids[self.varied[ids]]
        if len(ids):
            self.set(ids, self.draw(len(ids)))
            self._drawn[ids] = True

    def redraw_some(self) -> None:
        """Draws new dynamics by the chance that the config gives each control step."""
        self.redraw(np.flatnonzero(self.rng.random(len(self.values)) < self.config.redraw))

    def set(self, ids: np.ndarray, values: np.ndarray) -> None:
        """Gives environments (M,) these extrinsics (M, E); they hold from the next physics step on."""
        self.values[ids] = values
        part = {name: values[:, columns(name)] for name in PARTS}
        field = self._fields
        self._load_trunk(ids, part)
        field["geom_friction"][ids[:, None], self._ground, 0] = part["friction"]
        factor = part["strength"][:, self._group]
        for name, nominal in self._servos.items():
            field[name][ids] = factor[:, :, None] * nominal
        across = part["slope"]
        field["opt.gravity"][ids, :2] = GRAVITY * across
        field["opt.gravity"][ids, 2] = -GRAVITY * np.sqrt(1.0 - np.square(across).sum(axis=1))
        self._batch.set_const(ids)

    def _load_trunk(self, ids: np.ndarray, part: dict[str, np.ndarray]) -> None:
        """Adds a point mass to the trunk and shifts its centre: mass, centre and principal axes of the two together."""
        mass, centre, inertia = self._own
        centre = centre + part["com"]
        load = self._mass * part["payload"][:, 0]
        place, total = centre + part["payload_place"], mass + load
        together = (mass * centre + load[:, None] * place) / total[:, None]
        lever = place - centre
        # Two bodies about their common centre: the reduced mass at their distance (Steiner).
        reduced = (mass * load / total)[:, None, None]
        square = np.einsum("ni,ni->n", lever, lever)[:, None, None] * np.eye(3)
        matrix = inertia + reduced * (square - lever[:, :, None] * lever[:, None, :])
        principal, axes = np.linalg.eigh(matrix)
        axes[np.linalg.det(axes) < 0.0, :, 0] *= -1.0
        field, trunk = self._fields, self._trunk
        field["body_mass"][ids, trunk], field["body_ipos"][ids, trunk] = total, together
        field["body_inertia"][ids, trunk] = principal
        quats = np.empty((len(ids), 4))
        for quat, matrix in zip(quats, axes, strict=True):
            mujoco.mju_mat2Quat(quat, np.ascontiguousarray(matrix).ravel())
        field["body_iquat"][ids, trunk] = quats

    def observe(self, heading: np.ndarray, ids: np.ndarray | slice) -> np.ndarray:
        """Extrinsics with the slope in the frame of these headings [rad], (M,), float32 (M, E)."""
        seen = self.values[ids].astype(np.float32)
        cos, sin, where = np.cos(heading), np.sin(heading), columns("slope")
        x, y = self.values[ids][:, where].T
        seen[:, where] = np.stack([cos * x + sin * y, cos * y - sin * x], axis=1)
        return seen

    def state(self) -> dict[str, Any]:
        """What the dynamics to come depend on."""
        return {"values": self.values.copy(), "drawn": self._drawn.copy(), "rng": self.rng.bit_generator.state}

    def restore(self, state: dict[str, Any]) -> None:
        """The opposite of `state`."""
        self.rng.bit_generator.state = state["rng"]
        self.set(np.arange(len(self.values)), np.asarray(state["values"]))
        self._drawn[:] = state["drawn"]


SERVO_FIELDS = ("actuator_gainprm", "actuator_biasprm", "actuator_forcerange")
FIELDS = ("body_mass", "body_ipos", "body_inertia", "body_iquat", "geom_friction", *SERVO_FIELDS, "opt.gravity")


def _rotation(quat: np.ndarray) -> np.ndarray:
    matrix = np.zeros(9)
    mujoco.mju_quat2Mat(matrix, quat)
    return matrix.reshape(3, 3)
