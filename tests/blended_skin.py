"""Where a body's joints and skin are by MuJoCo, for tests of what other programs show."""

import mujoco
import numpy as np

from reconstruct.characters.character import Character, fit_skin


def place_body(character: Character, qpos: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Origins of the bodies by name, (3,) each, and the skin's vertices by linear blending, (V, 3), world [m]."""
    model = character.spec().compile()
    fit_skin(model, character)
    data = mujoco.MjData(model)
    data.qpos[:] = qpos
    mujoco.mj_kinematics(model, data)
    joints = {model.body(b).name: np.array(data.xpos[b]) for b in range(1, model.nbody)}
    skin = np.zeros((model.nskinvert, 3))
    for bone in range(model.nskinbone):
        mine = slice(model.skin_bonevertadr[bone], model.skin_bonevertadr[bone] + model.skin_bonevertnum[bone])
        ids, body, bind = model.skin_bonevertid[mine], model.skin_bonebodyid[bone], np.zeros(9)
        mujoco.mju_quat2Mat(bind, model.skin_bonebindquat[bone].astype(float))
        offset = (model.skin_vert[ids] - model.skin_bonebindpos[bone]) @ bind.reshape(3, 3)
        placed = offset @ data.xmat[body].reshape(3, 3).T + data.xpos[body]
        skin[ids] += model.skin_bonevertweight[mine][:, None] * placed
    return joints, skin
