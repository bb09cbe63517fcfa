"""A single skill learnt from a tracker: fine-tuned on the motion, then imitated where draft controllers otherwise are.

A skill's policy has a layout of its own, by which it is played, exported and shown live. So the tracker is not that
policy but its teacher: DAgger (`imitate.training.distill`) as from the draft's controller, then PPO as ever. Who
teaches better is measured by what each performs itself, from states about the reference; where that is the draft's
controller, all is as without a tracker.
"""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from imitate.env.config import EnvConfig
from imitate.env.env import ImitationEnv
from imitate.env.task import Task
from imitate.policy import Policy, PolicyLayout, add_weights
from imitate.rollout import Acting, choose_start_frames, run_episodes
from imitate.tracker.env import TrackerView
from imitate.tracker.evaluation import make_env
from imitate.tracker.improve import TUNING, ImproveConfig, improve_tracker
from imitate.tracker.performance import Controller
from imitate.tracking.draft import Draft
from imitate.tracking.track import TrackConfig, track_motion
from imitate.training.config import ResolvedTrainConfig
from imitate.training.evaluation import Evaluator
from imitate.training.loop import PUSHED_ONE_IN
from imitate.training.process_group import ProcessGroup
from imitate.training.train import Training, train_policy
from imitate.training.work_clock import work_seconds
from pose.errors import InputError
from pose.progress import Progress, silent

FOLDER = "tracker"
"""Folder of the fine-tuning in that of a training."""
ROLLOUTS = 32
"""Rollouts that a teacher is measured by, half of them from the first frame."""
SECONDS = 5.0
"""Length of such a rollout of a cycle [s]."""


class TrackerExpert:
    """Labels states with a tracker's actions; a `Labeller`."""

    favoured: np.ndarray | None = None

    def __init__(self, policy: Policy, env: ImitationEnv):
        """A tracker beside the environments of a skill, which are on the plane and have no box."""
        self._policy, self._view = policy, TrackerView(env)
        self._scale = policy.layout.action_scale / env.config.action_scale
        frames = np.arange(len(env.reference))
        self.covered = np.ones(len(frames), dtype=bool)
        self.pose_offset = env.rest(frames)
        self.velocity_offset = np.zeros((len(frames), env.body.nv))

    def label(self, env: ImitationEnv) -> tuple[np.ndarray, np.ndarray]:
        """See `Labeller.label`; all count alike, for a tracker has seen states far from its motions, too."""
        action = self._policy.act(self._view.observe(env))
        return (self._scale * action).astype(np.float32), np.ones(env.num_envs, dtype=np.float32)


@dataclass(frozen=True)
class ImitateTracker:
    """A training of a skill that begins by imitating a tracker."""

    tracker: Policy
    layout: PolicyLayout
    """Of the skill's policy."""
    initial_std: float
    value_samples: int = 0

    @property
    def digest(self) -> str:
        """Names the tracker's weights."""
        digest = hashlib.sha256(b"imitated")
        add_weights(digest, self.tracker)
        return digest.hexdigest()

    def make_env(self, task: Task, config: ResolvedTrainConfig, num_envs: int, rank: int) -> ImitationEnv:
        """The environments of a process, one in four pushed, as without a tracker."""
        return ImitationEnv(task, config.env, num_envs, affected=np.arange(num_envs) % PUSHED_ONE_IN == 0)

    def make_evaluator(self, task: Task, config: ResolvedTrainConfig, group: ProcessGroup) -> Evaluator:
        """As other skills are evaluated."""
        return Evaluator(task, config, group)

    def make_expert(self, env: ImitationEnv) -> TrackerExpert:
        """The tracker."""
        return TrackerExpert(self.tracker, env)

    def make_initial_states(self, env: ImitationEnv) -> None:
        """Those of the config."""

    def make_policy(self) -> Policy:
        """One that knows nothing."""
        return Policy(self.layout, self.initial_std)


def find_obstacle(policy: Policy, task: Task) -> str:
    """Why a tracker cannot perform a task of its body, in words; empty if it can."""
    if not task.ground.flat or task.scene.has_box or task.grips:
        return "trackers know level ground alone"
    if abs(policy.layout.height - task.character.height) > 1e-3:
        return f"it is of {policy.layout.height:.2f} m, this body of {task.character.height:.2f} m"
    return ""


def check_name(policy: Policy, character: str) -> None:
    """Raises `InputError` for a tracker of another body, whatever the height, before any work is done for it."""
    own = policy.layout.character
    if own != character:
        raise InputError(
            f"the tracker was trained for {own}, not for {character}; give one of that body, or leave it out"
        )


def measure_teacher(actor: Acting, env: ImitationEnv) -> float:
    """Mean normalised return of a teacher from the first frame and all along the motion, from disturbed states.

    Without a policy's noise: a controller that holds its own path alone is lost by it, and teaches well all the same.

    Args:
      actor: the teacher.
      env: `ROLLOUTS` environments.
    """
    half = ROLLOUTS // 2
    frames = np.concatenate([np.zeros(half, dtype=np.int64), choose_start_frames(env.reference, half)])
    return float(run_episodes(env, actor, frames, start_rng=np.random.default_rng(0)).normalised_return.mean())


def compare_teachers(tracker: Policy, draft: Draft, task: Task) -> tuple[float, float]:
    """Returns of a tracker and of a draft's controller in the same states, see `measure_teacher`."""
    by_tracker = measure_teacher(tracker, make_env(tracker, [task], ROLLOUTS, SECONDS))
    env = ImitationEnv(task, EnvConfig(action_scale=1.0, episode_seconds=SECONDS), ROLLOUTS)
    return by_tracker, measure_teacher(Controller(draft, env), env) if len(draft.controls) else 0.0


def train_from_tracker(
    task: Task,
    config: ResolvedTrainConfig,
    folder: Path,
    draft: Draft | None,
    tracker: Policy,
    progress: Progress = silent,
    tuning: ImproveConfig = TUNING,
) -> Training:
    """Learns a skill from a tracker, or from the draft where that teaches better; goes on from the folder's checkpoint.

    Args:
      task: what is learnt, by whom, where.
      config: options; the time of fine-tuning is within its budget.
      folder: of the training; that of the fine-tuning lies in it.
      draft: the motion performed by tracking control; None to make it first, beyond the budget.
      tracker: of the same body.
      progress: is called with the share of the budget that is used.
      tuning: how the tracker is fine-tuned.

    Raises:
      InputError: the tracker is another body's, or an option is out of range.
      TrainingError: numbers exploded or a worker died; the last checkpoint is kept.
      KeyboardInterrupt: Ctrl-C; everything was saved before it is passed on.
    """
    check_name(tracker, task.character.name)
    draft = draft or track_motion(task.drafted, TrackConfig(), progress).draft
    if obstacle := find_obstacle(tracker, task):
        return _add(train_policy(task, config, folder, progress, draft), f"not from the tracker: {obstacle}", {})
    tuning = replace(tuning, seed=config.seed, workers=config.workers, minutes=min(tuning.minutes, config.minutes))
    tuned, metrics = improve_tracker(tracker, [task], folder / FOLDER, tuning, progress)
    began = work_seconds()
    by_tracker, by_draft = compare_teachers(tuned, draft, task)
    seconds = metrics["train_seconds"] + work_seconds() - began
    measured = {"tracker_return": by_tracker, "tracker_draft_return": by_draft, "tracker_seconds": seconds}
    rest = replace(config, minutes=max(config.minutes - seconds / 60.0, 0.01))
    if by_tracker < by_draft:
        training, which = train_policy(task, rest, folder, progress, draft), "from the draft"
    else:
        layout = ImitationEnv(task, config.env, 1).policy_layout(config.hidden_sizes)
        start = ImitateTracker(tuned, layout, config.initial_std)
        training, which = train_policy(task, rest, folder, progress, draft, start), "from the tracker"
    said = f"{which} (teachers' returns: tracker {by_tracker:.3f}, draft {by_draft:.3f})"
    cpu = metrics["cpu_seconds"]
    times = {"train_seconds": seconds, "cpu_seconds": cpu, "skill_seconds": seconds, "skill_cpu_seconds": cpu}
    return _add(training, said, measured, times)


def _add(training: Training, said: str, metrics: dict[str, Any], times: dict[str, float] | None = None) -> Training:
    """A training with what went before it."""
    found = training.metrics | metrics
    for name, seconds in (times or {}).items():
        found[name] = None if found[name] is None else found[name] + seconds
    return replace(training, summary=f"{training.summary}; {said}", metrics=found)
