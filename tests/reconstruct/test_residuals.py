"""Every term's Jacobian against finite differences, by the poses and by the camera; physics on made-up trajectories."""

from dataclasses import replace

import numpy as np
import pytest

from reconstruct import dynamics, residuals, rolling
from reconstruct.camera import View
from reconstruct.characters.character import load_character
from reconstruct.contacts import contact_points
from reconstruct.kinematics import BodyPoints, compute_kinematics
from reconstruct.observations import BONES, Observations
from reconstruct.rolling import find_other_parts
from reconstruct.tangent import integrate, layout

FPS = 30.0
FRAMES = 6


@pytest.fixture(scope="module")
def scene():
    """A tumbling body with random detections, contacts and a tilted camera; and all terms as functions of it."""
    rng = np.random.default_rng(0)
    character = load_character("humanoid")
    model, lay = character.model, layout(character.model)
    start = integrate(lay, np.array(model.qpos0)[None], 0.4 * rng.normal(size=(1, model.nv)))
    rate = rng.normal(size=(1, model.nv))
    qpos = np.concatenate([integrate(lay, start, 0.1 * t * rate) for t in range(FRAMES)])
    qpos[:, 0] += 5.0
    qpos[:, 2] -= 0.7  # partly below the ground

    names = tuple(character.landmarks)
    landmarks = BodyPoints.of_sites(model, tuple(character.landmarks.values()))
    bones = np.array([(names.index(a), names.index(b)) for a, b in BONES])
    seen = Observations(
        points=landmarks,
        names=names,
        plane_px=100.0 * rng.normal(size=(FRAMES, len(names), 2)),
        weight=rng.uniform(size=(FRAMES, len(names))),
        xyz_c=rng.normal(size=(FRAMES, len(names), 3)),
        bones=bones,
        bone_vectors_c=rng.normal(size=(FRAMES, len(bones), 3)),
        bone_weight=rng.uniform(size=(FRAMES, len(bones))),
        px_per_metre=np.full(FRAMES, 200.0),
        seen=np.ones(FRAMES, dtype=bool),
    )
    touching, solid = contact_points(character), BodyPoints.of_geoms(model)
    points = landmarks.joined(touching).joined(solid)
    sole = slice(len(landmarks), len(landmarks) + len(touching))
    body = slice(sole.stop, len(points))
    masses = dynamics.Masses.of(model, len(points))
    points = points.joined(BodyPoints.of_masses(model))
    contact = rng.uniform(size=(FRAMES, len(touching)))
    flight = np.ones(FRAMES, dtype=bool)
    parts = find_other_parts(character)
    rolls = rng.uniform(size=(FRAMES, len(parts))) > 0.3
    balls, corners = BodyPoints.of_geoms(model).at(parts), BodyPoints.of_masses(model)
    target = integrate(lay, qpos, 0.2 * rng.normal(size=(FRAMES, model.nv)))
    spread = np.full(model.nv, 3.0)
    expected = View(0.0, 0.0, 1.2, 7.1)

    # What carries is kept in the Jacobian of the free moment: here a point that stays where it is.
    one, place = np.zeros((FRAMES, len(touching)), dtype=bool), compute_kinematics(model, qpos[:1], points).points_w
    one[:, 0] = True

    def planted(kin):
        moved = kin.points_w.copy()
        moved[:, sole] = place[:, sole]
        return replace(kin, points_w=moved)

    def term(name, qpos, unknowns):
        view = View.from_vector(unknowns)
        kin = compute_kinematics(model, qpos, points)
        return {
            "reprojection": lambda: residuals.reprojection(kin, view, seen, 0.03),
            "bones_3d": lambda: residuals.bones_3d(kin, view, seen, 0.1),
            "acceleration": lambda: residuals.acceleration(lay, qpos, FPS, spread),
            "velocity": lambda: residuals.velocity(lay, qpos, FPS, spread),
            "tracking": lambda: residuals.tracking(lay, qpos, target, spread),
            "hinge_limits": lambda: residuals.hinge_limits(model, qpos, 0.1),
            "ball_limits": lambda: residuals.ball_limits(model, lay, qpos, 0.1),
            "pose_prior": lambda: residuals.pose_prior(model, lay, qpos),
            "view_prior": lambda: residuals.view_prior(view, expected, np.arange(1.0, 7.0), model.nv),
            "ground": lambda: residuals.ground_height(kin, sole, contact, 0.01),
            "slip": lambda: residuals.no_slip(kin, sole, contact, view, FPS, 0.01),
            "penetration": lambda: residuals.no_penetration(kin, body, points.radius[body], 0.01),
            "level": lambda: residuals.hand_height(kin, sole, contact > 0.3, 0.003),
            "carried": lambda: residuals.lowest_point_on_ground(kin, body, points.radius[body], flight, 0.02),
            "rolling": lambda: rolling.part_height(kin, body.start + parts, balls.radius, rolls, 0.01),
            "roll": lambda: rolling.no_slip(kin, body.start + parts, balls, masses, corners, rolls, 0.01),
            "friction": lambda: dynamics.friction_cone(kin, 20 * FPS, 1.0),
            "flight": lambda: dynamics.flight_parabola(kin, flight, FPS, 1.0),
            "spin": lambda: dynamics.flight_spin(kin, masses, flight, FPS, 10.0),
            "twist": lambda: dynamics.free_moment(planted(kin), masses, sole, one, FPS, 15.0),
        }[name]()

    return lay, qpos, View(0.1, 0.05, 1.3, 7.0, (0.2, 0.1)).vector(), term


TERMS = (
    "reprojection",
    "bones_3d",
    "acceleration",
    "velocity",
    "tracking",
    "hinge_limits",
    "ball_limits",
    "pose_prior",
    "view_prior",
    "ground",
    "slip",
    "penetration",
    "level",
    "carried",
    "rolling",
    "roll",
    "friction",
    "flight",
    "spin",
    "twist",
)


@pytest.mark.parametrize("name", TERMS)
def test_jacobian_agrees_with_finite_differences(scene, name):
    lay, qpos, unknowns, term = scene
    rng, eps = np.random.default_rng(1), 1e-6
    step, global_step = rng.normal(size=(FRAMES, lay.nv)), rng.normal(size=len(unknowns))
    block = term(name, qpos, unknowns)
    plus = term(name, integrate(lay, qpos, eps * step), unknowns + eps * global_step)
    minus = term(name, integrate(lay, qpos, -eps * step), unknowns - eps * global_step)
    numeric = (plus.residual - minus.residual) / (2 * eps)

    rows = len(block.residual)
    analytic = np.zeros_like(block.residual)
    for k in range(block.jacobian.shape[1]):
        analytic += np.einsum("mrv,mv->mr", block.jacobian[:, k], step[k : k + rows])
    if block.global_jacobian is not None:
        analytic += block.global_jacobian @ global_step
    assert np.abs(numeric).max() > 0  # the term is in force here
    np.testing.assert_allclose(analytic, numeric, atol=1e-6 * np.abs(numeric).max())


def free_body(frames, fps, velocity, spin):
    """A rigid humanoid thrown up: the root's path is such that the centre of mass follows the parabola."""
    character = load_character("humanoid")
    model, lay = character.model, layout(character.model)
    qpos = np.tile(np.array(model.qpos0), (frames, 1))
    turn = np.zeros((frames, model.nv))
    turn[:, 3:6] = np.arange(frames)[:, None] / fps * np.asarray(spin)
    qpos = integrate(lay, qpos, turn)
    masses = dynamics.Masses.of(model, 0)
    points = BodyPoints.of_masses(model)
    seconds = np.arange(frames)[:, None] / fps
    path = np.array([0.0, 0.0, 1.0]) + seconds * velocity - 0.5 * seconds**2 * np.array([0, 0, dynamics.GRAVITY])
    qpos[:, :3] += path - compute_kinematics(model, qpos, points).com_w
    return compute_kinematics(model, qpos, points), masses


def test_a_thrown_body_leaves_no_residual_in_flight():
    # Turning about a principal axis of a left-right symmetric body (y) keeps the angular momentum.
    kin, masses = free_body(20, FPS, np.array([1.0, 0.5, 3.0]), [0.0, 8.0, 0.0])
    flight = np.ones(20, dtype=bool)
    np.testing.assert_allclose(dynamics.flight_parabola(kin, flight, FPS, 1.0).residual, 0.0, atol=1e-8)
    np.testing.assert_allclose(dynamics.flight_spin(kin, masses, flight, FPS, 1.0).residual, 0.0, atol=1e-6)


def test_a_body_that_hangs_in_the_air_misses_one_g():
    kin, _ = free_body(5, FPS, np.zeros(3), [0.0, 0.0, 0.0])
    hanging = replace(kin, com_w=np.tile(kin.com_w[:1], (5, 1)))
    residual = dynamics.flight_parabola(hanging, np.ones(5, dtype=bool), FPS, 0.5).residual
    np.testing.assert_allclose(residual, np.tile([0.0, 0.0, 9.81 / 0.5], (3, 1)))
    on_ground = dynamics.flight_parabola(hanging, np.array([True, True, False, True, True]), FPS, 0.5).residual
    np.testing.assert_array_equal(on_ground, 0.0)


def test_a_push_within_friction_is_free_and_one_beyond_is_not():
    kin, _ = free_body(6, FPS, np.zeros(3), [0.0, 0.0, 0.0])
    seconds = np.arange(6)[:, None] / FPS
    for push, excess in ((7.0, 0.0), (10.0, 10.0 - dynamics.FRICTION * 9.81)):
        com = kin.com_w[:1] + 0.5 * push * seconds**2 * np.array([0.6, 0.8, 0.0])
        residual = dynamics.friction_cone(replace(kin, com_w=com), FPS, 0.5).residual
        np.testing.assert_allclose(residual, excess / 0.5, atol=1e-6)
    falling = kin.com_w[:1] - 0.5 * 9.81 * seconds**2 * np.array([0.0, 0.0, 1.0])
    np.testing.assert_allclose(dynamics.friction_cone(replace(kin, com_w=falling), FPS, 0.5).residual, 0.0, atol=1e-6)


def test_friction_turns_a_body_on_one_foot_a_little_and_on_two_more():
    """It starts to turn about the vertical through its centre of mass, with its weight between the feet."""
    alpha, at = 20.0, np.array([0.0, 0.0])
    kin, masses = free_body(8, FPS, np.zeros(3), [0.0, 0.0, 1.0])
    arm = kin.points_w[0, masses.points] - kin.com_w[0]
    angle = 0.5 * alpha * (np.arange(8) / FPS) ** 2
    turn = np.array([[[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]] for a in angle])
    com = np.tile([0.0, 0.0, 0.95], (8, 1))
    inertia = float(np.sum(masses.mass * (arm[:, :2] ** 2).sum(axis=1)))
    weight = dynamics.GRAVITY * float(masses.mass.sum())
    for feet in ([[0.0, 0.0]], [[0.0, 0.1], [0.0, -0.1]], [[0.0, 0.5], [0.0, -0.5]]):
        soles = np.tile(np.concatenate([at + np.array(feet), np.zeros((len(feet), 1))], axis=1), (8, 1, 1))
        body = com[:, None] + arm @ turn.swapaxes(1, 2)
        made = replace(kin, points_w=np.concatenate([body, soles], axis=1), com_w=com,
                       points_jac=np.zeros((8, len(arm) + len(feet), 3, 1)), com_jac=np.zeros((8, 3, 1)))  # fmt: skip
        points = np.arange(len(arm), len(arm) + len(feet))
        held = np.ones((8, len(feet)), dtype=bool)
        twist = dynamics.free_moment(made, masses, points, held, FPS, 1.0).residual
        reach = dynamics.FOOT_HALF_WIDTH + abs(feet[0][1])
        expected = max(inertia * alpha - dynamics.FRICTION * weight * reach, 0.0)
        np.testing.assert_allclose(twist, expected, rtol=0.05, atol=1.0)
        assert not dynamics.free_moment(made, masses, points, ~held, FPS, 1.0).residual.any()


def test_zero_moment_point_of_a_block_pushed_sideways():
    """Height h, horizontal acceleration a, no turning: the point lies h a / g behind the centre of mass."""
    kin, masses = free_body(6, FPS, np.zeros(3), [0.0, 0.0, 0.0])
    seconds = np.arange(6)[:, None] / FPS
    push = 0.5 * 2.0 * seconds**2 * np.array([1.0, 0.0, 0.0])
    com = kin.com_w[:1] + push
    moved = replace(kin, com_w=com, points_w=kin.points_w[:1] + push[:, None])
    zmp, load = dynamics.zero_moment_points(moved, masses, FPS)
    np.testing.assert_allclose(load, 9.81)
    np.testing.assert_allclose(zmp[:, 0], com[1:-1, 0] - com[1:-1, 2] * 2.0 / 9.81, atol=1e-9)
    np.testing.assert_allclose(zmp[:, 1], com[1:-1, 1], atol=1e-9)


def test_nearest_point_of_a_hull():
    corners = np.tile(np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 1.0], [0.0, 1.0]]), (5, 1, 1))
    point = np.array([[1.0, 0.5], [1.0, -1.0], [3.0, 2.0], [-1.0, 0.5], [9.0, 9.0]])
    present = np.ones((5, 4), dtype=bool)
    present[4] = False
    nearest = dynamics.nearest_in_hull(point, corners, present)
    np.testing.assert_allclose(nearest, [[1.0, 0.5], [1.0, 0.0], [2.0, 1.0], [0.0, 0.5], [9.0, 9.0]])
