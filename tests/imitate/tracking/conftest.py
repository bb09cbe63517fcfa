"""What tests of tracking control share: the humanoid, and a short motion of its."""

import mujoco
import numpy as np
import pytest

from imitate.scene.scene import CONTROL_HZ
from reconstruct.characters.character import Character, load_character
from reconstruct.motion import ReferenceMotion
from reconstruct.rotations import from_rotvec


@pytest.fixture(scope="module")
def character() -> Character:
    return load_character("humanoid")


@pytest.fixture(scope="module")
def squat(character: Character) -> ReferenceMotion:
    """20 frames: the knees bend by .5 rad, the soles stay where they are, the right arm goes up sideways."""
    model = character.model
    bend = 0.5 * np.sin(np.pi * np.arange(20) / 38.0) ** 2
    qpos = np.repeat(model.qpos0[None], 20, axis=0)
    for side in ("left", "right"):
        qpos[:, model.joint(f"{side}_knee").qposadr[0]] = bend
        for joint in ("hip", "ankle"):
            start = model.joint(f"{side}_{joint}").qposadr[0]
            qpos[:, start : start + 4] = from_rotvec(np.outer(-0.5 * bend, [0.0, 1.0, 0.0]))
    start = model.joint("right_shoulder").qposadr[0]
    qpos[:, start : start + 4] = from_rotvec(np.outer(-2.0 * bend, [1.0, 0.0, 0.0]))
    data = mujoco.MjData(model)
    for pose in qpos:
        data.qpos[:] = pose
        mujoco.mj_kinematics(model, data)
        pose[2] -= data.site("left_heel").xpos[2]
    return ReferenceMotion(
        qpos=qpos,
        fps=float(CONTROL_HZ),
        character=character.name,
        height=character.height,
        joint_names=character.joint_names,
        contacts=np.ones((20, 2), dtype=bool),
        contact_names=("left_foot", "right_foot"),
        loop=False,
    )
