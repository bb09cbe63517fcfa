"""Observations: sizes, MuJoCo's velocities at body origins, and nothing that depends on place or heading."""

import mujoco
import numpy as np
import pytest

from imitate.env.observation import BOX_NUMBERS, LIMIT, ObservationLayout, body_velocities, observe, observe_box
from reconstruct.rotations import from_rotvec, multiply, rotate
from tests.samples import CHARACTER

MODEL = CHARACTER.model
RNG = np.random.default_rng(0)


def moving(turn: float = 0.0, shift: tuple[float, float] = (0.0, 0.0)) -> mujoco.MjData:
    """A body in a pose of its own that moves, as a whole turned about the vertical and set elsewhere."""
    rng, data = np.random.default_rng(7), mujoco.MjData(MODEL)
    mujoco.mj_integratePos(MODEL, data.qpos, 0.3 * rng.normal(size=MODEL.nv), 1.0)
    data.qvel[:] = rng.normal(size=MODEL.nv)
    about = from_rotvec(np.array([0.0, 0.0, turn]))
    data.qpos[:3] = rotate(about, data.qpos[:3]) + [*shift, 0.0]
    data.qpos[3:7] = multiply(about, data.qpos[3:7])
    data.qvel[:3] = rotate(about, data.qvel[:3])  # angular velocity is in the root's own axes
    mujoco.mj_fwdPosition(MODEL, data)
    mujoco.mj_fwdVelocity(MODEL, data)
    return data


def look(data: mujoco.MjData, heading: float, phase: float = 0.25) -> np.ndarray:
    about = from_rotvec(np.array([0.0, 0.0, heading]))
    offset = np.linspace(-1.0, 1.0, MODEL.nv)
    offset[:3] = rotate(about, offset[:3])
    return observe(
        np.array([phase]), np.array([heading]), data.xpos[None, 1:], data.xmat[None, 1:].reshape(1, -1, 3, 3),
        data.cvel[None, 1:], data.subtree_com[None, 1], offset[None],
    )[0]  # fmt: skip


def test_velocities_are_those_of_mujoco_at_each_bodys_origin():
    data, expected = moving(), np.zeros((MODEL.nbody - 1, 6))
    for body in range(1, MODEL.nbody):
        mujoco.mj_objectVelocity(MODEL, data, mujoco.mjtObj.mjOBJ_XBODY, body, expected[body - 1], 0)
    linear, angular = body_velocities(data.cvel[None, 1:], data.xpos[None, 1:], data.subtree_com[None, 1])
    np.testing.assert_allclose(linear[0], expected[:, 3:], atol=1e-9)
    np.testing.assert_allclose(angular[0], expected[:, :3], atol=1e-9)


def test_nothing_depends_on_place_or_heading():
    np.testing.assert_allclose(look(moving(2.0, (5.0, -3.0)), 2.4), look(moving(), 0.4), atol=1e-5)


def test_the_parts_lie_where_the_layout_says():
    layout = ObservationLayout.of(MODEL.nbody - 1, MODEL.nv)
    data = moving()
    seen = look(data, 0.0)
    assert len(seen) == layout.size
    np.testing.assert_allclose(seen[:3], [0.25, 1.0, 0.0], atol=1e-6)  # the phase, its sine and cosine
    assert seen[layout.column("root_height")] == pytest.approx(data.xpos[1, 2])
    first = layout.column("positions")
    np.testing.assert_allclose(seen[first : first + 3], data.xpos[2] - data.xpos[1], atol=1e-6)
    first = layout.column("root_offset")
    np.testing.assert_allclose(seen[first : first + 3], np.linspace(-1.0, 1.0, MODEL.nv)[:3], atol=1e-6)
    np.testing.assert_allclose(seen[layout.column("pose_offset") :], np.linspace(-1.0, 1.0, MODEL.nv)[3:], atol=1e-6)


def test_ground_and_box_come_last_and_only_where_they_are():
    plain, both = ObservationLayout.of(5, 20), ObservationLayout.of(5, 20, ground=True, box=True)
    assert list(both.sizes)[:-2] == list(plain.sizes)
    assert both.column("ground") == plain.size and both.column("box") == both.size - BOX_NUMBERS


def test_numbers_that_explode_are_cut():
    data = moving()
    data.cvel[3] = 1e30
    assert np.abs(look(data, 0.0)).max() == LIMIT


def test_a_box_is_seen_alike_from_every_heading():
    """Ahead of the body by 1 m, spinning about the vertical, sliding to its left."""
    seen = []
    for heading in (0.0, 2.2):
        about = from_rotvec(np.array([0.0, 0.0, heading]))
        mat = np.zeros(9)
        mujoco.mju_quat2Mat(mat, about)
        root = np.array([3.0, 1.0, 0.9])
        pos = root + rotate(about, np.array([1.0, 0.0, -0.4]))
        velocity = np.concatenate([rotate(about, np.array([0.0, 0.5, 0.0])), [0.0, 0.0, 2.0]])
        seen.append(observe_box(np.array([heading]), root[None], pos[None], mat.reshape(1, 3, 3), velocity[None])[0])
    expected = [1, 0, -0.4, 1, 0, 0, 0, 1, 0, 0, 0.5, 0, 0, 0, 2]
    np.testing.assert_allclose(seen, [expected, expected], atol=1e-6)
