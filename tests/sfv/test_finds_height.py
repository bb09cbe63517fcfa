"""Whose height is looked for in a film."""

from sfv.config import ClipConfig
from sfv.pipeline import choose_bodies


def test_only_the_usual_bodys_height_is_looked_for_and_a_child_stays_a_child():
    for name, looked_for in (("humanoid", True), ("child", False), ("atlas", True)):
        config = ClipConfig(character=name)
        _, person = choose_bodies(config)
        assert config.finds_height(person.name) == looked_for
    assert not ClipConfig(height=1.7).finds_height("humanoid")
