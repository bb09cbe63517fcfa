import mujoco
import numpy as np
import pytest

from imitate.locomotion.terrain import Terrain, make_course, make_fractal, perlin

KINDS = ("slopes", "stones", "stairs", "obstacles")


@pytest.mark.parametrize("kind", ["fractal", *KINDS])
def test_height_is_what_a_ray_meets(kind):
    terrain = make_fractal(3, 8.0) if kind == "fractal" else make_course(kind, 0.7, 3, 8.0, 3.0)
    spec = mujoco.MjSpec()
    terrain.add_to(spec)
    model = spec.compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    points = np.random.default_rng(0).uniform(-terrain.half, terrain.half, (60, 2))
    geom, down = np.zeros(1, np.int32), np.array([0.0, 0.0, -1.0])
    rays = [mujoco.mj_ray(model, data, np.array([*p, 3.0]), down, None, 1, -1, geom, None) for p in points]
    np.testing.assert_allclose(3.0 - np.array(rays), terrain.height(points), atol=1e-6)


@pytest.mark.parametrize("kind", ["fractal", *KINDS])
def test_a_seed_says_it_all(kind):
    make = make_fractal if kind == "fractal" else lambda seed: make_course(kind, 0.5, seed)
    assert np.array_equal(make(1).heights, make(1).heights)
    if kind in ("fractal", "stones", "obstacles"):
        assert not np.array_equal(make(1).heights, make(2).heights)


def test_noise_is_zero_on_the_lattice_and_has_its_slope_there():
    points = np.array([0.0, 1e-4, 1.0, 2.0])
    values = perlin(points, np.random.default_rng(0))
    assert np.abs(values[np.ix_([0, 2, 3], [0, 2, 3])]).max() < 1e-12
    # Near a lattice point noise is the gradient there, a unit vector, times the way from it.
    slope = np.array([values[0, 1], values[1, 0]]) / 1e-4
    assert abs(np.linalg.norm(slope) - 1.0) < 1e-3


def test_kinds_have_the_sizes_that_they_say():
    stairs = make_course("stairs", 1.0, 0)
    x = np.arange(-7.5, -4.0, 0.01)
    steps = np.diff(np.unique(np.round(stairs.height(np.stack([x + 0.5, 0 * x], 1)), 2)[::1]))
    assert stairs.heights.max() == pytest.approx(6 * 0.17) and steps.max() <= 0.17 + 1e-6
    slopes = make_course("slopes", 1.0, 0)
    gradient = np.gradient(slopes.heights[0], slopes.spacing)
    assert np.degrees(np.arctan(np.abs(gradient).max())) == pytest.approx(25.0, abs=0.1)
    stones = make_course("stones", 1.0, 0)
    on_stones = (stones.heights[:, 60:] > -0.1).mean()
    assert 0.25 < on_stones < 0.45  # (.35 / .6)^2 = .34
    assert np.abs(make_course("obstacles", 1.0, 0).heights).max() <= 0.2
    for kind in KINDS:
        assert np.abs(make_course(kind, 1.0, 0).heights[:, :20]).max() == 0.0


def test_bad_ground():
    with pytest.raises(ValueError, match="kind 'lava'"):
        make_course("lava", 0.5, 0)
    with pytest.raises(ValueError, match="difficulty"):
        make_course("stairs", 1.5, 0)
    with pytest.raises(ValueError, match="heights"):
        Terrain(np.zeros(3), 0.1)
