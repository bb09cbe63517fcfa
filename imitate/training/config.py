"""Options of training, and the presets that change several of them together."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from imitate.env.env import EnvConfig
from imitate.policy import bfloat16_is_fast
from imitate.training.distill import DistillConfig
from imitate.training.ppo import PPOConfig

PUSH = 0.6
"""Strongest push while learning [m/s]."""
# Training with pushes also reduces unprovoked falls: of the jumps from video a sixth fell without pushes, with them an
# eighth in less time, none in more. It costs .02 of return on a walk from video.
SCRATCH_STEPS = 8
"""Control steps between updates without a warm start: the first updates need few samples, but many updates."""
# Before weights were averaged, a walk from scratch was at .93 with 8 instead of .65 with 16 after 600,000 samples; one
# from video, after a warm start, at .93 instead of .95 after 1.2 M. Since, a walk has .95 either way, but a spin .66
# instead of .84 after 1 M.
BUDGET = ("minutes", "samples", "early_stop", "patience", "workers", "checkpoint_seconds", "tensorboard")


@dataclass(frozen=True)
class TrainConfig:
    """Learning a skill by PPO."""

    minutes: float = 20.0
    """Wall-clock time for training [min]; the same command with more continues."""
    samples: int | None = None
    """Most control steps of all environments together; unlimited if left out."""
    seed: int = 0
    """Seed of weights, initial states and noise; one worker with the same seed repeats itself bit for bit."""
    workers: int = 0
    """Processes that collect and learn; 0 for one a core."""
    preset: Literal["tuned", "sfv"] = "tuned"
    """Settings tuned for minutes on few cores, or those of the SFV paper; options that are given take precedence."""
    initial_state: Literal["fixed", "reference", "adaptive", "failures"] = "reference"
    """Where episodes start: first frame, any frame, where a second agent finds it pays, or where they soon fail."""
    early_stop: bool = True
    """End when every evaluation rollout completes and the return has stopped rising."""
    patience: int = 4
    """Evaluations that must be no better on average than as many before, for the early stop."""
    num_envs: int = 512
    """Environments of all processes together."""
    num_steps: int = 16
    """Control steps in each environment between updates (T)."""
    hidden_sizes: tuple[int, ...] = (256, 256)
    """Widths of the hidden layers of actor and critic."""
    # SFV's 1024-512 takes 8 times as long for no better walk.
    initial_std: float = 0.15
    """Initial standard deviation of actions, in units of the action scale."""
    # Targets lie around the reference, so little noise is enough.
    learn_std: bool = True
    """Learn one standard deviation for each action instead of keeping it fixed."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Number format of the hidden layers while learning; auto takes bfloat16 where the processor is faster with it."""
    evaluation_interval: int = 200_000
    """Samples between evaluations, by which the best policy is chosen."""
    evaluation_seconds: float = 10.0
    """Length of an evaluation rollout of a looping motion [s]."""
    checkpoint_seconds: float = 30.0
    """Time between checkpoints [s]."""
    tensorboard: bool = True
    """Write TensorBoard scalars next to the policy."""
    warm_start: Literal["draft", "none"] = "draft"
    """Imitate the tracking controller (the draft) before PPO, or begin with PPO."""
    distill: DistillConfig = field(default_factory=DistillConfig)
    env: EnvConfig = field(default_factory=lambda: EnvConfig(push=PUSH))
    ppo: PPOConfig = field(default_factory=lambda: PPOConfig(update_epochs=2))
    # Two epochs: with a third each sample takes a tenth longer, and the walk (one seed each) was not learnt sooner.

    @property
    def bf16(self) -> bool:
        """Hidden layers learn in bfloat16."""
        return self.precision == "bfloat16" or (self.precision == "auto" and bfloat16_is_fast())

    def budget(self) -> dict[str, Any]:
        """Options whose change continues the training instead of starting over."""
        return {name: getattr(self, name) for name in BUDGET}

    def without_budget(self) -> dict[str, Any]:
        """Options that decide what is learnt."""
        return {name: value for name, value in asdict(self).items() if name not in BUDGET}


SFV = {
    "hidden_sizes": (1024, 512),
    "num_envs": 256,
    "num_steps": 16,
    "initial_std": 0.2,
    "learn_std": False,
    "warm_start": "none",
}
"""The paper's networks; 4096 samples an update; fixed noise of .05 rad, here in units of `action_scale`."""
SFV_PPO = {
    "update_epochs": 1,
    "minibatch_size": 256,
    "gamma": 0.95,
    "gae_lambda": 0.95,
    "clip_coef": 0.2,
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
        config = replace(config, **untouched({"num_steps": SCRATCH_STEPS}, config, usual))
    if config.warm_start == "none":  # who begins with nothing is not pushed, as in the papers
        config = replace(config, env=replace(config.env, **untouched({"push": 0.0}, config.env, usual.env)))
    return config
