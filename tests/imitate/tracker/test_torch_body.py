"""The body's kinematics in torch against MuJoCo's, and the tracker's observation against numpy's."""

import mujoco
import numpy as np
import pytest
import torch

from imitate.env.env import EnvConfig
from imitate.tracker.env import TrackerEnv
from imitate.tracker.torch_body import TorchBody
from imitate.tracker.torch_reference import TorchReference
from reconstruct.characters.character import load_character
from sfv.library import library_skills

# Two hinges that do not meet the body's origin, a ball behind them, a body without a joint.
CROOKED = """<mujoco><worldbody><body pos="0 0 1"><freejoint/><geom size=".1"/>
  <body pos=".1 .2 .3" quat=".8 .6 0 0"><joint axis="0 1 1" pos=".1 0 .05"/><joint axis="1 0 0" pos="0 .2 0"/>
    <geom size=".1"/>
    <body pos="0 .1 .4" quat=".6 0 .8 0"><geom size=".1"/>
      <body pos=".3 0 0"><joint type="ball" pos="0 0 .1"/><geom size=".1"/></body></body></body>
  <body pos="-.2 0 0"><joint type="ball"/><geom size=".1"/></body>
</body></worldbody></mujoco>"""


def make_states(model: mujoco.MjModel, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Random poses (N, nq), velocities (N, nv) and tangent steps (N, nv)."""
    rng = np.random.default_rng(0)
    qpos = np.repeat(model.qpos0[None], count, axis=0)
    for pose in qpos:
        mujoco.mj_integratePos(model, pose, rng.standard_normal(model.nv), 1.0)
    return qpos, rng.standard_normal((count, model.nv)), 0.8 * rng.standard_normal((count, model.nv))


@pytest.mark.parametrize("model", [mujoco.MjModel.from_xml_string(CROOKED), load_character("humanoid").model])
def test_bodies_are_where_mujoco_has_them_and_move_so(model: mujoco.MjModel):
    qpos, qvel, _ = make_states(model, 5)
    placed = TorchBody(model, torch.float64).place(torch.tensor(qpos), torch.tensor(qvel))
    data, velocity = mujoco.MjData(model), np.zeros(6)
    for k in range(len(qpos)):
        data.qpos[:], data.qvel[:] = qpos[k], qvel[k]
        mujoco.mj_forward(model, data)
        for body in range(1, model.nbody):
            mujoco.mj_objectVelocity(model, data, mujoco.mjtObj.mjOBJ_XBODY, body, velocity, 0)
            found = [each[k, body - 1].numpy() for each in (placed.xpos, placed.xmat, placed.angular, placed.linear)]
            wanted = data.xpos[body], data.xmat[body].reshape(3, 3), velocity[:3], velocity[3:]
            for one, other in zip(found, wanted, strict=True):
                assert one == pytest.approx(other, abs=1e-6)


def test_steps_on_the_tangent_space_are_mujocos():
    model = load_character("humanoid").model
    qpos, _, steps = make_states(model, 5)
    steps[0] = 0.0
    body, wanted, back = TorchBody(model, torch.float64), qpos.copy(), np.zeros_like(steps)
    for k in range(len(qpos)):
        mujoco.mj_integratePos(model, wanted[k], steps[k], 1.0)
        mujoco.mj_differentiatePos(model, back[k], 1.0, qpos[k], wanted[k])
    assert body.integrate(torch.tensor(qpos), torch.tensor(steps)).numpy() == pytest.approx(wanted, abs=1e-6)
    found = body.difference(torch.tensor(qpos), torch.tensor(wanted)).numpy()
    assert found == pytest.approx(back, abs=1e-6) and found[0] == pytest.approx(0.0, abs=1e-6)


def test_observation_and_servo_targets_are_the_environments():
    skill, count = min(library_skills(), key=lambda skill: skill.note["seconds"]), 32
    env, rng = TrackerEnv.of_tasks([skill.task] * 2, EnvConfig(), count), np.random.default_rng(0)
    frames, nv = rng.integers(0, len(env.reference) - 1, count), env.body.nv
    env.start(frames, None, rng, 0.2 * rng.standard_normal((count, nv)), rng.standard_normal((count, nv)))
    body = TorchBody(env.body)
    reference = TorchReference(env, body)
    qpos, qvel = (torch.tensor(each, dtype=torch.float32) for each in (env.qpos, env.qvel))
    found = reference.observe(qpos, qvel, body.place(qpos, qvel), torch.from_numpy(frames))
    np.testing.assert_allclose(found.numpy(), env.observe(), atol=1e-4)
    action = rng.standard_normal((count, env.action_size))
    drive = reference.drive(qpos, torch.from_numpy(frames), torch.tensor(action, dtype=torch.float32)).numpy()
    here = env.joints.rotation_vectors(env.qpos)[:, env.joints.actuator_dof]
    np.testing.assert_allclose(drive, env.targets(action) - here, atol=1e-5)
