"""Parts of a robot collide with each other; neighbours, and what overlaps while it stands, do not."""

from dataclasses import replace

import mujoco
import numpy as np
import pytest

from imitate.scene.scene import CONTACT_SOLIMP, Scene, build_model
from pose.errors import InputError
from reconstruct.characters.character import load_character
from reconstruct.characters.character_table import check_table
from reconstruct.characters.self_collision import collides_with_itself, count_joints_between
from tests.robots import mjcf_person

CHARACTER = load_character("humanoid")


def person(bits: str = "") -> mujoco.MjModel:
    return mujoco.MjModel.from_xml_string(mjcf_person().replace("<geom ", f"<geom {bits} "))


def test_joints_between_two_bodies_are_counted_up_to_their_common_carrier():
    model = person()

    def count(first: str, second: str) -> int:
        return count_joints_between(model, model.body(first).id, model.body(second).id)

    # Both hips have two hinges, the knee one; the trunk's waist is one, and each shoulder has two.
    assert count("left_thigh", "left_thigh") == 0
    assert count("left_thigh", "left_shin") == count("left_shin", "left_thigh") == 1
    assert count("left_shin", "right_shin") == 6
    assert count("pelvis", "left_forearm") == 1 + 2 + 1
    assert count("left_forearm", "left_foot") == 4 + 2 + 1 + 1


def test_a_source_collides_with_itself_as_its_bits_say():
    assert collides_with_itself(person())
    assert not collides_with_itself(person('contype="1" conaffinity="0"'))
    assert not collides_with_itself(person('contype="0" conaffinity="2"'))


def test_people_pass_through_themselves():
    assert not CHARACTER.self_collision
    assert build_model(CHARACTER, Scene()).npair == 0


def test_parts_that_collide_push_each_other_apart():
    """Both hands before the body are put into each other; only where parts collide they part."""
    gaps = {}
    for collides in (False, True):
        model = build_model(replace(CHARACTER, self_collision=collides), Scene())
        model.opt.gravity[:] = 0.0
        state = mujoco.MjData(model)
        state.qpos[2] += 5.0
        mujoco.mj_kinematics(model, state)
        hands = [model.site("left_palm").id, model.site("right_palm").id]
        apart = np.ones(3)
        # Least squares: the joints that bring the palms together.
        for _ in range(200):
            mujoco.mj_kinematics(model, state)
            mujoco.mj_comPos(model, state)
            jacobian = np.zeros((2, 3, model.nv))
            for site, own in zip(hands, jacobian, strict=True):
                mujoco.mj_jacSite(model, state, own, None, site)
            apart = state.site_xpos[hands[0]] - state.site_xpos[hands[1]]
            way = -np.linalg.pinv((jacobian[0] - jacobian[1])[:, 6:], rcond=0.1) @ (0.2 * apart)
            mujoco.mj_integratePos(model, state.qpos, np.concatenate([np.zeros(6), way]), 1.0)
        assert np.linalg.norm(apart) < 0.02
        state.ctrl[:] = 0.0
        model.actuator_gainprm[:] = model.actuator_biasprm[:] = 0.0
        for _ in range(60):
            mujoco.mj_step(model, state)
        gaps[collides] = float(np.linalg.norm(state.site_xpos[hands[0]] - state.site_xpos[hands[1]]))
    assert gaps[False] < 0.03 < 0.05 < gaps[True]


def test_pairs_are_as_soft_as_the_ground_and_spare_neighbours():
    model = build_model(replace(CHARACTER, self_collision=True), Scene())
    assert model.npair > 20
    np.testing.assert_allclose(model.pair_solimp, np.tile(CONTACT_SOLIMP, (model.npair, 1)))
    bodies = np.sort(model.geom_bodyid[np.stack([model.pair_geom1, model.pair_geom2])], axis=0)
    state = mujoco.MjData(model)
    state.qpos[2] += 5.0
    mujoco.mj_forward(model, state)
    assert state.ncon == 0  # nothing overlaps at rest
    assert all(count_joints_between(model, int(a), int(b)) > 2 for a, b in bodies.T)


def test_a_table_says_it_by_true_or_false():
    table = {name: ["x"] for name in ("end_effectors", "foot_bodies", "fall_bodies", "key_bodies")}
    table |= {"landmarks": {}, "contacts": {}, "mjcf": "x.xml", "height": 1.7}
    check_table(table | {"self_collision": True}, CHARACTER.path)
    with pytest.raises(InputError, match="self_collision = true or false"):
        check_table(table | {"self_collision": "yes"}, CHARACTER.path)
