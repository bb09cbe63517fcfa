"""Nothing of the body ends inside of a box."""

from dataclasses import replace

import numpy as np

from reconstruct.characters.character import load_character
from reconstruct.contacts import contact_points
from reconstruct.fit.problem import FitSigmas, Problem
from reconstruct.kinematics import BodyPoints, PointSet, compute_kinematics, point_positions
from reconstruct.scene.object_terms import face_axes, no_entry, turn_to_faces
from reconstruct.scene_objects import SceneObject
from reconstruct.solver.solve import minimise
from reconstruct.support import Support


def test_a_foot_that_is_in_a_stair_is_moved_out_of_it():
    body = load_character("humanoid")
    qpos = np.tile(np.array(body.model.qpos0), (6, 1))
    solid = BodyPoints.of_geoms(body.model)
    toes = point_positions(body.model, qpos[:1], solid)[0][solid.bodies == body.model.body("right_foot").id]
    # The stair's front face is 6 cm behind the toes; the other foot stands beside it.
    stair = SceneObject("box", float(toes[:, 0].max()) - 0.06 + 0.2, float(toes[:, 1].mean()) - 0.11, 0.3, 0.4, 0.5)

    def depth(qpos: np.ndarray) -> float:
        local = stair.to_local(point_positions(body.model, qpos, solid))
        inside = (np.abs(local) - stair.half - solid.radius[:, None])[..., :2].max(axis=-1)
        return float(-inside.min())

    nothing = np.zeros((6, len(contact_points(body))), dtype=bool)
    support = Support(nothing, np.zeros(6, dtype=bool), things=(stair,))
    problem = Problem(body, 30.0, FitSigmas(), target=qpos).with_support(support)
    view = problem.first_view()
    free = np.zeros(6, dtype=bool)
    moved = minimise(problem.residuals, problem.space, qpos, problem.unknowns(view), free, 20).qpos
    assert depth(qpos) > 0.055 and depth(moved) < 0.012
    alone = problem.with_support(replace(support, things=()))
    assert depth(minimise(alone.residuals, alone.space, qpos, alone.unknowns(view), free, 20).qpos) > 0.05


def test_a_foot_that_goes_through_an_edge_between_two_frames_is_in_it_on_the_way():
    body = load_character("humanoid")
    qpos = np.tile(np.array(body.model.qpos0), (2, 1))
    qpos[1, 0] += 0.6  # a board of 6 cm lies halfway, lower than the ankles
    points = compute_kinematics(body.model, qpos, PointSet.of(solid=BodyPoints.of_geoms(body.model)))["solid"]
    board = SceneObject("box", float(points.pos_w[0, :, 0].max()) + 0.3, 0.0, 0.03, 0.06, 2.0)
    assert not no_entry(points, [board], 0.01).residual.any()
    assert not no_entry(points, [board], 0.01, between=0.3).residual.any()
    halfway = no_entry(points, [board], 0.01, between=0.5)
    assert halfway.residual.shape == (1, len(points)) and halfway.jacobian.shape[:2] == (1, 2)
    assert halfway.residual.min() < -1.0


def test_normals_of_frames_of_points_or_of_all_turn_positions_and_jacobians_alike_and_turns_add_up():
    body, rng = load_character("humanoid"), np.random.default_rng(0)
    qpos = np.tile(np.array(body.model.qpos0), (3, 1))
    points = compute_kinematics(body.model, qpos, PointSet.of(solid=BodyPoints.of_geoms(body.model)))["solid"]
    some, shape = np.array([4, 1]), points.pos_w.shape
    for rows in ((), (shape[1],), (shape[0], 1), shape[:2]):
        normal = rng.normal(size=(*rows, 3))
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
        once = turn_to_faces(points, normal)
        twice, axes = turn_to_faces(once, normal), np.broadcast_to(face_axes(normal), (*shape, 3))
        for turned, matrix in ((once, axes), (twice, axes @ axes)):
            expected = np.einsum("tpij,tpj->tpi", matrix, points.pos_w)[:, some]
            np.testing.assert_allclose(turned[some].pos_w, expected, atol=1e-12)
            np.testing.assert_allclose(turned[some].jac, matrix[:, some] @ points[some].jac, atol=1e-12)
