"""`python -m sfv bench scene`: skills on other ground and with a box."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import tyro

from imitate.env.env import EnvConfig, ImitationEnv
from imitate.env.task import Task
from imitate.policy import Policy
from imitate.rollout import run_episodes
from imitate.scene.scene import Scene
from imitate.tracking.draft import Draft
from imitate.tracking.track import TrackConfig, track_motion
from imitate.training.config import TrainConfig
from imitate.training.train import train_policy
from pose.errors import InputError
from pose.progress import Progress
from pose.ranges import check_seed
from reconstruct.characters.character import Character, load_character
from sfv.bench.inputs import read_motions
from sfv.console import bar
from sfv.rows import Row, show

ROLLOUTS = 32
GOAL = 0.8
PUSH_DISTANCE_M = 2.0
"""Distance that the box has to be pushed for the skill to count as completed [m]."""


class BoxRecorder:
    """Records the greatest distance of each box from where the reference has it at the start [m]."""

    def begin(self, env: ImitationEnv) -> None:
        """See `imitate.rollout.Recorder.begin`."""
        self.start = env.ground.local(env.goal_qpos[env.frame][:, env.body.nq : env.body.nq + 2])[0]
        self.way = np.zeros(env.num_envs)

    def record(self, env: ImitationEnv, terms: dict[str, np.ndarray], running: np.ndarray) -> None:
        """Adds one control step of the environments that are `running`."""
        self.way = np.where(running, np.maximum(self.way, env.box_progress() - self.start), self.way)


SkillName = Literal["backflip", "cartwheel", "push"]
SKILLS: dict[SkillName, tuple[str, Scene]] = {
    "backflip": ("backflip_slope_completed", Scene("slope", angle=10.0)),
    "cartwheel": ("cartwheel_gaps_completed", Scene("gaps")),
    "push": ("push_box_completed", Scene("box")),
}
"""Motion -> name of the row, and the scene that it is performed in."""


@dataclass(frozen=True)
class SceneBenchConfig:
    """Which skills are evaluated, with which budget, and where they are kept."""

    skills: tuple[SkillName, ...] = ("backflip", "cartwheel", "push")
    """Skills to evaluate."""
    backflip: Path | None = None
    """Backflip (DeepMimic .txt, or .npz of a run); default: the shipped demonstration."""
    cartwheel: Path | None = None
    """Cartwheel; default: the shipped demonstration."""
    push: Path | None = None
    """Walking and pushing; default: the shipped demonstration."""
    out: Path = Path("runs/bench_scene")
    """Folder that keeps the policies; training goes on from there."""
    minutes: float = 0.0
    """Training budget of each after its draft, earlier training included [min]; 0: only evaluate."""
    character: str = "humanoid"
    """Body that is to perform them."""
    seed: int = 0
    """Seed of training."""

    def read_task(self, skill: SkillName, character: Character) -> Task:
        """A skill's motion in its scene."""
        file = {"backflip": self.backflip, "cartwheel": self.cartwheel, "push": self.push}[skill]
        (motion,) = read_motions((file,) if file else (), character, (skill,)).values()
        return Task(character, motion, SKILLS[skill][1])


def bench_scene(config: Annotated[SceneBenchConfig, tyro.conf.arg(name="")], json: bool = False) -> None:
    """Evaluates skills in scenes: a backflip on a slope of 10 degrees, a cartwheel over gaps, a box pushed 2 m.

    Args:
      config: what is evaluated.
      json: one JSON object on standard output instead of a table.
    """
    check_seed(config.seed)
    character = load_character(config.character)
    rows = [_measure_skill(skill, config.read_task(skill, character), config) for skill in config.skills]
    show("scene", rows, json)


def _measure_skill(skill: SkillName, task: Task, config: SceneBenchConfig) -> Row:
    name, _ = SKILLS[skill]
    folder = config.out / f"{skill}@{task.scene.kind}"
    if config.minutes > 0:
        with bar(name) as progress:
            draft = load_or_make_draft(task, folder, progress)
            train_policy(task, TrainConfig(minutes=config.minutes, seed=config.seed), folder, progress, draft)
    if not (folder / "policy.pt").is_file():
        return Row(name, None, goal=GOAL, note=f"no policy in {folder}: give --minutes")
    try:
        done, std, note = evaluate_in_scene(Policy.load(folder / "policy.pt"), task)
    except InputError as error:
        return Row(name, None, goal=GOAL, note=str(error))
    return Row(name, done, "", ROLLOUTS, std, goal=GOAL, note=note)


def load_or_make_draft(task: Task, folder: Path, progress: Progress) -> Draft:
    """The motion performed by tracking control in the scene; kept in the folder for the next time."""
    body = task.character
    name = hashlib.sha256(task.motion.qpos.tobytes() + repr((body.name, body.height, task.scene.identity)).encode())
    path = folder / f"draft_{name.hexdigest()[:12]}.npz"
    if path.is_file():
        return Draft.load(path)
    draft = track_motion(task.drafted, TrackConfig(), progress).draft
    folder.mkdir(parents=True, exist_ok=True)
    draft.save(path)
    return draft


def evaluate_in_scene(policy: Policy, task: Task) -> tuple[float, float, str]:
    """Share of rollouts from the first frame, a little disturbed, that reach the end (and push the box far enough)."""
    env = ImitationEnv.for_policy(policy, task, ROLLOUTS, EnvConfig.episode_seconds)
    rows = np.zeros(ROLLOUTS, dtype=np.int64)
    recorder, note = None, ""
    if task.scene.has_box:
        planned = float(env.reference.reach[-1] - env.reference.reach[0])
        if planned < PUSH_DISTANCE_M:
            raise InputError(f"the motion itself goes {planned:.1f} m; a box is to be pushed {PUSH_DISTANCE_M:g} m")
        recorder = BoxRecorder()
    scores = run_episodes(env, policy, rows, start_rng=np.random.default_rng(0), recorder=recorder)
    done = scores.completed
    if recorder is not None:
        done, note = done & (recorder.way >= PUSH_DISTANCE_M), f"pushed {recorder.way.mean():.2f} m on average"
    return float(done.mean()), float(done.std()), note
