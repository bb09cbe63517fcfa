"""Options of training, and the presets that change several of them together."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from imitate.env.env import EnvConfig
from imitate.policy import bfloat16_is_fast
from imitate.training.distill import DistillConfig
from imitate.training.ppo import PPOConfig

PUSH = 0.6
"""Strongest push while learning [m/s]. Who has learnt to recover falls less of itself, too: of the jumps from video a
sixth fell without pushes, an eighth with them in less time, and none in more. A walk from video pays .02."""
SCRATCH_STEPS = 8
"""Decisions between updates for a policy that begins with nothing: its first updates need few samples, but many."""
BUDGET = ("minutes", "samples", "early_stop", "patience", "workers", "checkpoint_seconds", "tensorboard")


@dataclass(frozen=True)
class TrainConfig:
    """Learning a skill by PPO."""

    minutes: float = 20.0
    """Budget of wall-clock time for training [min]; the same command with more goes on."""
    samples: int | None = None
    """Budget of decisions, all processes together; none if left out."""
    seed: int = 0
    """Of weights, starts and noise. One worker with the same seed learns the same, bit for bit."""
    workers: int = 0
    """Processes that gather and learn; 0: one a core."""
    preset: Literal["tuned", "sfv"] = "tuned"
    """Tuned for minutes on few cores, or the paper's network, noise and PPO settings, wherever an option has its
    default."""
    initial_state: Literal["fixed", "reference", "adaptive", "failures"] = "reference"
    """Where episodes start: at the first frame, anywhere along the reference, where a second agent finds it pays, or
    where they are often lost soon."""
    early_stop: bool = True
    """End when every judged rollout reaches the end and the return has stopped rising."""
    patience: int = 4
    """So many evaluations, on average no better than as many before them, count as 'stopped rising'."""
    environments: int = 512
    """Simulations, shared out among the processes: learning goes alike on few cores and on many."""
    steps: int = 16
    """Decisions in each of them between updates (T). Half as many from scratch: a walk is at .93 instead of .65 after
    600,000 samples then, but one from video, after a warm start, at .93 instead of .95 after 1.2 M. That was before
    weights were averaged; since, a walk has .95 either way, but a spin .66 instead of .84 after 1 M."""
    hidden: tuple[int, ...] = (256, 256)
    """Widths of the hidden layers of actor and critic. SFV's 1024-512 takes 8 times as long for no better walk."""
    initial_std: float = 0.15
    """Standard deviation of actions at the start; with targets around the reference, little noise is enough."""
    learn_std: bool = True
    """Let the standard deviations of actions be learnt, one number an action; SFV keeps them fixed."""
    numerics: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the hidden layers while learning; auto takes bfloat16 where the processor is faster with it."""
    evaluate_samples: int = 200_000
    """Samples between evaluations by which the best policy is chosen."""
    judge_seconds: float = 10.0
    """Length of a rollout of a loop in those evaluations [s]."""
    checkpoint_seconds: float = 30.0
    """Time between checkpoints [s]."""
    tensorboard: bool = True
    """Write TensorBoard scalars beside the policy."""
    warm_start: Literal["draft", "none"] = "draft"
    """What the policy knows when PPO begins: what tracking control does, learnt from its draft, or nothing. From
    nothing it is not pushed either, unless asked for."""
    distill: DistillConfig = field(default_factory=DistillConfig)
    env: EnvConfig = field(default_factory=lambda: EnvConfig(push=PUSH))
    ppo: PPOConfig = field(default_factory=lambda: PPOConfig(epochs=2))
    """Two epochs: with a third each sample takes a tenth longer, and the walk (one seed each) was not learnt sooner."""

    @property
    def coarse(self) -> bool:
        """Hidden layers learn in bfloat16."""
        return self.numerics == "bfloat16" or (self.numerics == "auto" and bfloat16_is_fast())

    def budget(self) -> dict[str, Any]:
        """Options whose change continues the training instead of starting over."""
        return {name: getattr(self, name) for name in BUDGET}

    def without_budget(self) -> dict[str, Any]:
        """Options that decide what is learnt."""
        return {name: value for name, value in asdict(self).items() if name not in BUDGET}


SFV = {
    "hidden": (1024, 512),
    "environments": 256,
    "steps": 16,
    "initial_std": 0.2,
    "learn_std": False,
    "warm_start": "none",
}
"""The paper's networks; 4096 samples an update; fixed noise of .05 rad, here in units of `action_scale`."""
SFV_PPO = {
    "epochs": 1,
    "minibatch": 256,
    "gamma": 0.95,
    "gae_lambda": 0.95,
    "clip_range": 0.2,
    "learning_rate": 5e-5,
    "learning_rate_range": (5e-5, 5e-5),
}
"""As in the paper and in DeepMimic, whose code it is. Those use gradient descent with momentum at this rate for the
policy and .01 for the value function; here both are Adam's."""


def resolved(config: TrainConfig) -> TrainConfig:
    """The config with its preset's settings wherever an option was left at its default."""
    usual = TrainConfig()

    def untouched(chosen: dict[str, Any], given: Any, default: Any) -> dict[str, Any]:
        return {name: value for name, value in chosen.items() if getattr(given, name) == getattr(default, name)}

    if config.preset == "sfv":
        ppo = replace(config.ppo, **untouched(SFV_PPO, config.ppo, usual.ppo))
        config = replace(config, ppo=ppo, **untouched(SFV, config, usual))
    elif config.warm_start == "none":
        config = replace(config, **untouched({"steps": SCRATCH_STEPS}, config, usual))
    if config.warm_start == "none":  # who begins with nothing is not pushed, as in the papers
        config = replace(config, env=replace(config.env, **untouched({"push": 0.0}, config.env, usual.env)))
    return config
