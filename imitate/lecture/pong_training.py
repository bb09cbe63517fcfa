"""Training on Pong: hours instead of seconds, so with checkpoints; the lecture's learners are those of `experiment`."""

import hashlib
import json
import math
import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from imitate.lecture.a3c import A3CConfig, A3CState, train_a3c
from imitate.lecture.actor_critic import A2C, ActorCriticConfig
from imitate.lecture.collector import Collector
from imitate.lecture.pixels import PixelPolicy, make_recurrent_pixel_policy
from imitate.lecture.pong import Pong, make_pong
from imitate.lecture.recurrent import RecurrentPolicy, make_sequence_batch
from imitate.lecture.settings import PONG, Algorithm
from imitate.locomotion.interrupt import postpone_interrupt
from imitate.policy import bfloat16_is_fast, load_torch, save_torch
from imitate.training.checkpoint import load_checkpoint, save_checkpoint
from imitate.training.collect import Transitions, surrogate_batch
from imitate.training.ppo import PPO, PPOConfig
from pose.errors import InputError
from pose.foreign_files import refuse_damaged
from pose.progress import Progress, silent

PongAlgorithm = Literal["a3c", "a2c", "ppo"]
NetworkKind = Literal["ff", "lstm"]
PongPolicy = PixelPolicy | RecurrentPolicy

FORMAT_VERSION = 1
PPO_ENT_COEF = 0.01
"""Weight of the entropy in PPO's loss (Schulman et al. 2017, table 5); the others have it in their settings."""
RECENT = 100
"""Games that the running mean of scores is of."""
CHECKPOINT = "checkpoint.pt"


@dataclass(frozen=True)
class PongConfig:
    """What learns Pong, and for how long."""

    algorithm: PongAlgorithm
    network: NetworkKind
    samples: int
    """Actions to take; each is four frames."""
    seed: int = 0
    """Seed of weights, games and noise."""
    workers: int = 2
    """Processes of A3C; threads of the others."""
    checkpoint_seconds: float = 60.0
    """Time between checkpoints [s]."""

    def choose_settings(self) -> Algorithm:
        """The algorithm as it is set for Pong."""
        return PONG[self.network].adapt(self.algorithm)

    def digest(self) -> str:
        """Names what is learnt; a checkpoint of something else is not continued, one of other samples or workers is."""
        settings = asdict(self.choose_settings()) | {"network": self.network, "seed": self.seed}
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def make_policy(network: NetworkKind) -> PongPolicy:
    """Makes an untrained policy for Pong's six actions."""
    make = make_recurrent_pixel_policy if network == "lstm" else PixelPolicy
    return make(Pong.actions, bf16=bfloat16_is_fast())


def save_policy(policy: PongPolicy, path: Path) -> None:
    """Writes the weights; a crash leaves the old file or the new one."""
    network = "lstm" if isinstance(policy, RecurrentPolicy) else "ff"
    save_torch({"format": FORMAT_VERSION, "network": network, "weights": policy.state_dict()}, path)


def load_policy(path: Path) -> PongPolicy:
    """Reads what `save_policy` wrote.

    Raises:
      InputError: the file is absent, damaged or no policy for Pong.
    """
    content = load_torch(path, "policy for Pong")
    with refuse_damaged(path, "a policy for Pong", "learn again"):
        if content["format"] != FORMAT_VERSION:
            raise ValueError(f"format {content['format']}")
        policy = make_policy(content["network"])
        try:
            policy.load_state_dict(content["weights"])
        except RuntimeError as error:  # torch's word for names and shapes that do not fit
            raise ValueError("weights of another network") from error
    return policy


@dataclass
class Games:
    """The games that ended while learning, G of them; what stands beside a score was so when it was noted."""

    samples: list[int]
    """Actions taken."""
    seconds: list[float]
    """Wall clock of learning [s]."""
    cpu_seconds: list[float]
    """Processor time of learning, all processes [s]."""
    score: list[float]
    """Points of ours less the computer's."""

    def recent_mean(self) -> float:
        """Mean score of the last games; NaN before the first ends."""
        return float(np.mean(self.score[-RECENT:])) if self.score else math.nan

    def find_reached(self, score: float) -> int | None:
        """Index of the first game at which the mean of the last hundred is that high; None if it never is."""
        sums = np.cumsum([0.0, *self.score])
        means = (sums[RECENT:] - sums[:-RECENT]) / RECENT if len(self.score) >= RECENT else np.zeros(0)
        good = np.flatnonzero(means >= score)
        return int(good[0]) + RECENT - 1 if len(good) else None


class PongTraining:
    """One algorithm learns Pong; everything needed to go on lies in `folder` once a minute, and after Ctrl-C."""

    stop = False
    """Ctrl-C was pressed: end after this round."""

    def __init__(self, config: PongConfig, folder: Path, progress: Progress = silent):
        """Begins, or goes on from the checkpoint in the folder.

        Raises:
          InputError: the checkpoint there is damaged or of other settings.
        """
        torch.manual_seed(config.seed)
        self.config, self.folder, self.progress = config, folder, progress
        self.entry, self.policy = config.choose_settings(), make_policy(config.network)
        self.shuffle = torch.Generator().manual_seed(config.seed)
        self.samples, self.seconds, self.cpu_seconds = 0, 0.0, 0.0
        self.games = Games([], [], [], [])
        self.learner: PPO | A2C | None = self._make_learner()
        self.shared: A3CState | None = None
        self._restore()
        self._before = self.samples
        self._last_save, self._clocks = time.monotonic(), (time.monotonic(), time.process_time())

    @property
    def is_done(self) -> bool:
        """All samples were taken."""
        return self.samples >= self.config.samples

    def run(self) -> PongPolicy:
        """Learns until all samples were taken.

        Raises:
          KeyboardInterrupt: Ctrl-C; everything was saved.
        """
        if self.is_done:
            return self.policy
        rounds = self._run_rounds() if self.learner is not None else self._run_workers()
        with postpone_interrupt(self), closing(rounds):
            for scores in rounds:
                self._record(scores)
                if self.is_done or self.stop or time.monotonic() - self._last_save > self.config.checkpoint_seconds:
                    self.save()
                if self.is_done or self.stop:
                    break
        if self.stop:
            raise KeyboardInterrupt
        return self.policy

    def save(self) -> None:
        """Writes the checkpoint."""
        learner = None if self.learner is None else self.learner.state()
        content = {
            "policy": self.policy.state_dict(),
            "learner": learner if self.shared is None else vars(self.shared),
            "shuffle": self.shuffle.get_state(),
            "samples": self.samples,
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
            "games": vars(self.games),
        }
        save_checkpoint(self.folder / CHECKPOINT, self.config.digest(), content)
        self._last_save = time.monotonic()

    def _restore(self) -> None:
        path = self.folder / CHECKPOINT
        if not path.exists():
            return
        content = load_checkpoint(path, self.config.digest())
        if content is None:
            raise InputError(f"{path}: damaged, or of a run with other settings; give another --out, or delete it")
        self.policy.load_state_dict(content["policy"])
        if self.learner is not None:
            self.learner.restore(content["learner"])
        elif content["learner"] is not None:
            self.shared = A3CState(**content["learner"])
        self.shuffle.set_state(content["shuffle"])
        self.samples, self.seconds = content["samples"], content["seconds"]
        self.cpu_seconds, self.games = content["cpu_seconds"], Games(**content["games"])

    def _make_learner(self) -> PPO | A2C | None:
        """PPO or A2C; A3C's learners live in its workers."""
        policy: Any = self.policy
        if isinstance(self.entry.config, PPOConfig):
            return PPO(policy, self.entry.config, ent_coef=PPO_ENT_COEF)
        if isinstance(self.entry.config, ActorCriticConfig):
            return A2C(policy, self.entry.config, samples=self.config.samples)
        return None

    def _update(self, batch: Transitions) -> None:
        policy: Any = self.policy
        if isinstance(self.learner, A2C):
            self.learner.update(batch)
            return
        assert isinstance(self.learner, PPO)
        make_batch: Callable[..., Any] = make_sequence_batch if isinstance(policy, RecurrentPolicy) else surrogate_batch
        config = self.learner.config
        assert config.gamma is not None and config.gae_lambda is not None
        self.learner.update(make_batch(policy, batch, config.gamma, config.gae_lambda), self.shuffle)

    def _run_rounds(self) -> Generator[list[float], None, None]:
        """Collects, updates, and again, in one process; yields scores of the games that ended."""
        torch.set_num_threads(self.config.workers)
        # Games begin anew when a run goes on, with other numbers than before.
        problem = Pong(self.entry.num_envs, min(self.config.workers, self.entry.num_envs))
        collector = Collector(problem, self.config.seed + self.samples, clip_rewards=True)
        begin, steps = self.samples, self.entry.num_steps or 1
        while True:
            self._update(collector.collect(self.policy, steps))
            self.samples = begin + collector.samples
            self._read_clocks()
            yield collector.finished
            collector.finished = []

    def _run_workers(self) -> Generator[list[float], None, None]:
        """Lets A3C's workers update the policy at their own pace; yields scores of the games that ended."""
        assert isinstance(self.entry.config, A3CConfig)
        config = replace(
            self.entry.config,
            num_envs=self.entry.num_envs,
            num_steps=self.entry.num_steps or 1,
            num_workers=self.config.workers,
        )
        seed = self.config.seed + self.samples
        reports = train_a3c(make_pong, self.policy, config, self.config.samples, seed, 1.0, self.shared)
        worked = 0.0 if self.shared is None else float(self.shared.cpu_seconds.sum())
        with closing(reports):
            for report in reports:
                self.samples, self.shared = report.samples, report.state
                self._read_clocks()
                total = float(report.state.cpu_seconds.sum())
                self.cpu_seconds, worked = self.cpu_seconds + total - worked, total
                yield report.finished

    def _read_clocks(self) -> None:
        now = time.monotonic(), time.process_time()
        self.seconds += now[0] - self._clocks[0]
        self.cpu_seconds += now[1] - self._clocks[1]
        self._clocks = now

    def _record(self, scores: list[float]) -> None:
        games = self.games
        for score in scores:
            games.samples.append(self.samples)
            games.seconds.append(self.seconds)
            games.cpu_seconds.append(self.cpu_seconds)
            games.score.append(score)
        note = f"{self.samples:,} samples"
        if games.score:
            note += f", score {games.recent_mean():.1f} (mean of the last {min(len(games.score), RECENT)} games)"
        # Of what this process has to do: the time left follows from its own pace.
        total = self.config.samples - self._before
        self.progress(min(self.samples - self._before, total), total, note)
