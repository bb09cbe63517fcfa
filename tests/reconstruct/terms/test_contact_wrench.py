"""Forces of contacts, worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from reconstruct.characters.character import load_character
from reconstruct.kinematics import GRAVITY, BodyPoints, PointSet, compute_kinematics
from reconstruct.scene.surfaces import carried_points, find_forces
from reconstruct.solver.tangent import TangentSpace
from reconstruct.terms.contact_wrench import GRIPS, NONE, PUSHES, Contacts, contact_wrench, unsupported_share
from reconstruct.terms.dynamics import CentroidalMotion
from sfv.demo.motions import FPS, load_demo_take

UP = np.array([0.0, 0.0, 1.0])


def body_at_rest(acceleration: np.ndarray) -> CentroidalMotion:
    """A centre of mass 1 m above the origin that is accelerated, without a moment."""
    zero = np.zeros((1, 3, 3, 6))
    return CentroidalMotion(
        np.array([[0.0, 0.0, 1.0]]), zero[:, 0], acceleration[None], zero, np.zeros((1, 3)), zero, 70.0
    )


def contacts_at(places: list, mode: list) -> Contacts:
    return Contacts(np.repeat(np.array([places], float), 3, 0), None, np.repeat([mode], 3, 0), UP)


@pytest.mark.parametrize(
    ("place", "mode", "acceleration", "missing"),
    [
        ((0.0, 0.0, 0.0), PUSHES, (0.0, 0.0, 0.0), 0.0),  # stands
        ((0.0, 0.0, 2.0), PUSHES, (0.0, 0.0, 0.0), 0.0),  # carried from above by a surface at its height
        ((0.0, 0.0, 2.0), GRIPS, (0.0, 0.0, -2.0 * GRAVITY), 0.0),  # pulled down by a bar
        ((0.0, 0.0, 0.0), PUSHES, (0.0, 0.0, -2.0 * GRAVITY), 1.0),  # a floor does not pull
        ((0.0, 0.0, 0.0), NONE, (0.0, 0.0, 0.0), 1.0),  # nothing carries
        ((0.0, 0.0, 0.0), NONE, (0.0, 0.0, -GRAVITY), 0.0),  # falls
    ],
)
def test_force_that_contacts_do_not_give(place, mode, acceleration, missing):
    body = body_at_rest(np.array(acceleration))
    share = unsupported_share(body, contacts_at([place], [mode]), np.ones(3, dtype=bool))
    assert share == pytest.approx([missing], abs=1e-6)


def test_force_beside_the_body_needs_a_second_contact():
    body = body_at_rest(np.zeros(3))
    alone = contacts_at([(0.3, 0.0, 0.0)], [PUSHES])
    both = contacts_at([(0.3, 0.0, 0.0), (-0.2, 0.0, 0.4)], [PUSHES, PUSHES])
    counts = np.ones(3, dtype=bool)
    assert unsupported_share(body, alone, counts)[0] > 0.2
    block, given = contact_wrench(body, both, counts, (1.0, 1.0))
    assert np.abs(block.residual).max() < 1e-6
    assert given[0].sum(axis=0) == pytest.approx([0.0, 0.0, GRAVITY])


def test_gradient_of_the_cost_is_that_of_finite_differences():
    character = load_character("humanoid")
    qpos = load_demo_take("sit", character)[0][50:53]
    space, points = TangentSpace.of(character.model), carried_points(character)
    point_set = PointSet.of(carried=points, masses=BodyPoints.of_masses(character.model))
    grounded = np.zeros((3, len(points)), dtype=bool)
    grounded[:, 0] = True  # one heel: not enough, so that there is a residual

    def block_at(step: np.ndarray):
        kin = compute_kinematics(character.model, space.integrate(qpos, step), point_set)
        contacts = find_forces(kin["carried"], grounded, np.zeros(grounded.shape, dtype=int), ())
        body = CentroidalMotion.of(character.model, kin, FPS)
        return replace(contact_wrench(body, contacts, np.ones(3, dtype=bool), (1.0, 0.6))[0], group=0)

    step = 1e-6 * np.random.default_rng(1).standard_normal((3, space.nv))
    block = block_at(np.zeros_like(step))
    assert block.loss() > 0.1
    slope = sum(block.residual[0] @ block.dense_jacobian()[0, k] @ step[k] for k in range(3))
    assert (block_at(step).loss() - block_at(-step).loss()) / 2 == pytest.approx(slope, rel=1e-3)
