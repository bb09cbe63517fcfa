"""Grounds: what is above what, in the surface's own axes and the world's, whichever way the ground lies."""

from dataclasses import replace

import numpy as np
import pytest

from imitate.scene.ground import ASIDE, BEHIND, MAP_DEPTH, MAP_POINTS, SMOOTHING, SPACING, Ground

RNG = np.random.default_rng(0)
POINTS = RNG.uniform(-5.0, 5.0, (50, 2))
PLACED = {"origin": (1.5, -2.0), "yaw": 0.7}
STAIRS = Ground(
    edges=np.array([1.0, 2.0]), levels=np.array([0.0, 0.2, 0.4]), bridged=np.array([0.0, 0.2, 0.4]), **PLACED
)
GAP = Ground(edges=np.array([1.0, 1.4]), levels=np.array([0.0, -1.0, 0.0]), bridged=np.zeros(3))
SLOPE = Ground(incline=np.radians(10.0), **PLACED)


def make_field() -> Ground:
    """A plane in u and v, which linear interpolation must give exactly: z = 0.1 u - 0.05 v + 0.3."""
    v, u = np.mgrid[-ASIDE : ASIDE + 1e-9 : SPACING, -BEHIND : 8.0 + 1e-9 : SPACING]
    return Ground(grid=0.1 * u - 0.05 * v + 0.3, **PLACED)


GROUNDS = {"flat": Ground(), "stairs": STAIRS, "gap": GAP, "slope": SLOPE, "field": make_field()}


@pytest.mark.parametrize("ground", GROUNDS.values(), ids=GROUNDS)
def test_world_and_local_are_inverse_and_keep_distances(ground):
    u, v = ground.local(POINTS)
    np.testing.assert_allclose(ground.world(u, v), POINTS, atol=1e-12)
    between = np.linalg.norm(np.diff(POINTS, axis=0), axis=1)
    np.testing.assert_allclose(np.hypot(np.diff(u), np.diff(v)), between, atol=1e-12)


@pytest.mark.parametrize("ground", GROUNDS.values(), ids=GROUNDS)
def test_a_ground_that_is_turned_and_moved_has_the_same_heights_at_turned_and_moved_points(ground):
    angle, shift = 1.1, np.array([3.0, -4.0])
    cos, sin = np.cos(angle), np.sin(angle)
    R = np.array([[cos, -sin], [sin, cos]])
    other = replace(ground, origin=tuple(R @ ground.origin + shift), yaw=ground.yaw + angle)
    for height in ("height", "support"):
        np.testing.assert_allclose(
            getattr(other, height)(POINTS @ R.T + shift), getattr(ground, height)(POINTS), atol=1e-9
        )


def test_only_the_plane_is_flat():
    assert [name for name, ground in GROUNDS.items() if ground.flat] == ["flat"]


def test_a_field_is_interpolated_linearly_and_goes_on_level_beyond_its_edge():
    field = GROUNDS["field"]
    u, v = field.local(POINTS)
    np.testing.assert_allclose(field.height(POINTS), 0.1 * u - 0.05 * v + 0.3, atol=1e-9)
    far = field.world(np.array([100.0, 200.0]), np.array([0.0, 0.0]))
    np.testing.assert_allclose(field.height(far), 0.1 * 8.0 + 0.3, atol=1e-3)


def test_levels_change_at_the_edges():
    u = np.array([0.99, 1.0, 1.99, 2.0, 9.0])
    np.testing.assert_array_equal(STAIRS.height(STAIRS.world(u, np.zeros(5))), [0.0, 0.2, 0.2, 0.4, 0.4])


def test_support_of_stairs_rises_evenly_about_each_edge_and_has_their_heights_between():
    half = np.array([1.0 - SMOOTHING, 1.0, 1.0 + SMOOTHING, 1.5, 2.0 + SMOOTHING])
    np.testing.assert_allclose(STAIRS.support(STAIRS.world(half, np.ones(5))), [0.0, 0.1, 0.2, 0.2, 0.4], atol=1e-12)


def test_a_foot_is_moved_the_least_way_off_an_edge():
    assert GAP.foothold(0.2, 0.5) == 0.0  # on a tread already
    assert GAP.foothold(0.9, 1.1) == pytest.approx(-0.11)  # back, one centimetre from the edge
    assert GAP.foothold(1.3, 1.5) == pytest.approx(0.11)  # on
    assert STAIRS.foothold(0.6, 2.5) == pytest.approx(-0.05)  # longer than the tread: over its middle, 1.5 m
    assert Ground().foothold(-1.0, 1.0) == 0.0


def test_the_map_shows_the_rise_ahead_and_turns_with_the_body():
    root = np.array([[1.5, -2.0, 0.9], [1.5, -2.0, 5.0]])  # the origin of the slope; height does not matter
    uphill = SLOPE.map_around(root, np.full(2, SLOPE.yaw))
    expected = np.tan(SLOPE.incline) * MAP_POINTS[:, 0]
    np.testing.assert_allclose(uphill, np.stack([expected, expected]), atol=1e-12)
    # Facing along the contour with the hill on the left, what is to the left is higher.
    along = SLOPE.map_around(root[:1], np.array([SLOPE.yaw - np.pi / 2]))[0]
    np.testing.assert_allclose(along, np.tan(SLOPE.incline) * MAP_POINTS[:, 1], atol=1e-12)


def test_the_map_is_cut_at_its_depth():
    pit = replace(GAP, levels=np.array([0.0, -50.0, 0.0]))
    seen = pit.map_around(np.array([[0.9, 0.0, 1.0]]), np.zeros(1))
    assert seen.min() == -MAP_DEPTH and seen.max() == 0.0
