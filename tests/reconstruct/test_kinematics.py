"""Point sets and point masses of a body."""

import mujoco
import numpy as np
import pytest

from reconstruct.characters.character import load_character
from reconstruct.contacts import contact_points
from reconstruct.kinematics import (
    BodyPoints,
    PointSet,
    carrying_dofs,
    compute_kinematics,
    point_masses,
    point_positions,
)


@pytest.fixture(scope="module")
def character():
    return load_character("humanoid")


def test_groups_of_a_point_set_are_found_by_name(character):
    model, contacts, solid = character.model, contact_points(character), BodyPoints.of_geoms(character.model)
    qpos = np.tile(np.array(model.qpos0), (2, 1))
    qpos[1, 2] += 0.3
    kin = compute_kinematics(model, qpos, PointSet.of(contacts=contacts, solid=solid))
    np.testing.assert_allclose(kin["contacts"].pos_w, point_positions(model, qpos, contacts), atol=1e-12)
    np.testing.assert_allclose(kin["solid"].pos_w, point_positions(model, qpos, solid), atol=1e-12)
    np.testing.assert_allclose(kin["solid"].height[1] - kin["solid"].height[0], 0.3)
    some = kin["solid"][np.array([3, 1])]
    assert len(some) == 2
    np.testing.assert_array_equal(some.jac[:, 1], kin["solid"].jac[:, 1])
    np.testing.assert_array_equal(some.on_body.radius, solid.radius[[3, 1]])


def test_the_surface_of_a_standing_body_touches_the_ground_with_its_feet_alone(character):
    model, solid = character.model, BodyPoints.of_geoms(character.model)
    place = point_positions(model, np.array(model.qpos0)[None], solid)[0]
    height = place[:, 2] - solid.radius
    lowest = {model.body(body).name for body in solid.bodies[height < 0.02]}
    assert lowest == {"left_foot", "right_foot"} and height.min() > -0.02


def test_points_of_shapes_lie_as_densely_as_asked_on_their_surface(character):
    ends, dense = BodyPoints.of_geoms(character.model), BodyPoints.of_geoms(character.model, 0.06)
    shin, foot = (character.model.body(f"left_{name}").id for name in ("shin", "foot"))
    along = np.sort(dense.local[dense.bodies == shin][:, 2])
    assert along[[0, -1]] == pytest.approx(np.sort(ends.local[ends.bodies == shin][:, 2]))
    assert np.diff(along).max() < 0.06 and len(along) == 8  # 37 cm
    low, high = (getattr(ends.local[ends.bodies == foot], end)(axis=0) for end in ("min", "max"))
    sole = dense.local[dense.bodies == foot]
    assert ((np.abs(sole - low) < 1e-9) | (np.abs(sole - high) < 1e-9)).any(axis=1).all()
    assert len(sole) == 6 * 3 * 2  # 27 by 10 by 6 cm


def test_point_masses_have_the_mass_centre_and_inertia_of_every_body(character):
    model, points, mass = character.model, BodyPoints.of_masses(character.model), point_masses(character.model)
    assert mass.sum() == pytest.approx(model.body_mass[1:].sum())
    for body in range(1, model.nbody):
        own = points.bodies == body
        centre = mass[own] @ points.local[own] / mass[own].sum()
        np.testing.assert_allclose(centre, model.body_ipos[body], atol=1e-9)
        rotation = np.zeros(9)
        mujoco.mju_quat2Mat(rotation, model.body_iquat[body])
        arm = (points.local[own] - centre) @ rotation.reshape(3, 3)
        square = np.einsum("p,pi,pj->ij", mass[own], arm, arm)
        np.testing.assert_allclose(np.trace(square) * np.eye(3) - square, np.diag(model.body_inertia[body]), atol=1e-6)


def test_a_hand_is_moved_by_its_arm_and_not_by_the_other(character):
    model, carries = character.model, carrying_dofs(character.model)
    hand = model.site_bodyid[model.site(character.landmarks["left_wrist"]).id]
    elbow = {side: model.joint(f"{side}_elbow").dofadr[0] for side in ("left", "right")}
    assert carries[hand, :6].all() and carries[hand, elbow["left"]] and not carries[hand, elbow["right"]]
    assert not carries[0].any()
