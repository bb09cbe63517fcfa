"""`python -m sfv bench scene`: skills learnt on the plane and carried over to other ground and to a box."""

import hashlib
from pathlib import Path
from typing import Literal

import numpy as np

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
from reconstruct.characters.character import load_character
from reconstruct.formats.read_motion import read_motion
from sfv.console import bar
from sfv.demo.motions import demo_motion
from sfv.rows import Row, show

ROLLOUTS = 32
GOAL = 0.8
PUSH_DISTANCE_M = 2.0
"""The box must have gone so far."""


class BoxRecorder:
    """How far each box gets in a rollout; read as `run_episodes` reads a meter."""

    def __init__(self, start: np.ndarray):
        self.start, self.way = start, np.zeros(len(start))

    def read(self, env: ImitationEnv, terms: dict[str, np.ndarray], running: np.ndarray) -> None:
        """Takes one step in of the simulations that are `running`."""
        self.way = np.where(running, np.maximum(self.way, env.box_progress() - self.start), self.way)


SKILLS = {
    "backflip": ("backflip_slope_completed", Scene("slope", angle=10.0)),
    "cartwheel": ("cartwheel_gaps_completed", Scene("gaps")),
    "push": ("push_box_completed", Scene("box")),
}
"""Motion -> row, and the scene that it is carried over to."""


def bench_scene(
    skills: tuple[Literal["backflip", "cartwheel", "push"], ...] = ("backflip", "cartwheel", "push"),
    backflip: Path | None = None,
    cartwheel: Path | None = None,
    push: Path | None = None,
    out: Path = Path("runs/bench_scene"),
    minutes: float = 0.0,
    character: str = "humanoid",
    seed: int = 0,
    json: bool = False,
) -> None:
    """Judges skills in scenes: a backflip on a slope of 10 degrees, a cartwheel over gaps, a box pushed 2 m.

    Args:
      skills: which of them.
      backflip: reference motion (DeepMimic .txt, or .npz of a run); without one, the project's own demonstration.
      cartwheel: the same.
      push: the same, of someone who walks and pushes.
      out: keeps the policies; training goes on from what is there.
      minutes: training budget for each after its draft, what was spent before included [min]; 0 judges the policies
        that are there.
      character: body that is to perform them.
      seed: of training.
      json: one JSON object on standard output instead of a table.
    """
    body, files = load_character(character), {"backflip": backflip, "cartwheel": cartwheel, "push": push}
    rows = []
    for skill in skills:
        file = files[skill]
        motion = read_motion(file, body) if file else demo_motion(skill, body)
        task = Task(body, motion, SKILLS[skill][1])
        rows.append(_measure_skill(skill, task, out / f"{skill}@{task.scene.kind}", minutes, seed))
    show("scene", rows, json)


def _measure_skill(skill: str, task: Task, folder: Path, minutes: float, seed: int) -> Row:
    name, _ = SKILLS[skill]
    if minutes > 0:
        with bar(name) as progress:
            draft = load_or_make_draft(task, folder, progress)
            train_policy(task, TrainConfig(minutes=minutes, seed=seed), folder, progress, draft)
    if not (folder / "policy.pt").is_file():
        return Row(name, None, goal=GOAL, note=f"no policy in {folder}: give --minutes")
    try:
        done, spread, note = evaluate_in_scene(Policy.load(folder / "policy.pt"), task)
    except InputError as error:
        return Row(name, None, goal=GOAL, note=str(error))
    return Row(name, done, "", ROLLOUTS, spread, goal=GOAL, note=note)


def load_or_make_draft(task: Task, folder: Path, progress: Progress) -> Draft:
    """The motion performed by tracking control there; made once for a motion on a ground."""
    body = task.character
    name = hashlib.sha256(task.motion.qpos.tobytes() + repr((body.name, body.height, task.scene.identity)).encode())
    path = folder / f"draft_{name.hexdigest()[:12]}.npz"
    if path.is_file():
        return Draft.load(path)
    draft = track_motion(task.drafted, TrackConfig(), progress)
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
        env.start(rows)
        recorder = BoxRecorder(env.box_progress().copy())
    scores = run_episodes(env, policy, rows, start_rng=np.random.default_rng(0), meter=recorder)
    done = scores.completed
    if recorder is not None:
        done, note = done & (recorder.way >= PUSH_DISTANCE_M), f"pushed {recorder.way.mean():.2f} m on average"
    return float(done.mean()), float(done.std()), note
