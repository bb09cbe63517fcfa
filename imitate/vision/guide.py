"""The guide of a person who walks: the skill's policy learns to follow plans over courses that it knows.

It begins as the skill is shipped or was learnt, on level ground, with inputs for the ground around it whose weights are
zero; PPO with the imitation reward does the rest. It sees the plan and is no policy for a
robot: teachers imitate it.
"""

import copy
import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from imitate.env.env import ImitationEnv
from imitate.env.reference import Reference
from imitate.env.task import Task
from imitate.locomotion.terrain import Terrain
from imitate.policy import Policy, add_weights
from imitate.scene.ground import MAP_POINTS, Ground
from imitate.tracking.draft import Draft
from imitate.training.config import ResolvedTrainConfig, TrainConfig
from imitate.training.evaluation import Evaluator
from imitate.training.initial_state import ReferenceStart, Starts
from imitate.training.job import Job
from imitate.training.loop import BEST_POLICY, PUSHED_ONE_IN
from imitate.training.process_group import ProcessGroup
from imitate.training.train import run_job
from imitate.vision.drafts import PlanExpert, find_climbs, make_drafts
from imitate.vision.plans import Plans, Walk, level_table, make_plans, name_plan
from imitate.vision.walking_course import CourseRow, make_course_row
from pose.progress import Progress, silent

VALUE_SAMPLES = 50_000
"""Control steps that only the value function learns from at first."""
LEAST_STD = 0.1
"""Least standard deviation of actions to begin with."""
GROUND_SCALE = 0.2
"""Height of the ground that counts as 1 [m]."""


@dataclass(frozen=True, eq=False)
class CourseTask(Task):
    """A walk over a row of courses, by plans."""

    courses: int = 0
    """How many courses the row has."""
    seed: int = 0
    """Of the row."""
    plans_folder: Path = field(default_factory=Path)
    """Where plans stay."""
    planned: bool = True
    """There are plans; otherwise the reference is the walk on level ground, which says nothing of the courses."""

    @cached_property
    def row(self) -> CourseRow:
        """The courses."""
        return make_course_row(self.courses, self.seed)

    @cached_property
    def walk(self) -> Walk:
        """The skill, made straight."""
        return Walk.of(self.motion, self.character)

    @property
    def digest(self) -> str:
        """Names walk, courses and plans."""
        return hashlib.sha256("".join(name_plan(self.walk, one) for one in self.row.courses).encode()).hexdigest()

    @cached_property
    def plans(self) -> Plans:
        """Made or read when they are first asked for."""
        return make_plans(self.walk, self.row, self.plans_folder)

    @cached_property
    def ground(self) -> Ground:
        """That of all courses."""
        return self.row.ground

    def reference(self, seconds: float) -> Reference:
        """All plans, or the walk on level ground; `seconds` makes no difference."""
        return self.plans.reference if self.planned else self.level

    @cached_property
    def level(self) -> Reference:
        """The walk on level ground, a frame for each step of its cycle and more after them."""
        return level_table(self.walk)

    @property
    def plans_of_course(self) -> int:
        """How many plans each course has."""
        return len(self.plans.first) // len(self.row.courses)

    @cached_property
    def terrain(self) -> Terrain:
        """The courses as a height field."""
        return self.row.terrain


@dataclass(frozen=True)
class GuideConfig:
    """How the guide learns."""

    minutes: float = 20.0
    """Most time of its PPO [min]."""
    samples: int | None = 1_500_000
    """Most control steps of its PPO; those in which drafts are imitated come first and do not count."""
    num_envs: int = 256
    """Environments."""
    learning_rate: float = 1e-4
    """Initial step size."""
    push_speed: float = 0.4
    """Strongest push, of one in four of them [m/s]."""
    drafts: int = 2
    """Plans of each course with stairs that tracking control performs, to be imitated first."""
    imitated: int = 250_000
    """Control steps in which those are imitated."""


@dataclass(frozen=True)
class GuideStart:
    """What the guide begins with."""

    policy: Policy
    drafts: tuple[tuple[int, Draft], ...] = ()
    """Parts of plans as tracking control performs them, and their first frames."""
    plans: str = ""
    """Names the plans."""
    value_samples: int = VALUE_SAMPLES

    @property
    def digest(self) -> str:
        """Names the weights."""
        digest = hashlib.sha256(self.plans.encode())
        add_weights(digest, self.policy)
        for first, draft in self.drafts:
            digest.update(f"{first} {draft.digest}".encode())
        return digest.hexdigest()

    def make_env(self, task: Task, config: ResolvedTrainConfig, num_envs: int, rank: int) -> ImitationEnv:
        """The environments of a process, one in four pushed."""
        return ImitationEnv(task, config.env, num_envs, affected=np.arange(num_envs) % PUSHED_ONE_IN == 0)

    def make_evaluator(self, task: Task, config: ResolvedTrainConfig, group: ProcessGroup) -> Evaluator:
        """As other skills are evaluated."""
        return Evaluator(task, config, group)

    def make_expert(self, env: ImitationEnv) -> PlanExpert | None:
        """The drafts' controllers, and where there are none the skill."""
        task = env.task
        if not self.drafts or not isinstance(task, CourseTask):
            return None
        return PlanExpert(list(self.drafts), extend_to_ground(self.policy), task.plans, task.row, env)

    def make_initial_states(self, env: ImitationEnv) -> ReferenceStart | None:
        """Half of the episodes on stairs, where most is to be learnt."""
        return ClimbStart(env.task) if isinstance(env.task, CourseTask) else None

    def make_policy(self) -> Policy:
        """A copy to be trained."""
        return extend_to_ground(self.policy)


class ClimbStart(ReferenceStart):
    """Half of the episodes start anywhere on the plans, half where plans climb stairs: a sixth of the frames."""

    def __init__(self, task: CourseTask):
        super().__init__(task.plans.reference)
        self.climbs = np.flatnonzero(find_climbs(task.plans, task.row))

    def choose(self, count: int, rng: np.random.Generator) -> Starts:
        """Frames, poses of the reference."""
        starts = super().choose(count, rng)
        if len(self.climbs):
            starts.frames[:] = np.where(rng.random(count) < 0.5, rng.choice(self.climbs, count), starts.frames)
        return starts


def extend_to_ground(policy: Policy) -> Policy:
    """A policy of level ground with inputs for the ground around it that change nothing yet; a copy if it has them."""
    layout = policy.layout
    if "ground" in layout.observation:
        return copy.deepcopy(policy)
    found = Policy(replace(layout, observation=layout.observation | {"ground": len(MAP_POINTS)}))
    size = layout.observation_size
    with torch.no_grad():
        old = [layer for layer in policy.actor if isinstance(layer, torch.nn.Linear)]
        new = [layer for layer in found.actor if isinstance(layer, torch.nn.Linear)]
        for number, (source, target) in enumerate(zip(old, new, strict=True)):
            if number == 0:
                target.weight.zero_()
                target.weight[:, :size] = source.weight
            else:
                target.weight.copy_(source.weight)
            target.bias.copy_(source.bias)
        found.log_std.copy_(policy.log_std.clamp(min=float(np.log(LEAST_STD))))
        seen, own = found.observations, policy.observations
        seen.mean.copy_(torch.cat([own.mean, torch.zeros(len(MAP_POINTS))]))
        seen.variance.copy_(torch.cat([own.variance, torch.full((len(MAP_POINTS),), GROUND_SCALE**2)]))
        seen.count.copy_(own.count)
    return found


def train_guide(
    policy: Policy,
    task: CourseTask,
    config: GuideConfig,
    folder: Path,
    seed: int = 0,
    progress: Progress = silent,
    name: str = "this skill",
) -> Policy:
    """Learns to follow the plans; continues from the folder's checkpoint if there is one of the same.

    Args:
      policy: of the skill, as it goes on level ground.
      task: walk and courses.
      config: how it learns.
      folder: of the training.
      seed: of weights, starts and noise.
      progress: is called with plans, drafts and control steps done.
      name: of the skill, for errors.

    Raises:
      InputError: no plan leads over one of the courses.
      TrainingError: numbers exploded or a worker died; the last checkpoint is kept.
      KeyboardInterrupt: Ctrl-C; everything was saved before it is passed on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plans = make_plans(task.walk, task.row, task.plans_folder, progress, name)
    drafts = make_drafts(task, plans, task.row, config.drafts, task.plans_folder, progress) if config.drafts else []
    imitated = config.imitated if drafts else 0
    options = TrainConfig(
        minutes=config.minutes,
        samples=None if config.samples is None else config.samples + imitated,
        seed=seed,
        workers=1,
        warm_start="none",
        num_envs=config.num_envs,
        num_steps=16,
        hidden_sizes=policy.layout.hidden,
        early_stop=False,
    ).resolve()
    env = replace(options.env, push_speed=config.push_speed, action_scale=policy.layout.action_scale)
    distill = replace(options.distill, samples=config.imitated)
    ppo = replace(options.ppo, learning_rate=config.learning_rate)
    options = replace(options, env=env, ppo=ppo, distill=distill)
    run_job(Job(task, options, folder, start=GuideStart(policy, tuple(drafts), task.digest)), progress)
    return Policy.load(folder / BEST_POLICY)
