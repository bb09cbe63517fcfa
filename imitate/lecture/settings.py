"""The algorithms of the lecture, and how each is set for each problem.

`ALGORITHMS` holds an algorithm's own settings; `SETTINGS` what differs from them for a problem. Values were found by
trying, on the problem's own learning curve.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from imitate.lecture.a3c import A3CConfig
from imitate.lecture.actor_critic import ActorCriticConfig
from imitate.lecture.reinforce import ReinforceConfig
from imitate.training.ppo import PPOConfig

LearnerConfig = ReinforceConfig | ActorCriticConfig | A3CConfig | PPOConfig


@dataclass(frozen=True)
class Algorithm:
    """One way to improve a policy."""

    title: str
    """Its name on the slides."""
    num_envs: int
    """Environments in step with each other; REINFORCE takes one trajectory of each, A3C has them in every worker."""
    num_steps: int | None
    """Steps of each environment between two updates; None: whole trajectories."""
    config: LearnerConfig
    """Settings of the learner."""
    discrete_only: str = ""
    """Why it needs finitely many actions; empty if it does not."""
    one_step_only: str = ""
    """Why it needs episodes of a single step; empty if it does not."""


_ONE_OUTPUT_AN_ACTION = "its critic has one output Q(s, a) for every action"

ALGORITHMS: dict[str, Algorithm] = {
    "reinforce-step": Algorithm(
        "REINFORCE, single-step version",
        16,
        None,
        ReinforceConfig(weight="step", baseline=False),
        one_step_only="it weighs an action by the reward of its own step and is blind to what follows",
    ),
    "reinforce": Algorithm(
        "REINFORCE, return of the trajectory", 16, None, ReinforceConfig(weight="trajectory", baseline=False)
    ),
    "reinforce-to-go": Algorithm("REINFORCE, reward to go", 16, None, ReinforceConfig(baseline=False)),
    "reinforce-baseline": Algorithm("REINFORCE, reward to go, baseline V(s)", 16, None, ReinforceConfig()),
    "q-actor-critic": Algorithm(
        "actor-critic with Q(s, a)",
        8,
        8,
        ActorCriticConfig(baseline=False),
        discrete_only=_ONE_OUTPUT_AN_ACTION,
    ),
    "q-advantage": Algorithm(
        "actor-critic with Q(s, a) - V(s)", 8, 8, ActorCriticConfig(), discrete_only=_ONE_OUTPUT_AN_ACTION
    ),
    "online": Algorithm("online actor-critic", 1, 1, ActorCriticConfig()),
    "a2c": Algorithm("A2C", 8, 8, ActorCriticConfig()),
    "a3c": Algorithm("A3C, feed-forward", 1, 20, A3CConfig()),
    "a3c-lstm": Algorithm(
        "A3C, LSTM", 1, 20, A3CConfig(), discrete_only="its LSTM has a softmax policy (imitate/lecture/recurrent.py)"
    ),
    "ppo": Algorithm("PPO", 8, 64, PPOConfig()),
}


@dataclass(frozen=True)
class Settings:
    """How the algorithms are set for one problem."""

    hidden_sizes: tuple[int, ...] = (64, 64)
    """Widths of the hidden layers; none makes the policy linear in the features."""
    initial_std: float = 0.6
    """Standard deviation of a Gaussian policy's actions at the start."""
    normalise: bool = False
    """Whether mean and standard deviation of observations and returns are learnt along with the policy."""
    common: dict[str, Any] = field(default_factory=dict)
    """What every algorithm has here instead of its own setting, by name."""
    changes: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Algorithm -> what differs from its own settings and from `common`; `num_envs`, `num_steps` or of its config."""

    def adapt(self, algorithm: str) -> Algorithm:
        """The algorithm as it is set for this problem."""
        changes = self.common | self.changes.get(algorithm, {})
        entry = ALGORITHMS[algorithm]
        loop = {name: changes.pop(name) for name in ("num_envs", "num_steps") if name in changes}
        return replace(entry, config=replace(entry.config, **changes), **loop)


SETTINGS: dict[str, Settings] = {
    "bandit": Settings(
        hidden_sizes=(),
        common={"learning_rate": 0.05},
        changes={
            "reinforce-baseline": {"value_steps": 2},
            "q-actor-critic": {"num_envs": 16, "num_steps": 1, "critic_rate": 1.0},
            "q-advantage": {"num_envs": 16, "num_steps": 1, "critic_rate": 1.0},
            "online": {"learning_rate": 0.2, "critic_rate": 0.5},
            "a2c": {"num_envs": 16, "num_steps": 1},
            "a3c": {"num_steps": 16, "learning_rate": 0.02, "ent_coef": 0.0},
            "a3c-lstm": {"learning_rate": 7e-4},
            "ppo": {"num_envs": 16, "num_steps": 1, "learning_rate_range": (1e-3, 0.2)},
        },
    ),
    "grid": Settings(
        hidden_sizes=(),
        common={"num_envs": 32, "gamma": 0.95},
        changes={
            "reinforce": {"learning_rate": 0.1},
            "reinforce-to-go": {"learning_rate": 0.1},
            "reinforce-baseline": {"learning_rate": 0.1, "value_steps": 5},
            "q-actor-critic": {"learning_rate": 0.05},
            "q-advantage": {"learning_rate": 0.05},
            "online": {"num_envs": 8, "learning_rate": 0.5, "critic_rate": 1.0},
            "a2c": {"learning_rate": 0.05},
            "a3c": {"num_envs": 8, "learning_rate": 0.03, "ent_coef": 0.0},
            "a3c-lstm": {"num_envs": 8, "learning_rate": 3e-3, "ent_coef": 0.003},
            "ppo": {
                "num_steps": 32,
                "minibatch_size": 256,
                "learning_rate": 0.03,
                "learning_rate_range": (1e-3, 0.1),
            },
        },
    ),
    "cartpole": Settings(
        normalise=True,
        common={"learning_rate": 3e-3},
        changes={
            "q-actor-critic": {"learning_rate": 1e-3},
            "q-advantage": {"learning_rate": 1e-3},
            "online": {"num_envs": 8},
            "a2c": {"num_envs": 16, "num_steps": 16, "gae_lambda": 0.95},
            "a3c": {"num_envs": 8, "learning_rate": 2e-3, "ent_coef": 0.0, "reward_scale": 0.02},
            "a3c-lstm": {"num_envs": 8, "learning_rate": 2e-3, "ent_coef": 0.0, "reward_scale": 0.02},
            "ppo": {
                "minibatch_size": 256,
                "update_epochs": 10,
                "gamma": 0.98,
                "gae_lambda": 0.9,
                "learning_rate": 1e-3,
            },
        },
    ),
    "pendulum": Settings(
        normalise=True,
        changes={
            "a2c": {"num_envs": 16, "num_steps": 16, "gamma": 0.95, "gae_lambda": 0.9},
            "a3c": {"num_envs": 8, "gamma": 0.95, "ent_coef": 0.0, "reward_scale": 0.02},
            "ppo": {
                "num_envs": 16,
                "num_steps": 128,
                "minibatch_size": 256,
                "update_epochs": 10,
                "gamma": 0.95,
                "learning_rate": 1e-3,
                "learning_rate_range": (1e-4, 1e-3),
            },
        },
    ),
    "imitation": Settings(
        hidden_sizes=(128, 128),
        initial_std=0.15,
        normalise=True,
        changes={
            "reinforce-to-go": {"num_envs": 64, "gamma": 0.97, "learning_rate": 1e-3},
            "reinforce-baseline": {"num_envs": 64, "gamma": 0.97, "learning_rate": 1e-3},
            "a2c": {"num_envs": 128, "gamma": 0.97, "gae_lambda": 0.95, "learning_rate": 3e-4},
            "ppo": {"num_envs": 128, "num_steps": 16, "minibatch_size": 512},
        },
    ),
}

PONG_PPO: dict[str, Any] = {
    "num_steps": 128,
    "update_epochs": 4,
    "clip_coef": 0.1,
    "learning_rate": 5e-4,
    "learning_rate_range": (1e-4, 5e-4),
    "target_kl": 0.02,
    "vf_coef": 0.5,
    "max_grad_norm": 0.5,
}

PONG: dict[str, Settings] = {
    "ff": Settings(
        common={"num_envs": 8, "gamma": 0.99},
        changes={
            "ppo": PONG_PPO | {"minibatch_size": 256},
            # The root of A3C's 1e-5, which stands within its root.
            "a2c": {"num_envs": 16, "num_steps": 5, "ent_coef": 0.01, "rmsprop_eps": 3e-3},
            "a3c": {"num_steps": 10, "clip_rewards": True},
        },
    ),
    "lstm": Settings(
        common={"num_envs": 8, "gamma": 0.99},
        changes={
            "ppo": PONG_PPO | {"minibatch_size": 2},  # sequences
            "a2c": {"num_envs": 16, "num_steps": 20, "ent_coef": 0.01, "rmsprop_eps": 3e-3},
            "a3c": {"num_steps": 20, "clip_rewards": True},
        },
    ),
}
"""Network -> how algorithms are set for Pong: PPO as Schulman et al. (2017, table 5), the others as Mnih et al. (2016).

PPO's step is twice theirs, and follows the KL divergence. A3C's two workers have eight games each, the paper's sixteen
have one.
"""
