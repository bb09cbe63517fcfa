"""RMA's task: N robots walk ahead on uneven ground while their physics changes (Kumar et al. 2021, section IV).

An observation is [x, a_prev, e]: joint angles from standing (12) and speeds (12), roll and pitch (2), which feet touch
(4); the last action (12); payload and its place (3), strength of the motors (12), friction (1), height of the ground
(1). An action of 1 moves a servo's target by `ACTION_SCALE` from standing.
"""

from dataclasses import dataclass
from typing import Any

import mujoco
import mujoco.batch
import numpy as np

from imitate.adapt.networks import LAST_ACTION, AdaptiveLayout
from imitate.env.step import STAGE_NONE, STAGE_VEL, StepResult, clear_exploded
from imitate.locomotion.dynamics import TRAIN, Dynamics, DynamicsRange
from imitate.locomotion.reward import Moved, compute_reward
from imitate.locomotion.robot import (
    CONTROL_HZ,
    JOINTS,
    LEGS,
    STAND,
    STAND_HEIGHT,
    SUBSTEPS,
    build_go1,
)
from imitate.locomotion.terrain import Terrain
from imitate.policy import PolicyLayout
from reconstruct import rotations
from reconstruct.kinematics import GRAVITY

ACTION_SCALE = 0.25
"""Radians of servo target for an action of 1."""
LEAST_HEIGHT = 0.20
"""An episode ends when the trunk's origin is lower above the ground [m]; the paper's .28 is for the A1's own origin."""
MOST_ROLL, MOST_PITCH = 0.4, 0.2
"""An episode ends when the trunk is tilted more [rad] (RMA, section IV-A)."""
MARGIN = 6.0
"""Episodes start further than this from the terrain's border [m]."""
OBSERVATION = {"joint_angles": 12, "joint_speeds": 12, "tilt": 2, "contacts": 4, LAST_ACTION: 12}
EXTRINSICS = {"payload": 1, "payload_place": 2, "strength": 12, "friction": 1, "ground_height": 1}


@dataclass(frozen=True)
class WalkConfig:
    """Physics and episodes of the walk."""

    ranges: DynamicsRange = TRAIN
    """What physics is drawn from."""
    episode_steps: int = 1000
    """Longest episode [control steps] (RMA: 1000, 10 s)."""
    pose_noise: float = 0.05
    """Standard deviation of joint angles about standing at the start [rad]."""


class WalkEnv:
    """N robots in one batch. None restarts by itself: the caller looks at `StepResult.done` and calls `start`."""

    def __init__(self, terrain: Terrain, config: WalkConfig, num_envs: int, seed: int):
        """Makes the robots; `start` begins their episodes.

        Args:
          terrain: all walk on it, none touches another.
          config: of physics and episodes.
          num_envs: N.
          seed: of what is drawn during episodes.
        """
        self.terrain, self.config, self.num_envs = terrain, config, num_envs
        self.model = build_go1(terrain)
        self.rng = np.random.default_rng(seed)
        mujoco.set_mju_user_warning(lambda message: None)  # exploded states are ended and counted
        self._batch = mujoco.batch.Batch(self.model, num_envs, nthread=1, persistent=True)
        self.dynamics = Dynamics(self._batch)
        """What physics is like for each robot."""
        bind = self._batch.bind
        self.qpos, self.qvel, self._ctrl = bind("qpos"), bind("qvel"), bind("ctrl")
        self._sensors, self._torque = bind("sensordata"), bind("actuator_force")
        self._foot_ids = np.array([self.model.site(leg).id for leg in LEGS])
        self._sites = bind("site_xpos")
        self.age = np.zeros(num_envs, dtype=np.int64)
        """Control steps in the episode so far, (N,)."""
        self.heading = np.zeros(num_envs)
        """Direction that the episode began in [rad], (N,)."""
        self.begin_xy = np.zeros((num_envs, 2))
        """Where it began [m], (N, 2)."""
        self.last_action = np.zeros((num_envs, len(JOINTS)))
        self.force = np.zeros((num_envs, 4))
        """Of the ground on the feet [robot's weights], (N, 4)."""
        self.torque = np.zeros((num_envs, len(JOINTS)))
        """Of the motors [N m], (N, 12)."""
        self.running: np.ndarray | None = None
        """Robots that `step` moves on, the others are left as they are; None for all."""
        self.non_finite = 0
        """Robots whose numbers exploded, so far."""
        self.moved: Moved | None = None
        """What the last control step did."""
        self.robot_mass = float(self.model.body_mass.sum())
        """Without payload [kg]."""

    def layout(self, latent: int = 8) -> AdaptiveLayout:
        """The layout of an adaptive policy for this task; the paper's sizes."""
        sensed = PolicyLayout("go1", STAND_HEIGHT, OBSERVATION, JOINTS, ACTION_SCALE, (128, 128))
        return AdaptiveLayout(sensed, EXTRINSICS, latent)

    @property
    def feet(self) -> np.ndarray:
        """Centres of the feet [m], (N, 4, 3)."""
        return self._sites[:, self._foot_ids]

    @property
    def tilt(self) -> np.ndarray:
        """Roll and pitch [rad], (N, 2)."""
        w, x, y, z = self.qpos[:, 3:7].T
        roll = np.arctan2(2.0 * (w * x + y * z), 1.0 - 2.0 * (x * x + y * y))
        return np.stack([roll, np.arcsin(np.clip(2.0 * (w * y - z * x), -1.0, 1.0))], axis=1)

    @property
    def heading_velocity(self) -> np.ndarray:
        """Velocity of the trunk ahead and to the left of where it looks [m/s], (N, 2)."""
        yaw, (x, y) = rotations.yaw(self.qpos[:, 3:7]), self.qvel[:, :2].T
        return np.stack([np.cos(yaw) * x + np.sin(yaw) * y, np.cos(yaw) * y - np.sin(yaw) * x], axis=1)

    @property
    def distance(self) -> np.ndarray:
        """Way in the direction that the episode began in [m], (N,)."""
        way = self.qpos[:, :2] - self.begin_xy
        return np.cos(self.heading) * way[:, 0] + np.sin(self.heading) * way[:, 1]

    def start(self, ids: np.ndarray, rng: np.random.Generator) -> None:
        """Begins episodes of some robots: standing, anywhere, in any direction, in new physics."""
        self._batch.reset(ids, stage=STAGE_NONE)
        half = np.maximum(self.terrain.half - MARGIN, 0.0)
        xy, yaw = rng.uniform(-half, half, (len(ids), 2)), rng.uniform(-np.pi, np.pi, len(ids))
        self._place(ids, xy, yaw, self.config.pose_noise * rng.standard_normal((len(ids), 12)))
        self.dynamics.draw(ids, self.config.ranges, rng)
        self._batch.forward(ids, stage=STAGE_VEL)

    def start_at(self, xy: np.ndarray, yaw: np.ndarray) -> None:
        """Begins episodes of all robots at places (N, 2) [m], in directions (N,) [rad], in the physics they have."""
        ids = np.arange(self.num_envs)
        self._batch.reset(ids, stage=STAGE_NONE)
        self._place(ids, xy, yaw, np.zeros((self.num_envs, 12)))
        self._batch.forward(ids, stage=STAGE_VEL)

    def _place(self, ids: np.ndarray, xy: np.ndarray, yaw: np.ndarray, noise: np.ndarray) -> None:
        """Puts robots upon the ground."""
        self.age[ids], self.heading[ids], self.begin_xy[ids] = 0, yaw, xy
        self.last_action[ids] = 0.0
        self.force[ids], self.torque[ids] = 0.25, 0.0
        # Upright on the highest of the ground below the feet, so that none starts within it.
        feet = np.array([[0.19, 0.13], [0.19, -0.13], [-0.19, 0.13], [-0.19, -0.13]])
        cos, sin = np.cos(yaw)[:, None], np.sin(yaw)[:, None]
        below = np.stack([cos * feet[:, 0] - sin * feet[:, 1], sin * feet[:, 0] + cos * feet[:, 1]], axis=-1)
        self.qpos[ids, :2] = xy
        self.qpos[ids, 2] = self.terrain.height(xy[:, None] + below).max(1) + STAND_HEIGHT
        self.qpos[ids, 3:7] = np.stack([np.cos(yaw / 2), 0 * yaw, 0 * yaw, np.sin(yaw / 2)], axis=1)
        self.qpos[ids, 7:] = STAND + noise
        self._ctrl[ids] = STAND

    def observe(self, ids: np.ndarray | None = None) -> np.ndarray:
        """Observations [x, a_prev, e] of all or some robots, float32 (M, 59)."""
        these = slice(None) if ids is None else ids
        parts = [
            self.qpos[these, 7:] - STAND,
            self.qvel[these, 6:],
            self.tilt[these],
            self.force[these] > 0.0,
            self.last_action[these],
            self.dynamics.extrinsics()[these],
            self._ground_height(these)[:, None],
        ]
        return np.nan_to_num(np.concatenate(parts, axis=1)).astype(np.float32)

    def _ground_height(self, these: slice | np.ndarray) -> np.ndarray:
        """Height of the ground below the trunk above the mean of that below the feet [m], (M,)."""
        below = self.terrain.height(np.concatenate([self.qpos[these, None, :2], self.feet[these, :, :2]], axis=1))
        return below[:, 0] - below[:, 1:].mean(1)

    def step(self, action: np.ndarray) -> StepResult:
        """One control step (10 ms) of all robots with actions (N, 12)."""
        chance = self.config.ranges.redraw_chance
        redrawn = np.flatnonzero(self.rng.random(self.num_envs) < chance)
        self.dynamics.draw(redrawn, self.config.ranges, self.rng)
        joints_before, feet_before = self.qpos[:, 7:].copy(), self.feet.copy()
        force_before, torque_before = self.force, self.torque
        self._ctrl[:] = STAND + ACTION_SCALE * action
        self._batch.step(self.running, nstep=SUBSTEPS, stage=STAGE_VEL)
        self.age[slice(None) if self.running is None else self.running] += 1
        self.force, self.torque = self._sensors[:, :4] / (GRAVITY * self.robot_mass), self._torque.copy()
        self.last_action = np.asarray(action, dtype=float)
        self.moved = Moved(
            np.concatenate([self.heading_velocity, self.qvel[:, 2:3]], axis=1),
            self.qvel[:, 5],
            self.tilt,
            self.torque,
            torque_before,
            self.qpos[:, 7:] - joints_before,
            self.qvel[:, 6:],
            self.force,
            force_before,
            (self.feet - feet_before) * CONTROL_HZ,
            self.last_action,
        )
        reward, terms = compute_reward(self.moved)
        exploded = clear_exploded(self._batch, reward, terms)
        self.non_finite += int(exploded.sum())
        fallen = exploded | self.has_fallen()
        return StepResult(reward, terms, fallen, (self.age >= self.config.episode_steps) & ~fallen, exploded)

    def has_fallen(self) -> np.ndarray:
        """The trunk is too low or tilted too far, bool (N,)."""
        tilt = np.abs(self.tilt)
        height = self.qpos[:, 2] - self.terrain.height(self.qpos[:, :2])
        return (height < LEAST_HEIGHT) | (tilt[:, 0] > MOST_ROLL) | (tilt[:, 1] > MOST_PITCH)

    def state(self) -> dict[str, Any]:
        """Everything that the robots' future depends on."""
        return {
            "batch": self._batch.state.copy(),
            "rng": self.rng.bit_generator.state,
            "dynamics": self.dynamics.state(),
            "non_finite": self.non_finite,
            **{name: getattr(self, name).copy() for name in STATE},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continues from what `state` returned."""
        self._batch.state[:] = state["batch"]
        self.rng.bit_generator.state = state["rng"]
        self.dynamics.restore({name: np.asarray(value) for name, value in state["dynamics"].items()})
        self.non_finite = int(state["non_finite"])
        for name in STATE:
            getattr(self, name)[:] = np.asarray(state[name])
        self._batch.forward(stage=STAGE_VEL)


STATE = ("age", "heading", "begin_xy", "last_action", "force", "torque")
"""Arrays of an environment beside the batch's state."""
