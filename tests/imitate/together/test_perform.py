"""Several in one simulation: far apart it is as if each were alone, on one place they bump into each other."""

from dataclasses import replace

import numpy as np
import pytest

from imitate.scene.scene import Scene
from imitate.together.perform import ACTING, FALLEN, GONE, WAITING, Performance, Player, perform_together
from imitate.together.stage import build_stage
from imitate.tracker.performance import Performance as PerformanceOfOne
from pose.errors import InputError
from reconstruct.characters.character import load_character
from reconstruct.motion import ReferenceMotion
from reconstruct.together.shared_world import Place
from sfv.commands.play import choose, perform
from sfv.skill import Skill, skills_named


@pytest.fixture(scope="module")
def flip() -> Skill:
    return choose(skills_named("backflip"), "humanoid", Scene())


def cut(motion: ReferenceMotion, frames: int) -> ReferenceMotion:
    return replace(motion, qpos=motion.qpos[:frames], contacts=motion.contacts[:frames])


def player(skill: Skill, place: Place, frames: int = 10**6) -> Player:
    return Player(replace(skill.task, motion=cut(skill.reference, frames)), skill.policy, place)


def test_far_apart_each_performs_as_alone_and_comes_when_it_is_time(flip: Skill, tmp_path) -> None:
    places = Place(0.0, 0.0, 3.0, -2.0), Place(0.5, -2.0, -4.0, 1.0)
    done = perform_together([player(flip, place) for place in places])
    alone = perform(flip)
    count = len(alone.qpos)
    np.testing.assert_allclose(done.qpos[0][:count], places[0].put(alone.qpos), atol=1e-6)
    # The friction pyramids lie along the world's axes: turned, a motion is nearly the same.
    np.testing.assert_allclose(done.qpos[1][15 : 15 + count, :3], places[1].put(alone.qpos)[:, :3], atol=0.1)
    assert (done.state[1, :15] == WAITING).all() and (done.state[1, 15:-1] == ACTING).all()
    assert done.state[0, -1] == GONE and not done.touching.any() and done.depth.max() == 0.0
    assert done.reward[0].sum() == pytest.approx(alone.reward.sum(), rel=1e-6)
    assert done.relative_error() < 0.3
    done.save(tmp_path / "performance.npz")
    again = Performance.load(tmp_path / "performance.npz")
    with pytest.raises(InputError, match="holds group performance, expected performance"):
        PerformanceOfOne.load(tmp_path / "performance.npz")
    np.testing.assert_array_equal(again.qpos[1], done.qpos[1])
    np.testing.assert_array_equal(again.state, done.state)


def test_who_lands_on_another_falls_and_they_do_not_pass_through_each_other(flip: Skill) -> None:
    done = perform_together([player(flip, Place(), 60), player(flip, Place(0.0, np.pi, 0.55, 0.05), 60)])
    assert done.touching.any() and 0.0 < done.depth.max() < 0.12
    assert (done.state == FALLEN).any()
    assert np.isfinite(done.qpos[0]).all() and done.reward[done.state == FALLEN].sum() == 0.0


def test_bodies_collide_with_each_other_and_the_ground_but_not_with_themselves() -> None:
    model = build_stage([load_character("humanoid"), load_character("child"), load_character("humanoid", 1.9)])
    owner = [model.body(b).name.split("_")[0] for b in model.geom_bodyid]
    kind, meets = model.geom_contype.astype(int), model.geom_conaffinity.astype(int)
    for a in range(model.ngeom):
        for b in range(a + 1, model.ngeom):
            collide = bool(kind[a] & meets[b] or kind[b] & meets[a])
            solid = all(kind[g] or meets[g] for g in (a, b))
            assert collide == (solid and owner[a] != owner[b])
    with pytest.raises(ValueError, match="at most 8"):
        build_stage([load_character("humanoid")] * 9)
