"""The Go1 on a course with eyes: 50 control steps a second, scandots, pictures, curriculum of difficulty.

An observation is [x, a_prev, e, m]: what the body senses, the last action, extrinsics, and the scandots m. Who sees is
given pictures beside it, see `Eyes`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from imitate.env.step import STAGE_VEL, StepResult
from imitate.locomotion.dynamics import DynamicsRange
from imitate.locomotion.env import WalkConfig, WalkEnv
from imitate.locomotion.robot import CONTROL_HZ, STAND
from imitate.vision.course import END, LENGTH, WIDTH, Course
from imitate.vision.depth_camera import CameraConfig
from imitate.vision.eyes import Eyes
from imitate.vision.scandots import DEEPEST, DOTS, read_scandots
from reconstruct import rotations

TICKS = 2
"""Ticks of `WalkEnv`'s clock in a control step: 50 control steps a second (Agarwal et al. 2022)."""
POLICY_HZ = CONTROL_HZ // TICKS
PERIOD = 0.4
"""Of the clock that the policy hears [s]."""
RANGES = DynamicsRange((0.7, 1.2), (50.0, 60.0), (0.6, 0.8), (0.0, 2.0), (-0.05, 0.05), (0.95, 1.05), 0.0)
"""What physics is drawn from when an episode begins."""
CORNERS = np.array([[x, y, -0.05] for x in (-0.24, 0.24) for y in (-0.09, 0.09)])
"""Lower corners of the trunk, with which it must stay off the ground, in its frame [m], (4, 3)."""
LEAST_CLEARANCE = 0.03
"""An episode ends when a corner is nearer to the ground [m]."""
MOST_TILT = 0.9
"""An episode ends when the trunk is tilted further [rad]; the course has slopes of 0.44."""
MOST_ASIDE = WIDTH / 2.0 - 0.15
"""An episode ends when the trunk's middle is further from that of its lane [m]."""
SENSED = {"joint_angles": 12, "joint_speeds": 12, "tilt": 2, "angular_velocity": 3, "contacts": 4, "heading": 1}
SENSED |= {"clock": 2, "last_action": 12}
EXTRINSICS = {"payload": 1, "payload_place": 2, "strength": 12, "friction": 1}
SENSED_SIZE, EXTRINSICS_SIZE, DOTS_SIZE = sum(SENSED.values()), sum(EXTRINSICS.values()), len(DOTS)
FIRST_DOT = SENSED_SIZE + EXTRINSICS_SIZE
"""Where the scandots begin in an observation."""


@dataclass(frozen=True)
class CourseConfig:
    """Episodes on the course."""

    episode_steps: int = 1000
    """Longest episode [control steps of 20 ms]."""
    ranges: DynamicsRange = RANGES
    """What physics is drawn from."""
    pose_noise: float = 0.03
    """Standard deviation of joint angles about standing at the start [rad]."""


class CourseEnv(WalkEnv):
    """N robots on a course. None restarts by itself, as in `WalkEnv`."""

    def __init__(
        self,
        course: Course,
        config: CourseConfig,
        num_envs: int,
        seed: int,
        camera: CameraConfig | None = None,
    ):
        """Makes the robots; `start` begins their episodes.

        Args:
          course: they walk on it, none touches another.
          config: of physics and episodes.
          num_envs: N.
          seed: of what is drawn during episodes.
          camera: that each of them has; None for robots that need no pictures.
        """
        walk = WalkConfig(config.ranges, TICKS * config.episode_steps, config.pose_noise)
        super().__init__(course.terrain, walk, num_envs, seed)
        self.course = course
        self.lane = np.arange(num_envs) % course.lanes
        """Which lane each robot is on, (N,)."""
        self.eyes = Eyes(course.terrain, camera, num_envs)
        self.clock = 0.0
        """Time since the beginning [s]."""
        self.impact = np.zeros(num_envs)
        """Squared changes of the feet's forces, mean over the last step's ticks [robot's weights^2], (N,)."""

    first_dot, deepest, alive_reward = FIRST_DOT, DEEPEST, 5.0

    @property
    def mean_level(self) -> float:
        """Mean number of the difficulty of the lanes that robots are on."""
        return float((self.lane % len(self.course.levels)).mean())

    @property
    def phase(self) -> np.ndarray:
        """Of the clock that began with the episode [cycles], (N,)."""
        return np.asarray(self.age / CONTROL_HZ / PERIOD % 1.0)

    @property
    def rotation(self) -> np.ndarray:
        """R_world_trunk, (N, 3, 3)."""
        return rotations.to_matrix(self.qpos[:, 3:7])

    def start(self, ids: np.ndarray, rng: np.random.Generator) -> None:
        """Begins episodes of some robots on their lanes: standing, looking along it, in new physics."""
        super().start(ids, rng)
        aside = rng.uniform(-0.3, 0.3, (len(ids), 2)) * [0.6, 1.0]
        turn = rng.uniform(-0.1, 0.1, len(ids))
        self._place(ids, self.course.start(self.lane[ids]) + aside, turn, self.qpos[ids, 7:] - STAND)
        self.heading[ids] = 0.0
        self._batch.forward(ids, stage=STAGE_VEL)
        self.eyes.restart(ids, self.clock, self.rng)

    def stagger(self, rng: np.random.Generator) -> None:
        """Moves the clocks of all robots on, each by its own time, or they would beat together."""
        self.age += TICKS * rng.integers(0, 25, self.num_envs)

    def observe(self, ids: np.ndarray | None = None) -> np.ndarray:
        """Observations [x, a_prev, e, m] of all or some robots, float32 (M, O)."""
        these = slice(None) if ids is None else ids
        yaw = rotations.yaw(self.qpos[these, 3:7])
        turn = 2.0 * np.pi * self.phase[these]
        parts = [
            self.qpos[these, 7:] - STAND,
            self.qvel[these, 6:],
            self.tilt[these],
            self.qvel[these, 3:6],
            self.force[these] > 0.0,
            yaw[:, None],
            np.sin(turn)[:, None],
            np.cos(turn)[:, None],
            self.last_action[these],
            self.dynamics.extrinsics()[these],
            read_scandots(self.terrain, self.qpos[these, :3], yaw),
        ]
        return np.nan_to_num(np.concatenate(parts, axis=1)).astype(np.float32)

    def read_dots(self, ids: np.ndarray, shift: np.ndarray) -> np.ndarray:
        """Scandots of some robots, read `shift` beside where they should be, (M, 2) [m] -> (M, P)."""
        place = self.qpos[ids, :3].copy()
        place[:, :2] += shift
        return read_scandots(self.terrain, place, rotations.yaw(self.qpos[ids, 3:7]))

    def step(self, action: np.ndarray) -> StepResult:
        """One control step (20 ms) of all robots with actions (N, 12)."""
        self.eyes.is_new[:] = False
        self.impact = np.zeros(self.num_envs)
        results = []
        for _ in range(TICKS):
            results.append(super().step(action))
            assert self.moved is not None
            self.impact += ((self.moved.force - self.moved.force_before) ** 2).sum(1) / TICKS
            self.clock += 1.0 / CONTROL_HZ
            self.eyes.look(self.clock, self.qpos[:, :3], self.rotation, self.rng, self.running)
        first, second = results
        terms = {name: (first.terms[name] + second.terms[name]) / 2.0 for name in first.terms}
        fallen = first.terminated | second.terminated
        over = (second.truncated | self.has_arrived) & ~fallen
        return StepResult((first.reward + second.reward) / 2.0, terms, fallen, over, first.exploded | second.exploded)

    def has_fallen(self) -> np.ndarray:
        """The trunk is tilted too far or near the ground, or the robot has left its lane, bool (N,)."""
        corners = self.qpos[:, None, :3] + CORNERS @ np.swapaxes(self.rotation, 1, 2)
        clearance = (corners[:, :, 2] - self.terrain.height(corners[:, :, :2])).min(1)
        aside = np.abs(self.qpos[:, 1] - self.course.middle(self.lane)) > MOST_ASIDE
        return (clearance < LEAST_CLEARANCE) | (np.abs(self.tilt) > MOST_TILT).any(1) | aside

    @property
    def has_arrived(self) -> np.ndarray:
        """The robot is at the lane's end, bool (N,)."""
        return self.qpos[:, 0] > LENGTH / 2.0 - END

    def change_levels(self, ids: np.ndarray) -> None:
        """The curriculum: who came far goes on to a harder lane of its kind, who did not to an easier one.

        Rudin et al. 2022: up after half of the lane, down before a quarter; after the hardest anywhere.
        """
        count, way = len(self.course.levels), self.distance[ids]
        level = self.lane[ids] % count
        level = level + (way > 0.5 * LENGTH) - (way < 0.25 * LENGTH)
        level = np.where(level >= count, self.rng.integers(0, count, len(ids)), np.maximum(level, 0))
        self.lane[ids] = self.lane[ids] // count * count + level

    def state(self) -> dict[str, Any]:
        """Everything that the robots' future depends on."""
        return super().state() | {"lane": self.lane.copy(), "eyes": self.eyes.state(), "clock": self.clock}

    def restore(self, state: dict[str, Any]) -> None:
        """Continues from what `state` returned."""
        super().restore(state)
        self.lane[:] = np.asarray(state["lane"])
        self.eyes.restore(state["eyes"])
        self.clock = float(state["clock"])
