"""Scenes: the heights that we compute are those that MuJoCo collides with; the flat one is what it was."""

import mujoco
import numpy as np
import pytest

from imitate.scene import KINDS, Scene, build_model, named_scene
from pose.errors import InputError
from reconstruct.character import load_character

CHARACTER = load_character("humanoid")


@pytest.mark.parametrize("kind", ["slope", "downhill", "gaps", "stairs", "stairs_down", "uneven"])
def test_height_is_where_a_ray_from_above_meets_the_ground(kind):
    scene = Scene(kind)
    model, ground = build_model(CHARACTER, scene), scene.ground()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    rng = np.random.default_rng(0)
    points = np.column_stack([rng.uniform(2.0, 8.0, 100), rng.uniform(-2.0, 2.0, 100)])
    hit = np.zeros(1, dtype=np.int32)
    down = np.array([0.0, 0.0, -1.0])
    seen = [9.0 - mujoco.mj_ray(model, data, np.array([*p, 9.0]), down, None, 1, -1, hit) for p in points]
    # A height field's cells are two triangles each; ours are bilinear.
    np.testing.assert_allclose(ground.height(points), seen, atol=2e-3)


def test_a_slope_of_ten_degrees_rises_by_its_tangent():
    ground = Scene("slope", angle=10.0).ground()
    assert ground.height(np.array([2.0, 5.0])) == pytest.approx(2.0 * 0.17632698)
    assert Scene("downhill").ground().height(np.array([2.0, 0.0])) == pytest.approx(-2.0 * 0.17632698)


def test_support_bridges_gaps_and_goes_up_stairs_without_a_jump():
    u = np.column_stack([np.linspace(0.0, 7.0, 2000), np.zeros(2000)])
    assert not Scene("gaps").ground().support(u).any()
    assert Scene("gaps").ground().height(u).min() == -1.0
    climb = Scene("stairs").ground().support(u)
    assert np.diff(climb).max() < 0.005
    assert climb[-1] == pytest.approx(12 * 0.12)


def test_same_seed_same_scene():
    same, other = Scene("uneven").ground(), Scene("uneven", seed=1).ground()
    again = Scene("uneven").ground()
    assert same.grid is not None and again.grid is not None and other.grid is not None
    assert np.array_equal(same.grid, again.grid) and not np.array_equal(same.grid, other.grid)


def test_flat_settings_and_surface():
    assert Scene().settings == {"kind": "flat"}
    assert Scene().ground().flat and Scene("box").ground().flat and not Scene("slope").ground().flat


def test_unknown_kind_and_senseless_options_are_told_in_one_line():
    with pytest.raises(InputError) as caught:
        named_scene("moon")
    assert "moon" in str(caught.value) and all(kind in str(caught.value) for kind in KINDS)
    with pytest.raises(InputError, match=r"scene\.angle is 80"):
        Scene("slope", angle=80.0)
