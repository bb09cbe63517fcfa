"""Mirror images of clips."""

import numpy as np
import pytest

from imitate.env.env import EnvConfig, ImitationEnv
from imitate.env.task import Task
from imitate.tracker.mirror import find_tangent_mirror, is_symmetric, mirror_clip
from imitate.tracker.prepare import Prepared
from imitate.training.distill import Expert
from reconstruct.characters.character import load_character
from reconstruct.cycle import mirror_motion


def test_the_image_is_simulated_as_the_clip_is(prepared: list[Prepared]):
    character, clip = load_character("humanoid"), prepared[0]
    assert is_symmetric(character)
    mirror = find_tangent_mirror(character)
    servo = mirror[6:, 6:]  # the humanoid has a servo for each degree of freedom, in their order
    envs, labels, rng = list[ImitationEnv](), list[np.ndarray](), np.random.default_rng(0)
    push, offset, noise = (0.1 * rng.standard_normal((1, n)) for n in (34, 34, 28))
    for each, turn, sides in ((clip, np.eye(34), np.eye(28)), (mirror_clip(clip, character), mirror, servo)):
        assert each.draft is not None
        env = ImitationEnv(Task(character, each.motion), EnvConfig(action_scale=1.0), 1)
        expert, frame = Expert(each.draft, env), np.array([2])
        env.start(frame, None, None, offset @ turn.T, push @ turn.T)
        for _ in range(8):
            labels.append(expert.label(env)[0] @ sides)
            env.step(labels[-1] @ sides.T + noise @ sides.T)
        envs.append(env)
    assert labels[:8] == [pytest.approx(each, abs=1e-4) for each in labels[8:]]
    assert mirror_motion(character.model, envs[0].qpos) == pytest.approx(envs[1].qpos, abs=1e-4)
    assert np.abs(envs[0].qpos - envs[1].qpos).max() > 0.05, "the motion has sides"


def test_the_image_of_the_image_is_the_clip(prepared: list[Prepared]):
    character, clip = load_character("humanoid"), prepared[1]
    twice = mirror_clip(mirror_clip(clip, character), character)
    assert clip.draft is not None and twice.draft is not None
    assert twice.motion.qpos == pytest.approx(clip.motion.qpos)
    for name in ("controls", "qvel", "gains"):
        assert getattr(twice.draft, name) == pytest.approx(getattr(clip.draft, name))
