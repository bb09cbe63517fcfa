"""The training loop that every process runs: collect, update, now and then evaluate and save.

All processes hold the same weights and differ in their environments and random numbers. Rank 0 looks at the clock,
decides, writes files and reports.
"""

import csv
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from imitate.env.env import ImitationEnv
from imitate.policy import Policy, PolicyLayout
from imitate.rollout import run_episodes, starting_rows
from imitate.scene.scene import Scene
from imitate.tracking.draft import Draft
from imitate.training.checkpoint import load_checkpoint, save_checkpoint, task_digest
from imitate.training.config import TrainConfig
from imitate.training.distill import Distiller, Expert, ExpertCollector
from imitate.training.initial_state import AdaptiveStart, FailureStart, FixedStart, InitialStates, ReferenceStart
from imitate.training.memory import peak_memory_mb, release_memory
from imitate.training.ppo import PPO
from imitate.training.process_group import ProcessGroup
from imitate.training.skill_collector import Episodes, SkillCollector
from pose.files import replace_file
from reconstruct.characters.character import Character
from reconstruct.motion import ReferenceMotion

CHECKPOINT = "checkpoint.pt"
BEST_POLICY = "policy.pt"
CURVES = "curves.csv"
STOPPED = "it was stopped"
JUDGED = 32
"""Undisturbed rollouts of an evaluation, half of them from the first frame; half as many again are pushed. They take
a fifteenth of the time that training takes."""
PUSHED_ONE_IN = 4
"""Of so many simulations that are learnt from, one is pushed. To go on undisturbed is what is asked for first: with one
in two, the walk from video had .949, with one in four .956 (three seeds)."""
AVERAGED = 80_000
"""So many samples back reaches the running average of weights that is judged and kept."""
PLATEAU = 0.003
"""A plateau: the last evaluations are on average not this much better than those before them."""


@dataclass(frozen=True)
class Job:
    """What all processes must know to train together."""

    motion: ReferenceMotion
    character: Character
    scene: Scene
    config: TrainConfig
    folder: Path
    draft: Draft | None = None
    """What the policy is distilled from first, where the config wants that."""


class TrainingRun:
    """The state of a run in one process, and the steps that change it."""

    def __init__(self, job: Job, group: ProcessGroup):
        config = job.config
        torch.set_num_threads(1)
        torch.manual_seed(config.seed)
        self.job, self.config, self.group = job, config, group
        scene = {} if job.scene.kind == "flat" else {"scene": job.scene.identity}
        draft = job.draft if config.warm_start == "draft" else None
        expert = {"draft": draft.digest} if draft else {}
        self.task = task_digest(job.motion, job.character, config.without_budget() | scene | expert)
        share = max(1, config.num_envs // group.size)
        env = ImitationEnv(job.character, job.scene, job.motion, config.env, share)
        layout = PolicyLayout(
            character=job.character.name,
            height=job.character.height,
            observation=env.observation_layout.sizes,
            action=tuple(env.model.actuator(u).name for u in range(env.model.nu)),
            action_scale=config.env.action_scale,
            hidden=config.hidden_sizes,
        )
        self.policy = Policy(layout, config.initial_std)
        self.policy.log_std.requires_grad_(config.learn_std)
        self.policy.actor.coarse = self.policy.critic.coarse = config.bf16
        self.averaged = AveragedModel(
            self.policy, avg_fn=partial(running_average, window=AVERAGED / (config.num_envs * config.num_steps))
        )
        rate = config.distill.ppo_learning_rate if draft else config.ppo.learning_rate
        self.ppo = PPO(self.policy, replace(config.ppo, learning_rate=rate), group)
        stream = config.seed * 1000 + group.rank
        self.shuffle = torch.Generator().manual_seed(stream)
        states = initial_states(config, env)
        self.collector = SkillCollector(env, states, stream)
        self.distiller: Distiller | None = None
        if draft and len(draft.controls):
            self.collector = ExpertCollector(env, states, stream, Expert(draft, env))
            self.distiller = Distiller(self.policy, config.distill, group)
        self.collector.env.pushed[:] = np.arange(share) % PUSHED_ONE_IN == 0
        self.judge = self._judging_env()
        self.samples, self.seconds = 0, 0.0
        self.cpu_before, self.cpu_total = 0.0, 0.0
        """Processor time of all processes up to the last start, and up to the last checkpoint [s]."""
        self.cpu_own_loop, self.cpu_loop, self.memory = 0.0, 0.0, 0.0
        """Processor time in `iterate` since the last start, of this process and of all [s]; most memory of all [MB]."""
        self.judged = 0
        """Samples at the last evaluation."""
        self.best, self.best_completed = -1.0, 0.0
        self.scores: list[float] = []
        """Of every evaluation, the mean of the return undisturbed and under pushes."""
        self.last = 0.0
        """Return at the last evaluation."""
        self.completed = 0.0
        self.curves: list[dict[str, float]] = []

    def _judging_env(self) -> ImitationEnv:
        """The simulations that this process contributes to evaluations: two thirds are left alone, one is pushed."""
        share = max(1, JUDGED // 2 // self.group.size)
        env_config = replace(self.config.env, episode_seconds=self.config.evaluation_seconds)
        env = ImitationEnv(self.job.character, self.job.scene, self.job.motion, env_config, 3 * share)
        env.pushed[: 2 * share] = False
        return env

    @property
    def average(self) -> Policy:
        """The running average of the policy's weights: what is judged and kept.

        The last weights swing: a walk from scratch was judged .91, .88, .89 by them where the average had .92, .96 and
        .96.
        """
        return cast(Policy, self.averaged.module)

    def warm_up(self) -> None:
        """Shows the normaliser what observations are like before anything is learnt from them."""
        ppo = self.config.ppo
        batch, _ = self.collector.collect(self.policy, self.config.num_steps, ppo.gamma, ppo.gae_lambda)
        self.policy.observations.update(self.group.sum(batch.observation_moments.clone()))
        self.averaged.update_parameters(self.policy)

    def iterate(self) -> dict[str, float]:
        """One iteration of Algorithm 1; returns the figures of all processes together."""
        ppo = self.config.ppo
        begin = time.process_time()
        collector, distiller = self.collector, self.distiller
        if isinstance(collector, ExpertCollector) and distiller is not None:
            collector.watched = self.samples < self.config.distill.samples
            collector.share = distiller.expert_share(self.samples)
        batch, episodes = collector.collect(self.policy, self.config.num_steps, ppo.gamma, ppo.gae_lambda)
        if isinstance(collector, ExpertCollector) and distiller is not None and collector.watched:
            losses = distiller.update(batch, *collector.said(), self.samples, self.shuffle)
        else:
            losses = self.ppo.update(batch, self.shuffle)
        self.averaged.update_parameters(self.policy)
        self.collector.initial_states.improve(self.group)
        self.cpu_own_loop += time.process_time() - begin
        return losses | self._summed(episodes)

    def _summed(self, episodes: Episodes) -> dict[str, float]:
        names = sorted(episodes.terms)
        values = [episodes.steps, episodes.reward, episodes.ended, episodes.completed, self.collector.env.non_finite]
        total = self.group.sum(torch.tensor([*values, *(episodes.terms[name] for name in names)], dtype=torch.float64))
        steps, reward, ended, completed, non_finite = total[:5].tolist()
        self.samples += int(steps)
        figures = {"reward": reward / steps, "episode_completed": completed / max(ended, 1.0), "non_finite": non_finite}
        return figures | {f"reward_{name}": float(total[5 + i]) / steps for i, name in enumerate(names)}

    def evaluate(self) -> tuple[float, float, float]:
        """Normalised return and completed share of the deterministic policy, and its return under pushes.

        From the first frame and all phases; under pushes from phases. The same starts and pushes in every evaluation,
        split among the processes.
        """
        env, group = self.judge, self.group
        share = env.size // 3
        phases = starting_rows(env.reference, share * group.size)[group.rank :: group.size]
        rows = np.concatenate([np.zeros(share, dtype=np.int64), phases, phases])
        env.episode[:] = 0
        scores = run_episodes(env, self.average, rows, start_rng=np.random.default_rng(group.rank))
        calm, pushed = np.split(scores.normalised_return, [2 * share])
        sums = torch.tensor([calm.sum(), scores.completed[: 2 * share].sum(), pushed.sum(), share], dtype=torch.float64)
        total, completed, total_pushed, count = group.sum(sums).tolist()
        return total / (2 * count), completed / (2 * count), total_pushed / count

    def judge_now(self, figures: dict[str, float]) -> None:
        """Evaluates, keeps the policy if it is the best so far, and adds a point to the curves.

        Best is the mean of the return undisturbed and under pushes: the former alone has long stopped rising while a
        walk still learns to stay on its feet.
        """
        score, completed, pushed = self.evaluate()
        row = {"samples": self.samples, "seconds": self.seconds, "return": score, "completed": completed}
        self.curves.append({name: float(value) for name, value in (row | {"return_pushed": pushed} | figures).items()})
        self.scores.append((score + pushed) / 2.0)
        self.last, self.completed, self.judged = score, completed, self.samples
        release_memory()
        if self.scores[-1] >= max(self.scores):
            self.best, self.best_completed = score, completed
            if self.group.is_main:
                self.average.save(self.job.folder / BEST_POLICY)

    def goal_met(self) -> bool:
        """Every judged rollout reaches the end and the return has stopped rising.

        Means over several evaluations are compared: after a warm start the return often falls before it rises.
        """
        recent = self.config.patience
        if self.completed < 1.0 or len(self.scores) < 2 * recent:
            return False
        earlier, later = self.scores[-2 * recent : -recent], self.scores[-recent:]
        return statistics.fmean(later) < statistics.fmean(earlier) + PLATEAU

    def progress(self, figures: dict[str, float], speed: float) -> dict[str, float]:
        """The state of training for people; `speed` is in decisions a second."""
        return {
            "seconds": self.seconds,
            "samples": self.samples,
            "return": self.last,
            "completed": self.completed,
            "reward": figures["reward"],
            "speed": speed,
        }

    def result(self) -> dict[str, Any]:
        """Figures of the whole run."""
        return {
            "samples": self.samples,
            "train_seconds": self.seconds,
            "cpu_seconds": self.cpu_total,
            "loop_cpu_seconds": self.cpu_loop,
            "memory_mb": self.memory,
            "env_steps_per_second": self.samples / max(self.seconds, 1e-9),
            "best_return": self.best,
            "best_completed": self.best_completed,
            "non_finite": self.curves[-1].get("non_finite", 0.0),
            "seed": self.config.seed,
            "workers": self.group.size,
        }

    def save(self) -> None:
        """Writes checkpoint and curves; all processes take part."""
        own = [time.process_time(), self.cpu_own_loop, peak_memory_mb()]
        used, self.cpu_loop, self.memory = self.group.sum(torch.tensor(own, dtype=torch.float64)).tolist()
        self.cpu_total = self.cpu_before + used
        parts = self.group.gather({"collector": self.collector.state(), "shuffle": self.shuffle.get_state()})
        if parts is None:
            return
        save_checkpoint(
            self.job.folder / CHECKPOINT,
            self.task,
            {
                "policy": self.policy.state_dict(),
                "averaged": self.averaged.state_dict(),
                "ppo": self.ppo.state(),
                "distiller": self.distiller.state() if self.distiller else None,
                "parts": parts,
                "torch_rng": torch.get_rng_state(),
                "samples": self.samples,
                "seconds": self.seconds,
                "cpu_seconds": self.cpu_total,
                "best": self.best,
                "last": self.last,
                "best_completed": self.best_completed,
                "completed": self.completed,
                "judged": self.judged,
                "scores": self.scores,
                "curves": self.curves,
            },
        )
        self.write_curves()

    def restore(self) -> bool:
        """Continues from the folder's checkpoint if it is of this task."""
        found = load_checkpoint(self.job.folder / CHECKPOINT, self.task)
        if found is None:
            return False
        self.policy.load_state_dict(found["policy"])
        self.averaged.load_state_dict(found["averaged"])
        self.ppo.restore(found["ppo"])
        if self.distiller:
            self.distiller.restore(found["distiller"])
        # With another number of processes than before, simulations start afresh.
        if self.group.rank < len(found["parts"]):
            part = found["parts"][self.group.rank]
            if len(part["collector"]["earned"]) == self.collector.env.size:
                self.collector.restore(part["collector"])
                self.shuffle.set_state(part["shuffle"])
        torch.set_rng_state(found["torch_rng"])
        for name in ("samples", "seconds", "best", "best_completed", "last", "completed", "judged"):
            setattr(self, name, found[name])
        self.cpu_before = found["cpu_seconds"]
        self.scores, self.curves = found["scores"], found["curves"]
        return True

    def write_curves(self) -> None:
        """`curves.csv` for the report: one line an evaluation."""
        if not self.curves:
            return
        names = sorted({name for row in self.curves for name in row})
        path = self.job.folder / CURVES
        with replace_file(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=names)
            writer.writeheader()
            writer.writerows(self.curves)


def running_average(average: Tensor, weights: Tensor, updates: Tensor | int, window: float) -> Tensor:
    """An exponential average over about `window` updates (Polyak and Juditsky 1992), over fewer while there are few."""
    return average.lerp(weights, max(min(1.0 / window, 1.0), 9.0 / (10.0 + float(updates))))


def initial_states(config: TrainConfig, env: ImitationEnv) -> InitialStates:
    """The distribution of initial states that the config names."""
    kinds = {"fixed": FixedStart, "reference": ReferenceStart, "adaptive": AdaptiveStart, "failures": FailureStart}
    return kinds[config.initial_state](env.reference)


def train(
    job: Job, group: ProcessGroup, report: Callable[[dict[str, Any]], None], stop: Callable[[], bool]
) -> dict[str, Any]:
    """Trains until the budget is used, the goal is met or `stop` says so.

    Args:
      job: what to learn, alike in all processes.
      group: this process's place among them.
      report: is told the state of training about once a second (rank 0 only).
      stop: asked once an iteration; true in any process stops all of them.

    Returns:
      Figures of the run and `reason`, why it ended.
    """
    run, config = TrainingRun(job, group), job.config
    if not run.restore():
        run.warm_up()
    first = group.is_main
    writer = _tensorboard(job.folder) if first and config.tensorboard else None
    samples_before, seconds_before = run.samples, run.seconds
    started = last_report = last_save = time.monotonic()
    figures: dict[str, float] = {}
    while True:
        now = time.monotonic()
        run.seconds = seconds_before + now - started
        reason = _agreed_reason(run, stop)
        # Whoever presses Ctrl-C does not want to wait for an evaluation, unless there is no policy to keep yet.
        last = reason and ((run.judged < run.samples and reason != STOPPED) or not run.scores)
        if last or run.samples // config.evaluation_interval > run.judged // config.evaluation_interval:
            run.judge_now(figures)
            if writer is not None:
                for name, value in run.curves[-1].items():
                    writer.add_scalar(name, value, run.samples)
        if reason:
            break
        if first and figures and now - last_report > 0.5:
            last_report = now
            report(run.progress(figures, (run.samples - samples_before) / (now - started)))
        if bool(group.broadcast(torch.tensor(float(now - last_save > config.checkpoint_seconds))) > 0):
            run.save()
            last_save = time.monotonic()
        figures = run.iterate()
    run.save()
    if writer is not None:
        writer.close()
    return {"reason": reason, "resumed_from_samples": samples_before, **run.result()}


def _agreed_reason(run: TrainingRun, stop: Callable[[], bool]) -> str:
    """Why to end now, the same answer in every process; empty to go on. Rank 0's clock counts."""
    config = run.config
    reasons = ("", STOPPED, "the time is used", "the samples are used", "the goal is met")
    code = 0
    if config.early_stop and run.goal_met():
        code = 4
    elif run.seconds >= 60.0 * config.minutes:
        code = 2
    elif config.samples is not None and run.samples >= config.samples:
        code = 3
    decision = int(run.group.broadcast(torch.tensor(float(code))))
    return reasons[1] if run.group.any(stop()) else reasons[decision]


def _tensorboard(folder: Path) -> Any:
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder / "tensorboard"))
