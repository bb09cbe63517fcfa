"""Every term's Jacobian against finite differences, by the poses and by the camera; physics on made-up trajectories."""

from dataclasses import replace

import numpy as np
import pytest

from reconstruct.camera import View
from reconstruct.characters.character import load_character
from reconstruct.contacts import contact_points
from reconstruct.fit.fit_sigmas import EYE_LEVEL
from reconstruct.kinematics import BodyPoints, PointSet, compute_kinematics, point_masses
from reconstruct.lifting.lifter_input import BONES
from reconstruct.observations import Observations
from reconstruct.scene import object_terms
from reconstruct.scene_objects import SceneObject
from reconstruct.solver.tangent import TangentSpace
from reconstruct.terms import dynamics, residuals, rolling
from reconstruct.terms.rolling import find_other_parts

FPS = 30.0
FRAMES = 6


@pytest.fixture(scope="module")
def scene():
    """A tumbling body with random detections, contacts and a tilted camera; and all terms as functions of it."""
    rng = np.random.default_rng(0)
    character = load_character("humanoid")
    model, space = character.model, TangentSpace.of(character.model)
    start = space.integrate(np.array(model.qpos0)[None], 0.4 * rng.normal(size=(1, model.nv)))
    rate = rng.normal(size=(1, model.nv))
    qpos = np.concatenate([space.integrate(start, 0.1 * t * rate) for t in range(FRAMES)])
    qpos[:, 0] += 5.0
    qpos[:, 2] -= 0.7  # partly below the ground

    names = tuple(character.landmarks)
    landmarks = BodyPoints.of_sites(model, tuple(character.landmarks.values()))
    bones = np.array([(names.index(a), names.index(b)) for a, b in BONES])
    observations = Observations(
        points=landmarks,
        names=names,
        plane_px=100.0 * rng.normal(size=(FRAMES, len(names), 2)),
        weight=rng.uniform(size=(FRAMES, len(names))),
        xyz_c=rng.normal(size=(FRAMES, len(names), 3)),
        bones=bones,
        bone_vectors_c=rng.normal(size=(FRAMES, len(bones), 3)),
        bone_weight=rng.uniform(size=(FRAMES, len(bones))),
        px_per_metre=np.full(FRAMES, 200.0),
        detected=np.ones(FRAMES, dtype=bool),
    )
    touching, solid = contact_points(character), BodyPoints.of_geoms(model)
    points = PointSet.of(landmarks=landmarks, contacts=touching, solid=solid, masses=BodyPoints.of_masses(model))
    contact = rng.uniform(size=(FRAMES, len(touching)))
    flight = np.ones(FRAMES, dtype=bool)
    parts = find_other_parts(character)
    rolls = rng.uniform(size=(FRAMES, len(parts))) > 0.3
    target = space.integrate(qpos, 0.2 * rng.normal(size=(FRAMES, model.nv)))
    sigma = np.full(model.nv, 3.0)
    expected = View(0.0, 0.0, 1.2, 7.1)

    # What carries is taken as fixed in the Jacobian of the free moment: here a point that stays where it is.
    one, place = np.zeros((FRAMES, len(touching)), dtype=bool), compute_kinematics(model, qpos[:1], points)
    one[:, 0] = True
    planted = np.repeat(place["contacts"].pos_w, FRAMES, axis=0)

    boxes = [SceneObject("box", 5.2, 0.1, 0.5, 0.6, 0.9, yaw=30.0), SceneObject("box", 4.6, 0.0, 0.8, 0.5, 0.5, 0.1)]

    away = rng.uniform(0.0, 0.1, (FRAMES, len(solid)))

    def term(name, qpos, unknowns):
        view = View.from_vector(unknowns)
        kin = compute_kinematics(model, qpos, points)
        marks, contacts, shapes = kin["landmarks"], kin["contacts"], kin["solid"]
        body = dynamics.CentroidalMotion.of(model, kin, FPS)
        return {
            "reprojection": lambda: residuals.reprojection(marks, view, observations, 0.03),
            "bones_3d": lambda: residuals.bones_3d(marks, view, observations, 0.1),
            "acceleration": lambda: residuals.acceleration(space, qpos, FPS, sigma),
            "velocity": lambda: residuals.velocity(space, qpos, FPS, sigma),
            "tracking": lambda: residuals.tracking(space, qpos, target, sigma),
            "hinge_limits": lambda: residuals.hinge_limits(space, qpos, 0.1),
            "ball_limits": lambda: residuals.ball_limits(space, qpos, 0.1),
            "pose_prior": lambda: residuals.pose_prior(space, qpos),
            "view_prior": lambda: residuals.view_prior(view, expected, np.arange(1.0, 7.0), model.nv),
            "camera_height": lambda: residuals.camera_height(view, 1.5, 0.3, 2.0, model.nv),
            "ground": lambda: residuals.ground_height(contacts, contact, 0.01),
            "slip": lambda: residuals.no_slip(contacts, contact, view, FPS, 0.01),
            "penetration": lambda: residuals.no_penetration(shapes, 0.01),
            "hand_height": lambda: residuals.hand_height(contacts, contact > 0.3, 0.003),
            "entry": lambda: object_terms.no_entry(shapes, boxes, 0.01),
            "clearance": lambda: object_terms.no_entry(shapes, boxes, 0.01, away),
            "passing": lambda: object_terms.no_entry(shapes, boxes, 0.01, away, 0.3),
            "lying": lambda: residuals.lowest_point_on_ground(shapes, flight, 0.02),
            "rolling": lambda: residuals.ground_height(shapes[parts], rolls, 0.01, "rolling"),
            "roll": lambda: rolling.no_slip(shapes[parts], kin["masses"], rolls, 0.01),
            "friction": lambda: dynamics.friction_cone(dynamics.CentroidalMotion.of(model, kin, 20 * FPS), 1.0),
            "flight": lambda: dynamics.flight_parabola(body, flight, 1.0),
            "spin": lambda: dynamics.flight_spin(body, flight, 10.0),
            "free_moment": lambda: dynamics.free_moment(body, planted, one, 15.0),
        }[name]()

    return space, qpos, View(0.1, 0.05, 1.3, 7.0, (0.2, 0.1)).vector(), term


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
    "camera_height",
    "ground",
    "slip",
    "penetration",
    "hand_height",
    "entry",
    "clearance",
    "passing",
    "lying",
    "rolling",
    "roll",
    "friction",
    "flight",
    "spin",
    "free_moment",
)


@pytest.mark.parametrize("name", TERMS)
def test_jacobian_agrees_with_finite_differences(scene, name):
    space, qpos, unknowns, term = scene
    rng, eps = np.random.default_rng(1), 1e-6
    step, global_step = rng.normal(size=(FRAMES, space.nv)), rng.normal(size=len(unknowns))
    block = term(name, qpos, unknowns)
    plus = term(name, space.integrate(qpos, eps * step), unknowns + eps * global_step)
    minus = term(name, space.integrate(qpos, -eps * step), unknowns - eps * global_step)
    numeric = (plus.residual - minus.residual) / (2 * eps)

    rows, jacobian = len(block.residual), block.dense_jacobian()
    analytic = np.zeros_like(block.residual)
    for k in range(jacobian.shape[1]):
        analytic += np.einsum("mrv,mv->mr", jacobian[:, k], step[k : k + rows])
    assert block.moved is None or not jacobian[:, :, ~block.moved].any()
    if block.global_jacobian is not None:
        analytic += block.global_jacobian @ global_step
    assert np.abs(numeric).max() > 0  # the term is in force here
    np.testing.assert_allclose(analytic, numeric, atol=1e-6 * np.abs(numeric).max())


@pytest.fixture(scope="module")
def body_model():
    return load_character("humanoid").model


def throw(model, frames, velocity, spin):
    """Kinematics of a rigid humanoid that is thrown up: its centre of mass follows the parabola."""
    qpos = np.tile(np.array(model.qpos0), (frames, 1))
    turn = np.zeros((frames, model.nv))
    turn[:, 3:6] = np.arange(frames)[:, None] / FPS * np.asarray(spin)
    qpos = TangentSpace.of(model).integrate(qpos, turn)
    points = PointSet.of(masses=BodyPoints.of_masses(model))
    seconds = np.arange(frames)[:, None] / FPS
    path = np.array([0.0, 0.0, 1.0]) + seconds * velocity - 0.5 * seconds**2 * np.array([0, 0, dynamics.GRAVITY])
    qpos[:, :3] += path - compute_kinematics(model, qpos, points).com_w
    return compute_kinematics(model, qpos, points)


def move(model, kin, com_w):
    """The same point masses carried along with another path of the centre of mass."""
    masses = kin["masses"]
    pos_w = masses.pos_w + (com_w - kin.com_w)[:, None]
    moved = replace(kin, groups={"masses": replace(masses, pos_w=pos_w)}, com_w=com_w)
    return dynamics.CentroidalMotion.of(model, moved, FPS)


def test_a_camera_is_drawn_to_eye_level_and_less_from_the_floor_or_a_balcony():
    def at(height):
        block = residuals.camera_height(View(0.0, 0.0, height, 7.0), EYE_LEVEL, 0.3, 1.0, 6)
        assert block.global_jacobian is not None
        return float(block.residual[0, 0]), float((block.residual * block.global_jacobian[..., 2])[0, 0])

    assert at(EYE_LEVEL)[0] == 0.0
    assert at(EYE_LEVEL * np.exp(0.3))[0] == pytest.approx(np.sqrt(np.log(2.0)))
    assert at(0.7)[1] < 0 < at(8.0)[1] < at(2.6)[1]
    floor, chair = at(0.2), at(0.7)
    assert abs(floor[1]) * 0.2 < abs(chair[1]) * 0.7  # pulls of the logarithm
    assert at(-3.0)[1] == 0.0  # the person is on a stage


def test_a_thrown_body_leaves_no_residual_in_flight(body_model):
    # Turning about a principal axis of a left-right symmetric body (y) keeps the angular momentum.
    kin = throw(body_model, 20, np.array([1.0, 0.5, 3.0]), [0.0, 8.0, 0.0])
    body, flight = dynamics.CentroidalMotion.of(body_model, kin, FPS), np.ones(20, dtype=bool)
    np.testing.assert_allclose(dynamics.flight_parabola(body, flight, 1.0).residual, 0.0, atol=1e-8)
    np.testing.assert_allclose(dynamics.flight_spin(body, flight, 1.0).residual, 0.0, atol=1e-6)


def test_a_body_that_hangs_in_the_air_misses_one_g(body_model):
    kin = throw(body_model, 5, np.zeros(3), [0.0, 0.0, 0.0])
    hanging = move(body_model, kin, np.tile(kin.com_w[:1], (5, 1)))
    residual = dynamics.flight_parabola(hanging, np.ones(5, dtype=bool), 0.5).residual
    np.testing.assert_allclose(residual, np.tile([0.0, 0.0, 9.81 / 0.5], (3, 1)))
    on_ground = dynamics.flight_parabola(hanging, np.array([True, True, False, True, True]), 0.5).residual
    np.testing.assert_array_equal(on_ground, 0.0)


def test_a_push_within_friction_is_free_and_one_beyond_is_not(body_model):
    kin = throw(body_model, 6, np.zeros(3), [0.0, 0.0, 0.0])
    seconds = np.arange(6)[:, None] / FPS
    for push, excess in ((7.0, 0.0), (10.0, 10.0 - dynamics.FRICTION * 9.81)):
        com = kin.com_w[:1] + 0.5 * push * seconds**2 * np.array([0.6, 0.8, 0.0])
        residual = dynamics.friction_cone(move(body_model, kin, com), 0.5).residual
        np.testing.assert_allclose(residual, excess / 0.5, atol=1e-6)
    falling = kin.com_w[:1] - 0.5 * 9.81 * seconds**2 * np.array([0.0, 0.0, 1.0])
    np.testing.assert_allclose(dynamics.friction_cone(move(body_model, kin, falling), 0.5).residual, 0.0, atol=1e-6)


def test_friction_turns_a_body_on_one_foot_a_little_and_on_two_more(body_model):
    """It starts to turn about the vertical through its centre of mass, with its weight between the feet."""
    alpha, mass = 20.0, point_masses(body_model)
    kin = throw(body_model, 8, np.zeros(3), [0.0, 0.0, 1.0])
    arm = kin["masses"].pos_w[0] - kin.com_w[0]
    angle = 0.5 * alpha * (np.arange(8) / FPS) ** 2
    turn = np.array([[[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]] for a in angle])
    com = np.tile([0.0, 0.0, 0.95], (8, 1))
    turned = replace(kin["masses"], pos_w=com[:, None] + arm @ turn.swapaxes(1, 2))
    body = dynamics.CentroidalMotion.of(body_model, replace(kin, groups={"masses": turned}, com_w=com), FPS)
    inertia, weight = float(np.sum(mass * (arm[:, :2] ** 2).sum(axis=1))), dynamics.GRAVITY * float(mass.sum())
    for feet in ([[0.0, 0.0]], [[0.0, 0.1], [0.0, -0.1]], [[0.0, 0.5], [0.0, -0.5]]):
        soles = np.tile(np.concatenate([np.array(feet), np.zeros((len(feet), 1))], axis=1), (8, 1, 1))
        held = np.ones((8, len(feet)), dtype=bool)
        moment = dynamics.free_moment(body, soles, held, 1.0).residual
        arm_of_friction = dynamics.FOOT_HALF_WIDTH + abs(feet[0][1])
        expected = max(inertia * alpha - dynamics.FRICTION * weight * arm_of_friction, 0.0)
        np.testing.assert_allclose(moment, expected, rtol=0.05, atol=1.0)
        assert not dynamics.free_moment(body, soles, ~held, 1.0).residual.any()


def test_zero_moment_point_of_a_block_pushed_sideways(body_model):
    """Height h, horizontal acceleration a, no turning: the point lies h a / g behind the centre of mass."""
    kin = throw(body_model, 6, np.zeros(3), [0.0, 0.0, 0.0])
    com = kin.com_w[:1] + 0.5 * 2.0 * (np.arange(6)[:, None] / FPS) ** 2 * np.array([1.0, 0.0, 0.0])
    zmp, load = move(body_model, kin, com).zero_moment_points()
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
