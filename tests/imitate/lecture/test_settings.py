"""Settings: every name of a change exists, and what is adapted is what was asked for."""

import pytest

from imitate.lecture.a3c import A3CConfig
from imitate.lecture.settings import ALGORITHMS, SETTINGS, Settings


@pytest.mark.parametrize("problem", SETTINGS)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_pair_has_a_config_of_its_learners_kind(problem, algorithm):
    """`adapt` raises if a change names a setting that the learner does not have."""
    adapted, own = SETTINGS[problem].adapt(algorithm), ALGORITHMS[algorithm]
    assert type(adapted.config) is type(own.config) and adapted.title == own.title
    assert adapted.num_envs >= 1 and (adapted.num_steps is None) == (own.num_steps is None)


def test_changes_go_over_common_ones_and_those_over_the_algorithms_own():
    settings = Settings(common={"gamma": 0.5, "num_envs": 3}, changes={"a2c": {"gamma": 0.25, "num_steps": 7}})
    a2c, online = settings.adapt("a2c"), settings.adapt("online")
    assert (a2c.config.gamma, a2c.num_envs, a2c.num_steps) == (0.25, 3, 7)
    assert (online.config.gamma, online.num_envs, online.num_steps) == (0.5, 3, 1)
    assert a2c.config.learning_rate == ALGORITHMS["a2c"].config.learning_rate
    assert ALGORITHMS["a2c"].num_envs == 8  # the table itself stays as it is


def test_unknown_setting_is_refused():
    with pytest.raises(TypeError, match="learning_speed"):
        Settings(changes={"a2c": {"learning_speed": 1.0}}).adapt("a2c")


def test_a3c_has_the_papers_loop_where_nothing_else_is_said():
    assert (ALGORITHMS["a3c"].num_envs, ALGORITHMS["a3c"].num_steps) == (A3CConfig().num_envs, A3CConfig().num_steps)
