"""Presets: what is given takes precedence, the rest is filled in, and what is recorded is what runs."""

from dataclasses import asdict, fields

import pytest
import tyro

from imitate.env.env import EnvConfig
from imitate.training.config import BUDGET, SLIDE, TrainConfig
from imitate.training.ppo import PPOConfig, PPOOptions


def is_complete(options: dict) -> bool:
    """No option is left out, but for the budget of samples, whose None means unlimited."""
    return all(
        is_complete(value) if isinstance(value, dict) else value is not None or name == "samples"
        for name, value in options.items()
    )


def parse(*words: str) -> TrainConfig:
    return tyro.cli(TrainConfig, args=words)


@pytest.mark.parametrize("preset", ["tuned", "sfv"])
@pytest.mark.parametrize("warm_start", [None, "draft", "none"])
def test_every_option_has_a_value_and_resolving_twice_changes_nothing(preset, warm_start):
    config = TrainConfig(preset=preset, warm_start=warm_start).resolve()
    assert is_complete(asdict(config))
    assert config.resolve() == config
    assert warm_start in (None, config.warm_start)


def test_the_tuned_preset():
    config = TrainConfig().resolve()
    assert (config.num_envs, config.num_steps, config.hidden_sizes) == (512, 16, (256, 256))
    assert (config.initial_std, config.learn_std, config.warm_start, config.env.push_speed) == (
        0.15,
        True,
        "draft",
        0.6,
    )
    assert config.ppo == PPOConfig(2, 1024, 0.97, 0.95, 0.2, 3e-4, (1e-5, 1e-3))
    assert config.env.slide_weight == 0.2
    scratch = TrainConfig(warm_start="none").resolve()
    assert (scratch.num_steps, scratch.env.push_speed, scratch.env.slide_weight) == (8, 0.0, 0.0)


def test_the_papers_preset():
    config = TrainConfig(preset="sfv").resolve()
    assert (config.num_envs, config.num_steps, config.hidden_sizes) == (256, 16, (1024, 512))
    assert (config.initial_std, config.learn_std, config.warm_start, config.env.push_speed) == (0.2, False, "none", 0.0)
    assert config.env.slide_weight == 0.0  # the paper's reward has no such term
    assert config.ppo == PPOConfig(1, 256, 0.95, 0.95, 0.2, 5e-5, (5e-5, 5e-5))


@pytest.mark.parametrize("preset", ["tuned", "sfv"])
@pytest.mark.parametrize("other", ["tuned", "sfv"])
def test_any_value_can_be_asked_for_under_any_preset(preset, other):
    """Also one that is the usual value, or another preset's."""
    values = TrainConfig(preset=other).resolve()
    ppo = PPOOptions(**{field.name: getattr(values.ppo, field.name) for field in fields(values.ppo)})
    given = {field.name: getattr(values, field.name) for field in fields(values)} | {"preset": preset, "ppo": ppo}
    config = TrainConfig(**given).resolve()
    assert asdict(config) == asdict(values) | {"preset": preset}


def test_from_the_command_line():
    config = parse("--preset", "sfv", "--num-envs", "512", "--ppo.gamma", "0.97", "--env.push-speed", "0.6").resolve()
    assert (config.num_envs, config.ppo.gamma, config.env.push_speed) == (512, 0.97, 0.6)
    assert (config.hidden_sizes, config.ppo.minibatch_size) == ((1024, 512), 256)
    assert parse("--preset", "sfv", "--warm-start", "draft").resolve().warm_start == "draft"
    assert parse("--warm-start", "none", "--num-steps", "16").resolve().num_steps == 16
    assert parse("--hidden-sizes", "64", "32", "--learn-std", "False").resolve().hidden_sizes == (64, 32)


def test_pushes_can_be_asked_for_without_a_warm_start():
    assert TrainConfig(warm_start="none", env=EnvConfig(push_speed=0.6)).resolve().env.push_speed == 0.6
    assert TrainConfig(env=EnvConfig(push_speed=0.0, action_scale=0.3)).resolve().env == EnvConfig(
        push_speed=0.0, action_scale=0.3, slide_weight=SLIDE
    )


def test_budget_is_apart_from_what_decides_the_result():
    config = TrainConfig(minutes=3.0, seed=5).resolve()
    assert config.budget().keys() == set(BUDGET)
    assert config.without_budget().keys() == {field.name for field in fields(config)} - set(BUDGET)
    assert config.budget()["minutes"] == 3.0 and config.without_budget()["seed"] == 5
