"""The Gymnasium interface passes Gymnasium's own checks."""

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from imitate.env.config import EnvConfig
from imitate.env.gymnasium_env import GymImitationEnv
from imitate.env.task import Task
from imitate.training.benchmark import bare_steps_per_second, part_times
from imitate.training.config import TrainConfig
from reconstruct.characters.character import load_character
from reconstruct.motion import ReferenceMotion

CHARACTER = load_character("humanoid")
STANDING = ReferenceMotion(
    qpos=np.tile(CHARACTER.model.qpos0, (31, 1)),
    fps=30.0,
    character=CHARACTER.name,
    height=CHARACTER.height,
    joint_names=CHARACTER.joint_names,
    contacts=np.ones((31, 1), dtype=bool),
    contact_names=("left_foot",),
)


def test_gymnasium_accepts_it():
    env = GymImitationEnv(Task(CHARACTER, STANDING))
    check_env(env, skip_render_check=True)
    env.reset(seed=0, options={"frame": 0})
    _, reward, terminated, truncated, terms = env.step(np.zeros(28))
    assert reward == pytest.approx(sum(terms.values()))
    assert not (terminated or truncated)


def test_a_seed_decides_an_episode_with_its_pushes_noise_and_delays():
    config = EnvConfig(push_speed=2.0, push_interval=0.5, sensor_noise=1.0, delay=2.0)
    env, episodes = GymImitationEnv(Task(CHARACTER, STANDING), config), []
    for seed in (5, None, 6, 5):
        seen = [env.reset(seed=seed, options={"frame": 0})[0]]
        seen += [env.step(np.zeros(28))[0] for _ in range(20)]
        episodes.append(np.array(seen))
    first, unseeded, other, again = episodes
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, unseeded) and not np.array_equal(first, other)


def test_benchmark_measures_all_parts():
    config = TrainConfig(num_envs=8, num_steps=4, hidden_sizes=(16, 16))
    times = part_times(Task(CHARACTER, STANDING), config, iterations=1)
    assert set(times) == {"collect", "update", "observe", "act", "targets", "physics", "reward", "limit"}
    assert all(value > 0 for value in times.values())
    assert times["collect"] > times["physics"] * 0.5
    assert bare_steps_per_second(Task(CHARACTER, STANDING), 2, 0.1) > 0
