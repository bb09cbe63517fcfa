"""The imitation environment with Gymnasium's interface: one environment, for other learners."""

from typing import Any

import gymnasium
import numpy as np

from imitate.env.env import EnvConfig, ImitationEnv
from imitate.env.task import Task
from imitate.scene.scene import CONTROL_HZ


class GymImitationEnv(gymnasium.Env):
    """`ImitationEnv` with one environment; episodes start anywhere along the reference."""

    metadata = {"render_modes": [], "render_fps": CONTROL_HZ}  # noqa: RUF012  (Gymnasium's own declaration)

    def __init__(self, task: Task, config: EnvConfig | None = None):
        self.env = ImitationEnv(task, config or EnvConfig(), 1)
        size = self.env.observation_layout.size
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (size,), np.float32)
        self.action_space = gymnasium.spaces.Box(-4.0, 4.0, (self.env.action_size,), np.float32)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        """Starts an episode; `options={"frame": k}` at frame k of the reference. A seed decides all of it."""
        super().reset(seed=seed)
        if seed is not None:
            self.env.seed_noise(seed)
            self.env.episode[:] = 0  # pushes follow from it
        frames = np.array([(options or {}).get("frame", self.np_random.integers(self.env.reference.starts))])
        self.env.start(frames, rng=self.np_random, offset=self.env.rest(frames))
        return self.env.observe()[0], {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, float]]:
        """One control step; the info holds the reward's terms."""
        result = self.env.step(np.asarray(action)[None])
        terms = {name: float(term[0]) for name, term in result.terms.items()}
        return (
            self.env.observe()[0],
            float(result.reward[0]),
            bool(result.terminated[0]),
            bool(result.truncated[0]),
            terms,
        )
