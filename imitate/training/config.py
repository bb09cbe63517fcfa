"""Options of training, and the presets that give a value to those that are left out."""

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, Self

from imitate.env.env import EnvConfig
from imitate.policy import bfloat16_is_fast
from imitate.training.distill import DistillConfig
from imitate.training.ppo import PPOConfig, PPOOptions
from pose.errors import InputError
from pose.ranges import SEED, check_ranges

BUDGET = ("minutes", "samples", "early_stop", "patience", "workers", "checkpoint_seconds", "tensorboard")
"""Options whose change continues a training instead of starting over."""

RANGES = {
    "minutes": (0.0, 1e6),
    "samples": (1, 1e15),
    "seed": SEED,
    "workers": (0, 1024),
    "num_envs": (1, 1e6),
    "num_steps": (1, 1e5),
    "hidden_sizes": (1, 1e5),
    "initial_std": (1e-6, 100.0),
    "evaluation_interval": (1, 1e15),
    "evaluation_seconds": (0.1, 3600.0),
    "checkpoint_seconds": (0.0, 1e9),
}
"""Least and greatest value of the options of training."""

PUSH = 0.6
"""Strongest push while learning after a warm start [m/s]."""
# Training with pushes also reduces unprovoked falls: of the jumps from video a sixth fell without pushes, with them an
# eighth in less time, none in more. It costs .02 of return on a walk from video.
SLIDE = 0.2
"""What sliding costs while learning [s^2/m^2]: 6 mm a frame at 30 frames a second are .006 of a reward of 1."""


@dataclass(frozen=True)
class TrainConfig:
    """Learning a skill by PPO.

    Presets steer the options whose default is None: None means the preset's value, and any value that is given, the
    usual one included, takes precedence. `resolve` returns the options as they will run.
    """

    minutes: float = 20.0
    """Most wall-clock time for training [min]; the same command with more continues."""
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
    """End when the skill is learnt and no longer improves; off, all of the budget is used."""
    patience: int = 3
    """Evaluations in a row that must be at criterion, and not rise, before a skill counts as learnt."""
    num_envs: int | None = None
    """Environments of all processes together (tuned: 512, sfv: 256)."""
    num_steps: int | None = None
    """Control steps in each environment between updates (16; tuned without a warm start: 8)."""
    hidden_sizes: tuple[int, ...] | None = None
    """Widths of the hidden layers of actor and critic (tuned: 256 256, sfv: 1024 512)."""
    initial_std: float | None = None
    """Initial standard deviation of actions, in units of the action scale (tuned: 0.15, sfv: 0.2)."""
    reduce_std: bool = True
    """Halve the initial deviation, at most twice, where the draft's controller falls with so much noise."""
    learn_std: bool | None = None
    """Learn one standard deviation for each action instead of keeping it fixed (tuned: yes, sfv: no)."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Number format of the hidden layers while learning; auto takes bfloat16 where the processor is faster with it."""
    evaluation_interval: int = 100_000
    """Samples between evaluations, by which the best policy is chosen."""
    evaluation_seconds: float = 20.0
    """Length of an evaluation rollout of a looping motion [s]."""
    # As long as in the final evaluation of a skill.
    checkpoint_seconds: float = 30.0
    """Time between checkpoints [s]."""
    tensorboard: bool = True
    """Write TensorBoard scalars next to the policy."""
    warm_start: Literal["draft", "tracker", "none"] | None = None
    """Imitate the tracking controller (draft) or a tracker before PPO, or begin with PPO (tuned: draft, sfv: none)."""
    distill: DistillConfig = field(default_factory=DistillConfig)
    env: EnvConfig = field(default_factory=EnvConfig)
    ppo: PPOOptions = field(default_factory=PPOOptions)

    def resolve(self) -> "ResolvedTrainConfig":
        """The options as they run: whatever is None gets the preset's value.

        Call it once, where a command begins, and record what it returns. Resolving twice changes nothing.
        """
        preset = SFV if self.preset == "sfv" else TUNED
        if self.preset == "tuned" and self.warm_start == "none":
            preset = FROM_SCRATCH
        return replace(_fill(self, preset), env=_fill(self.env, preset.env), ppo=_fill(self.ppo, preset.ppo))

    def check(self) -> Self:
        """The config itself.

        Raises:
          InputError: an option is out of its range.
        """
        if not self.minutes > 0.0:
            raise InputError(f"minutes {self.minutes}: training needs some time; give a positive number")
        if not self.patience >= 2:
            raise InputError(f"patience {self.patience}: one evaluation alone shows no trend; give 2 or more")
        check_ranges(self, RANGES)
        self.distill.check()
        self.env.check()
        self.ppo.check()
        return self

    def budget(self) -> dict[str, Any]:
        """Options whose change continues the training instead of starting over."""
        return {name: getattr(self, name) for name in BUDGET}

    def without_budget(self) -> dict[str, Any]:
        """Options that decide what is learnt."""
        return {name: value for name, value in asdict(self).items() if name not in BUDGET}


@dataclass(frozen=True)
class ResolvedTrainConfig(TrainConfig):
    """Options of training, every one with a value; the defaults are the tuned preset's."""

    num_envs: int = 512
    num_steps: int = 16
    hidden_sizes: tuple[int, ...] = (256, 256)
    # SFV's 1024-512 takes 8 times as long for no better walk.
    initial_std: float = 0.15
    # Targets lie around the reference, so little noise is enough.
    learn_std: bool = True
    warm_start: Literal["draft", "tracker", "none"] = "draft"
    env: EnvConfig = field(default_factory=lambda: EnvConfig(push_speed=PUSH, slide_weight=SLIDE))
    ppo: PPOConfig = field(default_factory=lambda: PPOConfig(update_epochs=2))
    # Two epochs: with a third each sample takes a tenth longer, and the walk (one seed each) was not learnt sooner.

    @property
    def bf16(self) -> bool:
        """Hidden layers learn in bfloat16."""
        return self.precision == "bfloat16" or (self.precision == "auto" and bfloat16_is_fast())


TUNED = ResolvedTrainConfig()
"""Minutes on few cores, from a draft on."""

FROM_SCRATCH = replace(TUNED, warm_start="none", num_steps=8, env=replace(TUNED.env, push_speed=0.0, slide_weight=0.0))
"""The tuned settings without a warm start: the first updates need few samples, but many updates; no pushes."""
# Before weights were averaged, a walk from scratch was at .93 with 8 steps and .65 with 16 after 600,000 samples; one
# from video, after a warm start, at .93 and .95 after 1.2 M. Since, a walk has .95 either way, but a spin .66 with 8
# and .84 with 16 after 1 M.

SFV = replace(
    TUNED,
    preset="sfv",
    num_envs=256,
    num_steps=16,
    hidden_sizes=(1024, 512),
    initial_std=0.2,
    learn_std=False,
    warm_start="none",
    env=replace(TUNED.env, push_speed=0.0, slide_weight=0.0),
    ppo=replace(
        TUNED.ppo,
        update_epochs=1,
        minibatch_size=256,
        gamma=0.95,
        gae_lambda=0.95,
        clip_coef=0.2,
        learning_rate=5e-5,
        learning_rate_range=(5e-5, 5e-5),
    ),
)
"""Networks, noise and PPO settings of SFV and of DeepMimic, whose code it is (Peng et al. 2018).

4096 samples an update; fixed noise of .05 rad, here in units of `action_scale`; nobody is pushed. Those papers use
gradient descent with momentum, at this rate for the policy and .01 for the value function; here both are Adam's.
"""


def _fill(options: Any, values: Any) -> Any:
    """`values`, changed where the options, which have the same fields, are not None."""
    given = {entry.name: getattr(options, entry.name) for entry in fields(options)}
    return replace(values, **{name: value for name, value in given.items() if value is not None})
