"""Forearms and hands outside of pelvis and legs: distances by hand, the Jacobian, a backflip of G1."""

from dataclasses import replace

import numpy as np
import pytest

from reconstruct.characters.character import Character, load_character
from reconstruct.kinematics import PointSet, compute_kinematics, point_positions
from reconstruct.retargeting.config import RetargetConfig
from reconstruct.retargeting.limbs_apart import GAP, LimbShapes, _measure_gaps, limbs_apart
from reconstruct.retargeting.retargeting import retarget
from reconstruct.solver.tangent import TangentSpace
from sfv.demo.motions import load_demo_motion


def test_distances_by_hand() -> None:
    """A ball of 3 cm beside the middle of a capsule of 4 cm, above its end, and on its axis."""
    places = np.array([[0.2, 0.0, 0.5], [0.0, 0.0, 1.3], [0.0, 0.1, 0.25], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    gap, share, normal = _measure_gaps(places[None], np.array([0.03, 0.03, 0.03, 0.04, 0.04]), 3)
    assert gap[0, :, 0] + GAP == pytest.approx([0.13, 0.23, 0.03])
    assert share[0, :, 0] == pytest.approx([0.5, 1.0, 0.25])
    np.testing.assert_allclose(normal[0, :, 0], [[1, 0, 0], [0, 0, 1], [0, 1, 0]], atol=1e-12)


@pytest.fixture(scope="module")
def humanoid() -> Character:
    return load_character("humanoid")


def test_shapes_are_those_of_forearms_and_of_pelvis_and_legs(humanoid: Character) -> None:
    model, shapes = humanoid.model, LimbShapes.of(humanoid)
    names = [model.body(body).name for body in shapes.points.bodies]
    assert set(names[: shapes.arms]) == {"left_forearm", "right_forearm"}, "hands are parts of them"
    legs = {f"{side}_{part}" for side in ("left", "right") for part in ("thigh", "shin")}
    assert set(names[shapes.arms :]) == {"pelvis", *legs}
    assert shapes.at_rest.max() == 0.0


def test_the_jacobian_is_that_of_differences(humanoid: Character) -> None:
    """Both arms hang before the thighs, and the hands are in them."""
    model, shapes, space = humanoid.model, LimbShapes.of(humanoid), TangentSpace.of(humanoid.model)
    step = np.zeros((2, space.nv))
    rng = np.random.default_rng(0)
    for side, turn in (("left", -0.5), ("right", 0.5)):
        dof = model.joint(f"{side}_shoulder").dofadr[0]
        step[:, dof : dof + 3] = [turn, 0.3, 0.0]
    step += 0.05 * rng.standard_normal(step.shape)
    qpos = space.integrate(np.repeat(np.array(model.qpos0)[None], 2, axis=0), step)

    def block(qpos: np.ndarray):
        return limbs_apart(compute_kinematics(model, qpos, PointSet.of(limbs=shapes.points))["limbs"], shapes, 0.01)

    found = block(qpos)
    assert found.residual.shape[1] > 0 and found.residual.min() < -1.0
    jacobian = found.dense_jacobian()[:, 0]
    for dof in range(space.nv):
        change = np.zeros(space.nv)
        change[dof] = 1e-6
        more, less = (block(space.integrate(qpos, np.repeat(sign * change[None], 2, axis=0))) for sign in (1, -1))
        slope = (more.residual - less.residual) / 2e-6
        np.testing.assert_allclose(jacobian[..., dof], slope, atol=2e-3)
    assert found.moved is not None
    assert not jacobian[:, ~found.moved].any() and found.moved.any()


def test_hands_of_a_robot_stay_out_of_its_thighs(humanoid: Character) -> None:
    flip, robot = load_demo_motion("backflip", humanoid), load_character("g1")
    shapes = LimbShapes.of(robot)

    def measure_depth(config: RetargetConfig) -> float:
        found = retarget(flip, humanoid, robot, config)
        places = point_positions(robot.model, found.motion.qpos, shapes.points)
        gap, *_ = _measure_gaps(places, shapes.points.radius, shapes.arms)
        return float(-(gap - shapes.at_rest).min())

    assert measure_depth(replace(RetargetConfig(), limbs=1e3)) > 0.05
    assert measure_depth(RetargetConfig()) < 0.01
