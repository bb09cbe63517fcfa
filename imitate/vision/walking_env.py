"""A person who walks over courses, with a map or with eyes, and knows the walk on level ground alone.

The servos' targets lie around the walk on level ground, whose clock goes on evenly; of the plan that fits the ground
who acts is given nothing. An observation is [x, m]: what the body senses, and the scandots. Height and scandots
are measured from the lower sole, so nothing says how high the world is.

Where there are plans, the reward compares with the one that is nearest: who falls behind follows another one.
"""

from typing import Any

import mujoco
import numpy as np

from imitate.env.config import EnvConfig
from imitate.env.env import ImitationEnv
from imitate.env.step import StepResult
from imitate.env.termination import GeomShapes
from imitate.locomotion.terrain import Terrain
from imitate.policy import Policy
from imitate.scene.scene import CONTROL_HZ
from imitate.vision.depth_camera import CameraConfig
from imitate.vision.eyes import Eyes
from imitate.vision.guide import CourseTask
from imitate.vision.networks import SeeingLayout
from imitate.vision.plans import heels_of
from imitate.vision.scandots import place_dots
from imitate.vision.walking_course import KINDS, START
from pose.errors import InputError

CAMERA = CameraConfig(place=(0.12, 0.0, 0.08), pitch_degrees=48.0, far=4.0)
"""At the forehead; it sees the ground from about 0.3 m to 4 m ahead."""
AHEAD = np.round(np.arange(-0.35, 2.1, 0.05), 3)
"""Where the dots are ahead of the root [m]."""
DOTS = np.concatenate([np.stack([AHEAD, np.full_like(AHEAD, 0.1)], 1), np.stack([AHEAD + 0.025, 0 * AHEAD - 0.1], 1)])
"""Places of the dots in the heading's frame, two rows of which one is half a step further on, (P, 2) [m]."""
DEEPEST = 0.5
"""Heights are cut to this, up and down [m]."""
LOWEST = 0.5
"""Who has the root so near to the ground below it, gaps taken for bridged, has fallen [m]."""
MOST_ASIDE = 1.2
"""A body that is so far beside the course's line has left it [m]."""
SWITCH = 0.04
"""Another plan is followed where it is nearer by so much [m]."""
STAIRS_SHARE = 0.25
"""Share of the episodes of training that are on stairs before all courses have the same chance."""
FROM_BEGIN = 0.4
"""Share of the episodes of training that begin at a plan's beginning."""


def find_head(model: mujoco.MjModel) -> int:
    """Number of the body that carries the camera; raises `InputError` where there is no body called head."""
    found = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, "head")
    if found < 0:
        raise InputError("this body has no part called head that could carry a camera; take the humanoid's walk")
    return found


class WalkingEnv:
    """N persons on a row of courses. None restarts by itself."""

    first_dot: int
    deepest, alive_reward = DEEPEST, 0.0

    def __init__(
        self,
        task: CourseTask,
        config: EnvConfig,
        num_envs: int,
        seed: int,
        camera: CameraConfig | None = None,
        episode_seconds: float = 20.0,
    ):
        """Makes the bodies; `start` begins their episodes.

        Args:
          task: walk and courses, planned or not.
          config: of reward, endings and starts.
          num_envs: N.
          seed: of what is drawn during episodes.
          camera: that each has on its head; None for bodies that need no pictures.
          episode_seconds: longest episode [s].
        """
        self.task, self.num_envs, self.row = task, num_envs, task.row
        self.sim = ImitationEnv(task, config, num_envs)
        """The physics, and what it is compared with."""
        self.level, self.period = task.level, task.walk.period
        self.episode_steps = round(episode_seconds * CONTROL_HZ)
        self.rng = np.random.default_rng(seed)
        self.lane = np.arange(num_envs) % len(self.row.courses)
        self.running: np.ndarray | None = None
        self.step_of_cycle = np.zeros(num_envs, dtype=np.int64)
        """The clock of the walk, 0 to `period` - 1, (N,)."""
        self.eyes = Eyes(task.ground, camera, num_envs)
        self.time = 0.0
        """Since the beginning [s]."""
        self._soles = GeomShapes.of(self.sim.model, task.character.foot_bodies)
        self._heels = task.character.site_ids(heels_of(task.character))
        self._head = find_head(self.sim.model) - 1
        own = ("ground", "root_offset")
        self.first_dot = 2 + sum(size for name, size in self.sim.observation_layout.sizes.items() if name not in own)

    @property
    def terrain(self) -> Terrain:
        """The courses as a height field."""
        return self.task.terrain

    @property
    def mean_level(self) -> float:
        """Mean share of the way from start to goal that they are at."""
        return float(self.progress.mean())

    @property
    def progress(self) -> np.ndarray:
        """Share of the way from start to goal, (N,)."""
        start = self.row.begins[self.lane] + START
        return (self.sim.qpos[:, 0] - start) / (self.row.goals[self.lane] - start)

    def make_layout(self, map: str = "true", **sizes: Any) -> SeeingLayout:
        """The layout of a policy; `sizes` are of its layers."""
        own = {"body": self.task.character.name, "sensed": self.first_dot, "physics": 0, "dots": len(DOTS)}
        return SeeingLayout(map=map, actions=self.sim.action_size, **own, **sizes)

    def start(self, ids: np.ndarray, rng: np.random.Generator) -> None:
        """Begins episodes of some: at the start or anywhere on a plan; without plans at the start in any phase."""
        sim = self.sim
        if self.task.planned:
            self.start_on(self._choose_frames(ids, rng), ids, rng)
        else:
            frames = rng.integers(0, self.period, len(ids))
            self.step_of_cycle[ids] = frames
            offset = sim.rest(frames)
            offset[:, 0] = self.row.begins[self.lane[ids]] + START - self.level.qpos[frames, 0]
            sim.start(frames, ids, rng, offset)
            self.eyes.restart(ids, self.time, self.rng)

    def start_on(self, frames: np.ndarray, ids: np.ndarray, rng: np.random.Generator) -> None:
        """Begins episodes of some on frames of plans, (M,), on the courses that those are of."""
        plans = self.task.plans
        self.lane[ids], self.step_of_cycle[ids] = plans.course[frames], plans.step[frames]
        self.sim.start(frames, ids, rng, self.sim.rest(frames))
        self.eyes.restart(ids, self.time, self.rng)

    def _choose_frames(self, ids: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Frames of plans over the courses that these are on, (M,)."""
        plans = self.task.plans
        course = self.lane[ids]
        low, high = (np.searchsorted(plans.course, course, side) for side in ("left", "right"))
        anywhere = rng.integers(low, high)
        anywhere = np.where(plans.reference.last[anywhere] - anywhere < CONTROL_HZ, low, anywhere)
        first = np.searchsorted(plans.first, low) + rng.integers(0, self.task.plans_of_course, len(ids))
        return np.where(rng.random(len(ids)) < FROM_BEGIN, plans.first[first], anywhere)

    def stagger(self, rng: np.random.Generator) -> None:
        """Moves the ages of all on, each by its own time."""
        self.sim.age += rng.integers(0, self.episode_steps // 2, self.num_envs)

    def change_levels(self, ids: np.ndarray) -> None:
        """Any course may come next, half of the time one with stairs if there are any."""
        anywhere = self.rng.integers(0, len(self.row.courses), len(ids))
        stairs = np.flatnonzero(self.row.kinds == KINDS.index("stairs"))
        if len(stairs):
            anywhere = np.where(self.rng.random(len(ids)) < STAIRS_SHARE, self.rng.choice(stairs, len(ids)), anywhere)
        self.lane[ids] = anywhere

    def find_height(self, ids: np.ndarray | slice) -> np.ndarray:
        """Height of the root above the lower sole, (M,) [m]."""
        return self.sim.qpos[ids, 2] - self.sim.find_lowest(self._soles)[ids].min(1)

    def observe(self, ids: np.ndarray | None = None) -> np.ndarray:
        """Observations [x, m] of all or some, float32 (M, O)."""
        these = slice(None) if ids is None else ids
        sim, level = self.sim, self.level
        clock, height = self.step_of_cycle[these], self.find_height(these)
        offset = sim.joints.difference(sim.qpos[these], level.qpos[clock + 1])
        offset[:, 0] = 0.0
        offset[:, 2] = level.qpos[clock + 1, 2] - height
        seen = sim.state_of_body.describe(these, level.phase[clock], level.heading[clock], offset)
        columns = sim.observation_layout
        seen[:, columns.column("root_height")] = height
        # How far ahead the walk on level ground is, is left out: it goes on evenly, who climbs does not.
        dots = self._read(these, np.zeros((1, 2)), height)
        seen = np.delete(seen, columns.column("root_offset"), axis=1)
        return np.nan_to_num(np.concatenate([seen, dots], axis=1)).astype(np.float32)

    def _read(self, these: np.ndarray | slice, shift: np.ndarray, height: np.ndarray) -> np.ndarray:
        qpos = self.sim.qpos[these]
        places = place_dots(qpos[:, :2] + shift, np.zeros(len(qpos)), DOTS)
        return np.clip(self.sim.ground.height(places) - (qpos[:, 2] - height)[:, None], -DEEPEST, DEEPEST)

    def read_dots(self, ids: np.ndarray, shift: np.ndarray) -> np.ndarray:
        """Scandots of some, read `shift` beside where they should be, (M, 2) [m] -> (M, P)."""
        return self._read(ids, shift, self.find_height(ids))

    def level_targets(self, action: np.ndarray) -> np.ndarray:
        """Servo targets around the walk on level ground [rad], (N, nu)."""
        following = self.step_of_cycle + 1
        return self.sim.targets_to(self.level.qpos[following], self.level.qvel[following], action)

    def step(self, action: np.ndarray) -> StepResult:
        """One control step (1/30 s) of all with actions (N, nu)."""
        sim = self.sim
        self.eyes.is_new[:] = False
        sim.set_targets(self.level_targets(action))
        sim.simulate()
        self.step_of_cycle = (self.step_of_cycle + 1) % self.period
        if self.task.planned:
            self._follow_nearest()
        else:
            sim.frame = self.step_of_cycle.copy()
        result = sim.compare()
        self.time += 1.0 / CONTROL_HZ
        self.eyes.look(self.time, *self.head_pose(), self.rng, self.running)
        fallen = result.terminated | self.has_fallen()
        over = (self.progress >= 1.0) | (sim.age >= self.episode_steps)
        return StepResult(result.reward, result.terms, fallen, over & ~fallen, result.exploded)

    def _follow_nearest(self) -> None:
        """Goes over to other plans where they are clearly nearer, or the one that was followed is over."""
        plans, sim, feet = self.task.plans, self.sim, self.find_feet()
        best, apart = plans.find_nearest(self.lane, self.step_of_cycle, feet)
        lost = plans.step[sim.frame] != self.step_of_cycle
        own = np.where(lost, np.inf, plans.measure(sim.frame, feet))
        sim.frame = np.where(own > apart + SWITCH, best, sim.frame)

    def find_feet(self) -> np.ndarray:
        """Where root and heels are, x and z, (N, 6) [m]."""
        points = np.concatenate([self.sim.qpos[:, None, :3], self.sim.site_xpos[:, self._heels]], axis=1)
        return np.nan_to_num(points[..., [0, 2]].reshape(self.num_envs, -1))

    def head_pose(self) -> tuple[np.ndarray, np.ndarray]:
        """Where the heads are, world [m], (N, 3), and R_world_head, (N, 3, 3)."""
        return self.sim.bodies_xpos[:, self._head], self.sim.bodies_xmat[:, self._head]

    def has_fallen(self) -> np.ndarray:
        """The root is near the ground, or the body has left the course to the side, bool (N,)."""
        qpos = self.sim.qpos
        support = self.sim.ground.bridged[np.searchsorted(self.sim.ground.edges, qpos[:, 0], side="right")]
        return (qpos[:, 2] - support < LOWEST) | (np.abs(qpos[:, 1]) > MOST_ASIDE)

    @property
    def has_arrived(self) -> np.ndarray:
        """They are at their goals, bool (N,)."""
        return self.progress >= 1.0

    def state(self) -> dict[str, Any]:
        """Everything that their future depends on."""
        return {
            "sim": self.sim.state(),
            "lane": self.lane.copy(),
            "step_of_cycle": self.step_of_cycle.copy(),
            "eyes": self.eyes.state(),
            "time": self.time,
            "rng": self.rng.bit_generator.state,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continues from what `state` returned."""
        self.sim.restore(state["sim"])
        self.lane[:] = np.asarray(state["lane"])
        self.step_of_cycle[:] = np.asarray(state["step_of_cycle"])
        self.eyes.restore(state["eyes"])
        self.time = float(state["time"])
        self.rng.bit_generator.state = state["rng"]


class GuideActor:
    """The guide in the place of a policy: what it would do, as actions around the walk on level ground."""

    def __init__(self, env: WalkingEnv, guide: Policy):
        self.env, self.guide, self.observations = env, guide, guide.observations

    def act(self, observation: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Its actions, (N, nu); it looks at the plans, not at the observation."""
        sim = self.env.sim
        unit = self.guide.layout.action_scale / sim.config.action_scale
        wanted = sim.targets(unit * self.guide.act(sim.observe()))
        level = self.env.level_targets(np.zeros_like(wanted))
        return (wanted - level) / sim.config.action_scale

    def forget(self, ids: np.ndarray) -> None:
        """There is no memory to clear."""
