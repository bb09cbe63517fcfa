"""`examples/run_onnx.py` knows of this project only what the export says, and sees, moves and falls alike."""

import json
import runpy
from pathlib import Path

import mujoco
import numpy as np
import onnxruntime
import pytest

from imitate.env.env import EnvConfig, ImitationEnv
from imitate.export_onnx import write_onnx
from sfv.skill import skills_named

SCRIPT = Path(__file__).parents[2] / "examples" / "run_onnx.py"


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Atlas's walk, a body of hinges whose model is at hand: its skill, the files, and the script's names."""
    skill = next(skill for skill in skills_named("walk") if skill.body == "atlas")
    path = tmp_path_factory.mktemp("onnx") / "policy.onnx"
    write_onnx(skill.plain_policy, skill.task, path)
    return skill, path, json.loads(path.with_suffix(".json").read_text()), runpy.run_path(str(SCRIPT))


def test_the_script_observes_what_the_environment_does(exported):
    skill, _, words, script = exported
    env = ImitationEnv(skill.task, EnvConfig(episode_seconds=4.0), 1)
    robot, reference = script["Robot"](skill.character.path, words), script["Reference"](words["reference"])
    rng = np.random.default_rng(0)
    for frame in (0, 40, 100):  # the last ones lie in later cycles
        speeds = 0.5 * rng.standard_normal((1, env.body.nv))
        env.start(np.array([frame]), offset=0.05 * rng.standard_normal((1, env.body.nv)), speed_offset=speeds)
        assert np.abs(reference.pose(frame / 30.0) - env.reference.qpos[frame]).max() < 1e-4
        data = mujoco.MjData(robot.model)
        robot.place(data, env.qpos[0], env.qvel[0])
        seen = robot.measure(data, rng, noise=0.0)
        observation = script["observe"](robot, seen, reference, frame / 30.0, 1 / 30.0)
        np.testing.assert_allclose(observation, env.observe(), atol=2e-4)


def test_the_robots_own_zero_and_axes_are_led_back(exported, tmp_path):
    """The same body with another zero, facing elsewhere, is seen as the same."""
    skill, _, words, script = exported
    spec = mujoco.MjSpec.from_file(str(skill.character.path))
    knee = next(joint for joint in spec.joints if joint.name == words["reference"]["joints"][9])
    knee.ref = 0.3  # its angle reads .3 where it used to read 0
    changed = tmp_path / "changed.xml"
    changed.write_text(spec.to_xml(), encoding="utf-8")
    other = json.loads(json.dumps(words))
    other["body"]["zero_rad"] = {knee.name: 0.3}
    pose, velocity = skill.reference.qpos[10], np.zeros(skill.character.model.nv)
    observations = []
    for path, known in ((skill.character.path, words), (changed, other)):
        robot, reference = script["Robot"](path, known), script["Reference"](known["reference"])
        data = mujoco.MjData(robot.model)
        robot.place(data, pose, velocity)
        seen = robot.measure(data, np.random.default_rng(0), 0.0)
        observations.append(script["observe"](robot, seen, reference, 0.2, 1 / 30.0))
    np.testing.assert_allclose(observations[1], observations[0], atol=1e-5)


def test_a_forecast_says_where_the_robot_will_be(exported):
    """With exact masses, the state ahead is the one that comes, with the targets that change on the way."""
    skill, _, words, script = exported
    robot = script["Robot"](skill.character.path, words)
    data = mujoco.MjData(robot.model)
    robot.place(data, skill.reference.qpos[0], np.zeros(robot.model.nv))
    forecast = script["Forecast"](robot, np.random.default_rng(0))
    assert 0.0 < np.abs(forecast.model.body_mass[1:] / robot.model.body_mass[1:] - 1.0).max() <= 0.1
    first, second = np.zeros(robot.model.nu), np.full(robot.model.nu, 0.2)
    about = forecast.look_ahead(data, first, [(5.016, second)], 5.0, 17 / 500)
    forecast.model.body_mass[:], forecast.model.body_inertia[:] = robot.model.body_mass, robot.model.body_inertia
    mujoco.mj_setConst(forecast.model, mujoco.MjData(forecast.model))
    ahead = forecast.look_ahead(data, first, [(5.016, second)], 5.0, 17 / 500)
    for tick in range(17):
        data.ctrl[:] = first if tick < 8 else second
        mujoco.mj_step(robot.model, data)
    np.testing.assert_allclose(ahead.qpos, data.qpos, atol=1e-9)
    assert 1e-6 < np.abs(about.qpos - data.qpos).max() < 0.02


def test_parts_that_one_or_two_hinges_join_do_not_collide(exported):
    skill, _, words, script = exported
    model = script["Robot"](skill.character.path, words).model
    foot, thigh, shin = (model.body(name).id for name in ("l_foot", "l_uleg", "l_lleg"))
    between = script["hinges_between"]
    assert between(model, thigh, shin) == between(model, shin, thigh) == 1
    assert between(model, thigh, foot) > 1
    excluded = {(int(pair) >> 16, int(pair) & 0xFFFF) for pair in model.exclude_signature}
    near = {(a, b) for a in range(1, model.nbody) for b in range(a + 1, model.nbody) if between(model, a, b) <= 2}
    assert near <= {tuple(sorted(pair)) for pair in excluded}


def test_the_walk_goes_on_at_500_hz_with_noise_and_delay_and_a_robot_without_torque_falls(exported):
    skill, path, words, script = exported
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    robot = script["Robot"](skill.character.path, words)
    done, states = script["perform"](robot, session, words, 1.5, np.random.default_rng(0))
    assert done and states[-1, 0] - states[0, 0] > 0.5
    robot.model.actuator_forcerange[:] = 0.0
    done, states = script["perform"](robot, session, words, 1.5, np.random.default_rng(0), noise=0.0, delay=0.0)
    assert not done and len(states) < 70


def test_what_it_cannot_perform_is_one_line(exported):
    _, path, words, script = exported
    check = script["check_parts"]
    check(path, words)
    with pytest.raises(SystemExit, match="takes 'adaptation'"):
        check(path, words | {"adaptation": {}})
    ground = {"parts": [*words["observation"]["parts"], {"name": "ground"}]}
    with pytest.raises(SystemExit, match="takes 'ground'"):
        check(path, words | {"observation": ground})
