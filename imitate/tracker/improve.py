"""PPO of a tracker, from what it has been cloned to: over many clips, or fine-tuning on one.

The training is that of single skills (`imitate.training`), its processes, checkpoints and learner; only the beginning
is another one. The policy is the tracker's with the observations normalised as they were, and episodes start anywhere
in the clips, more often where they soon fail. The value function, which cloning does not learn, is fitted first, and
the first evaluation is of the policy as it was: by evaluations, what is kept is never worse.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from imitate.env.env import ImitationEnv
from imitate.env.reference import Reference
from imitate.env.task import Task
from imitate.policy import VALUE_PARTS, FixedNormaliser, Policy, add_weights, fill_weights
from imitate.scene.scene import CONTROL_HZ
from imitate.tracker.env import JoinedTask, TrackerEnv, find_firsts
from imitate.tracker.evaluation import check_body
from imitate.training.checkpoint import load_checkpoint
from imitate.training.config import ResolvedTrainConfig, TrainConfig
from imitate.training.evaluation import ROLLOUTS, Evaluator
from imitate.training.initial_state import FailureStart, Starts
from imitate.training.job import Job
from imitate.training.loop import BEST_POLICY, PUSHED_ONE_IN
from imitate.training.process_group import ProcessGroup
from imitate.training.train import run_job
from pose.errors import InputError
from pose.files import CHECKPOINT
from pose.progress import Progress, silent
from pose.ranges import check_ranges, check_seed

STRETCH = round(0.5 * CONTROL_HZ)
"""Frames of a clip whose failures are counted together: clips have more frames than there are episodes to count."""
MOST_CLIPS = 128
"""Clips that are evaluated from their first frames, spread over all."""


@dataclass(frozen=True)
class ImproveConfig:
    """How a tracker goes on by PPO."""

    minutes: float = 60.0
    """Time of training in all; a larger number later goes on [min]."""
    samples: int | None = None
    """Most control steps of all environments together; unlimited if left out."""
    seed: int = 0
    workers: int = 0
    """Processes that collect and learn; 0 for one a core."""
    envs: int = 512
    """Environments of all processes together."""
    value_samples: int = 250_000
    """Control steps that only the value function learns from, before PPO; as many are between evaluations."""
    learning_rate: float = 1e-4
    """Initial step size, small so that what has been cloned is kept; later ones follow the KL divergence."""
    minibatch_size: int = 1024
    """Samples of all processes together in one step of the optimiser."""
    checkpoint_seconds: float = 60.0
    """Time between checkpoints [s]."""

    def check(self) -> "ImproveConfig":
        """Itself; raises `InputError` for numbers that make no sense."""
        check_seed(self.seed)
        counts = {"envs": (1, 1e6), "value_samples": (1, 1e12), "minibatch_size": (1, 1e9), "samples": (1, 1e15)}
        times = {"minutes": (0.01, 1e5), "checkpoint_seconds": (0.0, 1e9)}
        check_ranges(self, counts | times | {"workers": (0, 1024), "learning_rate": (1e-9, 1.0)})
        return self

    def choose_training(self, policy: Policy) -> ResolvedTrainConfig:
        """The options of PPO: those of a skill after its warm start."""
        options = TrainConfig(
            minutes=self.minutes,
            samples=self.samples,
            seed=self.seed,
            workers=self.workers,
            num_envs=self.envs,
            hidden_sizes=policy.layout.hidden,
            early_stop=False,
            evaluation_interval=self.value_samples,
            checkpoint_seconds=self.checkpoint_seconds,
            tensorboard=False,  # to import it takes some of the minute that fine-tuning has
        ).resolve()
        ppo = replace(options.ppo, learning_rate=self.learning_rate, minibatch_size=self.minibatch_size)
        env = replace(options.env, action_scale=policy.layout.action_scale)
        return replace(options, warm_start="none", env=env, ppo=ppo).check()


TUNING = ImproveConfig(minutes=1.0, envs=256, value_samples=30_000, minibatch_size=512)
"""Fine-tuning on one clip."""


class ClipFailureStart(FailureStart):
    """`FailureStart` over many clips: failures are counted by stretches of half a second, and last frames left out."""

    def __init__(self, reference: Reference):
        super().__init__(reference)
        if reference.loop:
            begins = np.arange(0, self.frames, STRETCH)
            ends = np.append(begins[1:], self.frames)
        else:
            firsts = find_firsts(reference)
            parts = [np.arange(first, max(reference.last[first], first + 1), STRETCH) for first in firsts]
            begins = np.concatenate(parts)
            ends = np.minimum(np.append(begins[1:], len(reference)), np.maximum(reference.last[begins], begins + 1))
        self.begins, self.sizes = begins, ends - begins
        """First frame of each stretch and its frames that episodes may start in, (S,)."""
        self.counts, self._new_counts = np.zeros((2, len(begins))), np.zeros((2, len(begins)))

    @property
    def probability(self) -> np.ndarray:
        """Probability of each stretch, (S,): by its length and by the share of its episodes that soon failed."""
        started, failed = self.counts
        weight = self.sizes * (failed + 0.05) / (started + 1.0)
        return self.FLOOR * self.sizes / self.sizes.sum() + (1.0 - self.FLOOR) * weight / weight.sum()

    def choose(self, count: int, rng: np.random.Generator) -> Starts:
        """Stretches by their probability, any frame of them, poses of the reference."""
        stretch = rng.choice(len(self.begins), size=count, p=self.probability)
        frames = self.begins[stretch] + rng.integers(0, self.sizes[stretch])
        return Starts(frames, np.zeros((count, self.nv)), stretch)

    def record(self, starts: Starts, returns: np.ndarray, failed_soon: np.ndarray) -> None:
        """Counts episodes and failures."""
        np.add.at(self._new_counts[0], starts.component, 1.0)
        np.add.at(self._new_counts[1], starts.component[failed_soon], 1.0)

    def improve(self, group: ProcessGroup) -> None:
        """Adds up the counts of all processes."""
        super().improve(group)
        self._new_counts = np.zeros_like(self.counts)


class ClipEvaluator(Evaluator):
    """Evaluations of a tracker: from the first frames of the clips, and from frames spread over all of them."""

    has_goal = False

    def __init__(self, task: JoinedTask, config: ResolvedTrainConfig, group: ProcessGroup):
        rollouts = max(ROLLOUTS, 2 * (min(len(task.clips), MOST_CLIPS) + group.size - 1))
        super().__init__(task, config, group, rollouts=rollouts, kind=TrackerEnv)

    def choose_frames(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """See `Evaluator.choose_frames`; of each clip the first three quarters are started from."""
        reference = self.env.reference
        if reference.loop:
            return super().choose_frames(count)
        firsts = find_firsts(reference)
        spans = np.maximum(1, 3 * (reference.last[firsts] - firsts) // 4)
        frames = np.concatenate([first + np.arange(span) for first, span in zip(firsts, spans, strict=True)])
        return firsts[np.arange(count) * len(firsts) // count], frames[np.arange(count) * len(frames) // count]


@dataclass(frozen=True)
class TrackerStart:
    """A training on many clips that begins with a tracker; the task of its job is the first of them."""

    policy: Policy
    """The tracker; its critic, which cloning does not learn, is not looked at."""
    tasks: tuple[Task, ...]
    """The clips."""
    value_samples: int

    @property
    def digest(self) -> str:
        """Names weights and clips."""
        digest = hashlib.sha256(repr(self.value_samples).encode())
        add_weights(digest, self.policy)
        for task in self.tasks:
            digest.update(np.ascontiguousarray(task.motion.qpos).tobytes())
        return digest.hexdigest()

    def make_env(self, task: Task, config: ResolvedTrainConfig, num_envs: int, rank: int) -> ImitationEnv:
        """The environments of a process, one in four pushed."""
        affected = np.arange(num_envs) % PUSHED_ONE_IN == 0
        return TrackerEnv(JoinedTask.of(self.tasks), config.env, num_envs, affected=affected)

    def make_evaluator(self, task: Task, config: ResolvedTrainConfig, group: ProcessGroup) -> Evaluator:
        """From the first frames of the clips, and others."""
        return ClipEvaluator(JoinedTask.of(self.tasks), config, group)

    def make_expert(self, env: ImitationEnv) -> None:
        """There is none: the tracker acts already."""

    def make_initial_states(self, env: ImitationEnv) -> ClipFailureStart:
        """Anywhere in the clips, more often where episodes soon fail."""
        return ClipFailureStart(env.reference)

    def make_policy(self) -> Policy:
        """A copy to be trained, with a new critic by torch's seed."""
        found = Policy(self.policy.layout)
        found.observations = FixedNormaliser(self.policy.layout.observation_size)
        new = {name: value for name, value in found.state_dict().items() if name.startswith(VALUE_PARTS)}
        fill_weights(found, self.policy.state_dict() | new)
        return found


def improve_tracker(
    policy: Policy, tasks: Sequence[Task], folder: Path, config: ImproveConfig, progress: Progress = silent
) -> tuple[Policy, dict[str, Any]]:
    """Goes on with a tracker by PPO until its time is up; the same call goes on from the folder's checkpoint.

    Args:
      policy: the tracker.
      tasks: clips of its body, on the plane.
      folder: of the training: checkpoint.pt, policy.pt (the best so far), curves.csv; made if it is absent.
      config: how.
      progress: is called with the share of the budget that is used.

    Returns:
      The best policy by the evaluations, the tracker as it was among them, and metrics of the training.

    Raises:
      InputError: the tracker is another body's, or the checkpoint is of other clips, options or another tracker.
      TrainingError: numbers exploded or a worker died; the last checkpoint is kept.
      KeyboardInterrupt: Ctrl-C; everything was saved before it is passed on.
    """
    training = config.check().choose_training(policy)
    check_body(policy, tasks[0])
    job = Job(tasks[0], training, folder, start=TrackerStart(policy, tuple(tasks), config.value_samples))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / CHECKPOINT
    if path.is_file() and load_checkpoint(path, job.digest) is None:
        raise InputError(
            f"{path}: damaged, or of other clips, options or another tracker; give those, or delete {folder} "
            "to begin anew"
        )
    metrics = run_job(job, progress)
    return Policy.load(folder / BEST_POLICY), metrics
