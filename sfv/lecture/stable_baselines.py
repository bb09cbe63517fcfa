"""The same problems learnt by Stable-Baselines3, as a baseline (extra `bench`).

Settings are those of RL Baselines3 Zoo where it has the problem (hyperparams/{a2c,ppo}.yml), the library's defaults
otherwise. Environments, evaluation and clock are ours, so that only the learners differ.
"""

import importlib.util
from typing import Any

import numpy as np
import torch

from imitate.lecture.experiment import Curve, CurveRecorder
from imitate.lecture.problems import LectureProblem, ProblemSpec, mean_return

TITLES = {"sb3-a2c": "Stable-Baselines3 A2C", "sb3-ppo": "Stable-Baselines3 PPO"}

# The names below are Stable-Baselines3's own.
SETTINGS: dict[tuple[str, str], dict[str, Any]] = {
    ("cartpole", "a2c"): {"num_envs": 8, "ent_coef": 0.0},
    ("cartpole", "ppo"): {
        "num_envs": 8,
        "n_steps": 32,
        "batch_size": 256,
        "gae_lambda": 0.8,
        "gamma": 0.98,
        "n_epochs": 20,
        "learning_rate": lambda left: 1e-3 * left,
        "clip_range": lambda left: 0.2 * left,
    },
    ("pendulum", "a2c"): {
        "num_envs": 8,
        "normalise": True,
        "n_steps": 8,
        "gae_lambda": 0.9,
        "vf_coef": 0.4,
        "gamma": 0.9,
        "learning_rate": lambda left: 7e-4 * left,
        "use_sde": True,
        "policy_kwargs": {"log_std_init": -2, "ortho_init": False},
    },
    ("pendulum", "ppo"): {
        "num_envs": 4,
        "n_steps": 1024,
        "gae_lambda": 0.95,
        "gamma": 0.9,
        "n_epochs": 10,
        "learning_rate": 1e-3,
        "use_sde": True,
        "sde_sample_freq": 4,
    },
    ("grid", "a2c"): {"num_envs": 32, "gamma": 0.95},
    ("grid", "ppo"): {"num_envs": 32, "n_steps": 32, "batch_size": 256, "gamma": 0.95},
    ("bandit", "a2c"): {"num_envs": 16},
    ("bandit", "ppo"): {"num_envs": 16, "n_steps": 4, "batch_size": 64},
}


def has_stable_baselines() -> bool:
    """Whether Stable-Baselines3 is installed."""
    return importlib.util.find_spec("stable_baselines3") is not None


def learn_with_stable_baselines(spec: ProblemSpec, algorithm: str, samples: int, seed: int, evaluations: int) -> Curve:
    """Lets Stable-Baselines3 learn a problem.

    Args:
      spec: the problem.
      algorithm: a2c or ppo.
      samples: actions to take.
      seed: of weights, environments and noise.
      evaluations: points of the learning curve.
    """
    import stable_baselines3  # pyright: ignore[reportMissingImports]
    from stable_baselines3.common.callbacks import BaseCallback  # pyright: ignore[reportMissingImports]
    from stable_baselines3.common.vec_env import VecNormalize  # pyright: ignore[reportMissingImports]

    settings = dict(SETTINGS[spec.name, algorithm])
    problem = spec.make(settings.pop("num_envs"))
    env: Any = _vector_environment(problem, seed)
    if settings.pop("normalise", False):
        env = VecNormalize(env, gamma=settings["gamma"])
    maker = {"a2c": stable_baselines3.A2C, "ppo": stable_baselines3.PPO}[algorithm]
    model = maker("MlpPolicy", env, seed=seed, device="cpu", **settings)
    agent = _Agent(model, env if isinstance(env, VecNormalize) else None)
    values = [agent.evaluate(spec)]
    recorder = CurveRecorder(samples, evaluations)

    class EvaluationCallback(BaseCallback):
        def _on_step(self) -> bool:
            if recorder.is_due(self.num_timesteps):
                with recorder.pause(self.num_timesteps):
                    values.append(agent.evaluate(spec))
            return self.num_timesteps < samples

    model.learn(samples, callback=EvaluationCallback())
    return recorder.to_curve(values, None)


class _Agent:
    """A Stable-Baselines3 model that acts on raw observations."""

    def __init__(self, model: Any, normaliser: Any):
        self.model, self.normaliser = model, normaliser

    def act(self, observation: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Actions for raw observations."""
        return self.model.predict(self._normalise(observation), deterministic=rng is None)[0]

    def evaluate(self, spec: ProblemSpec) -> float:
        """Exact where the problem is finite, else the mean return of the 100 episodes that our policies perform."""
        if spec.finite is None:
            return mean_return(spec.make(100), self, seed=10_000, greedy=True)
        problem = spec.finite()
        with torch.no_grad():
            observation = torch.as_tensor(self._normalise(problem.features.astype(np.float32)))
            pi = self.model.policy.get_distribution(observation).distribution.probs
            return problem.value(pi.double()).item()

    def _normalise(self, observation: np.ndarray) -> np.ndarray:
        return observation if self.normaliser is None else self.normaliser.normalize_obs(observation)


def _vector_environment(problem: LectureProblem, seed: int) -> Any:
    """One of our problems as Stable-Baselines3's VecEnv."""
    from gymnasium import spaces
    from stable_baselines3.common.vec_env import VecEnv  # pyright: ignore[reportMissingImports]

    class ProblemVecEnv(VecEnv):
        def __init__(self) -> None:
            observations = spaces.Box(-np.inf, np.inf, (problem.observation_size,), np.float32)
            actions = (
                spaces.Discrete(problem.actions) if problem.actions else spaces.Box(-1.0, 1.0, (problem.action_size,))
            )
            self.rng = np.random.default_rng(seed)
            super().__init__(problem.num_envs, observations, actions)

        def reset(self) -> np.ndarray:
            problem.start(rng=self.rng)
            return problem.observe()

        def step_async(self, actions: np.ndarray) -> None:
            self.actions = actions

        def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
            outcome = problem.step(self.actions)
            observation, infos = problem.observe(), [{} for _ in range(problem.num_envs)]
            ended = np.flatnonzero(outcome.done)
            for i in ended:
                infos[i] = {"terminal_observation": observation[i], "TimeLimit.truncated": bool(outcome.truncated[i])}
            if len(ended):
                problem.start(ended, self.rng)
                observation = problem.observe()
            return observation, outcome.reward.astype(np.float32), outcome.done, infos

        def close(self) -> None:
            pass

        def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
            return [None] * problem.num_envs

        def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
            pass

        def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
            return [None] * problem.num_envs

        def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
            return [False] * problem.num_envs

    return ProblemVecEnv()
