"""One policy for all clips: cloned from the controllers along them, then corrected where it leads itself (DAgger).

Linear-feedback policy cloning (Merel et al. 2018, "Neural probabilistic motor primitives") samples states around a
performance and labels them u + K (x - xbar). Here they are simulated, with noise on the controller's actions, so that
bodies stay on the ground. By and by the policy acts in more of the environments and the controllers only label the
states that it meets (Ross et al. 2011). The normaliser of the observations is fixed after the first states: one that
moves spoils what has been cloned.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from imitate.env.config import EnvConfig
from imitate.env.task import Task
from imitate.policy import Normaliser, Policy, bfloat16_is_fast, load_torch, save_torch
from imitate.tracker.env import TrackerEnv
from imitate.tracker.expert import ClipExpert
from imitate.tracker.mirror import is_symmetric, mirror_clip
from imitate.tracker.prepare import Prepared
from imitate.training.ppo import NonFiniteError
from imitate.training.train import TrainingError
from imitate.training.work_clock import work_seconds
from pose.errors import InputError
from pose.files import CHECKPOINT
from pose.foreign_files import refuse_damaged
from pose.progress import Progress, silent
from pose.ranges import check_seed
from reconstruct.characters.character import Character

CLONE_VERSION = 2
TRACKER = "tracker.pt"
"""The file of the policy, in the folder of the clips."""
NOISE = 0.4
"""Standard deviation of the noise on the controller's actions in a quarter of the environments; 1 is .25 rad."""
# The others have a quarter of it: states near the performance and further from it.
PUSHED = 0.04
"""Share of the environments that are pushed in a control step."""
FEWEST = 20_000
"""States that are in the buffer before anything is fitted to it, if it is that large."""


@dataclass(frozen=True)
class CloneConfig:
    """How the policy is cloned."""

    minutes: float = 60.0
    """Time of training in all; a larger number later goes on [min]."""
    hidden: tuple[int, ...] = (512, 512)
    """Widths of the hidden layers."""
    envs: int = 128
    """Environments that are simulated together."""
    steps: int = 32
    """Control steps between rounds of learning."""
    buffer: int = 400_000
    """States that are kept."""
    batches: int = 160
    """Steps of the optimiser in a round."""
    batch_size: int = 256
    """States in a step of the optimiser."""
    # Steps count for more than states. November 2026, ten clips after 40 s of a core: with 24 steps of 1024 states in a
    # round and half the rate a loss of .048, with 72 of 256 .033; after 91 s 8 of the 10 are followed. 85 clips and
    # their images after 3.3 minutes: .067 with 72 steps, and three minutes later with 160 .053.
    learning_rate: float = 1e-3
    """Step size of Adam at the beginning; it falls to a twentieth along half a cosine."""
    expert_share: float = 0.2
    """Share of the environments that the controllers act in at the end; it falls from 1 in a quarter of the time."""
    push_speed: float = 0.25
    """Standard deviation of sudden changes of the root's speed while states are collected [m/s]; of its rotation's
    twice as much [rad/s]."""
    # Noise on actions alone hardly tips a body over, and that is how clips are lost.
    mirror: bool = True
    """Learn from the mirror images of the clips as well; a body whose sides differ has none."""
    checkpoint_seconds: float = 60.0
    """Time between checkpoints [s]."""
    seed: int = 0

    def check(self) -> "CloneConfig":
        """Itself; raises `InputError` for numbers that make no sense."""
        check_seed(self.seed)
        if not 0.01 <= self.minutes <= 1e5:
            raise InputError(f"--minutes {self.minutes:g} is out of range; give .01 to 100000")
        if min(self.envs, self.steps, self.batches, self.batch_size, *self.hidden) < 1 or self.buffer < self.batch_size:
            raise InputError("--envs, --steps, --batches, --batch-size, --hidden and --buffer: give positive numbers")
        if not 0.0 < self.learning_rate <= 1.0:
            raise InputError(f"--learning-rate {self.learning_rate:g} is out of range; give more than 0, at most 1")
        if not 0.0 <= self.expert_share <= 1.0:
            raise InputError(f"--expert-share {self.expert_share:g} is out of range; give 0 to 1")
        if not 0.0 <= self.push_speed <= 5.0:
            raise InputError(f"--push-speed {self.push_speed:g} is out of range; give 0 to 5")
        if not self.checkpoint_seconds >= 0.0:
            raise InputError(f"--checkpoint-seconds {self.checkpoint_seconds:g} is out of range; give 0 or more")
        return self


@dataclass
class Buffer:
    """States and labels, the oldest replaced first; half precision, for observations are no finer."""

    observation: Tensor
    """Raw, (M, O)."""
    label: Tensor
    """(M, A)."""
    weight: Tensor
    """(M,)."""
    filled: int = 0
    """States ever added."""

    @classmethod
    def of(cls, size: int, observation: int, action: int) -> "Buffer":
        """An empty one."""
        half = torch.float16
        return cls(torch.zeros(size, observation, dtype=half), torch.zeros(size, action, dtype=half), torch.zeros(size))

    def __len__(self) -> int:
        return min(self.filled, len(self.weight))

    def add(self, observation: np.ndarray, label: np.ndarray, weight: np.ndarray) -> None:
        """Adds N states."""
        rows = torch.from_numpy((self.filled + np.arange(len(weight))) % len(self.weight))
        self.observation[rows] = torch.from_numpy(observation).half()
        self.label[rows] = torch.from_numpy(label).half()
        self.weight[rows] = torch.from_numpy(weight)
        self.filled += len(weight)


@dataclass
class Cloning:
    """A policy that is being cloned."""

    character: Character
    clips: Sequence[Prepared]
    config: CloneConfig
    seconds: float = 0.0
    """Time of training so far [s]."""
    cpu_seconds: float = 0.0
    """Processor time of it [s], which says more where others use the machine as well."""
    samples: int = 0
    """States simulated so far."""
    losses: list[float] = field(default_factory=list)
    """Mean loss of each round."""

    def __post_init__(self) -> None:
        torch.manual_seed(self.config.seed)
        self.rng = np.random.default_rng(self.config.seed)
        clips = list(self.clips)
        if self.config.mirror and is_symmetric(self.character):
            clips += [mirror_clip(clip, self.character) for clip in self.clips]
        tasks = [Task(self.character, clip.motion) for clip in clips]
        self.env = TrackerEnv.of_tasks(tasks, EnvConfig(), self.config.envs)
        self.expert = ClipExpert(clips, self.env)
        self.policy = Policy(self.env.policy_layout(self.config.hidden))
        self.policy.actor.bf16 = bfloat16_is_fast()
        self.optimiser = torch.optim.Adam(self.policy.actor.parameters(), lr=self.config.learning_rate, fused=True)
        self.buffer = Buffer.of(self.config.buffer, self.env.observation_layout.size, self.env.action_size)
        self._starts = np.flatnonzero(self.expert.covered)
        self.start(np.arange(self.env.num_envs))

    def start(self, ids: np.ndarray) -> None:
        """Begins episodes at random frames, on the performances."""
        frames = self.rng.choice(self._starts, len(ids))
        expert = self.expert
        self.env.start(frames, ids, self.rng, expert.pose_offset[frames], expert.velocity_offset[frames])

    @property
    def expert_share(self) -> float:
        """Share of the environments that the controllers act in now."""
        passed = self.seconds / (60.0 * self.config.minutes)
        return max(self.config.expert_share, 1.0 - passed / 0.25 * (1.0 - self.config.expert_share))

    def collect(self) -> None:
        """Simulates one round; the controllers label every state."""
        env, count = self.env, self.env.num_envs
        by_expert = np.arange(count) < self.expert_share * count
        noise = NOISE * np.where(np.arange(count) % 4 == 0, 1.0, 0.25)[:, None]
        for _ in range(self.config.steps):
            self._push()
            observation = env.observe()
            label, weight = self.expert.label(env)
            self.buffer.add(observation, label, weight)
            action = np.where(by_expert[:, None], label, self.policy.act(observation))
            result = env.step(action + noise * self.rng.standard_normal(action.shape))
            # Beyond the reach of the controllers nothing can be learnt from them.
            ended = np.flatnonzero(result.done | (weight < 0.05))
            if len(ended):
                self.start(ended)
        self.samples += count * self.config.steps

    def _push(self) -> None:
        """Changes the velocity of some of the bodies, so that the policy learns what keeps them up."""
        env = self.env
        hit = np.flatnonzero(self.rng.random(env.num_envs) < PUSHED)
        speed = self.config.push_speed * self.rng.standard_normal((len(hit), 5))
        env.qvel[hit, :2] += speed[:, :2]
        env.qvel[hit, 3:6] += 2.0 * speed[:, 2:]

    def fit(self) -> None:
        """Fits the policy to states of the buffer.

        Raises:
          NonFiniteError: numbers exploded; the parameters are those before the step that did.
        """
        policy, config = self.policy, self.config
        passed = min(1.0, self.seconds / (60.0 * config.minutes))
        for group in self.optimiser.param_groups:
            group["lr"] = config.learning_rate * (0.05 + 0.95 * 0.5 * (1.0 + math.cos(math.pi * passed)))
        total = 0.0
        for _ in range(config.batches):
            rows = torch.from_numpy(self.rng.integers(0, len(self.buffer), config.batch_size))
            observation = policy.observations(self.buffer.observation[rows].float())
            error = (policy.actor(observation) - self.buffer.label[rows].float()).square().mean(-1)
            loss = (self.buffer.weight[rows] * error).mean()
            self.optimiser.zero_grad()
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(policy.actor.parameters(), 1.0)
            if not (torch.isfinite(loss) and torch.isfinite(norm)):
                raise NonFiniteError("loss or gradient is not finite")
            self.optimiser.step()
            total += float(loss.detach())
        self.losses.append(total / config.batches)

    def learn(self) -> None:
        """One round: simulates, fits, and counts the time.

        First of all, also after a break, the buffer is filled so far that no fit draws on one round alone. The
        normaliser of the observations is fixed, for good, by what is there before the first fit.
        """
        began, began_cpu = work_seconds(), time.process_time()
        while len(self.buffer) < min(len(self.buffer.weight), FEWEST):
            self.collect()
        if self.policy.observations.count == 0:
            raw = self.buffer.observation[: len(self.buffer)].float()
            self.policy.observations.update(Normaliser.moments(raw))
        self.collect()
        self.fit()
        self.seconds += work_seconds() - began
        self.cpu_seconds += time.process_time() - began_cpu

    def describe(self) -> str:
        """How far it is, in a few words."""
        return f"loss {self.losses[-1]:.4f}, {self.samples / 1e6:.2f} M states"

    @property
    def body(self) -> list[str | float]:
        """Name and height of the body, as a checkpoint has them."""
        return [self.character.name, round(self.character.height, 3)]

    def save(self, path: Path) -> None:
        """Writes a checkpoint; episodes begin anew and the buffer is filled again after it."""
        content = {"format": CLONE_VERSION, "clips": [clip.name for clip in self.clips], "seconds": self.seconds}
        content |= {"body": self.body, "cpu_seconds": self.cpu_seconds}
        content |= {"samples": self.samples, "losses": self.losses, "hidden": list(self.config.hidden)}
        content |= {"policy": self.policy.state_dict(), "optimiser": self.optimiser.state_dict()}
        content |= {"rng": self.rng.bit_generator.state}
        save_torch(content, path)

    def restore(self, path: Path) -> None:
        """Goes on from a checkpoint; clips may have been added.

        Raises:
          InputError: it is damaged, or of another network or body.
        """
        content = load_torch(path, "checkpoint of a tracker")
        with refuse_damaged(path, "a checkpoint of a tracker", "delete it to start anew"):
            if content["format"] != CLONE_VERSION or tuple(content["hidden"]) != self.config.hidden:
                raise InputError(f"{path}: of another network or version; give --hidden as it was, or delete it")
            if content["body"] != self.body:
                raise InputError(f"{path}: of the body {content['body']}, the clips are of {self.body}; delete it")
            seconds, samples, losses = float(content["seconds"]), int(content["samples"]), list(content["losses"])
            try:
                self.policy.load_state_dict(content["policy"])
                self.optimiser.load_state_dict(content["optimiser"])
            except RuntimeError as error:  # names or shapes of weights
                raise ValueError("weights of another network") from error
            self.seconds, self.samples, self.losses = seconds, samples, losses
            self.cpu_seconds = float(content["cpu_seconds"])
            if "rng" in content:  # older ones have none
                self.rng.bit_generator.state = content["rng"]
                self.start(np.arange(self.env.num_envs))


def clone_policy(
    character: Character, clips: Sequence[Prepared], folder: Path, config: CloneConfig, progress: Progress = silent
) -> Policy:
    """Trains a tracker on clips until its time is up; the same call goes on from the last checkpoint.

    Args:
      character: the body.
      clips: with the controllers along them.
      folder: for `checkpoint.pt` and, at the end, `tracker.pt`.
      config: how.
      progress: is called with the seconds done.

    Raises:
      TrainingError: numbers exploded; the weights before are kept.
    """
    cloning, path = Cloning(character, clips, config), folder / CHECKPOINT
    if path.is_file():
        cloning.restore(path)
    train_for(cloning, config.minutes, config.checkpoint_seconds, path, progress)
    cloning.policy.save_actor(folder / TRACKER)
    return cloning.policy


class Training(Protocol):
    """A tracker that is being trained, in whichever way."""

    seconds: float
    losses: list[float]

    def learn(self) -> None:
        """One round, which counts its time; raises `NonFiniteError` before numbers explode."""

    def describe(self) -> str:
        """How far it is, in a few words."""
        ...

    def save(self, path: Path) -> None:
        """Writes a checkpoint."""


def train_for(
    training: Training, minutes: float, checkpoint_seconds: float, path: Path, progress: Progress = silent
) -> None:
    """Trains until the time is up, and keeps checkpoints; what has been learnt before an error or Ctrl-C is kept, too.

    Args:
      training: is trained.
      minutes: time in all, with what has passed before [min].
      checkpoint_seconds: between two checkpoints [s].
      path: of the checkpoint.
      progress: is called with the seconds done.

    Raises:
      TrainingError: numbers exploded; the weights before are kept.
    """
    saved, end = work_seconds(), 60.0 * minutes
    try:
        while training.seconds < end:
            training.learn()
            progress(training.seconds, end, training.describe())
            if work_seconds() - saved > checkpoint_seconds:
                training.save(path)
                saved = work_seconds()
    except NonFiniteError as error:
        raise TrainingError(f"training stopped: {error}; the last weights are kept in {path.parent}") from error
    finally:
        if training.seconds > 0.0:
            training.save(path)
