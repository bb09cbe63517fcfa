"""BVH as other programs read it: joints at the places where MuJoCo has them."""

import mujoco
import numpy as np
from scipy.spatial.transform import Rotation

from reconstruct.character import load_character
from reconstruct.export import write_bvh
from reconstruct.motion import ReferenceMotion
from reconstruct.tangent import integrate, layout


def read_bvh(text):
    """A plain BVH reader: joint names, world positions (T, J, 3) in the file's axes and unit, seconds a frame."""
    hierarchy, motion = text.split("MOTION")
    joints, stack, last = [], [], None
    for line in hierarchy.splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] in ("ROOT", "JOINT"):
            last = {"name": words[1], "parent": stack[-1] if stack else None}
            joints.append(last)
        elif words[0] == "End":
            last = {"name": None}
        elif words[0] == "{":
            stack.append(last)
        elif words[0] == "}":
            stack.pop()
        elif words[0] == "OFFSET":
            stack[-1]["offset"] = np.array(words[1:], dtype=float)
        elif words[0] == "CHANNELS":
            stack[-1]["channels"] = words[2:]
    lines = motion.strip().splitlines()
    frames, seconds = int(lines[0].split()[1]), float(lines[1].split()[2])
    table = np.array([line.split() for line in lines[2:]], dtype=float)
    assert len(table) == frames
    positions = np.zeros((frames, len(joints), 3))
    rotations = [Rotation.identity()] * len(joints)
    column = 0
    for j, joint in enumerate(joints):
        offset, turn = np.tile(joint["offset"], (frames, 1)), Rotation.identity(frames)
        for channel in joint["channels"]:
            values = table[:, column]
            column += 1
            axis = "XYZ".index(channel[0])
            if channel.endswith("position"):
                offset[:, axis] += values
            else:
                turn = turn * Rotation.from_rotvec(np.radians(values)[:, None] * np.eye(3)[axis])
        if joint["parent"] is None:
            positions[:, j], rotations[j] = offset, turn
        else:
            parent = joints.index(joint["parent"])
            positions[:, j] = positions[:, parent] + rotations[parent].apply(offset)
            rotations[j] = rotations[parent] * turn
    return [joint["name"] for joint in joints], positions, seconds


def test_bvh_shows_the_same_motion(tmp_path):
    rng = np.random.default_rng(0)
    character = load_character("humanoid")
    model = character.model
    qpos = np.tile(np.array(model.qpos0), (12, 1))
    step = 0.5 * rng.normal(size=(12, model.nv))
    step[:, 3:6] = np.arange(12)[:, None] * np.array([0.1, 0.9, 0.0])  # through full turns
    qpos = integrate(layout(model), qpos, step)
    motion = ReferenceMotion(
        qpos, 30.0, "humanoid", character.height, character.joint_names, np.zeros((12, 1), dtype=bool), ("foot",)
    )
    write_bvh(motion, character, tmp_path / "motion.bvh")
    names, positions, seconds = read_bvh((tmp_path / "motion.bvh").read_text())

    assert abs(seconds - 1 / 30) < 1e-6
    assert set(names) == {model.body(body).name for body in range(1, model.nbody)}
    data = mujoco.MjData(model)
    for t, pose in enumerate(qpos):
        data.qpos[:] = pose
        mujoco.mj_kinematics(model, data)
        expected = np.array([data.body(name).xpos for name in names])
        # The file's z, x, y are our x forward, y left, z up.
        np.testing.assert_allclose(positions[t][:, [2, 0, 1]] / 100.0, expected, atol=1e-3)
    assert list(tmp_path.iterdir()) == [tmp_path / "motion.bvh"]
