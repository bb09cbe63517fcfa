"""Learning the walk: imitation of a trot, PPO of base policy and encoder (phase 1), the adaptation module (phase 2).

Everything runs in one process. A training is continued from its checkpoint; with the same options it leaves the same
policy whether it was interrupted or not, but for the samples that imitation and phase 2 had in memory.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from torch.optim.swa_utils import AveragedModel

from imitate.adapt.networks import AdaptationModule, AdaptivePolicy, AdaptiveSkill
from imitate.adapt.regression import Regression, RegressionConfig
from imitate.adapt.runner import AdaptiveRunner
from imitate.locomotion.collector import WalkCollector, WalkSums
from imitate.locomotion.env import WalkConfig, WalkEnv
from imitate.locomotion.imitation import Imitation, ImitationConfig
from imitate.locomotion.interrupt import postpone_interrupt
from imitate.locomotion.terrain import make_fractal
from imitate.training.checkpoint import load_checkpoint, save_checkpoint
from imitate.training.loop import update_average
from imitate.training.ppo import PPO, NonFiniteError, PPOConfig
from imitate.training.train import TrainingError
from imitate.training.work_clock import work_seconds
from pose.files import replace_file
from pose.progress import Progress, silent

CHECKPOINT = "checkpoint.pt"
SKILL = "skill.pt"
"""Policy, encoder and adaptation module."""
SYSID = "sysid.pt"
"""Policy, encoder, and an adaptation module that estimates e instead of z."""
CURVES = "curves.json"
ADAPTATION_STEPS = 32
"""Control steps of each robot between fits of the adaptation module."""
TERRAIN_SEED = 100
"""Of the ground that is trained on; evaluations use others."""


@dataclass(frozen=True)
class WalkTrainConfig:
    """Learning to walk in changing physics."""

    seed: int = 0
    """Seed of weights, episodes and noise."""
    extrinsics: bool = True
    """The policy is given z; without, it is the baseline Robust."""
    extrinsics_error: float = 0.1
    """Standard deviation of an error of the extrinsics that a policy is given, as a share of their ranges."""
    # One that is given the truth relies on it, and beyond the ranges of training, where it is given the end of a range,
    # falls more often than one that is given nothing.
    samples: int = 1_200_000
    """Control steps of PPO."""
    value_samples: int = 400_000
    """Control steps that only the value function learns from, before PPO."""
    num_envs: int = 256
    """Robots that walk side by side."""
    num_steps: int = 128
    """Control steps of each between updates of PPO."""
    # A fall is rare: with 32 there is one in every third batch, and PPO learns to walk fast rather than safely.
    initial_std: float = 0.1
    """Initial standard deviation of actions when PPO begins."""
    imitation: ImitationConfig = field(default_factory=ImitationConfig)
    ppo: PPOConfig = field(
        default_factory=lambda: PPOConfig(
            update_epochs=3,
            minibatch_size=2048,
            gamma=0.99,
            gae_lambda=0.95,
            learning_rate=1e-4,
            learning_rate_range=(1e-5, 3e-4),
            target_kl=0.02,
        )
    )
    adaptation_samples: int = 400_000
    """Control steps of phase 2."""
    regression: RegressionConfig = field(default_factory=RegressionConfig)
    sysid: bool = False
    """Phase 2 also for the baseline SysID."""
    checkpoint_seconds: float = 30.0
    """Time between checkpoints [s]."""

    @property
    def digest(self) -> str:
        """Names what is learnt; a checkpoint of something else is not continued."""
        settings = asdict(replace(self, checkpoint_seconds=0.0))
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class WalkTraining:
    """Result of a training."""

    skill: AdaptiveSkill
    sysid: AdaptiveSkill | None
    """With the baseline's adaptation module."""
    seconds: float
    """Wall clock [s]."""
    samples: int
    """Control steps of all parts together."""


def train_walk(config: WalkTrainConfig, folder: Path, progress: Progress = silent) -> WalkTraining:
    """Learns to walk; continues from the folder's checkpoint if there is one of the same options.

    Leaves skill.pt, with `sysid` sysid.pt, curves.json and checkpoint.pt in `folder`.

    Args:
      config: options.
      folder: of the training; made if it is absent.
      progress: is called with control steps done and in all.

    Raises:
      KeyboardInterrupt: Ctrl-C; the iteration is finished and everything saved before it is passed on. At a second
        one the last checkpoint is kept.
      TrainingError: numbers exploded; the last checkpoint is kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    run = WalkRun(config, folder, progress)
    try:
        with postpone_interrupt(run):
            run.run()
            run.save()
    except NonFiniteError as error:
        raise TrainingError(f"training stopped: {error}; the last checkpoint is kept in {folder}") from error
    return WalkTraining(run.skill, run.sysid_skill, run.seconds, run.total)


class WalkRun:
    """The state of a training, and the steps that change it."""

    stop = False
    """Ctrl-C was pressed: end after this iteration."""

    def __init__(self, config: WalkTrainConfig, folder: Path, progress: Progress):
        torch.set_num_threads(1)
        torch.manual_seed(config.seed)
        self.config, self.folder, self.progress = config, folder, progress
        env = WalkEnv(make_fractal(TERRAIN_SEED + config.seed), WalkConfig(), config.num_envs, config.seed)
        env.dynamics.error_share = config.extrinsics_error if config.extrinsics else 0.0
        layout = env.layout(latent=8 if config.extrinsics else 0)
        self.policy = AdaptivePolicy(layout, config.initial_std)
        self.collector = WalkCollector(env, config.seed)
        self.shuffle = torch.Generator().manual_seed(config.seed)
        window = max(1.0, 0.1 * config.samples / (config.num_envs * config.num_steps))
        self.averaged = AveragedModel(self.policy, avg_fn=partial(update_average, window=window))
        self.ppo = PPO(self.policy, config.ppo)
        inputs = layout.state_size + layout.action_size
        self.modules = {
            "z": AdaptationModule(inputs, max(layout.latent, 1)),
            "e": AdaptationModule(inputs, layout.extrinsics_size),
        }
        """What the modules of phase 2 estimate -> module."""
        self.done = {"imitation": 0, "value": 0, "ppo": 0, "z": 0, "e": 0}
        """Control steps of each part so far."""
        self.goal = {
            "imitation": config.imitation.samples,
            "value": config.value_samples,
            "ppo": config.samples,
            "z": config.adaptation_samples if config.extrinsics else 0,
            "e": config.adaptation_samples if config.extrinsics and config.sysid else 0,
        }
        """Control steps of each part in all."""
        self.seconds, self.curves = 0.0, cast(list[dict[str, Any]], [])
        self._begin = self._last_save = work_seconds()
        self._seconds_before = 0.0
        self._pending: dict[str, Any] = {}
        self.restore()

    @property
    def total(self) -> int:
        """Control steps so far."""
        return sum(self.done.values())

    @property
    def average(self) -> AdaptivePolicy:
        """The running average of the policy's weights: what is kept and what phi is fitted to."""
        return cast(AdaptivePolicy, self.averaged.module)

    @property
    def skill(self) -> AdaptiveSkill:
        """What has been learnt."""
        return AdaptiveSkill(self.average, self.modules["z"] if self.config.extrinsics else None)

    @property
    def sysid_skill(self) -> AdaptiveSkill | None:
        """The same with the baseline's adaptation module."""
        return AdaptiveSkill(self.average, self.modules["e"]) if self.goal["e"] else None

    def run(self) -> None:
        """All parts, one after the other."""
        imitation = Imitation(self.policy, self.collector, self.config.imitation, self.shuffle)
        if "imitation" in self._pending:
            imitation.restore(self._pending.pop("imitation"))
        self._save_imitation = imitation.state
        steps, short, ppo = self.config.num_steps, self.config.imitation.num_steps, self.config.ppo

        def imitate(share: float) -> dict[str, float]:
            return {"error": imitation.iterate(short, share)}

        def fit_value(share: float) -> dict[str, float]:
            error = imitation.fit_value(steps, ppo.gamma, ppo.gae_lambda)
            self.averaged.update_parameters(self.policy)
            return {"error": error}

        self._repeat("imitation", short, imitate)
        self._repeat("value", steps, fit_value)
        self._repeat("ppo", steps, self._improve)
        for name in ("z", "e"):
            if self.done[name] < self.goal[name]:
                self._regress(name)

    def _repeat(self, part: str, steps: int, iterate: Callable[[float], dict[str, float]]) -> None:
        """Iterates, with so many steps of every robot each time, until the part has had its control steps."""
        while self.done[part] < self.goal[part]:
            metrics = iterate(self.done[part] / self.goal[part])
            self.done[part] += self.config.num_envs * steps
            self._account(part, metrics)

    def _account(self, part: str, metrics: dict[str, float]) -> None:
        """Time, curve, progress and checkpoint after an iteration."""
        now = work_seconds()
        self.seconds = self._seconds_before + now - self._begin
        self.curves.append({"part": part, "samples": self.done[part], "seconds": self.seconds, **metrics})
        note = ", ".join(f"{name} {value:.3g}" for name, value in list(metrics.items())[:3])
        self.progress(float(self.total), float(sum(self.goal.values())), f"{part}: {note}")
        if self.stop or now - self._last_save > self.config.checkpoint_seconds:
            self.save()
            self._last_save = now
        if self.stop:
            raise KeyboardInterrupt

    def _improve(self, _: float) -> dict[str, float]:
        """One iteration of PPO."""
        config = self.config
        batch, sums = self.collector.collect(self.policy, config.num_steps, config.ppo.gamma, config.ppo.gae_lambda)
        losses = self.ppo.update(batch, self.shuffle)
        self.averaged.update_parameters(self.policy)
        return describe(sums) | losses

    def _regress(self, name: str) -> None:
        """Phase 2: the module acts and is fitted to what it should have said."""
        policy, env, phi = self.average, self.collector.env, self.modules[name]
        env.dynamics.tell_truth()
        first = policy.layout.sensed_size

        def find_truth(ids: Any) -> Any:
            extrinsics = env.observe(ids)[:, first:]
            if name == "z":
                return policy.encode(extrinsics)
            return policy.normalise_extrinsics(torch.from_numpy(extrinsics)).numpy()

        regression = Regression(phi, self.config.regression, find_truth, self.config.seed)
        runner = make_runner(AdaptiveSkill(policy, phi), env.num_envs, record=regression.record)
        loop = self.collector

        def gather() -> None:
            loop.run(runner, ADAPTATION_STEPS)

        def improve(share: float) -> dict[str, float]:
            gather()
            regression.improve(share)
            return {"error": regression.loss}

        def gather_again() -> None:
            if self.stop:
                raise KeyboardInterrupt
            gather()

        loop.start_all()  # phi knows nothing of episodes that have begun without it
        if f"regression_{name}" in self._pending:
            regression.restore(self._pending.pop(f"regression_{name}"))
            regression.refill(gather_again)
        self._save_regression = name, regression.state
        self._repeat(name, ADAPTATION_STEPS, improve)

    def save(self) -> None:
        """Writes checkpoint, skill and curves."""
        content = {
            "policy": self.policy.state_dict(),
            "averaged": self.averaged.state_dict(),
            "ppo": self.ppo.state(),
            "modules": {name: phi.state_dict() for name, phi in self.modules.items()},
            "collector": self.collector.state(),
            "shuffle": self.shuffle.get_state(),
            "torch_rng": torch.get_rng_state(),
            "done": self.done,
            "seconds": self.seconds,
            "curves": self.curves,
            "imitation": self._save_imitation(),
        }
        if self._save_regression is not None:
            name, state = self._save_regression
            content[f"regression_{name}"] = state()
        save_checkpoint(self.folder / CHECKPOINT, self.config.digest, content)
        self.skill.save(self.folder / SKILL)
        if self.sysid_skill is not None:
            self.sysid_skill.save(self.folder / SYSID)
        with replace_file(self.folder / CURVES) as temporary:
            temporary.write_text(json.dumps(self.curves) + "\n", encoding="utf-8")

    _save_imitation: Callable[[], Any] = staticmethod(lambda: {})
    _save_regression: tuple[str, Callable[[], Any]] | None = None

    def restore(self) -> None:
        """Continues from the folder's checkpoint if it is of the same options."""
        found = load_checkpoint(self.folder / CHECKPOINT, self.config.digest)
        if found is None:
            return
        self.policy.load_state_dict(found["policy"])
        self.averaged.load_state_dict(found["averaged"])
        self.ppo.restore(found["ppo"])
        for name, phi in self.modules.items():
            phi.load_state_dict(found["modules"][name])
        self.collector.restore(found["collector"])
        self.shuffle.set_state(found["shuffle"])
        torch.set_rng_state(found["torch_rng"])
        self.done, self.curves = dict(found["done"]), list(found["curves"])
        self.seconds = self._seconds_before = float(found["seconds"])
        self._pending = {name: value for name, value in found.items() if name.startswith(("imitation", "regression"))}


def make_runner(skill: AdaptiveSkill, num_envs: int, **options: Any) -> AdaptiveRunner:
    """The skill in use; an adaptation module that estimates e is followed by the encoder.

    Args:
      skill: with an adaptation module.
      num_envs: N.
      options: further ones of `AdaptiveRunner`.
    """
    policy, phi = skill.policy, skill.adaptation
    assert phi is not None and policy.actor.encoder is not None
    encoder = policy.actor.encoder

    def to_latent(estimate: Any) -> Any:
        with torch.no_grad():
            return encoder.forward_float32(torch.from_numpy(estimate)).numpy()

    through = to_latent if phi.outputs == policy.layout.extrinsics_size else None
    return AdaptiveRunner(policy, phi, num_envs, to_latent=through, **options)


def describe(sums: WalkSums) -> dict[str, float]:
    """Metrics of a batch."""
    falls = {"reward": sums.reward, "falls_per_1000_steps": 1000.0 * sums.fallen / sums.steps}
    return falls | {f"reward_{name}": value for name, value in sums.terms.items()}
