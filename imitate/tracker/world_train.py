"""A tracker that learns through a learned model of the physics, the third way beside cloning and PPO.

After SuperTrack (Fussell, Bergamin and Holden 2021): the present policy, with noise, is simulated; the model is fitted
to windows of what happened; the policy is fitted by following the reference in the model for 32 control steps from
states that happened, with gradients through all of them. The simulator gives data alone, and no controller is asked
what to do; episodes begin on its performances, as in cloning. Network, observation and file are those of cloning.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from imitate.env.config import EnvConfig
from imitate.env.task import Task
from imitate.policy import Normaliser, Policy, bfloat16_is_fast, load_torch, save_torch
from imitate.tracker.env import TrackerEnv
from imitate.tracker.expert import ClipExpert
from imitate.tracker.imagine import compute_model_loss, compute_policy_loss, roll_actions
from imitate.tracker.mirror import is_symmetric, mirror_clip
from imitate.tracker.prepare import Prepared
from imitate.tracker.torch_body import TorchBody
from imitate.tracker.torch_reference import TorchReference
from imitate.tracker.train import NOISE, TRACKER, train_for
from imitate.tracker.window_buffer import WindowBuffer
from imitate.tracker.world_model import WorldModel
from imitate.training.ppo import NonFiniteError
from imitate.training.work_clock import work_seconds
from pose.errors import InputError
from pose.files import CHECKPOINT
from pose.foreign_files import refuse_damaged
from pose.progress import Progress, silent
from pose.ranges import check_seed
from reconstruct.characters.character import Character

WORLD_VERSION = "world model 1"
MODEL_WIDTHS = (384, 384)
"""Hidden layers of the model: .28 million parameters for the humanoid."""


@dataclass(frozen=True)
class WorldConfig:
    """How model and policy learn."""

    minutes: float = 60.0
    """Time of training in all; a larger number later goes on [min]."""
    hidden: tuple[int, ...] = (512, 512)
    """Widths of the policy's hidden layers."""
    envs: int = 64
    """Environments that are simulated together."""
    steps: int = 32
    """Control steps between rounds of learning."""
    buffer: int = 65_536
    """States that are kept."""
    window: int = 8
    """Control steps that the model is fitted along."""
    rollout: int = 32
    """Control steps that the policy is fitted along."""
    model_batches: int = 16
    """Steps of the model's optimiser in a round."""
    policy_batches: int = 8
    """Steps of the policy's optimiser in a round."""
    model_first: int = 40
    """Rounds in which only the model learns: through one that knows nothing a policy learns nothing."""
    batch_size: int = 128
    """Windows, or rollouts, in a step of an optimiser."""
    model_learning_rate: float = 1e-3
    """Step size of the model's Adam at the beginning; it falls to a twentieth along half a cosine."""
    learning_rate: float = 3e-4
    """The same of the policy's."""
    mirror: bool = True
    """Learn from the mirror images of the clips as well; a body whose sides differ has none."""
    checkpoint_seconds: float = 60.0
    """Time between checkpoints [s]."""
    seed: int = 0

    def check(self) -> "WorldConfig":
        """Itself; raises `InputError` for numbers that make no sense."""
        check_seed(self.seed)
        if not 0.01 <= self.minutes <= 1e5:
            raise InputError(f"--minutes {self.minutes:g} is out of range; give .01 to 100000")
        counts = self.envs, self.steps, self.window, self.rollout, self.model_batches, self.batch_size, *self.hidden
        if min(counts) < 1 or min(self.policy_batches, self.model_first) < 0:
            raise InputError("--envs, --steps, --window, --rollout, --...-batches, --batch-size: give positive numbers")
        if self.ticks <= self.window:
            raise InputError(f"--buffer {self.buffer}: give more than --envs times --window, {self.envs * self.window}")
        for name in ("learning_rate", "model_learning_rate"):
            if not 0.0 < getattr(self, name) <= 1.0:
                raise InputError(f"--{name.replace('_', '-')} is out of range; give more than 0, at most 1")
        if not self.checkpoint_seconds >= 0.0:
            raise InputError(f"--checkpoint-seconds {self.checkpoint_seconds:g} is out of range; give 0 or more")
        return self

    @property
    def ticks(self) -> int:
        """Control steps of all environments that the buffer holds."""
        return self.buffer // self.envs


@dataclass
class WorldTraining:
    """A policy and a model of the physics that are being learnt."""

    character: Character
    clips: Sequence[Prepared]
    config: WorldConfig
    seconds: float = 0.0
    """Time of training so far [s]."""
    cpu_seconds: float = 0.0
    """Processor time of it [s]."""
    samples: int = 0
    """States simulated so far."""
    model_losses: list[float] = field(default_factory=list)
    """The model's mean loss in each round."""
    losses: list[float] = field(default_factory=list)
    """The policy's."""
    begin: Policy | None = None
    """A tracker that goes on learning; None for a policy that knows nothing."""

    def __post_init__(self) -> None:
        config = self.config
        torch.manual_seed(config.seed)
        self.rng = np.random.default_rng(config.seed)
        clips = list(self.clips)
        if config.mirror and is_symmetric(self.character):
            clips += [mirror_clip(clip, self.character) for clip in self.clips]
        tasks = [Task(self.character, clip.motion) for clip in clips]
        self.env = env = TrackerEnv.of_tasks(tasks, EnvConfig(), config.envs)
        self._expert = ClipExpert(clips, env)  # of which only the performances are used, to begin episodes on
        self._starts = np.flatnonzero(self._expert.covered)
        body = TorchBody(env.body)
        self.reference, self.model = TorchReference(env, body), WorldModel(body, env.body, MODEL_WIDTHS)
        self.policy = Policy(env.policy_layout(config.hidden))
        if self.begin is not None:
            self.begin.layout.check(self.policy.layout)
            if self.begin.layout.hidden != config.hidden:
                raise InputError(f"--begin: its layers are {self.begin.layout.hidden} wide; give them as --hidden")
            self.policy.load_state_dict(self.begin.state_dict())
        self.policy.actor.bf16 = bfloat16_is_fast()
        model, actor = self.model.parameters(), self.policy.actor.parameters()
        self._model_optimiser = torch.optim.Adam(model, lr=config.model_learning_rate, fused=True)
        self._policy_optimiser = torch.optim.Adam(actor, lr=config.learning_rate, fused=True)
        self.buffer = WindowBuffer(config.ticks, config.envs, (env.body.nq, env.body.nv, env.action_size))
        self._fresh = np.ones(config.envs, dtype=bool)
        self.start(np.arange(config.envs))

    def start(self, ids: np.ndarray) -> None:
        """Begins episodes at random frames, on the performances."""
        frames, expert = self.rng.choice(self._starts, len(ids)), self._expert
        self.env.start(frames, ids, self.rng, expert.pose_offset[frames], expert.velocity_offset[frames])
        self._fresh[ids] = True

    def collect(self) -> None:
        """Simulates one round with the present policy and noise, a quarter of the environments with more of it."""
        env, count = self.env, self.env.num_envs
        noise = NOISE * np.where(np.arange(count) % 4 == 0, 1.0, 0.25)[:, None]
        for _ in range(self.config.steps):
            action = self.policy.act(env.observe())
            action = action + noise * self.rng.standard_normal(action.shape)
            self.buffer.add(env, action, self._fresh)
            self._fresh[:] = False
            ended = np.flatnonzero(env.step(action).done)
            if len(ended):
                self.start(ended)
        self.samples += count * self.config.steps

    def fix_scales(self) -> None:
        """Fixes the normalisers of model and policy, for good, by what is in the buffer; a tracker keeps its own."""
        window = self.buffer.take(*self.buffer.find_starts(1), 1)
        before, frame = (window.qpos[0], window.qvel[0]), window.frame[0]
        drive = self.reference.drive(before[0], frame, window.action[0])
        self.model.fix_scales(before, drive, (window.qpos[1], window.qvel[1]))
        if self.begin is not None:
            return
        seen = self.reference.observe(*before, self.model.body.place(*before), frame)
        self.policy.observations.update(Normaliser.moments(seen))

    def fit_model(self) -> None:
        """Fits the model to windows of the buffer.

        Raises:
          NonFiniteError: numbers exploded; the parameters are those before.
          InputError: no episode is as long as a window.
        """
        rows, envs = self.buffer.find_starts(self.config.window)
        if len(rows) == 0:
            raise InputError(f"every episode ended within {self.config.window} control steps; give a smaller --window")
        total, rate = 0.0, self.config.model_learning_rate
        for _ in range(self.config.model_batches):
            these = torch.from_numpy(self.rng.integers(0, len(rows), self.config.batch_size))
            window = self.buffer.take(rows[these], envs[these], self.config.window)
            total += self._descend(self._model_optimiser, rate, compute_model_loss(self.model, self.reference, window))
        self.model_losses.append(total / self.config.model_batches)

    def fit_policy(self) -> None:
        """Fits the policy through the model; raises `NonFiniteError` before numbers explode."""
        total, size = 0.0, (2, self.config.batch_size)
        self.model.requires_grad_(False)
        for _ in range(self.config.policy_batches):
            tick, env = self.rng.integers(0, [[len(self.buffer)], [self.config.envs]], size)
            start = self.buffer.qpos[tick, env], self.buffer.qvel[tick, env], self.buffer.frame[tick, env]
            loss = compute_policy_loss(self.policy, self.model, self.reference, start, self.config.rollout)
            total += self._descend(self._policy_optimiser, self.config.learning_rate, loss)
        self.model.requires_grad_(True)
        self.losses.append(total / max(1, self.config.policy_batches))

    def _descend(self, optimiser: torch.optim.Adam, rate: float, loss: Tensor) -> float:
        """One step of an optimiser whose rate at the beginning is given; the loss.

        Raises:
          NonFiniteError: numbers exploded; the parameters are those before.
        """
        (group,), passed = optimiser.param_groups, min(1.0, self.seconds / (60.0 * self.config.minutes))
        group["lr"] = rate * (0.05 + 0.95 * 0.5 * (1.0 + math.cos(math.pi * passed)))
        optimiser.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(group["params"], 1.0)
        if not (torch.isfinite(loss) and torch.isfinite(norm)):
            raise NonFiniteError("loss or gradient is not finite")
        optimiser.step()
        return float(loss.detach())

    def learn(self) -> None:
        """One round: simulates, fits, and counts the time; first of all a quarter of the buffer is filled."""
        began, began_cpu = work_seconds(), time.process_time()
        while len(self.buffer) < max(self.config.window + 1, self.config.ticks // 4):
            self.collect()
        if self.model.inputs.count == 0:
            self.fix_scales()
        self.collect()
        self.fit_model()
        if len(self.model_losses) > self.config.model_first:
            self.fit_policy()
        self.seconds += work_seconds() - began
        self.cpu_seconds += time.process_time() - began_cpu

    def describe(self) -> str:
        """How far it is, in a few words."""
        policy = f", policy {self.losses[-1]:.3f}" if self.losses else ""
        return f"loss of the model {self.model_losses[-1]:.3f}{policy}, {self.samples / 1e6:.2f} M states"

    @torch.no_grad()
    def measure_model(self, steps: int = 32, count: int = 256) -> np.ndarray:
        """How far the model's bodies are from the simulated ones after 1 to `steps` control steps [m], (steps,).

        Mean over bodies of rollouts that are drawn from the buffer.
        """
        rows, envs = self.buffer.find_starts(steps)
        these = torch.from_numpy(np.random.default_rng(0).integers(0, len(rows), count))
        window, place = self.buffer.take(rows[these], envs[these], steps), self.model.body.place
        states = roll_actions(self.model, self.reference, window)
        wanted = zip(window.qpos[1:], window.qvel[1:], strict=True)
        apart = [place(*found).xpos - place(*each).xpos for found, each in zip(states, wanted, strict=True)]
        return torch.stack(apart).norm(dim=-1).mean(dim=(1, 2)).numpy()

    @property
    def body(self) -> list[str | float]:
        """Name and height of the body, as a checkpoint has them."""
        return [self.character.name, round(self.character.height, 3)]

    def save(self, path: Path) -> None:
        """Writes a checkpoint, with the buffer and the environments, so that it goes on as if nothing had been."""
        content = {"format": WORLD_VERSION, "clips": [clip.name for clip in self.clips], "body": self.body}
        content |= {
            "frames": len(self.env.reference),
            "hidden": list(self.config.hidden),
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
        }
        content |= {"samples": self.samples, "losses": self.losses, "model_losses": self.model_losses}
        content |= {"policy": self.policy.state_dict(), "model": self.model.state_dict()}
        content |= {"model_optimiser": self._model_optimiser.state_dict()}
        content |= {"policy_optimiser": self._policy_optimiser.state_dict()}
        content |= {"rng": self.rng.bit_generator.state, "buffer": self.buffer.state()}
        env = {name: torch.from_numpy(np.asarray(value)) for name, value in self._env_state().items()}
        save_torch(content | {"env": env, "fresh": torch.from_numpy(self._fresh)}, path)

    def restore(self, path: Path) -> None:
        """Goes on from a checkpoint; if clips were added, or options changed, with new episodes and an empty buffer.

        Raises:
          InputError: it is damaged, or of another way of training, network or body.
        """
        content = load_torch(path, "checkpoint of a tracker")
        with refuse_damaged(path, "a checkpoint of a tracker", "delete it to start anew"):
            if content["format"] != WORLD_VERSION or tuple(content["hidden"]) != self.config.hidden:
                raise InputError(
                    f"{path}: not of this way of training, of another network or version; give --hidden as it was, "
                    "delete it, or train in a copy of the folder"
                )
            if content["body"] != self.body:
                raise InputError(f"{path}: of the body {content['body']}, the clips are of {self.body}; delete it")
            samples, losses, before = int(content["samples"]), list(content["losses"]), list(content["model_losses"])
            seconds, cpu_seconds = float(content["seconds"]), float(content["cpu_seconds"])
            try:
                self.policy.load_state_dict(content["policy"])
                self.model.load_state_dict(content["model"])
                self._model_optimiser.load_state_dict(content["model_optimiser"])
                self._policy_optimiser.load_state_dict(content["policy_optimiser"])
            except RuntimeError as error:  # names or shapes of weights
                raise ValueError("weights of another network") from error
            self.seconds, self.cpu_seconds, self.samples = seconds, cpu_seconds, samples
            self.losses, self.model_losses = losses, before
            self._restore_states(content)

    def _restore_states(self, content: dict[str, Any]) -> None:
        """Random numbers, buffer and environments; the latter only if they are of the same clips and sizes."""
        self.rng.bit_generator.state = content["rng"]
        names, buffer = [clip.name for clip in self.clips], content["buffer"]
        if content["clips"] != names or content["frames"] != len(self.env.reference) or not self.buffer.fits(buffer):
            self.start(np.arange(self.env.num_envs))
            return
        self.buffer.restore(buffer)
        self._fresh[:] = content["fresh"].numpy()
        self.env.restore(self.env.state() | {name: value.numpy() for name, value in content["env"].items()})

    def _env_state(self) -> dict[str, Any]:
        """The environments' state, without what trackers' environments have not: delays and varied dynamics."""
        return {name: value for name, value in self.env.state().items() if name not in ("real_world", "dynamics")}


def train_through_model(
    character: Character,
    clips: Sequence[Prepared],
    folder: Path,
    config: WorldConfig,
    progress: Progress = silent,
    begin: Policy | None = None,
) -> Policy:
    """Trains a tracker through a model of the physics until its time is up; the same call goes on from a checkpoint.

    Args:
      character: the body.
      clips: with performances, on which episodes begin.
      folder: for `checkpoint.pt` and, at the end, `tracker.pt`.
      config: how.
      progress: is called with the seconds done.
      begin: a tracker that goes on learning; None for a policy that knows nothing. A checkpoint has its own.

    Raises:
      InputError: the tracker to begin with is of another body, or its layers have other widths.
      TrainingError: numbers exploded; the weights before are kept.
    """
    training, path = WorldTraining(character, clips, config, begin=begin), folder / CHECKPOINT
    if path.is_file():
        training.restore(path)
    train_for(training, config.minutes, config.checkpoint_seconds, path, progress)
    training.policy.save_actor(folder / TRACKER)
    return training.policy
