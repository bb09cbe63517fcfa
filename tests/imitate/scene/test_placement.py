"""Motions set upon other ground: contacts on the surface, the rest where it was, no sudden change."""

import numpy as np

from imitate.scene.ground import EDGE, Ground
from imitate.scene.placement import CHANGE_SIGMA, CLEARANCE, place_on_ground, plan_foot_paths, sudden_change
from reconstruct.contacts import contact_points, find_contacts
from reconstruct.kinematics import point_positions
from reconstruct.solver.tangent import TangentSpace
from sfv.demo.motions import load_demo_motion
from tests.samples import CHARACTER, standing

MODEL, SOLES = CHARACTER.model, contact_points(CHARACTER)
SPACE = TangentSpace.of(MODEL)
SLOPE = Ground(incline=np.radians(8.0))
STEP = Ground(edges=np.array([0.05]), levels=np.array([0.0, 0.2]), bridged=np.array([0.0, 0.2]))


def test_on_the_plane_nothing_is_to_be_moved():
    flat = point_positions(MODEL, standing(5).qpos, SOLES)
    contact = np.ones(flat.shape[:2], dtype=bool)
    np.testing.assert_allclose(plan_foot_paths(flat, contact, CHARACTER, Ground()), flat, atol=1e-12)


def test_a_standing_body_is_lifted_to_the_slope_and_keeps_its_shape():
    qpos = standing(6).qpos
    placed = place_on_ground(qpos, 30.0, CHARACTER, MODEL, SLOPE)
    feet = slice(0, 4)
    before, after = (point_positions(MODEL, q, SOLES)[:, feet] for q in (qpos, placed))
    np.testing.assert_allclose(after[..., 2] - SLOPE.height(after[..., :2]), before[..., 2], atol=0.01)
    np.testing.assert_allclose(after[..., :2], before[..., :2], atol=0.01)
    assert np.abs(placed[:, :2] - qpos[:, :2]).max() < 0.05
    np.testing.assert_allclose(placed, placed[:1].repeat(6, axis=0), atol=2e-3)  # it still stands still


def test_no_foot_rests_across_an_edge():
    """The edge lies below the standing feet: they are wanted on one tread, wholly."""
    flat = point_positions(MODEL, standing(4).qpos, SOLES)
    contact = find_contacts(flat, 30.0)
    wanted = plan_foot_paths(flat, contact, CHARACTER, STEP)
    for foot in (slice(0, 2), slice(2, 4)):
        u = wanted[:, foot, 0]
        assert (u.max(axis=1) < 0.05 - EDGE + 1e-9).all() or (u.min(axis=1) > 0.05 + EDGE - 1e-9).all()
        level = STEP.height(wanted[:, foot, :2])
        np.testing.assert_allclose(wanted[:, foot, 2], flat[:, foot, 2] + level, atol=1e-9)


def test_swung_feet_go_over_the_edges_of_stairs():
    edges = np.arange(0.5, 6.0, 0.6)
    levels = 0.12 * np.arange(len(edges) + 1)
    stairs = Ground(edges=edges, levels=levels, bridged=levels)
    walk = load_demo_motion("walk", CHARACTER)
    flat = point_positions(MODEL, walk.qpos, SOLES)
    contact = find_contacts(flat, walk.fps)
    wanted = plan_foot_paths(flat, contact, CHARACTER, stairs)
    parts = {"left_foot": slice(0, 2), "right_foot": slice(2, 4)}
    swings = 0
    for foot in parts.values():
        swung = ~contact[:, foot].any(axis=1)
        # Over the ground at the foot's own end points, by so much.
        above = wanted[swung, foot, 2] - stairs.height(wanted[swung, foot, :2])
        assert (above >= CLEARANCE - 1e-9).all()
        swings += swung.sum()
    assert swings > 10


def test_a_steady_change_is_not_sudden_and_a_jolt_is():
    qpos = standing(6).qpos
    ramp = qpos.copy()
    ramp[:, 0] += 0.1 * np.arange(6)
    np.testing.assert_allclose(sudden_change(SPACE, qpos, ramp, 30.0).residual, 0.0, atol=1e-9)
    jolt = qpos.copy()
    jolt[3, 2] += 0.01
    residual = sudden_change(SPACE, qpos, jolt, 30.0).residual.reshape(4, -1)
    expected = np.array([0.0, 1.0, -2.0, 1.0]) * 0.01 * 30.0**2 / CHANGE_SIGMA
    np.testing.assert_allclose(residual[:, 2], expected, atol=1e-9)


def test_jacobian_of_sudden_change_agrees_with_differences():
    rng = np.random.default_rng(0)
    original = standing(3).qpos
    changed = SPACE.integrate(original, 0.2 * rng.normal(size=(3, MODEL.nv)))
    block = sudden_change(SPACE, original, changed, 30.0)
    for frame in range(3):
        direction = rng.normal(size=MODEL.nv)
        step = np.zeros((3, MODEL.nv))
        step[frame] = 1e-6 * direction
        ahead = sudden_change(SPACE, original, SPACE.integrate(changed, step), 30.0).residual
        behind = sudden_change(SPACE, original, SPACE.integrate(changed, -step), 30.0).residual
        found = (ahead - behind).ravel() / 2e-6
        expected = (block.dense_jacobian()[0, frame] @ direction).ravel()
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)
