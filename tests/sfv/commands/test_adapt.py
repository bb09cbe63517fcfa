"""`sfv adapt`: a shipped skill learns to adapt in a run of its own; what cannot be is one line."""

from pathlib import Path

import numpy as np
import pytest

from imitate.adapt.adapt import AdaptConfig
from imitate.adapt.in_use import AdaptingPolicy
from imitate.adapt.skill_regression import SkillRegressionConfig
from imitate.rollout import EvaluateConfig
from pose.errors import InputError
from sfv.commands.adapt import AdaptRunConfig, choose_skill, run_adapt
from sfv.commands.play import perform
from sfv.skill import run_skills


def test_which_skill_is_to_adapt_must_be_said():
    for config in (AdaptRunConfig(), AdaptRunConfig(clip=Path("x"), skill="walk")):
        with pytest.raises(InputError, match="one of them"):
            choose_skill(config)
    with pytest.raises(InputError, match="g1"):
        choose_skill(AdaptRunConfig(skill="jump", character="g1"))
    assert choose_skill(AdaptRunConfig(skill="walk", character="atlas")).body == "atlas"


@pytest.mark.slow
def test_a_shipped_walk_learns_to_adapt_and_plays(tmp_path):
    tiny = AdaptConfig(samples=100, workers=1, trials=2, regression=SkillRegressionConfig(steps=6, num_envs=2))
    config = AdaptRunConfig(
        skill="walk", out=tmp_path / "run", adapt=tiny, evaluate=EvaluateConfig(rollouts=1, loop_seconds=1.0)
    )
    run = run_adapt(config)
    assert run.body == "humanoid@adaptive" and {"adapt_success", "push_survival"} <= run.metrics.keys()
    (skill,) = run_skills(run.folder)
    assert skill.adaptive and isinstance(skill.policy, AdaptingPolicy)
    assert np.isfinite(perform(skill, 0.5).qpos).all()
