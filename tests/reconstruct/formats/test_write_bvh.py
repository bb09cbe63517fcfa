"""BVH as another program reads it (bvhio): joints at the places where MuJoCo has them, for bodies of every kind."""

import bvhio
import mujoco
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from reconstruct.characters.character import load_character
from reconstruct.formats.bvh import read_bvh
from reconstruct.formats.write_bvh import euler_zxy_degrees, write_bvh
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.motion import ReferenceMotion
from reconstruct.retargeting.retargeting import retarget
from reconstruct.solver.tangent import TangentSpace
from sfv.demo.motions import load_demo_motion


@pytest.mark.parametrize("name", ["humanoid", "child", "heavy", "atlas"])
def test_bvh_shows_the_same_motion(tmp_path, name):
    rng = np.random.default_rng(0)
    character = load_character(name)
    model = character.model
    qpos = np.tile(np.array(model.qpos0), (12, 1))
    step = 0.5 * rng.normal(size=(12, model.nv))
    step[:, 3:6] = np.arange(12)[:, None] * np.array([0.1, 0.9, 0.0])  # through full turns
    qpos = TangentSpace.of(model).integrate(qpos, step)
    motion = ReferenceMotion(
        qpos, 30.0, name, character.height, character.joint_names, np.zeros((12, 1), dtype=bool), ("foot",)
    )
    path = tmp_path / "motion.bvh"
    write_bvh(motion, character, path)

    assert bvhio.readAsBvh(str(path)).FrameTime == pytest.approx(1 / 30, abs=1e-6)
    tree = bvhio.readAsHierarchy(str(path))
    joints = [joint for joint, _, _ in tree.layout()]
    bodies = [model.body(body).name for body in range(1, model.nbody)]
    assert {joint.Name for joint in joints} >= set(bodies)
    data = mujoco.MjData(model)
    for t, pose in enumerate(qpos):
        data.qpos[:] = pose
        mujoco.mj_kinematics(model, data)
        tree.loadPose(t)
        # The file's z, x, y are our x forward, y left, z up.
        places = {joint.Name: np.array(joint.PositionWorld)[[2, 0, 1]] / 100.0 for joint in joints}
        for body in bodies:
            np.testing.assert_allclose(places[body], data.body(body).xpos, atol=1e-4)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["humanoid", "atlas"])
def test_what_is_written_is_read_back(tmp_path, name):
    """Our reader finds every body where it was, to the six digits of the file."""
    character = load_character(name)
    motion = load_demo_motion("walk", load_character("humanoid"))
    if name != "humanoid":
        motion = retarget(motion, load_character("humanoid"), character).motion
    write_bvh(motion, character, tmp_path / "a.bvh")
    skeleton = read_bvh(tmp_path / "a.bvh")
    assert skeleton.fps == pytest.approx(motion.fps, rel=1e-6)
    bodies = list(range(1, character.model.nbody))
    columns = [skeleton.names.index(character.model.body(b).name) for b in bodies]
    origins = BodyPoints(np.array(bodies), np.zeros((len(bodies), 3)), np.zeros(len(bodies)))
    true = point_positions(character.model, motion.qpos, origins)
    np.testing.assert_allclose(skeleton.positions[:, columns][..., [2, 0, 1]] / 100.0, true, atol=1e-5)


def test_euler_angles_give_the_rotation_back():
    turn = Rotation.random(50, rng=np.random.default_rng(0))
    angles = euler_zxy_degrees(turn.as_matrix())
    again = Rotation.from_euler("ZXY", angles, degrees=True)
    np.testing.assert_allclose((turn.inv() * again).magnitude(), 0.0, atol=1e-7)
    assert np.abs(np.diff(angles, axis=0)).max() <= 180.0 + 1e-9  # unwrapped in time
