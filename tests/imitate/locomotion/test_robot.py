import mujoco
import numpy as np
import pytest

from imitate.locomotion import robot
from pose.errors import InputError
from tests.samples import flat_terrain


def test_go1_stands_as_it_should(go1):
    model = robot.build_go1(flat_terrain())
    assert [model.actuator(i).name for i in range(model.nu)] == list(robot.JOINTS)
    assert model.body_mass.sum() == pytest.approx(12.74, abs=0.01)
    assert model.nmesh == 0 and (go1.parent / "LICENSE").is_file()
    data = mujoco.MjData(model)
    data.qpos[2], data.qpos[7:], data.ctrl[:] = robot.STAND_HEIGHT, robot.STAND, robot.STAND
    for _ in range(1200):
        mujoco.mj_step(model, data)
    assert abs(data.qpos[2] - robot.STAND_HEIGHT) < 0.03 and np.abs(data.qvel).max() < 0.02
    # In equilibrium the four foot sensors carry the weight.
    assert data.sensordata[:4].sum() == pytest.approx(model.body_mass.sum() * 9.81, rel=1e-3)


def test_motors_have_limits(go1):
    model = robot.build_go1(flat_terrain())
    data = mujoco.MjData(model)
    data.qpos[2], data.ctrl[:] = 2.0, robot.STAND + 3.0
    mujoco.mj_forward(model, data)
    np.testing.assert_allclose(data.actuator_force, robot.TORQUE_LIMIT)


def test_no_model_without_a_network(tmp_path, monkeypatch):
    monkeypatch.setenv("SFV_CACHE", str(tmp_path))

    def fail(*_):
        raise robot.FetchError("no network")

    monkeypatch.setattr(robot, "download_wheel", fail)
    with pytest.raises(InputError, match="cannot be fetched: no network"):
        robot.fetch_go1()
    assert not list(tmp_path.rglob("*.xml"))
