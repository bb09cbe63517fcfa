"""What the learner is told about the ends of episodes."""

import numpy as np
import pytest
import torch

from imitate.env import EnvConfig, ImitationEnv
from imitate.initial_state import FixedStart
from imitate.policy import Policy, PolicyLayout
from imitate.scene import Scene
from imitate.skill_collector import SkillCollector
from reconstruct.character import load_character
from reconstruct.motion import ReferenceMotion

CHARACTER = load_character("humanoid")
GAMMA = 0.9


def collect_standing(loop: bool):
    """Returns that the critic is to learn from 5 steps of 2 episodes that end in good order after 3, (5, 2)."""
    motion = ReferenceMotion(
        qpos=np.tile(CHARACTER.model.qpos0, (4, 1)),
        fps=30.0,
        character=CHARACTER.name,
        height=CHARACTER.height,
        joint_names=CHARACTER.joint_names,
        contacts=np.ones((4, 1), dtype=bool),
        contact_names=("left_foot",),
        loop=loop,
    )
    config = EnvConfig(episode_seconds=0.1, pose_noise=0.0, velocity_noise=0.0)
    env = ImitationEnv(CHARACTER, Scene(), motion, config, 2)
    layout = PolicyLayout("humanoid", 1.75, env.observation_layout.sizes, ("",) * env.action_size, 0.25, (8,))
    policy = Policy(layout)
    policy.returns.mean.fill_(-7.0)  # the critic says about -7 everywhere
    torch.nn.init.zeros_(list(policy.critic.parameters())[-2])
    collector = SkillCollector(env, FixedStart(env.reference), 0)
    env.age[:] = 0
    batch, episodes = collector.collect(policy, 5, GAMMA, gae_lambda=0.0)
    assert episodes.completed == episodes.ended == 2
    return (batch.advantage + batch.value).reshape(5, 2).numpy()


def test_end_of_a_clip_is_worth_what_its_last_reward_promises():
    returns = collect_standing(loop=False)
    # r + gamma r / (1 - gamma) = r / (1 - gamma) at the third step, with a reward a little below 1
    assert returns[2] == pytest.approx(10.0, abs=1.0)
    # elsewhere r + gamma V = about 1 - 6.3
    assert returns[[0, 1, 3, 4]] == pytest.approx(-5.3, abs=0.3)


def test_time_limit_of_a_loop_is_bootstrapped():
    assert collect_standing(loop=True) == pytest.approx(-5.3, abs=0.3)
