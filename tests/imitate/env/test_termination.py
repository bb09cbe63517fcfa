"""When an episode ends: heights of geoms against those of their corners, falls, and bodies that are far off."""

import mujoco
import numpy as np
import pytest

from imitate.env.termination import GeomShapes, has_fallen, has_lost_track, solid_bodies
from imitate.scene.ground import Ground

MODEL = mujoco.MjModel.from_xml_string("""
<mujoco>
  <worldbody>
    <body name="bone" pos="0 0 2">
      <freejoint/>
      <geom type="capsule" size="0.1 0.4"/>
      <geom type="box" size="0.2 0.3 0.1" pos="0.5 0 0" quat="0.9239 0.3827 0 0"/>
      <body name="ball" pos="0 1 0"><geom type="sphere" size="0.25"/></body>
      <body name="ghost" pos="0 0 -5"><geom type="sphere" size="1" contype="0" conaffinity="0"/></body>
    </body>
  </worldbody>
</mujoco>
""")
BODIES = ("bone", "ball")
RNG = np.random.default_rng(0)


def place(count: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Geoms of the body turned at random, positions (N, ngeom, 3) and rotations (N, ngeom, 3, 3)."""
    data, pos, mat = mujoco.MjData(MODEL), [], []
    for _ in range(count):
        quat = RNG.normal(size=4)
        data.qpos[:] = [0.3, -0.2, 2.0, *(quat / np.linalg.norm(quat))]
        mujoco.mj_kinematics(MODEL, data)
        pos.append(data.geom_xpos.copy())
        mat.append(data.geom_xmat.reshape(-1, 3, 3).copy())
    return np.array(pos), np.array(mat)


def support(pos: np.ndarray, mat: np.ndarray, geom: int, direction: np.ndarray) -> float:
    """Furthest point of a geom in a direction, from its shape."""
    size, middle = MODEL.geom_size[geom], float(pos[geom] @ direction)
    local = mat[geom].T @ direction
    if MODEL.geom_type[geom] == mujoco.mjtGeom.mjGEOM_SPHERE:
        return middle + size[0]
    if MODEL.geom_type[geom] == mujoco.mjtGeom.mjGEOM_CAPSULE:
        return middle + size[1] * abs(local[2]) + size[0]
    return middle + float(size @ np.abs(local))


def test_lowest_and_furthest_points_are_those_of_the_shapes():
    shapes = GeomShapes.of(MODEL, BODIES)
    pos, mat = place(20)
    down, ahead = np.array([0.0, 0.0, -1.0]), np.array([0.6, 0.8, 0.0])
    for n in range(20):
        depths = [-support(pos[n], mat[n], geom, down) for geom in range(3)]
        np.testing.assert_allclose(shapes.lowest(pos, mat)[n], [min(depths[:2]), depths[2]], atol=1e-9)
        furthest = max(support(pos[n], mat[n], geom, ahead) for geom in range(3))
        assert shapes.furthest(ahead, pos, mat)[n] == pytest.approx(furthest)


def test_clearance_of_a_ball_over_a_slope_is_the_distance_to_its_plane():
    incline = np.radians(20.0)
    slope = Ground(incline=incline)
    pos, mat = place(5)
    found = GeomShapes.of(MODEL, ("ball",)).clearance(slope, pos, mat)[:, 0]
    normal = np.array([-np.sin(incline), 0.0, np.cos(incline)])
    np.testing.assert_allclose(found, pos[:, 2] @ normal - 0.25, atol=1e-9)
    level = GeomShapes.of(MODEL, BODIES)
    np.testing.assert_allclose(level.clearance(Ground(), pos, mat), level.lowest(pos, mat))


def test_no_bodies_nothing_to_watch():
    pos, mat = place(3)
    assert GeomShapes.of(MODEL, ()).lowest(pos, mat).shape == (3, 0)
    assert not has_fallen(np.zeros((3, 0)), np.zeros((3, 0), dtype=bool)).any()


def test_a_body_that_touches_nothing_cannot_fall():
    assert solid_bodies(MODEL) == BODIES
    with pytest.raises(ValueError, match="fall body ghost has no colliding geom"):
        GeomShapes.of(MODEL, ("ghost",))


def test_a_fall_is_what_the_reference_does_not_do():
    lowest = np.array([[0.1, 0.2], [0.1, -0.01], [0.1, -0.01], [0.0, 0.2]])
    may = np.array([[False, False], [False, False], [False, True], [False, False]])
    np.testing.assert_array_equal(has_fallen(lowest, may), [False, True, False, False])


def test_track_is_lost_when_any_part_is_too_far():
    reference = np.zeros((3, 2, 3))
    bodies = reference.copy()
    bodies[1, 1] = [0.3, 0.4, 0.0]
    bodies[2, 0, 2] = 0.51
    np.testing.assert_array_equal(has_lost_track(bodies, reference, 0.5), [False, False, True])
    np.testing.assert_array_equal(has_lost_track(bodies, reference, 0.499), [False, True, True])
