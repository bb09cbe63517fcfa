"""The walk with Gymnasium's interface: one robot, for other learners."""

from typing import Any

import gymnasium
import numpy as np

from imitate.locomotion.env import WalkConfig, WalkEnv
from imitate.locomotion.robot import CONTROL_HZ
from imitate.locomotion.terrain import Terrain, make_fractal


class GymWalkEnv(gymnasium.Env):
    """`WalkEnv` with one robot; an observation is [x, a_prev, e], the info of a step the reward's terms."""

    metadata = {"render_modes": [], "render_fps": CONTROL_HZ}  # noqa: RUF012  (Gymnasium's own declaration)

    def __init__(self, terrain: Terrain | None = None, config: WalkConfig | None = None):
        self.env = WalkEnv(terrain or make_fractal(0), config or WalkConfig(), 1, 0)
        layout = self.env.layout()
        size = layout.sensed_size + layout.extrinsics_size
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (size,), np.float32)
        self.action_space = gymnasium.spaces.Box(-8.0, 8.0, (layout.action_size,), np.float32)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        """Begins an episode somewhere on the terrain, in new physics."""
        super().reset(seed=seed)
        self.env.rng = self.np_random
        self.env.start(np.zeros(1, dtype=np.int64), self.np_random)
        return self.env.observe()[0], {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, float]]:
        """One control step of 10 ms."""
        result = self.env.step(np.asarray(action)[None])
        terms = {name: float(term[0]) for name, term in result.terms.items()}
        ended = bool(result.terminated[0]), bool(result.truncated[0])
        return self.env.observe()[0], float(result.reward[0]), *ended, terms
