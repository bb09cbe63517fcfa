"""The manifold, the kinematics and the banded, bordered solver against MuJoCo and dense algebra."""

from dataclasses import replace

import mujoco
import numpy as np
import pytest

from reconstruct.camera import View
from reconstruct.characters.character import load_character
from reconstruct.fit.fit_sigmas import FitSigmas
from reconstruct.fit.problem import Problem
from reconstruct.kinematics import BodyPoints, PointSet, compute_kinematics, point_masses, point_positions
from reconstruct.solver.blocks import Block
from reconstruct.solver.normal_equations import find_limbs, normal_equations, sum_costs
from reconstruct.solver.solve import foresee_gain, minimise, search_line, solve_bordered, to_banded
from reconstruct.solver.tangent import JointJacobian, TangentSpace, inverse_right_jacobian
from tests.samples import CHARACTER, standing


@pytest.fixture(scope="module")
def poses():
    rng = np.random.default_rng(0)
    model = load_character("humanoid").model
    qpos = TangentSpace.of(model).integrate(
        np.tile(np.array(model.qpos0), (4, 1)), 0.7 * rng.normal(size=(4, model.nv))
    )
    return model, qpos, rng


def test_steps_are_those_of_mujoco(poses):
    model, qpos, rng = poses
    step = 0.5 * rng.normal(size=(4, model.nv))
    ours = TangentSpace.of(model).integrate(qpos, step)
    for t in range(4):
        theirs = qpos[t].copy()
        mujoco.mj_integratePos(model, theirs, step[t], 1.0)
        np.testing.assert_allclose(ours[t], theirs, atol=1e-12)
        back = np.zeros(model.nv)
        mujoco.mj_differentiatePos(model, back, 1.0, qpos[t], theirs)
        np.testing.assert_allclose(
            TangentSpace.of(model).difference(qpos[t : t + 1], ours[t : t + 1])[0], back, atol=1e-9
        )


def test_inverse_right_jacobian_near_zero_is_continuous():
    axis = np.array([0.6, 0.0, 0.8])
    near, far = inverse_right_jacobian(0.9e-3 * axis), inverse_right_jacobian(1.1e-3 * axis)
    np.testing.assert_allclose(near, far, atol=2e-4)
    np.testing.assert_allclose(inverse_right_jacobian(np.zeros(3)), np.eye(3))


def test_points_and_jacobians_are_those_of_mujoco(poses):
    model, qpos, _ = poses
    names = ("nose", "left_palm", "right_heel")
    kin = compute_kinematics(model, qpos, PointSet.of(sites=BodyPoints.of_sites(model, names)))
    data = mujoco.MjData(model)
    for t in range(len(qpos)):
        data.qpos[:] = qpos[t]
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        for p, name in enumerate(names):
            expected = np.zeros((3, model.nv))
            mujoco.mj_jacSite(model, data, expected, None, model.site(name).id)
            np.testing.assert_allclose(kin["sites"].jac[t, p], expected, atol=1e-12)
            np.testing.assert_allclose(kin["sites"].pos_w[t, p], data.site(name).xpos, atol=1e-12)
        np.testing.assert_allclose(kin.com_w[t], data.subtree_com[1], atol=1e-12)
    np.testing.assert_allclose(
        point_positions(model, qpos, BodyPoints.of_sites(model, names)), kin["sites"].pos_w, atol=1e-12
    )


def test_point_masses_carry_the_angular_momentum_of_the_body(poses):
    model, qpos, rng = poses
    data, space, dt = mujoco.MjData(model), TangentSpace.of(model), 1e-4
    qvel = rng.normal(size=model.nv)
    data.qpos[:], data.qvel[:] = qpos[0], qvel
    mujoco.mj_forward(model, data)
    mujoco.mj_subtreeVel(model, data)
    around = np.concatenate([space.integrate(qpos[:1], sign * 0.5 * dt * qvel[None]) for sign in (-1, 1)])
    kin = compute_kinematics(model, around, PointSet.of(masses=BodyPoints.of_masses(model)))
    arm = kin["masses"].pos_w - kin.com_w[:, None]
    mass = point_masses(model)
    ours = np.einsum("p,pi->i", mass, np.cross(arm[0], arm[1])) / dt
    np.testing.assert_allclose(ours, data.subtree_angmom[1], rtol=1e-5)


LIMBS = np.array([[1, 1, 0, 0], [1, 0, 0, 0], [1, 0, 1, 1], [1, 0, 0, 1], [1, 1, 0, 0]], dtype=bool)
"""What moves the points of two limbs."""


def random_blocks(rng, frames, nv, count):
    """Of points of two limbs, those robust in pairs, and of points that all joints move."""
    blocks = []
    for span, rows, moved, group in ((1, 5, LIMBS, 0), (1, 4, LIMBS[1:], 2), (2, 3, LIMBS[:3], 0), (3, 4, None, 1)):
        shape = (frames - span + 1, span, rows, nv)
        by_pose, by_globals = rng.normal(size=shape), rng.normal(size=(frames - span + 1, rows, count))
        if moved is not None:
            by_pose *= moved
        blocks.append(Block("made_up", rng.normal(size=shape[::2]), by_pose, by_globals, group, moved=moved))
    return blocks


def test_limbs_are_the_largest_sets_of_joints():
    limbs, limb = find_limbs(LIMBS)
    assert {tuple(np.flatnonzero(one)) for one in limbs} == {(0, 1), (0, 2, 3)}
    for row, of_row in zip(LIMBS, limb, strict=True):
        assert (limbs[of_row] | ~row).all()
    assert limb[1] == limb[0]  # the smaller one
    everything, _ = find_limbs(np.concatenate([LIMBS, np.ones((1, 4), dtype=bool)]))
    assert everything.tolist() == [[True] * 4]


def test_joints_that_move_alone_sum_up_as_their_matrices_do(poses):
    model, qpos, rng = poses
    space, nv = TangentSpace.of(model), model.nv
    step = space.difference(qpos[:-1], qpos[1:])
    jacobian = JointJacobian.stack(space.difference_jacobians(step)) * rng.normal(size=nv)
    block = Block("made_up", rng.normal(size=(3, nv)), jacobian, group=1)
    ours = normal_equations([block], 4, nv, 0)
    whole = normal_equations([replace(block, jacobian=jacobian.dense())], 4, nv, 0)
    np.testing.assert_allclose(ours.band, whole.band, atol=1e-12)
    np.testing.assert_allclose(ours.gradient, whole.gradient, atol=1e-12)


def test_bordered_step_solves_the_dense_system():
    rng = np.random.default_rng(0)
    frames, nv, count = 5, 4, 2
    blocks = random_blocks(rng, frames, nv, count)
    system = normal_equations(blocks, frames, nv, count)
    step, global_step = solve_bordered(system, free=np.array([True, True]), damping=0.0)

    rows = []
    for block in blocks:
        root = np.sqrt(block.weights())
        for m in range(len(block.residual)):
            row = np.zeros((block.residual.shape[1], frames * nv + count))
            for k in range(block.dense_jacobian().shape[1]):
                row[:, (m + k) * nv : (m + k + 1) * nv] = block.dense_jacobian()[m, k]
            row[:, frames * nv :] = block.global_jacobian[m]
            rows.append(root[m, :, None] * row)
    jacobian = np.concatenate(rows)
    residual = np.concatenate([(np.sqrt(block.weights()) * block.residual).reshape(-1) for block in blocks])
    expected = -np.linalg.lstsq(jacobian, residual, rcond=None)[0]
    np.testing.assert_allclose(np.concatenate([step.reshape(-1), global_step]), expected, atol=1e-3)


def test_the_gain_of_a_step_is_foreseen_where_residuals_are_linear():
    rng = np.random.default_rng(0)
    blocks = random_blocks(rng, 5, 4, 2)[::2]  # without those that are robust
    system = normal_equations(blocks, 5, 4, 2)
    step, global_step = solve_bordered(system, np.zeros(2, dtype=bool), 0.1)
    moved = []
    for block in blocks:
        rows = len(block.residual)
        ways = [
            (block.dense_jacobian()[:, k] @ step[k : k + rows, :, None])[..., 0]
            for k in range(block.dense_jacobian().shape[1])
        ]
        moved.append(replace(block, residual=block.residual + sum(ways)))
    gain = sum(sum_costs(blocks).values()) - sum(sum_costs(moved).values())
    assert foresee_gain(system, step, global_step, 0.1) == pytest.approx(gain, rel=1e-4)


def test_banded_storage_holds_every_entry():
    rng = np.random.default_rng(0)
    frames, nv = 4, 3
    band = rng.normal(size=(frames, 3, nv, nv))
    band[:, 0] += np.swapaxes(band[:, 0], 1, 2)
    lower = to_banded(band)
    assert not lower[:, -1][1:].any()  # nothing is left where no block is
    for t in range(frames):
        for k in range(min(3, frames - t)):
            for i in range(nv):
                for j in range(nv):
                    row, column = t * nv + i, (t + k) * nv + j
                    if row <= column:
                        assert lower[column - row, row] == band[t, k, i, j]


def test_robust_fit_ignores_outliers():
    """Hinge angles from measurements with 20 % gross errors: soft L1 stays near the truth, least squares does not."""
    rng = np.random.default_rng(0)
    model = load_character("humanoid").model
    space, frames = TangentSpace.of(model), 40
    column, dof = model.joint("left_knee").qposadr[0], model.joint("left_knee").dofadr[0]
    measured = 1.0 + 0.02 * rng.normal(size=(frames, 25))
    measured[:, ::5] += 1.5

    def residuals(group):
        def blocks(qpos, unknowns):
            jacobian = np.zeros((frames, 1, 25, model.nv))
            jacobian[..., dof] = 1.0 / 0.05
            return [Block("angle", (qpos[:, column, None] - measured) / 0.05, jacobian, group=group)]

        return blocks

    start, nothing = np.tile(np.array(model.qpos0), (frames, 1)), np.zeros(0)
    robust = minimise(residuals(1), space, start, nothing, np.zeros(0, dtype=bool), iterations=30)
    assert "lowered the cost" in robust.message
    assert robust.cost.keys() == {"angle"}
    cut = minimise(residuals(1), space, start, nothing, np.zeros(0, dtype=bool), iterations=1)
    assert cut.message == "1 steps were not enough" and cut.iterations == 1
    plain = minimise(residuals(0), space, start, nothing, np.zeros(0, dtype=bool), iterations=30)
    assert abs(robust.qpos[:, column].mean() - 1.0) < 0.03
    assert abs(plain.qpos[:, column].mean() - 1.0) > 0.2


def test_a_step_that_overshoots_is_shortened_to_where_a_parabola_is_lowest():
    """|x - 1| squared as seen from 0, but four times as steep beyond 1: a step to 3 is cut, one to 1 is taken whole."""
    model = load_character("humanoid").model
    space, qpos, nothing = TangentSpace.of(model), np.array(model.qpos0)[None], np.zeros(0)
    calls = list[float]()

    def costs(qpos, unknowns):
        x = float(qpos[0, 0])
        calls.append(x)
        return [Block("x", np.array([[(x - 1.0) * (2.0 if x > 1.0 else 1.0)]]), np.zeros((1, 1, 1, 0)))]

    step = np.zeros((1, model.nv))
    step[0, 0] = 1.0
    share, found = search_line(costs, space, (qpos, nothing), (step, nothing), 0.5, 0.5)
    assert share == 1.0 and found == {"x": 0.0} and calls == [1.0]
    step[0, 0] = 3.0  # the slope at the start is -1, so that half of its gain over the way, 1.5, was foreseen
    share, found = search_line(costs, space, (qpos, nothing), (step, nothing), 0.5, 1.5)
    np.testing.assert_allclose(share, 1.5 / (2.0 * 1.5 + 7.5))  # of 0.5 - 3 s + (7.5 + 3) s^2
    assert found["x"] < 0.5 and len(calls) == 3


def test_terms_without_derivatives_cost_the_same():
    motion = standing(12)
    problem = Problem(CHARACTER, motion.fps, FitSigmas(), target=motion.qpos, view_known=True)
    qpos, view = motion.qpos + 0.0, View(0.0, 0.0, 0.0, 0.0)
    qpos[:, 2] -= 0.02 + 0.01 * np.sin(np.arange(12))
    problem = problem.with_support(problem.find_support(qpos, view), physics=True)
    whole, alone = (sum_costs(problem.residuals(qpos, view.vector(), derivatives=which)) for which in (True, False))
    assert whole == alone and whole["penetration"] > 0.0


def test_a_start_without_any_cost_is_the_solution():
    model = load_character("humanoid").model
    space, frames = TangentSpace.of(model), 3
    qpos, nothing = np.tile(np.array(model.qpos0), (frames, 1)), np.zeros(0)

    def residuals(qpos, unknowns):
        return [Block("none", np.zeros((frames, 1)), np.zeros((frames, 1, 1, model.nv)))]

    found = minimise(residuals, space, qpos, nothing, np.zeros(0, dtype=bool), iterations=30)
    np.testing.assert_array_equal(found.qpos, qpos)
    assert found.message == "no step lowers the cost" and found.cost == {"none": 0.0}
