"""The same environment as Gymnasium sees it: one simulation, for other people's learners."""

from typing import Any

import gymnasium  # pyright: ignore[reportMissingImports]  (extra `bench`)
import numpy as np

from imitate.env.env import EnvConfig, ImitationEnv
from imitate.env.task import Task
from imitate.scene.scene import CONTROL_HZ


class GymImitationEnv(gymnasium.Env):
    """`ImitationEnv` with one simulation; episodes start anywhere along the reference."""

    metadata = {"render_modes": [], "render_fps": CONTROL_HZ}  # noqa: RUF012  (Gymnasium's own declaration)

    def __init__(self, task: Task, config: EnvConfig | None = None):
        self.env = ImitationEnv(task, config or EnvConfig(), 1)
        size = self.env.observation_layout.size
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (size,), np.float32)
        self.action_space = gymnasium.spaces.Box(-4.0, 4.0, (self.env.action_size,), np.float32)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        """Starts an episode; `options={"row": k}` at row k of the reference."""
        super().reset(seed=seed)
        row = (options or {}).get("row", self.np_random.integers(self.env.reference.starts))
        self.env.start(np.array([row]), rng=self.np_random)
        return self.env.observe()[0], {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, float]]:
        """One decision; the info holds the reward's terms."""
        outcome = self.env.step(np.asarray(action)[None])
        terms = {name: float(term[0]) for name, term in outcome.terms.items()}
        return (
            self.env.observe()[0],
            float(outcome.reward[0]),
            bool(outcome.terminated[0]),
            bool(outcome.truncated[0]),
            terms,
        )
