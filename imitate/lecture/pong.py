"""Pong from pixels: the game of the lecture's A3C table that is quickest to learn, with the papers' preprocessing.

The emulator and the game come with ale-py (extra `atari`). What is done to the pictures, and who did so:

    frame skip          an action is repeated for 4 frames, k = 4                              (Mnih et al. 2015, 2016)
    maximum             of the last two of these frames, each pixel: sprites flicker           (Mnih et al. 2015)
    luminance, 84 x 84  of the maximum; scaled by averaging areas                              (Mnih et al. 2015)
    stack               the last 4 such pictures are one observation, m = 4                    (Mnih et al. 2015)
    no-ops              an episode begins with 0 to 30 frames of doing nothing, at random      (Mnih et al. 2015)
    reward              its sign while learning, `Collector`; scores are what the game counts  (Mnih et al. 2015)
    actions             those that the game knows, 6; none is repeated by chance               (Mnih et al. 2015)
    episode             the whole game, to 21 points; at most 30 minutes, 108,000 frames       (Mnih et al. 2016)

Two details are ale-py's: luminance is taken before the maximum, which is then that of grey values, and scaling is
OpenCV's INTER_AREA, where the papers say neither. Mnih et al. (2016) evaluate from starts that people have played,
which were not published; here games begin with no-ops, as in Mnih et al. (2015).
"""

import importlib.util
from typing import Any

import numpy as np

from imitate.env.step import StepResult
from imitate.lecture.problems import Agent, play_episodes
from pose.errors import InputError

SKIP, STACK, SIDE, MOST_NOOPS, MOST_FRAMES = 4, 4, 84, 30, 108_000
"""Frames of an action, pictures of an observation, their side [px], frames of no-ops, frames of a game."""
SCREEN = (210, 160)
"""Height and width of the console's picture [px]."""
RANDOM_SCORE, HUMAN_SCORE = -20.7, 9.3
"""Pong by a random player and by a professional tester, no-op starts (Mnih et al. 2015, extended data table 2).

The lecture's table is of human starts, where they are -18.0 and 15.5 (Nair et al. 2015).
"""


def human_normalised(score: float, random: float = RANDOM_SCORE, human: float = HUMAN_SCORE) -> float:
    """(score - random) / (human - random): 0 plays like chance, 1 like a person (van Hasselt et al. 2016, eq. 5)."""
    return (score - random) / (human - random)


def check_emulator() -> None:
    """Raises `InputError` unless ale-py is installed."""
    if importlib.util.find_spec("ale_py") is None:
        raise InputError(
            "Pong needs the emulator ale-py, which is not installed: pip install -c constraints.txt -e '.[atari]'"
        )


class Pong:
    """N games of Pong in step, each an episode; +1 for a point of ours, -1 for one of the computer's."""

    observation_size, actions, action_size = STACK * SIDE * SIDE, 6, 1
    horizon = MOST_FRAMES // SKIP

    def __init__(self, size: int, threads: int = 1, colour: bool = False):
        """Makes the games.

        Args:
          size: number of games, N.
          threads: that emulate them.
          colour: observations are the console's pictures instead, uint8 (N, 1, 210, 160, 3), for films.

        Raises:
          InputError: ale-py is not installed.
        """
        check_emulator()
        self.num_envs = size
        self._games = _make_games(size, threads, colour)
        self._pictures: np.ndarray = self._games.reset(seed=0)[0]

    def start(self, ids: np.ndarray | None = None, rng: np.random.Generator | None = None) -> None:
        """Begins games in these environments with a random number of no-ops."""
        chosen = np.zeros(self.num_envs, dtype=bool)
        chosen[slice(None) if ids is None else ids] = True
        seeds = (rng or np.random.default_rng()).integers(0, 2**31 - 1, size=int(chosen.sum()))
        self._pictures = self._games.reset(seed=seeds, options={"reset_mask": chosen})[0]

    def observe(self) -> np.ndarray:
        """The last four pictures, the oldest first, uint8 (N, 4, 84, 84)."""
        return self._pictures

    def step(self, action: np.ndarray) -> StepResult:
        """Holds the joystick for four frames; `action` int (N,): nothing, fire, right, left, both with fire."""
        self._pictures, reward, terminated, truncated, _ = self._games.step(action)
        never = np.zeros(self.num_envs, dtype=bool)
        return StepResult(reward.astype(np.float64), {}, terminated, truncated & ~terminated, never)


def _make_games(size: int, threads: int, colour: bool) -> Any:
    """ale-py's vector environment."""
    from ale_py.vector_env import AtariVectorEnv  # pyright: ignore[reportMissingImports]

    height, width = SCREEN if colour else (SIDE, SIDE)
    return AtariVectorEnv(
        "pong",
        size,
        num_threads=threads,
        img_height=height,
        img_width=width,
        grayscale=not colour,
        stack_num=1 if colour else STACK,
        frameskip=SKIP,
        maxpool=True,
        noop_max=MOST_NOOPS,
        max_num_frames_per_episode=MOST_FRAMES,
        repeat_action_probability=0.0,
        full_action_space=False,
        reward_clipping=False,
        use_fire_reset=False,
    )


def make_pong(size: int) -> Pong:
    """Makes N games in one thread, for workers that are processes of their own."""
    return Pong(size)


def play_games(policy: Agent, games: int, seed: int, threads: int = 1) -> np.ndarray:
    """Scores of whole games, actions drawn from the policy as in Mnih et al. (2016), (games,)."""
    return play_episodes(Pong(games, threads), policy, seed, greedy=False)
