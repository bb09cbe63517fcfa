"""The training loop that every process runs: collect, update, average; now and then evaluate and save.

All processes hold the same weights and differ in their environments and random numbers. Rank 0 looks at the clock,
decides, writes files and reports.
"""

import csv
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from imitate.env.env import ImitationEnv
from imitate.policy import Policy
from imitate.tracking.draft import Draft
from imitate.training.checkpoint import load_checkpoint, save_checkpoint
from imitate.training.criterion import Criterion
from imitate.training.distill import Expert, Labeller, WarmStart
from imitate.training.evaluation import Evaluator, Score
from imitate.training.initial_state import KINDS
from imitate.training.job import Job
from imitate.training.learner import Learner, SkillPPO, ValueFirst
from imitate.training.memory import peak_memory_mb, release_memory
from imitate.training.process_group import ProcessGroup
from imitate.training.skill_collector import EpisodeSums, SkillCollector
from imitate.training.work_clock import work_seconds
from pose.files import CHECKPOINT, replace_file

BEST_POLICY = "policy.pt"
CURVES = "curves.csv"
STOPPED, TIME_USED, SAMPLES_USED = "it was stopped", "the time is used", "the samples are used"
PUSHED_ONE_IN = 4
"""One in so many of the environments that are learnt from is pushed."""
# To go on undisturbed is what is asked for first: with one in two, the walk from video had .949, with one in four .956
# (three seeds).
AVERAGING_SAMPLES = 80_000
"""Samples that the running average of weights, which is evaluated and kept, looks back."""
REPORT_SECONDS = 0.5
"""Least time between reports [s]."""


@dataclass(frozen=True)
class TrainingStatus:
    """The state of training, for people."""

    seconds: float
    """Wall-clock time of training so far [s]."""
    samples: int
    """Control steps so far of all environments together."""
    episode_return: float
    """Normalised return at the last evaluation."""
    completed: float
    """Fraction of rollouts that reached the end at the last evaluation."""
    steps_per_second: float
    """Control steps a second of all environments together."""
    outlook: str = ""
    """Why the skill will not be learnt in time, in one line; empty where it may be."""


def train(
    job: Job, group: ProcessGroup, report: Callable[[TrainingStatus], None], stop: Callable[[], bool]
) -> dict[str, Any]:
    """Trains until the budget is used, the skill is learnt or `stop` says so.

    Args:
      job: what to learn, alike in all processes.
      group: the processes that learn together, and this one's place among them.
      report: is called with the state of training about twice a second (rank 0 only).
      stop: asked once an iteration; true in any process stops all of them.

    Returns:
      Metrics of the run, `reason`, why it ended, and `ended_by_itself`: no budget ended it, and no person.
    """
    run, config = TrainingRun(job, group), job.config
    if not run.restore():
        run.initialise_normaliser()
    writer = _open_tensorboard(job.folder) if group.is_main and config.tensorboard else None
    samples_before, seconds_before = run.samples, run.seconds
    started = last_report = last_save = work_seconds()
    metrics: dict[str, float] = {}
    while True:
        now = work_seconds()
        run.seconds = seconds_before + now - started
        if run.evaluation_due():
            run.evaluate_and_keep_best(metrics, writer)
        reason = run.agree_on_end(stop)
        if reason:
            if run.last_evaluation_due(reason):
                run.evaluate_and_keep_best(metrics, writer)
            break
        if group.is_main and metrics and now - last_report > REPORT_SECONDS:
            last_report = now
            report(run.status((run.samples - samples_before) / (now - started)))
        if group.decide(now - last_save > config.checkpoint_seconds):
            run.save()
            last_save = work_seconds()
        metrics = run.iterate()
    run.save()
    if writer is not None:
        writer.close()
    by_itself = reason not in (STOPPED, TIME_USED, SAMPLES_USED)
    outlook = "" if by_itself else run.outlook
    ending = {"reason": reason, "ended_by_itself": by_itself, "outlook": outlook}
    return ending | {"resumed_from_samples": samples_before, **run.result()}


class TrainingRun:
    """The state of a training in one process, and the steps that change it."""

    def __init__(self, job: Job, group: ProcessGroup):
        config = job.config
        torch.set_num_threads(1)
        torch.manual_seed(config.seed)
        self.job, self.config, self.group = job, config, group
        draft, self.task = job.used_draft, job.digest
        num_envs, stream = max(1, config.num_envs // group.size), config.seed * 1000 + group.rank
        if job.start is None:
            affected = np.arange(num_envs) % PUSHED_ONE_IN == 0
            env = ImitationEnv(job.task, config.env, num_envs, affected=affected)
            self.policy = Policy(env.policy_layout(config.hidden_sizes), config.initial_std)
        else:
            env = job.start.make_env(job.task, config, num_envs, group.rank)
            self.policy = job.start.make_policy()
        env.seed_noise(stream)
        self.policy.log_std.requires_grad_(config.learn_std)
        self.policy.actor.bf16 = self.policy.critic.bf16 = config.bf16
        window = AVERAGING_SAMPLES / (config.num_envs * config.num_steps)
        self.averaged = AveragedModel(self.policy, avg_fn=partial(update_average, window=window))
        self.shuffle = torch.Generator().manual_seed(stream)
        starts = job.start.make_initial_states(env) if job.start else None
        self.collector = SkillCollector(env, starts or KINDS[config.initial_state](env.reference), stream)
        self.learner = self._make_learner(draft)
        self.handover = config.distill.samples if isinstance(self.learner, WarmStart) else 0
        """Samples before PPO begins; what the warm start has taught is evaluated then."""
        make_evaluator = job.start.make_evaluator if job.start else Evaluator
        self.evaluator = make_evaluator(job.task, config, group)
        self.samples, self.seconds = 0, 0.0
        self.cpu_before, self.cpu_total = 0.0, 0.0
        """Processor time of all processes up to the last start, and up to the last checkpoint [s]."""
        self.cpu_own_loop, self.cpu_loop, self.memory = 0.0, 0.0, 0.0
        """Processor time in `iterate` since the last start, of this process and of all [s]; most memory of all [MB]."""
        self.evaluated_at = 0
        """Samples at the last evaluation."""
        self.criterion = Criterion.of(draft, config.patience)
        self.scores: list[Score] = []
        """Every evaluation."""
        self.curves: list[dict[str, float]] = []
        """Metrics at every evaluation."""

    def _make_learner(self, draft: Draft | None) -> Learner:
        """PPO; with a draft, what leads up to it."""
        config, ppo_config = self.config, self.config.ppo
        if draft:
            ppo_config = replace(ppo_config, learning_rate=config.distill.ppo_learning_rate)
        expert = self._make_expert(draft)
        # Without a sample imitated, the normaliser knows one batch: it goes on.
        keep = expert is not None and config.distill.samples > 0
        ppo = SkillPPO(self.policy, self.collector, config.num_steps, ppo_config, self.group, self.shuffle, keep)
        if expert is not None:
            return WarmStart(expert, config.distill, ppo, self.group)
        if self.job.start is None:
            return ppo
        return ValueFirst(ppo, self.job.start.value_samples, self.group)

    def _make_expert(self, draft: Draft | None) -> Labeller | None:
        """Who is imitated before PPO; None for nobody."""
        env = self.collector.env
        if self.job.start is not None:
            return self.job.start.make_expert(env)
        if draft is not None and len(draft.controls):
            # Pushes follow from the count of episodes. It was one ahead here when results were first published, and
            # stays so, that the same seed gives the same policy.
            env.episode += 1
            return Expert(draft, env)
        return None

    @property
    def average(self) -> Policy:
        """The running average of the policy's weights: what is evaluated and kept."""
        # The last weights swing: a walk from scratch was evaluated at .91, .88, .89 by them, at .92, .96, .96 by the
        # average.
        return cast(Policy, self.averaged.module)

    def initialise_normaliser(self) -> None:
        """Collects observations for the normaliser before anything is learnt from them."""
        ppo = self.config.ppo
        batch, _ = self.collector.collect(self.policy, self.config.num_steps, ppo.gamma, ppo.gae_lambda)
        self.policy.observations.update(self.group.sum(batch.observation_moments.clone()))
        self.averaged.update_parameters(self.policy)

    def iterate(self) -> dict[str, float]:
        """One iteration of Algorithm 1 (see `ppo.py`); returns the metrics of all processes together."""
        begin = time.process_time()
        batch, sums = self.learner.collect()
        losses = self.learner.update(batch)
        self.averaged.update_parameters(self.policy)
        self.collector.initial_states.improve(self.group)
        self.cpu_own_loop += time.process_time() - begin
        return losses | self._add_up(sums)

    def _add_up(self, sums: EpisodeSums) -> dict[str, float]:
        """Counts the samples; returns means over those of all processes."""
        names = sorted(sums.terms)
        values = [sums.steps, sums.reward, sums.ended, sums.completed, self.collector.env.non_finite]
        total = self.group.sum(torch.tensor([*values, *(sums.terms[name] for name in names)], dtype=torch.float64))
        steps, reward, ended, completed, non_finite = total[:5].tolist()
        self.samples += int(steps)
        metrics = {"reward": reward / steps, "episode_completed": completed / max(ended, 1.0), "non_finite": non_finite}
        return metrics | {f"reward_{name}": float(total[5 + i]) / steps for i, name in enumerate(names)}

    def last_evaluation_due(self, reason: str) -> bool:
        """The training ends, for the `reason`, with weights that were not evaluated yet."""
        # Whoever presses Ctrl-C does not want to wait for an evaluation, unless there is no policy to keep yet.
        return (self.evaluated_at < self.samples and reason != STOPPED) or not self.scores

    def evaluation_due(self) -> bool:
        """The warm start, or after it an interval, is over."""
        if self.evaluated_at < self.handover:
            return self.samples >= self.handover
        return self.samples - self.evaluated_at >= self.config.evaluation_interval

    def evaluate_and_keep_best(self, metrics: dict[str, float], writer: Any = None) -> None:
        """Evaluates, saves the policy if it is the best so far, and adds a point to the curves."""
        begin = work_seconds()
        score = self.evaluator.evaluate(self.average)
        if self.config.early_stop and self.criterion.choose_end([*self.scores, score]):
            other = self.evaluator.evaluate(self.average, seed=1 + len(self.scores))
            score = replace(score, confirmed=other.completed)
        self.seconds += work_seconds() - begin
        self.evaluated_at = self.samples
        point = {
            "samples": self.samples,
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_before
            + float(self.group.sum(torch.tensor(time.process_time(), dtype=torch.float64))),
            "return": score.episode_return,
            "completed": score.completed,
            "return_pushed": score.pushed_return,
            "return_error": score.return_error,
        }
        self.curves.append({name: float(value) for name, value in (point | metrics).items()})
        self.scores.append(score)
        if writer is not None:
            for name, value in self.curves[-1].items():
                writer.add_scalar(name, value, self.samples)
        release_memory()
        if score is self.best and self.group.is_main:
            self.average.save(self.job.folder / BEST_POLICY)

    @property
    def best(self) -> Score:
        """The evaluation of the policy that is kept: one that other starts confirm, else the highest and latest."""
        return max(reversed(self.scores), key=lambda score: (score.is_confirmed, score.overall))

    def agree_on_end(self, stop: Callable[[], bool]) -> str:
        """Why to end now, the same answer in every process; empty to go on. Rank 0's clock counts."""
        config = self.config
        learnt = self.criterion.choose_end(self.scores) if config.early_stop else ""
        reasons = ("", STOPPED, TIME_USED, SAMPLES_USED, learnt)
        code = 0
        if learnt:
            code = 4
        elif self.seconds >= 60.0 * config.minutes:
            code = 2
        elif config.samples is not None and self.samples >= config.samples:
            code = 3
        code = int(self.group.broadcast(torch.tensor(float(code))))
        return STOPPED if self.group.any(stop()) else reasons[code]

    def status(self, steps_per_second: float) -> TrainingStatus:
        """The state of training for people."""
        last = self.scores[-1] if self.scores else Score(0.0, 0.0, 0.0)
        return TrainingStatus(
            self.seconds, self.samples, last.episode_return, last.completed, steps_per_second, self.outlook
        )

    @property
    def outlook(self) -> str:
        """Why the skill will not be learnt in time, in one line; empty where it may be."""
        if not self.evaluator.has_goal:
            return ""
        limit = max(60.0 * self.config.minutes / max(self.seconds, 1e-9), 1.0) * self.samples
        if self.config.samples is not None:
            limit = min(limit, max(self.config.samples, self.samples))
        return self.criterion.predict_miss(self.scores, [point["samples"] for point in self.curves], limit)

    def result(self) -> dict[str, Any]:
        """Metrics of the whole run."""
        return {
            "samples": self.samples,
            "train_seconds": self.seconds,
            "cpu_seconds": self.cpu_total,
            "loop_cpu_seconds": self.cpu_loop,
            "memory_mb": self.memory,
            "env_steps_per_second": self.samples / max(self.seconds, 1e-9),
            "best_return": self.best.episode_return,
            "best_completed": self.best.completed,
            "best_return_error": self.best.return_error,
            "fall_time": self.best.fall_time,
            **self._time_to_skill(),
            "non_finite": self.curves[-1].get("non_finite", 0.0),
            "seed": self.config.seed,
            "workers": self.group.size,
        }

    def _time_to_skill(self) -> dict[str, float | None]:
        """Training up to the evaluation that the criterion dates the skill to; None where there is none."""
        first = self.criterion.find_first(self.scores)
        point = self.curves[first] if first is not None else {}
        return {f"skill_{name}": point.get(name) for name in ("seconds", "cpu_seconds", "samples")}

    def save(self) -> None:
        """Writes checkpoint and curves; all processes take part."""
        own = [time.process_time(), self.cpu_own_loop, peak_memory_mb()]
        used, self.cpu_loop, self.memory = self.group.sum(torch.tensor(own, dtype=torch.float64)).tolist()
        self.cpu_total = self.cpu_before + used
        parts = self.group.gather({"collector": self.collector.state(), "shuffle": self.shuffle.get_state()})
        if parts is None:
            return
        content = {
            "policy": self.policy.state_dict(),
            "averaged": self.averaged.state_dict(),
            "learner": self.learner.state(),
            "initial_states": self.collector.initial_states.state(),
            "parts": parts,
            "torch_rng": torch.get_rng_state(),
            "samples": self.samples,
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_total,
            "evaluated_at": self.evaluated_at,
            "scores": [asdict(score) for score in self.scores],
            "curves": self.curves,
        }
        save_checkpoint(self.job.folder / CHECKPOINT, self.task, content)
        self._write_curves()

    def restore(self) -> bool:
        """Continues from the folder's checkpoint if it is of this task."""
        found = load_checkpoint(self.job.folder / CHECKPOINT, self.task)
        if found is None:
            return False
        self.policy.load_state_dict(found["policy"])
        self.averaged.load_state_dict(found["averaged"])
        self.learner.restore(found["learner"])
        # The distribution of initial states is the same in all processes, as the weights are; older checkpoints have it
        # in every part.
        parts, own = found["parts"], self.collector.initial_states
        own.restore(found["initial_states"] if "initial_states" in found else parts[0]["collector"]["initial_states"])
        if len(parts) == self.group.size:
            part = parts[self.group.rank]
            self.collector.restore(part["collector"])
            self.shuffle.set_state(part["shuffle"])
        else:  # as many environments as before, divided among more or fewer processes: they start afresh
            self.collector.start_all()
        torch.set_rng_state(found["torch_rng"])
        self.samples, self.seconds, self.cpu_before = found["samples"], found["seconds"], found["cpu_seconds"]
        self.evaluated_at = found["evaluated_at"]
        self.scores, self.curves = [Score(**score) for score in found["scores"]], found["curves"]
        return True

    def _write_curves(self) -> None:
        """`curves.csv` for the report: one line an evaluation."""
        if not self.curves:
            return
        names = sorted({name for point in self.curves for name in point})
        with replace_file(self.job.folder / CURVES) as path, open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=names)
            writer.writeheader()
            writer.writerows(self.curves)


def update_average(average: Tensor, weights: Tensor, updates: Tensor | int, window: float) -> Tensor:
    """An exponential average over about `window` updates (Polyak and Juditsky 1992), over fewer while there are few."""
    return average.lerp(weights, max(min(1.0 / window, 1.0), 9.0 / (10.0 + float(updates))))


def _open_tensorboard(folder: Path) -> Any:
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder / "tensorboard"))
