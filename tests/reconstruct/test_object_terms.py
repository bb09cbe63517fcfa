"""Nothing of the body ends inside of a box."""

from dataclasses import replace

import numpy as np

from reconstruct.characters.character import load_character
from reconstruct.contacts import contact_points
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.problem import FitSigmas, Problem
from reconstruct.scene_objects import SceneObject
from reconstruct.solve import minimise
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
